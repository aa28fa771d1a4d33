"""Makes nights of a nightly for tests: runs with records as a run would have written them, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthetic_run import plan_row, record

from harness.nights import SCHEMA, Night, Opening, night_of
from harness.store import Loaded, PlanRow
from harness.types import TrialRecord

AGENT, PINNED = "backend-developer · tools · anthropic/x", "backend-developer@v1 (abc) · tools · anthropic/x"
Passed = Mapping[str, int] | Sequence[int]


def rows(label: str, tasks: int, attempts: int, variant: str = "") -> list[PlanRow]:
    return [plan_row(f"task-{t:03}", label, a, variant=variant) for t in range(tasks) for a in range(1, attempts + 1)]


def outcomes(planned: Sequence[PlanRow], passed: Sequence[int], lost: int = 0, **changes: Any) -> list[TrialRecord]:
    """Records: of task t the first `passed[t]` attempts pass; the last `lost` trials of all have none."""
    order = {task: place for place, task in enumerate(sorted({row.task for row in planned}))}
    made = [record(row, "passed" if row.attempt <= passed[order[row.task]] else "failed", **changes) for row in planned]
    return made[: len(made) - lost]


def loaded(
    date: str, planned: Sequence[PlanRow], records: Sequence[TrialRecord], attempts: int, **config: Any
) -> Loaded:
    return Loaded(Path(f"results/n-{date}"), {"attempts": attempts, **config}, tuple(planned), tuple(records), {})


def opening(date: str, slots: Mapping[str, str], baseline: str | None = None, **more: Any) -> Opening:
    return Opening(schema=SCHEMA, name="n", date=date, run=f"n-{date}", slots=dict(slots), baseline=baseline, **more)


def night(
    date: str, passed: Sequence[int], base: Sequence[int] | None = None, attempts: int = 3, variant: str = "",
    lost: int = 0, **changes: Any,
) -> Night:  # fmt: skip
    """A night of one candidate, beside a pinned baseline if `base` is given. `variant` is another prompt."""
    mine = rows(AGENT, len(passed), attempts, variant)
    records = outcomes(mine, passed, lost, **changes)
    slots = {mine[0].candidate: "slot-a"}
    if base is None:
        return night_of(opening(date, slots), loaded(date, mine, records, attempts))
    theirs = rows(PINNED, len(base), attempts)
    slots[theirs[0].candidate] = "slot-b"
    both = loaded(date, [*mine, *theirs], [*records, *outcomes(theirs, base, **changes)], attempts)
    return night_of(opening(date, slots, theirs[0].candidate), both)
