"""Models behind any server that speaks Chat Completions (vLLM, Ollama, llama.cpp, a gateway), through OpenAI's SDK."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from harness.errors import ConfigError
from harness.models import openai, retry, sse
from harness.models.sdk import SdkModel, Wire, check_server, told_apart
from harness.types import Message, Settings, StopReason, Tool, ToolCall, Turn, Usage

URL = "OPENAI_BASE_URL"
REMEDY = f"Check {openai.KEY}: the server does not accept it for this model."
STOPS: dict[str, StopReason] = {
    "stop": "end",
    "tool_calls": "tools",
    "function_call": "tools",
    "length": "max_tokens",
    "content_filter": "refusal",
}


def load(
    name: str, model_id: str, settings: Settings, policy: retry.RetryPolicy = retry.DEFAULT,
    key: str | None = None, is_llm: bool = True,
) -> SdkModel:  # fmt: skip
    """Make the client for the server at settings.base_url or OPENAI_BASE_URL. Raises ConfigError without URL or key.

    A server that asks for no key still gets one, so that forgetting it is never silent.
    """
    url = settings.base_url or os.environ.get(URL)
    if not url:
        raise ConfigError(f"{name}: no server. Set `base_url` in the candidate's settings, or {URL} (ends with /v1).")
    check_server(name, settings.base_url, URL)
    bound = partial(request, base_url=url)
    again = partial(load, name, model_id, settings, policy, key, is_llm)
    return openai.made("openai-chat", name, model_id, settings, url, bound, WIRE, REMEDY, again, policy, key, is_llm)


# --- there -----------------------------------------------------------------------------------------------------------


def request(
    model_id: str, settings: Settings, messages: Sequence[Message], tools: Sequence[Tool], base_url: str
) -> dict[str, Any]:
    """Return the request's body. OpenAI's own models refuse `max_tokens`, most other servers know nothing else."""
    own = (urlsplit(base_url).hostname or "").endswith("openai.com")
    body: dict[str, Any] = {
        "model": model_id,
        "max_completion_tokens" if own else "max_tokens": settings.max_tokens,
        "messages": [entry for m in messages for entry in _entries(m)],
        "stream_options": {"include_usage": True},
    }
    if tools:
        body["tools"] = [{"type": "function", "function": t.model_dump()} for t in tools]
    if settings.effort:
        body["reasoning_effort"] = settings.effort
    if own:  # other servers may refuse what they do not know
        body["prompt_cache_key"] = openai.cache_key(model_id, messages)
    return body


def _entries(message: Message) -> list[dict[str, Any]]:
    if message.turn:
        return [_readable(entry) for entry in message.turn.raw]
    results = [{"role": "tool", "tool_call_id": r.call_id, "content": r.text} for r in message.results]
    role = "system" if message.role == "system" else "user"
    return [*results, *([{"role": role, "content": message.text}] if message.text else [])]


def _readable(entry: dict[str, Any]) -> dict[str, Any]:
    """The model's entry with `{}` for arguments that are no JSON: many servers answer such a history with an error."""
    if not entry.get("tool_calls"):
        return entry
    calls = [
        {**call, "function": {**(call.get("function") or {}), "arguments": "{}"}} if _call(call).problem else call
        for call in entry["tool_calls"]
    ]
    return {**entry, "tool_calls": calls}


# --- and back --------------------------------------------------------------------------------------------------------


def gather(found: dict[str, Any], chunk: dict[str, Any]) -> bool:
    """Add one chunk: the strings of its delta are joined (`reasoning_content` among them), calls by their index.

    Says whether it is the last. Raises AttemptFailed for an error in its place.
    """
    if chunk.get("error"):
        raise retry.from_event(chunk)
    found.update({key: chunk[key] for key in ("model", "usage", "service_tier") if chunk.get(key)})
    for choice in chunk.get("choices") or []:
        found["finish_reason"] = choice.get("finish_reason") or found.get("finish_reason")
        delta = dict(choice.get("delta") or {})
        calls = found.setdefault("calls", {})
        for number, call in enumerate(delta.pop("tool_calls", None) or []):
            _extend(calls.setdefault(call.get("index", number), {}), call)
        delta.pop("role", None)
        _extend(found.setdefault("message", {}), delta)
    return chunk.get("type") == sse.DONE


def _extend(target: dict[str, Any], delta: dict[str, Any]) -> None:
    """Merge a delta: names, ids and types are whole when they come, other strings come in pieces."""
    for key, value in delta.items():
        if isinstance(value, dict):
            target[key] = dict(target.get(key) or {})
            _extend(target[key], value)
        elif isinstance(value, str) and key not in ("id", "name", "type"):
            sse.extend(target, key, value)
        elif value is not None and key != "index" and not (value == "" and target.get(key)):
            target[key] = value


def is_whole(found: dict[str, Any]) -> bool:
    """Whether the answer has come to its end; its usage may still follow."""
    return bool(found.get("finish_reason"))


def turn_of(found: dict[str, Any], model_id: str, seconds: float) -> Turn:
    """Return the gathered answer as a turn. Raises AttemptFailed for one that ended in an error."""
    if found["finish_reason"] == "error":  # as gateways say it whose own provider broke off
        raise retry.from_event({"message": "the answer ended in an error"})
    calls = _calls(found)
    message = {"role": "assistant", "content": None, **(found.get("message") or {})}
    message |= {"tool_calls": calls} if calls else {}
    stop = _stop(found, message)
    usage, metered = counted(found)
    said = calls or any(value for key, value in message.items() if key != "role")
    return Turn(
        text=message["content"] or message.get("refusal") or "",
        calls=tuple(_call(call, stop == "max_tokens" and call is calls[-1]) for call in calls),
        stop=stop,
        usage=usage or Usage(),
        metered=metered,
        model=found.get("model") or model_id,
        seconds=seconds,
        raw=[message] if said else [],
    )


def _calls(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls by their place, each with an id of its own."""
    calls = [call for _, call in sorted((found.get("calls") or {}).items())]
    names = told_apart([call.get("id") or f"call_{i}" for i, call in enumerate(calls)])
    return [{"type": "function", **call, "id": name} for call, name in zip(calls, names, strict=True)]


def _stop(found: dict[str, Any], message: dict[str, Any]) -> StopReason:
    if message.get("refusal"):
        return "refusal"
    stop = STOPS.get(found["finish_reason"], "other")
    # Some servers say `stop` for an answer that calls tools.
    return "tools" if stop == "end" and message.get("tool_calls") else stop


def _call(call: dict[str, Any], cut: bool = False) -> ToolCall:
    function = call.get("function") or {}
    arguments, problem = retry.arguments_of(function.get("arguments") or "", cut)
    return ToolCall(id=call["id"], name=function.get("name") or "", arguments=arguments, problem=problem)


def counted(found: dict[str, Any]) -> tuple[Usage | None, bool]:
    """Return the tokens that were told of an answer, and whether those are all; the last chunk tells them."""
    if not found.get("usage"):
        return None, False
    tier = found.get("service_tier")
    return openai.usage_of({**found["usage"], "service_tier": tier} if tier else found["usage"])


WIRE = Wire("/chat/completions", openai.OPTIONS, gather, is_whole, counted, turn_of)
