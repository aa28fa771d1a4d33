"""A run, from its configuration to its report: `run` is the whole program as named steps."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness import agents, course, looks, models, reports, scaffolds, store, tasks
from harness.budget import Amount, Budget, Caps, Metered, OutOfBudget
from harness.config import CandidateSpec, RunConfig
from harness.errors import EXIT_OK, EXIT_RUN_ERRORS, ConfigError, ResultsError
from harness.executors import REGISTRY as EXECUTORS
from harness.grade import images_of
from harness.plan import plan, remaining
from harness.pricing import Own, Tariff
from harness.progress import Event, Progress
from harness.protocols import Model, Sandbox
from harness.session import open_sandbox, prepare
from harness.store import Loaded
from harness.trial import run_trial
from harness.trial import spent as trial_spent
from harness.types import Candidate, Task, TrialPlan, TrialRecord

Say = Callable[[str], None]
Models = Mapping[str, Model | None]


class Stopped(BaseException):
    """Raised inside a trial that must not go on, because the run is ending. It leaves no record.

    No Exception: a trial turns those into data.
    """


@dataclass(frozen=True)
class RunResult:
    """What a run left: its results as they are on disk, and where its report lies."""

    loaded: Loaded
    report: Path

    @property
    def exit_code(self) -> int:
        """0 when every trial that can run has a verdict, 6 when one is in error or was not started."""
        verdicts = {r.trial_id for r in self.loaded.records if r.outcome != "error"}
        wanted = {p.trial_id for p in self.loaded.planned if p.task not in self.loaded.refused}
        return EXIT_OK if wanted <= verdicts else EXIT_RUN_ERRORS


def run(config: RunConfig, say: Say, only_unchanged: bool = False, compared: course.Wanted | None = None) -> RunResult:
    """Carry out a run, or what is missing of one, and write its report. `say` takes lines of progress.

    `only_unchanged` leaves the trials of a run on disk out whose task, candidate or image is not what it was. A run
    that compares two candidates has a course (`compared`, or the one it began with) that may end it early. Raises
    UsageError before anything is spent when a task, an agent, a model or a key is wrong, and KeyboardInterrupt on
    Ctrl-C or SIGTERM: every finished trial is on disk, and the same command goes on from there.
    """
    found = tasks.choose(config.tasks, Path(config.tasks_dir), config.controls)
    candidates = [load_candidate(spec) for spec in config.candidates]
    loaded_models = load_models(candidates, config.max_cost_usd, config.prices)
    plans = plan(config.name, found, candidates, config.attempts, config.seed)
    with open_sandbox(config.sandbox, say, config.runtime) as sandbox:
        config = config.model_copy(update={"sandbox": sandbox.kind})  # never continued on another one than it began on
        refused = refusals(sandbox, found, say)
        plans = course.begin(config.folder, plans, refused, compared)
        same = open_folder(config, plans, refused, only_unchanged, say)
        todo = looks.needed(config.folder, remaining(same, finished(config.folder), refused))
        say(f"run {config.name}: {len(todo)} of {len(plans)} trials to do, results in {config.folder}")
        prepare(sandbox, {p.task.id: p.task for p in todo}.values(), say)
        todo = on_same_images(config.folder, sandbox, todo, only_unchanged, say)
        carry_out(config, plans, todo, sandbox, loaded_models, say)
    return conclude(config.folder)


# --- before the first trial ------------------------------------------------------------------------------------------


def load_candidate(spec: CandidateSpec) -> Candidate:
    """Load a candidate's agent and settle its model: the one that is given wins over the agent file's own.

    Raises AgentError for the file, ConfigError when there is no model or a model's name is wrong.
    """
    agent = agents.load(spec.agent) if spec.agent else None
    if spec.scaffold == "command" and not spec.settings.command:
        raise ConfigError('scaffold command needs settings = { command = "…" } in [[candidates]] of an eval file')
    if not scaffolds.REGISTRY[spec.scaffold].needs_model:
        return Candidate(agent=agent, scaffold=spec.scaffold, model=spec.model, settings=spec.settings)
    if agent is None:
        raise ConfigError(f"scaffold {spec.scaffold} needs an agent: give --agent (agents/baseline.md is a plain one)")
    own = agent.model if agent.model != models.INHERIT else None
    name = spec.model or own
    if name is None:
        raise ConfigError(f"{spec.agent} names no model of its own: give --model; {models.allowed()}")
    return Candidate(agent=agent, scaffold=spec.scaffold, model=models.resolve(name), settings=spec.settings)


def load_models(candidates: Iterable[Candidate], max_cost_usd: float | None, own: Own) -> Models:
    """Make the model of each candidate, by the candidate's digest; None for a scaffold that needs none.

    Raises ConfigError for a missing key, and for a model without a known price when there is a budget to keep.
    """
    return {candidate.digest: _load_model(candidate, max_cost_usd, own) for candidate in candidates}


def _load_model(candidate: Candidate, max_cost_usd: float | None, own: Own) -> Model | None:
    if candidate.model is None or not scaffolds.REGISTRY[candidate.scaffold].needs_model:
        return None
    settings = candidate.settings
    if max_cost_usd is not None and not tariff(candidate, own).is_known:
        name = candidate.model
        raise ConfigError(f'no price is known for {name}, so max_cost_usd cannot be kept; give [prices."{name}"]')
    return models.load(candidate.model, settings)


def tariff(candidate: Candidate, own: Own) -> Tariff:
    """What requests of a candidate cost."""
    return Tariff(candidate.model, candidate.settings.base_url, own)


def refusals(sandbox: Sandbox, found: Iterable[Task], say: Say) -> dict[str, str]:
    """Return the tasks that the sandbox cannot serve, with the reason; they are told, and count as not run."""
    refused = {task.id: reason for task in found if (reason := sandbox.refuses(task))}
    for task_id, reason in refused.items():
        say(f"not run: {task_id}: {reason}")
    return refused


def open_folder(
    config: RunConfig, plans: Sequence[TrialPlan], refused: Mapping[str, str], only_unchanged: bool, say: Say
) -> list[TrialPlan]:
    """Make the run's folder, or take up the one that is there if it measures the same; return the trials it holds.

    Raises ResultsError that says what changed: the configuration, a task or a candidate. With `only_unchanged` the
    trials that a change touches are left out instead, and told.
    """
    if not (config.folder / store.PLAN).exists():
        store.create(config.folder, config.resolved(), plans, refused)
        return list(plans)
    before = store.load(config.folder)
    found = list(changes(config, before, plans))
    if found and not only_unchanged:
        raise changed(config.folder, found)
    for change in found:
        say(f"left out: {change}")
    store.refuse(config.folder, refused)
    planned = {row.trial_id: row.task_digest for row in store.plan_rows(config.folder)}
    return [trial for trial in plans if planned.get(trial.trial_id) == trial.task.digest]


def changed(folder: Path, found: Sequence[str]) -> ResultsError:
    """The error for a run that would go on with something else than it began with."""
    rest = f" (and {len(found) - 1} changes more)" if len(found) > 1 else ""
    ways = f"give another --name for a new run, or `harness resume {folder.name} --only-unchanged`"
    return ResultsError(f"{folder} cannot be continued: {found[0]}{rest}. Undo that, {ways}.")


def on_same_images(
    folder: Path, sandbox: Sandbox, todo: Sequence[TrialPlan], only_unchanged: bool, say: Say
) -> list[TrialPlan]:
    """Return the trials whose images are those that the run began with, and note the images used from now on.

    Raises ResultsError for an image that has changed; with `only_unchanged` its trials are left out instead.
    """
    names = sorted({name for trial in todo for name in images_of(trial.task)})
    before, now = store.images(folder), {name: sandbox.image_id(name) for name in names}
    other = {name for name in names if before.get(name, now[name]) != now[name]}
    found = [f"image {name} was {before[name]} and is {now[name]} now" for name in sorted(other)]
    if found and not only_unchanged:
        raise changed(folder, found)
    for change in found:
        say(f"left out: trials on {change}")
    store.note_images(folder, {**now, **before})
    return [trial for trial in todo if not other & images_of(trial.task)]


def changes(config: RunConfig, before: Loaded, plans: Sequence[TrialPlan]) -> Iterator[str]:
    """Say how a configuration and plan differ from those of a run on disk, in what they measure."""
    stored = RunConfig.model_validate_json(json.dumps(before.config))
    for key, now in config.measures().items():
        then = stored.measures()[key]
        if then != now:
            yield f"`{key}` was {then!r} and is {now!r} now"
    planned = store.plan_rows(before.run_dir)  # those too that a look made needless
    rows = {row.trial_id: row for row in planned}
    digests = {row.task: row.task_digest for row in planned}
    for trial in plans:
        if digests.get(trial.task.id, trial.task.digest) != trial.task.digest:
            yield f"task {trial.task.id} has changed since it began"
        if trial.trial_id not in rows:
            yield f"{trial.trial_id} was not planned: its task is new, or {trial.candidate.label} has changed"
    for lost in rows.keys() - {p.trial_id for p in plans}:
        yield f"{lost} was planned and is not any more: its task is gone, or {rows[lost].label} has changed"


def finished(folder: Path) -> set[str]:
    """The trials that need not be done again: those with a verdict. One that ended in error is tried again."""
    return {r.trial_id for r in store.records(folder) if r.outcome != "error"}


# --- the trials ------------------------------------------------------------------------------------------------------


def budget_of(config: RunConfig, plans: Sequence[TrialPlan], say: Say) -> Budget:
    """The run's budget, with what earlier starts of the run have spent of it."""
    caps = Caps(config.max_cost_usd, config.max_total_tokens, config.max_total_turns, config.max_wall_seconds)
    spent = {p.trial_id: _spent(config, p) for p in plans if caps.any}
    return Budget(caps, spent, say)


def _spent(config: RunConfig, trial: TrialPlan) -> Amount:
    """What a trial has cost so far, by its journal."""
    folder = store.trial_dir(config.folder, trial.trial_id)
    bill = trial_spent(folder, trial.trial_id, tariff(trial.candidate, config.prices))
    return Amount(bill.floor, bill.usage.total, bill.turns)


def carry_out(
    config: RunConfig,
    plans: Sequence[TrialPlan],
    todo: Sequence[TrialPlan],
    sandbox: Sandbox,
    found: Models,
    say: Say,
) -> None:
    """Run the trials; each writes its own record. When this is left by an interrupt, no running trial leaves one."""
    before = store.load(config.folder)
    open_rows = [row for row in before.planned if row.task not in before.refused]
    again = {p.trial_id for p in todo}
    budget = budget_of(config, plans, say)
    for record in before.records:
        budget.ended(record.trial_id, record)
    slots, stop = threading.BoundedSemaphore(config.grading_slots), threading.Event()
    progress = Progress(open_rows, [r for r in before.records if r.trial_id not in again], slowed=models.slowed)
    with ExitStack() as stack, EXECUTORS[config.executor](config.concurrency) as carry, progress:
        stack.enter_context(models.listening(progress.tell))
        stack.enter_context(models.spread(found.values(), at_once(config, todo)))
        stack.callback(models.close, found.values())
        stack.callback(stop.set)
        work = partial(_one, config, sandbox, found, slots, stop, progress, budget)
        for block in looks.blocks(config.folder, todo, say):
            for trial_id, record in carry(work, budget.until_spent(block)):
                budget.ended(trial_id, record)
                if record:
                    progress.update(Event(trial_id, record=record))


def at_once(config: RunConfig, todo: Sequence[TrialPlan]) -> int:
    """How many trials are under way at once."""
    return 1 if config.executor == "serial" else min(config.concurrency, len(todo))


def _one(
    config: RunConfig,
    sandbox: Sandbox,
    found: Models,
    slots: threading.BoundedSemaphore,
    stop: threading.Event,
    progress: Progress,
    budget: Budget,
    trial: TrialPlan,
) -> tuple[str, TrialRecord | None]:
    """Run one trial; each stage it enters is shown, and is where it ends if the run is ending.

    One that the budget allows no further request has no record: it is to be resumed.
    """

    def stage(name: str) -> None:
        if stop.is_set():
            raise Stopped
        progress.update(Event(trial.trial_id, name))

    where = store.trial_dir(config.folder, trial.trial_id)
    cost = tariff(trial.candidate, config.prices)
    model = found[trial.candidate.digest]
    paid = model and Metered(model, budget, trial.trial_id, trial.candidate.settings, cost)
    try:
        return trial.trial_id, run_trial(trial, sandbox, paid, where, slots, cost, stage)
    except OutOfBudget:
        return trial.trial_id, None


# --- after the last trial --------------------------------------------------------------------------------------------


def conclude(folder: Path) -> RunResult:
    """Read the run back from disk and write its report."""
    loaded = store.load(folder)
    return RunResult(loaded, reports.write_all(folder, loaded))
