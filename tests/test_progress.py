"""Progress of a run: counts that add up, a line for each trial, a table on a terminal."""

from __future__ import annotations

import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from synthetic_run import no_llm, plan_row, record

from harness.progress import STAGES, Event, Progress, State, line, picture, solved
from harness.types import Failure

ROWS = [plan_row(attempt=n) for n in range(1, 5)]
PLANNED = {row.trial_id: row.candidate for row in ROWS}


def after(*events, began=0.0):
    state = State(PLANNED, began)
    for event in events:
        state = state.after(event)
    return state


def only(**counts):
    return {"planned": 0, "generating": 0, "grading": 0, "passed": 0, "failed": 0, "error": 0, **counts}


def ended(row, outcome="passed", **changes):
    return Event(row.trial_id, record=record(row, outcome, **changes))


def test_a_trial_goes_through_its_states():
    trial = ROWS[0].trial_id
    events = [Event(trial, "generating"), Event(trial, "waiting to be graded"), ended(ROWS[0], "failed")]
    shown = [after(*events[:n]).counts() for n in range(4)]
    assert shown == [
        only(planned=4), only(planned=3, generating=1), only(planned=3, grading=1), only(planned=3, failed=1),
    ]  # fmt: skip


def test_a_word_that_is_no_state_keeps_the_state():
    trial = ROWS[0].trial_id
    assert after(Event(trial, "grading"), Event(trial, "starting the service")).counts() == only(planned=3, grading=1)
    assert after(Event(trial, "preparing")).counts() == only(planned=3, generating=1)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([*STAGES, "odd", "passed", "failed", "error"]))))
def test_counts_always_add_up_to_the_plan(steps):
    state = State(PLANNED, 0.0)
    for place, word in steps:
        row = ROWS[place]
        state = state.after(ended(row, word) if word in ("passed", "failed", "error") else Event(row.trial_id, word))
    assert sum(state.counts().values()) == len(ROWS)


def test_time_left_follows_from_the_pace_of_this_start():
    state = State(PLANNED, 100.0, ended={ROWS[0].trial_id: record(ROWS[0])}, before=1)
    assert state.seconds_left(150.0) is None
    assert state.after(ended(ROWS[1])).seconds_left(160.0) == 120.0


def test_errors_do_not_enter_the_rate():
    state = after(ended(ROWS[0]), ended(ROWS[1], "error"), ended(ROWS[2], "failed"))
    assert solved(state.counts()) == (1, 2)


def test_counts_are_of_one_candidate_when_asked():
    other = plan_row(label="oracle")
    state = State({**PLANNED, other.trial_id: other.candidate}, 0.0).after(ended(other))
    assert state.counts(other.candidate) == only(passed=1)
    assert state.counts(ROWS[0].candidate) == only(planned=4)


# --- told ------------------------------------------------------------------------------------------------------------


def told(*events, rows=ROWS, done=(), terminal=False):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=160, color_system=None)
    with Progress(rows, done, console) as progress:
        for event in events:
            progress.update(event)
    return out.getvalue()


def test_without_a_terminal_each_trial_that_ends_is_one_line():
    shown = told(Event(ROWS[0].trial_id, "generating"), ended(ROWS[0]), ended(ROWS[1], "failed"))
    assert shown.splitlines() == [
        "[1/4] passed  transfers #1  backend-developer · tools · anthropic/claude-sonnet-5-5  1 min 02 s  $0.2500",
        "[2/4] failed  transfers #2  backend-developer · tools · anthropic/claude-sonnet-5-5  1 min 02 s  $0.2500",
    ]


def test_a_line_tells_why_a_trial_is_in_error_and_that_a_cost_is_unknown():
    failure = Failure(boundary="provider", message="529\x1b[31m overloaded [bold]")
    shown = told(ended(ROWS[0], "error", failure=failure, cost_usd=None))
    assert shown.rstrip().endswith("cost unknown  provider: 529␛[31m overloaded [bold]")


def test_a_line_says_that_no_llm_did_it():
    row = plan_row(label="oracle")
    made = no_llm(row, "oracle", "passed")
    assert "oracle (oracle, no LLM)" in line(made, "oracle", State({row.trial_id: row.candidate}, 0.0))


def test_a_long_line_is_not_broken():
    row = plan_row("t" * 300)
    assert len(told(ended(row), rows=[row]).splitlines()) == 1


def test_trials_of_an_earlier_start_count_as_ended():
    assert told(ended(ROWS[1]), done=[record(ROWS[0])]).startswith("[2/4]")


def test_on_a_terminal_there_is_a_table_with_the_sum():
    shown = told(ended(ROWS[0]), ended(ROWS[1], "failed"), terminal=True)
    assert "pass rate" in shown
    assert "50 %" in shown
    assert "(1 of 2)" in shown
    assert "2 of 4 trials ended" in shown


def test_the_table_has_a_row_for_each_candidate():
    console = Console(file=io.StringIO(), width=160, record=True)
    rows = [*ROWS, plan_row(label="oracle")]
    names = {row.candidate: row.label for row in rows}
    console.print(picture(State({row.trial_id: row.candidate for row in rows}, 0.0), names, 60.0))
    shown = console.export_text()
    assert "oracle" in shown
    assert "all" in shown
    assert "0 of 5 trials ended after 1 min 00 s; cost $0.00" in shown


@pytest.mark.parametrize("terminal", [True, False])
def test_many_threads_may_report(terminal):
    rows = [plan_row(attempt=n) for n in range(1, 201)]
    out = Console(file=io.StringIO(), force_terminal=terminal, width=160)
    with Progress(rows, console=out) as progress:
        threads = [
            threading.Thread(target=lambda part: [progress.update(ended(r)) for r in part], args=(rows[n::8],))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert progress.state.counts() == only(passed=200)
