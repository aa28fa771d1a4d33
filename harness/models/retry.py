"""The one place where model requests are retried: around a whole turn, stream included, bounded in number and time.

A provider module turns what its SDK raises into AttemptFailed, which says whether another attempt can help. Failed
attempts are data: cause, seconds and what they may have cost. They end up in Turn.failed_attempts, or, when no attempt
succeeds, in GaveUp.attempts.

A refusal because of a rate (429) is waited out in the provider's limiter, with everybody else. It is an attempt that
is recorded, but not one of the few that a turn has; time bounds those.
"""

from __future__ import annotations

import email.utils
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import ProviderError
from harness.models import sse
from harness.models.limits import Limiter, Permit, Starved, Stopped
from harness.secrets import redacted
from harness.types import Turn, Usage

TRANSIENT_STATUS = {408, 409, 429}
# What a provider calls an error that the same request meets again, whatever status it comes with.
PERMANENT_KINDS = {
    "authentication_error", "billing_error", "billing_hard_limit_reached", "billing_not_active",
    "context_length_exceeded", "insufficient_quota", "invalid_api_key", "invalid_prompt", "invalid_request_error",
    "not_found_error", "permission_error", "quota_exceeded", "request_too_large",
}  # fmt: skip
ACCOUNT_KINDS = {
    "billing_error", "billing_hard_limit_reached", "billing_not_active", "insufficient_quota", "quota_exceeded",
}  # fmt: skip
RATE_KINDS = {"rate_limit_error", "rate_limit_exceeded"}
OVERLOADED_STATUS, OVERLOADED_KINDS = {503, 529}, {"overloaded_error"}
TOO_LONG_KINDS = {"context_length_exceeded", "exceed_context_size_error", "request_too_large"}
TOO_LONG_STATUS = 413
# Anthropic and vLLM have no code for a conversation that is too long: only these words tell it from a bad request.
TOO_LONG_WORDS = ("prompt is too long", "maximum context length")
EMPTY_TRIES = 2  # an empty answer is asked for again this often; then it is the model's own
DEEPEST = 100  # levels of a JSON value that are taken
LONGEST_WORDS = 1000  # characters of a provider's message that are kept


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds on the retries of one turn: attempts, seconds from the first request on, and seconds of each wait.

    `seconds` leaves out the time in line for the provider; a turn that is refused because of a rate waits as long as
    the provider takes requests at all, and gives up when it has taken none for `seconds`. `turn_seconds` bounds one
    attempt, for a stream that trickles on for ever.
    """

    attempts: int = 10
    seconds: float = 1800.0
    longest_wait: float = 120.0
    turn_seconds: float = 1800.0


DEFAULT = RetryPolicy()
NO_WAIT = RetryPolicy(longest_wait=0.0)


class AttemptFailed(Exception):
    """One request failed. `wait` is the provider's Retry-After in seconds; `usage` what it had counted by then.

    `metered` is false when the request may have cost more than `usage` says: an answer had begun, or nothing is known
    of what the provider did. A request that was refused or never sent costs nothing, and that is known.
    """

    def __init__(
        self, message: str, *, retry: bool, status: int | None = None, kind: str | None = None,
        wait: float | None = None, usage: Usage | None = None, metered: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(redacted(message[: 2 * LONGEST_WORDS])[:LONGEST_WORDS])
        self.retry, self.status, self.kind, self.wait = retry, status, kind, wait
        self.usage, self.metered = usage, metered

    @property
    def too_long(self) -> bool:
        """Whether the conversation no longer fits the model, which is how a trial ends and no fault of the provider."""
        worded = self.status == 400 and any(words in str(self) for words in TOO_LONG_WORDS)
        return worded or self.kind in TOO_LONG_KINDS or self.status == TOO_LONG_STATUS

    @property
    def limited(self) -> bool:
        """Whether it was refused because there were too many requests, which passes."""
        return self.retry and (self.status == 429 or self.kind in RATE_KINDS)

    @property
    def overloaded(self) -> bool:
        """Whether the provider has too much to do."""
        return self.retry and (self.status in OVERLOADED_STATUS or self.kind in OVERLOADED_KINDS)

    def fields(self) -> dict[str, Any]:
        """What makes an equal one, in another process."""
        return {
            "message": str(self), "retry": self.retry, "status": self.status, "kind": self.kind, "wait": self.wait,
            "usage": self.usage, "metered": self.metered,
        }  # fmt: skip

    def told(self, seconds: float) -> dict[str, Any]:
        """The failed attempt as data."""
        return {
            "error": str(self), "status": self.status, "kind": self.kind, "seconds": round(seconds, 3),
            "usage": self.usage.model_dump() if self.usage else None, "metered": self.metered,
        }  # fmt: skip


class GaveUp(ProviderError):
    """No attempt succeeded; `attempts` lists them as in Turn.failed_attempts."""

    attempts: tuple[dict[str, Any], ...] = ()


# --- the wrapper -----------------------------------------------------------------------------------------------------


@dataclass
class Tries:
    """The attempts of one turn so far. `queued` is seconds in line, `refusals` those because of a rate."""

    attempt: Callable[[int, Permit], Turn]
    policy: RetryPolicy
    limiter: Limiter
    stop: threading.Event
    ticket: int
    begun: float = field(default_factory=time.monotonic)
    failed: list[dict[str, Any]] = field(default_factory=list)
    queued: float = 0.0
    refusals: int = 0
    first_refusal: float | None = None
    empty: int = 0

    def once(self) -> Turn:
        """Make one attempt when the limiter lets it. Raises AttemptFailed, Stopped and Starved."""
        asked = time.monotonic()
        with self.limiter.permit(self.ticket, self.stop, self.policy.seconds) as permit:
            self.queued += time.monotonic() - asked
            begun = time.monotonic()
            try:
                return self._said(self.attempt(len(self.failed), permit))
            except AttemptFailed as error:
                self.failed.append(error.told(time.monotonic() - begun))
                self._slow_down(permit, error)
                raise

    def _said(self, turn: Turn) -> Turn:
        """Pass an answer on unless it says nothing at all, which one in a while does by mistake."""
        if turn.stop in ("end", "tools", "other") and not (turn.text or turn.calls or turn.raw):
            self.empty += 1
            if self.empty <= EMPTY_TRIES:
                raise AttemptFailed(
                    "the answer is empty", retry=True, status=200, usage=turn.usage, metered=turn.metered
                )
        return turn

    def _slow_down(self, permit: Permit, error: AttemptFailed) -> None:
        if error.limited or error.overloaded:
            permit.refused(error.wait, self.policy.longest_wait, everyone=error.limited)
        if error.limited:
            self.refusals += 1
            self.first_refusal = self.first_refusal or time.monotonic()

    def over(self, state: Any) -> bool:
        """Whether the bounds are reached (tenacity's stop)."""
        now = time.monotonic()
        if state.outcome.exception().limited:
            return self._refused_too_long(now)
        counted = len(self.failed) - self.refusals
        spent = now - self.begun - self.queued + state.upcoming_sleep
        return counted >= self.policy.attempts or spent >= self.policy.seconds

    def _refused_too_long(self, now: float) -> bool:
        """Others get answers and this turn never does, or nobody does."""
        first, nobody = self.first_refusal or now, self.limiter.starving_since()
        alone = self.refusals >= self.policy.attempts and now - first >= self.policy.seconds
        return alone or (nobody is not None and now - max(nobody, first) >= self.policy.seconds)

    def pause(self, state: Any) -> float:
        """Seconds until the next attempt gets in line (tenacity's wait): none when the limiter makes it wait."""
        error = state.outcome.exception()
        if error.limited:
            return 0.0
        counted = len(self.failed) - self.refusals
        backoff = random.uniform(0, 2.0 ** min(counted - 1, 20))
        return min(error.wait if error.wait and error.wait > 0 else backoff, self.policy.longest_wait)

    def sleep(self, seconds: float) -> None:
        """Wait, or until the run ends. Raises Stopped."""
        if self.stop.wait(seconds):
            raise Stopped(f"{self.limiter.name}: the run is ending")


def whole_turn(
    attempt: Callable[[int, Permit], Turn],
    policy: RetryPolicy,
    name: str,
    remedy: str,
    limiter: Limiter | None = None,
    stop: threading.Event | None = None,
) -> Turn:
    """Call `attempt(number, permit)`, number counting from 0, until it returns a turn.

    `name` is the model's and `remedy` tells where its credentials come from; both are for the message of GaveUp, which
    is raised when an error is permanent, the policy's bounds are reached or `stop` is set. A conversation that has
    become too long is returned as a turn that stopped for `context`.
    """
    line = limiter or Limiter(name)
    tries = Tries(attempt, policy, line, stop or threading.Event(), line.ticket())
    try:
        turn: Turn = _retrying(tries)(tries.once)
    except AttemptFailed as error:
        if error.too_long:
            return _full(name, error, tries.failed)
        raise _gave_up(_farewell(name, error, tries, remedy), tries) from error
    except (Stopped, Starved) as error:
        raise _gave_up(f"{name}: {error}; finished trials and paid turns are kept: run again later", tries) from error
    return turn.model_copy(update={"failed_attempts": tuple(tries.failed)})


def _gave_up(message: str, tries: Tries) -> GaveUp:
    made = GaveUp(message)
    made.attempts = tuple(tries.failed)
    return made


def _full(name: str, error: AttemptFailed, failed: list[dict[str, Any]]) -> Turn:
    usage, seconds = error.usage or Usage(), failed[-1]["seconds"]
    return Turn(
        text="", stop="context", usage=usage, metered=error.metered, model=name, seconds=seconds,
        failed_attempts=tuple(failed[:-1]),
    )  # fmt: skip


def _retrying(tries: Tries) -> Any:
    from tenacity import Retrying, retry_if_exception

    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, AttemptFailed) and error.retry),
        stop=tries.over,
        wait=tries.pause,
        sleep=tries.sleep,
        reraise=True,
    )


def _farewell(name: str, error: AttemptFailed, tries: Tries, remedy: str) -> str:
    count, seconds = len(tries.failed), time.monotonic() - tries.begun
    tried = f" (after {count} attempts in {seconds:.0f} s)" if count > 1 else ""
    return f"{name}: {error}{tried}. {_advice(error, remedy)}"


def _advice(error: AttemptFailed, remedy: str) -> str:
    if error.status in (401, 403):
        return remedy
    if error.status == 402 or error.kind in ACCOUNT_KINDS:
        return "Settle the account with the provider, then run again; finished trials are kept."
    if error.status == 429 or error.kind in RATE_KINDS:
        return "Lower `concurrency`, or run again later; finished trials and paid turns are kept."
    if error.retry:
        return "The provider or the way to it is down: run again later; finished trials and paid turns are kept."
    return "The same request would fail again: check the model's id and the candidate's settings."


# --- what SDKs have in common ----------------------------------------------------------------------------------------


def from_status(error: Any) -> AttemptFailed:
    """Turn an SDK's APIStatusError (anthropic's or openai's: they have the same shape) into AttemptFailed.

    A refused request costs nothing.
    """
    status, headers = int(error.status_code), error.response.headers
    detail = _detail(error.body)
    kind = _kind(detail)
    retry = status in TRANSIENT_STATUS or status >= 500
    if kind in PERMANENT_KINDS or headers.get("x-should-retry") == "false":
        retry = False
    words = detail.get("message") or error.message
    return AttemptFailed(
        _sentence(status, kind, words), retry=retry, status=status, kind=kind, wait=retry_after(headers)
    )  # fmt: skip


def from_event(detail: Any) -> AttemptFailed:
    """Turn an error object that arrived inside a stream (`type`, `code`, `message`) into AttemptFailed.

    Only its kind tells whether to try again; the answer had begun, so what it cost is not known.
    """
    detail = _detail(detail)
    kind = _kind(detail) or "error"
    return AttemptFailed(
        _sentence(200, kind, detail.get("message")), retry=kind not in PERMANENT_KINDS, status=200, kind=kind,
        metered=False,
    )  # fmt: skip


def from_connection(error: Exception, sent: bool) -> AttemptFailed:
    """A connection that could not be made, broke off, timed out, or carried garbage: worth another attempt.

    `sent` says whether the request may have reached the provider, who may then have worked for it.
    """
    cause = error.__cause__ or error
    words = str(cause) or str(error)
    return AttemptFailed(f"{type(cause).__name__}: {words}", retry=True, metered=not sent)


def garbled(error: Exception) -> AttemptFailed:
    """An answer that is none: no JSON, of another type, or of a shape that it must not have."""
    words = str(error) or "no words"
    return AttemptFailed(
        f"the answer is malformed: {type(error).__name__}: {words}", retry=True, status=200, kind="malformed",
        metered=False,
    )  # fmt: skip


def ended_early() -> AttemptFailed:
    """A stream that ended in order, but before the answer did."""
    return AttemptFailed("the stream ended before the answer was complete", retry=True, status=200, metered=False)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks to wait (`retry-after-ms`, or `retry-after` as seconds or a date), or None."""
    try:
        if "retry-after-ms" in headers:
            return float(headers["retry-after-ms"]) / 1000
        return float(headers["retry-after"])
    except KeyError:
        return None
    except ValueError:
        return _seconds_until(headers.get("retry-after", ""))


def _seconds_until(text: str) -> float | None:
    try:
        date = email.utils.parsedate_tz(text[:100])
        return max(0.0, email.utils.mktime_tz(date) - time.time()) if date else None
    except (ValueError, OverflowError):
        return None


def arguments_of(text: str, cut: bool = False) -> tuple[dict[str, Any], str | None]:
    """Parse a tool call's JSON into (arguments, problem).

    No text at all means no arguments, unless the answer was cut off there (`cut`).
    """
    if cut and not text.strip():
        return {}, "the answer was cut off before its arguments"
    try:
        value = scrubbed(sse.loads(text)) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        return {}, f"the arguments are not valid JSON ({str(error)[:200]})"
    if not isinstance(value, dict):
        return {}, f"the arguments must be a JSON object, not {type(value).__name__}"
    return value, None


def scrubbed(value: Any, levels: int = DEEPEST) -> Any:
    """Return a JSON value with halves of characters joined, or replaced: they can be neither stored, sent nor run.

    Texts that came in pieces are joined. Raises ValueError for one that is nested too deep to be stored.
    """
    if levels < 0:
        raise ValueError(f"nested deeper than {DEEPEST} levels")
    if isinstance(value, sse.Pieces):
        value = "".join(value)
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {scrubbed(key): scrubbed(inner, levels - 1) for key, inner in value.items()}
    return [scrubbed(inner, levels - 1) for inner in value] if isinstance(value, list) else value


def _kind(detail: Mapping[str, Any]) -> str | None:
    """What the provider calls an error: a code that says that it lasts, else its type, else its code."""
    code, kind = (str(detail[key]) if detail.get(key) else None for key in ("code", "type"))
    return code if code in PERMANENT_KINDS or kind in (None, "error", "requests", "tokens") else kind


def _detail(body: Any) -> dict[str, Any]:
    """The error object in a body: anthropic's is under `error`; openai's SDK has already unwrapped its own."""
    if isinstance(body, dict):
        inner = body.get("error")
        return inner if isinstance(inner, dict) else body
    return {}


def _sentence(status: int, kind: Any, words: Any) -> str:
    where = f"HTTP {status}" if status != 200 else "error in the stream"
    return " ".join(part for part in (where, str(kind or ""), f"({words})" if words else "") if part)
