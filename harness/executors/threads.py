"""Threads of this process. Items start in their order; results come as they end."""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from queue import SimpleQueue
from typing import Any

MANY, PATIENCE = 32, 0.05  # threads; seconds
GARBAGE = (200_000, 20, 20)  # objects made before they are looked through for cycles, and how often the older ones are
FILES, FILES_EACH = 256, 16  # open files of the process, and of a trial: its journal, connections, pipes of a sandbox


@contextmanager
def threads(workers: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """Yield a map over `workers` threads.

    An item is taken only when a thread is free and the caller has had every earlier result, so an iterator that ends
    early (a budget is spent) ends the map. When the block is left by an exception (Ctrl-C) nothing more starts, and
    what runs is not waited for: the caller ends it by closing what it works on.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="trial")
    try:
        with _patient(workers), _roomy(workers):
            yield lambda function, items: _map(pool, workers, function, items)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _patient(workers: int) -> Iterator[None]:
    """Let threads hold the interpreter longer when there are many, and look for garbage less often.

    Each thread that waits for it wakes up once in an interval to ask for it. With 300 trials at once and the usual 5 ms
    that took four tenths of all processor time. Hundreds of conversations that are all alive were looked through for
    garbage at every few turns; that took another sixth.
    """
    before, garbage = sys.getswitchinterval(), gc.get_threshold()
    if workers > MANY:
        sys.setswitchinterval(PATIENCE)
        gc.set_threshold(*GARBAGE)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
        gc.set_threshold(*garbage)


@contextmanager
def _roomy(workers: int) -> Iterator[None]:
    """Let this process have as many files open as so many trials need; the usual 1024 are not enough for hundreds."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES + workers * FILES_EACH
    allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    if before == resource.RLIM_INFINITY or before >= allowed:
        yield
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def _map(pool: ThreadPoolExecutor, workers: int, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    # A queue, and not concurrent.futures.wait, which looks at every running item each time that one has ended.
    waiting, ended = iter(items), SimpleQueue[Future[Any]]()

    def start(count: int) -> int:
        started = [pool.submit(function, item) for item in islice(waiting, count)]
        for future in started:
            future.add_done_callback(ended.put)
        return len(started)

    running = start(workers)
    while running:
        done = [ended.get()]
        while not ended.empty():
            done.append(ended.get())
        for future in done:
            yield future.result()
        running += start(len(done)) - len(done)
