"""Models of OpenAI, through its own SDK and the Responses API.

Nothing is stored at the provider: each request carries the whole conversation, and the items of earlier answers go back
as they came (their reasoning is encrypted; the SDK says to take items from `response.output_item.done`).
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

KEY = "OPENAI_API_KEY"
REMEDY = f"Check {KEY}: the provider does not accept it for this model."
FINAL = ("response.completed", "response.incomplete", "response.failed")
STOPS: dict[str, StopReason] = {"max_output_tokens": "max_tokens", "content_filter": "refusal"}


def load(
    name: str, model_id: str, settings: Settings, policy: retry.RetryPolicy = retry.DEFAULT,
    key: str | None = None, is_llm: bool = True,
) -> SdkModel:  # fmt: skip
    """Make the client. Raises ConfigError when there is no key."""
    client = make_client(name, settings.base_url, key)
    return SdkModel(name, model_id, client, settings, request, _attempt, REMEDY, policy, is_llm)


def make_client(name: str, base_url: str | None, key: str | None) -> Any:
    """Return the SDK's client with its retries off. `key` is for our own server only; else it is OPENAI_API_KEY.

    Raises ConfigError when there is none, and for a key or an address that cannot be one.
    """
    if not (key or has_key()):
        raise ConfigError(f"{name}: no key for OpenAI. Set the environment variable {KEY} and run again.")
    check_key(name, key or os.environ.get(KEY), KEY)
    check_server(name, base_url, "OPENAI_BASE_URL")
    import openai

    local = openai.DefaultHttpxClient(trust_env=False) if key else None  # our own server is never behind a proxy
    client = openai.OpenAI(api_key=key, base_url=base_url, max_retries=0, http_client=local)
    if local:
        weakref.finalize(client, local.close)
    return client


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
    }
    if system := "\n\n".join(m.text for m in messages if m.role == "system" and m.text):
        body["instructions"] = system
    if tools:
        body["tools"] = [_tool(t) for t in tools]
    if settings.effort:
        body["reasoning"] = {"effort": settings.effort}
    return body


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


def _attempt(model: SdkModel, body: dict[str, Any], number: int) -> Turn:
    begun = time.monotonic()
    found: dict[str, Any] = {"items": {}}
    headers = {"x-stainless-retry-count": str(number)}
    with failures(lambda: _usage(found.get("response"))):
        with model.client.responses.create(**body, stream=True, extra_headers=headers) as stream:
            for event in retry.within(stream, model.policy.turn_seconds):
                gather(found, event.to_dict(warnings=False))
        if "response" not in found:
            raise retry.ended_early(None)
    return turn_of(retry.scrubbed(found), time.monotonic() - begun)


@contextmanager
def failures(usage: Callable[[], Usage | None]) -> Iterator[None]:
    """Turn whatever the SDK raises in a request into AttemptFailed, with the usage counted by then."""
    import json

    import httpx2
    import openai

    try:
        yield
    except openai.APIStatusError as error:
        raise retry.from_status(error, usage()) from error
    except (openai.APIConnectionError, httpx2.RequestError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise retry.from_connection(error, usage()) from error
    except openai.APIError as error:  # an error object inside a stream
        detail = error.body if isinstance(error.body, dict) else {}
        raise retry.from_event({"message": error.message, **detail}, usage()) from error
    except openai.OpenAIError as error:
        raise retry.AttemptFailed(f"{type(error).__name__}: {error}", retry=False, usage=usage()) from error
    except retry.AttemptFailed as error:
        error.usage = error.usage or usage()
        raise


def gather(found: dict[str, Any], event: dict[str, Any]) -> None:
    """Keep finished items by their place in the answer, and the response when it is final; an error is raised."""
    kind = event["type"]
    if kind == "response.output_item.done":
        found["items"][event["output_index"]] = event["item"]
    elif kind in FINAL:
        found["response"] = event["response"]
        if event["response"].get("status") == "failed":
            raise retry.from_event(event["response"].get("error") or {}, None)
    elif kind == "error":
        raise retry.from_event(event, None)


def turn_of(found: dict[str, Any], seconds: float) -> Turn:
    """Return a finished response as a turn."""
    response = found["response"]
    items = [found["items"][index] for index in sorted(found["items"])] or list(response.get("output") or [])
    parts = [part for item in items if item["type"] == "message" for part in item["content"]]
    calls = tuple(_call(item) for item in items if item["type"] == "function_call")
    refused = any(part["type"] == "refusal" for part in parts)
    return Turn(
        text="\n\n".join(part.get("text") or part.get("refusal") or "" for part in parts),
        calls=calls,
        stop=_stop(response, bool(calls), refused),
        usage=_usage(response) or Usage(),
        model=response["model"],
        seconds=seconds,
        raw=items,
    )


def _call(item: dict[str, Any]) -> ToolCall:
    arguments, problem = retry.arguments_of(item["arguments"])
    return ToolCall(id=item["call_id"], name=item["name"], arguments=arguments, problem=problem)


def _stop(response: dict[str, Any], calls: bool, refused: bool) -> StopReason:
    if response.get("status") == "incomplete":
        return STOPS.get((response.get("incomplete_details") or {}).get("reason", ""), "other")
    if refused:
        return "refusal"
    return "tools" if calls else "end"


def _usage(response: dict[str, Any] | None) -> Usage | None:
    raw = (response or {}).get("usage")
    if not raw:
        return None
    tier = (response or {}).get("service_tier")
    return usage_of({**raw, "service_tier": tier} if tier else raw)


def usage_of(raw: dict[str, Any]) -> Usage:
    """Return OpenAI's counts, of either API, in disjoint buckets; its input INCLUDES what was cached and written.

    Writes to the cache go to the bucket of the shortest lifetime: OpenAI has one price for them.
    """
    total = raw.get("input_tokens", raw.get("prompt_tokens")) or 0
    details = raw.get("input_tokens_details") or raw.get("prompt_tokens_details") or {}
    read, written = details.get("cached_tokens") or 0, details.get("cache_write_tokens") or 0
    return Usage(
        input=max(0, total - read - written),
        cache_read=read,
        cache_write_5m=written,
        output=raw.get("output_tokens", raw.get("completion_tokens")) or 0,
        raw=raw,
    )
