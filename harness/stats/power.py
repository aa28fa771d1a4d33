"""Before and beside a comparison: how many tasks it needs, what it could have seen, how far nothing strays from 0."""

from __future__ import annotations

import math
from statistics import NormalDist

from harness.stats.paired import least_se, quantile
from harness.stats.rates import Clusters


def sample_size(
    delta: float, w2: float, s2_a: float = 0.0, s2_b: float = 0.0, k_a: float = 1, k_b: float = 1, *,
    alpha: float = 0.05, power: float = 0.8,
) -> float:  # fmt: skip
    """Tasks needed to see a difference: n = (z_{α/2} + z_β)² (w² + s²_A / K_A + s²_B / K_B) / δ².

    Miller 2024 (arXiv 2411.00640). `delta` in shares of 1; `w2`, `s2_a`, `s2_b` as in `components`, those below 0 count
    as 0; `k_a`, `k_b` attempts a task. Not rounded: take the next whole number.
    """
    if delta == 0 or min(k_a, k_b) <= 0 or not 0 < alpha < 1 or not 0 < power < 1:
        raise ValueError("delta must not be 0, attempts must be positive, alpha and power must lie between 0 and 1")
    return _quantiles(alpha, power) ** 2 * _variance(w2, s2_a, s2_b, k_a, k_b) / delta**2


def power(
    delta: float, tasks: float, w2: float, s2_a: float = 0.0, s2_b: float = 0.0, k_a: float = 1, k_b: float = 1, *,
    alpha: float = 0.05,
) -> float:  # fmt: skip
    """Chance that so many tasks see a true difference of `delta`, in its direction: `sample_size` turned round."""
    if tasks <= 0 or min(k_a, k_b) <= 0 or not 0 < alpha < 1:
        raise ValueError("tasks and attempts must be positive, alpha must lie between 0 and 1")
    se = math.sqrt(_variance(w2, s2_a, s2_b, k_a, k_b) / tasks)
    if se == 0:
        return 1.0 if delta else alpha / 2
    return NormalDist().cdf(abs(delta) / se - NormalDist().inv_cdf(1 - alpha / 2))


def detectable(se: float, df: float = math.inf, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest true difference that a design with this standard error sees: (t_{α/2} + t_β) · SE (Bloom 1995)."""
    if se < 0 or df <= 0 or not 0 < alpha < 1 or not 0 < power < 1:
        raise ValueError("an error is at least 0, degrees of freedom are positive, alpha and power between 0 and 1")
    return (quantile(df, 1 - alpha / 2) + quantile(df, power)) * se


def chance_seen(delta: float, se: float, df: float = math.inf, *, alpha: float = 0.05) -> float:
    """Chance that a design with this standard error sees a true difference, in its direction: `detectable` inverted.

    F(|delta| / SE - t_{α/2}) for the t distribution with `df` degrees of freedom; with infinite ones it is `power`. The
    noncentral t, which is exact for normal differences, gives 0.791 in place of 0.8 at 5 tasks, and 0.800 from 10 on.
    """
    from scipy.special import stdtr  # type: ignore[import-untyped]

    if se < 0 or df <= 0 or not 0 < alpha < 1:
        raise ValueError("an error is at least 0, degrees of freedom are positive, alpha lies between 0 and 1")
    if se == 0:
        return 1.0 if delta else alpha / 2
    distance = abs(delta) / se - quantile(df, 1 - alpha / 2)
    return NormalDist().cdf(distance) if math.isinf(df) else float(stdtr(df, distance))


def noise_floor(a: Clusters, b: Clusters, confidence: float = 0.95) -> float:
    """How far apart two measurements of one and the same candidate (an A/A) come to lie at these tasks, by chance.

    In 95 of 100 cases the difference stays within ± this. Both arms' attempts at a task are taken for attempts of one
    candidate: Var = sum over t of s²_t (1 / K_tA + 1 / K_tB) / T². It is never below what one flipped attempt gives.
    """
    import numpy as np

    if not len(a) or len(a) != len(b):
        raise ValueError("the arms must hold the same tasks, at least one")
    if not all(map(len, [*a, *b])):
        raise ValueError("each task needs at least one score in both arms")
    noise = [float(np.var([*x, *y], ddof=1)) * (1 / len(x) + 1 / len(y)) for x, y in zip(a, b, strict=True)]
    se = max(math.sqrt(sum(noise)) / len(a), least_se(a, b))
    return NormalDist().inv_cdf((1 + confidence) / 2) * se


def _quantiles(alpha: float, power: float) -> float:
    return NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)


def _variance(w2: float, s2_a: float, s2_b: float, k_a: float, k_b: float) -> float:
    """Variance of one task's difference; estimates of its parts may have come out negative."""
    return max(w2, 0.0) + max(s2_a, 0.0) / k_a + max(s2_b, 0.0) / k_b
