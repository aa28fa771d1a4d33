"""Models of Anthropic, through its own SDK and the Messages API.

The stream's events are gathered here and not by the SDK's helper, which would complete a cut-off tool call's JSON by
guessing, and would hide what had been counted when a stream breaks.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from harness.errors import ConfigError
from harness.models import limits, retry, sse
from harness.models.sdk import Clients, SdkModel, Wire, check_key, check_server, counts, told_apart
from harness.types import Message, Settings, StopReason, Tool, ToolCall, Turn, Usage

KEY = "ANTHROPIC_API_KEY"
REMEDY = f"Check {KEY}: the provider does not accept it for this model."
CACHED = {"type": "ephemeral"}
UNTRACED = {"traces": {"enabled": False}}  # what is asked is nobody else's, whatever the environment exports
MARKED_MESSAGES = 2  # with the system prompt and the tools they make the four breakpoints that the API takes
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

    missing = f"{name}: no key for Anthropic. Set the environment variable {KEY} and run again."
    clients = Clients(anthropic, local=key is not None)
    try:
        client = clients.first(anthropic.Anthropic, api_key=key, base_url=settings.base_url, open_telemetry=UNTRACED)
    except anthropic.AnthropicError as error:  # a profile that cannot be used
        raise ConfigError(f"{missing} ({error})") from error
    if not (client.api_key or client.auth_token or client.credentials):
        raise ConfigError(missing)
    secret = client.api_key or client.auth_token
    limiter = limits.shared("anthropic", str(client.base_url), secret or "")
    again = partial(load, name, model_id, settings, policy, key, is_llm)
    return SdkModel(
        name, model_id, anthropic, clients, limiter, settings, request, WIRE, REMEDY,
        None if client.credentials else again,  # a profile's tokens are renewed by one process, not by several
        policy, is_llm, key=None if key else secret,
    )  # fmt: skip


def has_key() -> bool:
    """Whether the environment holds a key."""
    return bool(os.environ.get(KEY) or os.environ.get("ANTHROPIC_AUTH_TOKEN"))


# --- there -----------------------------------------------------------------------------------------------------------


def request(model_id: str, settings: Settings, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
    """Return the request's body, with cache breakpoints after the tools, the system prompt and the last user messages.

    The last but one is where the request before this one ended, so that its cache is found however many blocks an
    answer and its results added: a breakpoint alone is looked back from for twenty blocks only.
    """
    system = "\n\n".join(m.text for m in messages if m.role == "system" and m.text)
    body: dict[str, Any] = {"model": model_id, "max_tokens": settings.max_tokens, "messages": _history(messages)}
    if system:
        body["system"] = [{"type": "text", "text": system, "cache_control": CACHED}]
    if tools:
        offered = [{"name": t.name, "description": t.description, "input_schema": t.parameters} for t in tools]
        body["tools"] = [*offered[:-1], {**offered[-1], "cache_control": CACHED}]
    if settings.effort:
        body["output_config"] = {"effort": settings.effort}
    return body


def _history(messages: Sequence[Message]) -> list[dict[str, Any]]:
    pairs = [(m.role, _blocks(m)) for m in messages if m.role != "system"]
    history: list[dict[str, Any]] = [
        {"role": "assistant" if r == "assistant" else "user", "content": b} for r, b in pairs if b
    ]
    users = [entry for entry in history if entry["role"] == "user"]
    for entry in users[-MARKED_MESSAGES:]:
        blocks: list[dict[str, Any]] = entry["content"]
        entry["content"] = [*blocks[:-1], {**blocks[-1], "cache_control": CACHED}]
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


def gather(message: dict[str, Any], event: dict[str, Any]) -> bool:
    """Add one stream event to the message that it belongs to, and say whether it is the last.

    `_json` holds a tool call's arguments while they come. Raises AttemptFailed for an error, LookupError and TypeError
    for an event that has no meaning where it stands.
    """
    kind = event["type"]
    if kind == "message_start":
        message.update({**event["message"], "content": []})
    elif kind == "content_block_start":
        message["content"].append(dict(event["content_block"]))
    elif kind == "content_block_delta":
        _extend(message["content"][event["index"]], event["delta"])
    elif kind == "message_delta":
        message.update({k: v for k, v in event["delta"].items() if v is not None})
        told = {k: v for k, v in (event.get("usage") or {}).items() if v is not None}
        if told:  # cumulative, and without what has not changed
            message["usage"], message["_all_counted"] = {**(message.get("usage") or {}), **told}, True
    elif kind == "error":
        raise retry.from_event(event)
    return bool(kind == "message_stop")


def is_whole(message: dict[str, Any]) -> bool:
    """Whether the answer has come to its end."""
    return bool(message.get("stop_reason"))


def _extend(block: dict[str, Any], delta: dict[str, Any]) -> None:
    kind = delta["type"]
    if kind == "text_delta":
        sse.extend(block, "text", delta["text"])
    elif kind == "thinking_delta":
        sse.extend(block, "thinking", delta["thinking"])
    elif kind == "signature_delta":
        block["signature"] = delta["signature"]
    elif kind == "input_json_delta":
        sse.extend(block, "_json", delta["partial_json"])
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or []), delta["citation"]]


def turn_of(message: dict[str, Any], model_id: str, seconds: float) -> Turn:
    """Return a gathered message as a turn."""
    cut = message["stop_reason"] == "max_tokens"
    blocks: list[dict[str, Any]] = message["content"]
    calls = [block for block in blocks if block["type"] == "tool_use"]
    for block, name in zip(calls, told_apart([block["id"] for block in calls]), strict=True):
        block["id"] = name
    made = tuple(_call(block, cut and block is blocks[-1]) for block in calls)
    for block in blocks:  # of a tool that runs at the provider
        if "_json" in block:
            block["input"] = retry.arguments_of(block.pop("_json"))[0]
    usage, metered = counted(message)
    return Turn(
        text="\n\n".join(b["text"] for b in blocks if b["type"] == "text" and b["text"]),
        calls=made,
        stop=STOPS.get(message["stop_reason"], "other"),
        usage=usage or Usage(),
        metered=metered,
        model=message.get("model") or model_id,
        seconds=seconds,
        raw=blocks,
    )


def _call(block: dict[str, Any], cut: bool) -> ToolCall:
    problem = None
    if (sent := block.pop("_json", None)) is not None:
        block["input"], problem = retry.arguments_of(sent, cut)
    return ToolCall(id=block["id"], name=block["name"], arguments=block["input"], problem=problem)


def counted(message: dict[str, Any]) -> tuple[Usage | None, bool]:
    """Return the tokens that were told of a message so far, and whether those are all.

    The count at a message's start has its input, but only the first of its output.
    """
    raw = message.get("usage")
    if not raw:
        return None, False
    usage, whole = usage_of(raw)
    return usage, whole and bool(message.get("_all_counted")) and "output_tokens" in raw and "input_tokens" in raw


def usage_of(raw: dict[str, Any]) -> tuple[Usage, bool]:
    """Return Anthropic's counts in disjoint buckets, and whether each is a count; input_tokens exclude the cache's.

    Writes whose lifetime the provider did not tell are counted as five-minute ones, its default.
    """
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    found, whole = counts(raw, *names)
    split, known = counts(raw.get("cache_creation"), "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
    hour = split["ephemeral_1h_input_tokens"]
    written = max(found["cache_creation_input_tokens"], hour + split["ephemeral_5m_input_tokens"])
    usage = Usage(
        input=found["input_tokens"],
        cache_read=found["cache_read_input_tokens"],
        cache_write_5m=written - hour,
        cache_write_1h=hour,
        output=found["output_tokens"],
        raw=raw,
    )
    return usage, whole and known


WIRE = Wire("/v1/messages", {}, gather, is_whole, counted, turn_of)
