"""The `nop` scaffold: leaves the workspace as it was. A task that it passes measures nothing."""

from __future__ import annotations

from collections.abc import Callable

from harness.protocols import Journal, Model, Workspace
from harness.types import Ending, TrialPlan

needs_model = False


def work(
    plan: TrialPlan, workspace: Workspace, model: Model | None, journal: Journal, spent: Callable[[], float | None]
) -> Ending:
    """Do nothing."""
    return Ending(reason="submitted", detail="nothing was done")
