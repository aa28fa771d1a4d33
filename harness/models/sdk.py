"""What the models behind an SDK have in common: a client, how a request is made for it, and how it is sent once."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from harness import secrets
from harness.errors import ConfigError
from harness.models import retry, sse
from harness.models.guard import Guard
from harness.models.limits import Limiter
from harness.types import Message, Settings, Tool, Turn, Usage

if TYPE_CHECKING:
    from harness.models.workers import Workers

Body = dict[str, Any]
Found = dict[str, Any]  # what has been gathered of an answer

READ_SECONDS, CONNECT_SECONDS = 600.0, 30.0
IDLE_SECONDS = 45.0  # how long a connection is kept while tools run; a new one costs a TLS handshake
MOST_TOKENS = 10**9
COPIES = 64  # of a client, at most


class Wire(NamedTuple):
    """A wire format: where a request goes, what the SDK has to know of it, and pure functions of the answer.

    `gather` adds an event to what was found and says whether it is the last; `is_whole` says whether the answer is
    there; `usage` returns what was counted so far and whether that is all; `turn` makes the turn.
    """

    path: str
    options: dict[str, Any]
    gather: Callable[[Found, dict[str, Any]], bool]
    is_whole: Callable[[Found], bool]
    usage: Callable[[Found], tuple[Usage | None, bool]]
    turn: Callable[[Found, str, float], Turn]


class Accepting(Protocol):
    """Who wants to know that the provider has begun to answer, and with which headers: a limits.Permit."""

    def accepted(self, headers: Mapping[str, str]) -> None: ...


@dataclass(eq=False)
class SdkModel:
    """A model and the client that reaches it; keeps protocols.Model.

    `sdk` is the SDK's module, `clients` its client, `request` makes a body of (id, settings, messages, tools), `remedy`
    says what to do about a refused key, and `key` is taken out of whatever a server echoes. `again` makes a model like
    this one in one of `workers`, which send the requests if there are any; None when it must be the only one.
    """

    name: str
    id: str
    sdk: Any
    clients: Clients
    limiter: Limiter
    settings: Settings
    request: Callable[[str, Settings, Sequence[Message], Sequence[Tool]], Body]
    wire: Wire
    remedy: str
    again: Callable[[], SdkModel] | None
    policy: retry.RetryPolicy = retry.DEFAULT
    is_llm: bool = True
    key: str | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    workers: Workers | None = None

    @cached_property
    def spec(self) -> bytes:
        """What a worker makes this model of, and knows it by. The environment has the keys; it has the same one."""
        return pickle.dumps((uuid.uuid4().hex, self.again))

    def complete(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Turn:
        """Ask for one turn, retries included. Raises ProviderError."""
        body = encoded(self.request(self.id, self.settings, messages, tools))
        once = partial(sent, self, body)
        return retry.whole_turn(once, self.policy, self.name, self.remedy, self.limiter, self.stop)

    def close(self) -> None:
        """End what is under way: those who wait get an error now, and those who read an answer too."""
        self.stop.set()
        self.limiter.wake()
        self.clients.guard.abort()
        if self.workers:
            self.workers.abort(self.spec)


# --- one attempt -----------------------------------------------------------------------------------------------------


def encoded(body: Body) -> bytes:
    """A request's body as it goes out, which is the same for every attempt."""
    return json.dumps({**body, "stream": True}, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def sent(model: SdkModel, body: bytes, number: int, permit: Accepting) -> Turn:
    """Make an attempt, here or in a worker. Raises AttemptFailed."""
    if model.workers and not model.workers.broken:
        return model.workers.attempt(model.spec, body, number, permit, model.policy.turn_seconds)
    return attempt(model, body, number, permit)


def attempt(model: SdkModel, body: bytes, number: int, permit: Accepting) -> Turn:
    """Send a body once and gather the answer. Raises AttemptFailed."""
    begun = time.monotonic()
    found: Found = {}
    with _failures(model, found), model.clients.guard.request(model.policy.turn_seconds):
        _receive(model, found, _opened(model, body, number), permit)
        if not model.wire.is_whole(found):
            raise retry.ended_early()
        with _well_formed():
            clean = _without_key(retry.scrubbed(found), model.key)
            return model.wire.turn(clean, model.id, time.monotonic() - begun)


def _opened(model: SdkModel, body: bytes, number: int) -> Any:
    """Open the streamed response to a body, through the SDK's client. Raises the SDK's errors.

    As bytes a body goes out as it is. The SDK's methods for a request would copy it, and try each item of the
    conversation against each type that they know, which takes hundreds of milliseconds for a long one.
    """
    import httpx2

    # The SDK's own header says which attempt this is, as it would if the SDK did the retries.
    headers = {"x-stainless-retry-count": str(number), "Accept-Encoding": "identity"}
    options = {**model.wire.options, "headers": headers}
    return model.clients.mine().post(
        model.wire.path, content=body, options=options, cast_to=httpx2.Response, stream=True
    )  # fmt: skip


def _receive(model: SdkModel, found: Found, response: Any, permit: Accepting) -> None:
    """Gather a response's events. What breaks behind the end of an answer does not matter: it is paid for and here."""
    import httpx2

    with closing(response):
        permit.accepted(response.headers)
        try:
            with _well_formed():
                sse.check(response.headers)
                for event in sse.events(response.iter_raw()):
                    if model.wire.gather(found, event):
                        model.clients.guard.hurry()
        except (httpx2.RequestError, retry.AttemptFailed):
            if not model.wire.is_whole(found):
                raise


@contextmanager
def _failures(model: SdkModel, found: Found) -> Iterator[None]:
    """Turn whatever an attempt raises into AttemptFailed, with what was counted by then."""
    try:
        with _named(model.sdk):
            yield
    except retry.AttemptFailed as error:
        if not error.metered:
            error.usage, error.metered = _counted(model.wire, found)
        raise


def _counted(wire: Wire, found: Found) -> tuple[Usage | None, bool]:
    try:
        return wire.usage(found)
    except (LookupError, TypeError, AttributeError, ValueError):  # what was found may have any shape
        return None, False


@contextmanager
def _named(sdk: Any) -> Iterator[None]:
    import httpx2

    try:
        yield
    except sdk.APIStatusError as error:
        raise retry.from_status(error) from error
    except (sdk.APIConnectionError, httpx2.RequestError) as error:
        raise retry.from_connection(error, _was_sent(error)) from error
    except sdk.APIError as error:
        raise retry.AttemptFailed(f"{type(error).__name__}: {error}", retry=False) from error


@contextmanager
def _well_formed() -> Iterator[None]:
    """Blame what does not fit the shape of an answer on the answer (also pydantic's ValidationError of a turn)."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise retry.garbled(error) from error


def _was_sent(error: Exception) -> bool:
    """Whether the request may have reached the provider: not if there was never a connection."""
    import httpx2

    cause = error.__cause__ or error
    return not isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.ProxyError)


def _without_key(value: Any, key: str | None) -> Any:
    """Take a key that a server echoes out of its answer, which would carry it into the journal."""
    if not key or len(key) < secrets.SHORTEST:
        return value
    return secrets.throughout(value, lambda text: secrets.without(text, [key]) if key in text else text)


# --- what answers have in common -------------------------------------------------------------------------------------


def counts(raw: Any, *names: str) -> tuple[dict[str, int], bool]:
    """Return the counts of tokens with these names, and whether each that is there is a count.

    What is no count (a text, a fraction, a negative number) is 0.
    """
    if not isinstance(raw, dict):
        return dict.fromkeys(names, 0), raw is None
    kept = {name: raw[name] for name in names if raw.get(name) is not None and _is_count(raw[name])}
    wrong = [name for name in names if raw.get(name) is not None and name not in kept]
    return {name: kept.get(name, 0) for name in names}, not wrong


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS


def told_apart(ids: Sequence[str]) -> list[str]:
    """Return ids of an answer's tool calls with a number behind those that come again."""
    found: list[str] = []
    for wanted in ids:
        name, number = wanted, 2
        while name in found:
            name, number = f"{wanted}_{number}", number + 1
        found.append(name)
    return found


# --- clients ---------------------------------------------------------------------------------------------------------


class Clients:
    """An SDK's client in a few copies, each with connections of its own that some threads share.

    An HTTP client looks through all of its connections at every request; with hundreds of trials at once that took as
    long as the rest of the request. A copy is made when the first thread needs it.
    """

    def __init__(self, sdk: Any, local: bool) -> None:
        """`local` is our own server, which is never behind a proxy."""
        import httpx2

        self.sdk, self.local, self.guard = sdk, local, Guard()
        self.context = httpx2.create_ssl_context(trust_env=not local)
        self.lock, self.numbers, self.thread = threading.Lock(), itertools.count(), threading.local()
        self.copies: dict[int, Any] = {}
        self.https: list[Any] = []
        weakref.finalize(self, _close_all, self.https)

    def first(self, make: Callable[..., Any], **options: Any) -> Any:
        """Make the first client: `make` is the SDK's class. Raises what it raises."""
        self.copies[0] = make(max_retries=0, http_client=self._http(), **options)
        return self.copies[0]

    def mine(self) -> Any:
        """The client of this thread."""
        if not hasattr(self.thread, "number"):
            self.thread.number = next(self.numbers) % COPIES
        with self.lock:
            if self.thread.number not in self.copies:
                self.copies[self.thread.number] = self.copies[0].with_options(http_client=self._http())
            return self.copies[self.thread.number]

    def _http(self) -> Any:
        """The SDK's own HTTP client, guarded, and without a limit on connections: the limiter is the limit."""
        import httpx2

        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=IDLE_SECONDS)
        timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        made = self.sdk.DefaultHttpxClient(
            verify=self.context, limits=limits, timeout=timeout, trust_env=not self.local
        )  # fmt: skip
        # The connection pool takes a network backend when it is made, but the SDK makes it.
        for transport in (made._transport, *made._mounts.values()):
            if transport is not None:
                transport._pool._network_backend = self.guard
        self.https.append(made)
        return made


def _close_all(found: list[Any]) -> None:
    for http in found:
        http.close()


def check_server(name: str, url: str | None, variable: str) -> None:
    """Raise ConfigError if the address at which a model is to be asked is none; without `url` a variable may say it."""
    found = url or os.environ.get(variable)
    if found and not _is_address(found):
        where = "`base_url`" if url else variable
        raise ConfigError(
            f"{name}: {where} is no address of a server: {secrets.redacted(found)!r}; "
            "it looks like http://127.0.0.1:8000/v1"
        )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        return False


def check_key(name: str, key: str | None, variable: str) -> None:
    """Raise ConfigError for a key that cannot be sent in a header; the key itself is not told."""
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError(f"{name}: {variable} holds a space, a line end or another character that no key has")
