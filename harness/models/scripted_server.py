"""The server behind `scripted/…`: plays scripts over HTTP on the loopback, in a thread of this process.

It holds no state of any conversation. It counts requests by path, and remembers the newest ones if asked to.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter, deque
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness.models.scripted import Fault, Script, line
from harness.models.scripted_wires import WIRES, Event, Wire, counts

MAX_BODY = 64 << 20


class Server:
    """A running server. `requests` are the newest ones as (path, headers, body), as many as `remember` says."""

    def __init__(self, remember: int = 0) -> None:
        self.scripts: dict[str, Script] = {}
        self.counts: Counter[str] = Counter()
        self.requests: deque[tuple[str, dict[str, str], dict[str, Any]]] = deque(maxlen=remember)
        self.http = _Http(("127.0.0.1", 0), _Handler)
        self.http.owner = self
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), name="scripted-server", daemon=True).start()

    def add(self, name: str, script: Script) -> str:
        """Play `script` for the model called `name`; return the server's URL."""
        self.scripts[name] = script
        return self.url

    def close(self) -> None:
        """Stop, and free the port."""
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
    request_queue_size = 256
    owner: Server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", "0"))
        wire = WIRES.get(self.path)
        if size > MAX_BODY or wire is None:
            self.close_connection = True
            return self._answer(413 if wire else 404, {"error": {"message": f"{self.path}: no such path, or too much"}})
        body = json.loads(self.rfile.read(size))
        owner = self.server.owner
        owner.counts[self.path] += 1
        owner.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self._play(wire, body)

    def _play(self, wire: Wire, body: dict[str, Any]) -> None:
        script = self.server.owner.scripts.get(body["model"])
        if script is None:
            return self._answer(404, wire.error(404, f"no model {body['model']}"))
        if problem := wire.problem(body):
            return self._answer(400, wire.error(400, problem))
        number = wire.answered(body)
        chosen = line(script, number, wire.asked(body))
        fault = dict(enumerate(chosen.faults)).get(int(self.headers.get("x-stainless-retry-count", "0")))
        if fault and fault.status:
            return self._refuse(wire, fault, fault.status)
        self._stream(wire, wire.events(body["model"], number, chosen, counts(body, chosen)), fault)

    def _refuse(self, wire: Wire, fault: Fault, status: int) -> None:
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        self._answer(status, wire.error(status, f"the script says {status}"), headers)

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for key, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, wire: Wire, events: list[Event], fault: Fault | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events[: len(events) // 2] if fault else events:
            self._chunk(_sse(event))
        if fault and fault.stream == "error":
            self._chunk(_sse(("error", wire.error(529, "the script says error"))))
        if fault and fault.stream == "drop":
            self.close_connection = True
        else:
            self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        # A client that has given up may be gone already; that is no fault of the server.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: requests are counted, not logged."""


def _sse(event: Event) -> bytes:
    name, data = event
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()
