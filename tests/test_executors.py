"""Executors: order of starts, results as they end, faults, budgets, and what an interrupt leaves."""

from __future__ import annotations

import contextlib
import resource
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from harness.executors import REGISTRY


@pytest.mark.parametrize("name", REGISTRY)
def test_every_item_has_one_result(name: str) -> None:
    with REGISTRY[name](3) as carry:
        assert sorted(carry(lambda n: n * n, range(20))) == [n * n for n in range(20)]
        assert list(carry(str, [])) == []


@pytest.mark.parametrize("name", REGISTRY)
def test_items_start_in_order(name: str) -> None:
    started: list[int] = []
    with REGISTRY[name](1) as carry:
        list(carry(started.append, range(10)))
    assert started == list(range(10))


def test_threads_run_side_by_side() -> None:
    barrier = threading.Barrier(4, timeout=10)
    with REGISTRY["threads"](4) as carry:
        list(carry(lambda _: barrier.wait(), range(8)))  # would break if fewer than four met


def test_results_come_as_they_end() -> None:
    release = threading.Event()

    def work(name: str) -> str:
        if name == "slow":
            assert release.wait(10)
        return name

    with REGISTRY["threads"](2) as carry:
        results = carry(work, ["slow", "quick"])
        assert next(results) == "quick"
        release.set()
        assert list(results) == ["slow"]


@pytest.mark.parametrize("name", REGISTRY)
def test_an_item_is_taken_only_after_the_caller_had_the_results_before(name: str) -> None:
    """A budget works: the caller adds up what came back before the next item is asked for."""
    seen: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            if len(seen) >= 5:
                return
            yield number

    with REGISTRY[name](1) as carry:
        for result in carry(lambda n: n, items()):
            seen.append(result)
    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", REGISTRY)
def test_faults_reach_the_caller(name: str) -> None:
    def fail(_: int) -> None:
        raise ValueError("from the work")

    with pytest.raises(ValueError, match="from the work"), REGISTRY[name](2) as carry:
        list(carry(fail, range(3)))


def test_interrupt_starts_nothing_more_and_does_not_wait() -> None:
    started: list[int] = []
    release = threading.Event()

    def work(number: int) -> int:
        started.append(number)
        if number:
            release.wait(10)
        return number

    begun = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt), REGISTRY["threads"](2) as carry:
        for _ in carry(work, range(50)):
            raise KeyboardInterrupt
    assert time.monotonic() - begun < 5
    release.set()
    time.sleep(0.1)
    assert set(started) <= {0, 1}


def test_many_threads_hold_the_interpreter_longer_and_leave_it_as_it_was() -> None:
    before = sys.getswitchinterval()
    for workers, longer in ((4, False), (200, True)):
        with REGISTRY["threads"](workers) as carry:
            assert list(carry(lambda _: sys.getswitchinterval() > before, [0])) == [longer]
        assert sys.getswitchinterval() == before


def test_many_threads_may_open_as_many_files_as_they_need() -> None:
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, most))
    try:
        for workers, allowed in ((2, 300), (200, min(256 + 16 * 200, most))):
            with REGISTRY["threads"](workers) as carry:
                assert list(carry(lambda _: resource.getrlimit(resource.RLIMIT_NOFILE)[0], [0])) == [allowed]
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (300, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))
