"""A lock between processes: refused while it is held, free again however its holder ended."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import ResultsError
from harness.lock import EXIT_LOCKED, RUN_LOCK, Locked, held, of_a_run

HOLDER = """
import sys
from pathlib import Path
from harness.lock import held
with held(Path(sys.argv[1]), "a night of test"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its standard input ends."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "results" / "lock"
    with holder(path) as process:
        words = f"a night of test is under way already.*process {process.pid} on"
        with pytest.raises(Locked, match=words) as told, held(path, "a night of test"):
            pytest.fail("two processes hold one lock")
        assert platform.node() in str(told.value)
        assert "since 20" in str(told.value)
        assert told.value.exit_code == EXIT_LOCKED == 75


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as process:
        process.kill()
        process.wait()
        with held(path, "a night"):
            assert f'"pid": {os.getpid()}' in path.read_text()


def test_the_lock_is_free_after_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with held(tmp_path / "lock", "a night"):
            pass
    with pytest.raises(ZeroDivisionError), held(tmp_path / "lock", "a night"):
        _ = 1 // 0
    with held(tmp_path / "lock", "a night"):
        pass


def test_a_child_that_outlives_its_parent_does_not_keep_the_lock(tmp_path: Path) -> None:
    with held(tmp_path / "lock", "a night"):
        child = subprocess.Popen(["sleep", "60"])
    try:
        with held(tmp_path / "lock", "a night"):
            pass
    finally:
        child.kill()
        child.wait()


def test_two_holders_in_one_process(tmp_path: Path) -> None:
    with held(tmp_path / "lock", "a night"), pytest.raises(Locked), held(tmp_path / "lock", "a night"):
        pytest.fail("one lock was taken twice")


@pytest.mark.parametrize("note", [b"", b"{", b"\xff\xfe", b"[]", b'{"pid": "x", "host": "h", "since": "s"}'])
def test_a_note_that_says_nothing_is_no_crash(tmp_path: Path, note: bytes) -> None:
    path = tmp_path / "lock"
    with holder(path):
        path.write_bytes(note)
        with pytest.raises(Locked, match="held by another process"), held(path, "a night"):
            pytest.fail("the lock was taken")


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="cannot be locked"), held(tmp_path / "file" / "lock", "a night"):
        pytest.fail("the lock was taken")


def test_a_run_is_held_only_when_it_is_there(tmp_path: Path) -> None:
    with of_a_run(tmp_path / "new"):
        assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    with of_a_run(tmp_path / "old"), pytest.raises(Locked, match="run old"), of_a_run(tmp_path / "old"):
        pytest.fail("one run was taken twice")
    assert (tmp_path / "old" / RUN_LOCK).exists()
