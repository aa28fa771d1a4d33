"""A hostile provider: what every fault on every wire does to the turn, to what is recorded, and to the money."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness import journal, trial
from harness.errors import ProviderError
from harness.models import guard, retry, scripted, scripted_server, sse, workers
from harness.models.scripted import Script
from harness.types import Message, Settings, Tool, Turn, Usage

ASKED = [Message(role="system", text="Be careful."), Message(role="user", text="Do it.")]
TOOLS = [Tool(name="bash", description="Run.", parameters={"type": "object", "properties": {}})]
TEXT = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. " * 5
USED = {"input": 900, "cache_read": 50, "output": 40}
FAST = retry.RetryPolicy(longest_wait=0.05, turn_seconds=1.0)


@pytest.fixture
def ask(server: scripted_server.Server, wire: str) -> Callable[..., Turn]:
    """Return a function that plays one line of a script and asks for its turn, here or through processes."""

    def make(
        line: dict[str, Any], policy: retry.RetryPolicy = FAST, through: workers.Workers | None = None
    ) -> Turn:  # fmt: skip
        server.add("m", Script.model_validate({"schema": 1, "turn": [{"usage": USED, **line}]}))
        model = scripted.on_server("m", server.url, wire, Settings(), policy)
        model.workers = through
        turn: Turn = model.complete(ASKED, TOOLS)
        return turn

    return make


def bill(folder: Path, request: Callable[[], Turn]) -> trial.Bill:
    """Put a request into a journal, as a trial does, and add up what it says; a token costs a dollar."""

    def price(usage: Usage, when: datetime) -> float:
        return float(usage.total)

    with journal.FileJournal(folder, "t", {}) as made, suppress(ProviderError):
        made.turn(request)
    return trial.spent(folder, "t", price)


def recorded(folder: Path) -> Turn:
    """Return the one turn of a journal."""
    with journal.FileJournal(folder, "t", {}) as made:
        [(_, turn)] = made.turns()
    return turn


# --- faults that pass ------------------------------------------------------------------------------------------------

# fault -> (a part of its cause, its status, whether it may have cost something that nobody told)
PASSING: dict[str, tuple[dict[str, Any], str, int | None, bool]] = {
    "429": ({"status": 429}, "HTTP 429", 429, False),
    "429 seconds": ({"status": 429, "retry_after": 0.02}, "HTTP 429", 429, False),
    "429 date": ({"status": 429, "retry_date": 1}, "HTTP 429", 429, False),
    "429 negative": ({"status": 429, "retry_after": -30}, "HTTP 429", 429, False),
    "429 ten days": ({"status": 429, "retry_after": 864_000}, "HTTP 429", 429, False),
    "429 date in ten days": ({"status": 429, "retry_date": 864_000}, "HTTP 429", 429, False),
    "429 garbage": ({"status": 429, "retry_after": "when I am ready"}, "HTTP 429", 429, False),
    "429 infinity": ({"status": 429, "retry_after": "inf"}, "HTTP 429", 429, False),
    "529": ({"status": 529}, "HTTP 529", 529, False),
    "529 seconds": ({"status": 529, "retry_after": 0.02}, "HTTP 529", 529, False),
    "500": ({"status": 500}, "HTTP 500", 500, False),
    "503": ({"status": 503}, "HTTP 503", 503, False),
    "503 ten days": ({"status": 503, "retry_after": 864_000}, "HTTP 503", 503, False),
    "408": ({"status": 408}, "HTTP 408", 408, False),
    "reset": ({"stream": "reset"}, "Error", None, True),
    "slow first byte": ({"delay": 3}, "not complete after 1 s", None, True),
    "drip": ({"stream": "drip"}, "not complete after 1 s", None, True),
    "drop": ({"stream": "drop"}, "peer closed connection", None, True),
    "early end": ({"stream": "early-end"}, "ended before the answer was complete", 200, True),
    "malformed": ({"stream": "malformed"}, "no valid JSON", 200, True),
    "odd": ({"stream": "odd"}, "malformed", 200, True),
    "html": ({"stream": "html"}, "text/html", 200, True),
    "packed": ({"stream": "packed"}, "compressed", 200, True),
    "error": ({"stream": "error"}, "error in the stream", 200, True),
    "overloaded": ({"stream": "error", "kind": "overloaded_error"}, "overloaded_error", 200, True),
    "limited in a stream": ({"stream": "error", "kind": "rate_limit_error"}, "rate_limit_error", 200, True),
}


# What goes wrong in another process has to be told from there: one of each kind.
FAR = ["429 seconds", "529", "reset", "slow first byte", "drip", "drop", "early end", "malformed", "html", "error"]


@pytest.mark.parametrize(("fault", "far"), [*((f, False) for f in PASSING), *((f, True) for f in FAR)])
def test_a_passing_fault_costs_an_attempt_and_no_trial(
    ask: Callable[..., Turn], server: scripted_server.Server, fault: str, wire: str, tmp_path: Path, far: bool,
    pool: workers.Workers,
) -> None:  # fmt: skip
    written, cause, status, unmetered = PASSING[fault]
    begun = time.monotonic()
    through = pool if far else None
    paid = bill(tmp_path, lambda: ask({"text": TEXT, "faults": [written]}, through=through))
    turn = recorded(tmp_path)
    [failed] = turn.failed_attempts
    assert (turn.text, turn.stop, turn.metered, turn.usage.total) == (TEXT, "end", True, 990)
    assert cause in failed["error"]
    assert (failed["status"], failed["metered"]) == (status, not unmetered)
    assert failed["seconds"] >= 0
    assert sum(server.counts.values()) == 2  # the SDK itself retried nothing
    told = (failed["usage"] or {}).get("input", 0)  # Anthropic tells the input at a stream's start
    assert told == (900 if wire == "anthropic" and written.get("stream") in SPOKEN else 0)
    # What the answer cost is known, what the broken one did is not: a floor, and never 0 and never a guess.
    assert (paid.dollars is None) is unmetered
    assert paid.floor == paid.usage.total == 990 + (951 if told else 0)
    assert paid.unmetered == unmetered
    assert time.monotonic() - begun < 10


SPOKEN = ("drop", "early-end", "malformed", "odd", "error", "drip")


@pytest.mark.parametrize("fault", ["500", "reset", "drip", "drop", "malformed", "html", "error"])
def test_a_fault_that_stays_is_an_error_of_the_provider_with_all_attempts_kept(
    ask: Callable[..., Turn], fault: str, tmp_path: Path
) -> None:
    written, cause, _, unmetered = PASSING[fault]
    policy = replace(FAST, attempts=3, turn_seconds=0.5)
    with pytest.raises(ProviderError, match="after 3 attempts") as caught:
        ask({"text": TEXT, "faults": [written] * 9}, policy)
    assert caught.value.boundary == "provider"
    paid = bill(tmp_path, lambda: ask({"text": TEXT, "faults": [written] * 9}, policy))
    entries, _ = journal.read(tmp_path / journal.NAME, "t")
    assert (entries[-1]["kind"], "turn" in [e["kind"] for e in entries]) == ("gave_up", False)
    assert [cause.split(" after")[0] in a["error"] for a in entries[-1]["attempts"]] == [True] * 3
    assert (paid.dollars is None, paid.unmetered) == (unmetered, 3 if unmetered else 0)


def test_an_endless_stream_is_cut_by_size_and_the_next_attempt_goes_on(
    ask: Callable[..., Turn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_BYTES", 200_000)
    turn = ask({"text": TEXT, "faults": [{"stream": "endless"}]}, replace(FAST, turn_seconds=30.0))
    assert turn.text == TEXT
    assert "longer than" in turn.failed_attempts[0]["error"]
    assert turn.failed_attempts[0]["metered"] is False


@pytest.mark.parametrize("far", [False, True])
def test_a_stop_ends_those_who_read_and_those_who_wait(
    server: scripted_server.Server, wire: str, far: bool, pool: workers.Workers
) -> None:
    import threading

    server.add("m", Script.model_validate({"schema": 1, "latency": 60, "turn": [{"text": "x"}]}))
    model = scripted.on_server("m", server.url, wire, Settings())
    model.workers = pool if far else None
    ends: list[str] = []

    def work() -> None:
        try:
            model.complete(ASKED, [])
        except ProviderError as error:
            ends.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    while sum(server.counts.values()) < 3:
        time.sleep(0.01)
    begun = time.monotonic()
    model.close()
    for thread in threads:
        thread.join(10)
    assert time.monotonic() - begun < 5
    assert ["run is ending" in end for end in ends] == [True] * 3


# --- answers that are odd --------------------------------------------------------------------------------------------


def test_an_answer_without_counts_is_an_answer_of_unknown_cost(ask: Callable[..., Turn], tmp_path: Path) -> None:
    paid = bill(tmp_path, lambda: ask({"text": TEXT, "usage": "none"}))
    turn = recorded(tmp_path)
    assert (turn.text, turn.metered, turn.usage, turn.failed_attempts) == (TEXT, False, Usage(), ())
    assert (paid.dollars, paid.floor, paid.unmetered) == (None, 0.0, 1)


def test_an_answer_that_says_nothing_is_asked_for_again(ask: Callable[..., Turn], tmp_path: Path) -> None:
    paid = bill(tmp_path, lambda: ask({"text": TEXT, "faults": [{"stream": "empty"}]}))
    turn = recorded(tmp_path)
    assert turn.text == TEXT
    assert [a["error"] for a in turn.failed_attempts] == ["the answer is empty"]
    assert paid.dollars == paid.usage.total > 990  # the empty answer told what it cost


def test_a_model_that_says_nothing_three_times_says_nothing(ask: Callable[..., Turn]) -> None:
    turn = ask({"empty": True})
    assert (turn.text, turn.calls, turn.stop, len(turn.failed_attempts)) == ("", (), "end", 2)


def test_an_unknown_stop_reason_is_other(ask: Callable[..., Turn]) -> None:
    assert ask({"text": TEXT, "stop": "other"}).stop == "other"


def test_arguments_that_are_no_json_are_told_and_not_run(ask: Callable[..., Turn]) -> None:
    turn = ask({"calls": [{"tool": "bash", "json": '{"command": "rm -rf'}]})
    assert (turn.calls[0].arguments, "not valid JSON" in (turn.calls[0].problem or "")) == ({}, True)


def test_a_call_that_was_cut_off_before_its_arguments_is_not_run(ask: Callable[..., Turn]) -> None:
    line = {"calls": [{"tool": "bash", "arguments": {"a": 1}}, {"tool": "submit", "json": ""}]}
    assert [c.problem for c in ask(line).calls] == [None, None]
    cut = ask({**line, "stop": "max_tokens"})
    assert [bool(c.problem) for c in cut.calls] == [False, True]


def test_calls_of_one_id_are_told_apart_in_the_turn_and_on_the_way_back(
    ask: Callable[..., Turn], server: scripted_server.Server
) -> None:
    calls = [{"tool": "bash", "id": "same", "arguments": {"n": n}} for n in range(3)]
    turn = ask({"calls": calls})
    assert [c.id for c in turn.calls] == ["same", "same_2", "same_3"]
    assert [json.dumps(turn.raw).count(f'"{c.id}"') for c in turn.calls] == [1, 1, 1]


def test_an_unknown_tool_is_a_call_like_any_other(ask: Callable[..., Turn]) -> None:
    assert [c.name for c in ask({"calls": [{"tool": "launch_missiles"}]}).calls] == ["launch_missiles"]


@pytest.mark.parametrize("kind", ["insufficient_quota", "billing_error"])
def test_an_account_without_money_is_no_rate_limit(
    ask: Callable[..., Turn], server: scripted_server.Server, kind: str
) -> None:
    with pytest.raises(ProviderError, match="Settle the account"):
        ask({"text": TEXT, "faults": [{"status": 429, "kind": kind, "retry_after": 1}] * 9})
    assert sum(server.counts.values()) == 1


def test_an_answer_that_is_there_is_taken_though_the_connection_breaks_behind_it(
    server: scripted_server.Server, wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk, sent = scripted_server._Handler._chunk, []

    def dying(handler: Any, data: bytes) -> None:
        sent.append(data)
        if data:
            chunk(handler, data)
        else:  # instead of the body's end
            handler.close_connection = True

    monkeypatch.setattr(scripted_server._Handler, "_chunk", dying)
    server.add("m", Script.model_validate({"schema": 1, "turn": [{"text": TEXT, "usage": USED}]}))
    turn = scripted.on_server("m", server.url, wire, Settings(), FAST).complete(ASKED, TOOLS)
    assert (turn.text, turn.metered, turn.failed_attempts) == (TEXT, True, ())
    assert sent[-1] == b""


def test_a_key_that_a_server_echoes_does_not_reach_the_journal(
    server: scripted_server.Server, wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness import models

    key = "sk-not-a-real-key-0123456789"
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    echo = {"text": f"You said Bearer {key}.", "calls": [{"tool": "bash", "arguments": {"command": f"echo {key}"}}]}
    server.add("m", Script.model_validate({"schema": 1, "turn": [echo]}))
    base = server.url if wire == "anthropic" else f"{server.url}/v1"
    turn = models.load(f"{wire}/m", Settings(base_url=base), FAST).complete(ASKED, TOOLS)
    assert key not in turn.model_dump_json()
    assert turn.calls[0].arguments == {"command": "echo [secret]"}
    assert server.requests[-1][1]["authorization"] == f"Bearer {key}"  # the server did get it


# --- the parser ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_events_come_whole_in_any_pieces(size: int) -> None:
    body = 'event: a\r\ndata: {"x": "ü"}\r\n\r\n: hm\n\nevent: ping\ndata: {}\n\ndata: {"type": "b",\ndata: "y": 1}\n\n'
    data = (body + "data: [DONE]\n\ndata: {cut").encode()
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    assert list(sse.events(chunks)) == [{"x": "ü", "type": "a"}, {"type": "b", "y": 1}, {"type": sse.DONE}]


@pytest.mark.parametrize("data", ["[]", "5", '"x"', "{", "NaN", '{"a": NaN}', "[" * 100_000, "\ud800"])
def test_what_is_no_object_is_garbled(data: str) -> None:
    with pytest.raises(ValueError):
        list(sse.events([f"data: {data}\n\n".encode("utf-8", "surrogatepass")]))


def test_a_long_line_takes_time_in_proportion_to_its_length() -> None:
    piece, begun = b"x" * 64, time.process_time()
    assert list(sse.events([b"data: "] + [piece] * 200_000)) == []
    assert time.process_time() - begun < 5
