"""Designs of a comparison before any money is spent: tasks x attempts, what each can see, and what it costs. Pure.

A design is T tasks with K attempts in each of two arms, so 2 T K trials. What it can see follows from where a trial's
spread comes from (harness/stats/pilot.py), with the same error, quantiles and least error as `harness compare` has.
docs/statistics.md says how well that holds.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness import stats
from harness.course import Claim, counted_by
from harness.errors import ConfigError
from harness.reports.text import plural
from harness.stats import Variances

ALPHA = 0.05
POWER = 0.8
ATTEMPTS = (1, 2, 3, 5, 10)
MOST_ATTEMPTS = 100
MOST_TASKS = 1_000_000  # nobody has more; a design that needs more is told as needing more
SAME_POWER = 0.97  # designs with this share of the most power are as good; the smallest is chosen
LEAST_TASKS = 5  # below, no difference on tasks like these can be proven: see can_decide
POOR = 0.5  # with less power a coin tells as much
WIDE = 1.5  # an estimate whose error may be off by more than this factor is called rough


@dataclass(frozen=True)
class Price:
    """What a trial of an arm costs on average, in dollars: None when unknown, and the least by what is known."""

    mean: float | None = None
    floor: float = 0.0


@dataclass(frozen=True)
class Basis:
    """What is known before the comparison. `seconds` is the mean wall clock of a trial, `room` the points of pass rate
    (shares of 1) that B can gain on A at most.
    """

    variances: Variances
    price_a: Price = Price()
    price_b: Price = Price()
    seconds: float | None = None
    concurrency: int = 8
    room: float = 1.0

    @property
    def pair(self) -> float | None:
        """Dollars of one trial in each arm; None when either is unknown."""
        a, b = self.price_a.mean, self.price_b.mean
        return None if a is None or b is None else a + b

    @property
    def pair_floor(self) -> float:
        """The least that one trial in each arm costs."""
        return self.price_a.floor + self.price_b.floor


@dataclass(frozen=True)
class Wish:
    """What the user wants to see, and within which bounds. `effect` is a share of 1, `trials` those of both arms.

    `here` are the tasks that exist; `counts` further numbers of tasks to show; `attempts` None for the usual ones.
    """

    effect: float = 0.05
    here: int = 0
    counts: tuple[int, ...] = ()
    attempts: tuple[int, ...] = ()
    trials: int | None = None
    dollars: float | None = None
    looks: int = 1
    claim: Claim = "like-these"

    def __post_init__(self) -> None:
        """Refuse numbers that plan nothing. Raises ConfigError."""
        if not 0 < self.effect <= 1:
            raise ConfigError(
                f"--effect is a share above 0 and up to 1, such as 0.05 for 5 points, not {self.effect:g}"
            )
        if not 1 <= self.looks <= 20:
            raise ConfigError(f"--looks lies between 1 and 20, not {self.looks}")
        if self.dollars is not None and not 0 < self.dollars < math.inf:
            raise ConfigError(f"--max-cost is a sum of dollars above 0, not {self.dollars:g}")


@dataclass(frozen=True)
class Design:
    """A design and what it can see. `seen` is the smallest difference with 80 % power, `seen_low` to `seen_high` where
    that lies by the uncertainty of the pilot; all None when no difference at all can be seen. `power` is that of seeing
    the wished effect at any of the looks; `likely` the trials that are made on average if the effect is true, `idle` if
    there is none. `cost` is None when a price is unknown; `here` says whether so many tasks exist, with room for the
    looks.
    """

    tasks: int
    attempts: int
    here: bool
    power: float
    seen: float | None
    seen_low: float | None
    seen_high: float | None
    cost: float | None
    floor: float
    seconds: float | None
    likely: float
    idle: float

    @property
    def trials(self) -> int:
        """Trials in both arms."""
        return 2 * self.tasks * self.attempts

    @property
    def able(self) -> bool:
        """Whether it can see anything at all."""
        return self.seen is not None


def designs(basis: Basis, wish: Wish) -> list[Design]:
    """The designs worth a look, by attempts and tasks. Raises ConfigError for a budget that buys no trial in each arm,
    and for a budget in dollars while the price is unknown.
    """
    pairs = budget(basis, wish)
    shapes = set(_within(pairs, wish)) if pairs is not None else set(_free(basis, wish))
    shapes |= {(count, k) for count in wish.counts for k in wish.attempts or ATTEMPTS}
    return [design(basis, wish, tasks, k) for tasks, k in sorted(shapes, key=lambda s: (s[1], s[0])) if tasks and k]


def budget(basis: Basis, wish: Wish) -> int | None:
    """How many trials an arm the budget allows; None without one."""
    found = [] if wish.trials is None else [wish.trials // 2]
    if wish.dollars is not None:
        if basis.pair is None:
            raise ConfigError(
                "what a trial costs is not known, so --max-cost bounds nothing: say --cost (and --cost-b), or --trials"
            )
        if basis.pair > 0:
            found.append(int(wish.dollars / basis.pair))
    if found and min(found) < 1:
        raise ConfigError("the budget does not pay for one trial in each arm: raise --trials or --max-cost")
    return min(found) if found else None


def _within(pairs: int, wish: Wish) -> Iterable[tuple[int, int]]:
    """The budget spent at each number of attempts; where too few tasks exist, all of them as well."""
    for k in wish.attempts or ATTEMPTS:
        if pairs >= k:
            yield pairs // k, k
            yield min(pairs // k, wish.here), k
    if wish.here and not wish.attempts:
        yield wish.here, pairs // wish.here


def _free(basis: Basis, wish: Wish) -> Iterable[tuple[int, int]]:
    """Without a budget: the tasks that exist, and as many as it takes."""
    for k in wish.attempts or ATTEMPTS:
        yield wish.here, k
        if not wish.counts:
            yield needed(basis, wish, k) or 0, k


def needed(basis: Basis, wish: Wish, attempts: int) -> int | None:
    """The fewest tasks that see the effect with 80 % power at so many attempts; None when that is beyond reason."""
    low, high = 0, 1
    while power(basis.variances, wish, high, attempts) < POWER:
        low, high = high, high * 2
        if high > MOST_TASKS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(basis.variances, wish, middle, attempts) >= POWER else (middle, high)
    return high


def design(basis: Basis, wish: Wish, tasks: int, attempts: int) -> Design:
    """One design with all its figures."""
    able = can_decide(tasks, attempts, wish.claim)
    se, df = error(basis.variances, tasks, attempts, wish.claim)
    seen = stats.detectable(se, df) * math.sqrt(_inflation(wish.looks)) if able else math.inf
    factor = basis.variances.error_factor()
    chance = power(basis.variances, wish, tasks, attempts)
    shares = [_share(wish.looks, chance), _share(wish.looks, None)] if able else [1.0, 1.0]
    pairs = tasks * attempts
    return Design(
        tasks=tasks, attempts=attempts, here=_possible(wish, tasks, attempts), power=chance,
        seen=seen if seen <= 1 else None, seen_low=_real(seen * factor.low), seen_high=_real(seen * factor.high),
        cost=None if basis.pair is None else basis.pair * pairs, floor=basis.pair_floor * pairs,
        seconds=None if basis.seconds is None else basis.seconds * max(1.0, 2 * pairs / basis.concurrency),
        likely=2 * pairs * shares[0], idle=2 * pairs * shares[1],
    )  # fmt: skip


def _possible(wish: Wish, tasks: int, attempts: int) -> bool:
    """Whether so many tasks exist, and have room for the looks."""
    if tasks > wish.here or not tasks:
        return False
    try:
        counted_by(wish.claim, wish.looks, tasks, attempts)
    except ConfigError:
        return False
    return True


def _real(seen: float) -> float | None:
    return seen if seen <= 1 else None


def error(variances: Variances, tasks: int, attempts: int, claim: Claim) -> tuple[float, float]:
    """Standard error of the difference, and its degrees of freedom, as `harness compare` will have them."""
    these = claim == "these" and attempts > 1  # tried once, a task does not tell its noise: the spread stands in
    se = math.sqrt(variances.of_task(attempts, attempts, noise_only=these) / tasks)
    df = 2 * tasks * (attempts - 1) if these else tasks - 1
    return max(se, 1 / (tasks * attempts)), max(df, 1)


def power(variances: Variances, wish: Wish, tasks: int, attempts: int) -> float:
    """Chance that the comparison says `better` of a B that is better by the effect."""
    if not can_decide(tasks, attempts, wish.claim):
        return 0.0
    once = stats.chance_seen(wish.effect, *error(variances, tasks, attempts, wish.claim), alpha=ALPHA)
    return once if wish.looks == 1 else stats.stopping(_bounds(wish.looks), stats.drift_of(once)).power


def can_decide(tasks: int, attempts: int, claim: Claim) -> bool:
    """Whether the exact test can come below 5 % at all, be the arms as unlike as they may.

    All tasks moving one way has a mid-p of 2^-T: five tasks are the least. For these tasks alone it is 1 / C(2K, K)^T.
    """
    ways = math.comb(2 * attempts, attempts) if claim == "these" else 2
    return tasks >= (1 if claim == "these" else 2) and tasks * math.log(ways) > math.log(1 / ALPHA) + 1e-9


def _share(looks: int, chance: float | None) -> float:
    """Expected share of the trials that is made, at this power of one look; None: when nothing differs."""
    if looks == 1:
        return 1.0
    return stats.stopping(_bounds(looks), 0.0 if chance is None else stats.drift_of(chance)).share


@functools.cache
def _bounds(looks: int) -> list[float]:
    return stats.obrien_fleming(looks, ALPHA)


@functools.cache
def _inflation(looks: int) -> float:
    return 1.0 if looks == 1 else stats.inflation(looks, ALPHA, POWER)


# --- which one -------------------------------------------------------------------------------------------------------


def choose(found: Sequence[Design]) -> Design | None:
    """The design to take: the fewest trials with 80 % power; failing that the most power, of near ties the smallest.

    Only tasks that exist count. None when no design that is possible here can see anything.
    """
    possible = [one for one in found if one.here and one.able]
    enough = [one for one in possible if one.power >= POWER]
    if enough:
        return min(enough, key=lambda one: (one.trials, one.attempts))
    best = max((one.power for one in possible), default=0.0)
    near = [one for one in possible if one.power >= best * SAME_POWER]
    return min(near, key=lambda one: (one.trials, one.attempts), default=None)


def advice(basis: Basis, wish: Wish, chosen: Design | None) -> list[str]:
    """What to do, in sentences."""
    told = [*_verdict(basis, wish, chosen), *_tasks_first(basis, wish, chosen), *_ceiling(basis, wish)]
    return [*told, *_looks(wish), *_rough(basis), *_room(basis, wish)]


def _verdict(basis: Basis, wish: Wish, chosen: Design | None) -> Iterable[str]:
    effect = f"{wish.effect * 100:g} points"
    if chosen is None:
        yield _hopeless(wish)
    elif chosen.power >= POWER:
        yield f"Take {_shape(chosen)}: it sees {effect} with {chosen.power * 100:.0f} % power."
    else:
        yield (
            f"No design that is possible here sees {effect} with 80 % power. The most is {_shape(chosen)}, with "
            f"{chosen.power * 100:.0f} %"
            + (
                ": nothing sensible is to be seen with it; most likely it ends inconclusive."
                if chosen.power < POOR
                else "."
            )
        )
    if chosen is None or chosen.power < POWER:
        yield from _what_it_takes(basis, wish)


def _hopeless(wish: Wish) -> str:
    if not wish.here:
        return "No task is here, so nothing can be run; the designs are for tasks that are still to be written."
    if wish.claim == "like-these" and wish.here < LEAST_TASKS:
        return (
            f"{plural(wish.here, 'task')} can say nothing about tasks like them: if all moved one way the exact test "
            "would not come to 5 %; five are the least. `--claim these` speaks of these tasks alone."
        )
    return "No design that is possible here has room for the looks and can see any difference, not even 100 points."


def _what_it_takes(basis: Basis, wish: Wish) -> Iterable[str]:
    many = needed(basis, wish, 1)
    if many is None:
        yield f"No number of tasks up to {MOST_TASKS:,} sees so small an effect."
    elif many > wish.here:
        yield (
            f"It takes about {many} tasks at one attempt, and there are {wish.here}: write tasks, or look for a larger "
            "effect."
        )
    yield from _these_instead(basis, wish)


def _these_instead(basis: Basis, wish: Wish) -> Iterable[str]:
    """What these very tasks could tell, where tasks like them cannot be spoken of."""
    if wish.claim == "these" or not wish.here:
        return
    narrow = replace(wish, claim="these")
    for k in range(2, MOST_ATTEMPTS + 1):
        if power(basis.variances, narrow, wish.here, k) >= POWER:
            yield (
                f"The claim about these {wish.here} tasks alone (`--claim these`) sees it with "
                f"{plural(k, 'attempt')} each: {2 * wish.here * k} trials."
            )
            return


def _tasks_first(basis: Basis, wish: Wish, chosen: Design | None) -> Iterable[str]:
    """The same trials as more tasks or as more attempts."""
    pairs = budget(basis, wish) or (chosen.tasks * chosen.attempts if chosen else 0)
    shapes = [(pairs // k, k) for k in (1, 3, 10) if pairs // k >= LEAST_TASKS]
    powers = [power(basis.variances, wish, *shape) for shape in shapes]
    if len(shapes) > 1 and powers[0] > powers[-1]:
        told = ", ".join(f"{p * 100:.0f} % as {t} × {k}" for p, (t, k) in zip(powers, shapes, strict=True))
        yield f"Tasks before repeats: the power of {pairs} trials an arm to see {wish.effect * 100:g} points is {told}."


def _ceiling(basis: Basis, wish: Wish) -> Iterable[str]:
    """What no number of attempts gets below."""
    if wish.claim == "these" or not can_decide(wish.here, 1, wish.claim):
        return
    least = stats.detectable(math.sqrt(max(basis.variances.w2, 0.0) / wish.here), wish.here - 1)
    if least > wish.effect:
        bound = f"less than {least * 100:.1f} points" if least < 1 else "anything"
        yield f"With {wish.here} tasks no number of attempts sees {bound}: their true differences spread too much."


def _looks(wish: Wish) -> Iterable[str]:
    if wish.looks > 1:
        yield (
            f"{wish.looks} planned looks (O'Brien-Fleming) need {(_inflation(wish.looks) - 1) * 100:.1f} % more trials "
            "for the same power, and end early when it is decided: the trials made on average stand in the table."
        )


def _rough(basis: Basis) -> Iterable[str]:
    factor = basis.variances.error_factor()
    if factor.high > WIDE:
        high = f"{factor.high:.1f} times" if factor.high < 100 else "any multiple of"
        yield (
            f"The pilot is small ({basis.variances.df + 1:.0f} tasks): the smallest differences may be from "
            f"{factor.low:.1f} to {high} what stands here."
        )


def _room(basis: Basis, wish: Wish) -> Iterable[str]:
    if basis.room < wish.effect:
        yield f"A passes so often that B can gain {basis.room * 100:.1f} points at most: harder tasks are needed first."


def _shape(one: Design) -> str:
    tasks, attempts = plural(one.tasks, "task"), plural(one.attempts, "attempt")
    return f"{tasks} × {attempts} in each arm, {one.trials} trials"
