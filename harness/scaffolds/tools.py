"""The `tools` scaffold: the model works in the sandbox with `bash`, `edit_file` and `submit` until it hands in.

The system prompt is the agent's body, the user's turn is the request and the facts of the sandbox. An agent's `tools`
field is kept to: without it all tools are offered; `Bash` gives bash; `Read`, `Grep`, `Glob` and `LS` give the `view`
command of edit_file, `Write` its `create`, `Edit` and `MultiEdit` its `str_replace`; names that mean nothing here
(`WebFetch`, …) are passed over. `submit` is always there.

The trial ends with one of these words: `submitted`; `ended` (twice in a row an answer without a tool call); a limit:
`turns`, `seconds`, `tokens`, `cost`; or what the model said: `refusal`, `context` (the conversation no longer fits).
Whatever is in the workspace then is graded. Seconds are those of the model's answers and of the tools, so that neither
a provider's bad hour nor the replay of a journal takes time from the agent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from harness.errors import ConfigError
from harness.protocols import Journal, Model, Workspace
from harness.scaffolds import request
from harness.types import Agent, Ending, ExecResult, Message, Tool, ToolCall, ToolResult, TrialPlan, Turn

needs_model = True

OUTPUT_CAP = 16_000  # characters of a tool's answer that the model sees
FILE_CAP = 1_000_000  # characters of a file that edit_file takes
BASH_SECONDS, BASH_LONGEST = 120.0, 600.0
LIST_SECONDS = 30.0

COMMANDS = {
    "view": "view: show a file, or list a folder.",
    "create": "create: write a file whole (`text`), over what was there.",
    "str_replace": "str_replace: replace `old`, which must stand in the file exactly once, by `new`.",
}
GRANTS = {
    "bash": ("bash",),
    "read": ("view",),
    "grep": ("view",),
    "glob": ("view",),
    "ls": ("view",),
    "view": ("view",),
    "write": ("create",),
    "edit": ("str_replace",),
    "multiedit": ("str_replace",),
    "edit_file": tuple(COMMANDS),
    "*": ("bash", *COMMANDS),
}

REMINDER = (
    "That answer called no tool, so nothing happened. Go on with the tools; when your work is complete, call `submit`. "
    "If the next answer calls no tool either, the workspace is handed in as it is."
)
CUT = "That answer was cut off at the limit of {limit} tokens. Go on in smaller steps: write long files in parts."


@dataclass
class Session:
    """A trial under way. `messages` are the conversation so far; `tool_seconds` is what the tools took."""

    plan: TrialPlan
    workspace: Workspace
    journal: Journal
    spent: Callable[[], float | None]
    granted: frozenset[str]
    messages: list[Message]
    tool_seconds: float = 0.0
    silent: int = 0
    turns: list[Turn] = field(default_factory=list)

    @property
    def seconds_left(self) -> float:
        """Seconds until the time limit strikes."""
        used = sum(turn.seconds for turn in self.turns) + self.tool_seconds
        return request.second_limit(self.plan.task, self.plan.candidate.settings) - used


def work(
    plan: TrialPlan, workspace: Workspace, model: Model | None, journal: Journal, spent: Callable[[], float | None]
) -> Ending:
    """Carry the trial out until it ends. Raises ProviderError and SandboxError, and ConfigError without a model."""
    if model is None:
        raise ConfigError("scaffold tools: needs a model; name one with --model")
    session = open_session(plan, workspace, journal, spent)
    offered = tools(session.granted)
    while True:
        if ending := limit(session):
            return ending
        turn = journal.turn(lambda: model.complete(session.messages, offered))
        session.turns.append(turn)
        session.messages.append(Message(role="assistant", turn=turn))
        if ending := react(session, turn):
            return ending


def open_session(plan: TrialPlan, workspace: Workspace, journal: Journal, spent: Callable[[], float | None]) -> Session:
    """Return a session with the opening messages."""
    agent = plan.candidate.agent
    system = [Message(role="system", text=agent.body)] if agent else []
    granted = grants(agent)
    asked = request.request(plan.task, [*request.facts(plan.task), *working_facts(plan, granted)])
    return Session(plan, workspace, journal, spent, granted, [*system, Message(role="user", text=asked)])


def working_facts(plan: TrialPlan, granted: Iterable[str]) -> list[str]:
    """Return the facts of working with tools."""
    turns = request.turn_limit(plan.task, plan.candidate.settings)
    time_allowed = request.duration(request.second_limit(plan.task, plan.candidate.settings))
    shell = (
        f"Each bash call is a fresh shell in {request.HOME}: only files last. To try a service, start it, ask it and "
        "end it in one call."
    )
    return [
        *([shell] if "bash" in granted else []),
        f"You have at most {turns} answers and about {time_allowed}. Call `submit` when your work is complete; "
        "what is in the workspace when time or answers run out is handed in.",
    ]


# --- limits ----------------------------------------------------------------------------------------------------------


def limit(session: Session) -> Ending | None:
    """Return the ending of the limit that has been reached, if any."""
    settings, task = session.plan.candidate.settings, session.plan.task
    turns, tokens = request.turn_limit(task, settings), sum(turn.usage.total for turn in session.turns)
    if len(session.turns) >= turns:
        return Ending(reason="turns", detail=f"{turns} turns")
    if session.seconds_left <= 0:
        return Ending(reason="seconds", detail=f"{request.second_limit(task, settings)} seconds")
    if settings.max_total_tokens and tokens >= settings.max_total_tokens:
        return Ending(reason="tokens", detail=f"{tokens} of {settings.max_total_tokens} tokens")
    return _cost_limit(session)


def _cost_limit(session: Session) -> Ending | None:
    allowed = session.plan.candidate.settings.max_cost_usd
    if allowed is None:
        return None
    spent = session.spent()
    if spent is None:
        name = session.plan.candidate.model
        raise ConfigError(f"max_cost_usd cannot be kept: no price is known for {name}. Use max_total_tokens instead.")
    return Ending(reason="cost", detail=f"${spent:.4f} of ${allowed:g}") if spent >= allowed else None


# --- a turn ----------------------------------------------------------------------------------------------------------


def react(session: Session, turn: Turn) -> Ending | None:
    """Do what a turn asks for and put the answer into the conversation; return the ending if it ends the trial."""
    if turn.stop in ("refusal", "context"):
        return Ending(reason=turn.stop, detail=turn.text[:500])
    if turn.calls:
        session.silent = 0
        return _carry_out(session, turn)
    if turn.stop == "pause":  # the provider paused its own work; it goes on when it gets its answer back
        return None
    return _prompt_on(session, turn)


def _prompt_on(session: Session, turn: Turn) -> Ending | None:
    if turn.stop == "max_tokens":
        text = CUT.format(limit=session.plan.candidate.settings.max_tokens)
    else:
        session.silent += 1
        if session.silent > 1:
            return Ending(reason="ended", detail="two answers in a row without a tool call")
        text = REMINDER
    session.messages.append(Message(role="user", text=text))
    return None


def _carry_out(session: Session, turn: Turn) -> Ending | None:
    results = []
    for call in turn.calls:
        if call.name == "submit" and not call.problem:
            return Ending(reason="submitted", detail=str(call.arguments.get("note") or "")[:500])
        results.append(session.journal.result(call.id, partial(_timed, session, call)))
    cut = turn.stop == "max_tokens"
    text = CUT.format(limit=session.plan.candidate.settings.max_tokens) if cut else ""
    session.messages.append(Message(role="tools", results=tuple(results), text=text))
    return None


def _timed(session: Session, call: ToolCall) -> ToolResult:
    begun = time.monotonic()
    try:
        text, wrong = answer(session, call)
    finally:
        session.tool_seconds += time.monotonic() - begun
    return ToolResult(call_id=call.id, text=capped(text), is_error=wrong)


def answer(session: Session, call: ToolCall) -> tuple[str, bool]:
    """Run a tool call; return (text, whether it is an error)."""
    if call.problem:
        return f"The call was not carried out: {call.problem}.", True
    if call.name == "bash" and "bash" in session.granted:
        return bash(session, call)
    command = call.arguments.get("command")
    if call.name == "edit_file" and command in session.granted and command in COMMANDS:
        try:
            return edit_file(session.workspace, str(command), call)
        except OSError as error:  # a folder where the file should be, a full disk: the agent's own doing
            return f"That could not be done: {error}", True
    named = f"{call.name}, command {command!r}," if call.name == "edit_file" else call.name
    return f"There is no tool {named} here. There are: {', '.join(t.name for t in tools(session.granted))}.", True


# --- the tools -------------------------------------------------------------------------------------------------------


def grants(agent: Agent | None) -> frozenset[str]:
    """Return what an agent may use: `bash` and commands of edit_file. None or an absent field means all."""
    if agent is None or agent.tools is None:
        return frozenset(GRANTS["*"])
    names = [name.partition("(")[0].strip().lower() for name in agent.tools]
    return frozenset(granted for name in names for granted in GRANTS.get(name, ()))


def tools(granted: frozenset[str]) -> list[Tool]:
    """Return the tools to offer."""
    commands = [command for command in COMMANDS if command in granted]
    return [
        *([_bash_tool()] if "bash" in granted else []),
        *([_edit_tool(commands)] if commands else []),
        _submit_tool(),
    ]


def _bash_tool() -> Tool:
    about = (
        f"Run a command with bash in {request.HOME}. Each call is a fresh shell. Answers with the exit code and what "
        f"was printed; of more than {OUTPUT_CAP} characters only head and tail are shown."
    )
    seconds = f"Time limit in seconds, at most {BASH_LONGEST:.0f}; {BASH_SECONDS:.0f} if not given."
    return _tool("bash", about, {"command": ("string", "The command."), "seconds": ("number", seconds)}, ["command"])


def _edit_tool(commands: list[str]) -> Tool:
    fields = {
        "path": ("string", f"The file, relative to {request.HOME}."),
        **({"text": ("string", "For create: the whole content.")} if "create" in commands else {}),
        **({"old": ("string", "For str_replace."), "new": ("string", "")} if "str_replace" in commands else {}),
    }
    about = "Work on a file of the workspace. " + " ".join(COMMANDS[c] for c in commands)
    tool = _tool("edit_file", about, {"command": ("string", ""), **fields}, ["command", "path"])
    tool.parameters["properties"]["command"]["enum"] = commands
    return tool


def _submit_tool() -> Tool:
    about = "Hand the workspace in as it is. This ends your work."
    return _tool("submit", about, {"note": ("string", "One sentence on what was done and what was not.")}, [])


def _tool(name: str, about: str, fields: dict[str, tuple[str, str]], required: list[str]) -> Tool:
    properties = {
        key: {"type": kind, **({"description": words} if words else {})} for key, (kind, words) in fields.items()
    }
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return Tool(name=name, description=about, parameters=schema)


def bash(session: Session, call: ToolCall) -> tuple[str, bool]:
    """Run a command; an exit code other than 0 is an answer, not an error."""
    command, seconds = call.arguments.get("command"), call.arguments.get("seconds", BASH_SECONDS)
    if not isinstance(command, str) or not command.strip() or "\0" in command:
        return "bash needs `command`: a text with the command to run, without NUL characters.", True
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= BASH_LONGEST:
        return f"`seconds` must be a number above 0 and at most {BASH_LONGEST:.0f}.", True
    allowed = max(1.0, min(float(seconds), session.seconds_left))
    return shown(session.workspace.bash(command, allowed), allowed), False


def shown(done: ExecResult, seconds: float) -> str:
    """Return the end of a command as text."""
    code = f"timed out after {seconds:.0f} seconds" if done.exit_code is None else f"exit code {done.exit_code}"
    parts = [code, _decoded(done.stdout).rstrip("\n")]
    errors = _decoded(done.stderr).rstrip("\n")
    parts += ["[stderr]", errors] if errors else []
    parts += ["[more was printed than the sandbox keeps]"] if done.truncated else []
    return "\n".join(part for part in parts if part)


def edit_file(workspace: Workspace, command: str, call: ToolCall) -> tuple[str, bool]:
    """View, write or change a file of the workspace."""
    path = request.inside(str(call.arguments.get("path") or ""))
    if command == "view" and str(call.arguments.get("path")).strip() in (
        "",
        ".",
        "/",
        request.HOME,
        f"{request.HOME}/",
    ):
        path = "."
    if path is None:
        return f"`path` must name a file inside {request.HOME}, without `..`.", True
    if command == "view":
        return _view(workspace, path)
    if command == "create":
        return _create(workspace, path, call.arguments.get("text"))
    return _replace(workspace, path, call.arguments.get("old"), call.arguments.get("new"))


def _view(workspace: Workspace, path: str) -> tuple[str, bool]:
    content = workspace.read(path) if path != "." else None
    if content is not None:
        return _decoded(content) or "(the file is empty)", False
    quoted = "'" + path.replace("'", "'\\''") + "'"
    listing = workspace.bash(f"find ./{quoted} -mindepth 1 -maxdepth 2 -not -path '*/.git/*' | sort", LIST_SECONDS)
    if listing.exit_code != 0 or b"No such file" in listing.stderr:
        return f"{path}: there is no such file or folder.", True
    return _decoded(listing.stdout) or "(the folder is empty)", False


def _create(workspace: Workspace, path: str, text: object) -> tuple[str, bool]:
    if not isinstance(text, str):
        return "create needs `text`: the whole content of the file.", True
    if len(text) > FILE_CAP:
        return f"`text` is longer than {FILE_CAP} characters.", True
    workspace.write({path: text.encode()})
    return f"{path}: written, {len(text.encode())} bytes.", False


def _replace(workspace: Workspace, path: str, old: object, new: object) -> tuple[str, bool]:
    if not isinstance(old, str) or not isinstance(new, str) or not old:
        return "str_replace needs `old` (not empty) and `new`: texts.", True
    content = workspace.read(path)
    if content is None:
        return f"{path}: there is no such file.", True
    found = content.count(old.encode())
    if found != 1:
        return (
            f"{path}: `old` stands there {found} times; it must stand there exactly once. Give more of its lines.",
            True,
        )
    workspace.write({path: content.replace(old.encode(), new.encode())})
    return f"{path}: replaced.", False


def capped(text: str, cap: int = OUTPUT_CAP) -> str:
    """Keep head and tail of a long text and say how much was cut; never return nothing at all."""
    if len(text) <= cap:
        return text or "(no output)"
    half = cap // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters cut …]\n{text[-half:]}"


def _decoded(data: bytes) -> str:
    """Decode output; NUL characters, which a provider may refuse, are replaced as bytes are that are no UTF-8."""
    return data.decode("utf-8", "replace").replace("\0", "\ufffd")
