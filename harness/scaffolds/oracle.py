"""The `oracle` scaffold: hands in the task's reference solution. A task that it fails is broken."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from harness import archive
from harness.errors import SandboxError, TaskError
from harness.protocols import Journal, Model, Workspace
from harness.types import Ending, TrialPlan

needs_model = False

CHMOD_SECONDS = 60.0


def work(
    plan: TrialPlan, workspace: Workspace, model: Model | None, journal: Journal, spent: Callable[[], float | None]
) -> Ending:
    """Lay solution/ over the workspace, executable files included. Raises TaskError when it is empty."""
    files = archive.layers(plan.task.root / "solution")
    if not files:
        raise TaskError(f"{plan.task.root / 'solution'}: the reference solution has no files")
    workspace.write({path: content for path, (content, _) in files.items()})
    executable = [path for path, (_, mode) in files.items() if mode & 0o100]
    if executable:
        done = workspace.bash(f"chmod +x -- {shlex.join(executable)}", CHMOD_SECONDS)
        if done.exit_code != 0:
            raise SandboxError(
                f"the solution's files could not be made executable: {done.stderr.decode(errors='replace')}"
            )
    return Ending(reason="submitted", detail=f"{len(files)} files of the reference solution")
