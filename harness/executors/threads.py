"""Threads of this process. Items start in their order; results come as they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from typing import Any


@contextmanager
def threads(workers: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """Yield a map over `workers` threads.

    An item is taken only when a thread is free and the caller has had every earlier result, so an iterator that ends
    early (a budget is spent) ends the map. When the block is left by an exception (Ctrl-C) nothing more starts, and
    what runs is not waited for: the caller ends it by closing what it works on.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="trial")
    try:
        yield lambda function, items: _map(pool, workers, function, items)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _map(pool: ThreadPoolExecutor, workers: int, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    waiting = iter(items)
    running: set[Future[Any]] = {pool.submit(function, item) for item in islice(waiting, workers)}
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
        running |= {pool.submit(function, item) for item in islice(waiting, len(done))}
