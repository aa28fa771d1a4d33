"""A comparison that is run is judged at its looks: which look decides, and which trials come next.

The looks are taken in their order, each from the records on disk, and the first that decides is the verdict, whatever
was run after it. So a run that was stopped early, one that went on by mistake, and the same run read a year later have
one verdict. Better and worse decide. "No worse" is said at the last look alone (or where a loss is decided that the
margin tolerates): who stops for it can no longer find that B is better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from harness import arms, store
from harness.alike import Arm, invalid, paired_tasks
from harness.compare import Comparison, Options, Weighed, compare, weigh, weighed
from harness.course import Course, Stage, Wanted, bounds_at, read, spacing, stage_of
from harness.errors import ResultsError
from harness.store import Loaded
from harness.types import TrialPlan

Weigh = Callable[[Sequence[Sequence[int]], Sequence[Sequence[int]], Options, Stage], Weighed]


class At(NamedTuple):
    """A look at the records on disk. `taken` is False when too few trials have a verdict.

    `a` and `b` are reduced to the trials that it rests on; `planned` is A with all that was planned.
    """

    number: int
    taken: bool
    decides: bool
    a: Arm
    b: Arm
    planned: Arm
    stage: Stage


# --- a run that was made for it --------------------------------------------------------------------------------------


def judge(loaded: Loaded, course: Course, options: Options) -> Comparison:
    """The comparison at the first look that decides, else at the last one; of B and the sham at the same trials.

    `options` give what does not decide (the value of a solved task); claim, margin and families are the course's.
    Without a look that decides, and with trials of the last one missing, it is `invalid`.
    """
    options = replace(options, claim=course.claim, margin=course.margin, families=course.families)
    loaded = whole(loaded)
    looks = [look(loaded, course, options, number) for number in range(1, course.looks + 1)]
    at = next((one for one in looks if one.decides), looks[-1])
    found = compare(at.a, at.b, options, at.stage)
    return replace(
        found,
        reasons=(*found.reasons, *_standing(course, at, looks)),
        notes=(*found.notes, *_course_notes(course, at, looks)),
        sham=_against_sham(loaded, course, options, at),
    )


def whole(loaded: Loaded) -> Loaded:
    """A run with all trials that were planned: what a look ended before is missing to every later look."""
    return replace(loaded, planned=tuple(store.plan_rows(loaded.run_dir)))


def look(loaded: Loaded, course: Course, options: Options, number: int) -> At:
    """Look `number` of a run, from 1; of a course by e-values the one look is at all tasks that are complete."""
    stage = course.stage(number)
    planned = arms.of(loaded, course.a)
    a, b = (_reached(arm, loaded, course, number) for arm in (planned, arms.of(loaded, course.b)))
    if course.anytime:
        a, b = complete(a, b)
    taken = next(iter(invalid(a, b)), None) is None and bool(paired_tasks(a, b))
    return At(number, taken, taken and weighed(a, b, options, stage).beyond, a, b, planned, stage)


def complete(a: Arm, b: Arm) -> tuple[Arm, Arm]:
    """Both arms at the tasks whose every planned trial has ended: those that are under way tell nothing yet."""
    ended = {record.trial_id for arm in (a, b) for record in arm.records}
    rows = [row for arm in (a, b) for row in arm.planned]
    open_tasks = {row.task for row in rows if row.trial_id not in ended and row.task not in {*a.refused, *b.refused}}
    kept = {row.task for row in rows} - open_tasks
    return a.of(kept), b.of(kept)


def _reached(arm: Arm, loaded: Loaded, course: Course, number: int) -> Arm:
    if course.anytime:
        return arm
    return arm.among({row.trial_id for row in loaded.planned[: course.ends[number - 1]]})


def _standing(course: Course, at: At, looks: Sequence[At]) -> Iterator[str]:
    """How far a comparison has come that has not come to its end."""
    if course.anytime:
        planned, done = (len({row.task for row in arm.planned}) for arm in (looks[0].planned, at.a))
        if not at.decides and done < planned:
            yield f"{done} of {planned} tasks are complete; the run may go on"
    elif course.looks > 1 and not at.taken:
        done = max((one.number for one in looks if one.taken), default=0)
        where = f"look {done} of {course.looks} was reached, and decided nothing" if done else "no look was reached yet"
        yield f"{where}: the run has to go on before there is a verdict"


def _course_notes(course: Course, at: At, looks: Sequence[At]) -> Iterator[str]:
    """What a reader should know of the looks that were planned and taken."""
    if course.anytime:
        yield ANYTIME
    if course.looks == 1 or not at.taken:
        return
    yield (
        f"{course.looks} looks by {course.by} were planned before the first trial (O'Brien-Fleming, 5 % over all of "
        f"them); this is look {at.number}, after {at.stage.share * 100:.0f} % of the trials"
    )
    skipped = [str(one.number) for one in looks[: at.number - 1] if not one.taken]
    if skipped:
        yield f"too few trials had a verdict at look {', '.join(skipped)}, so that it was not taken"
    if not at.stage.is_last:
        yield STOPPED_EARLY


ANYTIME = (
    "the verdict is by e-values over tasks, which are valid whenever one looks; the intervals and p-values beside it "
    "are for one look, and do not decide"
)
STOPPED_EARLY = (
    "stopped early: the estimate is likely to be too large, its interval is not; the intervals of costs, dimensions "
    "and areas are not corrected for the looks"
)


def _against_sham(loaded: Loaded, course: Course, options: Options, at: At) -> Comparison | None:
    """B against the sham at the trials of the look that decided. It is no test of the course, and is told as such."""
    if course.sham is None:
        return None
    sham = _reached(arms.of(loaded, course.sham), loaded, course, at.number)
    return compare(*complete(sham, at.b), options) if course.anytime else compare(sham, at.b, options)


# --- any other pair --------------------------------------------------------------------------------------------------


def anytime(a: Arm, b: Arm, options: Options) -> Comparison:
    """Compare two arms of existing runs by e-values, at the tasks that are complete in both."""
    found = compare(*complete(a, b), options, Stage(anytime=True))
    return replace(found, notes=(*found.notes, ANYTIME))


def course_of(a: Arm, b: Arm) -> tuple[Loaded, Course] | None:
    """The run and course that planned this very pair, turned round if the pair is; None for any other pair.

    Raises ResultsError for another pair with an arm of a run that a look ended: it ended because of its results, and a
    plain test of such results finds more than there is.
    """
    course = read(Path(a.folder)) if a.folder == b.folder else None
    if course and {a.digest, b.digest} == {course.a, course.b}:
        turned = course.model_copy(update={"a": a.digest, "b": b.digest})
        return store.load(Path(a.folder)), turned
    for arm in (a, b):
        if store.stopped(Path(arm.folder)) is not None:
            raise ResultsError(
                f"run {arm.run} was stopped early by a planned look, because its arms differed; compared with anything "
                f"else it would show too large a difference. `harness compare {arm.run}` is its verdict; run the "
                "candidates again without --looks to compare them otherwise"
            )
    return None


def pair_of(loaded: Loaded, course: Course) -> tuple[Arm, Arm]:
    """The two arms of a run's own course, whole."""
    return arms.of(loaded, course.a), arms.of(loaded, course.b)


def play(
    a: Sequence[Sequence[int]], b: Sequence[Sequence[int]], wanted: Wanted, weigh: Weigh = weigh
) -> tuple[int, Weighed]:
    """What a comparison says if its trials end so, and at which look (or, for e-values, after how many tasks).

    `a` and `b` are 0 and 1, shape (T, K), tasks and attempts in the order in which they are run. It is the course and
    the decision of `harness compare`, without sandboxes and files: for simulations of how often a design is right.
    Raises ConfigError for more looks than the design has room for.
    """
    tasks, attempts = len(a), len(a[0])
    by, times = spacing(replace(wanted, step=1), tasks, attempts, tasks)
    bounds, no_worse = ([0.0] * len(times), [0.0] * len(times)) if wanted.anytime else bounds_at(tuple(times))
    options = Options(claim=wanted.claim, margin=wanted.margin)
    for number, time in enumerate(times, 1):
        stage = stage_of(number, len(times), bounds[number - 1], no_worse[number - 1], time / times[-1])
        parts = [arm[:time] if by == "tasks" else [scores[:time] for scores in arm] for arm in (a, b)]
        found = weigh(parts[0], parts[1], options, Stage(anytime=True) if wanted.anytime else stage)
        if found.beyond or number == len(times):
            return number, found
    raise AssertionError("the last look returns")


# --- while it runs ---------------------------------------------------------------------------------------------------


def needed(run_dir: Path, todo: Sequence[TrialPlan]) -> list[TrialPlan]:
    """The trials that are still to do: none when a look has decided, whatever else was planned."""
    return [] if store.stopped(run_dir) is not None else list(todo)


def blocks(run_dir: Path, todo: Sequence[TrialPlan], say: Callable[[str], None]) -> Iterator[Sequence[TrialPlan]]:
    """The trials to do, a look's at a time; the next ones only when those before have ended and decided nothing.

    A run without a course is one block. When a look decides, that is written down: the rest is planned no more. Ends
    without a word when trials of a block were not carried out (the budget said why).
    """
    course = read(run_dir)
    if course is None or not todo:
        yield todo
        return
    place = {row.trial_id: number for number, row in enumerate(store.plan_rows(run_dir))}
    begun = 0
    for number, end in enumerate(course.ends, 1):
        part = [trial for trial in todo if begun <= place[trial.trial_id] < end]
        if part:
            yield part
        if number == len(course.ends) or not _ended(run_dir, part) or _decided(run_dir, course, number, say):
            return
        begun = end


def _ended(run_dir: Path, part: Sequence[TrialPlan]) -> bool:
    """Whether each of these trials has a record: those that the budget stopped have none."""
    return all(_has_record(run_dir, trial.trial_id) for trial in part)


def _decided(run_dir: Path, course: Course, number: int, say: Callable[[str], None]) -> bool:
    """Whether the run may end here; says what was found, and writes it down when it does."""
    loaded = whole(store.load(run_dir))
    options = Options(claim=course.claim, margin=course.margin, families=course.families)
    at = look(loaded, course, options, 1 if course.anytime else number)
    where = "so far" if course.anytime else f"look {number} of {course.looks}"
    if not at.decides:
        say(f"{where}: {'nothing is decided' if at.taken else 'too few trials have a verdict'}, the run goes on")
        return False
    done = [place for place, row in enumerate(store.plan_rows(run_dir), 1) if _has_record(run_dir, row.trial_id)]
    trials = next(end for end in course.ends if end >= max(done))
    why = f"{where}: {weighed(at.a, at.b, options, at.stage).verdict}"
    store.stop(run_dir, trials, why)
    say(f"{why}; decided, so {course.ends[-1] - trials} of {course.ends[-1]} trials are not needed")
    return True


def _has_record(run_dir: Path, trial_id: str) -> bool:
    return (store.trial_dir(run_dir, trial_id) / store.RECORD).exists()
