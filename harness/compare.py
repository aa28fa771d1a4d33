"""Two arms -> a decision. Pure: reads nothing, writes nothing; the same arms give the same comparison.

Arms are paired by task. B is compared with A: a positive difference means that B is better. Whether the arms are alike
and complete enough is decided in harness/alike.py, before any figure. docs/statistics.md says what the figures mean.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from harness import stats
from harness.alike import Arm, alike, invalid, notes_on, paired_tasks
from harness.course import Claim, Stage
from harness.errors import ConfigError
from harness.stats import Clusters, Difference, Exact, Verdict
from harness.types import DIMENSIONS, TrialRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Call = Literal["regressed", "improved", "moved"]
Trials = Sequence[Sequence[TrialRecord]]  # graded ones, a sequence for each task

ALPHA = 0.05
POWER = 0.8
LEAST_ATTEMPTS = 3  # below, no outcome of one task can tell chance from change
EVEN = 1e-9  # a sum of differences this close to 0 is 0 but for rounding
ONCE = Stage()
VALUES = (0.25, 0.5, 1.0, 2.0, 4.0)  # multiples of --lambda at which acceptability is told


@dataclass(frozen=True)
class Options:
    """What the user decides. `margin` in shares of 1, `value` in dollars a solved task; `families`: task -> family."""

    margin: float = 0.05
    value: float = 1.0
    shared: bool = False
    claim: Claim = "like-these"
    families: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse numbers that decide nothing. Raises ConfigError."""
        if not (0 <= self.margin <= 1 and 0 <= self.value < float("inf")):
            raise ConfigError(
                f"the margin is a share between 0 and 1, not {self.margin}, and lambda a finite sum of dollars, "
                f"not {self.value}"
            )


class Evidence(NamedTuple):
    """Signs of the tasks' differences, or of their families': B ahead, A ahead, neither; and the e-value of that."""

    wins: int
    losses: int
    even: int
    e: float


@dataclass(frozen=True)
class Weighed:
    """What the scores say: the word, and what it rests on. `beyond`: the difference is beyond chance, either way."""

    verdict: Verdict
    beyond: bool
    difference: Difference | None
    p: Exact | None
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Contrast:
    """One measure in both arms, averaged over `tasks` tasks. `p` is of the exact paired test, `adjusted` by BH."""

    name: str
    tasks: int
    a: float
    b: float
    difference: Difference | None
    p: float
    adjusted: float


@dataclass(frozen=True)
class Flip:
    """A task whose pass rate differs between the arms. `call` is `moved` unless it is proven (BH) which way.

    `holm` and `adjusted` (BH) are corrected over all tasks compared; `trials_*` are folders, by attempt.
    """

    task: str
    passed_a: int
    n_a: int
    passed_b: int
    n_b: int
    p: float
    holm: float
    adjusted: float
    call: Call
    trials_a: tuple[str, ...]
    trials_b: tuple[str, ...]


@dataclass(frozen=True)
class Worth:
    """Cost as an outcome, in dollars a trial. `unknown` says why there are no figures; empty when there are.

    A figure that does not exist (a ratio to nothing, the cost of a solved task where none is solved) is None.
    `acceptability` is (value of a solved task, P(net benefit > 0)); `dc` is each task's difference of costs.
    """

    unknown: str
    cost_a: float | None = None
    cost_b: float | None = None
    ratio: Difference | None = None
    cold_ratio: Difference | None = None
    difference: Difference | None = None
    per_solve_a: float | None = None
    per_solve_b: float | None = None
    icer: float | None = None
    value: float = 1.0
    net_benefit: Difference | None = None
    net_benefit_p: float | None = None
    acceptability: tuple[tuple[float, float], ...] = ()
    dc: tuple[float, ...] = ()


@dataclass(frozen=True)
class Spent:
    """A quantity a trial in both arms (seconds, tokens), averaged over tasks, and the ratio B / A."""

    name: str
    a: float
    b: float
    ratio: Difference | None


@dataclass(frozen=True)
class Measured:
    """All figures of a valid comparison. Differences and rates are shares of 1.

    At a planned look the intervals `these` and `like` are wider than 95 %, so that over all looks they hold in 95 of
    100 comparisons (repeated confidence intervals, Jennison and Turnbull 1989). `d` is each task's difference.
    `p_these` is of shuffled labels, `p_like` of sign flips; the verdict goes by the mid-p. `noise` is how far apart an
    A/A lies in 95 of 100 cases, `seen` the smallest difference that this design sees with 80 % power, `needed` the
    tasks it takes to see the margin.
    """

    tasks: tuple[str, ...]
    d: tuple[float, ...]
    rate_a: float
    rate_b: float
    these: Difference
    like: Difference | None
    p_these: Exact | None
    p_like: Exact
    noise: float
    seen: float
    needed: float | None
    dimensions: tuple[Contrast, ...]
    areas: tuple[Contrast, ...]
    flips: tuple[Flip, ...]
    worth: Worth
    spent: tuple[Spent, ...]
    evidence: Evidence | None


@dataclass(frozen=True)
class Comparison:
    """A decision: its word, why, what else to know, and the figures; none of these when it is invalid.

    `stage` says at which look of how many it was come to. `sham` is B against a sham of it, and changes nothing.
    """

    a: Arm
    b: Arm
    options: Options
    verdict: Verdict
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    dropped: Mapping[str, str]
    measured: Measured | None
    stage: Stage = ONCE
    sham: Comparison | None = None


def compare(a: Arm, b: Arm, options: Options, stage: Stage = ONCE) -> Comparison:
    """Compare candidate B with A. Raises ResultsError when they are unlike (`options.shared`: share nothing)."""
    a, b, dropped = alike(a, b, options.shared)
    notes, faults = tuple(notes_on(a, b, dropped)), tuple(invalid(a, b))
    if faults:
        return Comparison(a, b, options, "invalid", faults, notes, dropped, None, stage)
    found = weighed(a, b, options, stage)
    why = (_reason(found, options, stage),)
    return Comparison(a, b, options, found.verdict, why, notes, dropped, measure(a, b, options, stage), stage)


def weighed(a: Arm, b: Arm, options: Options, stage: Stage) -> Weighed:
    """`weigh` the tasks that have a verdict in both arms."""
    tasks = paired_tasks(a, b)
    scores_a, scores_b = (_passes([arm.graded(task) for task in tasks]) for arm in (a, b))
    return weigh(scores_a, scores_b, options, stage, _families(tasks, options))


def weigh(
    a: Clusters, b: Clusters, options: Options, stage: Stage = ONCE, families: Sequence[str] | None = None
) -> Weighed:
    """Scores -> the word. Every verdict comes from here, at whatever look; so do those of the simulations.

    `a` and `b` hold the same tasks in the same order, a sequence of 0 and 1 for each; `families` names each task's.
    """
    floor, d = stats.least_se(a, b), stats.task_means(b) - stats.task_means(a)
    if stage.anytime:
        return _by_evidence(evidence(d, families), stats.on_tasks_like_these(d, families, floor=floor))
    difference: Difference | None
    p: Exact | None
    if options.claim == "these":
        difference, p = stats.on_these_tasks(a, b, 1 - stage.alpha, floor), _shuffled(a, b)
    else:
        difference = stats.on_tasks_like_these(d, families, 1 - stage.alpha, floor)
        p = stats.sign_flip(d, families)
    mid = p and p.mid
    verdict = stats.decide(difference, mid, options.margin, stage.alpha, stage.one_sided)
    return Weighed(verdict, stats.differs(difference, mid, stage.alpha), difference, p)


def evidence(d: Sequence[float] | NDArray[np.float64], families: Sequence[str] | None = None) -> Evidence:
    """The sign e-value over tasks, or over families where tasks hang together."""
    sums: dict[object, float] = defaultdict(float)
    for unit, value in zip(families if families is not None else range(len(d)), d, strict=True):
        sums[unit] += float(value)
    wins, losses = (sum(sign * value > EVEN for value in sums.values()) for sign in (1, -1))
    return Evidence(wins, losses, len(sums) - wins - losses, stats.sign_e_value(wins, losses))


def _by_evidence(found: Evidence, difference: Difference | None) -> Weighed:
    beyond = found.e >= 1 / ALPHA
    verdict: Verdict = "inconclusive" if not beyond else "better" if found.wins > found.losses else "worse"
    return Weighed(verdict, beyond, difference, None, found)


def _families(tasks: Iterable[str], options: Options) -> list[str]:
    return [options.families.get(task, f"task {task}") for task in tasks]


# --- the word --------------------------------------------------------------------------------------------------------


def _reason(found: Weighed, options: Options, stage: Stage) -> str:
    """The verdict in a sentence, in points of a hundred."""
    if found.evidence:
        return _evident(found.evidence)
    difference, p = found.difference, found.p
    if difference is None or p is None:
        return "one task (or one family) says nothing about tasks like it; `--claim these` speaks of it alone"
    where = "on these tasks" if options.claim == "these" else "on tasks like these"
    low, high = clamped(difference)
    over = " over all looks" if stage.looks > 1 else ""
    figures = (
        f"{difference.estimate * 100:+.1f} points {where} (95 %{over}: {low * 100:+.1f} to {high * 100:+.1f}; "
        f"exact p {chance(p.p)}, mid-p {chance(p.mid)})"
    )
    return at_look(stage) + figures + _because(found.verdict, difference, options.margin, stage)


def chance(p: float) -> str:
    """`= 0.031`; small ones by their order, because early looks ask for p of 0.00005."""
    return f"= {p:.3f}" if p >= 0.001 else f"= {p:.1g}" if p else "< 1e-300"


def at_look(stage: Stage) -> str:
    """`look 2 of 4, where p must be at most 0.0042: `; nothing where there is one look."""
    return f"look {stage.look} of {stage.looks}, where p must be at most {stage.alpha:.2g}: " if stage.looks > 1 else ""


def _evident(found: Evidence) -> str:
    return (
        f"{found.wins} tasks for B, {found.losses} for A, {found.even} even: evidence {found.e:.3g}, valid at any "
        f"look; it takes {1 / ALPHA:.0f}"
    )


def _because(verdict: Verdict, difference: Difference, margin: float, stage: Stage) -> str:
    """What decided between the verdicts that are not plain from the interval."""
    least = max(-1.0, stats.at_least(difference, 1 - stage.one_sided))
    bound = f"the one-sided {'95 % ' if stage.looks == 1 else ''}bound, {least * 100:+.1f}"
    if verdict == "no worse":
        sure = "; B is worse, but by less than the margin" if difference.high < 0 else ""
        return f"{sure}; {bound}, is above the margin of -{margin * 100:g}"
    if verdict != "inconclusive":
        return ""
    beside = difference.low > 0 or difference.high < 0
    why = "the exact test does not bear the interval out" if beside else "the interval holds 0"
    return f"; {why}, and {bound}, is not above the margin of -{margin * 100:g}"


def clamped(difference: Difference) -> tuple[float, float]:
    """The interval of a difference of rates, which lies in [-1, 1]."""
    return max(-1.0, difference.low), min(1.0, difference.high)


# --- the figures -----------------------------------------------------------------------------------------------------


def measure(a: Arm, b: Arm, options: Options, stage: Stage = ONCE) -> Measured:
    """Every figure of two arms with a verdict for each task that they share."""
    tasks = paired_tasks(a, b)
    graded_a, graded_b = ([arm.graded(task) for task in tasks] for arm in (a, b))
    scores_a, scores_b = _passes(graded_a), _passes(graded_b)
    families = _families(tasks, options)
    floor = stats.least_se(scores_a, scores_b)
    means_a, means_b = stats.task_means(scores_a), stats.task_means(scores_b)
    d = means_b - means_a
    these = stats.on_these_tasks(scores_a, scores_b, 1 - stage.alpha, floor)
    like = stats.on_tasks_like_these(d, families, 1 - stage.alpha, floor)
    claimed = these if options.claim == "these" or like is None else like
    return Measured(
        tasks=tuple(tasks),
        d=tuple(map(float, d)),
        rate_a=float(means_a.mean()),
        rate_b=float(means_b.mean()),
        these=these,
        like=like,
        p_these=_shuffled(scores_a, scores_b),
        p_like=stats.sign_flip(d, families),
        noise=stats.noise_floor(scores_a, scores_b),
        seen=stats.detectable(claimed.se, claimed.df, alpha=stage.alpha, power=POWER),
        needed=_needed(scores_a, scores_b, options.margin),
        dimensions=tuple(_dimensions(families, graded_a, graded_b)),
        areas=tuple(_areas([_areas_of(a, task) for task in tasks], families, scores_a, scores_b)),
        flips=tuple(_flips(a, b, tasks, graded_a, graded_b)),
        worth=_worth(graded_a, graded_b, d, families, options.value),
        spent=tuple(_spent(graded_a, graded_b)),
        evidence=evidence(d, families) if stage.anytime else None,
    )


def _passes(graded: Trials) -> list[list[int]]:
    return [[int(record.outcome == "passed") for record in records] for records in graded]


def _shuffled(a: Clusters, b: Clusters) -> Exact | None:
    passed = [[int(sum(scores)) for scores in arm] for arm in (a, b)]
    tries = [[len(scores) for scores in arm] for arm in (a, b)]
    return stats.label_shuffle(passed[0], tries[0], passed[1], tries[1])


def _needed(a: Clusters, b: Clusters, margin: float) -> float | None:
    """Tasks at this many attempts that see a difference of the margin; None where the data cannot say."""
    if len(a) < 2 or margin == 0:
        return None
    parts = stats.components(a, b)
    k_a, k_b = (len(arm) / sum(1 / len(scores) for scores in arm) for arm in (a, b))
    needed = stats.sample_size(margin, parts.w2, parts.s2_a, parts.s2_b, k_a, k_b, power=POWER)
    return needed or None


class _Part(NamedTuple):
    """A measure of some tasks: each task's family, and the scores of both arms."""

    name: str
    families: Sequence[str]
    a: Clusters
    b: Clusters


def _contrasts(parts: Sequence[_Part]) -> Iterable[Contrast]:
    """Contrasts of the parts, corrected together."""
    means = [(stats.task_means(part.a), stats.task_means(part.b)) for part in parts]
    p_values = [stats.sign_flip(b - a, part.families).p for part, (a, b) in zip(parts, means, strict=True)]
    adjusted = stats.benjamini_hochberg(p_values)
    for part, (a, b), p, q in zip(parts, means, p_values, adjusted, strict=True):
        difference = stats.on_tasks_like_these(b - a, part.families, floor=stats.least_se(part.a, part.b))
        yield Contrast(part.name, len(a), float(a.mean()), float(b.mean()), difference, p, q)


def _dimensions(families: Sequence[str], a: Trials, b: Trials) -> Iterable[Contrast]:
    """Share of hidden tests passed, a dimension at a time, over the tasks that have tests in it."""
    found = []
    for dimension in DIMENSIONS:
        scored = [(_test_shares(x, y, dimension), _test_shares(y, x, dimension)) for x, y in zip(a, b, strict=True)]
        asked = [place for place, (x, _) in enumerate(scored) if x]
        if asked:
            shares_a, shares_b = ([scored[place][arm] for place in asked] for arm in (0, 1))
            found.append(_Part(dimension, [families[place] for place in asked], shares_a, shares_b))
    return _contrasts(found)


def _test_shares(records: Sequence[TrialRecord], others: Sequence[TrialRecord], dimension: str) -> list[float]:
    """Each trial's share of passed tests. A trial whose tests never ran passed none: it must not leave the mean."""
    total = max((r.tally[dimension].total for r in (*records, *others) if dimension in r.tally), default=0)
    if not total:
        return []
    return [record.tally[dimension].passed / total if dimension in record.tally else 0.0 for record in records]


def _areas_of(arm: Arm, task: str) -> tuple[str, ...]:
    row = arm.row(task)
    return row.areas if row else ()


def _areas(areas: Sequence[Iterable[str]], families: Sequence[str], a: Clusters, b: Clusters) -> Iterable[Contrast]:
    """Pass rates over the tasks that name a capability area."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, named in enumerate(areas):
        for area in named:
            places[area].append(place)
    parts = [
        _Part(area, [families[p] for p in where], [a[p] for p in where], [b[p] for p in where])
        for area, where in sorted(places.items())
    ]
    return _contrasts(parts)


def _flips(a: Arm, b: Arm, tasks: Sequence[str], graded_a: Trials, graded_b: Trials) -> Iterable[Flip]:
    """The tasks whose pass rate differs, the largest loss first; p-values are corrected over all tasks."""
    passed = [(sum(x), len(x), sum(y), len(y)) for x, y in zip(_passes(graded_a), _passes(graded_b), strict=True)]
    p_values = [stats.fisher(*counts) for counts in passed]
    corrected = zip(p_values, stats.holm(p_values), stats.benjamini_hochberg(p_values), strict=True)
    rows = zip(tasks, passed, corrected, graded_a, graded_b, strict=True)
    found = [
        Flip(task, *counts, *p, _call(*counts, p[2]), _folders(a, x), _folders(b, y))
        for task, counts, p, x, y in rows
        if counts[0] * counts[3] != counts[2] * counts[1]
    ]
    return sorted(found, key=lambda flip: (flip.passed_b / flip.n_b - flip.passed_a / flip.n_a, flip.task))


def _call(passed_a: int, n_a: int, passed_b: int, n_b: int, adjusted: float) -> Call:
    if min(n_a, n_b) < LEAST_ATTEMPTS or adjusted > ALPHA:
        return "moved"
    return "regressed" if passed_b * n_a < passed_a * n_b else "improved"


def _folders(arm: Arm, records: Iterable[TrialRecord]) -> tuple[str, ...]:
    return tuple(f"{arm.folder}/trials/{record.trial_id}" for record in records)


# --- what it costs ---------------------------------------------------------------------------------------------------


def _worth(a: Trials, b: Trials, d: NDArray[np.float64], families: Sequence[str], value: float) -> Worth:
    """Cost as an outcome; unknown as soon as one trial's price is, because a part of the sum says nothing about it."""
    import numpy as np

    unpriced = [sum(r.cost_usd is None for records in arm for r in records) for arm in (a, b)]
    if any(unpriced):
        return Worth(f"the price of {unpriced[0]} trials in A and {unpriced[1]} in B is not known", value=value)
    cost_a, cost_b = (_means(arm, lambda record: record.cost_usd or 0.0) for arm in (a, b))
    rate_a, rate_b = (stats.task_means(_passes(arm)) for arm in (a, b))
    dc = np.asarray(cost_b) - np.asarray(cost_a)
    gained = stats.net_benefit(d, dc, value)
    values = [value * multiple for multiple in VALUES]
    return Worth(
        "",
        cost_a=float(np.mean(cost_a)),
        cost_b=float(np.mean(cost_b)),
        ratio=stats.ratio(cost_a, cost_b),
        cold_ratio=_cold_ratio(a, b),
        difference=stats.on_tasks_like_these(dc, families),
        per_solve_a=stats.cost_per_solve(cost_a, rate_a),
        per_solve_b=stats.cost_per_solve(cost_b, rate_b),
        icer=stats.icer(d, dc),
        value=value,
        net_benefit=stats.on_tasks_like_these(gained, families),
        net_benefit_p=stats.sign_flip(gained, families).p if len(gained) > 1 else None,
        acceptability=tuple(zip(values, stats.acceptability(d, dc, values), strict=True)) if len(gained) > 1 else (),
        dc=tuple(map(float, dc)),
    )


def _cold_ratio(a: Trials, b: Trials) -> Difference | None:
    """The ratio of what it would have cost without any cache; None where that is not known of a trial."""
    if any(record.cost_cold_usd is None for arm in (a, b) for records in arm for record in records):
        return None
    cold_a, cold_b = (_means(arm, lambda record: record.cost_cold_usd or 0.0) for arm in (a, b))
    return stats.ratio(cold_a, cold_b)


def _spent(a: Trials, b: Trials) -> Iterable[Spent]:
    quantities: dict[str, Callable[[TrialRecord], float]] = {
        "seconds": lambda record: record.seconds,
        "tokens": lambda record: record.usage.total,
    }
    for name, take in quantities.items():
        x, y = _means(a, take), _means(b, take)
        yield Spent(name, sum(x) / len(x), sum(y) / len(y), stats.ratio(x, y))


def _means(arm: Trials, take: Callable[[TrialRecord], float]) -> list[float]:
    """Mean of a quantity over each task's trials."""
    return [sum(map(take, records)) / len(records) for records in arm]
