"""Records -> tables. Pure: reads nothing, writes nothing; the same records give the same tables.

Every planned trial is in exactly one of five places: passed, failed, error, missing (no record yet) or not run (the
sandbox cannot serve its task). The places add up to the plan, and that is asserted.

    graded    = passed + failed
    runnable  = planned - not run
    coverage  = graded / runnable; below 98 % there is no headline rate, only the counts
    solved    = passed / graded (the rate, with its interval) and passed / planned (its floor)

Negative controls (tasks that nobody can pass) are in none of these: they have a table of their own.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args

from harness.stats import Interval, Rate, pass_at_k, pass_hat_k, task_rate, wilson
from harness.store import Loaded, PlanRow
from harness.types import DIMENSIONS, Boundary, Isolation, Suspicion, TrialRecord

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

T = TypeVar("T")

COVERAGE_NEEDED = 0.98
BATCH = 10_000  # trials whose columns are in memory at once
AT_ONCE = 250  # trials that are walked over again and again: so many stay in the processor's cache
EVERY_K = 32  # up to this k the curves have every point, beyond it one in ten per cent
BUCKETS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
BOUNDARIES: tuple[str, ...] = get_args(Boundary)
NO_LLM = {"oracle": "oracle, no LLM", "nop": "nop, no LLM"}


class Share(NamedTuple):
    """A count out of a total."""

    hits: int
    total: int

    @property
    def rate(self) -> float | None:
        """Hits by total; None without any."""
        return self.hits / self.total if self.total else None


@dataclass(frozen=True)
class Counts:
    """Where planned trials ended. `errors` counts them by boundary."""

    planned: int
    passed: int
    failed: int
    errors: Mapping[str, int]
    missing: int
    not_run: int

    def __post_init__(self) -> None:
        """Assert that no trial is lost or counted twice."""
        found = self.passed + self.failed + self.error + self.missing + self.not_run
        if found != self.planned:
            raise AssertionError(f"{self.planned} trials are planned, but {found} are accounted for: {self}")

    @property
    def graded(self) -> int:
        """Trials with a verdict."""
        return self.passed + self.failed

    @property
    def error(self) -> int:
        """Trials without a verdict through no fault of the submission."""
        return sum(self.errors.values())

    @property
    def runnable(self) -> int:
        """Planned trials that the sandbox can serve."""
        return self.planned - self.not_run

    @property
    def coverage(self) -> float | None:
        """Graded by runnable; None when nothing can run."""
        return self.graded / self.runnable if self.runnable else None

    @property
    def valid(self) -> bool:
        """Whether enough trials are graded to tell a rate."""
        return self.coverage is not None and self.coverage >= COVERAGE_NEEDED

    @property
    def solved_graded(self) -> Share:
        """Passed out of the graded trials."""
        return Share(self.passed, self.graded)

    @property
    def solved_planned(self) -> Share:
        """Passed out of all planned trials: the floor of what is shown."""
        return Share(self.passed, self.planned)


@dataclass(frozen=True)
class Money:
    """Dollars of several trials. `unknown` counts those whose price is not known; `floor` is the least they all cost.

    `cold` is what they would have cost without any cache, None when that is not known of one of them.
    """

    floor: float
    unknown: int
    cold: float | None = None

    @property
    def total(self) -> float | None:
        """The sum, or None when a part of it is unknown."""
        return None if self.unknown else self.floor


@dataclass(frozen=True)
class Repeats:
    """What k attempts at each task give, averaged over tasks: at least one passes, all pass."""

    k: int
    tasks: int
    at_least_one: float
    all_of_them: float


class Spread(NamedTuple):
    """The middle and the slow or dear end of several values: half are at most `median`, nine in ten at most `p90`."""

    median: float
    p90: float


@dataclass(frozen=True)
class ResourceRow:
    """What graded trials of a candidate used: seconds, answers of the model, tokens by BUCKETS, dollars where known.

    None where there is nothing to tell: no graded trial, or none of a known price.
    """

    candidate: str
    trials: int
    seconds: Spread | None
    turns: Spread | None
    tokens: Mapping[str, Spread]
    all_tokens: Spread | None
    dollars: Spread | None
    unpriced: int


@dataclass(frozen=True)
class CandidateRow:
    """A leaderboard row. `name` is the label, or the id where two candidates share a label.

    `suspicious` counts the trials with a sign of working on the grade, out of those that were searched for one.
    """

    candidate: str
    name: str
    note: str
    counts: Counts
    rate: Rate | None
    functional: Share
    secure: Share
    suspicious: Share
    cost: Money
    tokens: int
    median_seconds: float | None
    repeats: Repeats | None
    isolation: tuple[str, ...]


@dataclass(frozen=True)
class CellRow:
    """One candidate at one task, over its attempts. `interval` is Wilson's over those attempts."""

    candidate: str
    task: str
    counts: Counts
    interval: Interval | None
    cost: Money
    median_seconds: float | None


@dataclass(frozen=True)
class AreaRow:
    """One candidate at all tasks that name a capability area, or any area of a group ("api" for `api.rest`)."""

    candidate: str
    area: str
    tasks: int
    counts: Counts
    rate: Rate | None


@dataclass(frozen=True)
class DimensionRow:
    """One candidate in one dimension: hidden tests passed, and trials in which all of them passed."""

    candidate: str
    dimension: str
    tests: Share
    trials: Share


@dataclass(frozen=True)
class ControlRow:
    """A negative control over all candidates. A trial that passed it is proof of a leak, and `passed` names it."""

    task: str
    counts: Counts
    passed: tuple[str, ...]


@dataclass(frozen=True)
class Tables:
    """All that the reports show.

    Candidates come best first, those without a rate last, after them those in which no LLM did the work; tasks by name.
    `planned` and `records` are of every trial; `controls` is the only table that counts those of negative controls.
    `curves` hold pass@k and pass^k of a candidate with a rate, for each k up to the attempts that all its tasks have.
    """

    run_id: str
    planned: tuple[PlanRow, ...]
    records: tuple[TrialRecord, ...]
    refused: Mapping[str, str]
    counts: Counts
    cost: Money
    candidates: tuple[CandidateRow, ...]
    tasks: tuple[str, ...]
    cells: Mapping[tuple[str, str], CellRow]
    areas: tuple[AreaRow, ...]
    dimensions: tuple[DimensionRow, ...]
    provenance: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str]
    controls: tuple[ControlRow, ...] = ()
    groups: tuple[AreaRow, ...] = ()
    curves: Mapping[str, tuple[Repeats, ...]] = field(default_factory=dict)
    resources: tuple[ResourceRow, ...] = ()

    @cached_property
    def found(self) -> dict[str, TrialRecord]:
        """The records by trial id."""
        return {record.trial_id: record for record in self.records}

    @cached_property
    def missing(self) -> tuple[PlanRow, ...]:
        """Planned trials without a record whose task can be served."""
        done = self.found
        return tuple(row for row in self.planned if row.trial_id not in done and row.task not in self.refused)

    @cached_property
    def errors(self) -> tuple[TrialRecord, ...]:
        """Records of trials in error."""
        return tuple(record for record in self.records if record.outcome == "error")

    @cached_property
    def suspicious(self) -> tuple[TrialRecord, ...]:
        """Records with a sign that the agent worked on its grade."""
        return tuple(record for record in self.records if signs(record))

    @cached_property
    def searched(self) -> int:
        """How many trials were searched for such signs."""
        return sum(record.suspicious is not None for record in self.records)


def cost_of(records: Sequence[TrialRecord]) -> Money:
    """What trials cost together."""
    least = [r.cost_floor_usd or 0.0 if r.cost_usd is None else r.cost_usd for r in records]
    cold = [r.cost_cold_usd for r in records if r.cost_cold_usd is not None]
    unknown = sum(r.cost_usd is None for r in records)
    # Rounded once, so that the sum does not depend on the order of the trials.
    return Money(math.fsum(least), unknown, math.fsum(cold) if records and len(cold) == len(records) else None)


def signs(record: TrialRecord) -> tuple[Suspicion, ...]:
    """The findings of a trial that are signs, without those that only say what was not read."""
    return tuple(s for s in record.suspicious if s.kind != "unread") if record.suspicious else ()


def aggregate(loaded: Loaded) -> Tables:
    """Make every table of a run that was read from disk."""
    return tables(loaded.run_id, loaded.planned, loaded.records, loaded.refused)


def tables(
    run_id: str, planned: Sequence[PlanRow], records: Sequence[TrialRecord], refused: Mapping[str, str]
) -> Tables:
    """Make every table from the planned trials, the records of those that ended, and task -> reason of the refused."""
    cells, controls = _apart(planned, records, refused)
    names = display_names(planned)
    by_candidate: dict[str, dict[str, _Group]] = defaultdict(dict)
    for (candidate, task, _), cell in sorted(cells.items()):
        before = by_candidate[candidate].get(task)
        by_candidate[candidate][task] = _joined([before, cell]) if before else cell
    parts = {candidate: _joined(of_task.values()) for candidate, of_task in by_candidate.items()}
    candidates = [_candidate_row(candidate, names[candidate], part) for candidate, part in parts.items()]
    return Tables(
        run_id=run_id,
        planned=tuple(planned),
        records=tuple(records),
        refused=dict(refused),
        counts=_summed(cells.values()),
        cost=cost_of(records),
        candidates=tuple(sorted(candidates, key=_best_first)),
        tasks=tuple(sorted({task for _, task, _ in cells} | set(refused) - controls.keys())),
        cells={(c, t): _cell_row(c, t, part) for c, of_task in by_candidate.items() for t, part in of_task.items()},
        areas=tuple(_area_rows(cells, lambda area: area)),
        dimensions=tuple(_dimension_rows(by_candidate, _expected_tests(records))),
        provenance=provenance(planned, records),
        names=names,
        controls=tuple(_control_row(task, part) for task, part in sorted(controls.items())),
        groups=tuple(_area_rows(cells, lambda area: area.partition(".")[0])),
        curves={candidate: found for candidate, part in parts.items() if (found := _curve(part))},
        resources=tuple(_resource_row(candidate, part.graded) for candidate, part in parts.items()),
    )


def display_names(planned: Iterable[PlanRow]) -> dict[str, str]:
    """Candidate id -> its label, or the id itself (label and digest) where several candidates share the label."""
    labels = {row.candidate: row.label for row in planned}
    often = Counter(labels.values())
    return {candidate: label if often[label] == 1 else candidate for candidate, label in labels.items()}


# --- groups of trials ------------------------------------------------------------------------------------------------


Place = tuple[str, str, tuple[str, ...]]
"""Candidate, task, and the areas that the plan gives the task."""


@dataclass
class _Group:
    """Planned trials and the records among them. What is asked of it again is computed once."""

    refused: Mapping[str, str]
    planned: list[PlanRow] = field(default_factory=list)
    records: list[TrialRecord] = field(default_factory=list)
    parts: tuple[_Group, ...] = ()

    @cached_property
    def graded(self) -> list[TrialRecord]:
        return [record for record in self.records if record.outcome != "error"]

    @cached_property
    def counts(self) -> Counts:
        return _summed(self.parts) if self.parts else self._counted()

    def _counted(self) -> Counts:
        done = {record.trial_id for record in self.records}
        outcomes = Counter(record.outcome for record in self.records)
        errors = Counter(_boundary(record) for record in self.records if record.outcome == "error")
        open_rows = [row for row in self.planned if row.trial_id not in done]
        not_run = sum(row.task in self.refused for row in open_rows)
        return Counts(
            planned=len(self.planned), passed=outcomes["passed"], failed=outcomes["failed"],
            errors={name: errors[name] for name in BOUNDARIES}, missing=len(open_rows) - not_run, not_run=not_run,
        )  # fmt: skip

    @property
    def cost(self) -> Money:
        return cost_of(self.records)

    @property
    def median_seconds(self) -> float | None:
        return median(record.seconds for record in self.graded) if self.graded else None

    @cached_property
    def scores(self) -> dict[str, list[int]]:
        """Verdicts of the graded trials by task, 1 for passed."""
        found: dict[str, list[int]] = defaultdict(list)
        for part in self.parts:
            for task, scores in part.scores.items():
                found[task] += scores
        for record in () if self.parts else self.graded:
            found[record.task].append(record.outcome == "passed")
        return found

    @property
    def rate(self) -> Rate | None:
        """The headline rate; None while coverage is too low."""
        return task_rate(list(self.scores.values())) if self.counts.valid else None


def _apart(
    planned: Iterable[PlanRow], records: Iterable[TrialRecord], refused: Mapping[str, str]
) -> tuple[dict[Place, _Group], dict[str, _Group]]:
    """The trials of ordinary tasks by their place, and those of negative controls by task, in one pass."""
    cells: dict[Place, _Group] = {}
    controls: dict[str, _Group] = {}
    where: dict[str, _Group] = {}
    for row in planned:
        place = (row.candidate, row.task, row.areas)
        # `get` and a test, since the default of `setdefault` would be made for each trial.
        group = controls.get(row.task) if row.control else cells.get(place)
        if group is None:
            group = _Group(refused)
            if row.control:
                controls[row.task] = group
            else:
                cells[place] = group
        group.planned.append(row)
        where[row.trial_id] = group
    for record in records:
        where[record.trial_id].records.append(record)
    return cells, controls


def _joined(groups: Iterable[_Group]) -> _Group:
    """Several groups as one, one after the other."""
    parts = tuple(groups)
    planned = list(chain.from_iterable(part.planned for part in parts))
    records = list(chain.from_iterable(part.records for part in parts))
    return _Group(parts[0].refused, planned, records, parts)


def _summed(parts: Iterable[_Group]) -> Counts:
    counts = [part.counts for part in parts]
    names = ("planned", "passed", "failed", "missing", "not_run")
    totals = {name: sum(getattr(one, name) for one in counts) for name in names}
    return Counts(**totals, errors={name: sum(one.errors[name] for one in counts) for name in BOUNDARIES})


def _boundary(record: TrialRecord) -> str:
    return record.failure.boundary if record.failure else "grader"


# --- rows ------------------------------------------------------------------------------------------------------------


def _candidate_row(candidate: str, name: str, part: _Group) -> CandidateRow:
    return CandidateRow(
        candidate=candidate,
        name=name,
        note=llm_note(part.records),
        counts=part.counts,
        rate=part.rate,
        functional=_known_share(record.functional for record in part.graded),
        secure=_known_share(record.secure for record in part.graded),
        suspicious=_known_share(None if r.suspicious is None else bool(signs(r)) for r in part.records),
        cost=part.cost,
        tokens=sum(record.usage.total for record in part.records),
        median_seconds=part.median_seconds,
        repeats=_repeats(list(part.scores.values())),
        isolation=isolation_levels(part.records),
    )


def llm_note(records: Sequence[TrialRecord]) -> str:
    """What to write beside a row whose work no LLM did, such as "scripted, no LLM"; empty for an LLM's."""
    scaffolds = [record.scaffold for record in records if not record.is_llm]
    return NO_LLM.get(scaffolds[0], "scripted, no LLM") if scaffolds else ""


def isolation_levels(records: Iterable[TrialRecord]) -> tuple[str, ...]:
    """Sandbox and isolation level of each kind among the records: ("docker L1",)."""
    found = {f"{r.isolation.sandbox} {r.isolation.level}" for r in records if r.isolation}
    return tuple(sorted(found))


def _known_share(flags: Iterable[bool | None]) -> Share:
    known = [flag for flag in flags if flag is not None]
    return Share(sum(known), len(known))


def _repeats(scores: Sequence[Sequence[int]]) -> Repeats | None:
    """pass@k and pass^k for the k that every graded task has; None below 2."""
    k = min((len(attempts) for attempts in scores), default=0)
    return _at_k(_tasks_alike(scores), k) if k >= 2 else None


def _curve(part: _Group) -> tuple[Repeats, ...]:
    """pass@k and pass^k for each k that every graded task has; nothing where there is no rate."""
    scores = list(part.scores.values()) if part.counts.valid else []
    most = min((len(attempts) for attempts in scores), default=0)
    alike = _tasks_alike(scores)
    return tuple(_at_k(alike, k) for k in _steps(most))


def _steps(most: int) -> list[int]:
    """1 to EVERY_K, then each a tenth further, and `most` itself."""
    found, k = list(range(1, min(most, EVERY_K) + 1)), EVERY_K
    while (k := k + max(1, k // 10)) < most:
        found.append(k)
    return [*found, most] if most > EVERY_K else found


def _tasks_alike(scores: Sequence[Sequence[int]]) -> Counter[tuple[int, int]]:
    """(attempts, passed) -> how many tasks have that."""
    return Counter((len(attempts), sum(attempts)) for attempts in scores)


def _at_k(alike: Mapping[tuple[int, int], int], k: int) -> Repeats:
    tasks = sum(alike.values())
    one = math.fsum(times * pass_at_k(n, passed, k) for (n, passed), times in alike.items())
    every = math.fsum(times * pass_hat_k(n, passed, k) for (n, passed), times in alike.items())
    return Repeats(k, tasks, one / tasks, every / tasks)


def _resource_row(candidate: str, graded: Sequence[TrialRecord]) -> ResourceRow:
    priced = [r.cost_usd for r in graded if r.cost_usd is not None]
    usages = [r.usage for r in graded]
    buckets = {bucket: spread([getattr(usage, bucket) for usage in usages]) for bucket in BUCKETS}
    return ResourceRow(
        candidate=candidate,
        trials=len(graded),
        seconds=spread([r.seconds for r in graded]),
        turns=spread([r.turns for r in graded]),
        tokens={bucket: found for bucket, found in buckets.items() if found},
        all_tokens=spread([usage.total for usage in usages]),
        dollars=spread(priced),
        unpriced=len(graded) - len(priced),
    )


def spread(values: Sequence[float]) -> Spread | None:
    """Median and 90th percentile, between two values by their distance (R's type 7); None without a value."""
    import numpy as np

    return Spread(*map(float, np.quantile(np.asarray(values, dtype=float), (0.5, 0.9)))) if len(values) else None


def _best_first(row: CandidateRow) -> tuple[bool, bool, float, str]:
    return (row.note != "", row.rate is None, -row.rate.estimate if row.rate else 0.0, row.candidate)


def _control_row(task: str, part: _Group) -> ControlRow:
    return ControlRow(task, part.counts, tuple(r.trial_id for r in part.records if r.outcome == "passed"))


def _cell_row(candidate: str, task: str, part: _Group) -> CellRow:
    counts = part.counts
    interval = wilson(counts.passed, counts.graded) if counts.graded else None
    return CellRow(candidate, task, counts, interval, part.cost, part.median_seconds)


def _area_rows(cells: Mapping[Place, _Group], named: Callable[[str], str]) -> Iterable[AreaRow]:
    """A row for each candidate and what `named` makes of an area; a task with several such areas is in it once."""
    parts: dict[tuple[str, str], list[_Group]] = defaultdict(list)
    tasks: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (candidate, task, areas), cell in cells.items():
        for name in {named(area) for area in areas}:
            parts[candidate, name].append(cell)
            tasks[candidate, name].add(task)
    for (candidate, name), found in sorted(parts.items()):
        group = _joined(found)
        yield AreaRow(candidate, name, len(tasks[candidate, name]), group.counts, group.rate)


def _expected_tests(records: Iterable[TrialRecord]) -> dict[tuple[str, str], int]:
    """How many tests a task has in a dimension: the most that any trial of it tells."""
    most: dict[tuple[str, str], int] = defaultdict(int)
    for record in records:
        for dimension, tally in record.tally.items():
            most[record.task, dimension] = max(most[record.task, dimension], tally.total)
    return most


def _dimension_rows(
    by_candidate: Mapping[str, Mapping[str, _Group]], expected: Mapping[tuple[str, str], int]
) -> Iterable[DimensionRow]:
    """A graded trial without a tally (its service never started) failed its tests: it must not leave the total."""
    for candidate, of_task in by_candidate.items():
        graded = {task: part.graded for task, part in of_task.items()}
        for dimension in DIMENSIONS:
            totals = [(found, expected.get((task, dimension), 0)) for task, found in graded.items()]
            asked = [(_passed_tests(record, dimension), total) for found, total in totals if total for record in found]
            if asked:
                tests = Share(sum(passed for passed, _ in asked), sum(total for _, total in asked))
                trials = Share(sum(passed == total for passed, total in asked), len(asked))
                yield DimensionRow(candidate, dimension, tests, trials)


def _passed_tests(record: TrialRecord, dimension: str) -> int:
    return record.tally[dimension].passed if dimension in record.tally else 0


# --- where it all comes from -----------------------------------------------------------------------------------------


def provenance(planned: Sequence[PlanRow], records: Sequence[TrialRecord]) -> dict[str, tuple[str, ...]]:
    """Name -> the distinct values among the trials: more than one value shows that unlike trials share the run."""
    isolations = _distinct(r.isolation for r in records if r.isolation)
    prompts = {(r.agent, r.agent_revision, r.prompt_digest) for r in records if r.prompt_digest}
    found: dict[str, set[str]] = {
        "harness": {r.harness for r in records},
        "git revision": {r.git for r in records if r.git},
        "sandbox and isolation": set(map(_isolation, isolations)),
        "isolation notes": {note for isolation in isolations for note in isolation.notes},
        "images": {
            f"{name} {digest}" for made in _distinct(r.images for r in records) for name, digest in made.items()
        },
        "price table": {r.price_table for r in records if r.price_table},
        "models": {r.model for r in records if r.model},
        "prompts": {_prompt(*prompt) for prompt in prompts},
        "candidates": {f"{one} {digest}" for one, digest in {(row.candidate, row.candidate_digest) for row in planned}},
        "tasks": {f"{task} {digest}" for task, digest in {(row.task, row.task_digest) for row in planned}},
        "started": {bound(r.started for r in records) for bound in (min, max) if records},
    }
    return {name: tuple(sorted(values)) for name, values in found.items() if values}


def _distinct(values: Iterable[T]) -> list[T]:
    """Each object once; equal ones may remain, but trials that were loaded together share theirs."""
    return list({id(value): value for value in values}.values())


def _isolation(isolation: Isolation) -> str:
    return f"{isolation.sandbox}, level {isolation.level}, limits by {isolation.limits}"


def _prompt(agent: str | None, revision: str | None, digest: str | None) -> str:
    return f"{agent}{f'@{revision}' if revision else ''} {digest}"


# --- one row a trial -------------------------------------------------------------------------------------------------


def trial_rows(tables: Tables) -> list[dict[str, Any]]:
    """One flat mapping for each planned trial, in the plan's order; `outcome` is also `missing` or `not run`."""
    batches = trial_columns(tables)
    return [dict(zip(columns, row, strict=True)) for columns in batches for row in zip(*columns.values(), strict=True)]


def trial_columns(tables: Tables, batch: int = BATCH) -> Iterator[dict[str, list[Any]]]:
    """`trial_rows` as columns, name -> values, some trials at a time: what tables of any size are written from.

    Without any planned trial there is one batch, of empty columns.
    """
    for start in range(0, len(tables.planned) or 1, batch):
        plans = tables.planned[start : start + batch]
        columns = _columns(plans[:AT_ONCE], tables)
        for at in range(AT_ONCE, len(plans), AT_ONCE):
            for name, values in _columns(plans[at : at + AT_ONCE], tables).items():
                columns[name] += values
        yield columns


def _columns(plans: Sequence[PlanRow], tables: Tables) -> dict[str, list[Any]]:
    found = [tables.found.get(plan.trial_id) for plan in plans]
    columns: dict[str, list[Any]] = {"run": [tables.run_id] * len(plans)}
    columns |= {name: [getattr(plan, name) for plan in plans] for name in PlanRow.model_fields}
    columns["areas"] = [list(plan.areas) for plan in plans]
    pairs = list(zip(plans, found, strict=True))
    columns["outcome"] = [record.outcome if record else _without(plan, tables.refused) for plan, record in pairs]
    for name, take in _RECORD_COLUMNS.items():
        columns[name] = [None if record is None else take(record) for record in found]
    if None in found:
        reasons = [tables.refused.get(plan.task) for plan in plans]
        told = zip(found, columns["detail"], reasons, strict=True)
        columns["detail"] = [reason if record is None else detail for record, detail, reason in told]
    return columns


def _without(plan: PlanRow, refused: Mapping[str, str]) -> str:
    """The outcome of a trial without a record."""
    return "not run" if plan.task in refused else "missing"


def frame(tables: Tables) -> pd.DataFrame:
    """`trial_rows` as a data frame whose whole numbers and flags stay what they are beside unknown ones (pandas.NA)."""
    import pandas as pd

    parts = [pd.DataFrame(columns, dtype=object) for columns in trial_columns(tables)]
    return pd.concat(parts, ignore_index=True).convert_dtypes()


def _tally(dimension: str, part: str) -> Callable[[TrialRecord], int | None]:
    return lambda r: getattr(r.tally[dimension], part) if dimension in r.tally else None


_RECORD_COLUMNS: dict[str, Callable[[TrialRecord], Any]] = {
    "detail": lambda r: r.failure.message if r.failure else r.ending.detail if r.ending else "",
    "error_boundary": lambda r: r.failure.boundary if r.failure else None,
    "ending": lambda r: r.ending.reason if r.ending else None,
    "functional": lambda r: r.functional,
    "secure": lambda r: r.secure,
    **{f"{d}_passed": _tally(d, "passed") for d in DIMENSIONS},
    **{f"{d}_total": _tally(d, "total") for d in DIMENSIONS},
    "agent": lambda r: r.agent,
    "agent_revision": lambda r: r.agent_revision,
    "prompt_digest": lambda r: r.prompt_digest,
    "scaffold": lambda r: r.scaffold,
    "model": lambda r: r.model,
    "is_llm": lambda r: r.is_llm,
    "suspicious": lambda r: None if r.suspicious is None else len(signs(r)),
    "suspicious_kinds": lambda r: None if r.suspicious is None else sorted({s.kind for s in signs(r)}),
    "turns": lambda r: r.turns,
    "tool_calls": lambda r: r.tool_calls,
    "retries": lambda r: r.retries,
    "tokens": lambda r: r.usage.total,
    "tokens_input": lambda r: r.usage.input,
    "tokens_cache_read": lambda r: r.usage.cache_read,
    "tokens_cache_write_5m": lambda r: r.usage.cache_write_5m,
    "tokens_cache_write_1h": lambda r: r.usage.cache_write_1h,
    "tokens_output": lambda r: r.usage.output,
    "cost_usd": lambda r: r.cost_usd,
    "cost_floor_usd": lambda r: r.cost_floor_usd,
    "cost_cold_usd": lambda r: r.cost_cold_usd,
    "price_table": lambda r: r.price_table,
    "seconds": lambda r: r.seconds,
    "started": lambda r: r.started,
    "seed": lambda r: None if r.seed is None else str(r.seed),  # it may not fit into 64 bits
    "submission_digest": lambda r: r.submission.digest if r.submission else None,
    "submission_files": lambda r: r.submission.files if r.submission else None,
    "submission_bytes": lambda r: r.submission.bytes if r.submission else None,
    "sandbox": lambda r: r.isolation.sandbox if r.isolation else None,
    "isolation_level": lambda r: r.isolation.level if r.isolation else None,
    "isolation_limits": lambda r: r.isolation.limits if r.isolation else None,
    "isolation_notes": lambda r: "; ".join(r.isolation.notes) if r.isolation else None,
    "harness": lambda r: r.harness,
    "git": lambda r: r.git,
}
