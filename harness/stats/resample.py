"""Nights that did not happen: one candidate's stored trials dealt into two arms, over and over.

A task with n attempts that is asked for two arms of K is dealt without replacement where n >= 2 K. Then Var(d) is the
unbiased s² (1/K + 1/K), and nothing is assumed. Where n < 2 K its chance to pass is drawn each night from what is
known of it, Beta(c m + passed, c (1 - m) + failed), and both arms' attempts are drawn with that chance. Resampling the
stored attempts themselves would lack a share 1/n of the variance, all of it where n = 1. `m` is the pass rate of all
tasks, and `c` says how far tasks differ, by the share of a trial's variance that is within its task, c / (c + 1). Both
are those of the stored trials (method of moments); where no task was tried twice, c = 1 is assumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.stats.paired import _attempt_variance, task_means
from harness.stats.pilot import WITHIN
from harness.stats.rates import Clusters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

SURE = 0.02  # the share within tasks lies at least so far from 0 and from 1: a few tasks cannot tell it better


class Prior(NamedTuple):
    """How the tasks' pass chances spread: Beta(mean · c, (1 - mean) · c). `assumed`: c was not measured."""

    mean: float
    concentration: float
    assumed: bool


def prior(scores: Clusters) -> Prior:
    """The spread of the chances behind scores of shape (T, attempts), each 0 or 1. Raises ValueError without any."""
    means = task_means(scores)
    tasks = len(means)
    mean = (float(means.sum()) + 0.5) / (tasks + 1)  # never 0 or 1
    repeated = any(len(part) > 1 for part in scores)
    rate = float(means.mean())
    within = _attempt_variance(scores) / (rate * (1 - rate)) if repeated and 0 < rate < 1 else WITHIN
    within = min(max(within, SURE), 1 - SURE)
    return Prior(mean, within / (1 - within), not repeated)


def nights(scores: Clusters, attempts: int, number: int, seed: int = 0) -> tuple[Counts, Counts]:
    """Passed attempts of two arms, shape (nights, T) each: `attempts` at each task, from one candidate's scores."""
    import numpy as np

    if attempts < 1 or number < 1:
        raise ValueError(f"there must be an attempt and a night, not {attempts} and {number}")
    source = np.random.default_rng(seed)
    n = np.array([len(part) for part in scores])
    passed = np.array([int(sum(part)) for part in scores])
    found = prior(scores)
    failed, dealt = n - passed, n >= 2 * attempts
    shape = (number, len(n))
    chance = source.beta(
        found.concentration * found.mean + passed, found.concentration * (1 - found.mean) + failed, shape
    )
    drawn = [source.binomial(attempts, chance) for _ in range(2)]
    if not dealt.any():
        return drawn[0], drawn[1]
    first = source.hypergeometric(passed, failed, np.where(dealt, attempts, 0), shape)
    left = np.where(dealt, n - attempts, n)
    second = source.hypergeometric(passed - first, left - (passed - first), np.where(dealt, attempts, 0))
    return np.where(dealt, first, drawn[0]), np.where(dealt, second, drawn[1])
