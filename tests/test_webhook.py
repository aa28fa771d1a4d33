"""A webhook that answers, refuses, hangs, drips or points elsewhere: told in bounded time, and never a crash."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from harness import webhook
from harness.webhook import Bounds

QUICK = Bounds(attempts=3, request_seconds=0.5, longest_wait=0.01, total_seconds=20.0)
Answer = Callable[[BaseHTTPRequestHandler], None]


class Hook:
    """A local server whose answers are played in order, the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.bodies, self.heads = list(answers), [], []
        self.ended = threading.Event()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.heads.append(dict(self.headers))
                hook.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                answer = hook.answers.pop(0) if len(hook.answers) > 1 else hook.answers[0]
                answer(self)

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/services/T0/very-secret"

    def hang(self, _: BaseHTTPRequestHandler) -> None:
        self.ended.wait(60)

    def drip(self, handler: BaseHTTPRequestHandler) -> None:
        """Headers without an end, a byte now and then: no time-out between two bytes strikes."""
        while not self.ended.wait(0.05):
            handler.wfile.write(b"X")
            handler.wfile.flush()


def status(code: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", "0")
        handler.end_headers()

    return answer


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Hook]]:
    """Start hooks; they end with the test."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    hooks: list[Hook] = []

    def start(*answers: Answer) -> Hook:
        hooks.append(Hook(*answers))
        threading.Thread(target=hooks[-1].http.serve_forever, args=(0.01,), daemon=True).start()
        return hooks[-1]

    yield start
    for hook in hooks:
        hook.ended.set()
        hook.http.shutdown()
        hook.http.server_close()


def test_it_is_told_as_json(serve: Callable[..., Hook]) -> None:
    hook = serve(status(204))
    assert (
        webhook.post(hook.url, {"text": "nightly: fine – ok", "m": 1.5}, QUICK) == "webhook: 127.0.0.1: told (HTTP 204)"
    )
    assert hook.bodies == [{"text": "nightly: fine – ok", "m": 1.5}]
    assert hook.heads[0]["content-type"] == "application/json"
    assert hook.heads[0]["user-agent"].startswith("backend-harness/")


def test_a_server_in_trouble_is_asked_again(serve: Callable[..., Hook]) -> None:
    hook = serve(status(500), status(429, retry_after="0"), status(200))
    assert webhook.post(hook.url, {"text": "x"}, QUICK).endswith("told (HTTP 200)")
    assert hook.bodies == [{"text": "x"}] * 3


def test_it_gives_up_after_so_many_attempts(serve: Callable[..., Hook]) -> None:
    hook = serve(status(503))
    assert webhook.post(hook.url, {}, QUICK).endswith("not told: it answered HTTP 503 (after 3 attempts)")
    assert len(hook.bodies) == 3


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
def test_a_refusal_is_not_repeated(serve: Callable[..., Hook], code: int) -> None:
    hook = serve(status(code))
    assert webhook.post(hook.url, {}, QUICK).endswith(f"not told: it answered HTTP {code}")
    assert len(hook.bodies) == 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(serve: Callable[..., Hook], code: int) -> None:
    elsewhere = serve(status(200))
    hook = serve(status(code, location=elsewhere.url))
    assert "redirect" in webhook.post(hook.url, {"text": "secret"}, QUICK)
    assert (len(hook.bodies), len(elsewhere.bodies)) == (1, 0)


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = webhook.post(f"http://127.0.0.1:{port}/very-secret", {}, QUICK)
    assert "not told: the connection failed (ConnectError) (after 3 attempts)" in told
    assert "very-secret" not in told


def test_a_server_that_hangs(serve: Callable[..., Hook]) -> None:
    hook = serve(status(200))
    hook.answers[:] = [hook.hang, status(200)]
    assert webhook.post(hook.url, {}, QUICK).endswith("told (HTTP 200)")
    assert len(hook.bodies) == 2


def test_no_server_can_hold_the_night_up(serve: Callable[..., Hook]) -> None:
    hook = serve(status(200))
    hook.answers[:] = [hook.drip]
    begun = time.monotonic()
    told = webhook.post(hook.url, {}, Bounds(attempts=1, request_seconds=30.0, longest_wait=0.0, total_seconds=0.5))
    assert told.endswith("given up: not told within 0.5 s")
    assert time.monotonic() - begun < 20


def test_a_retry_after_of_years_is_bounded(serve: Callable[..., Hook]) -> None:
    hook = serve(status(429, retry_after="99999999"), status(200))
    assert webhook.post(hook.url, {}, QUICK).endswith("told (HTTP 200)")


def test_secrets_of_the_environment_stay_here(serve: Callable[..., Hook], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "a-key-of-mine-0123456789")
    hook = serve(status(200))
    webhook.post(hook.url, {"text": "failed: a-key-of-mine-0123456789 was refused", "rows": [{"x": 1}]}, QUICK)
    assert hook.bodies == [{"text": "failed: [secret] was refused", "rows": [{"x": 1}]}]


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("", "must begin"), ("hooks.example.com/x", "must begin"), ("ftp://example.com/x", "must begin"),
        ("https://", "must begin"), ("https://example.com:port/x", "is no address"),
        ("https://[::1/x", "is no address"),
        ("https://example.com/a b", "must not hold"), ("https://example.com/\nx", "must not hold"),
        ("https://example.com/x", ""), ("http://127.0.0.1:9/x", ""),
    ],
)  # fmt: skip
def test_what_is_no_address(url: str, word: str) -> None:
    assert webhook.problem(url).startswith(word)
    if word:
        assert webhook.post(url, {}, QUICK).startswith("webhook: not told: the address ")


def test_the_bounds_hold_together() -> None:
    """Even if every attempt takes its time and every wait is the longest, the whole is bounded by a minute or so."""
    assert webhook.DEFAULT.total_seconds <= 90
