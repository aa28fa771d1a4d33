"""`harness plan`: a pilot run, or stated rates, and the tasks that exist -> designs, shown before money is spent."""

from __future__ import annotations

import dataclasses
import json
import math
import random
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import arms, stats, store, tasks
from harness.aacheck import graded
from harness.alike import Arm, alike, paired_tasks
from harness.compare import Trials
from harness.config import CandidateSpec, RunConfig
from harness.design import POWER, Basis, Design, Price, Wish, advice, choose, designs
from harness.errors import AgentError, ConfigError, ResultsError
from harness.reports.text import DASH, dollars, duration, percent, plain, plural
from harness.run import load_candidate
from harness.stats.pilot import WITHIN
from harness.types import Settings, TrialRecord

if TYPE_CHECKING:
    from rich.console import Group

SCHEMA = 1
TASKS_DIR, RESULTS = Path("tasks"), Path("results")  # where `harness run` looks by itself
SEED = 0  # of the tasks that are drawn for a design with fewer than there are
ASSUMED = {
    "noise": "Each task was tried once, which does not tell chance from task: half of a trial's variance is taken for "
    "chance. A pilot of two attempts would tell.",
    "unanimous": "All attempts agreed. Nobody is that certain: the least that could hide behind it is assumed.",
}


@dataclass(frozen=True)
class Stated:
    """What the user says in place of a pilot, or over it. Rates, `within` and `spread` are shares of 1."""

    rate: float | None = None
    rate_b: float | None = None
    within: float | None = None
    spread: float | None = None
    cost: float | None = None
    cost_b: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be. Raises ConfigError."""
        for name in ("rate", "rate_b", "within", "spread"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ConfigError(f"--{name.replace('_', '-')} is a share between 0 and 1, not {value:g}")
        for name in ("cost", "cost_b", "seconds"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise ConfigError(f"--{name.replace('_', '-')} is a number from 0 up, not {value:g}")


@dataclass(frozen=True)
class Plan:
    """The designs, the one to take, and all that is said about them. `known` is what they rest on."""

    basis: Basis
    wish: Wish
    designs: tuple[Design, ...]
    chosen: Design | None
    known: tuple[str, ...]
    advice: tuple[str, ...]
    commands: tuple[str, ...]


def make(
    pilot: Sequence[Arm], told: Stated, wish: Wish, names: Sequence[str], tasks_dir: Path, results: Path,
    concurrency: int | None = None,
) -> Plan:  # fmt: skip
    """Plan a comparison. `pilot` holds no arm, one or two; `names` are tasks or patterns, all when there are none.
    `results` is where it would be run.

    Raises ConfigError for numbers that plan nothing or do not go together, ResultsError for a pilot without verdicts,
    TaskError for a task that is not there.
    """
    here, notes = _here(names, tasks_dir, pilot)
    wish = dataclasses.replace(wish, here=len(here))
    if not wish.here and not wish.counts and wish.trials is None and wish.dollars is None:
        wish = dataclasses.replace(wish, counts=(30, 100, 300))
    basis, known = _piloted(pilot, told) if pilot else _stated(told, wish.effect)
    basis = dataclasses.replace(basis, concurrency=concurrency or _concurrency(pilot) or basis.concurrency)
    found = designs(basis, wish)
    chosen = choose(found)
    typed = commands(pilot, wish, chosen, _conduct(wish, chosen, names, here, tasks_dir), results) if chosen else []
    return Plan(basis, wish, tuple(found), chosen, (*known, *notes), tuple(advice(basis, wish, chosen)), tuple(typed))


# --- what is known ---------------------------------------------------------------------------------------------------


def read_pilot(results: Path, a: str, b: str | None) -> list[Arm]:
    """The arms of a pilot: two named ones, the two candidates of a run, or one. Raises ResultsError as `arms.load`."""
    if b is not None:
        return list(arms.load(results, a, b))
    try:
        return list(arms.load(results, a, None))
    except ResultsError:  # no run of two candidates: it must be one arm then, or the message says what it is
        return [arms.load(results, a, a)[0]]


def _here(names: Sequence[str], tasks_dir: Path, pilot: Sequence[Arm]) -> tuple[list[str], list[str]]:
    """The tasks that can be run here, and what to know about them."""
    if not names and not tasks_dir.is_dir():
        return [], [f"There is no folder {tasks_dir}, so no design can be run from here: see --tasks-dir."]
    found = {task.id: task.digest for task in tasks.choose(names, tasks_dir, controls=False)}
    refused = {task for arm in pilot for task in arm.refused} & found.keys()
    planned = {row.task: row.task_digest for arm in pilot for row in arm.planned}
    notes = []
    if refused:
        notes.append(f"Left out, since the pilot's sandbox cannot run them: {', '.join(sorted(refused))}.")
    changed = sorted(task for task, digest in planned.items() if found.get(task, digest) != digest)
    if changed:
        notes.append(f"Changed since the pilot, which may no longer tell about them: {', '.join(changed)}.")
    return sorted(found.keys() - refused), notes


def _stated(told: Stated, effect: float) -> tuple[Basis, list[str]]:
    if told.rate is None:
        raise ConfigError("name a pilot run, or say --rate: the pass rate that is expected of A, such as 0.6")
    if told.rate_b is not None:
        rate_b = told.rate_b
    else:  # B is better by the effect, or worse where there is no room
        rate_b = told.rate + effect if told.rate + effect <= 1 else told.rate - effect
    within = WITHIN if told.within is None else told.within
    variances = stats.stated(told.rate, rate_b, within, told.spread)
    basis = Basis(
        variances, _price(told.cost), _price(told.cost if told.cost_b is None else told.cost_b), told.seconds,
        room=1 - told.rate,
    )  # fmt: skip
    known = [
        f"Stated: A passes {percent(told.rate)}, B {percent(rate_b)}; {percent(within)} of a trial's variance is "
        "chance within its task.",
        *_spread_line(variances),
    ]
    return basis, known


def _price(cost: float | None) -> Price:
    return Price(cost, cost or 0.0)


def _spread_line(variances: stats.Variances) -> list[str]:
    """How far tasks differ in what a change does to them, and where that is from."""
    points = f"{math.sqrt(variances.w2) * 100:.1f} points (standard deviation)"
    if "spread" in variances.assumed:
        return [
            f"Assumed: the tasks' true differences spread by {points}, as between two revisions of a prompt; two "
            "models may differ more. --spread says otherwise, a pilot of both arms measures it."
        ]
    return [f"The tasks' true differences spread by {points}."]


def _piloted(pilot: Sequence[Arm], told: Stated) -> tuple[Basis, list[str]]:
    if told.rate is not None or told.rate_b is not None or told.within is not None:
        raise ConfigError("--rate, --rate-b and --within are for a plan without a pilot; leave them or the run out")
    notes: list[str] = []
    if len(pilot) == 2:
        first, second, dropped = alike(pilot[0], pilot[1], shared=True)
        notes += [f"Not alike in both arms, and left out: {', '.join(sorted(dropped))}."] if dropped else []
        pilot = (first, second)
    names = paired_tasks(pilot[0], pilot[-1])
    if not names:
        raise ResultsError(f"no task of {pilot[0].run} has a verdict in every arm: it is no pilot")
    found = [graded(arm) for arm in pilot]
    trials = [[by_task[name] for name in names] for by_task in found]
    scores = [[[int(r.outcome == "passed") for r in records] for records in arm] for arm in trials]
    one, two = scores[0], scores[-1]
    variances = stats.from_one(one, told.spread) if len(pilot) == 1 else stats.from_two(one, two, told.spread)
    prices = [_paid(arm) for arm in trials]
    given = [told.cost, told.cost if told.cost_b is None else told.cost_b]
    prices = [p if g is None else _price(g) for p, g in zip([prices[0], prices[-1]], given, strict=True)]
    seconds = [_mean(arm, lambda record: record.seconds) for arm in trials]
    told_seconds = sum(seconds) / len(seconds) if told.seconds is None else told.seconds
    rate = float(stats.task_means(one).mean())
    return Basis(variances, prices[0], prices[1], told_seconds, room=1 - rate), [
        *_arm_lines(pilot, names, scores), *_variance_lines(variances), *notes
    ]  # fmt: skip


def _arm_lines(pilot: Sequence[Arm], names: Sequence[str], scores: Sequence[stats.Clusters]) -> Iterable[str]:
    for letter, arm, found in zip("AB", pilot, scores, strict=False):
        counts = arm.counts()
        passed, graded = (sum(map(one, found)) for one in (sum, len))
        yield (
            f"{letter} = {arm.name}, run {arm.run}: {passed} passed of {graded} graded trials at "
            f"{plural(len(names), 'task')} ({percent(float(stats.task_means(found).mean()))})."
        )
        if not counts.valid:
            yield (
                f"Only {counts.graded} of {counts.runnable} trials of {letter} have a verdict ({counts.error} in "
                f"error, {counts.missing} missing): what is missing may be what would have failed."
            )
        if arm.leaks:
            yield f"A negative control was passed in run {arm.run}: its grader leaks, and its rates mean little."
    if len(pilot) == 1:
        yield "B is taken to be like A in noise, cost and time."


def _variance_lines(variances: stats.Variances) -> Iterable[str]:
    noise = " and ".join(f"{value:.3f}" for value in dict.fromkeys([variances.s2_a, variances.s2_b]))
    yield f"Chance within a task has a variance of {noise} a trial."
    yield from _spread_line(variances)
    yield from (text for name, text in ASSUMED.items() if name in variances.assumed)


def _paid(arm: Trials) -> Price:
    """Mean cost of a trial over tasks; unknown as soon as one trial's is, with the least that it can be."""
    records = [record for task in arm for record in task]
    floor = _mean(arm, lambda r: (r.cost_floor_usd or 0.0) if r.cost_usd is None else r.cost_usd)
    return Price(None if any(record.cost_usd is None for record in records) else floor, floor)


def _mean(arm: Trials, take: Callable[[TrialRecord], float]) -> float:
    means = [sum(map(take, records)) / len(records) for records in arm]
    return sum(means) / len(means)


def _concurrency(pilot: Sequence[Arm]) -> int | None:
    """How many trials the pilot had under way at once."""
    found = [store.config(Path(arm.folder)).get("concurrency") for arm in pilot[:1]]
    return found[0] if found and isinstance(found[0], int) else None


# --- what to type ----------------------------------------------------------------------------------------------------


def commands(pilot: Sequence[Arm], wish: Wish, chosen: Design, conduct: Sequence[str], results: Path) -> list[str]:
    """The commands that carry the chosen design out, as a shell takes them. Words in capitals are the user's.

    `harness compare` runs two agents by itself, with planned looks if there are any. Two models are run by
    `harness run`, and so is what only an eval file can say. `conduct` are the options of such a run.
    """
    specs = [_spec(arm) for arm in pilot]
    known = [spec for spec in specs if spec]
    pair = _revisions(known[0]) if len(pilot) == 1 and known else tuple(known) if len(known) == 2 else None
    name = f"plan-{chosen.tasks}x{chosen.attempts}"
    place = [] if results == RESULTS else ["--results", str(results)]
    rest = [*conduct, "--name", name, *place]
    if not pilot:
        return [_line("harness", "compare", "AGENT@HEAD", "AGENT", "--model", "MODEL", *rest, *_judged(wish))]
    columns = _columns(pair) if pair else None
    if pair is None or columns is None:
        return [*_by_file(pilot, rest, name, wish, place), *_no_looks(wish)]
    if len(columns["agent"]) == 2:
        words = [word for key in ("scaffold", "model") for one in columns[key] for word in _option(key, one)]
        return [_line("harness", "compare", *columns["agent"], *words, *rest, *_judged(wish))]
    words = [word for key, found in columns.items() for one in found for word in _option(key, one)]
    return [_line("harness", "run", *words, *rest), _compare([name, *place], wish), *_no_looks(wish)]


def _by_file(pilot: Sequence[Arm], rest: Sequence[str], name: str, wish: Wish, place: Sequence[str]) -> list[str]:
    """The pilot's own stored configuration is an eval file, and has settings that options cannot say."""
    file = f"{pilot[0].folder}/{store.CONFIG}"
    if len({arm.folder for arm in pilot}) > 1:
        both = " and ".join(f"{arm.folder}/{store.CONFIG}" for arm in pilot)
        first, file = [f"Put the candidates of {both} into one FILE:"], "FILE"
    elif len(pilot) == 1:
        first, file = [f"Add the other candidate to a copy of {file}, the FILE:"], "FILE"
    else:
        first = []
    arms_of_it = [f"{name}:{arm.name}" for arm in pilot] if not first else [name]
    return [*first, _line("harness", "run", file, *rest), _compare([*arms_of_it, *place], wish)]


def _no_looks(wish: Wish) -> list[str]:
    """Planned looks belong to a run that the comparison itself makes."""
    return ["(planned looks are for two agents of one model and setting: these are run in full)"] * (wish.looks > 1)


def _compare(words: Sequence[str], wish: Wish) -> str:
    return _line("harness", "compare", *words, *(["--claim", wish.claim] if wish.claim == "these" else []))


def _judged(wish: Wish) -> list[str]:
    claim = ["--claim", wish.claim] if wish.claim == "these" else []
    return [*(["--looks", str(wish.looks)] if wish.looks > 1 else []), *claim]


def _conduct(wish: Wish, chosen: Design, names: Sequence[str], here: Sequence[str], tasks_dir: Path) -> list[str]:
    named = names if chosen.tasks == len(here) else _drawn(here, chosen.tasks)
    words = ["--attempts", str(chosen.attempts), *(word for task in named for word in ("--tasks", task))]
    words += [] if wish.dollars is None else ["--max-cost", f"{wish.dollars:g}"]
    return words + ([] if tasks_dir == TASKS_DIR else ["--tasks-dir", str(tasks_dir)])


def _drawn(here: Sequence[str], number: int) -> list[str]:
    """As many tasks as the design has, by lot, so that no kind of task is preferred."""
    return sorted(random.Random(SEED).sample(sorted(here), number))


def _spec(arm: Arm) -> CandidateSpec | None:
    """The arm's candidate as the pilot's eval file has it; None where its files say something else by now."""
    try:
        config = RunConfig.model_validate_json(json.dumps(store.config(Path(arm.folder))))
    except ValueError:
        return None
    return next((spec for spec in config.candidates if _digest(spec) == arm.digest), None)


def _digest(spec: CandidateSpec) -> str | None:
    try:
        return load_candidate(spec).digest
    except AgentError:
        return None


def _revisions(spec: CandidateSpec) -> tuple[CandidateSpec, CandidateSpec] | None:
    """The committed agent against the file as it lies there; None for a candidate without an agent."""
    if spec.agent is None:
        return None
    path, _, revision = spec.agent.partition("@")
    old = spec.model_copy(update={"agent": f"{path}@{revision or 'HEAD'}"})
    return old, spec.model_copy(update={"agent": path})


def _columns(pair: Sequence[CandidateSpec]) -> dict[str, list[str | None]] | None:
    """Options that stand for these two candidates and no other; None where it takes an eval file."""
    if any(spec.settings != Settings.model_validate({}) for spec in pair):
        return None
    columns = {
        name: list(dict.fromkeys(getattr(spec, name) for spec in pair)) for name in ("agent", "scaffold", "model")
    }
    made = set(product(*columns.values()))
    return columns if made == {(spec.agent, spec.scaffold, spec.model) for spec in pair} else None


def _option(name: str, value: str | None) -> tuple[str, ...]:
    return () if value is None or (name, value) == ("scaffold", "tools") else (f"--{name}", value)


def _line(*words: str | None) -> str:
    return " ".join(shlex.quote(word) for word in words if word)


# --- shown -----------------------------------------------------------------------------------------------------------


def render(plan: Plan) -> Group:
    """The plan as one rich renderable; no text in it is markup."""
    from rich.console import Group
    from rich.text import Text

    known = [Text(plain(line)) for line in plan.known]
    told = [Text(plain(line), style="bold" if place == 0 else "") for place, line in enumerate(plan.advice)]
    return Group(*known, _table(plan), *told)


def orders(plan: Plan) -> list[str]:
    """The commands with a line before them; apart from `render`, because a terminal must neither fold nor cut them."""
    if plan.chosen is None:
        return []
    head = "To run it:" if plan.chosen.power >= POWER else "To run that all the same:"
    return ["", head, *(f"  {plain(line)}" for line in plan.commands)]


def _table(plan: Plan) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    head, rows = table(plan)
    for place, name in enumerate(head):
        made.add_column(name, justify="left" if place in (0, len(head) - 1) else "right", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def table(plan: Plan) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table of designs."""
    looks = ["trials on average: effect", "no effect"] if plan.wish.looks > 1 else []
    head = [
        "",
        "tasks",
        "attempts",
        "trials",
        "cost of both arms",
        "time",
        f"power for {plan.wish.effect * 100:g} points",
    ]
    return [*head, "smallest effect, 80 % power", *looks, "here"], [_row(plan, one) for one in plan.designs]


def _row(plan: Plan, one: Design) -> list[str]:
    looks = [f"{one.likely:.0f}", f"{one.idle:.0f}"] if plan.wish.looks > 1 else []
    lacking = one.tasks - plan.wish.here
    missing = f"needs {lacking} more tasks" if lacking > 0 else f"no room for {plan.wish.looks} looks"
    return [
        "→" if one == plan.chosen else "", str(one.tasks), str(one.attempts), str(one.trials), _cost(one),
        duration(one.seconds), percent(one.power) if one.able else "none", _seen(one), *looks,
        "yes" if one.here else missing,
    ]  # fmt: skip


def _cost(one: Design) -> str:
    if one.cost is not None:
        return dollars(one.cost)
    return f"at least {dollars(one.floor)}" if one.floor else "unknown"


def _seen(one: Design) -> str:
    if one.seen is None:
        return "none"
    told = f"{one.seen * 100:.1f} points"
    if one.seen_low == one.seen_high:
        return told
    return f"{told} ({_points(one.seen_low)} to {_points(one.seen_high)})"


def _points(share: float | None) -> str:
    return DASH if share is None else f"{share * 100:.1f}"


def as_json(plan: Plan) -> str:
    """Every figure at full precision; what is unknown, or cannot be seen, is null. Rates are shares of 1."""
    rows = [{**dataclasses.asdict(one), "trials": one.trials, "chosen": one == plan.chosen} for one in plan.designs]
    variances = plan.basis.variances._asdict() | {"error_factor": plan.basis.variances.error_factor()._asdict()}
    found = {
        "schema": SCHEMA, "wish": dataclasses.asdict(plan.wish),
        "basis": {**dataclasses.asdict(plan.basis), "variances": variances},
        "known": plan.known, "designs": rows, "advice": plan.advice, "commands": plan.commands,
    }  # fmt: skip
    return json.dumps(_finite(found), indent=1, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
