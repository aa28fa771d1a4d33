"""Processes that send the requests of many trials, so that more than one processor does; docs/decisions/0016 says why.

Only a request and the reading of its answer are theirs: the limiter, the retries, the journal, the budget stay here. A
thread that asks has a line of its own to a process while it does, and waits for what comes on it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from harness.models import retry
from harness.models.lines import Gone, Line
from harness.models.sdk import Accepting
from harness.types import Turn

MANY = 32  # trials at once; fewer are carried by one process
MOST = 4  # processes: what the harness itself does for a turn feeds no more
LATE_SECONDS = 60.0  # beyond the time of an attempt, which the process keeps; then it has hung
MOST_STILLBORN = 3  # processes that ended before they answered anything; then the harness sends by itself
PATH = "import json, sys; sys.path[:] = json.loads(sys.argv[1])"  # what can be imported here can be there
SERVE = "from harness.models import worker; worker.main(0)"


def started(trials: int, specs: Sequence[bytes]) -> Workers | None:
    """Start as many processes as serve so many trials at once best; None when this one does, or none can be started."""
    if trials < MANY:
        return None
    with suppress(OSError):
        return Workers(min(processors(), MOST), specs)
    return None


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(eq=False)
class Worker:
    """A process, the lines to it that nobody uses now, and its requests: under way, and all so far."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    idle: list[Line] = field(default_factory=list)
    busy: int = 0
    taken: int = 0
    answered: bool = False
    ended: bool = False

    @contextmanager
    def lent(self) -> Iterator[Line]:
        """A line for a block. One that the block leaves by an exception is closed: an answer may be on its way."""
        line = self._idle() or self.line()
        try:
            yield line
        except BaseException:
            line.close()
            raise
        self.idle.append(line)
        if self.ended:
            self._close_idle()

    def line(self) -> Line:
        """Open another line. Raises Gone, and AttemptFailed when there is none to be had here (too many open files)."""
        try:
            here, there = socket.socketpair()
        except OSError as error:
            raise retry.AttemptFailed(f"no connection to another process: {error}", retry=True) from error
        with there:
            try:
                socket.send_fds(self.control, [b"l"], [there.fileno()])
            except OSError as error:
                here.close()
                raise Gone(str(error)) from error
        return Line(here)

    def _idle(self) -> Line | None:
        with suppress(IndexError):  # others take from it too
            return self.idle.pop()
        return None

    def tell(self, kind: str, spec: bytes) -> None:
        """Send what is not answered. That a process is gone shows when it is asked."""
        with suppress(Gone, retry.AttemptFailed), closing(self.line()) as line:
            line.send(kind, spec)

    def end(self) -> None:
        """Kill the process: it holds nothing, and those who wait for it get an error at once."""
        self.ended = True
        self.process.kill()
        self.process.wait()
        self.control.close()
        self._close_idle()

    def _close_idle(self) -> None:
        while line := self._idle():
            line.close()


class Workers:
    """So many processes until `close`. All methods may be called from any thread."""

    def __init__(self, count: int, specs: Sequence[bytes] = ()) -> None:
        """Start the processes, which make the models of `specs` meanwhile. Raises OSError."""
        self.count, self.specs = count, specs
        self.lock = threading.Lock()
        self.stillborn, self.closed = 0, False
        self.all: list[Worker] = []
        try:
            for _ in range(count):
                self.all.append(self._start())
        except OSError:
            self.close()
            raise

    @property
    def broken(self) -> bool:
        """Whether no process can be kept running, so that requests are better sent without."""
        return not self.closed and (not self.all or self.stillborn >= MOST_STILLBORN)

    def attempt(self, spec: bytes, body: bytes, number: int, permit: Accepting, seconds: float) -> Turn:
        """Let a process make attempt `number` of a request, in so many seconds. Raises AttemptFailed."""
        sent = False
        with self._least_busy() as worker:
            try:
                with worker.lent() as line:
                    line.patience(seconds + LATE_SECONDS)
                    line.send("ask", spec, body, number)
                    sent = True
                    told = answer(line, permit)
            except Gone as error:
                self._replace(worker)
                raise lost(error, sent) from error
            worker.answered = True
        return turn_of(told)

    def abort(self, spec: bytes) -> None:
        """End a model's requests in all processes; those who wait for one get AttemptFailed."""
        with self.lock:
            found = list(self.all)
        for worker in found:
            worker.tell("abort", spec)

    def close(self) -> None:
        """End the processes, and with them whatever is still under way."""
        with self.lock:
            self.closed, found, self.all = True, self.all, []
        for worker in found:
            worker.end()

    @contextmanager
    def _least_busy(self) -> Iterator[Worker]:
        """The process with the fewest requests, which has one more in the block. Raises AttemptFailed when closed."""
        with self.lock:
            if not self.all:
                raise retry.AttemptFailed("the processes that send requests have ended", retry=True)
            worker = min(self.all, key=lambda found: (found.busy, found.taken))
            worker.busy, worker.taken = worker.busy + 1, worker.taken + 1
        try:
            yield worker
        finally:
            with self.lock:
                worker.busy -= 1

    def _replace(self, worker: Worker) -> None:
        """Put a new process in the place of one that is gone, or has hung; the first who sees it does."""
        with self.lock:
            if worker not in self.all:
                return
            self.all.remove(worker)
            self.stillborn = 0 if worker.answered else self.stillborn + 1
            if self.stillborn < MOST_STILLBORN:
                with suppress(OSError):
                    self.all.append(self._start())
        worker.end()

    def _start(self) -> Worker:
        here, there = socket.socketpair()
        Line(here).patience(LATE_SECONDS)
        with there:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", f"{PATH}; {SERVE}", json.dumps(sys.path)],
                stdin=there.fileno(), stdout=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        made = Worker(process, here)
        for spec in self.specs:
            made.tell("load", spec)
        return made


def answer(line: Line, permit: Accepting) -> tuple[Any, ...]:
    """Wait for the last message about a request; pass on that the provider has accepted it. Raises Gone."""
    while (told := line.receive())[0] == "accepted":
        permit.accepted(told[1])
    return told


def turn_of(told: tuple[Any, ...]) -> Turn:
    """Return the turn that a message holds. Raises AttemptFailed, and RuntimeError for a fault of ours."""
    kind, found = told
    if kind == "failed":
        raise retry.AttemptFailed(**found)
    if kind == "raised":
        raise RuntimeError(f"in a process that sends requests:\n{found}")
    turn: Turn = found
    return turn


def lost(error: Gone, sent: bool) -> retry.AttemptFailed:
    """What becomes of a request whose process is gone: another attempt. Once sent, it may have cost something."""
    return retry.AttemptFailed(f"the process that sent the request is gone: {error}", retry=True, metered=not sent)
