"""`harness grade`: grade a folder, or the stored submissions of a run once more. Nothing on disk is changed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness import archive, store, tasks
from harness.errors import EXIT_NO, EXIT_OK, ConfigError, HarnessError, ResultsError
from harness.executors import REGISTRY
from harness.grade import grade
from harness.protocols import Sandbox
from harness.reports.text import clip, plain
from harness.session import prepare
from harness.show import verdicts
from harness.types import Grade, Task

if TYPE_CHECKING:
    from rich.console import Console

SUBMISSION = "submission.tar.zst"


@dataclass(frozen=True)
class Again:
    """A stored submission to be graded once more, and the outcome that its record has."""

    trial_id: str
    task: Task
    archive: Path
    before: str


def source_folder(path: Path) -> Path:
    """Return the folder to be graded. Raises ConfigError if it is none."""
    if not path.is_dir():
        raise ConfigError(f"{path}: there is no such folder to grade")
    return path


def folder(
    task: Task, source: Path, sandbox: Sandbox, seed: int | None, logs: Path | None, say: Callable[[str], None]
) -> Grade:
    """Grade a folder laid over the task's workspace (a known-wrong submission over what its expect.toml says)."""
    prepare(sandbox, [task], say)
    layers, delete = tasks.layers_of(task, source)
    with tempfile.TemporaryDirectory(prefix="harness-grade-") as place:
        target = Path(place) / SUBMISSION
        archive.freeze_layers(archive.layers(*layers, delete=delete), target)
        return grade(task, target, sandbox, seed=seed, logs=logs).grade


def stored(run_dir: Path, trial_id: str | None, tasks_dir: Path, say: Callable[[str], None]) -> list[Again]:
    """Return the stored submissions of a run, or of one of its trials; `say` hears of each that has none.

    Raises ResultsError when there is none at all.
    """
    rows = [row for row in store.plan_rows(run_dir) if trial_id in (None, row.trial_id)]
    outcomes = {r.trial_id: r.outcome for r in store.records(run_dir)}
    loaded = {t.id: t for t in tasks.find(sorted({row.task for row in rows}), tasks_dir)}
    found = []
    for row in rows:
        path = store.trial_dir(run_dir, row.trial_id) / SUBMISSION
        if not path.is_file():
            say(f"{row.trial_id}: has no submission")
            continue
        if loaded[row.task].digest != row.task_digest:
            say(f"{row.trial_id}: task {row.task} has changed since; this grade is of the task as it is now")
        found.append(Again(row.trial_id, loaded[row.task], path, outcomes.get(row.trial_id, "missing")))
    if not found:
        raise ResultsError(f"{run_dir}: no submission is stored there to be graded")
    return found


def grade_all(
    again: Sequence[Again], sandbox: Sandbox, seed: int | None, slots: int, say: Callable[[str], None]
) -> Iterator[tuple[Again, Grade | HarnessError]]:
    """Grade stored submissions side by side and yield each as it ends."""
    prepare(sandbox, [a.task for a in again], say)
    with REGISTRY["threads"](slots) as carry:
        yield from carry(partial(_one, sandbox, seed), again)


def _one(sandbox: Sandbox, seed: int | None, again: Again) -> tuple[Again, Grade | HarnessError]:
    try:
        return again, grade(again.task, again.archive, sandbox, seed=seed).grade
    except HarnessError as error:
        return again, error


# --- told to a person ------------------------------------------------------------------------------------------------


def show(grade: Grade, out: Console, whole: bool) -> int:
    """Print the verdict of each test; return 0 for passed, 1 for failed. `whole` prints all of a failure's message."""
    out.print(verdicts(grade, whole))
    print(_headline(grade))
    return EXIT_OK if grade.passed else EXIT_NO


def show_all(results: Iterator[tuple[Again, Grade | HarnessError]]) -> int:
    """Print a line for each stored submission; return 0 when all passed, an error's code, or 1."""
    codes = [EXIT_OK]
    for again, outcome in results:
        if isinstance(outcome, HarnessError):
            print(f"{again.trial_id}: {again.before} -> error: {plain(str(outcome))}", flush=True)
            codes.append(outcome.exit_code)
        else:
            reason = f": {clip(plain(outcome.reason), 500)}" if outcome.reason else ""
            print(f"{again.trial_id}: {again.before} -> {_headline(outcome)}{reason}", flush=True)
            codes.append(EXIT_OK if outcome.passed else EXIT_NO)
    return max(codes)


def _headline(grade: Grade) -> str:
    tally = ", ".join(f"{name} {t.passed}/{t.total}" for name, t in grade.tally().items())
    seconds = sum(grade.stages.values())
    return f"{'passed' if grade.passed else 'failed'} ({tally}; seed {grade.seed}; {seconds:.1f} s)"
