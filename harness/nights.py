"""Nights of a nightly -> what the last one shows, and whether there is an alarm. Pure: values in, values out.

A night is a run reduced to what later nights need of it. Nothing is counted on from night to night: everything follows
from the nights themselves, and the same nights give the same judgement. docs/nightly.md says what the figures mean.

Each candidate is watched in one of two ways. Against a pinned baseline that runs in the same night: e-values of the
night's own counts. Against its own earlier nights: the rank of tonight's pass rate among those that measured the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from pydantic import ConfigDict, Field

from harness import stats
from harness.aggregate import COVERAGE_NEEDED, display_names
from harness.stats import Clusters, Difference, Rate, Verdict
from harness.store import Loaded
from harness.types import Frozen, TrialRecord

SCHEMA = 1
ALPHA = 0.05  # of intervals, of calls on single tasks, and of a loss of trials that is no chance
LEAST_ATTEMPTS = 3  # below, no outcome of one task can tell chance from change
NAMED = 5

Kind = Literal["baseline", "nights"]
Status = Literal["fine", "alarm", "incomplete", "invalid"]


# --- a night ---------------------------------------------------------------------------------------------------------


class Score(Frozen):
    """Attempts at a task that have a verdict, and those that passed."""

    passed: int
    graded: int


class Asked(Frozen):
    """What a task was that night: its digest, and of the trials with a verdict the images and the isolation."""

    digest: str
    images: dict[str, str]
    isolation: tuple[str, ...]


class Arm(Frozen):
    """A candidate in a night, without negative controls: where its trials ended, and its score at each task.

    `refused` are the tasks that the sandbox could not serve, `not_run` counts their trials.
    """

    candidate: str
    digest: str
    name: str
    planned: int
    passed: int
    failed: int
    error: int
    missing: int
    not_run: int
    refused: tuple[str, ...]
    scores: dict[str, Score]
    asked: dict[str, Asked]
    cost_usd: float | None

    @property
    def graded(self) -> int:
        """Trials with a verdict."""
        return self.passed + self.failed

    @property
    def runnable(self) -> int:
        """Planned trials that the sandbox could serve."""
        return self.planned - self.not_run

    @property
    def coverage(self) -> float:
        """Graded by runnable; 0 when nothing could run."""
        return self.graded / self.runnable if self.runnable else 0.0


class Opening(Frozen):
    """What a night set out to do, written before its first trial.

    `slots` says of each candidate, by id, what stays when its prompt changes: a digest of agent's name, scaffold, model
    and settings. `baseline` is the id of the pinned one. `twins` are names of candidates that were the baseline itself
    that night, and were not run a second time.
    """

    schema_: int = Field(SCHEMA, alias="schema")
    name: str
    date: str
    run: str
    slots: dict[str, str]
    baseline: str | None = None
    twins: tuple[str, ...] = ()

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Night(Frozen):
    """A night, as far as it has come. `leaks` are trials that passed a negative control; `arms` are in slots' order."""

    opening: Opening
    attempts: int
    runtime: str | None
    arms: tuple[Arm, ...] = ()
    leaks: tuple[str, ...] = ()
    harness: tuple[str, ...] = ()

    @property
    def date(self) -> str:
        """The date, YYYY-MM-DD."""
        return self.opening.date

    @property
    def graded(self) -> int:
        """Trials of all arms with a verdict: grows when a night is finished later."""
        return sum(arm.graded for arm in self.arms)

    @property
    def unfinished(self) -> int:
        """Trials of all arms that can run and have no verdict."""
        return sum(arm.runnable - arm.graded for arm in self.arms)

    def arm(self, candidate: str | None) -> Arm | None:
        """The arm of a candidate, by id."""
        return next((arm for arm in self.arms if arm.candidate == candidate), None)

    def measured(self, digest: str) -> Arm | None:
        """The arm of a candidate, by digest: the very same prompt, scaffold, model and settings."""
        return next((arm for arm in self.arms if arm.digest == digest), None)


class Acknowledged(Frozen):
    """The alarms that stood in a night and that somebody has seen, by the candidates' slots.

    `bad_since`: the nights from then on were bad and do not count, those before stay.
    """

    night: str
    slots: tuple[str, ...]
    why: str
    bad_since: str | None = None
    at: str = ""

    def leaves_out(self, date: str) -> bool:
        """Whether a night does not stand for how things are after this."""
        return date <= self.night and (self.bad_since is None or date >= self.bad_since)


def night_of(opening: Opening, loaded: Loaded | None) -> Night:
    """Reduce a run to a night; without a run it is one that died before it had a plan."""
    if loaded is None:
        return Night(opening=opening, attempts=0, runtime=None)
    controls = {row.trial_id for row in loaded.planned if row.control}
    names = display_names(loaded.planned)
    return Night(
        opening=opening,
        attempts=int(loaded.config.get("attempts", 1)),
        runtime=loaded.config.get("runtime"),
        arms=tuple(arm for one in opening.slots if (arm := _arm(loaded, one, names.get(one, one)))),
        leaks=tuple(r.trial_id for r in loaded.records if r.trial_id in controls and r.outcome == "passed"),
        harness=tuple(sorted({record.harness for record in loaded.records})),
    )


def _arm(loaded: Loaded, candidate: str, name: str) -> Arm | None:
    rows = [row for row in loaded.planned if row.candidate == candidate and not row.control]
    if not rows:
        return None
    ids, refused = {row.trial_id for row in rows}, {row.task for row in rows} & loaded.refused.keys()
    records = [record for record in loaded.records if record.trial_id in ids]
    ended, outcomes = {record.trial_id for record in records}, [record.outcome for record in records]
    not_run = sum(row.task in refused and row.trial_id not in ended for row in rows)
    graded: dict[str, list[TrialRecord]] = {task: [] for task in sorted({row.task for row in rows})}
    for record in records:
        if record.outcome != "error":
            graded[record.task].append(record)
    costs = [record.cost_usd for record in records]
    return Arm(
        candidate=candidate, digest=rows[0].candidate_digest, name=name, planned=len(rows),
        passed=outcomes.count("passed"), failed=outcomes.count("failed"), error=outcomes.count("error"),
        missing=len(rows) - len(records) - not_run, not_run=not_run, refused=tuple(sorted(refused)),
        scores={task: _score(found) for task, found in graded.items()},
        asked={row.task: _asked(row.task_digest, graded[row.task]) for row in rows},
        cost_usd=None if None in costs else sum(cost or 0.0 for cost in costs),
    )  # fmt: skip


def _score(records: Sequence[TrialRecord]) -> Score:
    return Score(passed=sum(record.outcome == "passed" for record in records), graded=len(records))


def _asked(digest: str, records: Sequence[TrialRecord]) -> Asked:
    found = {
        f"{r.isolation.sandbox} {r.isolation.level}, limits by {r.isolation.limits}" for r in records if r.isolation
    }
    images = {name: image for record in records for name, image in sorted(record.images.items())}
    return Asked(digest=digest, images=images, isolation=tuple(sorted(found)))


# --- may it be looked at? --------------------------------------------------------------------------------------------


def faults(night: Night) -> list[str]:
    """Why a night decides nothing; empty when it may. Coverage counts for each arm apart, as in a comparison."""
    if night.leaks:
        return [f"a negative control was passed ({listed(night.leaks)}): the grader or the task leaks"]
    if not night.arms or len(night.arms) < len(night.opening.slots):
        return ["coverage 0 %: no trial was planned"]
    low = [arm for arm in night.arms if arm.coverage < COVERAGE_NEEDED]
    if low:
        return [_uncovered(arm) for arm in low]
    return list(_excess(night))


def _uncovered(arm: Arm) -> str:
    share = int(arm.coverage * 100 + 1e-9)
    return (
        f"coverage {share} %: {arm.graded} of {arm.runnable} trials of {arm.name} have a verdict ({arm.error} in "
        f"error, {arm.missing} missing); it takes {COVERAGE_NEEDED * 100:.0f} %"
    )


def _excess(night: Night) -> Iterator[str]:
    """An arm that lost more trials than chance explains, beside the baseline: what it lost may decide."""
    base = night.arm(night.opening.baseline)
    for arm in night.arms if base else ():
        lost = [one.runnable - one.graded for one in (base, arm) if one]
        if base and stats.fisher(lost[0], base.runnable, lost[1], arm.runnable) <= ALPHA:
            yield f"trials without a verdict: {lost[0]} of {base.name}, {lost[1]} of {arm.name}: that is no chance"


def unlike(before: Night, night: Night, digest: str) -> list[str]:
    """In what two nights of one candidate differ, so that their rates are no measurements of the same thing."""
    a, b = before.measured(digest), night.measured(digest)
    if a is None or b is None:
        return ["the candidate was another one (prompt, scaffold, model or settings)"]
    found = []
    if before.attempts != night.attempts:
        found.append(f"attempts were {before.attempts} and are {night.attempts}")
    if before.runtime != night.runtime:
        found.append(f"the runtime was {before.runtime or 'the default'} and is {night.runtime or 'the default'}")
    if a.refused != b.refused:
        found.append(f"not run were {listed(a.refused) or 'none'} and are {listed(b.refused) or 'none'}")
    return found + list(_other_tasks(a.asked, b.asked))


def _other_tasks(a: Mapping[str, Asked], b: Mapping[str, Asked]) -> Iterator[str]:
    parts = {
        "new tasks": b.keys() - a.keys(),
        "tasks that are gone": a.keys() - b.keys(),
        "changed tasks": {t for t in a.keys() & b.keys() if a[t].digest != b[t].digest},
        "other images": {n for t in a.keys() & b.keys() for n in _other_images(a[t], b[t])},
        "another sandbox": {t for t in a.keys() & b.keys() if _other_isolation(a[t], b[t])},
    }
    yield from (f"{what}: {listed(sorted(names))}" for what, names in parts.items() if names)


def _other_images(a: Asked, b: Asked) -> set[str]:
    """Images that differ; a task without a verdict tells none."""
    return {name for name in a.images.keys() & b.images.keys() if a.images[name] != b.images[name]}


def _other_isolation(a: Asked, b: Asked) -> bool:
    return bool(a.isolation and b.isolation and a.isolation != b.isolation)


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


# --- a difference ----------------------------------------------------------------------------------------------------


class Change(NamedTuple):
    """A task whose pass rate differs, by counts; `called` says that it is proven (BH) from three attempts on."""

    task: str
    passed_a: int
    n_a: int
    passed_b: int
    n_b: int
    adjusted: float
    called: bool


@dataclass(frozen=True)
class Delta:
    """Tonight (B) against something (A), at the tasks with a verdict in both, on these very tasks. Shares of 1.

    `noise` is how far apart an A/A of this design lies in 95 of 100 cases. The verdict is that of a single look; it is
    no alarm.
    """

    against: str
    nights: int
    tasks: int
    rate_a: float
    rate_b: float
    difference: Difference
    p: float
    noise: float
    verdict: Verdict
    worse: tuple[Change, ...]
    better: tuple[Change, ...]

    @property
    def regressed(self) -> tuple[str, ...]:
        """The tasks that are proven to have regressed."""
        return tuple(change.task for change in self.worse if change.called)


def delta(against: str, before: Sequence[Arm], now: Arm, margin: float) -> Delta | None:
    """Compare an arm with one or several, whose attempts are pooled by task; None without a task in both."""
    pooled = _pooled(before)
    tasks = [
        task
        for task, score in now.scores.items()
        if score.graded and pooled.get(task, Score(passed=0, graded=0)).graded
    ]
    if not tasks:
        return None
    old, new = [pooled[task] for task in tasks], [now.scores[task] for task in tasks]
    a, b = _clusters(old), _clusters(new)
    found = stats.on_these_tasks(a, b, floor=stats.least_se(a, b))
    exact = stats.label_shuffle(*_columns(old), *_columns(new))
    p = exact.mid if exact else stats.t_test(found)
    changes = list(_changes(tasks, old, new))
    return Delta(
        against=against, nights=len(before), tasks=len(tasks),
        rate_a=float(stats.task_means(a).mean()), rate_b=float(stats.task_means(b).mean()),
        difference=found, p=p, noise=stats.noise_floor(a, b), verdict=stats.decide(found, p, margin, ALPHA),
        worse=tuple(change for change in changes if change.passed_b * change.n_a < change.passed_a * change.n_b),
        better=tuple(change for change in changes if change.passed_b * change.n_a > change.passed_a * change.n_b),
    )  # fmt: skip


def _pooled(arms: Iterable[Arm]) -> dict[str, Score]:
    found: dict[str, Score] = {}
    for arm in arms:
        for task, score in arm.scores.items():
            old = found.get(task, Score(passed=0, graded=0))
            found[task] = Score(passed=old.passed + score.passed, graded=old.graded + score.graded)
    return found


def _clusters(scores: Iterable[Score]) -> Clusters:
    return [[1] * score.passed + [0] * (score.graded - score.passed) for score in scores]


def _columns(scores: Sequence[Score]) -> tuple[list[int], list[int]]:
    return [score.passed for score in scores], [score.graded for score in scores]


def _changes(tasks: Sequence[str], old: Sequence[Score], new: Sequence[Score]) -> Iterator[Change]:
    """The tasks with Fisher's p-value, corrected over all of them, the least likely first."""
    p = [stats.fisher(a.passed, a.graded, b.passed, b.graded) for a, b in zip(old, new, strict=True)]
    rows = zip(tasks, old, new, stats.benjamini_hochberg(p), strict=True)
    for task, a, b, q in sorted(rows, key=lambda row: (row[3], row[0])):
        called = q <= ALPHA and min(a.graded, b.graded) >= LEAST_ATTEMPTS
        yield Change(task, a.passed, a.graded, b.passed, b.graded, q, called)


def rate_of(arm: Arm) -> Rate | None:
    """The pass rate with its interval for tasks like these; None while coverage is too low."""
    scores = [score for score in arm.scores.values() if score.graded]
    return stats.task_rate(_clusters(scores)) if scores and arm.coverage >= COVERAGE_NEEDED else None


def statistic(arm: Arm) -> float:
    """What nights are ranked by: the mean over tasks of the share of attempts passed."""
    shares = [score.passed / score.graded for score in arm.scores.values() if score.graded]
    return sum(shares) / len(shares) if shares else 0.0


# --- the alarm -------------------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """A night of a series: the mean of its e-values (None where it says nothing), M_n after it, and its rank's p."""

    date: str
    e: float | None
    level: float
    p: float | None = None


@dataclass(frozen=True)
class Watch:
    """The alarm series of a candidate up to tonight.

    `earlier` is how many nights tonight is ranked among, 0 for `baseline`.
    `alarm` is the first night at which M_n reached the threshold since the last alarm was acknowledged: it stands.
    `new` says since when, or why, the series begins tonight; empty when it goes on.
    """

    kind: Kind
    steps: tuple[Step, ...]
    threshold: float
    alarm: str | None
    earlier: int
    new: str

    @property
    def level(self) -> float:
        """M_n after tonight; 1 before there is any evidence."""
        return self.steps[-1].level if self.steps else 1.0


@dataclass(frozen=True)
class Subject:
    """A candidate tonight: its rate, how it lies to the window of nights and to the baseline, and its alarm series."""

    arm: Arm
    slot: str
    rate: Rate | None
    window: Delta | None
    baseline: Delta | None
    watch: Watch


@dataclass(frozen=True)
class Rules:
    """What the eval file decides: nights in the window, 1 / the threshold, and the loss that is tolerable."""

    window: int = 7
    alpha: float = 0.05
    margin: float = 0.05


@dataclass(frozen=True)
class Judgement:
    """What a night shows. `nights` are all up to it, `usable` those of them that decide something.

    `acknowledged` says of slots why their alarm no longer stands.
    """

    night: Night
    status: Status
    faults: tuple[str, ...]
    subjects: tuple[Subject, ...]
    notes: tuple[str, ...]
    acknowledged: Mapping[str, str]
    rules: Rules
    nights: tuple[Night, ...]
    usable: tuple[Night, ...]

    @property
    def alarms(self) -> tuple[Subject, ...]:
        """The candidates whose alarm stands."""
        return tuple(one for one in self.subjects if one.watch.alarm and one.slot not in self.acknowledged)


def judge(nights: Sequence[Night], seen: Sequence[Acknowledged], rules: Rules) -> Judgement:
    """Judge the last of `nights`. They are in the order of their dates, and `seen` is in that of theirs."""
    night, wrong = nights[-1], tuple(faults(nights[-1]))
    usable = tuple(one for one in nights if not faults(one))
    seen_by_now = {slot: ack.why for ack in seen[::-1] if ack.night >= night.date for slot in ack.slots}
    subjects = _subjects(night, usable, seen, rules)
    found = Judgement(night, "fine", wrong, subjects, (), seen_by_now, rules, tuple(nights), usable)
    status: Status = "invalid" if wrong else "alarm" if found.alarms else "incomplete" if night.unfinished else "fine"
    return replace(found, status=status, notes=tuple(_notes(found, seen)))


def _subjects(night: Night, usable: Sequence[Night], seen: Sequence[Acknowledged], rules: Rules) -> tuple[Subject, ...]:
    """Each candidate of a night. Several are watched: each has its share of alpha, so that together they keep it."""
    before = [ack for ack in seen if ack.night < night.date]
    threshold = max(1, len(night.arms)) / rules.alpha
    return tuple(_subject(arm, night, usable, before, rules, threshold) for arm in night.arms)


def _subject(
    arm: Arm, night: Night, usable: Sequence[Night], seen: Sequence[Acknowledged], rules: Rules, threshold: float
) -> Subject:
    base, slot = night.arm(night.opening.baseline), night.opening.slots[arm.candidate]
    seen = [ack for ack in seen if slot in ack.slots]
    mine = _alike(arm, night, usable, seen)
    window = [found for one in mine[-rules.window :] if (found := one.measured(arm.digest))]
    words = "the night before" if len(window) == 1 else f"{len(window)} nights"
    before = delta(words, window, arm, rules.margin) if window else None
    if base is None or arm.candidate == base.candidate:
        return Subject(arm, slot, rate_of(arm), before, None, _ranked(arm, night, usable, seen, threshold))
    beside = delta(base.name, [base], arm, rules.margin)
    return Subject(arm, slot, rate_of(arm), before, beside, _paired(arm, base, night, usable, seen, threshold))


def _alike(arm: Arm, night: Night, usable: Sequence[Night], seen: Sequence[Acknowledged]) -> list[Night]:
    """Earlier nights that measured the same as tonight and stand for how things are."""
    return [
        one
        for one in usable
        if one.date < night.date
        and not any(ack.leaves_out(one.date) for ack in seen)
        and not unlike(one, night, arm.digest)
    ]


def _paired(
    arm: Arm, base: Arm, night: Night, usable: Sequence[Night], seen: Sequence[Acknowledged], threshold: float
) -> Watch:
    """The series against a baseline: it goes on when the prompt, a task or an image changes, for both arms see that."""
    slot = night.opening.slots[arm.candidate]
    found: list[tuple[str, tuple[float, ...]]] = []
    for one in _since(usable, seen):
        mine = next(
            (a for a in one.arms if one.opening.slots.get(a.candidate) == slot and a.digest != base.digest), None
        )
        theirs = one.measured(base.digest)
        if mine and theirs and one.opening.baseline == theirs.candidate:
            found.append((one.date, _evidence(theirs, mine)))
    steps = _steps(found)
    before = [step for step in steps if step.date < night.date]
    why = "an alarm was acknowledged" if seen else "no earlier night had this candidate beside this baseline"
    fresh = "" if before or not _others(usable, night) else why
    return Watch("baseline", steps, threshold, _first(steps, threshold), 0, fresh)


def _evidence(base: Arm, arm: Arm) -> tuple[float, ...]:
    tasks = sorted(base.scores.keys() & arm.scores.keys())
    counts = [_columns([one.scores[task] for task in tasks]) for one in (base, arm)]
    return stats.paired_e_values(*counts[0], *counts[1])


def _ranked(arm: Arm, night: Night, usable: Sequence[Night], seen: Sequence[Acknowledged], threshold: float) -> Watch:
    """The series against a candidate's own nights: each since the last acknowledged alarm, among those before it."""
    mine = _alike(arm, night, usable, seen)
    every = [*mine, night] if not faults(night) else mine
    values = [statistic(one.measured(arm.digest) or arm) for one in every]
    started = max((ack.night for ack in seen), default="")
    ranked = [
        (one.date, stats.rank_p_value(values[:n], values[n])) for n, one in enumerate(every) if one.date > started
    ]
    levels = _steps([(date, stats.rank_e_values(p)) for date, p in ranked])
    steps = tuple(step._replace(p=p) for step, (_, p) in zip(levels, ranked, strict=True))
    others = _others(usable, night)
    fresh = (
        "" if mine or not others else "; ".join(unlike(others[-1], night, arm.digest)) or "an alarm was acknowledged"
    )
    return Watch("nights", steps, threshold, _first(steps, threshold), len(mine), fresh)


def _since(usable: Sequence[Night], seen: Sequence[Acknowledged]) -> list[Night]:
    """The nights after the last alarm that was acknowledged."""
    started = max((ack.night for ack in seen), default="")
    return [one for one in usable if one.date > started]


def _others(usable: Sequence[Night], night: Night) -> list[Night]:
    return [one for one in usable if one.date < night.date]


def _steps(found: Sequence[tuple[str, tuple[float, ...]]]) -> tuple[Step, ...]:
    levels = stats.alarm_levels([bets for _, bets in found])
    return tuple(Step(date, sum(bets) / len(bets), level) for (date, bets), level in zip(found, levels, strict=True))


def _first(steps: Iterable[Step], threshold: float) -> str | None:
    return next((step.date for step in steps if step.level >= threshold), None)


# --- what else to know -----------------------------------------------------------------------------------------------


def _notes(found: Judgement, seen: Sequence[Acknowledged]) -> Iterator[str]:
    night, seen = found.night, [ack for ack in seen if ack.night < found.night.date]
    yield from _closed(found, seen)
    for name in night.opening.twins:
        yield f"{name} is the baseline itself tonight (same prompt, scaffold, model and settings): nothing to compare"
    for subject in found.subjects:
        if subject.watch.new:
            yield f"a new series begins for {subject.arm.name}: {subject.watch.new}"
    for one in found.nights[:-1]:
        yield from _past(one)
    yield from _left_out(found, seen)
    for ack in seen:
        yield f"the alarm of {ack.night} was acknowledged: {ack.why}"
    versions = sorted({version for one in found.usable for version in one.harness})
    if len(versions) > 1:
        yield f"nights of several versions of the harness: {listed(versions)}"


def _closed(found: Judgement, seen: Sequence[Acknowledged]) -> Iterator[str]:
    """An alarm that stood the night before, and whose series a change has ended: it must not go in silence."""
    others = _others(found.usable, found.night)
    standing = {subject.slot for subject in found.alarms}
    for subject in _subjects(others[-1], others, seen, found.rules) if others else ():
        known = any(ack.night >= others[-1].date and subject.slot in ack.slots for ack in seen)
        if subject.watch.alarm and subject.slot not in standing and not known:
            yield (
                f"the alarm of {subject.watch.alarm} for {subject.arm.name} was never acknowledged; its series ended, "
                "for what is measured has changed"
            )


def _past(night: Night) -> Iterator[str]:
    """A night before that is not whole: nobody else would tell."""
    if not night.arms:
        yield f"the night of {night.date} died before it had a plan; it counts nowhere"
    elif night.unfinished:
        counts = "it counts nowhere" if faults(night) else "it counts, for coverage suffices"
        yield (
            f"the night of {night.date} was never finished: {night.unfinished} of its trials lack a verdict, and "
            f"{counts}; --date {night.date} goes on with it"
        )
    elif faults(night):
        yield f"the night of {night.date} is invalid and counts nowhere: {'; '.join(faults(night))}"


def _left_out(found: Judgement, seen: Sequence[Acknowledged]) -> Iterator[str]:
    """Why earlier nights are not in a candidate's window: grouped by reason, the dates named."""
    for subject in found.subjects:
        by_reason: dict[str, list[str]] = {}
        mine = [ack for ack in seen if subject.slot in ack.slots]
        for one in _others(found.usable, found.night):
            if any(ack.leaves_out(one.date) for ack in mine):
                by_reason.setdefault("an alarm of then was acknowledged", []).append(one.date)
            elif reasons := unlike(one, found.night, subject.arm.digest):
                by_reason.setdefault("; ".join(reasons), []).append(one.date)
        for reason, dates in by_reason.items():
            yield f"{subject.arm.name}: left out of the window: {listed(dates[::-1])}: {reason}"


__all__ = [
    "Acknowledged", "Arm", "Change", "Delta", "Judgement", "Night", "Opening", "Rules", "Status", "Step", "Subject",
    "Watch", "delta", "faults", "judge", "listed", "night_of", "rate_of", "statistic", "unlike",
]  # fmt: skip
