"""Models of OpenAI, through its own SDK and the Responses API.

Nothing is stored at the provider: each request carries the whole conversation, and the items of earlier answers go back
as they came (their reasoning is encrypted; the SDK says to take items from `response.output_item.done`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from harness.errors import ConfigError
from harness.models import limits, retry
from harness.models.sdk import Clients, SdkModel, Wire, check_key, check_server, counts, told_apart
from harness.types import Message, Settings, StopReason, Tool, ToolCall, Turn, Usage, digest_of

KEY = "OPENAI_API_KEY"
REMEDY = f"Check {KEY}: the provider does not accept it for this model."
KEPT = ("status", "usage", "model", "service_tier", "incomplete_details")  # the items are there by then
FINAL = ("response.completed", "response.incomplete", "response.failed")
OPTIONS = {"security": {"bearer_auth": True}}  # how the SDK is to sign a request
STOPS: dict[str, StopReason] = {"max_output_tokens": "max_tokens", "content_filter": "refusal"}


def load(
    name: str, model_id: str, settings: Settings, policy: retry.RetryPolicy = retry.DEFAULT,
    key: str | None = None, is_llm: bool = True,
) -> SdkModel:  # fmt: skip
    """Make the client. Raises ConfigError when there is no key."""
    again = partial(load, name, model_id, settings, policy, key, is_llm)
    return made(
        "openai", name, model_id, settings, settings.base_url, request, WIRE, REMEDY, again, policy, key, is_llm
    )


def made(
    provider: str, name: str, model_id: str, settings: Settings, base_url: str | None, request: Any, wire: Wire,
    remedy: str, again: Callable[[], SdkModel], policy: retry.RetryPolicy, key: str | None, is_llm: bool,
) -> SdkModel:  # fmt: skip
    """Return a model behind OpenAI's SDK, whose retries are off. `key` is for our own server only.

    Raises ConfigError when there is no key, and for a key or an address that cannot be one.
    """
    if not (key or has_key()):
        raise ConfigError(f"{name}: no key for OpenAI. Set the environment variable {KEY} and run again.")
    check_key(name, key or os.environ.get(KEY), KEY)
    check_server(name, base_url, "OPENAI_BASE_URL")
    import openai

    clients = Clients(openai, local=key is not None)
    client = clients.first(openai.OpenAI, api_key=key, base_url=base_url)
    limiter = limits.shared(provider, str(client.base_url), client.api_key)
    return SdkModel(
        name, model_id, openai, clients, limiter, settings, request, wire, remedy, again, policy, is_llm,
        key=None if key else client.api_key,
    )  # fmt: skip


def has_key() -> bool:
    """Whether the environment holds a key."""
    return bool(os.environ.get(KEY))


# --- there -----------------------------------------------------------------------------------------------------------


def request(model_id: str, settings: Settings, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
    """Return the request's body."""
    body: dict[str, Any] = {
        "model": model_id,
        "max_output_tokens": settings.max_tokens,
        "store": False,
        "input": [item for m in messages for item in _items(m)],
        "prompt_cache_key": cache_key(model_id, messages),
    }
    if system := "\n\n".join(m.text for m in messages if m.role == "system" and m.text):
        body["instructions"] = system
    if tools:
        body["tools"] = [_tool(t) for t in tools]
    if settings.effort:
        body["reasoning"] = {"effort": settings.effort}
    return body


def cache_key(model_id: str, messages: Sequence[Message]) -> str:
    """Return what sends the requests of one conversation to the same cache, and those of others to others.

    Conversations about the same task begin alike, and one cache takes only some fifteen requests a minute; the first
    answer, whose ids are the provider's own, tells them apart.
    """
    opening = [m.text for m in messages if m.role in ("system", "user")][:2]
    first = next((m.turn.raw for m in messages if m.turn), None)
    return digest_of([model_id, opening, first])[:32]


def _tool(tool: Tool) -> dict[str, Any]:
    # Not strict: strict mode forbids optional parameters.
    return {"type": "function", "strict": False, **tool.model_dump()}


def _items(message: Message) -> list[dict[str, Any]]:
    if message.turn:
        return message.turn.raw
    if message.role == "system":
        return []
    results = [{"type": "function_call_output", "call_id": r.call_id, "output": r.text} for r in message.results]
    return [*results, *([{"role": "user", "content": message.text}] if message.text else [])]


# --- and back --------------------------------------------------------------------------------------------------------


def gather(found: dict[str, Any], event: dict[str, Any]) -> bool:
    """Keep finished items by their place in the answer, and the response when it is final; say whether it is.

    Raises AttemptFailed for an error, LookupError and TypeError for an event that has no meaning.
    """
    kind = event["type"]
    if kind == "response.output_item.done":
        found.setdefault("items", {})[str(event["output_index"])] = event["item"]
    elif kind in FINAL:
        status = event["response"].get("status")
        found["response"] = {key: event["response"][key] for key in KEPT if key in event["response"]}
        if not found.get("items"):
            found["response"]["output"] = event["response"].get("output")
        if status == "failed":
            raise retry.from_event(event["response"].get("error") or {})
    elif kind == "error" or isinstance(event.get("error"), dict):
        raise retry.from_event(event)
    return kind in FINAL


def is_whole(found: dict[str, Any]) -> bool:
    """Whether the final response has come, and is an answer."""
    return "response" in found and found["response"].get("status") != "failed"


def turn_of(found: dict[str, Any], model_id: str, seconds: float) -> Turn:
    """Return a finished response as a turn."""
    response, by_place = found["response"], found.get("items") or {}
    items = [by_place[place] for place in sorted(by_place, key=int)] or list(response.get("output") or [])
    parts = [part for item in items if item["type"] == "message" for part in item["content"]]
    asked = [item for item in items if item["type"] == "function_call"]
    for item, name in zip(asked, told_apart([item["call_id"] for item in asked]), strict=True):
        item["call_id"] = name
    stop = _stop(response, bool(asked), any(part["type"] == "refusal" for part in parts))
    usage, metered = counted(found)
    return Turn(
        text="\n\n".join(part.get("text") or part.get("refusal") or "" for part in parts),
        calls=tuple(_call(item, stop == "max_tokens" and item is items[-1]) for item in asked),
        stop=stop,
        usage=usage or Usage(),
        metered=metered,
        model=response.get("model") or model_id,
        seconds=seconds,
        raw=items,
    )


def _call(item: dict[str, Any], cut: bool) -> ToolCall:
    arguments, problem = retry.arguments_of(item["arguments"], cut)
    return ToolCall(id=item["call_id"], name=item["name"], arguments=arguments, problem=problem)


def _stop(response: dict[str, Any], calls: bool, refused: bool) -> StopReason:
    if response.get("status") == "incomplete":
        return STOPS.get((response.get("incomplete_details") or {}).get("reason", ""), "other")
    if refused:
        return "refusal"
    return "tools" if calls else "end"


def counted(found: dict[str, Any]) -> tuple[Usage | None, bool]:
    """Return the tokens that were told of a response, and whether those are all; only its end tells them."""
    response = found.get("response") or {}
    raw = response.get("usage")
    if not raw:
        return None, False
    tier = response.get("service_tier")
    return usage_of({**raw, "service_tier": tier} if tier else raw)


def usage_of(raw: dict[str, Any]) -> tuple[Usage, bool]:
    """Return OpenAI's counts, of either API, in disjoint buckets, and whether each is there and a count.

    Its input INCLUDES what was cached and written. Writes to the cache go to the bucket of the shortest lifetime:
    OpenAI has one price for them.
    """
    names = ("input_tokens", "output_tokens") if "input_tokens" in raw else ("prompt_tokens", "completion_tokens")
    (total, output), whole = _in_order(raw, names)
    details = raw.get("input_tokens_details") or raw.get("prompt_tokens_details")
    (read, written), known = _in_order(details, ("cached_tokens", "cache_write_tokens"))
    usage = Usage(
        input=max(0, total - read - written), cache_read=read, cache_write_5m=written, output=output, raw=raw
    )  # fmt: skip
    return usage, whole and known and all(raw.get(name) is not None for name in names)


def _in_order(raw: Any, names: tuple[str, str]) -> tuple[tuple[int, int], bool]:
    found, whole = counts(raw, *names)
    return (found[names[0]], found[names[1]]), whole


WIRE = Wire("/responses", OPTIONS, gather, is_whole, counted, turn_of)
