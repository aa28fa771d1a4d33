"""What a scaffold tells the agent besides the request itself, and where the agent's files may lie."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from harness.types import Limits, Settings, Task

HOME = "/workspace"
LONGEST_NAME = 255  # bytes in a file's name, as file systems have it


def turn_limit(task: Task, settings: Settings) -> int:
    """Return how many model turns the agent has: the smaller of the task's limit and the candidate's."""
    return min(task.limits.agent_turns, settings.max_turns or task.limits.agent_turns)


def second_limit(task: Task, settings: Settings) -> int:
    """Return how many seconds the agent has: the smaller of the task's limit and the candidate's."""
    return min(task.limits.agent_seconds, settings.max_seconds or task.limits.agent_seconds)


def duration(seconds: int) -> str:
    """Return a time in words: seconds below two minutes, else minutes."""
    return f"{seconds} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def request(task: Task, facts: Iterable[str]) -> str:
    """Return the user's turn: instruction.md, then the facts of the place of work."""
    return "\n".join(
        [task.instruction.rstrip(), "", "---", "", "Where you work:", "", *(f"- {fact}" for fact in facts)]
    )


def facts(task: Task) -> list[str]:
    """Return the facts of the sandbox that hold for every scaffold."""
    return [
        f"The workspace is {HOME}; its content is what you hand in. Besides it only /tmp can be written.",
        _network(task),
        f"Environment variables: {', '.join(_variables(task)) or 'none of the task'}.",
        *_start(task),
        _size(task.limits),
    ]


def _network(task: Task) -> str:
    services = [f"{name} ({spec.kind}, its URL is in ${spec.env})" for name, spec in sorted(task.services.items())]
    return f"There is no network{', except to ' + ', '.join(services) if services else ''}. Nothing can be installed."


def _variables(task: Task) -> list[str]:
    services = [spec.env for spec in task.services.values()]
    return [*(["PORT", *task.app.env] if task.app else []), *services]


def _start(task: Task) -> list[str]:
    if not task.app:
        return []
    app = task.app
    ready = "something accepts connections there" if app.ready == "tcp" else f"GET {app.ready} answers 2xx"
    build = [f"Before the first start `{app.build}` runs once in {HOME}."] if app.build else []
    return [
        *build,
        f"The service is started with `{app.start}` in {HOME} and must stay in the foreground.",
        f"It listens on 0.0.0.0 at $PORT and counts as started when {ready}, within {app.ready_seconds} seconds.",
    ]


def _size(limits: Limits) -> str:
    return (
        f"There are {limits.cpus:g} CPUs, {limits.memory_mb} MB of memory, {limits.pids} processes and "
        f"{limits.disk_mb} MB of disk."
    )


def inside(path: str) -> str | None:
    """Return a path relative to the workspace in plain form, or None when it leads out of it or can name no file."""
    text = path.strip()
    if not text.isprintable() or any(len(part.encode()) > LONGEST_NAME for part in text.split("/")):
        return None
    pure = PurePosixPath(text)
    if pure.is_absolute():
        if not pure.is_relative_to(HOME):
            return None
        pure = pure.relative_to(HOME)
    return None if ".." in pure.parts or not pure.parts or text.endswith("/") else str(pure)
