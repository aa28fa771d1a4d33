"""`harness aa-check`: one candidate as both arms, and how often a gate would raise an alarm although nothing changed.

The stored trials of one candidate are dealt into two arms, night after night (harness/stats/resample.py), and each
night is judged by what `harness compare` judges by: its interval, its exact test, its verdict. Beside it stand two
gates that people build by themselves. docs/statistics.md says what the figures mean.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness import arms, config, stats
from harness.alike import Arm
from harness.compare import ALPHA, Comparison, Options, compare, weigh
from harness.config import RunConfig
from harness.course import Claim
from harness.design import LEAST_TASKS
from harness.errors import EXIT_NO, EXIT_OK, ConfigError, ResultsError
from harness.reports.text import percent, plain, plural
from harness.stats import Difference, Interval, Verdict
from harness.stats.resample import nights, prior
from harness.types import TrialRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Group

    Counts = NDArray[np.int64]

Gate = Literal["compare", "drop", "flip"]

SCHEMA = 1
FLOORS = 200  # nights of which the noise floor that `harness compare` prints is averaged
QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
BARS = 21  # of the histogram
WIDTH = 40


@dataclass(frozen=True)
class Check:
    """What is asked. `attempts` of each arm (None: half of those stored), `drop` in shares of 1."""

    nights: int = 2000
    attempts: int | None = None
    seed: int = 0
    gate: Gate = "compare"
    drop: float = 0.02
    margin: float = 0.05
    claim: Claim = "like-these"

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated. Raises ConfigError."""
        if not 100 <= self.nights <= 100_000:
            raise ConfigError(f"--nights lies between 100 and 100000, not {self.nights}")
        if not 0 <= self.drop <= 1 or not 0 <= self.margin <= 1:
            raise ConfigError(f"--drop and --margin are shares between 0 and 1, not {self.drop:g} and {self.margin:g}")


@dataclass(frozen=True)
class Alarms:
    """In how many nights a gate says that something changed, with the 95 % interval that so many nights allow."""

    gate: str
    alarms: int
    nights: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Alarms by nights."""
        return self.alarms / self.nights

    @property
    def honest(self) -> bool:
        """Whether the rate may be 5 % or less."""
        return self.low <= ALPHA


@dataclass(frozen=True)
class Found:
    """All that came of it. Deltas and floors are shares of 1; `modelled` counts the tasks drawn from a model.

    `floor` is what `harness compare` prints as A/A noise floor (mean over nights), `observed` the distance from 0 that
    95 of 100 nights keep. `real` is the comparison of the stored odd attempts with the even ones, if there are both.
    """

    candidate: str
    run: str
    check: Check
    attempts: int
    tasks: int
    modelled: int
    assumed: bool
    verdicts: Mapping[Verdict, int]
    gates: Mapping[str, Alarms]
    regressed: float
    floor: float
    observed: float
    mean: float
    sd: float
    quantiles: tuple[float, ...]
    histogram: tuple[tuple[float, int], ...]
    notes: tuple[str, ...]
    real: Comparison | None

    @property
    def judged(self) -> Alarms:
        """The gate that the exit code speaks of."""
        return self.gates[self.check.gate]

    @property
    def exit_code(self) -> int:
        """0 when the gate is honest, 1 when it is not."""
        return EXIT_OK if self.judged.honest else EXIT_NO


def read(results: Path, word: str) -> Arm:
    """The arm that RUN or RUN:CANDIDATE names. Raises ResultsError for none, and for several."""
    return arms.load(results, word, word)[0]


def configuration(
    columns: Mapping[str, str | None], where: Mapping[str, Any], asked: Check, results: Path
) -> RunConfig:
    """A run of one candidate with the attempts of both arms. Raises ConfigError as `harness run` does.

    Two candidates that are the same are refused by every plan, since they have one name; one candidate with twice the
    attempts is the same run: attempts are interleaved over the tasks, so that odd and even ones share each hour.
    """
    if columns.get("scaffolds") in config.BARE:
        raise ConfigError(f"{columns['scaffolds']} is a yardstick and no candidate: name an agent and a model")
    given = {key: (value,) if value else () for key, value in columns.items()}
    name = where.get("name") or datetime.now().strftime("aa-%Y%m%d-%H%M%S")
    options = {**where, **given, "name": name, "attempts": 2 * (asked.attempts or 1), "results": str(results)}
    return config.load(None, options, name)


def check(arm: Arm, asked: Check, families: Mapping[str, str] | None = None) -> Found:
    """Simulate the nights of a candidate. Raises ResultsError when it has no trial with a verdict."""
    found = graded(arm)
    names = sorted(found)
    if not names:
        raise ResultsError(
            f"{arm.name} has no trial with a verdict in run {arm.run}: there is nothing to deal into arms"
        )
    scores = [[int(r.outcome == "passed") for r in found[task]] for task in names]
    attempts = asked.attempts or _half(scores)
    passed = nights(scores, attempts, asked.nights, asked.seed)
    groups = [(families or {}).get(task, f"task {task}") for task in names]
    words = Counter(verdicts(*passed, attempts, groups, asked))
    deltas = (passed[1] - passed[0]).mean(axis=1) / attempts
    regressions = _regressions(*passed, attempts)
    return Found(
        candidate=arm.name, run=arm.run, check=asked, attempts=attempts, tasks=len(names),
        modelled=sum(len(part) < 2 * attempts for part in scores), assumed=prior(scores).assumed, verdicts=words,
        gates=_gates(words, deltas, regressions, asked), regressed=float(regressions.mean()),
        floor=_floor(*passed, attempts), notes=tuple(_notes(arm, scores, attempts, asked)), real=odd_even(arm),
        **_spread(deltas, 1 / (len(names) * attempts)),
    )  # fmt: skip


def graded(arm: Arm) -> dict[str, list[TrialRecord]]:
    """Task -> its records that have a verdict, by attempt."""
    found: dict[str, list[TrialRecord]] = {}
    for record in sorted(arm.records, key=lambda record: record.attempt):
        if record.outcome != "error":
            found.setdefault(record.task, []).append(record)
    return found


def _half(scores: stats.Clusters) -> int:
    """Half of the attempts that most tasks have: two arms of so many need no model."""
    often = Counter(len(part) for part in scores)
    return max(1, max(often, key=lambda size: (often[size], size)) // 2)


# --- a night as `harness compare` judges it --------------------------------------------------------------------------


def verdicts(a: Counts, b: Counts, attempts: int, families: Sequence[str], asked: Check) -> list[Verdict]:
    """The verdict of each night, from passed attempts of shape (nights, T): that of `harness.compare.weigh`.

    Exact tests take their time, and decide only where the interval lies beside 0: elsewhere they are not made.
    """
    options, floor = Options(margin=asked.margin, claim=asked.claim), 1 / (a.shape[1] * attempts)
    rows = [[1] * x + [0] * (attempts - x) for x in range(attempts + 1)]
    found: list[Verdict] = []
    for x, y in zip(a.tolist(), b.tolist(), strict=True):
        scores = [[rows[passed] for passed in arm] for arm in (x, y)]
        difference = _difference(scores[0], scores[1], families, asked.claim, floor)
        if difference is None or difference.low > 0 or difference.high < 0:
            found.append(weigh(scores[0], scores[1], options, families=families).verdict)
        else:
            found.append(stats.decide(difference, 1.0, asked.margin, ALPHA))
    return found


def _difference(
    a: stats.Clusters, b: stats.Clusters, families: Sequence[str], claim: Claim, floor: float
) -> Difference | None:
    if claim == "these":
        return stats.on_these_tasks(a, b, floor=floor)
    return stats.on_tasks_like_these(stats.task_means(b) - stats.task_means(a), families, floor=floor)


# --- the other gates, and the noise ----------------------------------------------------------------------------------


def _regressions(a: Counts, b: Counts, attempts: int) -> NDArray[np.int64]:
    """How many tasks passed in A and fail in B, each night; passed is more than half of the attempts."""
    import numpy as np

    return np.asarray(((2 * a > attempts) & (2 * b <= attempts)).sum(axis=1))


def _gates(verdicts: Mapping[Verdict, int], deltas: Any, regressions: Any, asked: Check) -> dict[str, Alarms]:
    dropped = int((deltas < -asked.drop - 1e-9).sum())
    return {
        "compare": _alarms(
            "harness compare says better or worse", verdicts["better"] + verdicts["worse"], asked.nights
        ),
        "worse": _alarms("… of these: worse", verdicts["worse"], asked.nights),
        "drop": _alarms(f"more than {asked.drop * 100:g} points down", dropped, asked.nights),
        "flip": _alarms("any task that passed fails now", int((regressions > 0).sum()), asked.nights),
    }


def _alarms(gate: str, alarms: int, number: int) -> Alarms:
    interval: Interval = stats.clopper_pearson(alarms, number)
    return Alarms(gate, alarms, number, interval.low, interval.high)


def _floor(a: Counts, b: Counts, attempts: int) -> float:
    """The noise floor that `harness compare` prints, averaged over the first nights."""
    rows = {x: [1] * x + [0] * (attempts - x) for x in range(attempts + 1)}
    pairs = list(zip(a[:FLOORS].tolist(), b[:FLOORS].tolist(), strict=True))
    return sum(stats.noise_floor([rows[x] for x in one], [rows[y] for y in two]) for one, two in pairs) / len(pairs)


def _spread(deltas: Any, step: float) -> dict[str, Any]:
    """How the deltas spread. They are multiples of `step`; each bar holds the same odd number of these."""
    import numpy as np

    beyond = round(float(np.abs(deltas).max()) / step) - BARS // 2
    width = step * (2 * max(0, math.ceil(beyond / BARS)) + 1)
    middles = np.arange(-(BARS // 2), BARS // 2 + 1) * width
    counts, _ = np.histogram(deltas, bins=np.append(middles - width / 2, middles[-1] + width / 2))
    return {
        "observed": float(np.quantile(np.abs(deltas), 0.95)), "mean": float(deltas.mean()), "sd": float(deltas.std()),
        "quantiles": tuple(float(q) for q in np.quantile(deltas, QUANTILES)),
        "histogram": tuple((float(x), int(n)) for x, n in zip(middles, counts, strict=True)),
    }  # fmt: skip


def _notes(arm: Arm, scores: stats.Clusters, attempts: int, asked: Check) -> Iterable[str]:
    """What the figures rest on, and what they cannot say."""
    model = sum(len(part) < 2 * attempts for part in scores)
    if not model:
        yield "Every task has the attempts for both arms: they are dealt without replacement, and nothing is assumed."
    elif all(len(part) == 1 for part in scores):
        yield (
            "Each task was tried once, which does not tell noise from difficulty. Assumed: half of a trial's variance "
            "is noise within its task. Two attempts a task would tell: run again with --attempts 2."
        )
    else:
        yield (
            f"{model} of {plural(len(scores), 'task')} have fewer than {2 * attempts} attempts: theirs are drawn with "
            "a chance to pass that is itself drawn, from what the task's and all tasks' attempts tell."
        )
    if not model and all(len(set(part)) == 1 for part in scores):
        yield (
            "The attempts at each task all agree, so these nights have no noise at all; that may be luck. --attempts "
            f"{max(map(len, scores))} draws from a model that allows for it."
        )
    counts = arm.counts()
    if not counts.valid:
        yield f"Only {counts.graded} of {counts.runnable} trials have a verdict: those without one are in no night."
    if asked.claim == "like-these" and len(scores) < LEAST_TASKS:
        yield f"With {plural(len(scores), 'task')} the exact test never comes to 5 %: nothing could raise an alarm."


# --- the attempts themselves -----------------------------------------------------------------------------------------


def odd_even(arm: Arm, options: Options | None = None) -> Comparison | None:
    """The stored odd attempts against the even ones, compared in earnest; None where a half has no attempt."""
    halves = [_half_of(arm, rest, word) for rest, word in ((1, "odd"), (0, "even"))]
    return compare(halves[0], halves[1], options or Options(shared=True)) if all(h.planned for h in halves) else None


def _half_of(arm: Arm, rest: int, word: str) -> Arm:
    rows = tuple(row for row in arm.planned if row.attempt % 2 == rest)
    records = tuple(record for record in arm.records if record.attempt % 2 == rest)
    name = f"{arm.name} ({word} attempts)"
    return dataclasses.replace(arm, candidate=name, name=name, planned=rows, records=records)


# --- shown -----------------------------------------------------------------------------------------------------------


def headline(found: Found) -> str:
    """The verdict in words."""
    gate, rate = found.judged, percent(found.judged.rate, 1)
    span = f"95 % interval {percent(gate.low, 1)} to {percent(gate.high, 1)}"
    name = {"compare": "harness compare", "drop": "The gate", "flip": "The gate"}[found.check.gate]
    if gate.honest:
        return f"honest: {name} raises a false alarm in {rate} of nights ({span}), and {percent(ALPHA)} are allowed"
    return f"not honest: {name} raises a false alarm in {rate} of nights ({span}), where {percent(ALPHA)} are allowed"


def sentences(found: Found) -> list[str]:
    """What the nights are, and how far they stray."""
    lines = [
        f"{found.candidate}, run {found.run}, as both arms: {found.check.nights} nights of "
        f"{plural(found.tasks, 'task')} × {plural(found.attempts, 'attempt')} in each arm, seed {found.check.seed}.",
        *found.notes,
        f"Noise floor: 95 of 100 nights stay within ±{found.observed * 100:.1f} points; `harness compare` computes "
        f"±{found.floor * 100:.1f}. A plain list of what passed before and fails now has {found.regressed:.1f} tasks.",
        "Deltas, in points: " + ", ".join(
            f"{q * 100:g} %: {value * 100:+.1f}" for q, value in zip(QUANTILES, found.quantiles, strict=True)
        ) + f"; mean {found.mean * 100:+.2f}, standard deviation {found.sd * 100:.1f}.",
    ]  # fmt: skip
    if found.real:
        lines.append(_real_line(found.real))
    return lines


def _real_line(real: Comparison) -> str:
    reasons = "; ".join(real.reasons)
    return f"The stored trials themselves, even attempts against odd ones: {real.verdict}: {reasons}."


def render(found: Found) -> Group:
    """The check as one rich renderable; no text in it is markup."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(("gate", "false alarms", "95 % interval", "at most 5 %?")):
        table.add_column(name, justify="right" if place else "left")
    for gate in found.gates.values():
        span = f"{percent(gate.low, 1)} to {percent(gate.high, 1)}"
        table.add_row(gate.gate, percent(gate.rate, 1), span, "yes" if gate.honest else "no")
    style = "bold green" if found.judged.honest else "bold red"
    lines = [Text(plain(line)) for line in sentences(found)]
    return Group(Text(headline(found), style=style), table, *lines, Text(histogram(found)))


def histogram(found: Found) -> str:
    """The deltas of the nights as bars of text, from the first that has one to the last."""
    most = max(count for _, count in found.histogram)
    places = [place for place, (_, count) in enumerate(found.histogram) if count]
    bars = found.histogram[places[0] : places[-1] + 1]
    return "\n".join(f"{x * 100:+7.1f} {'█' * math.ceil(WIDTH * count / most)}".rstrip() for x, count in bars)


def as_json(found: Found) -> str:
    """Every figure at full precision; rates and deltas are shares of 1."""
    gates = {
        name: {**dataclasses.asdict(gate), "rate": gate.rate, "honest": gate.honest}
        for name, gate in found.gates.items()
    }
    real = found.real and {"verdict": found.real.verdict, "reasons": found.real.reasons}
    told = {
        field.name: getattr(found, field.name)
        for field in dataclasses.fields(found)
        if field.name not in ("gates", "real", "check")
    }
    made = {
        "schema": SCHEMA, "honest": found.judged.honest, "exit_code": found.exit_code,
        "check": dataclasses.asdict(found.check), **told, "gates": gates, "real": real,
    }  # fmt: skip
    return json.dumps(made, indent=1, ensure_ascii=False, allow_nan=False)
