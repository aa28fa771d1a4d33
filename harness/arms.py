"""RUN, RUN:CANDIDATE -> the two arms of a comparison, read from disk.

A candidate is named by its label, its id, or a part of it that no other candidate of the run has. `oracle` and `nop`
are yardsticks, and no arms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness import course, store, tomlfile
from harness.aggregate import NO_LLM, display_names
from harness.alike import Arm
from harness.errors import ConfigError, ResultsError
from harness.store import Loaded
from harness.types import Settings, TrialRecord, digest_of

LIMITS = ("max_tokens", "max_turns", "max_seconds", "max_total_tokens", "max_cost_usd")


def load(results: Path, a: str, b: str | None) -> tuple[Arm, Arm]:
    """Read both arms. Without `b` they are the two candidates of run `a`: those that it was made to compare, else its
    only two, in the order of its eval file.

    Raises ResultsError for a run or candidate that is not there, or that is not the only one of its name.
    """
    if b is None:
        run, name = _run(results, a)
        if name:
            raise ResultsError(f"{a!r} is one arm; name the other one too, as RUN:CANDIDATE")
        loaded = store.load(run)
        if planned := course.read(run):
            return of(loaded, planned.a), of(loaded, planned.b)
        first, second = _both(loaded)
        return _arm(loaded, first), _arm(loaded, second)
    found = []
    for word in (a, b):
        run, name = _run(results, word)
        loaded = store.load(run)
        found.append(_arm(loaded, _named(loaded, name) if name else _only(loaded)))
    return found[0], found[1]


def of(loaded: Loaded, digest: str) -> Arm:
    """The arm of a candidate, by its digest. Raises ResultsError when the run has no such candidate."""
    found = next((row.candidate for row in loaded.planned if row.candidate_digest == digest), None)
    if found is None:
        raise ResultsError(f"run {loaded.run_id} has not the candidate {digest[:8]} that it compares. {_known(loaded)}")
    return _arm(loaded, found)


def folder_of(results: Path, word: str) -> Path | None:
    """The folder of the run that a word names, with or without a candidate; None when it names none."""
    try:
        return _run(results, word)[0]
    except ResultsError:
        return None


def families(path: Path | None, arms: Iterable[Arm]) -> dict[str, str]:
    """Read a TOML file of task families, `name = ["task", "pattern-*"]` -> task -> its family.

    Raises ConfigError for a file that says something else, or that puts a task into two families.
    """
    return families_of(path, {row.task for arm in arms for row in arm.planned})


def families_of(path: Path | None, ids: Iterable[str]) -> dict[str, str]:
    """The same for tasks that are not planned yet."""
    found: dict[str, str] = {}
    tasks = sorted(ids)
    for name, patterns in (tomlfile.read(path, ConfigError) if path else {}).items():
        if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
            raise ConfigError(f'{path}: {name}: must be a list of task ids or patterns, such as ["orders-*"]')
        for task in (task for task in tasks if any(fnmatchcase(task, pattern) for pattern in patterns)):
            if found.setdefault(task, name) != name:
                raise ConfigError(f"{path}: task {task} is in the families {found[task]} and {name}; leave one out")
    return found


# --- the candidate ---------------------------------------------------------------------------------------------------


def _run(results: Path, word: str) -> tuple[Path, str]:
    """The run's folder and the text behind its colon; a run may itself have a colon in its path."""
    ends = [place for place, letter in enumerate(word) if letter == ":"]
    for end in (len(word), *reversed(ends)):
        try:
            return store.find_run(results, word[:end]), word[end + 1 :]
        except ResultsError:
            continue
    return store.find_run(results, word[: ends[0]] if ends else word), ""


def _candidates(loaded: Loaded) -> list[str]:
    """Ids of the candidates that can be an arm, in the order of the eval file where it tells."""
    order = {digest: place for place, digest in enumerate(_specs(loaded))}
    rows = {row.candidate: row for row in loaded.planned if row.label not in NO_LLM}
    return sorted(rows, key=lambda candidate: order.get(rows[candidate].candidate_digest, len(order)))


def _with_llm(loaded: Loaded) -> list[str]:
    """Those in which an LLM does the work, as far as the records tell; all when none does."""
    without = {record.candidate for record in loaded.records if not record.is_llm}
    found = _candidates(loaded)
    return [candidate for candidate in found if candidate not in without] or found


def _both(loaded: Loaded) -> tuple[str, str]:
    found = _with_llm(loaded)
    if len(found) != 2:
        raise ResultsError(
            f"run {loaded.run_id} has {len(found)} candidates to compare, not two: name both arms as "
            f"{loaded.run_id}:CANDIDATE. {_known(loaded)}"
        )
    return found[0], found[1]


def _only(loaded: Loaded) -> str:
    found = _with_llm(loaded)
    if len(found) != 1:
        raise ResultsError(
            f"run {loaded.run_id} has {len(found)} candidates to compare: say which, as {loaded.run_id}:CANDIDATE. "
            f"{_known(loaded)}"
        )
    return found[0]


def _named(loaded: Loaded, name: str) -> str:
    labels = {row.candidate: row.label for row in loaded.planned}
    exact = [candidate for candidate, label in labels.items() if name in (candidate, label)]
    found = exact or [candidate for candidate in labels if name.casefold() in candidate.casefold()]
    arms = [candidate for candidate in found if labels[candidate] not in NO_LLM]
    if len(arms) == 1:
        return arms[0]
    if found and not arms:
        raise ResultsError(f"{labels[found[0]]} is a yardstick and no candidate: it is not compared. {_known(loaded)}")
    what = "several candidates" if arms else "no candidate"
    raise ResultsError(f"run {loaded.run_id} has {what} with {name!r} in the id. {_known(loaded)}")


def _known(loaded: Loaded) -> str:
    return f"Its candidates: {', '.join(_candidates(loaded)) or 'none'}"


# --- the arm ---------------------------------------------------------------------------------------------------------


def _arm(loaded: Loaded, candidate: str) -> Arm:
    rows = tuple(row for row in loaded.planned if row.candidate == candidate and not row.control)
    ids = {row.trial_id for row in rows}
    mine = [record for record in loaded.records if record.candidate == candidate]
    planned = {row.task for row in rows}
    digest = next(row.candidate_digest for row in loaded.planned if row.candidate == candidate)
    return Arm(
        run=loaded.run_id,
        folder=str(loaded.run_dir),
        candidate=candidate,
        digest=digest,
        name=display_names(loaded.planned)[candidate],
        planned=rows,
        records=tuple(record for record in mine if record.trial_id in ids),
        refused={task: why for task, why in loaded.refused.items() if task in planned},
        leaks=_leaks(loaded),
        runtime=loaded.config.get("runtime"),
        limits=_limits(loaded, digest, mine),
    )


def _leaks(loaded: Loaded) -> tuple[str, ...]:
    controls = {row.trial_id for row in loaded.planned if row.control}
    return tuple(r.trial_id for r in loaded.records if r.trial_id in controls and r.outcome == "passed")


def _limits(loaded: Loaded, digest: str, records: Sequence[TrialRecord]) -> Mapping[str, object] | None:
    """The limits among a candidate's settings; None when the run's configuration does not tell them."""
    found = _specs(loaded).get(digest)
    if found is None:  # secrets were taken out of its settings, so that the digest is another one
        scaffolds = {record.scaffold for record in records}
        alike = [_settings(spec) for spec in _written(loaded) if spec.get("scaffold", "tools") in scaffolds]
        found = alike[0] if alike and all(_bounds(one) == _bounds(alike[0]) for one in alike) else None
    return None if found is None else _bounds(found)


def _bounds(settings: Settings | None) -> dict[str, object] | None:
    return None if settings is None else {name: getattr(settings, name) for name in LIMITS}


def _specs(loaded: Loaded) -> dict[str, Settings]:
    """Candidate digest -> its settings, for the candidates of the eval file that can be told by their records."""
    made = {(r.prompt_digest, r.scaffold, r.model) for r in loaded.records}
    planned = {row.candidate_digest for row in loaded.planned}
    found: dict[str, Settings] = {}
    for settings in filter(None, map(_settings, _written(loaded))):
        digests = {digest_of([*identity, settings.model_dump()]) for identity in made}
        found |= dict.fromkeys(sorted(digests & planned), settings)
    return found


def _written(loaded: Loaded) -> list[dict[str, Any]]:
    written = loaded.config.get("candidates")
    return [spec for spec in written if isinstance(spec, dict)] if isinstance(written, list) else []


def _settings(spec: Mapping[str, Any]) -> Settings | None:
    try:
        return Settings.model_validate(spec.get("settings", {}))
    except ValidationError:
        return None
