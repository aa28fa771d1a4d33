"""Processes that send requests: the same turns, and what becomes of a request whose process is killed or hangs."""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness import models
from harness.errors import ProviderError
from harness.models import openai, retry, scripted, scripted_server, workers
from harness.models.scripted import Script
from harness.types import Message, Settings, Tool, Turn

ASKED = [Message(role="system", text="Be careful."), Message(role="user", text="Do it: naïve ☃.")]
TOOLS = [Tool(name="bash", description="Run.", parameters={"type": "object", "properties": {}})]
LINE = {"text": "Zwölf Boxkämpfer ☃ " * 9, "thinking": "Hm.", "calls": [{"tool": "bash", "arguments": {"n": 1}}]}
SLOW = {"text": "x", "faults": [{"delay": 60}]}  # the first attempt only
SOON = 10.0  # seconds; what is to happen at once has happened long before


def scripted_model(
    server: scripted_server.Server, wire: str, through: workers.Workers | None, *lines: dict[str, Any],
    policy: retry.RetryPolicy = retry.NO_WAIT,
) -> Any:  # fmt: skip
    """A model that plays these lines, reached through processes."""
    server.add("m", Script.model_validate({"schema": 1, "turn": list(lines)}))
    model = scripted.on_server("m", server.url, wire, Settings(), policy)
    model.workers = through
    return model


@pytest.fixture
def one() -> Iterator[workers.Workers]:
    """A process of one's own, to do harm to."""
    made = workers.Workers(1)
    yield made
    made.close()


def within(seconds: float, true: Callable[[], bool]) -> bool:
    """Whether something becomes true in time."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def alive(process: int) -> bool:
    """Whether a process runs: a zombie does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# --- the same as without ---------------------------------------------------------------------------------------------


def test_a_turn_is_the_same_through_a_process(server: scripted_server.Server, wire: str, pool: workers.Workers) -> None:
    turns, requests = [], []
    for through in (None, pool):
        turn = scripted_model(server, wire, through, LINE).complete(ASKED, TOOLS)
        turns.append(turn.model_copy(update={"seconds": 0.0, "usage": turn.usage.model_copy(update={"raw": {}})}))
        requests.append(server.requests[-1])
    assert turns[0].model_dump(exclude={"usage"}) == turns[1].model_dump(exclude={"usage"})
    assert turns[0].usage.total == turns[1].usage.total  # the cache knew the prompt the second time
    (path, headers, body), (far_path, far_headers, far_body) = requests
    assert (path, body) == (far_path, far_body)
    assert headers == far_headers


def test_the_attempts_of_a_turn_are_numbered_through_a_process(
    server: scripted_server.Server, wire: str, pool: workers.Workers
) -> None:
    turn = scripted_model(server, wire, pool, {**LINE, "faults": [{"status": 500}, {"stream": "drop"}]})
    assert [a["status"] for a in turn.complete(ASKED, TOOLS).failed_attempts] == [500, None]
    assert [headers["x-stainless-retry-count"] for _, headers, _ in server.requests] == ["0", "1", "2"]


def test_large_requests_and_answers_pass(server: scripted_server.Server, pool: workers.Workers) -> None:
    big = "Ä" * 3_000_000
    model = scripted_model(server, "openai", pool, {"text": "y" * 500_000})
    assert model.complete([Message(role="user", text=big)], []).text == "y" * 500_000
    assert server.requests[-1][2]["input"][0]["content"] == big


@dataclass
class Noted:
    """A permit that notes what it is told, and when."""

    headers: dict[str, str] = field(default_factory=dict)
    at: float = 0.0

    def accepted(self, headers: Any) -> None:
        """The provider has begun to answer."""
        self.headers, self.at = dict(headers), time.monotonic()


def test_that_a_request_was_accepted_is_told_while_the_answer_still_comes(
    server: scripted_server.Server, wire: str, pool: workers.Workers
) -> None:
    limit = {"requests": 50, "seconds": 60.0}
    server.add("m", Script.model_validate({"schema": 1, "limit": limit, "turn": [{"faults": [DRIP], "text": "x"}]}))
    model, permit = scripted.on_server("m", server.url, wire, Settings()), Noted()
    body = json.dumps({**model.request("m", Settings(), ASKED, []), "stream": True}).encode()
    with pytest.raises(retry.AttemptFailed, match="not complete after"):
        pool.attempt(model_with(model, 1.5).spec, body, 0, permit, 1.5)
    assert time.monotonic() - permit.at > 0.7
    assert "49" in permit.headers.values()  # so many requests remain


DRIP = {"stream": "drip"}


def model_with(model: Any, seconds: float) -> Any:
    """The same model, with less time for an attempt."""
    policy = retry.RetryPolicy(turn_seconds=seconds)
    again = partial(model.again.func, *model.again.args[:3], policy, *model.again.args[4:])
    return again()


def test_requests_are_spread_evenly(server: scripted_server.Server, pool: workers.Workers) -> None:
    model = scripted_model(server, "openai", pool, {"text": "x", "faults": [{"delay": 0.3}]})
    before = [worker.taken for worker in pool.all]
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda _: model.complete(ASKED, []), range(20)))
    assert sum(worker.taken for worker in pool.all) - sum(before) == 20
    assert max(worker.taken - n for worker, n in zip(pool.all, before, strict=True)) <= 12


# --- when a process fails --------------------------------------------------------------------------------------------


def asked_while(model: Any, server: scripted_server.Server, harm: Callable[[], object], count: int = 5) -> list[Turn]:
    """Ask so many times at once, and do harm when all of the requests have reached the server."""
    with ThreadPoolExecutor(count) as threads:
        jobs = [threads.submit(model.complete, ASKED, []) for _ in range(count)]
        assert within(SOON, lambda: sum(server.counts.values()) >= count)
        harm()
        return [job.result(SOON) for job in jobs]


def test_requests_of_a_killed_process_are_tried_again_and_may_have_cost_something(
    server: scripted_server.Server, wire: str, one: workers.Workers
) -> None:
    [first] = one.all
    turns = asked_while(scripted_model(server, wire, one, SLOW), server, first.process.kill)
    told = [attempt for turn in turns for attempt in turn.failed_attempts]
    assert [turn.text for turn in turns] == ["x"] * 5
    assert [(a["metered"], a["status"], "is gone" in a["error"]) for a in told] == [(False, None, True)] * 5
    assert (len(one.all), one.all[0] is not first) == (1, True)


def test_a_process_that_died_idle_costs_nothing(server: scripted_server.Server, one: workers.Workers) -> None:
    model = scripted_model(server, "openai", one, {"text": "x"})
    model.complete(ASKED, [])
    one.all[0].process.kill()
    one.all[0].process.wait()
    [failed] = model.complete(ASKED, []).failed_attempts
    assert failed["metered"] is True
    assert sum(server.counts.values()) == 2


def test_a_process_that_hangs_is_given_up_and_ended(
    server: scripted_server.Server, one: workers.Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_model(server, "openai", one, {"text": "x"}).complete(ASKED, [])  # it has started
    server.counts.clear()
    monkeypatch.setattr(workers, "LATE_SECONDS", 0.2)
    model = scripted_model(server, "openai", one, SLOW, policy=retry.RetryPolicy(longest_wait=0.0, turn_seconds=0.5))
    [first] = one.all
    turns = asked_while(model, server, lambda: os.kill(first.process.pid, signal.SIGSTOP))
    assert [turn.text for turn in turns] == ["x"] * 5
    assert all(not a["metered"] for turn in turns for a in turn.failed_attempts)
    assert not alive(first.process.pid)


def test_processes_that_cannot_start_are_given_up_and_requests_go_out_from_here(
    server: scripted_server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "SERVE", "raise SystemExit(3)")
    pool = workers.Workers(1)
    turn = scripted_model(server, "openai", pool, {"text": "x"}).complete(ASKED, [])
    assert (turn.text, len(turn.failed_attempts)) == ("x", workers.MOST_STILLBORN)
    assert all(attempt["metered"] for attempt in turn.failed_attempts if "BrokenPipe" in attempt["error"])
    assert pool.broken
    pool.close()


def test_a_fault_of_ours_there_is_raised_here_and_not_tried_again(one: workers.Workers) -> None:
    spec = pickle.dumps(("wrong", partial(divmod, 1, 0)))
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        one.attempt(spec, b"{}", 0, Noted(), 5.0)


def test_a_model_that_cannot_be_made_there_is_an_error_that_stays(one: workers.Workers) -> None:
    settings = Settings(base_url="http://127.0.0.1:9/v1")
    spec = pickle.dumps(("keyless", partial(openai.load, "openai/m", "m", settings)))
    with pytest.raises(retry.AttemptFailed, match="no key for OpenAI") as caught:
        one.attempt(spec, b"{}", 0, Noted(), 5.0)
    assert (caught.value.retry, caught.value.metered) == (False, True)


def test_too_many_open_files_fail_an_attempt_and_no_process(
    server: scripted_server.Server, one: workers.Workers
) -> None:
    model = scripted_model(server, "openai", one, {"text": "x"}, policy=retry.RetryPolicy(attempts=2, longest_wait=0.0))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path(os.devnull).open() as newest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (newest.fileno(), before[1]))
        try:
            with pytest.raises(ProviderError, match=r"no connection to another process: .*Too many open files"):
                model.complete(ASKED, [])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert model.complete(ASKED, []).text == "x"
    assert one.stillborn == 0


# --- ends ------------------------------------------------------------------------------------------------------------


def test_closing_ends_what_is_under_way_at_once(server: scripted_server.Server, one: workers.Workers) -> None:
    model = scripted_model(server, "openai", one, SLOW)
    ends: list[str] = []

    def work() -> None:
        try:
            model.complete(ASKED, [])
        except ProviderError as error:
            ends.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert within(SOON, lambda: sum(server.counts.values()) == 3)
    [first], begun = one.all, time.monotonic()
    model.stop.set()
    one.close()
    for thread in threads:
        thread.join(SOON)
    assert time.monotonic() - begun < 5
    assert (len(ends), alive(first.process.pid)) == (3, False)


def test_ctrl_c_is_not_for_them(server: scripted_server.Server, one: workers.Workers) -> None:
    model = scripted_model(server, "openai", one, {"text": "x"})
    model.complete(ASKED, [])
    os.kill(one.all[0].process.pid, signal.SIGINT)
    assert model.complete(ASKED, []).failed_attempts == ()
    assert os.getsid(one.all[0].process.pid) != os.getsid(0)  # a terminal's does not even reach them


CHILD = """
import sys, threading
from harness.models import workers
pool = workers.Workers(2)
print(*[worker.process.pid for worker in pool.all], flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("starting", [True, False])
def test_no_process_outlives_a_harness_that_is_killed(starting: bool) -> None:
    argv = [sys.executable, "-c", CHILD]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        found = [int(word) for word in child.stdout.readline().split()]
        assert len(found) == 2
        if not starting:
            assert within(SOON, lambda: all(Path(f"/proc/{p}/stat").read_text().split()[2] == "S" for p in found))
        assert all(map(alive, found))
        child.send_signal(signal.SIGKILL)
    assert within(SOON, lambda: not any(map(alive, found)))


def test_a_key_is_on_no_command_line_and_reaches_the_provider(
    server: scripted_server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-not-a-real-key-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    server.add("m", Script.model_validate({"schema": 1, "turn": [{"text": f"You said {key}."}]}))
    model = models.load("openai/m", Settings(base_url=f"{server.url}/v1"))
    with models.spread([model], workers.MANY):
        assert isinstance(model, models.SdkModel)
        assert model.workers
        assert model.complete(ASKED, []).text == "You said [secret]."
        shown = [Path(f"/proc/{w.process.pid}/cmdline").read_text() for w in model.workers.all]
    assert server.requests[-1][1]["authorization"] == f"Bearer {key}"
    assert shown
    assert not [text for text in shown if key in text]


# --- when they are used ----------------------------------------------------------------------------------------------


def test_only_many_trials_at_once_have_processes_and_only_while_they_run(server: scripted_server.Server) -> None:
    model = scripted_model(server, "openai", None, {"text": "x"})
    with models.spread([model, None], workers.MANY - 1):
        assert model.workers is None
    with models.spread([None], 500):
        pass
    model.again, again = None, model.again  # as for a profile, whose tokens only one process may renew
    with models.spread([model], 500):
        assert model.workers is None
    model.again = again
    with models.spread([model, None], workers.MANY):
        found = [worker.process.pid for worker in model.workers.all]
        assert len(found) == min(len(os.sched_getaffinity(0)), workers.MOST)
        assert model.complete(ASKED, []).text == "x"
        assert sum(worker.taken for worker in model.workers.all) == 1
    assert not any(map(alive, found))
