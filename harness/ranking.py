"""Counts of passes -> rates over tasks, pairwise tests, rank intervals, the cost frontier. Pure, on whole arrays.

`passed` and `graded` are counts of trials, shape (m, T): m rows at T tasks. Every task weighs the same, however often
it was tried: whoever repeats the easy tasks gains nothing by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from harness import stats
from harness.stats import Rate
from harness.stats.many import RankInterval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

ALPHA = 0.05
MANY_TASKS = 50  # below, always exact sign flips; from here on the paired t test where there are MANY_SUMS
MANY_SUMS = 2000  # so many units of difference: then no few tasks decide, and t is as good
FINEST = 420  # the finest unit of a difference: attempts of up to 7 are counted exactly, all finer ones rounded to it
ROUNDING = 1e-6  # of a unit: what adding up floats may leave
FEW_TIMES = 64  # so often a size may be there for its distribution to be added up shift by shift


class Pair(NamedTuple):
    """Rows a and b at the tasks that both have a verdict for: mean difference a - b, its p, and that after Holm."""

    a: int
    b: int
    tasks: int
    difference: float
    p: float
    adjusted: float


@dataclass(frozen=True)
class Ranking:
    """Rank intervals in the order of the rows, and the pairs that they come from."""

    intervals: tuple[RankInterval, ...]
    pairs: tuple[Pair, ...]


# --- one row ---------------------------------------------------------------------------------------------------------


def rate(passed: Counts, graded: Counts) -> Rate | None:
    """Pass rate of one row, shape (T,): the mean over tasks of each task's share, with Wilson's interval.

    The effective sample size is p(1 - p) / SE² for SE² = var(x) / T, held between T (attempts at one task tell nothing
    new) and T² / sum(1 / n_t) (each tells something new). With equal repeats it is `stats.task_rate`. None without a
    graded trial.
    """
    tried = graded > 0
    if not tried.any():
        return None
    shares = passed[tried] / graded[tried]
    mean, tasks = float(shares.mean()), len(shares)
    n = _effective(shares, mean, tasks, float(tasks**2 / (1 / graded[tried]).sum()))
    low, high = stats.wilson(min(mean * n, n), n)
    return Rate(mean, low, high, n)


def _effective(shares: Floats, mean: float, tasks: int, most: float) -> float:
    variance = mean * (1 - mean)
    if tasks < 2 or variance <= 0:
        return float(tasks)
    error = float(shares.var(ddof=1)) / tasks
    return most if error == 0 else min(max(variance / error, float(tasks)), most)


def mean_over_tasks(hits: Floats | Counts, totals: Floats | Counts) -> float | None:
    """Mean over tasks of hits by total, for the tasks that have a total; None without any."""
    known = totals > 0
    return float((hits[known] / totals[known]).mean()) if known.any() else None


def pass_curve(passed: Counts, graded: Counts, most: int) -> list[tuple[int, float, float]]:
    """(k, pass@k, pass^k) for each k up to the attempts that every tried task has, and up to `most`; shape (T,)."""
    counts = [(int(n), int(c)) for n, c in zip(graded, passed, strict=True) if n]
    top = min((n for n, _ in counts), default=0)
    return [
        (k, _mean([stats.pass_at_k(n, c, k) for n, c in counts]), _mean([stats.pass_hat_k(n, c, k) for n, c in counts]))
        for k in range(1, min(top, most) + 1)
    ]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


# --- pairs and ranks -------------------------------------------------------------------------------------------------


def rank(passed: Counts, graded: Counts, conditions: Counts, comparable: Flags) -> Ranking:
    """Rank m rows by paired comparisons over the tasks that two rows share, with Holm over all pairs.

    A task is shared where both rows have a verdict under equal `conditions` (codes, shape (m, T)). Pairs that are not
    `comparable` (m, m) or share no task are not tested, and so neither is surely better: intervals only grow wider.
    """
    import numpy as np

    rows = len(passed)
    found = [
        pair for a in range(rows - 1) for pair in _pairs_of(a, passed, graded, conditions, comparable) if pair.tasks
    ]
    adjusted = holm(np.array([pair.p for pair in found]))
    pairs = tuple(pair._replace(adjusted=p) for pair, p in zip(found, adjusted, strict=True))
    better = np.zeros((rows, rows), dtype=bool)
    for pair in pairs:
        if pair.adjusted <= ALPHA and pair.difference:
            winner, loser = (pair.a, pair.b) if pair.difference > 0 else (pair.b, pair.a)
            better[winner, loser] = True
    return Ranking(tuple(stats.rank_intervals(better.tolist())), pairs)


def holm(p: Floats) -> list[float]:
    """Adjusted p-values as `stats.holm` gives them, which collects all garbage of the process at every call."""
    import numpy as np

    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]


def fewest_tasks(rows: int) -> int:
    """How many tasks it takes until any order of that many rows can be told from chance.

    The rarest sign pattern of T tasks has p = 2 / 2^T, and Holm wants it below ALPHA by the number of pairs: 6 tasks
    for two rows, 11 for eight.
    """
    return math.ceil(1 + math.log2(max(rows * (rows - 1) // 2, 1) / ALPHA))


def _pairs_of(a: int, passed: Counts, graded: Counts, conditions: Counts, comparable: Flags) -> list[Pair]:
    """Row `a` against every later row."""
    import numpy as np

    others = np.arange(a + 1, len(passed))[comparable[a, a + 1 :]]
    shared = (graded[a] > 0) & (graded[others] > 0) & (conditions[a] == conditions[others])
    n_a, n_b = np.maximum(graded[a], 1), np.maximum(graded[others], 1)
    d = np.where(shared, passed[a] / n_a - passed[others] / n_b, 0.0)
    tasks = shared.sum(axis=1)
    mean = np.array([stats.paired.settled(value) for value in d.sum(axis=1) / np.maximum(tasks, 1)])
    tries = np.minimum((shared * graded[a]).sum(axis=1), (shared * graded[others]).sum(axis=1))
    p = _t_tests(d, shared, mean, tasks, tries)
    few = np.flatnonzero(tasks > 0)
    exact = _flips(passed[a], graded[a], passed[others[few]], graded[others[few]], shared[few])
    p[few] = np.where(np.isnan(exact), p[few], exact)
    columns = zip(others, tasks, mean, p, strict=True)
    return [Pair(a, int(b), int(n), float(m), float(value), 1.0) for b, n, m, value in columns]


def _t_tests(d: Floats, shared: Flags, mean: Floats, tasks: Counts, tries: Counts) -> Floats:
    """Paired t tests, a row each: SE = sd(d) / sqrt(T), and no less than one flipped attempt gives (1 / (T K))."""
    import numpy as np
    from scipy.special import stdtr  # type: ignore[import-untyped]

    n = np.maximum(tasks, 2)
    squares = (np.where(shared, d - mean[:, None], 0.0) ** 2).sum(axis=1)
    error = np.maximum(np.sqrt(squares / (n - 1) / n), 1 / np.maximum(tries, 1))
    return np.asarray(2 * stdtr(n - 1, -np.abs(mean) / error), dtype=float)


def _flips(passed_a: Counts, graded_a: Counts, passed_b: Counts, graded_b: Counts, shared: Flags) -> Floats:
    """Exact sign-flip p-values of row a against several rows b, shape (pairs, T) -> (pairs,); nan where t will do.

    Where attempts are so uneven that they have no small common denominator, differences are rounded to 1 / FINEST and
    the sum that counts as far from 0 is taken smaller by all that rounding can add: p is then never too small.
    """
    import numpy as np

    unit = math.lcm(*(int(n) for n in np.unique(np.concatenate([graded_a, graded_b.ravel()])) if n))
    d = np.where(shared, passed_a / np.maximum(graded_a, 1) - passed_b / np.maximum(graded_b, 1), 0.0)
    fine = min(unit, FINEST)
    whole = np.rint(d * fine).astype(np.int64)
    slack = 0.0 if unit == fine else 0.5 * (d != 0).sum(axis=1)
    observed = np.maximum(np.ceil(np.abs(d.sum(axis=1)) * fine - slack - ROUNDING), 0).astype(np.int64)
    few = (shared.sum(axis=1) < MANY_TASKS) | (np.abs(whole).sum(axis=1) <= MANY_SUMS)
    rows = zip(np.abs(whole), observed, few, strict=True)
    return np.array([_flip(_tallied(row), int(total)) if exact else math.nan for row, total, exact in rows])


def _tallied(values: Counts) -> tuple[tuple[int, int], ...]:
    """The distinct sizes of some differences but 0, and how often each is there."""
    import numpy as np

    sizes, times = np.unique(values[values > 0], return_counts=True)
    divisor = math.gcd(*map(int, sizes)) if len(sizes) else 1
    return (*((int(size) // divisor, int(n)) for size, n in zip(sizes, times, strict=True)), (0, divisor))


@lru_cache(100_000)
def _flip(tallied: tuple[tuple[int, int], ...], observed: int) -> float:
    """P(|sum of signed sizes| >= observed): the sizes' binomial distributions, convolved."""
    import numpy as np

    *sizes, (_, divisor) = tallied
    chances = np.ones(1)
    for size, times in sizes:
        chances = _spread(chances, size, times)
    sums = np.abs(np.arange(len(chances)) - len(chances) // 2)
    return min(1.0, float(chances[sums >= -(-observed // divisor)].sum()))


def _spread(chances: Floats, size: int, times: int) -> Floats:
    """The distribution of a sum to which `times` coins of plus or minus `size` are added."""
    import numpy as np

    if times > FEW_TIMES:
        part = np.zeros(2 * times * size + 1)
        part[:: 2 * size] = _coins(times)
        return np.convolve(chances, part)
    spread = np.zeros(len(chances) + 2 * times * size)
    for heads, weight in enumerate(_coins(times)):
        start = 2 * size * heads
        spread[start : start + len(chances)] += weight * chances
    return spread


@lru_cache(1000)
def _coins(times: int) -> tuple[float, ...]:
    return tuple(math.comb(times, heads) / 2**times for heads in range(times + 1))


# --- cost and accuracy -----------------------------------------------------------------------------------------------


def frontier(points: Sequence[tuple[float | None, float | None]]) -> list[bool]:
    """Which of the points (cost, rate) nobody beats: none costs no more and passes no less, and is better in one.

    A point whose cost or rate is not known is never on the frontier, and beats nobody.
    """
    known = sorted({(c, -r) for c, r in points if c is not None and r is not None})
    best, kept = 0.0, set()  # what passes nothing is no choice, however cheap
    for cost, negative in known:
        if -negative > best:
            best = -negative
            kept.add((cost, -negative))
    return [point in kept for point in points]
