"""Records -> tables: every trial is counted once, invalid is not failed, unknown is not zero."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_run import big_run, no_llm, plan_row, record, sign, without

from harness import stats
from harness.aggregate import COVERAGE_NEEDED, Counts, Money, Share, frame, tables, trial_rows
from harness.reports.content import headline, run_headline
from harness.types import Failure, Isolation, Tally, Usage

LLM = "backend-developer · tools · anthropic/claude-sonnet-5-5"


def made(rows, records, refused=None):
    return tables("synthetic", rows, records, refused or {})


def attempts(outcomes, **changes):
    rows = [plan_row(attempt=n) for n, _ in enumerate(outcomes, start=1)]
    return rows, [record(row, outcome, **changes) for row, outcome in zip(rows, outcomes, strict=True)]


# --- counts ----------------------------------------------------------------------------------------------------------


def test_every_planned_trial_is_in_exactly_one_place():
    rows, records = attempts(["passed", "failed", "error", "passed"])
    refused_row, missing_row = plan_row("refused-task"), plan_row(attempt=5)
    [row] = made([*rows, refused_row, missing_row], records, {"refused-task": "no replicas"}).candidates
    counts = row.counts
    assert (counts.planned, counts.passed, counts.failed, counts.error, counts.missing, counts.not_run) == (
        6,
        2,
        1,
        1,
        1,
        1,
    )
    assert (counts.graded, counts.runnable, counts.coverage) == (3, 5, 0.6)
    assert (counts.solved_graded, counts.solved_planned) == (Share(2, 3), Share(2, 6))


def test_counts_that_do_not_add_up_are_a_defect():
    with pytest.raises(AssertionError, match="3 trials are planned, but 2"):
        Counts(planned=3, passed=1, failed=1, errors={}, missing=0, not_run=0)


def test_a_record_that_nobody_planned_is_a_defect():
    row = plan_row()
    with pytest.raises(AssertionError, match="accounted for"):
        made([row], [record(row), record(row, "failed")])


def test_errors_are_counted_by_boundary():
    rows = [plan_row(attempt=n) for n in range(1, 5)]
    kinds = ["provider", "sandbox", "provider", "grader"]
    errors = [record(r, "error", failure=Failure(boundary=k, message="x")) for r, k in zip(rows, kinds, strict=True)]
    [row] = made(rows, errors).candidates
    assert row.counts.errors == {"provider": 2, "sandbox": 1, "grader": 1, "task": 0}


def test_a_refused_task_whose_trial_has_a_record_counts_by_its_record():
    row = plan_row()
    assert made([row], [record(row)], {row.task: "no longer served"}).counts.passed == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["passed", "failed", "error", "missing", "refused"]), min_size=1, max_size=30))
def test_counts_add_up_for_any_run(fates):
    rows = [plan_row("shut" if fate == "refused" else "open", attempt=n) for n, fate in enumerate(fates, start=1)]
    records = [record(r, f) for r, f in zip(rows, fates, strict=True) if f in ("passed", "failed", "error")]
    result = made(rows, records, {"shut": "why"})
    counts = result.counts
    assert counts.passed == fates.count("passed")
    assert counts.error == fates.count("error")
    assert counts.missing == fates.count("missing") == len(result.missing)
    assert counts.not_run == fates.count("refused")
    assert sum(cell.counts.planned for cell in result.cells.values()) == counts.planned == len(fates)


# --- the headline ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("graded", "planned", "shown"), [
    (97, 100, "invalid: coverage 97 %"), (98, 100, "50 %"), (979, 1000, "invalid: coverage 97 %"),
    (48, 49, "invalid: coverage 97 %"), (100, 100, "50 %"), (0, 4, "invalid: coverage 0 %"),
])  # fmt: skip
def test_there_is_no_rate_below_98_per_cent_coverage(graded, planned, shown):
    rows = [plan_row(f"task-{n}") for n in range(planned)]
    records = [record(row, "passed" if n % 2 else "failed") for n, row in enumerate(rows[:graded])]
    [row] = made(rows, records).candidates
    assert headline(row) == shown
    assert (row.rate is None) == (graded / planned < COVERAGE_NEEDED)


def test_the_runs_headline_tells_no_rate_either():
    rows = [plan_row(f"task-{n}") for n in range(10)]
    told = run_headline(made(rows, [record(row) for row in rows[:9]]))
    assert told == "invalid: coverage 90 %. 9 of 10 trials that can run have a verdict, 1 missing."


def test_refused_tasks_do_not_lower_the_coverage():
    rows = [plan_row(), plan_row("shut")]
    [row] = made(rows, [record(rows[0])], {"shut": "why"}).candidates
    assert row.counts.coverage == 1
    assert headline(row) == "100 %"


def test_a_run_in_which_nothing_can_run_says_so():
    row = plan_row()
    assert run_headline(made([row], [], {row.task: "why"})).startswith("not run: the sandbox cannot serve")


def test_errors_do_not_enter_the_rate():
    rows, records = attempts(["passed"] * 49 + ["error"])
    [row] = made(rows, records).candidates
    assert row.rate.estimate == 1


def test_the_headline_names_an_llm_before_a_better_candidate_without_one():
    best, llm = plan_row(label="oracle"), plan_row()
    result = made([best, llm], [no_llm(best, "oracle", "passed"), record(llm, "failed")])
    assert [row.note for row in result.candidates] == ["", "oracle, no LLM"]
    assert run_headline(result).startswith(f"{LLM} passes 0 %")


def test_without_any_llm_the_headline_says_so():
    row = plan_row(label="tools · scripted/demo")
    told = run_headline(made([row], [no_llm(row, "tools", "failed")]))
    assert told.startswith("No LLM in this run. tools · scripted/demo (scripted, no LLM) passes 0 %")


def test_overlapping_intervals_are_told():
    rows = [plan_row(f"t{n}", label) for n in range(10) for label in ("a", "b")]
    told = run_headline(
        made(rows, [record(r, "passed" if r.label == "a" or r.task < "t7" else "failed") for r in rows])
    )
    assert "The interval of 1 other candidate overlaps with it" in told


# --- candidates ------------------------------------------------------------------------------------------------------


def test_two_candidates_of_one_label_stay_two_rows_with_names_apart():
    one, other = plan_row(variant="prompt 1"), plan_row(variant="prompt 2")
    result = made([one, other], [record(one), record(other, "failed")])
    assert [row.counts.passed for row in result.candidates] == [1, 0]
    assert {row.name for row in result.candidates} == {one.candidate, other.candidate}


def test_a_label_of_its_own_is_shown_without_the_digest():
    row = plan_row()
    assert made([row], [record(row)]).candidates[0].name == LLM


def test_a_candidate_without_any_record_is_a_row():
    row = plan_row()
    [found] = made([row], []).candidates
    assert (found.counts.missing, found.rate, found.note) == (1, None, "")


def test_the_interval_takes_repeats_of_a_task_as_hanging_together():
    rows = [plan_row(task, attempt=n) for task in "abcd" for n in (1, 2, 3)]
    records = [record(row, "passed" if row.task in "ab" else "failed") for row in rows]
    [row] = made(rows, records).candidates
    assert row.rate[:3] == (0.5, *stats.wilson(2, 4))


def test_repeats_tell_once_and_every_time():
    rows, records = attempts(["passed", "failed"])
    [row] = made(rows, records).candidates
    assert (row.repeats.k, row.repeats.at_least_one, row.repeats.all_of_them) == (2, 1, 0)


def test_unknown_costs_stay_unknown_over_their_floor():
    rows = [plan_row(attempt=n) for n in (1, 2, 3)]
    records = [record(row, cost_usd=cost) for row, cost in zip(rows, [0.5, None, 0.25], strict=True)]
    [row] = made(rows, records).candidates
    assert row.cost == Money(0.75, 1)
    assert row.cost.total is None


def test_cost_and_tokens_of_errors_are_counted():
    rows, records = attempts(["passed", "error"], cost_usd=0.5, usage=Usage(input=10, output=5))
    [row] = made(rows, records).candidates
    assert (row.cost.total, row.tokens) == (1.0, 30)


def test_functional_and_secure_are_shares_of_the_graded():
    rows = [plan_row(attempt=n) for n in (1, 2, 3)]
    flags = [(True, True), (True, False), (False, False)]
    records = [record(r, "failed", functional=f, secure=s) for r, (f, s) in zip(rows, flags, strict=True)]
    [row] = made(rows, records).candidates
    assert (row.functional, row.secure) == (Share(2, 3), Share(1, 3))


def test_the_median_time_is_of_graded_trials():
    rows, _ = attempts(["passed"] * 4)
    outcomes = zip(rows, ["passed", "failed", "passed", "error"], [10.0, 30.0, 20.0, 999.0], strict=True)
    [row] = made(rows, [record(r, o, seconds=s) for r, o, s in outcomes]).candidates
    assert row.median_seconds == 20


# --- areas, dimensions, cells ----------------------------------------------------------------------------------------


def test_a_task_counts_in_each_of_its_areas_and_missing_trials_too():
    rows = [plan_row("a", areas=("api.rest", "data.schema")), plan_row("b", areas=("api.rest",))]
    found = {row.area: row for row in made(rows, [record(rows[0])]).areas}
    assert (found["api.rest"].tasks, found["api.rest"].counts.planned, found["api.rest"].counts.missing) == (2, 2, 1)
    assert found["api.rest"].rate is None
    assert found["data.schema"].rate.estimate == 1


def test_a_trial_that_tells_nothing_has_failed_all_tests_of_its_task():
    rows, _ = attempts(["passed", "failed"])
    told = record(rows[0], tally={"functional": Tally(passed=8, total=8)})
    silent = record(rows[1], "failed", tally={})
    [dimension] = made(rows, [told, silent]).dimensions
    assert (dimension.tests, dimension.trials) == (Share(8, 16), Share(1, 2))


def test_a_trial_in_error_says_nothing_about_dimensions():
    rows, records = attempts(["passed", "error"])
    assert {d.dimension: d.trials for d in made(rows, records).dimensions} == {
        "functional": Share(1, 1), "security": Share(1, 1),
    }  # fmt: skip


def test_cells_are_by_candidate_and_task():
    rows = [plan_row("a", attempt=1), plan_row("a", attempt=2), plan_row("b")]
    result = made(rows, [record(rows[0]), record(rows[1], "failed")])
    cell = result.cells[rows[0].candidate, "a"]
    assert (cell.counts.solved_graded, cell.interval) == (Share(1, 2), stats.wilson(1, 2))
    assert result.cells[rows[0].candidate, "b"].interval is None


# --- provenance and flat rows ----------------------------------------------------------------------------------------


def test_provenance_shows_that_unlike_trials_share_a_run():
    rows, records = attempts(["passed", "passed"])
    other = Isolation(sandbox="bubblewrap", level="L1", limits="rlimits", notes=("no memory limit",))
    mixed = [records[0], record(rows[1], isolation=other)]
    found = made(rows, mixed).provenance
    assert found["sandbox and isolation"] == (
        "bubblewrap, level L1, limits by rlimits", "docker, level L1, limits by cgroup v1",
    )  # fmt: skip
    assert found["isolation notes"] == ("no memory limit",)
    assert found["tasks"] == (f"{rows[0].task} {rows[0].task_digest}",)


def test_trial_rows_hold_every_planned_trial_with_its_outcome():
    rows = [plan_row(attempt=1), plan_row(attempt=2), plan_row("shut")]
    found = trial_rows(made(rows, [record(rows[0])], {"shut": "no replicas"}))
    assert [row["outcome"] for row in found] == ["passed", "missing", "not run"]
    assert [row["detail"] for row in found] == ["", None, "no replicas"]
    assert len({tuple(row) for row in found}) == 1


def test_the_frame_keeps_whole_numbers_whole_beside_unknown_ones():
    rows = [plan_row(attempt=1), plan_row(attempt=2)]
    found = frame(made(rows, [record(rows[0])]))
    assert str(found["turns"].dtype) == "Int64"
    assert found["seed"][0] == str(2**63 + 11)
    assert found["turns"].isna().tolist() == [False, True]


def test_the_same_records_give_the_same_tables_in_any_order():
    rows, records, refused = big_run(tasks=5)
    assert made(rows, records[::-1], refused).candidates == made(rows, records, refused).candidates


def test_missing_trials_are_listed():
    rows, records, refused = big_run(tasks=4, attempts=1)
    result = made(rows, without(rows, records, 2), refused)
    assert [row.trial_id for row in result.missing] == [row.trial_id for row in rows[:2]]


# --- honesty ---------------------------------------------------------------------------------------------------------


def controlled(outcome):
    """A run of one ordinary trial that passed and two of a negative control, one of which ended with `outcome`."""
    rows = [plan_row(), plan_row("sealed", control="impossible"), plan_row("sealed", attempt=2, control="impossible")]
    return rows, [record(rows[0]), record(rows[1], "failed"), record(rows[2], outcome)]


@pytest.mark.parametrize("outcome", ["passed", "failed", "error"])
def test_a_negative_control_enters_no_figure_but_its_own(outcome):
    rows, records = controlled(outcome)
    found, alone = made(rows, records), made(rows[:1], records[:1])
    for name in ("counts", "candidates", "cells", "areas", "dimensions", "tasks"):
        assert getattr(found, name) == getattr(alone, name), name
    [control] = found.controls
    assert control.counts.planned == 2
    assert control.passed == ((rows[2].trial_id,) if outcome == "passed" else ())
    assert len(trial_rows(found)) == 3


def test_costs_of_controls_are_paid_too():
    assert made(*controlled("failed")).cost.total == 0.75


def test_a_run_of_controls_alone_has_no_candidate_to_rate():
    rows, records = controlled("failed")
    found = made(rows[1:], records[1:])
    assert found.candidates == ()
    assert "no trial of a task that counts" in run_headline(found)


def test_suspicious_trials_are_counted_among_those_that_were_searched():
    rows = [plan_row(attempt=n) for n in range(1, 5)]
    told = [(), (sign(), sign("cat /x")), (sign(kind="unread"),), None]
    records = [record(row, suspicious=signs) for row, signs in zip(rows, told, strict=True)]
    found = made(rows, records)
    assert found.candidates[0].suspicious == Share(1, 3)
    assert (found.searched, found.suspicious) == (3, (records[1],))
    assert [(r["suspicious"], r["suspicious_kinds"]) for r in trial_rows(found)] == [
        (0, []), (2, ["search"]), (0, []), (None, None),
    ]  # fmt: skip
    assert found.counts.passed == 4  # no outcome was changed


# --- curves, resources, groups ---------------------------------------------------------------------------------------


def test_the_curves_go_up_to_the_attempts_that_every_task_has():
    rows = [plan_row("a", attempt=n) for n in range(1, 5)] + [plan_row("b", attempt=n) for n in range(1, 4)]
    records = [record(row, "passed" if row.attempt <= 2 else "failed") for row in rows]
    found = made(rows, records)
    points = found.curves[rows[0].candidate]
    assert [point.k for point in points] == [1, 2, 3]
    for point in points:
        once = [stats.pass_at_k(4, 2, point.k), stats.pass_at_k(3, 2, point.k)]
        always = [stats.pass_hat_k(4, 2, point.k), stats.pass_hat_k(3, 2, point.k)]
        assert point.tasks == 2
        assert point.at_least_one == pytest.approx(sum(once) / 2)
        assert point.all_of_them == pytest.approx(sum(always) / 2)


def test_a_long_curve_has_fewer_points_and_keeps_its_end():
    rows, records = attempts(["passed", "failed"] * 100)
    ks = [point.k for point in made(rows, records).curves[rows[0].candidate]]
    assert ks[:33] == [*range(1, 33), 35]
    assert ks[-1] == 200
    assert ks == sorted(set(ks)) and len(ks) < 60


def test_there_is_no_curve_where_there_is_no_rate():
    rows = [plan_row(f"t{n}", attempt=k) for n in range(10) for k in (1, 2)]
    assert made(rows, [record(row) for row in rows[:18]]).curves == {}


def test_resources_are_of_graded_trials_with_medians_and_nineties():
    rows = [plan_row(attempt=n) for n in range(1, 13)]
    records = [record(row, seconds=float(n), turns=n, usage=Usage(input=n, output=2 * n), cost_usd=n / 10)
               for n, row in enumerate(rows[:11], start=1)]  # fmt: skip
    lost = record(rows[11], "error", seconds=9999.0)
    [used] = made(rows, [*records, lost]).resources
    assert (used.trials, used.seconds, used.turns) == (11, (6.0, 10.0), (6.0, 10.0))
    assert (used.tokens["input"], used.tokens["output"], used.all_tokens) == ((6, 10), (12, 20), (18, 30))
    assert used.dollars == pytest.approx((0.6, 1.0))


def test_a_price_that_is_not_known_is_in_no_median():
    rows, _ = attempts(["passed"] * 3)
    records = [record(row, cost_usd=cost) for row, cost in zip(rows, (None, 1.0, 3.0), strict=True)]
    [used] = made(rows, records).resources
    assert (used.dollars.median, used.unpriced) == (2.0, 1)
    [used] = made(rows, [record(row, cost_usd=None) for row in rows]).resources
    assert (used.dollars, used.unpriced) == (None, 3)


def test_a_task_counts_once_in_a_group_however_many_of_its_areas_it_names():
    rows = [plan_row("a", areas=("api.rest", "api.errors", "data.schema")), plan_row("b", areas=("api.rest",))]
    found = {row.area: row for row in made(rows, [record(row) for row in rows]).groups}
    assert {name: (row.tasks, row.counts.planned) for name, row in found.items()} == {"api": (2, 2), "data": (1, 1)}


# --- against the plainest reckoning ----------------------------------------------------------------------------------


@st.composite
def runs(draw):
    """Any small run: candidates, tasks with areas, attempts of several fates, a control, costs known or not."""
    of_task = {name: draw(st.sets(st.sampled_from(["api.rest", "api.errors", "data.schema"]))) for name in "abc"}
    rows = [
        plan_row(task, label, attempt, sorted(of_task[task]), control="impossible" if task == "c" else None)
        for label in ("one", "two") for task in "abc" for attempt in range(1, draw(st.integers(1, 3)) + 1)
    ]  # fmt: skip
    fates = [draw(st.sampled_from(["passed", "failed", "error", "gone"])) for _ in rows]
    costs, times = st.sampled_from([None, 0.1, 0.2, 0.7]), st.sampled_from([1.0, 2.5, 9.0])
    values = [{"cost_usd": draw(costs), "seconds": draw(times)} for _ in rows]
    told = zip(rows, fates, values, strict=True)
    return rows, [record(row, fate, **some) for row, fate, some in told if fate != "gone"], of_task


@settings(max_examples=80, deadline=None)
@given(runs())
def test_every_table_is_what_plain_counting_gives(run):
    rows, records, of_task = run
    found = made(rows, records, {"b": "refused"})
    by_id = {one.trial_id: one for one in records}
    ordinary = [row for row in rows if row.task != "c"]

    def count(some):
        there = [by_id[row.trial_id] for row in some if row.trial_id in by_id]
        ends = [one.outcome for one in there]
        gone = [row for row in some if row.trial_id not in by_id]
        return (len(some), ends.count("passed"), ends.count("failed"), ends.count("error"),
                sum(row.task != "b" for row in gone), sum(row.task == "b" for row in gone))  # fmt: skip

    def told(counts):
        return (counts.planned, counts.passed, counts.failed, counts.error, counts.missing, counts.not_run)

    assert told(found.counts) == count(ordinary)
    for row in found.candidates:
        mine = [one for one in ordinary if one.candidate == row.candidate]
        assert told(row.counts) == count(mine)
        costs = [by_id[one.trial_id].cost_usd for one in mine if one.trial_id in by_id]
        assert row.cost.floor == pytest.approx(sum(cost or 0 for cost in costs))
        assert row.cost.unknown == costs.count(None)
        graded = [by_id[r.trial_id] for r in mine if r.trial_id in by_id and by_id[r.trial_id].outcome != "error"]
        scores = [[one.outcome == "passed" for one in graded if one.task == task] for task in "ab"]
        wanted = stats.task_rate([some for some in scores if some]) if row.counts.valid else None
        assert row.rate == (wanted and pytest.approx(wanted))
    for (candidate, task), cell in found.cells.items():
        assert told(cell.counts) == count([r for r in ordinary if (r.candidate, r.task) == (candidate, task)])
    for area in found.areas:
        mine = [r for r in ordinary if r.candidate == area.candidate and area.area in of_task[r.task]]
        assert (told(area.counts), area.tasks) == (count(mine), len({row.task for row in mine}))
    for group in found.groups:
        named = {task for task, areas in of_task.items() if any(a.startswith(f"{group.area}.") for a in areas)}
        assert told(group.counts) == count([r for r in ordinary if r.candidate == group.candidate and r.task in named])
