"""A run, from its configuration to its report: `run` is the whole program as named steps."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from harness import agents, models, pricing, reports, scaffolds, store, tasks
from harness.config import CandidateSpec, RunConfig
from harness.errors import EXIT_OK, EXIT_RUN_ERRORS, ConfigError, ResultsError
from harness.executors import REGISTRY as EXECUTORS
from harness.plan import plan, remaining
from harness.progress import Event, Progress
from harness.protocols import Model, Sandbox
from harness.session import open_sandbox, prepare
from harness.store import Loaded
from harness.trial import run_trial
from harness.types import Candidate, Task, TrialPlan, TrialRecord, Usage

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


def run(config: RunConfig, say: Say) -> RunResult:
    """Carry out a run, or what is missing of one, and write its report. `say` takes lines of progress.

    Raises UsageError before anything is spent when a task, an agent, a model or a key is wrong, and KeyboardInterrupt
    on Ctrl-C or SIGTERM: every finished trial is on disk, and the same command goes on from there.
    """
    found = tasks.find(config.tasks, Path(config.tasks_dir))
    candidates = [load_candidate(spec) for spec in config.candidates]
    loaded_models = load_models(candidates, config.max_cost_usd)
    plans = plan(config.name, found, candidates, config.attempts, config.seed)
    with open_sandbox(config.sandbox, say) as sandbox:
        config = config.model_copy(update={"sandbox": sandbox.kind})  # never continued on another one than it began on
        refused = refusals(sandbox, found, say)
        open_folder(config, plans, refused)
        todo = remaining(plans, finished(config.folder), refused)
        say(f"run {config.name}: {len(todo)} of {len(plans)} trials to do, results in {config.folder}")
        prepare(sandbox, {p.task.id: p.task for p in todo}.values(), say)
        carry_out(config, todo, sandbox, loaded_models, say)
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


def load_models(candidates: Iterable[Candidate], max_cost_usd: float | None) -> Models:
    """Make the model of each candidate, by the candidate's digest; None for a scaffold that needs none.

    Raises ConfigError for a missing key, and for a model without a known price when there is a budget to keep.
    """
    return {candidate.digest: _load_model(candidate, max_cost_usd) for candidate in candidates}


def _load_model(candidate: Candidate, max_cost_usd: float | None) -> Model | None:
    if candidate.model is None or not scaffolds.REGISTRY[candidate.scaffold].needs_model:
        return None
    settings = candidate.settings
    if max_cost_usd is not None and not pricing.is_known(candidate.model, None, settings.base_url):
        raise ConfigError(f"no price is known for {candidate.model}, so max_cost_usd cannot be kept; leave one out")
    return models.load(candidate.model, settings)


def price(candidate: Candidate, usage: Usage, when: datetime | None = None) -> float | None:
    """Dollars that one request of a candidate cost; None when its model has no known price."""
    return pricing.dollars(candidate.model, usage, when, candidate.settings.base_url)


def refusals(sandbox: Sandbox, found: Iterable[Task], say: Say) -> dict[str, str]:
    """Return the tasks that the sandbox cannot serve, with the reason; they are told, and count as not run."""
    refused = {task.id: reason for task in found if (reason := sandbox.refuses(task))}
    for task_id, reason in refused.items():
        say(f"not run: {task_id}: {reason}")
    return refused


def open_folder(config: RunConfig, plans: Sequence[TrialPlan], refused: Mapping[str, str]) -> None:
    """Make the run's folder, or take up the one that is there if it measures the same.

    Raises ResultsError that says what changed: the configuration, a task or a candidate.
    """
    text = config.resolved()
    if (config.folder / store.PLAN).exists():
        change = next(changes(config, store.load(config.folder), plans), None)
        if change:
            raise ResultsError(f"{config.folder} cannot be continued: {change}. Undo that, or give another --name.")
        text = (config.folder / store.CONFIG).read_text(encoding="utf-8")
    store.create(config.folder, text, plans, refused)


def changes(config: RunConfig, before: Loaded, plans: Sequence[TrialPlan]) -> Iterator[str]:
    """Say how a configuration and plan differ from those of a run on disk, in what they measure."""
    stored = RunConfig.model_validate_json(json.dumps(before.config))
    for key, now in config.measures().items():
        then = stored.measures()[key]
        if then != now:
            yield f"`{key}` was {then!r} and is {now!r} now"
    rows = {row.trial_id: row for row in before.planned}
    digests = {row.task: row.task_digest for row in before.planned}
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


class Budget:
    """Dollars spent by the run, those of earlier starts included. An unknown price counts as nothing.

    A trial under way counts as what its candidate's ended trials cost on average; before the first has ended, as the
    candidate's own limit, or as nothing without one.
    """

    def __init__(self, most: float | None, records: Iterable[TrialRecord], say: Say) -> None:
        self.most, self.say = most, say
        self.costs: dict[str, float] = {}
        self.by_candidate: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self.under_way: dict[str, TrialPlan] = {}
        for record in records:
            self.add(record)

    def add(self, record: TrialRecord) -> None:
        """Count a trial that ended; one that was tried again counts once, its record has the whole cost."""
        cost = record.cost_usd or 0.0
        self.costs[record.trial_id] = self.by_candidate[record.candidate_digest][record.trial_id] = cost
        self.under_way.pop(record.trial_id, None)

    def until_spent(self, todo: Sequence[TrialPlan]) -> Iterator[TrialPlan]:
        """Pass trials on as long as there is money for those under way and the next."""
        for number, trial in enumerate(todo):
            spent, ahead = sum(self.costs.values()), sum(map(self._likely, [*self.under_way.values(), trial]))
            if self.most is not None and (spent >= self.most or spent + ahead > self.most):
                found = f"${spent:.2f} of max_cost_usd ${self.most:.2f} are spent, the next trial could go beyond"
                self.say(f"stopped: {found}; {len(todo) - number} trials not started")
                return
            self.under_way[trial.trial_id] = trial
            yield trial

    def _likely(self, trial: TrialPlan) -> float:
        """What a trial that has not ended is going to cost, beyond what an earlier start of it did."""
        known = self.by_candidate[trial.candidate.digest].values()
        whole = sum(known) / len(known) if known else trial.candidate.settings.max_cost_usd or 0.0
        return max(whole - self.costs.get(trial.trial_id, 0.0), 0.0)


def carry_out(config: RunConfig, todo: Sequence[TrialPlan], sandbox: Sandbox, found: Models, say: Say) -> None:
    """Run the trials; each writes its own record. When this is left by an interrupt, no running trial leaves one."""
    before = store.load(config.folder)
    open_rows = [row for row in before.planned if row.task not in before.refused]
    again = {p.trial_id for p in todo}
    budget = Budget(config.max_cost_usd, before.records, say)
    slots, stop = threading.BoundedSemaphore(config.grading_slots), threading.Event()
    progress = Progress(open_rows, [r for r in before.records if r.trial_id not in again])
    with ExitStack() as stack, EXECUTORS[config.executor](config.concurrency) as carry, progress:
        stack.callback(stop.set)
        work = partial(_one, config.folder, sandbox, found, slots, stop, progress)
        for record in carry(work, budget.until_spent(todo)):
            budget.add(record)
            progress.update(Event(record.trial_id, record=record))


def _one(
    folder: Path,
    sandbox: Sandbox,
    found: Models,
    slots: threading.BoundedSemaphore,
    stop: threading.Event,
    progress: Progress,
    trial: TrialPlan,
) -> TrialRecord:
    """Run one trial; each stage it enters is shown, and is where it ends if the run is ending."""

    def stage(name: str) -> None:
        if stop.is_set():
            raise Stopped
        progress.update(Event(trial.trial_id, name))

    where = store.trial_dir(folder, trial.trial_id)
    model = found[trial.candidate.digest]
    return run_trial(trial, sandbox, model, where, slots, partial(price, trial.candidate), stage)


# --- after the last trial --------------------------------------------------------------------------------------------


def conclude(folder: Path) -> RunResult:
    """Read the run back from disk and write its report."""
    loaded = store.load(folder)
    return RunResult(loaded, reports.write_all(folder, loaded))
