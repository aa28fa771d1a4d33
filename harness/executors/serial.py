"""One after the other in the calling thread: for debugging, and where order matters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def serial(workers: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """Yield the builtin map. `workers` is there for the protocol: it is always one."""
    yield map
