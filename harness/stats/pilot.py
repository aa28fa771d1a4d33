"""What a pilot, or rates that somebody states, tells about the spread of a comparison that is still to be made.

Var(d) = w2 + s2_a / K_a + s2_b / K_b for the difference of one task (Miller 2024, arXiv 2411.00640). What the pilot
cannot tell is assumed, and `assumed` names it:

    noise     s2: half of a trial's variance is chance within the task. So it is for tasks whose pass chances are
              Beta(½, ½) around one half: most are easy or hopeless. One attempt a task tells the whole variance only.
    spread    w2 = Var(p_A) + Var(p_B) - 2 r sd(p_A) sd(p_B) with r = 0.95: the tasks that are hard for one revision of
              a prompt are hard for the other. One arm does not tell how tasks differ in what a change does to them.
    unanimous an arm that passed or failed throughout: its rate counts as (passed tasks + ½) / (T + 1) (Jeffreys), with
              half of that variance within tasks.

Where the attempts at each task agree the estimate is 0, and nobody is that certain: s2 is never below what one flipped
attempt would give.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from harness.stats.paired import WIDEST_VARIANCE, components, task_means
from harness.stats.power import _variance
from harness.stats.rates import Clusters, Interval

WITHIN = 0.5
ALIKE = 0.95
LEAST_BETWEEN = 0.1  # of a trial's variance: a few tasks may look equally hard by chance, and hardly ever are


class Variances(NamedTuple):
    """Where the spread of a difference comes from. `df` is the degrees of freedom of the estimate; infinite: stated."""

    s2_a: float
    s2_b: float
    w2: float
    df: float = math.inf
    assumed: tuple[str, ...] = ()

    def of_task(self, k_a: float, k_b: float, *, noise_only: bool = False) -> float:
        """Variance of one task's difference at so many attempts."""
        return _variance(0.0 if noise_only else self.w2, self.s2_a, self.s2_b, k_a, k_b)

    def error_factor(self, confidence: float = 0.95) -> Interval:
        """What a standard error by these may have to be multiplied with: sqrt(df / chi²), 1 where nothing is estimated.

        Exact for normal differences; rough for pass rates, and better than not to say it.
        """
        if math.isinf(self.df):
            return Interval(1.0, 1.0)
        if self.df < 1:
            return Interval(0.0, math.inf)
        from scipy.special import chdtri  # type: ignore[import-untyped]

        tail = (1 - confidence) / 2
        low, high = (math.sqrt(self.df / float(chdtri(self.df, part))) for part in (tail, 1 - tail))
        return Interval(low, high)


class _Arm(NamedTuple):
    """One arm of a pilot: variance of an attempt at a task, and of the tasks' chances."""

    s2: float
    between: float
    assumed: frozenset[str]


def stated(rate_a: float, rate_b: float, within: float = WITHIN, spread: float | None = None) -> Variances:
    """Variances behind two pass rates. `within` is the share of a trial's variance that is chance within its task,
    `spread` the standard deviation of the tasks' true differences; None: as for two revisions of a prompt.
    """
    if not (0 <= rate_a <= 1 and 0 <= rate_b <= 1 and 0 <= within <= 1 and (spread is None or 0 <= spread <= 1)):
        raise ValueError("rates, the share within tasks and the spread lie between 0 and 1")
    total_a, total_b = rate_a * (1 - rate_a), rate_b * (1 - rate_b)
    w2 = _two_alike(total_a * (1 - within), total_b * (1 - within)) if spread is None else spread**2
    return Variances(total_a * within, total_b * within, w2, math.inf, () if spread is not None else ("spread",))


def from_one(arm: Clusters, spread: float | None = None) -> Variances:
    """Variances from a pilot of one arm, scores of shape (T, attempts): the other arm is taken to be like it."""
    found = _arm(arm)
    w2 = _two_alike(found.between, found.between) if spread is None else spread**2
    assumed = found.assumed | (set() if spread is not None else {"spread"})
    return Variances(found.s2, found.s2, w2, len(arm) - 1, tuple(sorted(assumed)))


def from_two(a: Clusters, b: Clusters, spread: float | None = None) -> Variances:
    """Variances from a pilot of two arms at the same tasks. With one attempt a task Var(d) is known and its parts are
    not: noise is assumed, and no larger than Var(d) allows.
    """
    if len(a) < 2 or len(a) != len(b):
        return _merged(from_one(a, spread), from_one(b, spread))
    one, two, var_d = _arm(a), _arm(b), components(a, b).var_d
    if var_d == 0:  # no task differed, so the arms were alike throughout: what each tells has to do
        return _merged(from_one(a, spread), from_one(b, spread))
    noise = one.s2 * _inverse(a) + two.s2 * _inverse(b)
    guessed = bool(one.assumed | two.assumed)
    shrunk = min(1.0, var_d / noise) if guessed else 1.0
    w2 = max(var_d - noise * shrunk, 0.0) if spread is None else spread**2
    assumed = sorted((one.assumed | two.assumed) - {"unanimous"})  # the difference varied
    return Variances(one.s2 * shrunk, two.s2 * shrunk, w2, len(a) - 1, tuple(assumed))


def _merged(a: Variances, b: Variances) -> Variances:
    """Two arms whose tasks cannot be paired: each tells its own noise."""
    return Variances(a.s2_a, b.s2_a, (a.w2 + b.w2) / 2, min(a.df, b.df), tuple(sorted({*a.assumed, *b.assumed})))


def _arm(clusters: Clusters) -> _Arm:
    import numpy as np

    means, sizes = task_means(clusters), np.array([len(scores) for scores in clusters])
    rate, tasks = float(means.mean()), len(clusters)
    unanimous = rate in (0.0, 1.0)
    if unanimous:
        rate = (rate * tasks + 0.5) / (tasks + 1)
    total = rate * (1 - rate)
    if unanimous or not (sizes > 1).any():
        assumed = {"unanimous"} if unanimous else {"noise"}
        return _Arm(total * WITHIN, total * (1 - WITHIN), frozenset(assumed))
    repeated = [scores for scores in clusters if len(scores) > 1]
    s2 = min(float(np.mean([np.var(scores, ddof=1) for scores in repeated])), WIDEST_VARIANCE)
    s2 = max(s2, min(1 / sum(map(len, repeated)), WIDEST_VARIANCE))
    spread = float(means.var(ddof=1)) if tasks > 1 else total
    return _Arm(s2, max(spread - s2 * _inverse(clusters), total * LEAST_BETWEEN), frozenset())


def _inverse(clusters: Clusters) -> float:
    """Mean of 1 / attempts."""
    return sum(1 / len(scores) for scores in clusters) / len(clusters)


def _two_alike(a: float, b: float) -> float:
    """Variance of the difference of two correlated chances with these variances."""
    return max(a + b - 2 * ALIKE * math.sqrt(a * b), 0.0)
