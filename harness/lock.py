"""A lock that the kernel lets go when its process dies, however it dies.

The file stays where it is: removing it would let two processes hold two files of one name. What it says is for people;
what counts is flock(2), which also two containers that share a disk obey.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import HarnessError, ResultsError

EXIT_LOCKED = 75  # EX_TEMPFAIL of sysexits.h: try again later
RUN_LOCK = "run.lock"  # in a run's folder
MOST = 4096  # bytes of a lock file that are read


class Locked(HarnessError):
    """Another process holds the lock. The message names its process id, host and start."""

    exit_code = EXIT_LOCKED


@contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """Hold the lock of a file while the block runs; its folder is made. `what` says in words what is under way.

    Raises Locked at once when another process holds it, ResultsError when the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ResultsError(f"{path}: cannot be locked ({error.strerror}); mend the rights, or free the disk") from error
    try:
        _take(handle, path, what)
        yield
    finally:
        os.close(handle)  # lets the lock go


@contextmanager
def of_a_run(folder: Path) -> Iterator[None]:
    """Hold a run that is on disk, so that no two commands carry it out at the same time. Raises Locked."""
    if not folder.is_dir():
        yield
        return
    with held(folder / RUN_LOCK, f"run {folder.name}"):
        yield


def _take(handle: int, path: Path, what: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = _holder(os.pread(handle, MOST, 0))
        raise Locked(f"{what} is under way already: {path} is held by {holder}. Wait for it, or end it.") from error
    except OSError as error:
        raise ResultsError(f"{path}: this file system has no locks ({error.strerror}); take another folder") from error
    note = {"pid": os.getpid(), "host": platform.node(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
    os.ftruncate(handle, 0)
    os.pwrite(handle, (json.dumps(note) + "\n").encode(), 0)


def _holder(note: bytes) -> str:
    """Who holds a lock, in words; a note that is half written says nothing."""
    try:
        told = json.loads(note)
        return f"process {int(told['pid'])} on {told['host']}, since {told['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
