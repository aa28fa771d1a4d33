"""A second process for work that needs a large run's records: forked, since handing them over takes as long as it does.

A fork copies whatever lock another thread holds, so it is only done where there is no other thread; else, and where it
would not pay, the work is done first and by this process.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOST = 10_000  # characters of a text


@contextmanager
def beside(work: Callable[[], None], worth: bool) -> Iterator[None]:
    """Carry out `work` while the body runs, and wait for it.

    What it raises as an OSError is raised here, and any other end but its own as a RuntimeError.
    """
    if not worth or threading.active_count() > 1 or not hasattr(os, "fork"):
        work()
        yield
        return
    child, told = _forked(work)
    try:
        yield
    finally:
        problem = _end_of(child, told)
    if problem:
        raise problem


def _forked(work: Callable[[], None]) -> tuple[int, int]:
    """The process, and where it tells what went wrong: the number of an OSError or 0, and a text."""
    told, tell = os.pipe()
    child = os.fork()
    if child:
        os.close(tell)
        return child, told
    code = 1
    try:
        work()
        code = 0
    finally:
        error = sys.exception()
        if isinstance(error, OSError):
            os.write(tell, f"{error.errno or errno.EIO} {error.strerror or error}"[:MOST].encode())
        elif error:
            os.write(tell, f"0 {traceback.format_exc()[-MOST:]}".encode("utf-8", "replace"))
        os._exit(code)  # neither buffers nor exit handlers of the parent are this process's to run


def _end_of(child: int, told: int) -> Exception | None:
    """Wait for the process; what kept it from its work, if anything did."""
    with open(told, "rb") as file:
        number, _, text = file.read().decode().partition(" ")
    _, status = os.waitpid(child, 0)
    if number not in ("", "0"):
        return OSError(int(number), text)
    return RuntimeError(f"a process of the report did not come to its end: {text or status}") if status else None
