"""Arms of a comparison: are they alike, and complete enough to be compared? Pure.

An arm is one candidate of one run. Only what both arms were asked is compared, and what differs beside the candidate
(task, images, sandbox, limits) makes them unlike. Negative controls are in no figure; one that was passed makes the
comparison invalid, and so does a lack of verdicts.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from harness import stats
from harness.aggregate import COVERAGE_NEEDED, Counts, signs, tables
from harness.errors import ResultsError
from harness.store import PlanRow
from harness.types import TrialRecord

ALPHA = 0.05
NAMED = 5  # tasks that a message names


@dataclass(frozen=True)
class Arm:
    """One candidate of one run: its planned trials and their records, negative controls left out.

    `leaks` are the trials of the whole run that passed a negative control; `limits` the limits among the candidate's
    settings, None where the run does not tell them; `folder` is the run's.
    """

    run: str
    folder: str
    candidate: str
    digest: str
    name: str
    planned: tuple[PlanRow, ...]
    records: tuple[TrialRecord, ...]
    refused: Mapping[str, str]
    leaks: tuple[str, ...] = ()
    runtime: str | None = None
    limits: Mapping[str, object] | None = None

    def of(self, tasks: Iterable[str]) -> Arm:
        """The arm with the trials of some tasks only."""
        kept = set(tasks)
        rows = tuple(row for row in self.planned if row.task in kept)
        return replace(self, planned=rows, records=tuple(r for r in self.records if r.task in kept))

    def among(self, trials: Container[str]) -> Arm:
        """The arm with some trials only: those that a planned look rests on."""
        rows = tuple(row for row in self.planned if row.trial_id in trials)
        return replace(self, planned=rows, records=tuple(r for r in self.records if r.trial_id in trials))

    def counts(self) -> Counts:
        """Where the planned trials ended."""
        return tables(self.run, self.planned, self.records, self.refused).counts

    def row(self, task: str) -> PlanRow | None:
        """The first planned trial of a task; None when it is not in the plan."""
        return self._rows.get(task)

    @cached_property
    def _rows(self) -> dict[str, PlanRow]:
        return {row.task: row for row in reversed(self.planned)}

    def graded(self, task: str) -> list[TrialRecord]:
        """Records of a task that have a verdict, by attempt."""
        return self._graded.get(task, [])

    @cached_property
    def _graded(self) -> dict[str, list[TrialRecord]]:
        """Asked for each task, a search through all records would take time with the square of the run's size."""
        found: dict[str, list[TrialRecord]] = defaultdict(list)
        for record in sorted(self.records, key=lambda record: record.attempt):
            if record.outcome != "error":
                found[record.task].append(record)
        return dict(found)


# --- are they alike? -------------------------------------------------------------------------------------------------


def alike(a: Arm, b: Arm, shared: bool) -> tuple[Arm, Arm, dict[str, str]]:
    """Return both arms reduced to the tasks in which they differ by candidate alone, and task -> why it was dropped.

    Raises ResultsError when they differ as a whole, when a task differs and `shared` is False, or when nothing is left.
    """
    if (a.folder, a.candidate) == (b.folder, b.candidate):
        raise ResultsError(f"both arms are {a.name} of run {a.run}: name two candidates, or two runs")
    whole = list(_unlike_runs(a, b))
    if whole:
        raise ResultsError(f"{a.run} and {b.run} are unlike as a whole: {'; '.join(whole)}. Run both again alike")
    tasks = sorted({row.task for row in (*a.planned, *b.planned)})
    dropped = {task: why for task in tasks if (why := _unlike_task(a, b, task))}
    kept = [task for task in tasks if task not in dropped]
    if dropped and not (shared and kept):
        left = f"Say --shared to compare the {len(kept)} that are alike" if kept else "No task is alike"
        raise ResultsError(f"{a.run} and {b.run} are unlike: {_grouped(dropped)}. {left}, or run both again")
    return a.of(kept), b.of(kept), dropped


def _unlike_runs(a: Arm, b: Arm) -> Iterable[str]:
    """Differences of whole runs; within one run settings differ because somebody wanted to measure that."""
    if a.folder == b.folder:
        return
    if a.runtime != b.runtime:
        yield f"the runtime is {a.runtime or 'the default'} in A and {b.runtime or 'the default'} in B"
    for limit in _unlike_limits(a, b):
        yield f"{limit} (to measure what that does, plan both candidates in one run)"


def _unlike_limits(a: Arm, b: Arm) -> Iterable[str]:
    if a.limits is None or b.limits is None:
        return
    for name, limit in a.limits.items():
        if limit != b.limits[name]:
            found = ["unlimited" if one is None else one for one in (limit, b.limits[name])]
            yield f"{name} is {found[0]} in A and {found[1]} in B"


def _unlike_task(a: Arm, b: Arm, task: str) -> str:
    """Why a task cannot be compared; empty when it can."""
    rows = [arm.row(task) for arm in (a, b)]
    if rows[0] is None or rows[1] is None:
        return f"only in {'B' if rows[0] is None else 'A'}"
    if rows[0].task_digest != rows[1].task_digest:
        return "the task was changed (another digest)"
    if (task in a.refused) != (task in b.refused):
        return f"not run in {'A' if task in a.refused else 'B'}"
    kinds = [{_isolation(record) for record in arm.graded(task)} for arm in (a, b)]
    if all(kinds) and kinds[0] != kinds[1]:
        return f"sandbox {_list(kinds[0])} in A, {_list(kinds[1])} in B"
    return _unlike_images(a.graded(task), b.graded(task))


def _unlike_images(a: Sequence[TrialRecord], b: Sequence[TrialRecord]) -> str:
    ids = [{item for record in records for item in record.images.items()} for records in (a, b)]
    other = {name for name, _ in ids[0] ^ ids[1]}
    return f"another image {_list(other)}" if other and all(ids) else ""


def _isolation(record: TrialRecord) -> str:
    found = record.isolation
    return f"{found.sandbox} {found.level}, limits by {found.limits}" if found else "unknown"


def _grouped(dropped: Mapping[str, str]) -> str:
    """`only in B: x, y; another image python: z`."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for task, why in dropped.items():
        by_reason[why].append(task)
    return "; ".join(f"{why}: {_list(tasks)}" for why, tasks in by_reason.items())


def _list(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    found = sorted(names)
    return ", ".join(found[:NAMED]) + (f" and {len(found) - NAMED} more" if len(found) > NAMED else "")


# --- may they be compared? -------------------------------------------------------------------------------------------


def invalid(a: Arm, b: Arm) -> Iterable[str]:
    """Why the figures would mislead; nothing when they may be looked at."""
    leaks = sorted({f"{arm.folder}/trials/{trial}" for arm in (a, b) for trial in arm.leaks})
    if leaks:
        yield f"a negative control was passed, so the grader of that run leaks: {_list(leaks)}"
    counts = {"A": a.counts(), "B": b.counts()}
    for letter, found in counts.items():
        if not found.valid:
            yield (
                f"coverage {floored(found)} in {letter}: {found.graded} of {found.runnable} trials have a verdict "
                f"({found.error} in error, {found.missing} missing); it takes {COVERAGE_NEEDED * 100:.0f} %"
            )
    yield from _excess(counts["A"], counts["B"])
    if all(found.valid for found in counts.values()) and not paired_tasks(a, b):
        yield "no task has a verdict in both arms"


def floored(found: Counts) -> str:
    """Coverage in whole per cent, rounded down: just short of what it takes must not read as that."""
    return f"{math.floor((found.coverage or 0.0) * 100 + 1e-9)} %"


def _excess(a: Counts, b: Counts) -> Iterable[str]:
    """One arm lost more trials than chance explains: what it lost may be what would have failed."""
    if not (a.runnable and b.runnable):
        return
    lost_a, lost_b = a.runnable - a.graded, b.runnable - b.graded
    p = stats.fisher(lost_a, a.runnable, lost_b, b.runnable)
    if p <= ALPHA:
        yield (
            f"trials without a verdict: {lost_a} of {a.runnable} in A, {lost_b} of {b.runnable} in B; that is no "
            f"chance (p = {p:.3f}), so what is missing may decide"
        )


def paired_tasks(a: Arm, b: Arm) -> list[str]:
    """The tasks in which both arms have a verdict."""
    graded = [{record.task for record in arm.records if record.outcome != "error"} for arm in (a, b)]
    return sorted(graded[0] & graded[1])


def notes_on(a: Arm, b: Arm, dropped: Mapping[str, str]) -> Iterable[str]:
    """What a reader of the figures should know besides."""
    if dropped:
        yield f"compared by what they share; left out: {_grouped(dropped)}"
    if a.folder == b.folder:
        yield from _unlike_limits(a, b)
    if a.digest == b.digest:
        yield "both arms are the same candidate: an A/A comparison"
    for letter, arm in (("A", a), ("B", b)):
        yield from _arm_notes(letter, arm)
    unpaired = {row.task for row in a.planned if row.task not in a.refused} - set(paired_tasks(a, b))
    if unpaired:
        yield f"without a verdict in both arms, and so in no figure: {_list(unpaired)}"
    for name in ("harness", "price_table"):
        values = [{str(getattr(record, name)) for record in arm.records} for arm in (a, b)]
        if values[0] != values[1]:
            yield f"the {name.replace('_', ' ')} differs: {_list(values[0])} in A, {_list(values[1])} in B"


def _arm_notes(letter: str, arm: Arm) -> Iterable[str]:
    if arm.refused.keys() & {row.task for row in arm.planned}:
        yield f"not run in {letter}: {_list(arm.refused.keys() & {row.task for row in arm.planned})}"
    if arm.limits is None:
        yield f"the limits of {letter} are not known: its config.toml does not tell them"
    if arm.records and not any(record.is_llm for record in arm.records):
        yield f"no LLM did the work of {letter}"
    suspicious = [record.trial_id for record in arm.records if signs(record)]
    if suspicious:
        yield f"suspicious trials in {letter} ({len(suspicious)}), which counted all the same: {_list(suspicious)}"
