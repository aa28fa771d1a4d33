"""The course of a comparison that is run: which candidates, judged how, at which looks. Pure but for its one file.

It is laid out before the first trial and written beside the plan as comparison.json, so that whoever compares the run
later judges it as it was meant to be judged. A look rests on the first rows of plan.jsonl, which are sorted for it:

    by tasks      a look has so many tasks with all their attempts     for `like-these`, where there are enough tasks
    by attempts   a look has so many attempts at every task            for `these`, and where tasks are few

Either way the looks are spaced by information as evenly as whole tasks or attempts allow, and the bounds are those of
the spacing that came out. docs/statistics.md has the reasons.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from harness import store
from harness.errors import ConfigError, ResultsError
from harness.stats import level_of, obrien_fleming
from harness.stats.looks import MOST_LOOKS
from harness.types import Frozen, TrialPlan

FILE = "comparison.json"
ALPHA = 0.05
LEAST_A_LOOK = 5  # tasks (or families) that each look adds; fewer are counted in attempts where that is possible

Claim = Literal["like-these", "these"]
By = Literal["tasks", "attempts"]


@dataclass(frozen=True)
class Stage:
    """Where in its course a comparison is judged. The plain case is the only look of one.

    `alpha` is the two-sided error of this look's test and `one_sided` that of `no worse`, such that over all looks each
    comes to 5 %. `share` is the share of the planned trials that the look rests on. With `anytime` the verdict is by
    e-values, and there are no looks.
    """

    look: int = 1
    looks: int = 1
    alpha: float = ALPHA
    one_sided: float = ALPHA
    share: float = 1.0
    anytime: bool = False

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after it."""
        return self.look == self.looks


class Course(Frozen):
    """comparison.json. `a`, `b` and `sham` are candidates' digests; `ends` counts rows of the plan.

    `ends[k]` are the rows that look k + 1 rests on, `bounds` |Z| for better and worse, and `no_worse` Z for "no worse".
    A course for e-values has neither bounds: after each end it is looked whether the evidence is enough.
    """

    schema_: Literal[1] = Field(1, alias="schema")
    a: str
    b: str
    sham: str | None = None
    claim: Claim
    margin: float = Field(ge=0, le=1)
    families: dict[str, str] = Field(default_factory=dict)
    by: By
    anytime: bool = False
    ends: tuple[int, ...] = Field(min_length=1)
    bounds: tuple[float, ...] = ()
    no_worse: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _looks_are_in_order(self) -> Course:
        if any(after <= before for before, after in pairwise((0, *self.ends))):
            raise ValueError("ends must grow")
        if not self.anytime and not len(self.ends) == len(self.bounds) == len(self.no_worse):
            raise ValueError("each look needs its end, its bound and that of `no worse`")
        return self

    @property
    def looks(self) -> int:
        """How many looks there are; 1 for a course of e-values, which is never spent."""
        return 1 if self.anytime else len(self.ends)

    def stage(self, look: int) -> Stage:
        """The stage of a look, counted from 1."""
        if self.anytime:
            return Stage(anytime=True)
        share = self.ends[look - 1] / self.ends[-1]
        return stage_of(look, self.looks, self.bounds[look - 1], self.no_worse[look - 1], share)


def stage_of(look: int, looks: int, bound: float, no_worse: float, share: float) -> Stage:
    """The stage of a look by its bounds, as |Z| and Z."""
    return Stage(look, looks, level_of(bound), level_of(no_worse) / 2, share)


@dataclass(frozen=True)
class Wanted:
    """What the user asks of a comparison that is to be run. `step` is how many trials are enough for a block of
    `anytime`.
    """

    a: str
    b: str
    sham: str | None = None
    claim: Claim = "like-these"
    margin: float = 0.05
    families: Mapping[str, str] = field(default_factory=dict)
    looks: int = 1
    anytime: bool = False
    step: int = 16


# --- laid out --------------------------------------------------------------------------------------------------------


def lay_out(wanted: Wanted, plans: Sequence[TrialPlan], refused: Mapping[str, str]) -> tuple[Course, list[TrialPlan]]:
    """Return the course of a run that is planned, and its trials in the order of the looks.

    Inside a look the plan's own order stays: shuffled and interleaved. Trials that are compared with nothing (tasks
    that the sandbox refuses, negative controls) belong to the first look. Raises ConfigError where so many looks cannot
    be.
    """
    rows = [plan for plan in plans if plan.task.id not in refused and plan.task.control is None]
    units = list(dict.fromkeys(wanted.families.get(plan.task.id, f"task {plan.task.id}") for plan in rows))
    attempts = max((plan.attempt for plan in rows), default=0)
    by, times = spacing(wanted, len(units), attempts, len(rows))
    place = {unit: number for number, unit in enumerate(units, 1)}

    def look_of(plan: TrialPlan) -> int:
        if plan.task.id in refused or plan.task.control is not None:
            return 0
        unit = place[wanted.families.get(plan.task.id, f"task {plan.task.id}")]
        reached = unit if by == "tasks" else plan.attempt
        return next(number for number, time in enumerate(times) if reached <= time)

    ordered = sorted(plans, key=look_of)
    looks = [look_of(plan) for plan in ordered]
    ends = tuple(sum(look <= number for look in looks) for number in range(len(times)))
    bounds, no_worse = ((), ()) if wanted.anytime else bounds_at(tuple(times))
    return Course(
        schema=1, a=wanted.a, b=wanted.b, sham=wanted.sham, claim=wanted.claim, margin=wanted.margin,
        families=dict(wanted.families), by=by, anytime=wanted.anytime, ends=ends, bounds=bounds, no_worse=no_worse,
    ), ordered  # fmt: skip


def spacing(wanted: Wanted, units: int, attempts: int, trials: int) -> tuple[By, list[int]]:
    """By what the looks are counted, and on how many each of them rests.

    `units` are tasks, or the families of tasks. Raises ConfigError where so many looks cannot be.
    """
    if not units:
        raise ConfigError("the sandbox serves none of these tasks, so there is nothing to compare")
    if wanted.anytime:
        step = max(1, math.ceil(wanted.step * units / trials))
        return "tasks", [*range(step, units, step), units]
    by = counted_by(wanted.claim, wanted.looks, units, attempts)
    return by, evenly(units if by == "tasks" else attempts, wanted.looks)


@functools.lru_cache(256)  # simulations ask for the same ones thousands of times
def bounds_at(times: tuple[int, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """|Z| for better and worse at each look, 5 % over all looks; and Z for `no worse`, 5 % on its one side."""
    looks = len(times)
    return tuple(obrien_fleming(looks, ALPHA, times)), tuple(obrien_fleming(looks, 2 * ALPHA, times))


def counted_by(claim: Claim, looks: int, units: int, attempts: int) -> By:
    """Tasks or attempts: see the module's docstring. Raises ConfigError where neither allows so many looks."""
    if looks == 1:
        return "tasks"
    if claim == "like-these" and units >= LEAST_A_LOOK * looks:
        return "tasks"
    if attempts >= looks:
        return "attempts"
    if claim == "like-these" and units >= 2 * looks:
        return "tasks"
    most = max(attempts, units // 2 if claim == "like-these" else 0)
    told = f"at most {min(most, MOST_LOOKS)} looks" if most > 1 else "no looks"
    why = "; about these very tasks a look is so many attempts at each of them" if claim == "these" else ""
    raise ConfigError(
        f"{units} tasks (or families) with {attempts} attempts have room for {told}, not for {looks}{why}. "
        "Plan more tasks or attempts, or fewer --looks"
    )


def evenly(size: int, looks: int) -> list[int]:
    """The ends of `looks` parts of `size` things, as even as can be: 30 by 4 is 8, 15, 23, 30."""
    return [(2 * size * look + looks) // (2 * looks) for look in range(1, looks + 1)]


# --- on disk ---------------------------------------------------------------------------------------------------------


def read(run_dir: Path) -> Course | None:
    """The course of a run; None for a run that was not made by a comparison. Raises ResultsError for a damaged one."""
    path = run_dir / FILE
    try:
        return Course.model_validate_json(path.read_bytes()) if path.exists() else None
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise ResultsError(f"{path}: {store.first_problem(error)}; bring the file back") from error


def write(run_dir: Path, course: Course) -> None:
    """Write it down, before the plan: a run with a plan and no course was not made by a comparison."""
    store.write_atomic(run_dir / FILE, (course.model_dump_json(indent=1, by_alias=True) + "\n").encode())


def begin(
    run_dir: Path, plans: Sequence[TrialPlan], refused: Mapping[str, str], wanted: Wanted | None
) -> list[TrialPlan]:
    """The trials of a run in the order of its course, which is laid out and written when the run is new.

    A run on disk keeps the course that it began with; `wanted` is None when a run is continued without naming one, and
    for a run that compares nothing. Raises ResultsError when another course is wanted than that of the run on disk.
    """
    if not (run_dir / store.PLAN).exists():
        if wanted is None:
            (run_dir / FILE).unlink(missing_ok=True)  # of a comparison that died before it had a plan
            return list(plans)
        course, ordered = lay_out(wanted, plans, refused)
        write(run_dir, course)
        return ordered
    course_there = read(run_dir)
    if wanted is not None:
        _refuse_another(run_dir, course_there, wanted)
    if course_there is None:
        return list(plans)
    order = {row.trial_id: number for number, row in enumerate(store.plan_rows(run_dir))}
    return sorted(plans, key=lambda plan: order.get(plan.trial_id, len(order)))


def _refuse_another(run_dir: Path, there: Course | None, wanted: Wanted) -> None:
    """Refuse to look otherwise than was planned: a choice after the fact is what the plan is there to prevent."""
    if there is None:
        raise ResultsError(f"{run_dir} holds a run that `harness run` began; give another --name for a comparison")
    for key in ("a", "b", "sham", "claim", "margin", "families", "looks", "anytime"):
        then, now = getattr(there, key), getattr(wanted, key)
        if then != now:
            raise ResultsError(
                f"{run_dir} was begun as another comparison: {_told(key, then)}, and now {_told(key, now)}. "
                "Give the same options, or another --name for a new one"
            )


def _told(key: str, value: object) -> str:
    """`looks 4`; a digest by its first digits."""
    if key in ("a", "b", "sham"):
        name = "the sham" if key == "sham" else key.upper()
        return f"{name} is {str(value)[:8] if value else 'none'}"
    return f"{key} {shown(value)}"


def shown(value: object) -> str:
    """An option's value, in few words."""
    return f"of {len(value)} tasks" if isinstance(value, Mapping) else str(value)
