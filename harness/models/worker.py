"""The process that sends requests of many trials: reads a body from a line, asks the provider, and says what came.

Its first end is `control`, on which each byte brings a line. It ends when that does, whatever the harness ended of, and
holds nothing that anybody would miss. Messages to it, on any line:

    ("load", spec)                    make that model now, so that the first request need not wait for it
    ("ask", spec, body, number)       attempt `number` of a request; answered by messages
    ("abort", spec)                   end that model's requests, and take no more

and from it, for an "ask" only: at most one `("accepted", headers)` as soon as the provider begins to answer, then one
of `("turn", Turn)`, `("failed", fields of AttemptFailed)`, and `("raised", text)`, a fault of ours. A spec is a pickled
(id, function that makes the model); it is unlike every other model's.
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any

from harness.errors import ConfigError
from harness.models import retry, sdk
from harness.models.lines import Gone, Line
from harness.secrets import redacted
from harness.types import Turn

PATIENCE = 0.05  # seconds that a thread may hold the interpreter, as in harness.executors.threads
GARBAGE = (200_000, 20, 20)  # and how rarely it looks for garbage


def main(control: int) -> None:
    """Serve lines until the harness is gone; never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the harness's to hear; it closes us
    sys.setswitchinterval(PATIENCE)
    gc.set_threshold(*GARBAGE)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a request has two: its line, and its connection
    models = Models()
    with socket.socket(fileno=control) as end:
        while True:
            data, handles, _, _ = socket.recv_fds(end, 1, 1)
            if not data:
                os._exit(0)  # at once: threads may be reading answers that nobody waits for
            for handle in handles:
                line = Line(socket.socket(fileno=handle))
                threading.Thread(target=serve, args=(line, models), daemon=True).start()


class Models:
    """The models made so far, by their spec."""

    def __init__(self) -> None:
        self.lock, self.made = threading.Lock(), dict[bytes, sdk.SdkModel]()

    def get(self, spec: bytes) -> sdk.SdkModel:
        """Return a model, made at the first call. Raises ConfigError."""
        with self.lock:
            if spec not in self.made:
                _, make = pickle.loads(spec)
                self.made[spec] = make()
                gc.freeze()  # the SDK's modules stay: no need to look through them again and again
            return self.made[spec]


def serve(line: Line, models: Models) -> None:
    """Do what a line asks for, until its other end is closed."""
    with closing(line), suppress(Gone):
        while True:
            kind, spec, *rest = line.receive()
            if kind == "ask":
                answer(line, models, spec, *rest)
            else:
                prepare(models, kind, spec)


def prepare(models: Models, kind: str, spec: bytes) -> None:
    """Make a model, or end its requests. A model that cannot be made is told to the first that asks it."""
    try:
        model = models.get(spec)
    except ConfigError:
        return
    if kind == "abort":
        model.close()


def answer(line: Line, models: Models, spec: bytes, body: bytes, number: int) -> None:
    """Make an attempt and say what came of it. Raises Gone when nobody listens any more."""
    told: tuple[Any, ...] | None = None
    try:
        told = outcome(line, models, spec, body, number)
    finally:
        # Whatever else was raised: who waits is to raise it, and not to take it for a broken connection.
        if told is None and not isinstance(sys.exception(), Gone):
            told = ("raised", redacted(traceback.format_exc()))
        if told is not None:
            line.send(*told)


def outcome(line: Line, models: Models, spec: bytes, body: bytes, number: int) -> tuple[str, Turn | dict[str, Any]]:
    """Make an attempt, and return the last message about it."""
    try:
        model = models.get(spec)
        if model.stop.is_set():
            raise retry.AttemptFailed("the run is ending", retry=True)
        return "turn", sdk.attempt(model, body, number, Told(line))
    except ConfigError as error:  # what was there when the run began (a key, a profile) is gone
        return "failed", retry.AttemptFailed(str(error), retry=False).fields()
    except retry.AttemptFailed as error:
        return "failed", error.fields()


class Told:
    """A permit whose owner is at the other end of the line."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def accepted(self, headers: Mapping[str, str]) -> None:
        """The provider has begun to answer."""
        self.line.send("accepted", dict(headers))
