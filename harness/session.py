"""An open sandbox: chosen, cleared of what dead processes left, and closed whatever happens."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from harness import sandboxes
from harness.errors import NotAvailable
from harness.grade import images_of
from harness.protocols import Sandbox
from harness.types import Task


@contextmanager
def open_sandbox(kind: str, say: Callable[[str], None]) -> Iterator[Sandbox]:
    """Yield the sandbox of a kind; at the end every cell that is still open is closed, so that nothing outlives us.

    While it is open SIGTERM acts as Ctrl-C does. Raises ConfigError or NotAvailable as `sandboxes.choose` does.
    """
    with sigterm_interrupts():
        sandbox = sandboxes.choose(kind, say)
        gone = sandbox.reap()
        if gone:
            say(f"sandbox: removed what an earlier process left: {', '.join(gone)}")
        try:
            yield sandbox
        finally:
            sandbox.close()


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Make SIGTERM raise KeyboardInterrupt, as Ctrl-C does; only the main thread can, elsewhere this does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def prepare(sandbox: Sandbox, tasks: Iterable[Task], say: Callable[[str], None]) -> None:
    """Make the images that tasks need. Raises NotAvailable for a task that the sandbox cannot serve."""
    needed: set[str] = set()
    for task in tasks:
        reason = sandbox.refuses(task)
        if reason:
            raise NotAvailable(f"task {task.id} cannot run on the {sandbox.kind} sandbox: {reason}")
        needed |= images_of(task)
    sandbox.prepare(sorted(needed), say)
