"""The shared limiter: who waits, how long, in what order; and two candidates under one limit of requests."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from harness.models import limits, retry, scripted, scripted_server, workers
from harness.models.limits import Limiter, Meter, Starved, Stopped
from harness.models.scripted import Script
from harness.progress import Progress
from harness.types import Message, Settings, ToolResult, Turn

NEVER = threading.Event()


def enter(line: Limiter, stack: ExitStack) -> limits.Permit:
    return stack.enter_context(line.permit(line.ticket(), NEVER, 60.0))


def refuse(line: Limiter, wait: float | None = None, longest: float = 120.0) -> None:
    with ExitStack() as stack:
        enter(line, stack).refused(wait, longest, everyone=True)


def rush(line: Limiter, count: int) -> list[float]:
    """Make so many requests at once, all accepted; returns when each was let through."""

    def go(_: int) -> float:
        with line.permit(line.ticket(), NEVER, 60.0) as permit:
            started = time.monotonic()
            permit.accepted({})
        return started

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(go, range(count)))


def timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


# --- waits -----------------------------------------------------------------------------------------------------------


def test_nothing_is_limited_before_the_provider_says_so() -> None:
    line = Limiter("p")
    with ExitStack() as stack:
        assert timed(lambda: [enter(line, stack) for _ in range(1000)]) < 2
    assert line.words() == ""


def test_a_refusal_makes_everybody_wait() -> None:
    line = Limiter("p")
    refuse(line, 0.3)
    begun = time.monotonic()
    starts = rush(line, 8)
    assert len(starts) == 8
    assert min(starts) - begun >= 0.29


@pytest.mark.parametrize("wait", [3600.0, float("inf"), 864_000.0])
def test_a_wait_is_cut_at_the_longest(wait: float) -> None:
    line = Limiter("p")
    refuse(line, wait, longest=0.1)
    assert timed(lambda: refuse(line, 0.0, longest=0.0)) < 2


@pytest.mark.parametrize("wait", [None, 0.0, -5.0, float("nan"), float("-inf")])
def test_without_a_wait_that_can_be_kept_it_chooses_one_that_doubles(wait: float | None) -> None:
    line, waits = Limiter("p"), []
    for _ in range(4):
        before = time.monotonic()
        refuse(line, wait, longest=0.0)  # not waited for here
        line._resume = line._reduced = before
        waits.append(line._backoff())
    assert all(0.5 * 2**n <= found <= 2**n for n, found in enumerate(waits))


def test_one_request_goes_ahead_after_a_wait_and_the_others_follow_its_answer() -> None:
    line = Limiter("p")
    with ExitStack() as stack:
        some = [enter(line, stack) for _ in range(16)]
        some[0].refused(0.05, 120.0, everyone=True)
    under_way, most = [0], []
    lock, answer = threading.Lock(), threading.Event()

    def go() -> None:
        with line.permit(line.ticket(), NEVER, 60.0) as permit:
            with lock:
                under_way[0] += 1
                most.append(under_way[0])
            answer.wait(10)
            permit.accepted({})
            time.sleep(0.05)
            with lock:
                under_way[0] -= 1

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(go) for _ in range(6)]
        time.sleep(0.4)
        assert most == [1]
        answer.set()
        [job.result() for job in jobs]
    assert len(most) == 6


def test_refusals_of_requests_sent_together_halve_the_number_once_and_answers_raise_it() -> None:
    line = Limiter("p")
    with ExitStack() as stack:
        some = [enter(line, stack) for _ in range(16)]
        for permit in some[:10]:
            permit.refused(None, 0.0, everyone=False)
        assert line._may() == 8
        assert line.words() == "p: 8 of 16 requests at once"
        some[10].accepted({})
        assert line._may() == 8
    for _ in range(40):
        with ExitStack() as stack:
            for permit in [enter(line, stack) for _ in range(line._may())]:
                permit.accepted({})
    assert line._may() > 16


def test_the_number_never_falls_below_one() -> None:
    line = Limiter("p")
    for _ in range(20):
        refuse(line, 0.001)
    with ExitStack() as stack:
        enter(line, stack)
    assert line._may() == 1


def test_who_asked_first_goes_first_also_after_a_refusal() -> None:
    line, order = Limiter("p"), []
    first = line.ticket()
    with ExitStack() as stack:
        enter(line, stack).refused(0.2, 120.0, everyone=True)

    def go(ticket: int, name: str) -> None:
        with line.permit(ticket, NEVER, 60.0):  # one at a time, for nothing says that there may be more
            order.append(name)

    with ThreadPoolExecutor(5) as pool:
        for n in range(4):
            pool.submit(go, line.ticket(), f"later {n}")
            time.sleep(0.02)
        pool.submit(go, first, "the refused one")
    assert order == ["the refused one", "later 0", "later 1", "later 2", "later 3"]


# --- ends ------------------------------------------------------------------------------------------------------------


def test_a_stop_ends_all_waits_at_once() -> None:
    line, stop, ends = Limiter("p"), threading.Event(), []
    refuse(line, 60.0)

    def go() -> None:
        try:
            with line.permit(line.ticket(), stop, 1e9):
                ends.append("went")
        except Stopped:
            ends.append("stopped")

    with ThreadPoolExecutor(20) as pool:
        for _ in range(20):
            pool.submit(go)
        time.sleep(0.2)
        begun = time.monotonic()
        stop.set()
        line.wake()
    assert ends == ["stopped"] * 20
    assert time.monotonic() - begun < 2


def test_patience_ends_when_nobody_is_let_in() -> None:
    line, ends = Limiter("p"), []
    refuse(line, 60.0)

    def go() -> None:
        try:
            with line.permit(line.ticket(), NEVER, 0.3):
                ends.append("went")
        except Starved as error:
            ends.append(str(error))

    with ThreadPoolExecutor(5) as pool:
        begun = time.monotonic()
        for _ in range(5):
            pool.submit(go)
    assert 0.25 <= time.monotonic() - begun < 5
    assert ["no request was accepted" in end for end in ends] == [True] * 5


def test_an_error_in_the_block_gives_the_place_back() -> None:
    line = Limiter("p")
    refuse(line, 0.001)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), line.permit(line.ticket(), NEVER, 9.0):
            raise ZeroDivisionError
    assert (line._under_way, line._unsettled, line._line) == (0, 0, [])


# --- headers ---------------------------------------------------------------------------------------------------------


def anthropic(limit: object, remaining: object, reset: str) -> dict[str, str]:
    parts = zip(("limit", "remaining", "reset"), (limit, remaining, reset), strict=True)
    return {f"anthropic-ratelimit-requests-{part}": str(value) for part, value in parts}


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def openai(limit: object, remaining: object, reset: str) -> dict[str, str]:
    parts = zip(("limit", "remaining", "reset"), (limit, remaining, reset), strict=True)
    return {f"x-ratelimit-{part}-requests": str(value) for part, value in parts}


@pytest.mark.parametrize(
    ("headers", "credit", "rate"),
    [
        (openai(60, 0, "1m0s"), 0, 1.0),
        (openai(5000, 4999, "12ms"), 4999, 1 / 0.012),
        (openai(60, 30, "30"), 30, 1.0),
    ],
)
def test_headers_of_both_providers(headers: dict[str, str], credit: float, rate: float) -> None:
    found = limits.meter(headers, 100.0)
    assert found is not None
    assert (found.credit, found.most) == (credit, float(next(iter(headers.values()))))
    assert found.rate == pytest.approx(rate)


def test_a_reset_told_as_a_time() -> None:
    found = limits.meter(anthropic(50, 20, in_seconds(30)), 100.0)
    assert found is not None
    assert (found.credit, found.most, found.rate) == (20, 50, pytest.approx(1.0, rel=0.1))


@pytest.mark.parametrize(
    "headers",
    [
        {}, openai("x", 0, "1s"), openai(50, -1, "1s"), openai(50, 51, "1s"), openai(50, 0, "soon"),
        openai(50, 0, "-1"), openai("inf", 0, "1s"), openai("nan", "nan", "nan"), openai(50, 0, ""),
        anthropic(50, 0, "2020-01-01T00:00:00Z"), anthropic(50, 0, "2026-01-01T00:00:00"), anthropic(50, 0, "T"),
    ],
)  # fmt: skip
def test_headers_that_say_nothing_useful(headers: dict[str, str]) -> None:
    assert limits.meter(headers, 100.0) is None


def test_an_absurd_reset_is_cut() -> None:
    found = limits.meter(openai(50, 0, "10d"), 100.0)
    assert found is not None
    assert found.ends == 220.0


def test_credit_comes_back_evenly() -> None:
    found = Meter(credit=0, rate=2.0, most=10, at=100.0, ends=105.0)
    assert [found.credit_at(t) for t in (100.0, 101.0, 104.9)] == pytest.approx([0, 2, 9.8])
    assert (found.opens(), found.credit_at(106.0)) == (100.5, float("inf"))


def test_requests_wait_for_what_the_headers_say_remains() -> None:
    line = Limiter("p")
    with ExitStack() as stack:
        enter(line, stack).accepted(openai(10, 2, "800ms"))  # one each 100 ms after those two
    begun = time.monotonic()
    starts = rush(line, 6)
    waited = sorted(start - begun for start in starts)
    assert all(found >= due - 0.02 for found, due in zip(waited, (0, 0, 0.1, 0.2, 0.3, 0.4), strict=True))


# --- one of each in a process ----------------------------------------------------------------------------------------


def test_a_limiter_is_shared_by_provider_address_and_key_and_keeps_no_key() -> None:
    one = limits.shared("p", "http://a/v1/", "key-0123456789")
    assert limits.shared("p", "http://a/v1", "key-0123456789") is one
    others = [
        ("q", "http://a/v1", "key-0123456789"),
        ("p", "http://b/v1", "key-0123456789"),
        ("p", "http://a/v1", "k2"),
    ]
    assert all(limits.shared(*other) is not one for other in others)
    assert "key-0123456789" not in repr(vars(limits.registry()))


def test_listeners_hear_of_a_refusal_in_words() -> None:
    line, heard = Limiter("anthropic"), []
    with limits.listening(heard.append), ExitStack() as stack:
        some = [enter(line, stack) for _ in range(16)]
        some[0].refused(12.0, 120.0, everyone=True)
        some[1].refused(12.0, 120.0, everyone=True)
    assert heard == ["anthropic asked to wait 12 s; 8 of 16 requests at once"]
    refuse(Limiter("other"), 1.0)
    assert len(heard) == 1


def test_the_progress_of_a_run_says_so_on_a_terminal_and_elsewhere() -> None:
    for terminal in (False, True):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
        progress = Progress([], console=console, slowed=lambda: ["anthropic asked to wait 12 s"])
        with progress, limits.listening(progress.tell):
            limits.tell("anthropic asked to wait 12 s; 3 of 16 requests at once")
            shown = console.file.getvalue()  # type: ignore[attr-defined]
            assert ("3 of 16 requests at once\n" in shown) is not terminal
            console.print(progress._picture())
        assert "asked to wait 12 s" in console.file.getvalue()  # type: ignore[attr-defined]


# --- two candidates under one limit ----------------------------------------------------------------------------------

TRIALS, TURNS, REQUESTS, SECONDS = 30, 4, 50, 3.0


@pytest.fixture
def server() -> Iterator[scripted_server.Server]:
    with scripted_server.serve() as running:
        yield running


def converse(model: object) -> int:
    """Play a trial's turns; returns how many attempts failed."""
    messages, failed = [Message(role="user", text="Do it.")], 0
    for _ in range(TURNS):
        turn: Turn = model.complete(messages, [])  # type: ignore[attr-defined]
        results = tuple(ToolResult(call_id=c.id, text="ok") for c in turn.calls)
        messages += [Message(role="assistant", turn=turn), Message(role="tools", results=results)]
        failed += len(turn.failed_attempts)
    return failed


@pytest.mark.parametrize(
    ("wire", "kind", "headers", "far"),
    [
        ("anthropic", "window", False, False), ("openai", "bucket", False, False),
        ("anthropic", "bucket", True, True),  # what the headers tell comes from the processes in time
    ],
)  # fmt: skip
def test_two_candidates_share_a_limit_and_no_trial_fails(
    server: scripted_server.Server, wire: str, kind: str, headers: bool, far: bool, pool: workers.Workers
) -> None:
    limit = {"requests": REQUESTS, "seconds": SECONDS, "kind": kind, "headers": headers}
    turns = [{"calls": [{"tool": "bash", "arguments": {"n": n}}]} for n in range(TURNS)]
    server.add("m", Script.model_validate({"schema": 1, "limit": limit, "latency": 0.02, "turn": turns}))
    policy = retry.RetryPolicy(attempts=2)
    found = [scripted.on_server("m", server.url, wire, Settings(max_tokens=n), policy) for n in (100, 200)]
    for model in found:
        model.workers = pool if far else None
    assert found[0].limiter is found[1].limiter
    begun = time.monotonic()
    with ThreadPoolExecutor(2 * TRIALS) as pool:
        refused = list(pool.map(converse, found * TRIALS))  # raises if a trial fails
    took, rate = time.monotonic() - begun, server.rates["m"]
    wanted = 2 * TRIALS * TURNS
    assert rate.taken == wanted
    assert sum(refused) == rate.refused  # each refusal is recorded in the turn that it struck
    # Without headers one request in a while has to find out; with them next to none does.
    assert rate.refused < (0.2 if headers else 1.5) * wanted
    assert took >= SECONDS * (wanted - REQUESTS) / REQUESTS * 0.9
    assert took < 60
    print(f"{wire} {kind} headers={headers} far={far}: {took:.1f} s, {rate.refused} refused")
