"""Tells a webhook how a night went: one POST of JSON, tried a few times, in bounded time. No fault of it is raised.

Addresses of webhooks are secrets (who has one can write into the chat), so no message shows more than the host.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from harness import __version__
from harness.models.retry import retry_after
from harness.secrets import redacted, throughout

TRANSIENT = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Bounds:
    """Bounds on telling: attempts, seconds of one attempt, of a wait between two, and of everything together."""

    attempts: int = 4
    request_seconds: float = 10.0
    longest_wait: float = 15.0
    total_seconds: float = 60.0


DEFAULT = Bounds()


class _Refused(Exception):
    """An attempt that came to nothing; `wait` is what Retry-After asks for, in seconds."""

    def __init__(self, words: str, retry: bool, wait: float | None = None) -> None:
        super().__init__(words)
        self.retry, self.wait = retry, wait


def problem(url: str) -> str:
    """Why a text cannot be a webhook's address, in words that do not show it; empty when it can."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "must begin with https:// (or http://) and a host"
    return "must not hold spaces or control characters" if any(ord(c) <= 32 or ord(c) == 127 for c in url) else ""


def post(url: str, payload: Mapping[str, Any], bounds: Bounds = DEFAULT) -> str:
    """POST `payload` as JSON and return in words what came of it, after `bounds.total_seconds` at the latest.

    Refused and broken connections, time-outs, and the answers 408, 425, 429 and 5xx are tried again, with Retry-After
    if it is told. A redirect is not followed: it would carry the message to another place. Secrets of the environment
    are taken out of the payload.
    """
    wrong = problem(url)
    if wrong:
        return f"webhook: not told: the address {wrong}"
    body = json.dumps(throughout(dict(payload), redacted)).encode()
    said: list[str] = []
    # In a thread, for no time-out bounds the look-up of a name, or a server that sends a byte now and then.
    worker = threading.Thread(target=lambda: said.append(_tried(url, body, bounds)), name="webhook", daemon=True)
    worker.start()
    worker.join(bounds.total_seconds)
    host = urlsplit(url).hostname
    return f"webhook: {host}: {said[0] if said else f'given up: not told within {bounds.total_seconds:g} s'}"


def _tried(url: str, body: bytes, bounds: Bounds) -> str:
    """Make the attempts, and say how they went."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay

    attempts = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, _Refused) and error.retry),
        stop=stop_after_attempt(bounds.attempts) | stop_after_delay(bounds.total_seconds),
        wait=lambda state: _pause(state, bounds),
        reraise=True,
    )
    try:
        return attempts(_once, url, body, bounds.request_seconds)
    except _Refused as error:
        tries = attempts.statistics["attempt_number"]
        return f"not told: {error}{f' (after {tries} attempts)' if tries > 1 else ''}"


def _pause(state: Any, bounds: Bounds) -> float:
    asked = state.outcome.exception().wait
    return float(min(2.0 ** (state.attempt_number - 1) if asked is None else max(asked, 0.0), bounds.longest_wait))


def _once(url: str, body: bytes, seconds: float) -> str:
    """Make one attempt. Raises _Refused. The answer's body is not read: nothing depends on it."""
    import httpx2

    head = {"content-type": "application/json", "user-agent": f"backend-harness/{__version__}"}
    try:
        with (
            httpx2.Client(timeout=seconds, follow_redirects=False) as client,
            client.stream("POST", url, content=body, headers=head) as answer,
        ):
            return _judged(answer.status_code, retry_after(answer.headers))
    except httpx2.TimeoutException as error:
        raise _Refused(f"no answer in {seconds:g} s", retry=True) from error
    except (httpx2.TransportError, OSError) as error:
        # Only the kind: the words may quote the address.
        raise _Refused(f"the connection failed ({type(error).__name__})", retry=True) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise _Refused(f"the request could not be made ({type(error).__name__})", retry=False) from error


def _judged(status: int, wait: float | None) -> str:
    if 200 <= status < 300:
        return f"told (HTTP {status})"
    if 300 <= status < 400:
        raise _Refused(f"it answered with a redirect (HTTP {status}), which is not followed", retry=False)
    raise _Refused(f"it answered HTTP {status}", status in TRANSIENT or status >= 500, wait)
