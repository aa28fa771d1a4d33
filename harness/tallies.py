"""A run -> counts for each candidate at each task, read in one pass, and whether two runs are alike. Pure.

No list of records is kept: a leaderboard of a million trials needs the memory of its cells. What may be published is
chosen here, field by field, and texts lose the folders of the machine.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from harness.aggregate import BOUNDARIES, NO_LLM, signs
from harness.errors import ResultsError
from harness.store import Loaded, PlanRow
from harness.types import DIMENSIONS, Settings, TrialRecord, digest_of

LIMITS = ("max_tokens", "max_turns", "max_seconds", "max_total_tokens", "max_cost_usd")
IDENTITY = ("agent", "scaffold", "model")
LISTED = ("agent", "agent_revision", "prompt_digest", "harness", "git", "price_table")
# Folders of the machine in a name: a slash at its start, or after a slash, a space or the like, and what follows.
FOLDERS = re.compile(r"(?:(?<=[\s:=(,;@\"'/])|^)(?:/(?:[^/\s]+/)+|[A-Za-z]:\\(?:[^\\\s]+\\)+|~[^/\s]*/(?:[^/\s]+/)*)")


def public(text: str) -> str:
    """A name without folders of the machine: `openai-chat//home/ann/llama` is `openai-chat/…/llama`."""
    return FOLDERS.sub("…/", text)


# --- a run, reduced to counts ----------------------------------------------------------------------------------------


class Conditions(NamedTuple):
    """What a task was measured with, beside the candidate; empty sets where no trial tells."""

    isolation: frozenset[str]
    images: frozenset[tuple[str, str]]

    def with_(self, other: Conditions) -> Conditions:
        """Both together; the very same value where the other adds nothing."""
        if other.isolation <= self.isolation and other.images <= self.images:
            return self
        return Conditions(self.isolation | other.isolation, self.images | other.images)


UNMET = Conditions(frozenset(), frozenset())


@dataclass(slots=True)
class Cell:
    """One candidate at one task: sums over its trials. It grows while a run is read, and is left alone afterwards.

    `cost`, `tokens` and `seconds` are of graded trials; `spent` is of all, `unpriced` counts those without a price.
    `errors` counts by BOUNDARIES, `tests` the hidden tests passed by DIMENSIONS.
    """

    planned: int = 0
    passed: int = 0
    failed: int = 0
    not_run: int = 0
    unpriced: int = 0
    secure: int = 0
    secure_known: int = 0
    suspicious: int = 0
    searched: int = 0
    cost: float = 0.0
    spent: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    errors: tuple[int, ...] = (0,) * len(BOUNDARIES)
    tests: tuple[int, ...] = (0,) * len(DIMENSIONS)
    conditions: Conditions = UNMET

    @property
    def graded(self) -> int:
        """Trials with a verdict."""
        return self.passed + self.failed

    @property
    def runnable(self) -> int:
        """Planned trials that the sandbox can serve."""
        return self.planned - self.not_run

    def add(self, record: TrialRecord) -> None:
        """Count a trial."""
        self.spent += (record.cost_floor_usd or 0.0) if record.cost_usd is None else record.cost_usd
        self.unpriced += record.cost_usd is None
        if record.suspicious is not None:
            self.searched += 1
            self.suspicious += bool(signs(record))
        if record.outcome == "error":
            boundary = record.failure.boundary if record.failure else "grader"
            self.errors = plus(self.errors, tuple(name == boundary for name in BOUNDARIES))
        else:
            self._add_graded(record)

    def _add_graded(self, record: TrialRecord) -> None:
        self.passed += record.outcome == "passed"
        self.failed += record.outcome == "failed"
        self.cost += record.cost_usd or 0.0
        self.tokens += record.usage.total
        self.seconds += record.seconds
        if record.secure is not None:
            self.secure_known += 1
            self.secure += record.secure
        told = record.tally
        if told:
            self.tests = plus(self.tests, tuple(told[d].passed if d in told else 0 for d in DIMENSIONS))


def plus(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """Counts by the same names, added."""
    return tuple(a + b for a, b in zip(one, other, strict=True))


def pooled(cells: Sequence[Cell]) -> Cell:
    """The sums of several cells of one candidate."""
    if len(cells) == 1:
        return cells[0]
    total = Cell()
    for cell in cells:
        for name in SUMS:
            setattr(total, name, getattr(total, name) + getattr(cell, name))
        total.errors, total.tests = plus(total.errors, cell.errors), plus(total.tests, cell.tests)
        total.conditions = total.conditions.with_(cell.conditions)
    return total


SUMS = tuple(f.name for f in fields(Cell) if f.name not in ("errors", "tests", "conditions"))


@dataclass(frozen=True)
class Provenance:
    """Where figures come from: the distinct values among the trials, sorted."""

    agent: tuple[str, ...] = ()
    agent_revision: tuple[str, ...] = ()
    prompt_digest: tuple[str, ...] = ()
    harness: tuple[str, ...] = ()
    git: tuple[str, ...] = ()
    price_table: tuple[str, ...] = ()
    isolation: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    own_endpoint: bool = False
    seeds: int = 0
    seeded: int = 0
    first: str | None = None
    last: str | None = None

    def with_(self, other: Provenance) -> Provenance:
        """Both together."""
        joined: dict[str, Any] = {}
        for name, mine in vars(self).items():
            theirs = getattr(other, name)
            joined[name] = tuple(sorted({*mine, *theirs})) if isinstance(mine, tuple) else mine
        dates = [[d for d in pair if d] for pair in ((self.first, other.first), (self.last, other.last))]
        return Provenance(
            **{
                **joined,
                "own_endpoint": self.own_endpoint or other.own_endpoint,
                "seeds": self.seeds + other.seeds,
                "seeded": self.seeded + other.seeded,
                "first": min(dates[0], default=None),
                "last": max(dates[1], default=None),
            }
        )


@dataclass(frozen=True)
class Slice:
    """One candidate in one run. `settings` are None where the run's configuration does not tell them."""

    digest: str
    label: str
    agent: str | None
    scaffold: str | None
    model: str | None
    note: str
    cells: Mapping[str, Cell]
    seconds: array[float]
    settings: Mapping[str, Any] | None
    provenance: Provenance

    @property
    def limits(self) -> tuple[Any, ...] | None:
        """Its limits, in the order of LIMITS."""
        return None if self.settings is None else tuple(self.settings[name] for name in LIMITS)


@dataclass(frozen=True)
class RunTally:
    """A run, reduced to counts. `keys` tell its trials apart from those of other runs, to find copies.

    `tasks` are the digests of ordinary tasks; `expected` is how many hidden tests a task has in a dimension, the most
    that any trial tells; `control_trials` were graded at negative controls, `leaks` of them passed.
    """

    name: str
    first: str | None
    last: str | None
    runtime: str | None
    order_seed: int | None
    attempts: int | None
    tasks: Mapping[str, str]
    areas: Mapping[str, tuple[str, ...]]
    conditions: Mapping[str, Conditions]
    expected: Mapping[tuple[str, str], int]
    refused: tuple[str, ...]
    control_trials: int
    leaks: int
    slices: tuple[Slice, ...]
    keys: frozenset[int]
    trials: int

    @property
    def clean(self) -> bool:
        """Whether no negative control was passed."""
        return not self.leaks


@dataclass
class _Reading:
    """What is gathered of a candidate while its run is read."""

    label: str
    cells: dict[str, Cell] = field(default_factory=lambda: defaultdict(Cell))
    seconds: array[float] = field(default_factory=lambda: array("d"))
    values: dict[str, set[Any]] = field(default_factory=lambda: defaultdict(set))
    without_llm: set[str] = field(default_factory=set)
    first: str | None = None
    last: str | None = None


@dataclass
class _Trials:
    """What is gathered of all trials of a run while it is read. `known` holds each set of conditions once."""

    done: set[str] = field(default_factory=set)
    keys: set[int] = field(default_factory=set)
    expected: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    known: dict[Conditions, Conditions] = field(default_factory=dict)
    control_trials: int = 0
    leaks: int = 0


def tally(loaded: Loaded) -> RunTally:
    """Reduce a run to counts, in one pass over its plan and one over its records."""
    found: dict[str, _Reading] = {}
    controls = {row.trial_id for row in loaded.planned if row.control}
    ordinary = [row for row in loaded.planned if not row.control]
    for row in ordinary:
        if row.candidate_digest not in found:
            found[row.candidate_digest] = _Reading(public(row.label))
        found[row.candidate_digest].cells[row.task].planned += 1
    trials = _Trials()
    for record in loaded.records:
        trials.done.add(record.trial_id)
        trials.keys.add(hash((record.run_id, record.trial_id, record.started, record.seed)))
        if record.trial_id in controls:
            trials.control_trials += record.outcome != "error"
            trials.leaks += record.outcome == "passed"
        else:
            _read(found[record.candidate_digest], record, trials)
    for row in ordinary:
        if row.task in loaded.refused and row.trial_id not in trials.done:
            found[row.candidate_digest].cells[row.task].not_run += 1
    return _run_tally(loaded, ordinary, found, trials)


def _run_tally(loaded: Loaded, ordinary: Sequence[PlanRow], found: Mapping[str, _Reading], trials: _Trials) -> RunTally:
    slices = tuple(_slice(digest, one, loaded.config) for digest, one in sorted(found.items()))
    dates = [[d for s in slices if (d := getattr(s.provenance, end))] for end in ("first", "last")]
    tasks = {row.task: row.task_digest for row in ordinary}
    runtime = loaded.config.get("runtime")
    return RunTally(
        name=public(loaded.run_id),
        first=min(dates[0], default=None),
        last=max(dates[1], default=None),
        runtime=runtime if isinstance(runtime, str) else None,
        order_seed=_whole(loaded.config.get("seed")),
        attempts=_whole(loaded.config.get("attempts")),
        tasks=tasks,
        areas={row.task: row.areas for row in ordinary},
        conditions={task: _conditions(s.cells[task] for s in slices if task in s.cells) for task in tasks},
        expected=trials.expected,
        refused=tuple(sorted(set(loaded.refused) & tasks.keys())),
        control_trials=trials.control_trials,
        leaks=trials.leaks,
        slices=slices,
        keys=frozenset(trials.keys),
        trials=len(loaded.planned),
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _read(one: _Reading, record: TrialRecord, trials: _Trials) -> None:
    """Count a trial of an ordinary task."""
    cell, values = one.cells[record.task], one.values
    cell.add(record)
    for name in (*LISTED, "scaffold", "model"):
        value = getattr(record, name)
        if value:
            values[name].add(value)
    at = moment(record.started)
    if at:
        one.first, one.last = min(one.first or at, at), max(one.last or at, at)
    if record.base_url:
        values["own_endpoint"].add(True)
    if record.seed is not None:
        values["seeds"].add(record.seed)
    if not record.is_llm:
        one.without_llm.add(record.scaffold)
    if record.outcome != "error":
        one.seconds.append(record.seconds)
        both = cell.conditions.with_(_conditions_of(record))
        cell.conditions = trials.known.setdefault(both, both)
    for dimension, tests in record.tally.items():
        place = record.task, dimension
        trials.expected[place] = max(trials.expected[place], tests.total)


def _conditions_of(record: TrialRecord) -> Conditions:
    at = record.isolation
    where = frozenset([f"{at.sandbox} {at.level}, limits by {at.limits}"] if at else [])
    return Conditions(where, frozenset(record.images.items()))


def _slice(digest: str, one: _Reading, config: Mapping[str, Any]) -> Slice:
    values, note = one.values, ""
    if one.without_llm or one.label in NO_LLM:
        note = NO_LLM.get(min(one.without_llm, default=one.label), "scripted, no LLM")
    only = {name: public(min(values[name])) if values[name] else None for name in IDENTITY}
    return Slice(
        digest=digest,
        label=one.label,
        note=note,
        cells=dict(sorted(one.cells.items())),
        seconds=one.seconds,
        settings=_settings(digest, values, config),
        provenance=_provenance(one),
        **only,
    )


def _provenance(one: _Reading) -> Provenance:
    values = one.values
    met = _conditions(one.cells.values())
    return Provenance(
        **{name: tuple(sorted({public(str(value)) for value in values[name]})) for name in LISTED},
        isolation=tuple(sorted(map(public, met.isolation))),
        images=image_names(met),
        own_endpoint=bool(values["own_endpoint"]),
        seeds=len(values["seeds"]),
        seeded=sum(cell.graded for cell in one.cells.values()),
        first=one.first,
        last=one.last,
    )


def image_names(met: Conditions) -> tuple[str, ...]:
    """Images with their ids, sorted: `python sha256:…`."""
    return tuple(sorted(f"{name} {public(digest)}" for name, digest in met.images))


def moment(started: str) -> str | None:
    """A record's time as UTC, to the second, so that times can be ordered as text; None for what is no time."""
    try:
        found = datetime.fromisoformat(started)
    except ValueError:
        return None
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _settings(digest: str, values: Mapping[str, set[Any]], config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings among the run's candidates that give this digest; None where none does."""
    written = config.get("candidates")
    specs = [spec for spec in written if isinstance(spec, dict)] if isinstance(written, list) else []
    identities = [
        (prompt, scaffold, model)
        for prompt in values["prompt_digest"] or {None}
        for scaffold in values["scaffold"]
        for model in values["model"] or {None}
    ]
    for settings in filter(None, map(_written_settings, specs)):
        if any(digest_of([*identity, settings]) == digest for identity in identities):
            return {name: settings[name] for name in ("effort", *LIMITS)}
    return None


def _written_settings(spec: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        return Settings.model_validate(spec.get("settings", {})).model_dump()
    except ValidationError:
        return None


def _conditions(cells: Iterable[Cell]) -> Conditions:
    met = UNMET
    for cell in cells:
        met = met.with_(cell.conditions)
    return met


# --- which runs are alike --------------------------------------------------------------------------------------------


def unlike(a: RunTally, b: RunTally) -> dict[str, str]:
    """Why two runs cannot be pooled: task (or "" for the runs as a whole) -> reason; empty when they can."""
    if (a.runtime or "") != (b.runtime or ""):
        return {"": f"the runtime is {a.runtime or 'the default'} in one and {b.runtime or 'the default'} in the other"}
    both = sorted(a.tasks.keys() & b.tasks.keys())
    if not both:
        return {"": "no task is in both"}
    return {task: why for task in both if (why := _unlike_task(a, b, task))}


def _unlike_task(a: RunTally, b: RunTally, task: str) -> str:
    if a.tasks[task] != b.tasks[task]:
        return "the task was changed (another digest)"
    one, other = a.conditions[task], b.conditions[task]
    if one.isolation and other.isolation and one.isolation != other.isolation:
        return f"isolation {' and '.join(sorted(one.isolation))}, elsewhere {' and '.join(sorted(other.isolation))}"
    if one.images and other.images and one.images != other.images:
        return f"another image {', '.join(sorted({name for name, _ in one.images ^ other.images}))}"
    return ""


def refuse_copies(runs: Sequence[RunTally]) -> None:
    """Raise ResultsError when two runs hold the same trial: counted twice it would make figures surer than they are."""
    for number, run in enumerate(runs):
        for other in runs[:number]:
            twice = len(run.keys & other.keys)
            if twice:
                raise ResultsError(
                    f"{other.name} and {run.name} hold the same trials ({twice} of {len(run.keys)}): one is a copy of "
                    "the other; leave one out"
                )


def grouped(runs: Sequence[RunTally]) -> list[list[RunTally]]:
    """Runs that are alike, together; clean runs choose first. The order of `runs` does not matter."""
    order = sorted(runs, key=lambda run: (not run.clean, run.first or "", run.name))
    groups: list[list[RunTally]] = []
    for run in order:
        home = next((group for group in groups if not any(unlike(run, other) for other in group)), None)
        if home is None:
            groups.append([run])
        else:
            home.append(run)
    return groups


def shared_tasks(runs: Sequence[RunTally]) -> tuple[list[str], dict[str, str]]:
    """The tasks that all runs share alike, and task -> why another was left out.

    Runs in which a control was passed do not count, since nothing of them is ranked; nor does what a run of yardsticks
    alone was not asked. Raises ResultsError when nothing is left.
    """
    clean = [run for run in runs if run.clean] or list(runs)
    dropped = _unlike_anywhere(clean)
    asked = [set(run.tasks) for run in clean if any(not one.note for one in run.slices)] or [
        set(r.tasks) for r in clean
    ]
    everywhere = set.intersection(*asked)
    dropped |= dict.fromkeys(set.union(*asked) - everywhere, "not in all runs")
    kept = sorted(everywhere - dropped.keys())
    if not kept:
        raise ResultsError("no task is alike in all runs: leave --shared out, and unlike runs are shown apart")
    return kept, dict(sorted(dropped.items()))


def _unlike_anywhere(runs: Sequence[RunTally]) -> dict[str, str]:
    """Task -> why two of the runs are unlike there. Raises ResultsError for runs that are unlike as a whole."""
    found: dict[str, str] = {}
    for number, run in enumerate(runs):
        for other in runs[:number]:
            reasons = unlike(other, run)
            if "" in reasons:
                raise ResultsError(
                    f"{other.name} and {run.name} cannot be reduced to what they share: {reasons['']}. Leave one out, "
                    "or leave --shared out: unlike runs are shown apart then"
                )
            found |= reasons
    return found
