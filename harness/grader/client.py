"""An HTTP client that a hostile server can neither hold, nor flood, nor crash.

One connection for each request. A call has one deadline from connect to the last byte, however slowly bytes drip, and
one cap on all bytes received, headers and informational answers included. Redirects are not followed unless asked,
compression is never asked for and never undone. Whatever goes wrong is a ServiceError: the service's fault.
"""

from __future__ import annotations

import contextlib
import io
import json
import socket
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

BODY_CAP = 4 << 20
HEAD_CAP = 256 << 10
REDIRECTS = 5
NO_BODY = ("GET", "HEAD", "OPTIONS")


class ServiceError(Exception):
    """The service refused, timed out, or sent something that is not HTTP (or not the JSON or text it claims)."""


class Headers(Mapping[str, str]):
    """Answer headers; names are case-insensitive. `all(name)` gives every value of a repeated header."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [v for k, v in self.pairs if k.lower() == name.lower()]

    def __getitem__(self, name: str) -> str:
        values = self.all(name)
        if not values:
            raise KeyError(name)
        return values[0]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(k.lower() for k, _ in self.pairs))

    def __len__(self) -> int:
        return len({k.lower() for k, _ in self.pairs})

    def __repr__(self) -> str:
        return repr(dict(self))


class Reply:
    """An answer: `status`, `headers`, `body` (bytes), `elapsed` (seconds); `text` and `json()` check what they read."""

    def __init__(self, status: int, headers: Headers, body: bytes, elapsed: float, url: str) -> None:
        self.status, self.headers, self.body, self.elapsed, self.url = status, headers, body, elapsed, url

    @property
    def text(self) -> str:
        """The body as UTF-8. Raises ServiceError if it is not."""
        try:
            return self.body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ServiceError(f"{self.url}: the body is not UTF-8: {error}") from error

    def json(self) -> Any:
        """The body as strict JSON (no NaN). Raises ServiceError if it is not, or is nested too deep."""
        try:
            return json.loads(self.text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ServiceError(f"{self.url}: the body is not JSON ({error}): {self.body[:200]!r}") from error

    def __repr__(self) -> str:
        return f"<{self.status} {self.body[:300]!r}>"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class _Stream(io.RawIOBase):
    """The receiving side of a socket with a deadline and a cap on all that it ever gives."""

    def __init__(self, sock: socket.socket, deadline: float, cap: int) -> None:
        self.sock, self.deadline, self.left = sock, deadline, cap

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.left <= 0:
            raise ServiceError("the answer is larger than the cap")
        self.sock.settimeout(remaining(self.deadline))
        count = self.sock.recv_into(memoryview(buffer)[: self.left])
        self.left -= count
        return count

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """HTTPResponse asks its socket for a file; this is both."""
        return io.BufferedReader(self, 65_536)


def remaining(deadline: float) -> float:
    """Seconds left until a time.monotonic() deadline; raises TimeoutError when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the total deadline passed")
    return left


class Client:
    """Speaks HTTP to one base URL. Safe to share between threads."""

    def __init__(self, url: str, agent: str = "curl/8.5.0") -> None:
        parts = urlsplit(url)
        self.url, self.host, self.port = url.rstrip("/"), parts.hostname or "", parts.port or 80
        self.agent = agent

    def get(self, path: str, **options: Any) -> Reply:
        """GET; see `request`."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Reply:
        """POST; see `request`."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Reply:
        """PUT; see `request`."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Reply:
        """PATCH; see `request`."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Reply:
        """DELETE; see `request`."""
        return self.request("DELETE", path, **options)

    def request(
        self, method: str, path: str, *, params: Any = None, json: Any = ..., data: bytes | str | None = None,
        headers: Mapping[str, str | None] | None = None, timeout: float = 5.0, follow: bool = False,
    ) -> Reply:  # fmt: skip
        """Send one request and read the whole answer.

        `json` is sent as JSON, `data` as it is; a header of None takes a default header away. `timeout` is the total,
        in seconds. Raises ServiceError.
        """
        target = quote(path, safe="/?&=%:@!$'()*+,;~-._#[]") + (
            ("&" if "?" in path else "?") + urlencode(params, doseq=True) if params else ""
        )
        body, fields = self._body(method, json, data)
        fields.update(headers or {})
        deadline = time.monotonic() + timeout
        reply = self._exchange(method, target, fields, body, deadline)
        hops = 0
        while follow and reply.status in (301, 302, 303, 307, 308) and "location" in reply.headers and hops < REDIRECTS:
            hops += 1
            target = self._next(target, reply.headers["location"])
            if reply.status == 303:
                method, body = "GET", b""
            reply = self._exchange(method, target, fields, body, deadline)
        return reply

    def _next(self, target: str, location: str) -> str:
        """The path of a redirect, which must stay on this service."""
        parts = urlsplit(urljoin(self.url + target, location))
        if (parts.hostname, parts.port or 80) != (self.host, self.port):
            raise ServiceError(f"a redirect leaves the service: {location[:200]!r}")
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def _body(self, method: str, value: Any, data: bytes | str | None) -> tuple[bytes, dict[str, str | None]]:
        fields: dict[str, str | None] = {"Host": f"{self.host}:{self.port}", "User-Agent": self.agent, "Accept": "*/*"}
        body = data.encode() if isinstance(data, str) else data or b""
        if value is not ...:
            body = json.dumps(value).encode()
            fields["Content-Type"] = "application/json"
        if body or method not in NO_BODY:
            fields["Content-Length"] = str(len(body))
        return body, fields

    def _exchange(
        self, method: str, target: str, fields: Mapping[str, str | None], body: bytes, deadline: float
    ) -> Reply:
        lines = [f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items() if v is not None)]
        head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8")
        begun = time.monotonic()
        try:
            with socket.create_connection((self.host, self.port), remaining(deadline)) as sock:
                return self._converse(sock, method, target, head + body, deadline, begun)
        except (OSError, HTTPException, ValueError) as error:
            raise ServiceError(f"{method} {target[:200]}: {type(error).__name__}: {error}") from error

    def _converse(
        self, sock: socket.socket, method: str, target: str, message: bytes, deadline: float, begun: float
    ) -> Reply:
        sock.settimeout(remaining(deadline))
        # A server may answer and close before it has read a body that it refuses.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(message)
        response = HTTPResponse(_Stream(sock, deadline, BODY_CAP + HEAD_CAP), method=method)  # type: ignore[arg-type]
        response.begin()
        received = response.read(BODY_CAP + 1)
        if len(received) > BODY_CAP:
            raise ServiceError("the body is larger than the cap")
        if response.length:
            raise ServiceError("the body is shorter than its Content-Length")
        elapsed = time.monotonic() - begun
        return Reply(response.status, Headers(response.getheaders()), received, elapsed, f"{method} {target[:200]}")
