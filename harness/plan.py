"""Tasks x candidates x attempts -> trials, interleaved. Pure: the same input gives the same plan."""

from __future__ import annotations

import random
from collections.abc import Container, Sequence
from typing import TypeVar

from harness.errors import ConfigError
from harness.types import Candidate, Task, TrialPlan

T = TypeVar("T")


def plan(
    run_id: str, tasks: Sequence[Task], candidates: Sequence[Candidate], attempts: int, seed: int
) -> list[TrialPlan]:
    """Return every trial of a run in the order in which they start.

    Attempts are outermost: each task is touched by each candidate before the next attempt, so that a run that is cut
    short still compares like with like. Within an attempt the tasks are shuffled, and within a task the candidates:
    they share the hour, and none of them always goes first into a provider's warm cache.
    Raises ConfigError when two candidates, or two tasks, are the same.
    """
    _refuse_twins(candidates)
    order = random.Random(f"plan {seed}")
    return [
        TrialPlan(
            run_id=run_id, trial_id=trial_id(task, candidate, attempt), task=task, candidate=candidate, attempt=attempt
        )
        for attempt in range(1, attempts + 1)
        for task in _shuffled(order, tasks)
        for candidate in _shuffled(order, candidates)
    ]


def trial_id(task: Task, candidate: Candidate, attempt: int) -> str:
    """A readable name of a trial that is safe as a folder: task, eight digits of the candidate's digest, attempt."""
    return f"{task.id}--{candidate.digest[:8]}--{attempt}"


def remaining(plans: Sequence[TrialPlan], done: Container[str], refused: Container[str]) -> list[TrialPlan]:
    """Return the trials still to do: neither done (by trial id) nor of a task that is refused (by task id)."""
    return [p for p in plans if p.trial_id not in done and p.task.id not in refused]


def _shuffled(order: random.Random, items: Sequence[T]) -> list[T]:
    return order.sample(items, len(items))


def _refuse_twins(candidates: Sequence[Candidate]) -> None:
    """Raise ConfigError for candidates that share the part of the digest which names trials."""
    first: dict[str, Candidate] = {}
    for candidate in candidates:
        twin = first.setdefault(candidate.digest[:8], candidate)
        if twin is not candidate:
            raise ConfigError(
                f"{candidate.label!r} and {twin.label!r} are the same candidate: prompt, scaffold, model "
                "and settings; leave one out, or raise `attempts` to measure it more often"
            )
