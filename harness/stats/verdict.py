"""From a difference to a word."""

from __future__ import annotations

from typing import Literal

from harness.stats.paired import Difference, quantile

Verdict = Literal["better", "no worse", "worse", "inconclusive", "invalid"]


def at_least(difference: Difference, confidence: float = 0.95) -> float:
    """One-sided lower bound: the true difference lies above it with this confidence."""
    return difference.estimate - quantile(difference.df, confidence) * difference.se


def differs(difference: Difference | None, p: float | None, alpha: float = 0.05) -> bool:
    """Whether a difference is beyond chance, either way: its interval beside 0, and `p` at most alpha.

    The interval's confidence must be 1 - alpha.
    """
    return difference is not None and p is not None and p <= alpha and (difference.low > 0 or difference.high < 0)


def decide(
    difference: Difference | None, p: float | None, margin: float, alpha: float = 0.05, one_sided: float | None = None
) -> Verdict:
    """Say what a difference B - A shows, `invalid` apart: whether it may be looked at is decided before.

    `better` and `worse` need both the interval beside 0 and `p`, the exact test's mid-p, at most alpha: with a handful
    of tasks the interval leans on a normality that the exact test does without. `no worse`: the one-sided lower bound
    lies above -margin, which is non-inferiority (Piaggio et al. 2012, doi 10.1001/jama.2012.87802); a loss that is sure
    but smaller than the margin is `no worse` too. Everything else is `inconclusive`, and so is no difference at all.

    The difference's confidence is 1 - alpha; `one_sided` is the error of `no worse`, alpha when left out. At a planned
    look both are the look's own (see `obrien_fleming`).
    """
    if margin < 0 or not 0 < alpha < 1:
        raise ValueError(f"a margin is at least 0, alpha lies between 0 and 1: {margin}, {alpha}")
    if difference is None or p is None:
        return "inconclusive"
    beyond = differs(difference, p, alpha)
    if beyond and difference.low > 0:
        return "better"
    if at_least(difference, 1 - (alpha if one_sided is None else one_sided)) > -margin:
        return "no worse"
    return "worse" if beyond else "inconclusive"
