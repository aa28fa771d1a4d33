"""The `command` scaffold: runs any command-line agent inside the sandbox.

`settings.command` is run by a shell in /workspace, once, within the time limit. The request and the sandbox's facts are
its standard input, and also the file /tmp/instruction.md; the agent's prompt, if the candidate has one, is the file
/tmp/agent.md. The sandbox has no network, so the command must be in the image or in the workspace.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from harness.errors import ConfigError, SandboxError
from harness.protocols import Journal, Model, Workspace
from harness.scaffolds import request
from harness.types import Ending, ToolResult, TrialPlan

needs_model = False

INSTRUCTION, AGENT = "/tmp/instruction.md", "/tmp/agent.md"
PIECE = 60_000  # characters in one command: Linux takes at most 131,072 in an argument
PLACE_SECONDS = 60.0
DETAIL = 500


def work(
    plan: TrialPlan, workspace: Workspace, model: Model | None, journal: Journal, spent: Callable[[], float | None]
) -> Ending:
    """Run the command to its end or to the time limit. Raises ConfigError without one, SandboxError."""
    settings = plan.candidate.settings
    if not settings.command:
        raise ConfigError("scaffold command: needs `command` in the candidate's settings")
    seconds = request.second_limit(plan.task, settings)
    about = [*request.facts(plan.task), f"You have about {request.duration(seconds)}."]
    place(workspace, INSTRUCTION, request.request(plan.task, about))
    if plan.candidate.agent:
        place(workspace, AGENT, plan.candidate.agent.body)
    done = journal.result("command", lambda: _run(workspace, settings.command or "", seconds))
    return Ending(reason="seconds" if done.is_error else "submitted", detail=done.text)


def place(workspace: Workspace, path: str, text: str) -> None:
    """Write a file outside of the workspace, where it is not handed in. Raises SandboxError."""
    data = base64.b64encode(text.encode()).decode()
    for start in range(0, len(data), PIECE):
        into = ">" if start == 0 else ">>"
        done = workspace.bash(f"printf %s {data[start : start + PIECE]} | base64 -d {into} {path}", PLACE_SECONDS)
        if done.exit_code != 0:
            raise SandboxError(f"{path} could not be written: {done.stderr.decode(errors='replace')[:DETAIL]}")


def _run(workspace: Workspace, command: str, seconds: float) -> ToolResult:
    done = workspace.bash(f"(\n{command}\n) < {INSTRUCTION}", seconds)
    if done.exit_code is None:
        return ToolResult(call_id="command", text=f"{seconds:.0f} seconds", is_error=True)
    tail = (done.stderr or done.stdout)[-DETAIL:].decode("utf-8", "replace").replace("\0", "\ufffd")
    return ToolResult(call_id="command", text=f"exit code {done.exit_code}" + (f"\n{tail}" if done.exit_code else ""))
