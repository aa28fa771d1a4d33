"""What the scripted server counts as a provider does: requests in a time, and the tokens that its cache holds."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from harness.models.scripted import Counts, Limit

LEAST = 1024  # tokens of the shortest prefix that either provider caches
STEP = 128  # OpenAI's cache holds prefixes in steps of so many tokens
LOOKBACK = 20  # blocks before a breakpoint in which Anthropic looks for an earlier one
LETTERS = 4  # characters that are counted as a token
MOST_ENTRIES = 200_000
LIFETIMES = {"5m": 300.0, "1h": 3600.0}


# --- requests --------------------------------------------------------------------------------------------------------


class Rate:
    """Takes so many requests in a time, and refuses the rest. `taken` and `refused` count them."""

    def __init__(self, limit: Limit) -> None:
        self.limit, self.lock = limit, threading.Lock()
        self.times: deque[float] = deque()
        self.tokens, self.filled = float(limit.requests), time.monotonic()
        self.taken = self.refused = 0

    def take(self) -> tuple[float, float, float]:
        """Return (seconds to wait, 0 for a request that is taken; requests that remain; seconds until all are back)."""
        with self.lock:
            wait, remaining, reset = (self._window if self.limit.kind == "window" else self._bucket)(time.monotonic())
            self.taken, self.refused = self.taken + (not wait), self.refused + bool(wait)
            return wait, remaining, reset

    def _window(self, now: float) -> tuple[float, float, float]:
        while self.times and now - self.times[0] >= self.limit.seconds:
            self.times.popleft()
        if len(self.times) >= self.limit.requests:
            return self.times[0] + self.limit.seconds - now, 0, self.limit.seconds
        self.times.append(now)
        return 0.0, self.limit.requests - len(self.times), self.limit.seconds

    def _bucket(self, now: float) -> tuple[float, float, float]:
        rate = self.limit.requests / self.limit.seconds
        self.tokens, self.filled = min(self.limit.requests, self.tokens + (now - self.filled) * rate), now
        wait = 0.0 if self.tokens >= 1 else (1 - self.tokens) / rate
        self.tokens -= not wait
        return wait, int(self.tokens), (self.limit.requests - self.tokens) / rate


def rate_headers(path: str, limit: Limit, remaining: float, reset: float) -> dict[str, str]:
    """Return what a provider's answers tell of the limit."""
    counts = f"{limit.requests}", f"{remaining:.0f}"
    if path == "/v1/messages":
        full = (datetime.now(UTC) + timedelta(seconds=reset)).isoformat()
        values, name = (*counts, full), "anthropic-ratelimit-requests-{}"
        return {name.format(part): value for part, value in zip(("limit", "remaining", "reset"), values, strict=True)}
    values = (*counts, f"{reset * 1000:.0f}ms")
    return {f"x-ratelimit-{part}-requests": v for part, v in zip(("limit", "remaining", "reset"), values, strict=True)}


# --- tokens ----------------------------------------------------------------------------------------------------------


class Split(NamedTuple):
    """Tokens of a request: plain, read from the cache, and written to it for five minutes or an hour."""

    plain: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0


class PromptCache:
    """The prefixes that a provider's cache holds, by their hash, and when each is forgotten."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.until: dict[int, float] = {}

    def counts(self, path: str, body: Mapping[str, Any], output: int) -> Counts:
        """Count a request's tokens by the rules of the wire's provider, and remember its prefixes."""
        now = time.monotonic()
        with self.lock:
            if len(self.until) > MOST_ENTRIES:
                self.until.clear()
            split = self._marked(body, now) if path == "/v1/messages" else self._automatic(body, now)
        return Counts(
            input=split.plain, cache_read=split.read, cache_write_5m=split.written_5m, cache_write_1h=split.written_1h,
            output=output,
        )  # fmt: skip

    def _marked(self, body: Mapping[str, Any], now: float) -> Split:
        """Anthropic: prefixes end at blocks with cache_control, of which the longest known one is read."""
        blocks = list(_blocks(body))
        sizes, marks = [0], [hash(body["model"])]
        for block in blocks:
            plain = {k: v for k, v in block.items() if k != "cache_control"} if "cache_control" in block else block
            text = _json(plain)
            sizes.append(sizes[-1] + len(text) // LETTERS + 1)
            marks.append(hash((marks[-1], text)))
        ends = [i + 1 for i, block in enumerate(blocks) if "cache_control" in block and sizes[i + 1] >= LEAST]
        known = (
            n for end in reversed(ends) for n in range(end, max(0, end - LOOKBACK), -1) if self._knows(marks[n], now)
        )
        read = next(known, 0)
        self._keep((marks[read],) if read else (), now, "5m")
        written, start = {"5m": 0, "1h": 0}, read
        for end in ends:
            life = (blocks[end - 1]["cache_control"] or {}).get("ttl", "5m")
            self._keep((marks[end],), now, life)
            written[life] += max(0, sizes[end] - sizes[start])
            start = max(start, end)
        return Split(sizes[-1] - sizes[start], sizes[read], written["5m"], written["1h"])

    def _automatic(self, body: Mapping[str, Any], now: float) -> Split:
        """OpenAI: any prefix in steps of 128 tokens, within requests that say the same prompt_cache_key."""
        kept = ("instructions", "tools", "input", "messages")
        text = "".join(_json(part) for key in kept if key in body for part in _parts(body[key]))
        mark, marks = hash((body["model"], body.get("prompt_cache_key"))), []
        for start in range(0, len(text) - STEP * LETTERS + 1, STEP * LETTERS):
            mark = hash((mark, text[start : start + STEP * LETTERS]))
            marks.append(mark)
        total, whole = len(text) // LETTERS + 1, len(marks) * STEP
        if whole < LEAST:
            return Split(total)
        known = sum(1 for _ in _while(self._knows(mark, now) for mark in marks)) * STEP
        read = known if known >= LEAST else 0
        self._keep(marks, now, "5m")
        return Split(total - whole, read, whole - read)

    def _knows(self, mark: int, now: float) -> bool:
        return self.until.get(mark, now) > now

    def _keep(self, marks: Iterable[int], now: float, life: str) -> None:
        for mark in marks:
            self.until[mark] = max(self.until.get(mark, now), now + LIFETIMES[life])


def _blocks(body: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """All blocks of a Messages request in the order in which they are cached; a message's role belongs to each."""
    yield from body.get("tools", [])
    system = body.get("system", [])
    yield from ([{"type": "text", "text": system}] if isinstance(system, str) else system)
    for message in body["messages"]:
        content = message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            yield {"role": message["role"], **block}


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _while(answers: Iterable[bool]) -> Iterable[bool]:
    for answer in answers:
        if not answer:
            return
        yield answer


def _json(value: Any) -> str:
    return _encoder().encode(value)


@cache
def _encoder() -> json.JSONEncoder:
    """Return one encoder for all; json.dumps makes a new one for each value whose keys are to be sorted."""
    return json.JSONEncoder(sort_keys=True)
