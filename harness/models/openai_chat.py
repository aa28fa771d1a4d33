"""Models behind any server that speaks Chat Completions (vLLM, Ollama, llama.cpp, a gateway), through OpenAI's SDK."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from harness.errors import ConfigError
from harness.models import openai, retry
from harness.models.sdk import SdkModel, check_server
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
    client = openai.make_client(name, url, key)
    made = partial(request, base_url=str(client.base_url))
    return SdkModel(name, model_id, client, settings, made, _attempt, REMEDY, policy, is_llm)


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
        {**call, "function": {**call["function"], "arguments": "{}"}} if _call(call).problem else call
        for call in entry["tool_calls"]
    ]
    return {**entry, "tool_calls": calls}


# --- and back --------------------------------------------------------------------------------------------------------


def _attempt(model: SdkModel, body: dict[str, Any], number: int) -> Turn:
    begun = time.monotonic()
    found: dict[str, Any] = {"message": {"role": "assistant", "content": None}, "calls": {}}
    headers = {"x-stainless-retry-count": str(number)}
    with openai.failures(lambda: _usage(found)):
        with model.client.chat.completions.create(**body, stream=True, extra_headers=headers) as stream:
            for chunk in retry.within(stream, model.policy.turn_seconds):
                gather(found, chunk.to_dict(warnings=False))
        if not found.get("finish_reason"):
            raise retry.ended_early(None)
    return turn_of(retry.scrubbed(found), model.id, time.monotonic() - begun)


def gather(found: dict[str, Any], chunk: dict[str, Any]) -> None:
    """Add one chunk: the strings of its delta are joined (`reasoning_content` among them), calls by their index."""
    found.update({key: chunk[key] for key in ("model", "usage", "service_tier") if chunk.get(key)})
    for choice in chunk.get("choices") or []:
        found["finish_reason"] = choice.get("finish_reason") or found.get("finish_reason")
        delta = dict(choice.get("delta") or {})
        for number, call in enumerate(delta.pop("tool_calls", None) or []):
            _extend(found["calls"].setdefault(call.get("index", number), {}), call)
        delta.pop("role", None)
        _extend(found["message"], delta)


def _extend(target: dict[str, Any], delta: dict[str, Any]) -> None:
    """Merge a delta: names, ids and types are whole when they come, other strings come in pieces."""
    for key, value in delta.items():
        if isinstance(value, dict):
            target[key] = dict(target.get(key) or {})
            _extend(target[key], value)
        elif isinstance(value, str) and isinstance(target.get(key), str) and key not in ("id", "name", "type"):
            target[key] += value
        elif value is not None and key != "index" and not (value == "" and target.get(key)):
            target[key] = value


def turn_of(found: dict[str, Any], model_id: str, seconds: float) -> Turn:
    """Return the gathered answer as a turn."""
    calls = [
        {"type": "function", **call, "id": call.get("id") or f"call_{i}"} for i, call in sorted(found["calls"].items())
    ]
    message = {**found["message"], **({"tool_calls": calls} if calls else {})}
    stop = STOPS.get(found["finish_reason"], "other")
    if message.get("refusal"):
        stop = "refusal"
    elif calls and stop == "end":  # some servers say `stop` for an answer that calls tools
        stop = "tools"
    return Turn(
        text=message["content"] or message.get("refusal") or "",
        calls=tuple(_call(call) for call in calls),
        stop=stop,
        usage=_usage(found) or Usage(),
        model=found.get("model") or model_id,
        seconds=seconds,
        raw=[message],
    )


def _call(call: dict[str, Any]) -> ToolCall:
    function = call.get("function") or {}
    arguments, problem = retry.arguments_of(function.get("arguments") or "")
    return ToolCall(id=call["id"], name=function.get("name") or "", arguments=arguments, problem=problem)


def _usage(found: dict[str, Any]) -> Usage | None:
    if not found.get("usage"):
        return None
    tier = found.get("service_tier")
    return openai.usage_of({**found["usage"], "service_tier": tier} if tier else found["usage"])
