"""What planned looks do to a design: its power, how much larger it must be, how soon it is likely to end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from harness.stats.looks import NODES, obrien_fleming

FARTHEST = 60.0  # standard errors; nothing that a design could meet lies beyond


class Stopping(NamedTuple):
    """Where a design with K planned looks ends: `up[k]`, `down[k]` are the chances to cross a bound at look k + 1."""

    up: tuple[float, ...]
    down: tuple[float, ...]

    @property
    def power(self) -> float:
        """Chance to cross the upper bound at any look."""
        return sum(self.up)

    @property
    def share(self) -> float:
        """Expected share of the planned trials that is made: what does not cross a bound is made in full."""
        looks = len(self.up)
        ended = [u + d for u, d in zip(self.up, self.down, strict=True)]
        early = sum(chance * (look + 1) / looks for look, chance in enumerate(ended[:-1]))
        return early + 1 - sum(ended[:-1])


def stopping(bounds: Sequence[float], drift: float) -> Stopping:
    """Where K equally spaced looks at a true difference end; `drift` is it in standard errors of the whole.

    S_k = Z_k sqrt(k) is a random walk of normal steps with mean drift / sqrt(K); the density of what is still under way
    is integrated from look to look (Armitage, McPherson and Rowe 1969, doi 10.2307/2343787; Jennison and Turnbull 2000,
    chapter 19). `bounds` are of |Z_k|, positive.
    """
    import numpy as np
    from scipy.special import ndtr  # type: ignore[import-untyped]

    if not bounds or min(bounds) <= 0 or not abs(drift) <= FARTHEST:
        raise ValueError(f"there must be a look, bounds must be positive, and |drift| at most {FARTHEST:g}")
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    step = drift / math.sqrt(len(bounds))
    before, mass = np.zeros(1), np.ones(1)
    up, down = [], []
    for look, bound in enumerate(bounds, start=1):
        reach = bound * math.sqrt(look)
        up.append(float(ndtr(before + step - reach) @ mass))
        down.append(float(ndtr(-reach - before - step) @ mass))
        here = nodes * reach
        density = np.exp(-((here[:, None] - before[None, :] - step) ** 2) / 2) @ mass / math.sqrt(2 * math.pi)
        before, mass = here, weights * reach * density
    return Stopping(tuple(up), tuple(down))


def drift_of(chance: float, alpha: float = 0.05) -> float:
    """The drift at which one look sees the difference with this chance; `stopping` then tells what K looks do."""
    if not 0 < alpha < 1:
        raise ValueError("alpha lies between 0 and 1")
    normal = NormalDist()
    return normal.inv_cdf(min(max(chance, 1e-12), 1 - 1e-12)) + normal.inv_cdf(1 - alpha / 2)


def inflation(looks: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """How many times as large a design with O'Brien-Fleming looks must be, to have the power of one look.

    Jennison and Turnbull 2000, table 2.4: 1.008, 1.017, 1.024, 1.028 for 2 to 5 looks, 5 % and 80 %.
    """
    from scipy.optimize import brentq  # type: ignore[import-untyped]

    if not 0.05 < power < 1:
        raise ValueError("power lies between 0.05 and 1")
    bounds, once = obrien_fleming(looks, alpha), drift_of(power, alpha)
    needed = brentq(lambda drift: stopping(bounds, drift).power - power, once * 0.9, once * 1.5, xtol=1e-9)
    return float((needed / once) ** 2)
