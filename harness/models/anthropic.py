"""Models of Anthropic, through its own SDK and the Messages API.

The stream's events are gathered here and not by the SDK's helper, which would complete a cut-off tool call's JSON by
guessing, and would hide what had been counted when a stream breaks.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from harness.errors import ConfigError
from harness.models import retry
from harness.models.sdk import SdkModel, check_key, check_server
from harness.types import Message, Settings, StopReason, Tool, ToolCall, Turn, Usage

KEY = "ANTHROPIC_API_KEY"
REMEDY = f"Check {KEY}: the provider does not accept it for this model."
CACHED = {"type": "ephemeral"}
STOPS: dict[str, StopReason] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "tools",
    "max_tokens": "max_tokens",
    "pause_turn": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context",
}


def load(
    name: str, model_id: str, settings: Settings, policy: retry.RetryPolicy = retry.DEFAULT,
    key: str | None = None, is_llm: bool = True,
) -> SdkModel:  # fmt: skip
    """Make the client. `key` is for our own server only; else the SDK looks: ANTHROPIC_API_KEY, _AUTH_TOKEN, a profile.

    Raises ConfigError when there is none, and for a key or an address that cannot be one.
    """
    check_key(name, key or os.environ.get(KEY), KEY)
    check_server(name, settings.base_url, "ANTHROPIC_BASE_URL")
    import anthropic

    local = anthropic.DefaultHttpxClient(trust_env=False) if key else None  # our own server is never behind a proxy
    missing = f"{name}: no key for Anthropic. Set the environment variable {KEY} and run again."
    try:
        client = anthropic.Anthropic(api_key=key, base_url=settings.base_url, max_retries=0, http_client=local)
    except anthropic.AnthropicError as error:  # a profile that cannot be used
        raise ConfigError(f"{missing} ({error})") from error
    if local:
        weakref.finalize(client, local.close)
    if not (client.api_key or client.auth_token or client.credentials):
        raise ConfigError(missing)
    return SdkModel(name, model_id, client, settings, request, _attempt, REMEDY, policy, is_llm)


def has_key() -> bool:
    """Whether the environment holds a key."""
    return bool(os.environ.get(KEY) or os.environ.get("ANTHROPIC_AUTH_TOKEN"))


# --- there -----------------------------------------------------------------------------------------------------------


def request(model_id: str, settings: Settings, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
    """Return the request's body, with cache breakpoints after the system prompt and after the last user block."""
    system = "\n\n".join(m.text for m in messages if m.role == "system" and m.text)
    body: dict[str, Any] = {"model": model_id, "max_tokens": settings.max_tokens, "messages": _history(messages)}
    if system:
        body["system"] = [{"type": "text", "text": system, "cache_control": CACHED}]
    if tools:
        body["tools"] = [{"name": t.name, "description": t.description, "input_schema": t.parameters} for t in tools]
    if settings.effort:
        body["output_config"] = {"effort": settings.effort}
    return body


def _history(messages: Sequence[Message]) -> list[dict[str, Any]]:
    pairs = [(m.role, _blocks(m)) for m in messages if m.role != "system"]
    history = [{"role": "assistant" if r == "assistant" else "user", "content": b} for r, b in pairs if b]
    for entry in reversed(history):
        if entry["role"] == "user":
            entry["content"] = [*entry["content"][:-1], {**entry["content"][-1], "cache_control": CACHED}]
            break
    return history


def _blocks(message: Message) -> list[dict[str, Any]]:
    if message.turn:
        return [block for block in message.turn.raw if _may_return(block)]
    results = [
        {"type": "tool_result", "tool_use_id": r.call_id, "content": r.text, "is_error": r.is_error}
        for r in message.results
    ]
    return [*results, *([{"type": "text", "text": message.text}] if message.text else [])]


def _may_return(block: dict[str, Any]) -> bool:
    """Whether the API takes a block back: no blank text, and no thought that was cut off before its signature."""
    if block["type"] == "text":
        return bool(block["text"].strip())
    return block["type"] != "thinking" or bool(block.get("signature"))


# --- and back --------------------------------------------------------------------------------------------------------


def _attempt(model: SdkModel, body: dict[str, Any], number: int) -> Turn:
    begun = time.monotonic()
    message: dict[str, Any] = {}
    # The SDK's own header says which attempt this is, as it would if the SDK did the retries.
    headers = {"x-stainless-retry-count": str(number)}
    with _failures(lambda: usage_of(message["usage"]) if message.get("usage") else None):
        with model.client.messages.create(**body, stream=True, extra_headers=headers) as stream:
            for event in retry.within(stream, model.policy.turn_seconds):
                gather(message, event.to_dict(warnings=False))
        if not message.get("stop_reason"):
            raise retry.ended_early(None)
    return turn_of(retry.scrubbed(message), time.monotonic() - begun)


@contextmanager
def _failures(usage: Callable[[], Usage | None]) -> Iterator[None]:
    """Turn whatever the SDK raises in a request into AttemptFailed, with the usage counted by then."""
    import json

    import anthropic
    import httpx2

    try:
        yield
    except anthropic.APIStatusError as error:
        raise retry.from_status(error, usage()) from error
    except (anthropic.APIConnectionError, httpx2.RequestError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise retry.from_connection(error, usage()) from error
    except anthropic.AnthropicError as error:
        raise retry.AttemptFailed(f"{type(error).__name__}: {error}", retry=False, usage=usage()) from error
    except retry.AttemptFailed as error:
        error.usage = error.usage or usage()
        raise


def gather(message: dict[str, Any], event: dict[str, Any]) -> None:
    """Add one stream event to the message that it belongs to. `_json` holds a tool call's arguments while they come."""
    kind = event["type"]
    if kind == "message_start":
        message.update({**event["message"], "content": []})
    elif kind == "content_block_start":
        message["content"].append(dict(event["content_block"]))
    elif kind == "content_block_delta":
        _extend(message["content"][event["index"]], event["delta"])
    elif kind == "message_delta":
        message.update({k: v for k, v in event["delta"].items() if v is not None})
        counts = event.get("usage") or {}  # cumulative, and without what has not changed
        message["usage"] = {**(message.get("usage") or {}), **{k: v for k, v in counts.items() if v is not None}}


def _extend(block: dict[str, Any], delta: dict[str, Any]) -> None:
    kind = delta["type"]
    if kind == "text_delta":
        block["text"] += delta["text"]
    elif kind == "thinking_delta":
        block["thinking"] += delta["thinking"]
    elif kind == "signature_delta":
        block["signature"] = delta["signature"]
    elif kind == "input_json_delta":
        block["_json"] = block.get("_json", "") + delta["partial_json"]
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or []), delta["citation"]]


def turn_of(message: dict[str, Any], seconds: float) -> Turn:
    """Return a gathered message as a turn."""
    blocks, calls = [], []
    for block in message["content"]:
        sent, problem = block.pop("_json", None), None
        if sent is not None:
            block["input"], problem = retry.arguments_of(sent)
        if block["type"] == "tool_use":
            calls.append(ToolCall(id=block["id"], name=block["name"], arguments=block["input"], problem=problem))
        blocks.append(block)
    return Turn(
        text="\n\n".join(b["text"] for b in blocks if b["type"] == "text" and b["text"]),
        calls=tuple(calls),
        stop=STOPS.get(message["stop_reason"], "other"),
        usage=usage_of(message.get("usage") or {}),
        model=message["model"],
        seconds=seconds,
        raw=blocks,
    )


def usage_of(raw: dict[str, Any]) -> Usage:
    """Return Anthropic's counts in disjoint buckets; its input_tokens exclude both kinds of cache already.

    Writes whose lifetime the provider did not tell are counted as five-minute ones, its default.
    """
    split = raw.get("cache_creation") or {}
    hour = split.get("ephemeral_1h_input_tokens") or 0
    written = max(raw.get("cache_creation_input_tokens") or 0, hour + (split.get("ephemeral_5m_input_tokens") or 0))
    return Usage(
        input=raw.get("input_tokens") or 0,
        cache_read=raw.get("cache_read_input_tokens") or 0,
        cache_write_5m=written - hour,
        cache_write_1h=hour,
        output=raw.get("output_tokens") or 0,
        raw=raw,
    )
