"""The server behind `scripted/…`: plays scripts over HTTP on the loopback, in a thread of this process.

It holds no state of any conversation, only what a provider holds too: a cache of prefixes, and how many requests there
were of late. It counts requests by path, and remembers the newest ones if asked to.
"""

from __future__ import annotations

import contextlib
import email.utils
import json
import socket
import struct
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness.models.scripted import EMPTY, Counts, Fault, Line, Script, line
from harness.models.scripted_limits import PromptCache, Rate, rate_headers
from harness.models.scripted_wires import WIRES, Event, Wire, said

MAX_BODY, MAX_LINE = 64 << 20, 64 << 10
PIECE = 1000  # bytes of a chunk
DRIP_SECONDS = 0.2
HTML = b"<!doctype html><title>Sign in</title><p>Sign in to the network to go on.</p>"
ODD: tuple[Event, ...] = (
    ("content_block_delta", {"type": "content_block_delta", "index": 99, "delta": {"type": "text_delta", "text": []}}),
    ("response.completed", {"type": "response.completed", "response": [], "choices": 5}),
)


class Server:
    """A running server. `requests` are the newest ones as (path, headers, body), as many as `remember` says.

    `rates` are the limits of the scripts that have one, by the model's name.
    """

    def __init__(self, remember: int = 0) -> None:
        self.scripts: dict[str, Script] = {}
        self.rates: dict[str, Rate] = {}
        self.cache = PromptCache()
        self.counts: Counter[str] = Counter()
        self.requests: deque[tuple[str, dict[str, str], dict[str, Any]]] = deque(maxlen=remember)
        self.closed = threading.Event()
        self.http = _Http(("127.0.0.1", 0), _Handler)
        self.http.owner = self
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), name="scripted-server", daemon=True).start()

    def add(self, name: str, script: Script) -> str:
        """Play `script` for the model called `name`; return the server's URL."""
        self.scripts[name] = script
        if script.limit:
            self.rates[name] = Rate(script.limit)
        return self.url

    def close(self) -> None:
        """Stop, and free the port."""
        self.closed.set()
        self.http.shutdown()
        self.http.server_close()


@contextlib.contextmanager
def serve(remember: int = 0) -> Iterator[Server]:
    """Run a server of one's own."""
    server = Server(remember)
    try:
        yield server
    finally:
        server.close()


@cache
def shared() -> Server:
    """Return this process's server, started at the first call; its threads are daemons and end with the process."""
    return Server()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024
    owner: Server

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has given up is gone; that is no fault of the server."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # an answer is written at once
    server: _Http
    raw_requestline: bytes
    fields: dict[str, str]

    def parse_request(self) -> bool:
        """Read the head of a request, its names in lower case; the one of the library takes longer than an answer."""
        words = self.raw_requestline.decode("latin-1").split()
        self.requestline, self.request_version, self.fields = " ".join(words), "HTTP/1.1", {}
        while line := self.rfile.readline(MAX_LINE).decode("latin-1").rstrip("\r\n"):
            name, _, value = line.partition(":")
            self.fields[name.strip().lower()] = value.strip()
        if len(words) != 3 or words[0] not in ("POST", "GET", "HEAD"):
            self.close_connection = True
            return False
        self.command, self.path = words[:2]
        self.close_connection = words[2] != "HTTP/1.1" or self.fields.get("connection", "").lower() == "close"
        return True

    def do_POST(self) -> None:
        size = int(self.fields.get("content-length", "0"))
        wire = WIRES.get(self.path)
        if size > MAX_BODY or wire is None:
            self.close_connection = True
            return self._answer(413 if wire else 404, {"error": {"message": f"{self.path}: no such path, or too much"}})
        body = json.loads(self.rfile.read(size))
        owner = self.server.owner
        owner.counts[self.path] += 1
        owner.requests.append((self.path, self.fields, body))
        self._admit(wire, body)

    def _admit(self, wire: Wire, body: dict[str, Any]) -> None:
        """Play the model's script if there is one, and if its limit lets this request in."""
        owner = self.server.owner
        script, rate = owner.scripts.get(body["model"]), owner.rates.get(body["model"])
        if script is None:
            return self._answer(404, wire.error(404, f"no model {body['model']}", None))
        if problem := wire.problem(body):
            return self._answer(400, wire.error(400, problem, None))
        wait, remaining, reset = rate.take() if rate else (0.0, 0.0, 0.0)
        told = rate_headers(self.path, rate.limit, remaining, reset) if rate and rate.limit.headers else {}
        if wait:
            return self._answer(429, wire.error(429, "too many requests", None), {**told, "Retry-After": f"{wait:.3f}"})
        self._play(wire, script, body, told)

    def _play(self, wire: Wire, script: Script, body: dict[str, Any], headers: dict[str, str]) -> None:
        number = wire.answered(body)
        chosen = line(script, number, wire.asked(body))
        fault = dict(enumerate(chosen.faults)).get(int(self.fields.get("x-stainless-retry-count", "0"))) or Fault.none()
        self.server.owner.closed.wait(script.latency + fault.delay)
        if fault.status:
            return self._refuse(wire, fault, fault.status)
        if fault.stream in INSTEAD:
            return INSTEAD[fault.stream](self)
        spoken = EMPTY if fault.stream == "empty" else chosen
        events = wire.events(body["model"], number, spoken, self._counted(body, spoken))
        self._stream(wire, events, fault, headers)

    def _counted(self, body: dict[str, Any], spoken: Line) -> Counts | None:
        if isinstance(spoken.usage, Counts):
            return spoken.usage
        return self.server.owner.cache.counts(self.path, body, said(spoken)) if spoken.usage is None else None

    def _refuse(self, wire: Wire, fault: Fault, status: int) -> None:
        headers = {} if fault.retry_after is None else {"Retry-After": _plain(fault.retry_after)}
        if fault.retry_date is not None:
            headers["Retry-After"] = email.utils.formatdate(time.time() + fault.retry_date, usegmt=True)
        self._answer(status, wire.error(status, f"the script says {status}", fault.kind), headers)

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._send(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(body).encode())

    def _send(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self._head(status, {**headers, "Content-Length": str(len(data))})
        self.wfile.write(data)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    # --- a stream, and what may go wrong in it ---

    def _stream(self, wire: Wire, events: list[Event], fault: Fault, headers: dict[str, str]) -> None:
        self._head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", **headers})
        if fault.stream in (None, "empty"):
            self._whole(b"".join(map(_sse, events)))
        else:
            for event in events[: len(events) // 2]:
                self._chunk(_sse(event))
            self._break(wire, events, fault)
        if not self.close_connection:
            self._chunk(b"")

    def _whole(self, body: bytes) -> None:
        """An answer that is all there, cut as a proxy would cut it: anywhere, also within an event or a character."""
        for start in range(0, len(body), PIECE):
            self._chunk(body[start : start + PIECE])

    def _break(self, wire: Wire, events: list[Event], fault: Fault) -> None:
        ways: dict[str, Callable[[], None]] = {
            "error": partial(self._error, wire, fault), "malformed": self._malformed, "odd": self._odd,
            "drop": self._drop, "drip": self._drip, "endless": partial(self._endless, events),
        }  # fmt: skip
        if fault.stream in ways:
            ways[fault.stream]()

    def _error(self, wire: Wire, fault: Fault) -> None:
        self._chunk(_sse(("error", wire.error(529, "the script says error", fault.kind))))

    def _malformed(self) -> None:
        self._chunk(b'event: message_delta\ndata: {"type": "mess\n\n')

    def _odd(self) -> None:
        for event in ODD:
            self._chunk(_sse(event))

    def _drop(self) -> None:
        self.close_connection = True

    def _drip(self) -> None:
        """A comment now and then until the client has enough: bytes come, and nothing is said."""
        self.close_connection = True
        while not self.server.owner.closed.wait(DRIP_SECONDS):
            self.wfile.write(b"3\r\n:\n\n\r\n")
            self.wfile.flush()

    def _endless(self, events: list[Event]) -> None:
        """The same event again and again, as fast as the client takes it."""
        self.close_connection = True
        pieces = _sse(events[min(2, len(events) - 1)]) * 100
        while not self.server.owner.closed.is_set():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(pieces), pieces))

    def _html(self) -> None:
        self._send(200, {"Content-Type": "text/html; charset=utf-8"}, HTML)

    def _packed(self) -> None:
        import gzip

        data = gzip.compress(b"data: {}\n\n")
        self._send(200, {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}, data)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _chunk(self, data: bytes) -> None:
        # A client that has given up may be gone already; that is no fault of the server.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: requests are counted, not logged."""


INSTEAD = {"html": _Handler._html, "packed": _Handler._packed, "reset": _Handler._reset}


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _sse(event: Event) -> bytes:
    name, data = event
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()
