"""Looking more than once at growing data without more false positives than were agreed.

Planned looks (a gate that stops early, a nightly that adds tasks) take O'Brien-Fleming boundaries. Where anyone may
look at any time, e-values stay valid; they cost power.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

NODES = 80  # Gauss-Legendre nodes a look: constants are exact to seven digits up to MOST_LOOKS
MOST_LOOKS = 20
TOO_LARGE = 700.0  # exp() of more is no float


def false_positives(bounds: Sequence[float], times: Sequence[float] | None = None) -> float:
    """Chance that |Z_k| reaches its bound at any of K looks although nothing differs.

    Recursive integration of the density that is still under way (Armitage, McPherson and Rowe 1969, doi
    10.2307/2343787): S_k = Z_k sqrt(t_k) is a random walk whose steps have the variance t_k - t_(k-1). `bounds` are
    positive; `times` say how much of the last look's information there is at each look, growing, in any unit; the
    looks are equally spaced without.
    """
    import numpy as np

    spent = list(range(1, len(bounds) + 1)) if times is None else list(times)
    _check_looks(bounds, spent)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    before, mass = np.zeros(1), np.ones(1)
    for bound, time, last in zip(bounds, spent, [0.0, *spent], strict=False):
        reach, step = bound * math.sqrt(time), math.sqrt(time - last)
        here = nodes * reach
        density = np.exp(-(((here[:, None] - before[None, :]) / step) ** 2) / 2) @ mass / math.sqrt(2 * math.pi) / step
        before, mass = here, weights * reach * density
    return 1 - float(mass.sum())


def _check_looks(bounds: Sequence[float], times: Sequence[float]) -> None:
    if not bounds or min(bounds) <= 0:
        raise ValueError("there must be a look, and bounds must be positive")
    if len(times) != len(bounds) or not all(b > a for a, b in pairwise([0, *times])):
        raise ValueError(f"each look needs a time, and times must grow: {list(times)}")


def obrien_fleming(looks: int, alpha: float = 0.05, times: Sequence[float] | None = None) -> list[float]:
    """Bounds of |Z_k| at K looks, C sqrt(t_K / t_k), that are reached by chance with probability alpha.

    O'Brien and Fleming 1979 (doi 10.2307/2530245). The last bound is C. Reject at the first look that reaches its own.
    `times` as in `false_positives`: C sqrt(K / k) for equally spaced looks.
    """
    from scipy.optimize import brentq  # type: ignore[import-untyped]

    if not 1 <= looks <= MOST_LOOKS or not 0 < alpha < 0.5:
        raise ValueError(f"looks must lie between 1 and {MOST_LOOKS}, alpha between 0 and 0.5")
    spent = list(range(1, looks + 1)) if times is None else list(times)
    _check_looks([1.0] * looks, spent)
    shape = [math.sqrt(spent[-1] / time) for time in spent]
    constant = brentq(lambda c: false_positives([c * part for part in shape], spent) - alpha, 0.3, 6.0, xtol=1e-10)
    return [constant * part for part in shape]


def level_of(bound: float) -> float:
    """The two-sided error of one test that rejects when |Z| reaches the bound: 1.96 gives 5 %."""
    return math.erfc(bound / math.sqrt(2))


def sign_e_value(wins: int, losses: int, *, one_sided: bool = False) -> float:
    """Evidence against a fair coin, valid whenever one stops: E = 2^n b! c! / (n + 1)! for b wins and c losses.

    The likelihood of the signs, averaged over all chances of a win, against that of a fair coin (Ville 1939; Robbins
    1970, doi 10.1214/aoms/1177696786). Under the null hypothesis E exceeds 1 / alpha at any time with probability
    alpha at most: reject at 20 for 5 %. `one_sided` averages over chances of a loss above one half only.
    """
    if min(wins, losses) < 0:
        raise ValueError(f"counts must not be negative: {wins}, {losses}")
    n = wins + losses
    log = n * math.log(2) + math.lgamma(wins + 1) + math.lgamma(losses + 1) - math.lgamma(n + 2)
    if not one_sided:
        return math.exp(min(log, TOO_LARGE))
    from scipy.special import betaincc  # type: ignore[import-untyped]

    return 2 * math.exp(min(log, TOO_LARGE)) * float(betaincc(losses + 1, wins + 1, 0.5))


def e_cusum(e_values: Iterable[float]) -> list[float]:
    """M_n = max(M_{n-1}, 1) · e_n from M_0 = 1, for each e-value (Shin, Ramdas and Rinaldo 2022, arXiv 2203.03532).

    An alarm at 1 / alpha comes by chance once in 1 / alpha nights on average, or more rarely; begin again after it.
    Each night's e-value must have mean 1 at most given all nights before: both arms are run anew each night. Against a
    stored reference run it has not, for the reference's luck stays the same.
    """
    found, level = [], 1.0
    for value in e_values:
        if not value >= 0:
            raise ValueError(f"an e-value is at least 0, not {value}")
        level = min(max(level, 1.0) * value, math.exp(TOO_LARGE))
        found.append(level)
    return found
