"""The one place where model requests are retried: around a whole turn, stream included, bounded in number and time.

A provider module turns what its SDK raises into AttemptFailed, which says whether another attempt can help. Failed
attempts are data: cause, seconds and, where the provider told it, usage. They end up in Turn.failed_attempts, or, when
no attempt succeeds, in GaveUp.attempts.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.errors import ProviderError
from harness.types import Turn, Usage

T = TypeVar("T")

TRANSIENT_STATUS = {408, 409, 429}
# What a provider calls an error that the same request meets again, whatever status it comes with.
PERMANENT_KINDS = {
    "authentication_error", "billing_error", "context_length_exceeded", "insufficient_quota", "invalid_prompt",
    "invalid_request_error", "not_found_error", "permission_error", "request_too_large",
}  # fmt: skip
TOO_LONG_KINDS = {"context_length_exceeded", "exceed_context_size_error", "request_too_large"}
TOO_LONG_STATUS = 413
# Anthropic and vLLM have no code for a conversation that is too long: only these words tell it from a bad request.
TOO_LONG_WORDS = ("prompt is too long", "maximum context length")


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds on the retries of one turn: attempts, seconds from the first request on, and seconds of each wait.

    `turn_seconds` bounds one attempt, for a stream that trickles on for ever.
    """

    attempts: int = 10
    seconds: float = 1800.0
    longest_wait: float = 120.0
    turn_seconds: float = 1800.0


DEFAULT = RetryPolicy()
NO_WAIT = RetryPolicy(longest_wait=0.0)


class AttemptFailed(Exception):
    """One request failed. `wait` is the provider's Retry-After in seconds; `usage` what it had counted by then."""

    def __init__(
        self, message: str, *, retry: bool, status: int | None = None, kind: str | None = None,
        wait: float | None = None, usage: Usage | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.retry, self.status, self.kind, self.wait, self.usage = retry, status, kind, wait, usage

    @property
    def too_long(self) -> bool:
        """Whether the conversation no longer fits the model, which is how a trial ends and no fault of the provider."""
        worded = self.status == 400 and any(words in str(self) for words in TOO_LONG_WORDS)
        return worded or self.kind in TOO_LONG_KINDS or self.status == TOO_LONG_STATUS


class GaveUp(ProviderError):
    """No attempt succeeded; `attempts` lists them as in Turn.failed_attempts."""

    attempts: tuple[dict[str, Any], ...] = ()


# --- the wrapper -----------------------------------------------------------------------------------------------------


def whole_turn(attempt: Callable[[int], Turn], policy: RetryPolicy, name: str, remedy: str) -> Turn:
    """Call `attempt(number)`, number counting from 0, until it returns a turn.

    `name` is the model's and `remedy` tells where its credentials come from; both are for the message of GaveUp, which
    is raised when an error is permanent or the policy's bounds are reached. A conversation that has become too long is
    returned as a turn that stopped for `context`.
    """
    failed: list[dict[str, Any]] = []
    begun = time.monotonic()
    try:
        turn: Turn = _retrying(policy)(_recorded, attempt, failed)
    except AttemptFailed as error:
        if error.too_long:
            return _full(name, error, failed)
        gave_up = GaveUp(_farewell(name, error, len(failed), time.monotonic() - begun, remedy))
        gave_up.attempts = tuple(failed)
        raise gave_up from error
    return turn.model_copy(update={"failed_attempts": tuple(failed)})


def _full(name: str, error: AttemptFailed, failed: list[dict[str, Any]]) -> Turn:
    usage, seconds = error.usage or Usage(), failed[-1]["seconds"]
    return Turn(
        text="", stop="context", usage=usage, model=name, seconds=seconds, failed_attempts=tuple(failed[:-1])
    )  # fmt: skip


def _retrying(policy: RetryPolicy) -> Any:
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_any, stop_before_delay
    from tenacity.wait import wait_random_exponential

    backoff = wait_random_exponential(multiplier=1, max=policy.longest_wait)

    def wait(state: Any) -> float:
        asked = state.outcome.exception().wait
        return min(asked, policy.longest_wait) if asked and asked > 0 else float(backoff(state))

    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, AttemptFailed) and error.retry),
        stop=stop_any(stop_after_attempt(policy.attempts), stop_before_delay(policy.seconds)),
        wait=wait,
        reraise=True,
    )


def _recorded(attempt: Callable[[int], Turn], failed: list[dict[str, Any]]) -> Turn:
    begun = time.monotonic()
    try:
        return attempt(len(failed))
    except AttemptFailed as error:
        failed.append(
            {
                "error": str(error),
                "status": error.status,
                "kind": error.kind,
                "seconds": round(time.monotonic() - begun, 3),
                "usage": error.usage.model_dump() if error.usage else None,
            }
        )
        raise


def _farewell(name: str, error: AttemptFailed, attempts: int, seconds: float, remedy: str) -> str:
    tried = f" (after {attempts} attempts in {seconds:.0f} s)" if attempts > 1 else ""
    return f"{name}: {error}{tried}. {_advice(error, remedy)}"


def _advice(error: AttemptFailed, remedy: str) -> str:
    if error.status in (401, 403):
        return remedy
    if error.status == 402 or error.kind in ("billing_error", "insufficient_quota"):
        return "Settle the account with the provider, then run again; finished trials are kept."
    if error.status == 429 or error.kind in ("rate_limit_error", "rate_limit_exceeded"):
        return "Lower `concurrency`, or run again later; finished trials and paid turns are kept."
    if error.retry:
        return "The provider or the way to it is down: run again later; finished trials and paid turns are kept."
    return "The same request would fail again: check the model's id and the candidate's settings."


# --- what SDKs have in common ----------------------------------------------------------------------------------------


def from_status(error: Any, usage: Usage | None) -> AttemptFailed:
    """Turn an SDK's APIStatusError (anthropic's or openai's: they have the same shape) into AttemptFailed.

    A status of 200 is an error inside a stream that had begun; only its kind tells whether to try again.
    """
    status, headers = int(error.status_code), error.response.headers
    detail = _detail(error.body)
    kind = detail.get("code") if detail.get("code") in PERMANENT_KINDS else detail.get("type") or detail.get("code")
    retry = status in TRANSIENT_STATUS or status >= 500 or status == 200
    if kind in PERMANENT_KINDS or headers.get("x-should-retry") == "false":
        retry = False
    words = detail.get("message") or error.message
    return AttemptFailed(
        _sentence(status, kind, words), retry=retry, status=status, kind=kind, wait=retry_after(headers), usage=usage
    )


def from_event(detail: Mapping[str, Any], usage: Usage | None) -> AttemptFailed:
    """Turn an error object that arrived inside a stream (`type`, `code`, `message`) into AttemptFailed."""
    code, kind = detail.get("code"), detail.get("type")
    named = str(code or kind or "error")
    retry = not {str(code), str(kind)} & PERMANENT_KINDS
    return AttemptFailed(_sentence(200, named, detail.get("message")), retry=retry, status=200, kind=named, usage=usage)


def from_connection(error: Exception, usage: Usage | None) -> AttemptFailed:
    """A connection that could not be made, broke off, timed out, or carried garbage: worth another attempt."""
    cause = error.__cause__ or error
    return AttemptFailed(f"{type(cause).__name__}: {cause or error}", retry=True, usage=usage)


def ended_early(usage: Usage | None) -> AttemptFailed:
    """A stream that ended in order, but before the answer did."""
    return AttemptFailed("the stream ended before the answer was complete", retry=True, status=200, usage=usage)


def within(events: Iterable[T], seconds: float) -> Iterator[T]:
    """Pass the events of a stream on until `seconds` have gone; then the attempt has failed."""
    limit = time.monotonic() + seconds
    for event in events:
        if time.monotonic() > limit:
            raise AttemptFailed(f"the answer was not complete after {seconds:.0f} s", retry=True)
        yield event


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks to wait (`retry-after-ms`, or `retry-after` as seconds or a date), or None."""
    try:
        if "retry-after-ms" in headers:
            return float(headers["retry-after-ms"]) / 1000
        return float(headers["retry-after"])
    except KeyError:
        return None
    except ValueError:
        date = email.utils.parsedate_tz(headers.get("retry-after", ""))
        return max(0.0, email.utils.mktime_tz(date) - time.time()) if date else None


def arguments_of(text: str) -> tuple[dict[str, Any], str | None]:
    """Parse a tool call's JSON into (arguments, problem); no text at all means no arguments."""
    try:
        value = scrubbed(json.loads(text)) if text.strip() else {}
    except json.JSONDecodeError as error:
        return {}, f"the arguments are not valid JSON ({error})"
    if not isinstance(value, dict):
        return {}, f"the arguments must be a JSON object, not {type(value).__name__}"
    return value, None


def scrubbed(value: Any) -> Any:
    """Return a JSON value with halves of characters joined, or replaced: they can be neither stored, sent nor run."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {scrubbed(key): scrubbed(inner) for key, inner in value.items()}
    return [scrubbed(inner) for inner in value] if isinstance(value, list) else value


def _detail(body: Any) -> dict[str, Any]:
    """The error object in a body: anthropic's is under `error`; openai's SDK has already unwrapped its own."""
    if isinstance(body, dict):
        inner = body.get("error")
        return inner if isinstance(inner, dict) else body
    return {}


def _sentence(status: int, kind: Any, words: Any) -> str:
    where = f"HTTP {status}" if status != 200 else "error in the stream"
    return " ".join(part for part in (where, str(kind or ""), f"({words})" if words else "") if part)
