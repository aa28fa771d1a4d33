"""`harness nightly FILE.toml`: a night's run, what it shows beside the nights before, and whether to wake somebody.

FILE is an eval file with one table more:

    [nightly]
    baseline = "backend-developer@v1.0"   # a candidate of this file that stays what it is; it runs along each night
    window = 7                            # nights that tonight is compared with
    margin = 0.05                         # the loss in pass rate that is tolerable; decides words, never the alarm
    alpha = 0.05                          # alarm at 1/alpha: by chance after 1/alpha nights on average, or later
    history = "nights"                    # what is kept of the nights; <results>/<name>.nights when left out
    webhook_env = "NIGHTLY_WEBHOOK"       # the variable that holds the address; or webhook = "https://…"
    webhook_on = "alarm"                  # alarm | trouble (whatever does not end with 0) | always

A night is the run <name>-<date>. Whatever is told follows from what is on disk, so a night that was killed and started
again tells the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from harness import config as configuration
from harness import nightbook, nights, store, tomlfile, webhook
from harness.config import BARE, CandidateSpec, RunConfig
from harness.errors import EXIT_NO, EXIT_OK, EXIT_RUN_ERRORS, ConfigError, HarnessError, ResultsError, UsageError
from harness.lock import Locked, held, of_a_run
from harness.nightbook import Book
from harness.nights import SCHEMA, Acknowledged, Judgement, Opening, Rules
from harness.reports import nightly_chart, nightly_md
from harness.run import RunResult, conclude, load_candidate
from harness.run import run as carry_out
from harness.types import Candidate, Frozen, digest_of

EXIT_INVALID = 7
EXIT_CODES = {"fine": EXIT_OK, "alarm": EXIT_NO, "incomplete": EXIT_RUN_ERRORS, "invalid": EXIT_INVALID}
LONGEST_NAME = 80  # with the date it must still be a run's name

Say = Callable[[str], None]


class Table(Frozen):
    """The [nightly] table."""

    baseline: str | None = Field(None, min_length=1)
    window: int = Field(7, ge=1, le=1000)
    margin: float = Field(0.05, ge=0, le=1, allow_inf_nan=False)
    alpha: float = Field(0.05, ge=1e-6, le=0.5, allow_inf_nan=False)
    history: str | None = Field(None, min_length=1)
    webhook: str | None = Field(None, min_length=1)
    webhook_env: str | None = Field(None, min_length=1)
    webhook_on: Literal["alarm", "trouble", "always"] = "alarm"


class NightlyConfig(RunConfig):
    """An eval file with its [nightly] table. `name` is the series'; each night's run has its date behind it."""

    nightly: Table = Field(default_factory=lambda: Table())  # type: ignore[call-arg]

    @property
    def book(self) -> Book:
        """Where the nights are."""
        results = Path(self.results)
        history = self.nightly.history
        return Book(self.name, results, Path(history) if history else results / f"{self.name}.nights")

    @property
    def rules(self) -> Rules:
        """What decides about a night."""
        return Rules(self.nightly.window, self.nightly.alpha, self.nightly.margin)


@dataclass(frozen=True)
class Told:
    """How a night ended."""

    line: str
    exit_code: int
    report: Path


# --- the file --------------------------------------------------------------------------------------------------------


def load(path: Path, options: Mapping[str, Any]) -> NightlyConfig:
    """Read an eval file with a [nightly] table; options that are not None replace its keys.

    Raises ConfigError with file, key and what is allowed. What a webhook's address is wrong in is told without it.
    """
    given = {key: value for key, value in options.items() if value is not None}
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.")
    defaults = {"name": stem[:60] or "nightly", "grading_slots": os.cpu_count() or 1}
    values = {**defaults, **tomlfile.read(path, ConfigError), **given}
    found = tomlfile.build(NightlyConfig, _unsecret(values, path), str(path), ConfigError)
    if len(found.name) > LONGEST_NAME:
        raise ConfigError(f"{path}: `name`: at most {LONGEST_NAME} characters, for the date comes behind it")
    _check_watched(found.candidates, path)
    return found


def _unsecret(values: dict[str, Any], path: Path) -> dict[str, Any]:
    """Refuse a webhook that is none before pydantic would quote it."""
    table = values.get("nightly", {})
    url = table.get("webhook") if isinstance(table, dict) else None
    if url is not None and (not isinstance(url, str) or webhook.problem(url)):
        raise ConfigError(f"{path}: `nightly.webhook`: {webhook.problem(str(url)) or 'must be a string'}")
    if url is not None and table.get("webhook_env") is not None:
        raise ConfigError(f"{path}: `nightly`: give webhook or webhook_env, not both")
    return values


def _check_watched(candidates: Sequence[CandidateSpec], path: Path) -> None:
    if all(one.scaffold in BARE for one in candidates):
        raise ConfigError(f"{path}: no candidate to watch: give [[candidates]] beside {' and '.join(BARE)}")


def baseline_of(config: NightlyConfig, path: Path) -> int | None:
    """The place of the baseline among the candidates: by its agent as written, or by a part that no other has."""
    word = config.nightly.baseline
    if word is None:
        return None
    whole = [" · ".join(filter(None, (one.agent, one.scaffold, one.model))) for one in config.candidates]
    agents = [one.agent for one in config.candidates]
    ways = ([a == word for a in agents], [w == word for w in whole], [word.casefold() in w.casefold() for w in whole])
    places = next((found for way in ways if (found := [place for place, hit in enumerate(way) if hit])), [])
    if len(places) != 1:
        what = f"fits {len(places)} candidates" if places else "is no candidate of this file"
        hint = tomlfile.nearest(word, [agent for agent in agents if agent])
        raise ConfigError(f"{path}: `nightly.baseline`: {word!r} {what}{hint}; candidates: {'; '.join(whole)}")
    others = [one for place, one in enumerate(config.candidates) if place != places[0] and one.scaffold not in BARE]
    if config.candidates[places[0]].scaffold in BARE or not others:
        raise ConfigError(f"{path}: `nightly.baseline`: must stand beside a candidate that is compared with it")
    return places[0]


# --- the night -------------------------------------------------------------------------------------------------------


def planned(config: NightlyConfig, day: str, path: Path) -> tuple[RunConfig, Opening]:
    """The run of a night, and what it sets out to do. A candidate that is the baseline itself is not run twice.

    Raises ConfigError and AgentError for candidates that cannot be loaded.
    """
    place = baseline_of(config, path)
    specs = [_with_path(one, config.agents_dir) for one in config.candidates]
    loaded = [load_candidate(spec) for spec in specs]
    base = None if place is None else loaded[place]
    twins = {n for n, one in enumerate(loaded) if base and n != place and one.digest == base.digest}
    kept = [(spec, one) for n, (spec, one) in enumerate(zip(specs, loaded, strict=True)) if n not in twins]
    values = {**config.model_dump(exclude={"nightly"}), "name": f"{config.name}-{day}"}
    run = RunConfig.model_validate({**values, "candidates": tuple(spec for spec, _ in kept)})
    opening = Opening(
        schema=SCHEMA,
        name=config.name,
        date=day,
        run=run.name,
        slots={one.id: _slot(spec, one) for spec, one in kept if one.scaffold not in BARE},
        baseline=base.id if base else None,
        twins=tuple(loaded[n].label for n in sorted(twins)),
    )
    return _on_its_sandbox(run), opening


def _with_path(spec: CandidateSpec, agents_dir: str) -> CandidateSpec:
    if spec.agent is None:
        return spec
    return spec.model_copy(update={"agent": configuration.agent_path(spec.agent, agents_dir)})


def _slot(spec: CandidateSpec, candidate: Candidate) -> str:
    """What stays of a candidate when its prompt is edited."""
    return digest_of([spec.agent, candidate.scaffold, candidate.model, candidate.settings.model_dump()])[:16]


def _on_its_sandbox(run: RunConfig) -> RunConfig:
    """A night that has begun goes on where it began, whatever `auto` would choose now."""
    if run.sandbox != "auto" or not (run.folder / store.CONFIG).exists():
        return run
    return run.model_copy(update={"sandbox": store.config(run.folder).get("sandbox", "auto")})


def night(path: Path, config: NightlyConfig, day: str, say: Say) -> Told:
    """Carry out a night, or what is missing of it, and tell how it went: report, history, webhook.

    Raises Locked while another night of this nightly, or a resume of this very run, is under way; and as `harness run`
    does. The webhook changes nothing of that.
    """
    if _address(config) is None and config.nightly.webhook_env:
        say(f"webhook: the variable {config.nightly.webhook_env} is not set: nobody will be told")
    try:
        with held(config.book.lock, f"a night of {config.name}"):
            found, result = _carried_out(path, config, day, say)
            report = _write(found, result)
    except Locked:
        raise
    except KeyboardInterrupt:
        say("interrupted: what is finished is kept; the same command goes on from there")
        raise
    except HarnessError as error:
        _tell(config, "failed", error.exit_code, _failed(config, day, error), say)
        raise
    code = EXIT_CODES[found.status]
    _tell(config, found.status, code, nightly_md.message(found, code), say)
    return Told(nightly_md.line(found), code, report)


def _carried_out(path: Path, config: NightlyConfig, day: str, say: Say) -> tuple[Judgement, RunResult]:
    book = config.book
    with of_a_run(book.run(day)):
        result = _finished(book.run(day)) if nightbook.opened(book, day) else None
    if result is None:
        run, opening = planned(config, day, path)
        nightbook.begin(book, opening)
        with of_a_run(run.folder):
            result = carry_out(run, say)
    known = nightbook.nights(book, day, say)
    if not known or known[-1].date != day:
        raise ResultsError(f"{book.run(day)}: the night of {day} cannot be read back; what is wrong is told above")
    found = nights.judge(known, nightbook.seen(book), config.rules)
    # Also a yardstick or a negative control without a verdict leaves the night unfinished.
    unfinished = found.status == "fine" and result.exit_code != EXIT_OK
    return replace(found, status="incomplete") if unfinished else found, result


def _finished(folder: Path) -> RunResult | None:
    """A run in which nothing is left to do, with its report written again; else None.

    Neither a sandbox nor the candidates are needed for it: what they are now may be something else.
    """
    if not (folder / store.PLAN).exists():
        return None
    if RunResult(store.load(folder), folder).exit_code != EXIT_OK:
        return None
    return conclude(folder)


def _write(found: Judgement, result: RunResult) -> Path:
    folder = result.report.parent
    nightly_chart.write(found, folder)
    store.write_atomic(folder / "nightly.json", nightly_md.as_json(found).encode())
    store.write_atomic(folder / "nightly.md", nightly_md.markdown(found).encode())
    return folder / "nightly.md"


# --- dates -----------------------------------------------------------------------------------------------------------


def day_of(given: datetime | None) -> str:
    """The date of a night: today's, or one that is past. Raises UsageError for one to come."""
    today = date.today()
    day = given.date() if given else today
    if day > today:
        raise UsageError(f"--date {day}: that night is still to come; today is {today}")
    return day.isoformat()


# --- acknowledging ---------------------------------------------------------------------------------------------------


def acknowledge(config: NightlyConfig, why: str, bad_since: datetime | None, say: Say) -> str:
    """Write down that the alarm that stands was seen, and return that in a line.

    Raises UsageError when none stands, or when `bad_since` is after it; Locked while a night is under way.
    """
    book = config.book
    with held(book.lock, f"a night of {config.name}"):
        known = nightbook.nights(book, "9999-12-31", say)
        found = nights.judge(known, nightbook.seen(book), config.rules) if known else None
        if found is None or not found.alarms:
            last = f"; the last night is {known[-1].date}" if known else f": {book.history} has no night"
            raise UsageError(f"no alarm of {config.name} stands{last}")
        since = bad_since.date().isoformat() if bad_since else None
        if since and since > found.night.date:
            raise UsageError(f"--bad-since {since} is after the last night, {found.night.date}")
        if not why.strip():
            raise UsageError("--acknowledge: say why, in a few words")
        at = datetime.now(UTC).isoformat(timespec="seconds")
        slots = tuple(one.slot for one in found.alarms)
        one = Acknowledged(night=found.night.date, slots=slots, why=why.strip(), bad_since=since, at=at)
        nightbook.acknowledge(book, one)
    rest = f"the nights from {since} on are left out" if since else "the watch begins anew at this level"
    return f"acknowledged: the alarm of {config.name} up to {found.night.date}; {rest}"


# --- the webhook -----------------------------------------------------------------------------------------------------


def _address(config: NightlyConfig) -> str | None:
    table = config.nightly
    return table.webhook or (os.environ.get(table.webhook_env) if table.webhook_env else None) or None


def _tell(config: NightlyConfig, status: str, code: int, payload: Mapping[str, Any], say: Say) -> None:
    """POST the night where it is wanted; what comes of that is told and changes nothing."""
    url, on = _address(config), config.nightly.webhook_on
    wanted = on == "always" or (on == "trouble" and code != EXIT_OK) or status == "alarm"
    if url and wanted:
        say(webhook.post(url, payload))


def _failed(config: NightlyConfig, day: str, error: HarnessError) -> dict[str, Any]:
    return {
        "event": "harness.nightly", "text": f"nightly {config.name} {day}: failed: {error}",
        "exit_code": error.exit_code, "schema": nightly_md.SCHEMA, "name": config.name, "date": day,
        "run": f"{config.name}-{day}", "status": "failed",
    }  # fmt: skip
