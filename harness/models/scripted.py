"""`scripted/<name>`: no LLM, but a script played over the wire, so that the real SDKs, streams and retries run.

`<name>` is a script of harness/models/scripts, or the path of a TOML file (`scripted/./mine.toml`). `?wire=` chooses
the wire format and with it the SDK: `anthropic` (the default), `openai` (Responses) or `openai-chat`, for example
`scripted/demo?wire=openai`. A script is an ordered list of turns:

    schema = 1
    latency = 0.5                     # seconds before each answer's first byte
    [limit]                           # optional: more requests than that are answered 429 with Retry-After
    requests = 50
    seconds = 60.0
    kind = "window"                   # any `seconds` hold at most `requests`; or "bucket", which fills evenly
    headers = true                    # the answers tell what remains
    [find.ready]                      # optional: {{ready}} in a text or an argument becomes what the pattern's first
    pattern = 'GET (/\\S*) answers'    # group matches in the request, or else the default
    default = "/healthz"
    [[turn]]
    text = "I look around."           # and/or `thinking`, and any number of calls
    stop = "tools"                    # end | tools | max_tokens | refusal | context | pause; the default fits the calls
    usage = { input = 900, cache_read = 100, cache_write_5m = 0, cache_write_1h = 0, output = 40 }
    faults = [{ status = 429, retry_after = 1 }, { stream = "early-end" }]   # what the first attempts meet
    [[turn.calls]]
    tool = "bash"
    arguments = { command = "ls" }    # or  json = "…"  to send text that may be no JSON
    id = "call_1"                     # optional, to say one twice

Without `usage` the tokens are estimated, and what the provider's cache would hold is counted by its rules;
`usage = "none"` tells nothing. `empty = true` makes a turn that says nothing.

A fault is one of

    status = 503        that status, with an error of this wire; with retry_after (seconds, or any text) or retry_date
                        (seconds from now, told as a date), and kind (the error's own name: "insufficient_quota")
    stream = "…"        drop (the connection breaks in mid-stream), early-end (it ends in order), error (an error event
                        instead of the rest; with kind), malformed (an event that is no JSON), odd (JSON of no meaning),
                        html (status 200 and a web page), packed (gzip), reset (no answer, the connection is reset),
                        drip (a byte now and then, for ever), endless (events without an end), empty (a whole answer
                        that says nothing)

and each may have `delay`, seconds before its first byte; `delay` alone makes a slow answer.

The turn that is played follows from the request alone (how often the model has answered in it, and which attempt this
is), so any number of trials can share the server. After the last turn the script says that it is over.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from pydantic import Field, field_validator, model_validator

from harness import tomlfile
from harness.errors import ConfigError
from harness.models.retry import DEFAULT, RetryPolicy
from harness.types import Frozen, Settings, StopReason

SCRIPTS = Path(__file__).parent / "scripts"
WIRES = {
    "anthropic": "harness.models.anthropic",
    "openai": "harness.models.openai",
    "openai-chat": "harness.models.openai_chat",
}
KEY = "scripted"


StreamFault = Literal[
    "drop", "early-end", "error", "malformed", "odd", "html", "packed", "reset", "drip", "endless", "empty"
]


class Call(Frozen):
    """A tool call to play: its arguments, or the literal text sent in their place."""

    tool: str = Field(min_length=1)
    id: str | None = Field(None, min_length=1)
    arguments: dict[str, Any] = Field(default_factory=dict)
    json_: str | None = Field(None, alias="json")


class Fault(Frozen):
    """What an attempt meets instead of an answer: an HTTP status, or a stream that goes wrong."""

    status: int | None = Field(None, ge=400, le=599)
    retry_after: float | str | None = None
    retry_date: float | None = None
    kind: str | None = None
    stream: StreamFault | None = None
    delay: float = Field(0.0, ge=0, le=3600)

    @model_validator(mode="after")
    def _one_of_two(self) -> Fault:
        if (self.status is None) == (self.stream is None) and not (self.delay and self.status is None):
            raise ValueError("a fault has either `status` or `stream`, or `delay` alone")
        return self

    @classmethod
    def none(cls) -> Fault:
        """No fault at all."""
        return cls.model_construct()


class Counts(Frozen):
    """Tokens that a played turn reports."""

    input: Annotated[int, Field(ge=0)] = 0
    cache_read: Annotated[int, Field(ge=0)] = 0
    cache_write_5m: Annotated[int, Field(ge=0)] = 0
    cache_write_1h: Annotated[int, Field(ge=0)] = 0
    output: Annotated[int, Field(ge=0)] = 0


class Line(Frozen):
    """One turn of a script."""

    text: str = ""
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    stop: StopReason | None = None
    usage: Counts | Literal["none"] | None = None
    empty: bool = False
    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Line:
        if bool(self.text.strip() or self.calls or self.thinking) is self.empty:
            raise ValueError("a turn needs `text` or `calls`, or neither and `empty = true`")
        return self


class Find(Frozen):
    """A part of the request that the script may repeat."""

    pattern: str
    default: str = ""

    @field_validator("pattern")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return pattern


class Limit(Frozen):
    """How many requests a server takes."""

    requests: int = Field(ge=1)
    seconds: float = Field(gt=0)
    kind: Literal["window", "bucket"] = "window"
    headers: bool = True


class Script(Frozen):
    """A script as written."""

    schema_: Literal[1] = Field(alias="schema")
    latency: float = Field(0.0, ge=0, le=3600)
    limit: Limit | None = None
    find: dict[str, Find] = Field(default_factory=dict)
    turn: tuple[Line, ...] = Field(min_length=1)


OVER = Line(text="The script is over.")
EMPTY = Line(empty=True)


def load(name: str, model_id: str, settings: Settings, policy: RetryPolicy = DEFAULT) -> Any:
    """Return a model that plays a script. Starts this process's server when it is not yet running.

    Raises ConfigError for a script that is not there or wrong, and for an unknown wire format.
    """
    from harness.models import scripted_server

    script, wire = parse(model_id)
    url = scripted_server.shared().add(name, read(script))
    return on_server(name, url, wire, settings, policy)


def on_server(name: str, url: str, wire: str, settings: Settings, policy: RetryPolicy = DEFAULT) -> Any:
    """Return the model `name` of the scripted server at `url`, reached through the SDK of `wire`."""
    base = url if wire == "anthropic" else f"{url}/v1"
    there = settings.model_copy(update={"base_url": base})
    return import_module(WIRES[wire]).load(name, name, there, policy, key=KEY, is_llm=False)


def parse(model_id: str) -> tuple[str, str]:
    """Split `demo?wire=openai` into the script's name and the wire format. Raises ConfigError."""
    script, _, query = model_id.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    wire = options.pop("wire", "anthropic")
    if options or wire not in WIRES:
        raise ConfigError(f"scripted/{model_id}: after `?` only wire={'|'.join(WIRES)} is allowed")
    return script, wire


def read(script: str) -> Script:
    """Read a built-in script by its name, or any script by its path. Raises ConfigError with file, key and reason."""
    path = Path(script) if "/" in script or script.endswith(".toml") else SCRIPTS / f"{script}.toml"
    if path.parent == SCRIPTS and not path.exists():
        known = sorted(p.stem for p in SCRIPTS.glob("*.toml"))
        raise ConfigError(f"no script {script!r}{tomlfile.nearest(script, known)}; there are: {', '.join(known)}")
    return tomlfile.build(Script, tomlfile.read(path, ConfigError), str(path), ConfigError)


def line(script: Script, number: int, request: str) -> Line:
    """Return turn `number` (from 0) of a script with its placeholders filled from the request's text."""
    if number >= len(script.turn):
        return OVER
    chosen = script.turn[number]
    if not script.find:
        return chosen
    found = {f"{{{{{key}}}}}": _found(find, request) for key, find in script.find.items()}
    calls = tuple(call.model_copy(update={"arguments": _filled(call.arguments, found)}) for call in chosen.calls)
    return chosen.model_copy(update={"text": _filled(chosen.text, found), "calls": calls})


def _found(find: Find, request: str) -> str:
    match = re.search(find.pattern, request)
    return match[match.re.groups and 1] if match else find.default


def _filled(value: Any, found: dict[str, str]) -> Any:
    if isinstance(value, str):
        for placeholder, text in found.items():
            value = value.replace(placeholder, text)
        return value
    if isinstance(value, dict):
        return {key: _filled(inner, found) for key, inner in value.items()}
    return [_filled(inner, found) for inner in value] if isinstance(value, list) else value
