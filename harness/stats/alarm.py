"""A night's evidence that things got worse, as e-values, and the alarm on a series of nights.

An e-value is at least 0 and has mean 1 at most, given all nights before, as long as nothing got worse; it grows when
something did. There are two sources. Both arms of one night: nothing is carried over, so each night's luck is new. A
night among earlier nights: its rank, which is as good as uniform and independent of the earlier ranks while nights are
exchangeable. Each source bets on several sizes of a drop; each bet has an e-CUSUM of its own, and the alarm looks at
their mean. docs/nightly.md says what each can see.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from harness.stats.looks import TOO_LARGE, e_cusum

SHIFTS = (0.2, 0.5, 1.0, 2.0)  # drops in log odds that a paired night bets on
SHARES = (0.1, 0.2, 0.3)  # a ranked night bets that it lies among the lowest tenth, fifth, three tenths
KEPT = 0.2  # of the capital stays out of a ranked night's bet, so that one good night does not end it
MARGIN = 1e-9  # rounding of ranks such as 3/10


def paired_e_values(
    passed_a: Sequence[int], n_a: Sequence[int], passed_b: Sequence[int], n_b: Sequence[int]
) -> tuple[float, ...]:
    """Evidence that B passes less often than A at the same tasks in the same night: an e-value for each of SHIFTS.

    At each task, given how many attempts of both arms passed, the passes X of B are hypergeometric when the arms do not
    differ (Fisher 1935). With odds of B lowered by exp(-shift) the likelihood ratio is exp(-shift X) divided by its
    mean; tasks are multiplied. Its mean is exactly 1 without a difference, and below 1 where B passes more often at a
    task: X then is larger, and exp(-shift X) falls. Counts of shape (T,), whole numbers, 0 <= passed <= n; a task that
    an arm did not try says nothing. Raises ValueError.
    """
    columns = list(zip(passed_a, n_a, passed_b, n_b, strict=True))
    if any(not (0 <= a <= size_a and 0 <= b <= size_b) for a, size_a, b, size_b in columns):
        raise ValueError(f"passed must lie between 0 and n: {columns}")
    logs = [0.0] * len(SHIFTS)
    for a, size_a, b, size_b in columns:
        means = _log_means(size_a, size_b, a + b)
        for place, shift in enumerate(SHIFTS):
            logs[place] -= shift * b + means[place]
    return tuple(math.exp(min(log, TOO_LARGE)) for log in logs)


@lru_cache(65_536)
def _log_means(n_a: int, n_b: int, total: int) -> tuple[float, ...]:
    """log E[exp(-shift X)] for X of `total` passes that fall to B by chance, for each shift."""
    ways = math.log(math.comb(n_a + n_b, total))
    logs = {
        x: math.log(math.comb(n_b, x) * math.comb(n_a, total - x)) - ways
        for x in range(max(0, total - n_a), min(total, n_b) + 1)
    }
    return tuple(_log_sum([log - shift * x for x, log in logs.items()]) for shift in SHIFTS)


def _log_sum(logs: Sequence[float]) -> float:
    """log of a sum of exponentials, which alone would be too small for a float."""
    top = max(logs)
    return top + math.log(sum(math.exp(log - top) for log in logs))


def rank_p_value(earlier: Sequence[float], now: float) -> float:
    """Share of the nights up to now, this one included, that are not better: 1/n for the worst of n.

    While nights are exchangeable, the smoothed rank (ties broken by a coin) is uniform and independent of all earlier
    ones (Vovk, Nouretdinov and Gammerman 2003, ICML). This one breaks each tie against the alarm, so it is never
    smaller, needs no coin, and gives the same figure whenever it is computed.
    """
    return (sum(value <= now for value in earlier) + 1) / (len(earlier) + 1)


def rank_e_values(p: float) -> tuple[float, ...]:
    """A p-value of `rank_p_value` as e-values, one for each of SHARES: KEPT + (1 - KEPT) / share if p <= share.

    Each has mean 1 for a uniform p and does not grow with p, so the mean is below 1 for one that is larger. With n
    nights the smallest p is 1/n: no bet on a tenth is won before the tenth night.
    """
    if not 0 < p <= 1:
        raise ValueError(f"a p-value of a rank lies in (0, 1], not {p}")
    return tuple(KEPT + (1 - KEPT) * (p <= share + MARGIN) / share for share in SHARES)


def alarm_levels(nights: Sequence[Sequence[float]]) -> list[float]:
    """M_n after each night: the mean, over the bets, of their e-CUSUMs M_n = max(M_{n-1}, 1) · e_n.

    `nights` holds each night's e-values, always as many. Each e-CUSUM is an e-detector, and so is their mean (Shin,
    Ramdas and Rinaldo 2022, arXiv 2203.03532, section 2): an alarm at M_n >= 1 / alpha comes by chance after 1 / alpha
    nights on average, or later. A mean of bets sees large drops at once and small ones in the end, which no single bet
    does.
    """
    bets = [e_cusum(column) for column in zip(*nights, strict=True)]
    return [sum(levels) / len(levels) for levels in zip(*bets, strict=True)]


def earliest_alarm(threshold: float) -> int:
    """The number of the first night that a ranked series can give an alarm at, if each night is worse than all before.

    The earliest that is possible at all; a drop that begins later is found after fewer nights.
    """
    nights: list[tuple[float, ...]] = []
    while not nights or alarm_levels(nights)[-1] < threshold:
        nights.append(rank_e_values(1 / (len(nights) + 1)))
    return len(nights)
