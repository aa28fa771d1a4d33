"""A stage for scaffolds: a scripted model on a server, a workspace on this machine, and a journal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_workspace import LocalWorkspace

from harness.journal import FileJournal
from harness.models import retry, scripted, scripted_server
from harness.models.scripted import Script
from harness.scaffolds import REGISTRY
from harness.types import Agent, App, Candidate, Ending, Limits, ServiceSpec, Settings, Task, TrialPlan

PROMPT = "You are a careful engineer."


def a_task(root: Path, **changes: Any) -> Task:
    values: dict[str, Any] = {
        "id": "t",
        "title": "T",
        "image": "python",
        "areas": (),
        "difficulty": "easy",
        "limits": Limits(),
        "app": App(start="sh start.sh", ready="/alive", env={"APP_ENV": "test"}),
        "services": {"db": ServiceSpec(kind="postgres", env="DATABASE_URL")},
        "root": root,
        "instruction": "Please build a service.\n",
        "digest": "d",
    }
    return Task(**{**values, **changes})


def an_agent(tools: tuple[str, ...] | None = None) -> Agent:
    return Agent(id="a", path="a.md", tools=tools, body=PROMPT, digest="x")


def a_plan(
    root: Path, settings: Settings | None = None, agent: Agent | None = None, scaffold: str = "tools", **task: Any
) -> TrialPlan:
    candidate = Candidate(
        agent=agent, scaffold=scaffold, model="scripted/test", settings=settings or Settings(max_tokens=500)
    )
    return TrialPlan(run_id="r", trial_id="t-1", task=a_task(root, **task), candidate=candidate, attempt=1)


class Stage:
    """A server, a workspace and a journal to play scripts on."""

    def __init__(self, server: scripted_server.Server, place: LocalWorkspace, folder: Path) -> None:
        self.server, self.workspace, self.folder = server, place, folder
        self.spent: Callable[[], float | None] = lambda: 0.0

    def play(self, *turns: dict[str, Any], scaffold: str = "tools", wire: str = "anthropic", **plan: Any) -> Ending:
        """Run a trial of the scaffold with a model that plays the given turns."""
        self.server.add("scripted/test", Script.model_validate({"schema": 1, "turn": list(turns)}))
        made = a_plan(self.folder, scaffold=scaffold, **plan)
        model = scripted.on_server("scripted/test", self.server.url, wire, made.candidate.settings, retry.NO_WAIT)
        with FileJournal(self.folder / "trial", "t-1", {}) as journal:
            return REGISTRY[scaffold].work(made, self.workspace, model, journal, self.spent)

    def sent(self, number: int = -1) -> dict[str, Any]:
        """Return the body of a request that the server got."""
        return self.server.requests[number][2]

    def results(self, number: int = -1) -> list[dict[str, Any]]:
        """Return the tool results that the newest message of a request holds."""
        return [b for b in self.sent(number)["messages"][-1]["content"] if b["type"] == "tool_result"]


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"calls": [{"tool": tool, "arguments": arguments}]}


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"text": said, **more}
