"""Exact tests: every way in which chance could have dealt the same scores is counted, not approximated."""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MOST_SUMS = 2**20  # distinct sums that are kept apart; beyond, the test draws at random
FEW_SUMS = 2**12  # so many, all distinct: the sums do not coincide, and will not later on
TOGETHER = 64  # tasks of one value that are counted at once
RESAMPLES = 50_000
SAME = 1e-9  # sums closer than this, as a share of the largest, are equal but for rounding


class Exact(NamedTuple):
    """An exact p-value, and its mid-p, which counts half of what is exactly as far from 0 as the data (Lancaster 1961).

    The exact one never rejects too often, and where few sums are possible far too seldom: with 30 tasks of three
    attempts at 2.6 % in place of 5. The mid-p mends that, and may exceed alpha by a little.
    """

    p: float
    mid: float


def sign_flip(
    d: Sequence[float] | Array, families: Sequence[Hashable] | None = None, seed: int = 0, draws: int = RESAMPLES
) -> Exact:
    """p-value of a paired difference: the share of sign patterns with a sum as far from 0 (Fisher 1935, chapter 3).

    `d` is one number a task, shape (T,). Under the null hypothesis the arms are exchangeable at each task; with
    `families`, at each family at once. Exact as long as there are at most 2^20 distinct sums: up to 20 tasks in any
    case, and up to thousands for pass rates of a few attempts, whose sums coincide. Beyond, `draws` random patterns
    with the rule (1 + hits) / (1 + draws), which never gives 0 (Phipson and Smyth 2010, doi 10.2202/1544-6115.1585).
    """
    import numpy as np

    values = np.abs(_by_family(np.asarray(d, dtype=float), families))
    observed, values = abs(float(np.sum(d))), values[values > 0]
    if not len(values):
        return Exact(1.0, 0.5)
    p = _tail(_signed(values), observed, float(values.sum()))
    return _drawn(values, observed, seed, draws) if p is None else p


def label_shuffle(
    passed_a: Sequence[int], n_a: Sequence[int], passed_b: Sequence[int], n_b: Sequence[int]
) -> Exact | None:
    """p-value of the mean difference on these tasks: at each task the attempts' labels A and B are shuffled.

    Null hypothesis: at every one of these tasks both arms pass with the same chance. Given how many attempts at a task
    passed, those of B are hypergeometric; their exact convolution over the tasks gives p. It speaks of these tasks
    only. Counts of shape (T,); None where attempts differ so much between tasks that there are more than 2^20 sums.
    """
    import numpy as np

    counts = [np.asarray(column, dtype=int) for column in (passed_a, n_a, passed_b, n_b)]
    if not all(len(column) == len(counts[0]) for column in counts) or min(counts[1].min(), counts[3].min()) < 1:
        raise ValueError("each task needs an attempt in both arms")
    a, size_a, b, size_b = counts
    observed = abs(float((b / size_b - a / size_a).sum()))
    parts = [_dealt(int(a[t] + b[t]), int(size_a[t]), int(size_b[t])) for t in range(len(a))]
    return _tail(parts, observed, float(len(a)))


def mcnemar(b: int, c: int) -> Exact:
    """Exact p-value and mid-p of `b` against `c` discordant pairs, one attempt a task (McNemar 1947; Lancaster 1961).

    On pairs of single attempts it is the sign flip.
    """
    from scipy.stats import binom  # type: ignore[import-untyped]
    from statsmodels.stats.contingency_tables import mcnemar as exact  # type: ignore[import-untyped]

    if min(b, c) < 0:
        raise ValueError(f"counts must not be negative: {b}, {c}")
    if b + c == 0:
        return Exact(1.0, 0.5)
    p = float(exact([[0, b], [c, 0]], exact=True).pvalue)
    return Exact(p, p - float(binom.pmf(min(b, c), b + c, 0.5)) / (2 if b == c else 1))


def fisher(passed_a: int, n_a: int, passed_b: int, n_b: int, *, one_sided: bool = False) -> float:
    """p-value of one task's attempts in two arms, given how many passed (Fisher 1935, chapter 2).

    `one_sided` asks whether B passes less often: 3 of 3 against 0 of 3 is 0.05 then, and 0.1 else.
    """
    from scipy.stats import fisher_exact

    table = [[passed_b, n_b - passed_b], [passed_a, n_a - passed_a]]
    if min(map(min, table)) < 0:
        raise ValueError(f"passed must lie between 0 and n: {passed_a} of {n_a}, {passed_b} of {n_b}")
    return float(fisher_exact(table, "less" if one_sided else "two-sided").pvalue)


def _by_family(values: Array, families: Sequence[Hashable] | None) -> Array:
    import numpy as np

    if families is None:
        return values
    if len(families) != len(values):
        raise ValueError(f"there are {len(values)} tasks, but {len(families)} families")
    sums: dict[Hashable, float] = {}
    for family, value in zip(families, values, strict=True):
        sums[family] = sums.get(family, 0.0) + float(value)
    return np.array(list(sums.values()))


def _signed(values: Array) -> list[tuple[Array, Array]]:
    """The sums that flipped signs can give, with their chances; tasks of one value go together, some at a time."""
    import numpy as np

    parts = []
    for value, often in zip(*np.unique(np.round(values, 12), return_counts=True), strict=True):
        for start in range(0, int(often), TOGETHER):
            number = min(TOGETHER, int(often) - start)
            chances = np.array([math.comb(number, up) / 2**number for up in range(number + 1)])
            parts.append((value * (2 * np.arange(number + 1) - number), chances))
    return parts


@functools.lru_cache(4096)  # few kinds of tasks come again and again, and this is what takes time
def _dealt(passed: int, n_a: int, n_b: int) -> tuple[Array, Array]:
    """The differences that shuffling the labels at one task can give, with their chances. Not to be changed."""
    import numpy as np
    from scipy.stats import hypergeom

    in_b = np.arange(max(0, passed - n_a), min(passed, n_b) + 1)
    return in_b / n_b - (passed - in_b) / n_a, hypergeom.pmf(in_b, n_a + n_b, passed, n_b)


def _tail(parts: Sequence[tuple[Array, Array]], observed: float, largest: float) -> Exact | None:
    """P(|sum| >= observed) for independent parts (values, chances); None when there are too many distinct sums."""
    import numpy as np

    sums: Array = np.zeros(1)
    chances: Array = np.ones(1)
    for left, (values, weights) in zip(range(len(parts) - 1, -1, -1), parts, strict=True):
        # In units of `largest`, rounded: equal sums that took another way there become one.
        every = np.round((sums[:, None] + values[None, :] / largest).ravel(), 12)
        sums, place = np.unique(every, return_inverse=True)
        chances = np.bincount(place, (chances[:, None] * weights[None, :]).ravel()).astype(float)
        if len(sums) > (MOST_SUMS if len(sums) < len(every) else max(FEW_SUMS, MOST_SUMS >> left)):
            return None
    beyond = np.abs(sums) - observed / largest
    more, even = float(chances[beyond > SAME].sum()), float(chances[np.abs(beyond) <= SAME].sum())
    return Exact(min(1.0, more + even), more + even / 2)


def _drawn(values: Array, observed: float, seed: int, draws: int) -> Exact:
    import numpy as np

    source, hits, done = np.random.default_rng(seed), 0, 0
    limit, batch = observed - SAME * float(values.sum()), max(1, 4_000_000 // len(values))
    while done < draws:
        size = min(batch, draws - done)
        signs = source.integers(0, 2, (size, len(values)), dtype=np.int8) * 2.0 - 1
        hits += int((np.abs(signs @ values) >= limit).sum())
        done += size
    p = (1 + hits) / (1 + draws)
    return Exact(p, p)  # so many distinct sums hardly ever tie
