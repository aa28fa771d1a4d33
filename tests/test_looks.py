"""Planned looks and e-values: how the course is laid out, which look decides, and how often that is wrong."""

from __future__ import annotations

import functools
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_run import plan_row, record
from test_compare import NEW, OLD, write_run

from harness import compare, contest, course, looks, stats, store
from harness.compare import Options
from harness.course import Stage, Wanted, evenly, lay_out
from harness.errors import ConfigError, ResultsError
from harness.plan import plan
from harness.types import Agent, Candidate, Limits, Task, TrialPlan

TASKS = [f"task-{n:02d}" for n in range(20)]


def task(name: str, control: str | None = None) -> Task:
    return Task(
        id=name, title=name, image="python", areas=("api.rest",), difficulty="easy", limits=Limits(), app=None,
        services={}, root=Path("tasks") / name, instruction="do it", digest=name, control=control,
    )  # fmt: skip


def candidate(name: str) -> Candidate:
    agent = Agent(id=name, path=f"{name}.md", body=name, digest=name)
    return Candidate(agent=agent, scaffold="tools", model="scripted/demo")


A, B, SHAM = candidate("a"), candidate("b"), candidate("sham")


def planned(tasks: int, attempts: int, found: list[Candidate] | None = None) -> list[TrialPlan]:
    names = [task(f"task-{n:02d}") for n in range(tasks)]
    return plan("run", names, found or [A, B], attempts, 0)


def wanted(**changes: Any) -> Wanted:
    return Wanted(a=A.digest, b=B.digest, **changes)


# --- the course ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tasks", "attempts", "looks_", "claim", "by", "units"),
    [
        (40, 3, 4, "like-these", "tasks", [10, 20, 30, 40]),
        (30, 5, 4, "like-these", "tasks", [8, 15, 23, 30]),
        (12, 8, 4, "like-these", "attempts", [2, 4, 6, 8]),
        (12, 1, 4, "like-these", "tasks", [3, 6, 9, 12]),
        (40, 5, 4, "these", "attempts", [1, 3, 4, 5]),
        (1, 6, 3, "these", "attempts", [2, 4, 6]),
    ],
)
def test_looks_are_whole_tasks_or_whole_attempts_of_all_candidates(tasks, attempts, looks_, claim, by, units):
    trials = planned(tasks, attempts, [A, B, SHAM])
    made, ordered = lay_out(wanted(looks=looks_, claim=claim), trials, {})
    assert made.by == by and sorted(ordered, key=id) == sorted(trials, key=id)
    for end, unit in zip(made.ends, units, strict=True):
        first = ordered[:end]
        assert {(t.task.id, t.attempt) for t in first if t.candidate is A} == {
            (t.task.id, t.attempt) for t in first if t.candidate is SHAM
        }
        if by == "tasks":
            assert len({t.task.id for t in first}) == unit and len(first) == unit * attempts * 3
        else:
            assert {t.attempt for t in first} == set(range(1, unit + 1)) and len(first) == unit * tasks * 3
    assert stats.false_positives(made.bounds, units) == pytest.approx(0.05, abs=1e-6)
    assert stats.false_positives(made.no_worse, units) == pytest.approx(0.10, abs=1e-6)


def test_inside_a_look_arms_stay_interleaved():
    _, ordered = lay_out(wanted(looks=4), planned(40, 3), {})
    pairs = list(zip(ordered[::2], ordered[1::2], strict=True))
    assert all(x.task is y.task and x.attempt == y.attempt and x.candidate is not y.candidate for x, y in pairs)
    assert 0.3 < sum(x.candidate is A for x, _ in pairs) / len(pairs) < 0.7


@pytest.mark.parametrize(("tasks", "attempts", "claim"), [(6, 3, "like-these"), (40, 3, "these"), (1, 1, "these")])
def test_a_design_without_room_for_its_looks_is_refused(tasks, attempts, claim):
    with pytest.raises(ConfigError, match="have room for"):
        lay_out(wanted(looks=4, claim=claim), planned(tasks, attempts), {})


def test_what_cannot_be_compared_takes_no_room_in_the_looks():
    names = [task(f"task-{n:02d}") for n in range(20)] + [task("held", "impossible")]
    trials = plan("run", names, [A, B], 2, 0)
    made, ordered = lay_out(wanted(looks=2), trials, {"task-03": "no room"})
    first = {t.task.id for t in ordered[: made.ends[0]]}
    assert {"held", "task-03"} <= first and len(first) == 2 + 10
    with pytest.raises(ConfigError, match="serves none"):
        lay_out(wanted(), planned(1, 1), {"task-00": "no room"})


def test_families_are_never_cut_by_a_look():
    families = {f"task-{n:02d}": f"family-{n % 10}" for n in range(40)}
    made, ordered = lay_out(wanted(looks=2, families=families), planned(40, 1), {})
    first = {families[t.task.id] for t in ordered[: made.ends[0]]}
    assert len(first) == 5 and not first & {families[t.task.id] for t in ordered[made.ends[0] :]}


def test_evenly_spaced():
    assert evenly(30, 4) == [8, 15, 23, 30]
    for size in range(1, 60):
        for number in range(1, min(size, 20) + 1):
            ends = evenly(size, number)
            steps = {b - a for a, b in zip([0, *ends], ends, strict=False)}
            assert ends[-1] == size and min(steps) >= 1 and max(steps) - min(steps) <= 1


def test_a_course_is_read_back_and_another_one_is_refused(tmp_path):
    trials = planned(20, 2)
    asked = wanted(looks=2, margin=0.03)
    ordered = course.begin(tmp_path, trials, {}, asked)
    store.create(tmp_path, 'name = "x"\n', ordered)
    assert course.begin(tmp_path, trials, {}, asked) == ordered
    assert course.begin(tmp_path, trials, {}, None) == ordered
    changes = [{"looks": 4}, {"margin": 0.05}, {"claim": "these"}, {"sham": "x"}, {"a": "x"}, {"families": {"t": "f"}}]
    for change in changes:
        with pytest.raises(ResultsError, match="another comparison"):
            course.begin(tmp_path, trials, {}, replace(asked, **change))
    (tmp_path / course.FILE).unlink()
    with pytest.raises(ResultsError, match="`harness run` began"):
        course.begin(tmp_path, trials, {}, asked)


def test_a_course_whose_run_never_began_binds_no_other_run(tmp_path):
    trials = planned(20, 2)
    course.begin(tmp_path, trials, {}, wanted(looks=2))
    assert course.begin(tmp_path, trials, {}, None) == trials
    assert course.read(tmp_path) is None


@pytest.mark.parametrize("text", ["{", "{}", '{"schema": 2}', "[]"])
def test_a_damaged_course_is_told(tmp_path, text):
    (tmp_path / course.FILE).write_text(text)
    with pytest.raises(ResultsError, match=r"comparison\.json"):
        course.read(tmp_path)


def test_the_plain_stage_is_the_plain_test():
    found, _ = lay_out(wanted(), planned(5, 1), {})
    stage = found.stage(1)
    assert (stage.alpha, stage.one_sided) == (pytest.approx(0.05), pytest.approx(0.05))
    assert stage.is_last and found.looks == 1


# --- which look decides ----------------------------------------------------------------------------------------------


def ran(folder: Path, passed: dict[str, Any], upto: int | None = None, stop: bool = False, **how: Any) -> Path:
    """A run with a course, on disk: candidate label -> task -> letters by attempt; the first `upto` rows are done."""
    labels, attempts = list(passed), len(passed[OLD][TASKS[0]])
    rows = {
        (t, label, n): plan_row(t, label, n) for n in range(1, attempts + 1) for t in passed[OLD] for label in labels
    }
    digest = {label: plan_row("x", label).candidate_digest for label in labels}
    chosen = Wanted(a=digest[OLD], b=digest[NEW], sham=digest.get("sham"), **how)
    names = {t: task(t) for t in passed[OLD]}
    agents = {label: candidate(label) for label in labels}
    trials = [
        TrialPlan(run_id="r", trial_id=row.trial_id, task=names[t], candidate=agents[label], attempt=n)
        for (t, label, n), row in rows.items()
    ]
    made, ordered = lay_out(chosen, trials, {})
    course.write(folder, made)
    by_id = {row.trial_id: row for row in rows.values()}
    lines = [by_id[t.trial_id] for t in ordered]
    words = {"+": "passed", "-": "failed", "e": "error"}
    done = [(row, record(row, words[passed[row.label][row.task][row.attempt - 1]])) for row in lines[:upto]]
    write_run(folder, done, lines)
    if stop:
        store.stop(folder, upto or len(lines), "look")
    return folder


def verdict(folder: Path, **said: Any) -> compare.Comparison:
    return contest.contest(contest.Asked(a=folder.name, b=None, results=folder.parent, **said), print).comparison


ALL_FAIL, ALL_PASS = dict.fromkeys(TASKS, "-"), dict.fromkeys(TASKS, "+")


def test_the_first_look_that_decides_is_the_verdict_also_of_a_run_that_stopped_there(tmp_path):
    whole = verdict(ran(tmp_path / "whole", {OLD: ALL_FAIL, NEW: ALL_PASS}, looks=4))
    early = verdict(ran(tmp_path / "early", {OLD: ALL_FAIL, NEW: ALL_PASS}, upto=20, stop=True, looks=4))
    killed = verdict(ran(tmp_path / "killed", {OLD: ALL_FAIL, NEW: ALL_PASS}, upto=25, looks=4))
    for found in (whole, early, killed):
        assert (found.verdict, found.stage.look, found.stage.looks) == ("better", 2, 4)
        assert found.measured and len(found.measured.tasks) == 10
        assert found.a.counts().coverage == 1  # what was not started after it is not missing
        assert found.measured.like and found.measured.like.low > 0
        assert found.reasons[0].startswith("look 2 of 4, where p must be at most 0.0042")
        assert any("stopped early" in note for note in found.notes)


def test_a_run_between_two_looks_is_invalid_and_says_where_it_stands(tmp_path):
    even = {t: "+-"[n % 2] for n, t in enumerate(TASKS)}
    found = verdict(ran(tmp_path / "r", {OLD: even, NEW: even}, upto=25, looks=4))
    assert found.verdict == "invalid" and found.measured is None
    assert "coverage 65 % in A" in found.reasons[0]
    assert "look 2 of 4 was reached, and decided nothing" in found.reasons[-1]
    begun = verdict(ran(tmp_path / "s", {OLD: even, NEW: even}, upto=3, looks=4))
    assert "no look was reached yet" in begun.reasons[-1]


def test_a_look_without_verdicts_is_not_taken_but_the_next_one_is(tmp_path):
    bad = {t: "e" if n == 0 else "-" for n, t in enumerate(sorted(TASKS))}
    found = verdict(ran(tmp_path / "r", {OLD: bad, NEW: ALL_PASS}, looks=2))
    assert found.verdict == "invalid"  # one of 20 in error is 95 %
    many = [f"task-{n:03d}" for n in range(200)]
    a = dict.fromkeys(many, "-")
    order = json_order(tmp_path / "o", {OLD: {**ALL_FAIL, **a}, NEW: {**ALL_PASS, **dict.fromkeys(many, "+")}})
    a |= dict.fromkeys(order[:3], "e")  # three of the first look's 55 tasks, and of 220 in all
    scores = {OLD: {**ALL_FAIL, **a}, NEW: dict.fromkeys([*TASKS, *many], "+")}
    found = verdict(ran(tmp_path / "s", scores, looks=4))
    assert (found.verdict, found.stage.look) == ("better", 3)
    assert any("look 1, 2, so that it was not taken" in note for note in found.notes)


def json_order(folder: Path, passed: dict[str, Any]) -> list[str]:
    """The tasks of a run in the order of its looks."""
    ran(folder, passed, looks=4)
    return list(dict.fromkeys(row.task for row in store.plan_rows(folder)))


def test_what_came_after_a_decision_does_not_change_it(tmp_path):
    """The later tasks say the opposite: the look that decided stays the verdict."""
    order = json_order(tmp_path / "o", {OLD: ALL_FAIL, NEW: ALL_PASS})
    old = {t: "-" if order.index(t) < 10 else "+" for t in TASKS}
    new = {t: "+" if order.index(t) < 10 else "-" for t in TASKS}
    found = verdict(ran(tmp_path / "r", {OLD: old, NEW: new}, looks=4))
    assert (found.verdict, found.stage.look) == ("better", 2)


def test_a_decision_whose_records_are_gone_is_not_made_up_for_by_a_later_look(tmp_path):
    folder = ran(tmp_path / "r", {OLD: ALL_FAIL, NEW: ALL_PASS}, upto=20, stop=True, looks=4)
    for path in sorted(folder.glob("trials/*"))[:2]:
        (path / "record.json").unlink()
    found = verdict(folder)
    assert found.verdict == "invalid"


def test_no_worse_waits_for_the_last_look(tmp_path):
    """Alike in all tasks: within a wide margin after the first look already, and said at the last."""
    half = dict.fromkeys(TASKS, "+-+-")
    found = verdict(ran(tmp_path / "r", {OLD: half, NEW: half}, looks=4, margin=0.9))
    assert (found.verdict, found.stage.look) == ("no worse", 4)
    part = verdict(ran(tmp_path / "s", {OLD: half, NEW: half}, upto=40, looks=4, margin=0.9))
    assert part.verdict == "invalid"


def test_what_decides_cannot_be_chosen_again(tmp_path):
    folder = ran(tmp_path / "r", {OLD: ALL_FAIL, NEW: ALL_PASS}, upto=20, stop=True, looks=4)
    for said in ({"margin": 0.1}, {"claim": "these"}, {"anytime": True}):
        with pytest.raises(ResultsError, match="was planned to be judged with"):
            verdict(folder, **said)
    assert verdict(folder, margin=0.05, claim="like-these").verdict == "better"
    with pytest.raises(ConfigError, match="looks are planned before the first trial"):
        verdict(folder, looks=4)


def test_a_run_that_was_stopped_early_is_compared_with_nothing_else(tmp_path):
    ran(tmp_path / "r", {OLD: ALL_FAIL, NEW: ALL_PASS, "sham": ALL_FAIL}, upto=30, stop=True, looks=4)
    ran(tmp_path / "other", {OLD: ALL_FAIL, NEW: ALL_PASS})
    for a, b in (("r:4f2c9", "other:4f2c9"), ("r:sham", f"r:{NEW}")):
        with pytest.raises(ResultsError, match="stopped early by a planned look"):
            contest.contest(contest.Asked(a, b, results=tmp_path), print)
    turned = contest.contest(contest.Asked(f"r:{NEW}", "r:4f2c9", results=tmp_path), print).comparison
    assert (turned.verdict, turned.stage.look) == ("worse", 2)


def test_the_sham_is_told_beside_the_verdict_and_changes_nothing(tmp_path):
    without = verdict(ran(tmp_path / "a", {OLD: ALL_FAIL, NEW: ALL_PASS}))
    beside = verdict(ran(tmp_path / "b", {OLD: ALL_FAIL, NEW: ALL_PASS, "sham": ALL_PASS}))
    errors = verdict(ran(tmp_path / "c", {OLD: ALL_FAIL, NEW: ALL_PASS, "sham": dict.fromkeys(TASKS, "e")}))
    assert without.verdict == beside.verdict == errors.verdict == "better"
    assert without.measured == beside.measured or replace(without.measured, flips=()) == replace(
        beside.measured, flips=()
    )
    assert beside.sham and beside.sham.measured and beside.sham.measured.rate_a == 1
    assert errors.sham and errors.sham.verdict == "invalid"


# --- e-values --------------------------------------------------------------------------------------------------------


def test_e_values_decide_at_any_number_of_tasks(tmp_path):
    for tasks, word in ((7, "inconclusive"), (8, "better")):
        folder = ran(tmp_path / f"r{tasks}", {OLD: ALL_FAIL, NEW: ALL_PASS}, upto=2 * tasks, anytime=True)
        found = verdict(folder)
        assert found.verdict == word
        assert found.measured and found.measured.evidence
        assert found.measured.evidence[:2] == (tasks, 0)
        assert found.measured.evidence.e == pytest.approx({7: 16.0, 8: 28.444}[tasks], abs=1e-3)
        assert (f"{tasks} of 20 tasks are complete" in found.reasons[-1]) == (tasks == 7)


def test_e_values_of_runs_that_are_there(tmp_path):
    ran(tmp_path / "r", {OLD: ALL_PASS, NEW: ALL_FAIL})
    (tmp_path / "r" / course.FILE).unlink()
    found = verdict(tmp_path / "r", anytime=True)
    assert found.verdict == "worse" and found.stage.anytime
    assert "evidence" in found.reasons[0]


def test_families_are_one_sign_each():
    d = [1.0] * 12 + [-1.0] * 4
    assert compare.evidence(d)[:2] == (12, 4)
    assert compare.evidence(d, ["x"] * 12 + list("abcd"))[:3] == (1, 4, 0)
    assert compare.evidence([1 / 3, -1 / 3, 0.0], ["x", "x", "y"])[:3] == (0, 0, 2)


# --- while it runs ---------------------------------------------------------------------------------------------------


def carried(folder: Path, passed: dict[str, Any], budget: int = 10_000, **how: Any) -> tuple[list[int], list[str]]:
    """Carry a run out: each block's trials get their records, up to a budget; the sizes of the blocks, and what was
    said."""
    ran(folder, passed, upto=0, **how)
    return go_on(folder, passed, budget)


def go_on(folder: Path, passed: dict[str, Any], budget: int = 10_000) -> tuple[list[int], list[str]]:
    said: list[str] = []
    sizes = []
    rows = {row.trial_id: row for row in store.plan_rows(folder)}
    done = {r.trial_id for r in store.records(folder) if r.outcome != "error"}
    todo = [
        TrialPlan(run_id="r", trial_id=i, task=task(row.task), candidate=candidate(row.label), attempt=row.attempt)
        for i, row in rows.items()
        if i not in done
    ]
    for block in looks.blocks(folder, looks.needed(folder, todo), said.append):
        sizes.append(len(block))
        for trial in block:
            if budget:
                row, budget = rows[trial.trial_id], budget - 1
                outcome = {"+": "passed", "-": "failed"}[passed[row.label][row.task][row.attempt - 1]]
                store.write_record(store.trial_dir(folder, row.trial_id), record(row, outcome))
    return sizes, said


def test_a_run_stops_at_the_look_that_decides(tmp_path):
    scores = {OLD: ALL_FAIL, NEW: ALL_PASS}
    sizes, said = carried(tmp_path / "r", scores, looks=4)
    assert sizes == [10, 10]
    assert said == [
        "look 1 of 4: nothing is decided, the run goes on",
        "look 2 of 4: better; decided, so 20 of 40 trials are not needed",
    ]
    loaded = store.load(tmp_path / "r")
    assert len(loaded.planned) == len(loaded.records) == 20
    assert go_on(tmp_path / "r", scores) == ([0], [])


def test_a_run_out_of_budget_goes_on_at_the_look_where_it_was(tmp_path):
    half = dict.fromkeys(TASKS, "+")
    scores = {OLD: half, NEW: half}
    sizes, said = carried(tmp_path / "r", scores, budget=15, looks=4)
    assert (sizes, said) == ([10, 10], ["look 1 of 4: nothing is decided, the run goes on"])
    assert store.stopped(tmp_path / "r") is None
    sizes, said = go_on(tmp_path / "r", scores)
    assert sizes == [5, 10, 10] and len(said) == 3
    found = verdict(tmp_path / "r")
    assert (found.verdict, found.stage.look) == ("inconclusive", 4)


def test_a_run_by_e_values_ends_when_there_is_enough(tmp_path):
    sizes, said = carried(tmp_path / "r", {OLD: ALL_FAIL, NEW: ALL_PASS}, anytime=True, step=4)
    assert sizes == [4] * 4  # two tasks at a time: eight tasks are enough
    assert said[-1] == "so far: better; decided, so 24 of 40 trials are not needed"
    assert verdict(tmp_path / "r").verdict == "better"


def test_a_run_without_a_course_is_one_block(tmp_path):
    ran(tmp_path / "r", {OLD: ALL_FAIL, NEW: ALL_PASS}, upto=0)
    (tmp_path / "r" / course.FILE).unlink()
    assert go_on(tmp_path / "r", {OLD: ALL_FAIL, NEW: ALL_PASS}) == ([40], [])


def test_what_is_played_is_what_is_judged_from_disk(tmp_path):
    """The simulations below and the command come to one verdict at one look."""
    rng = random.Random(5)
    seen = set()
    for number in range(12):
        shift = rng.choice([0.0, 0.3, -0.3])
        scores = {
            OLD: {t: "".join(rng.choice("+-") for _ in range(3)) for t in TASKS},
            NEW: {t: "".join("+" if rng.random() < 0.5 + shift else "-" for _ in range(3)) for t in TASKS},
        }
        folder = ran(tmp_path / str(number), scores, looks=4)
        order = list(dict.fromkeys(row.task for row in store.plan_rows(folder)))
        a, b = ([[int(x == "+") for x in scores[label][t]] for t in order] for label in (OLD, NEW))
        look, found = looks.play(a, b, Wanted("a", "b", looks=4))
        judged = verdict(folder)
        assert (judged.verdict, judged.stage.look) == (found.verdict, look)
        seen.add((found.verdict, look))
    assert len(seen) > 3


# --- how often it is wrong -------------------------------------------------------------------------------------------

SHAPES = {
    "most easy or hopeless": lambda rng, size: rng.beta(0.5, 0.5, size),
    "any chance": lambda rng, size: rng.uniform(0, 1, size),
    "coins": lambda rng, size: np.full(size, 0.5),
}


@functools.cache
def _weigh(pairs: tuple[tuple[int, int], ...], k: int, claim: Any, stage: Stage) -> compare.Weighed:
    a, b = ([[1] * pair[arm] + [0] * (k - pair[arm]) for pair in pairs] for arm in (0, 1))
    return compare.weigh(a, b, Options(claim=claim), stage)


def weigh(a: Any, b: Any, options: Options, stage: Stage) -> compare.Weighed:
    """The decision of the command, remembered by what it depends on: how many passed at each task, in any order.

    A claim about tasks like these depends on their differences alone, which makes far fewer cases.
    """
    counts = zip(np.sum(a, axis=1).tolist(), np.sum(b, axis=1).tolist(), strict=True)
    if options.claim == "like-these":
        counts = ((max(x - y, 0), max(y - x, 0)) for x, y in counts)
    return _weigh(tuple(sorted(counts)), len(a[0]), options.claim, stage)


def simulated(
    seed: int, runs: int, tasks: int, k: int, shape: str, asked: Wanted, effect: float = 0.0
) -> list[tuple[int, compare.Weighed]]:
    """Comparisons of two arms whose attempts pass with one chance at each task, B with `effect` added to it."""
    rng = np.random.default_rng(seed)
    p = SHAPES[shape](rng, (runs, tasks, 1))
    a = (rng.random((runs, tasks, k)) < p).astype(int)
    b = (rng.random((runs, tasks, k)) < np.clip(p + effect, 0, 1)).astype(int)
    return [looks.play(x, y, asked, weigh) for x, y in zip(a, b, strict=True)]


def alarms(found: list[tuple[int, compare.Weighed]]) -> float:
    return float(np.mean([one.verdict in ("better", "worse") for _, one in found]))


@pytest.mark.parametrize("number", [1, 4])
@pytest.mark.parametrize(
    ("tasks", "k", "shape"),
    [
        (40, 3, "most easy or hopeless"), (30, 5, "any chance"), (100, 1, "most easy or hopeless"),
            (12, 8, "any chance"),
    ],
)  # fmt: skip
def test_equal_arms_are_called_unequal_five_times_of_a_hundred(number, tasks, k, shape):
    found = simulated(tasks + k, 4000, tasks, k, shape, wanted(looks=number))
    assert alarms(found) == pytest.approx(0.05, abs=0.01)
    better = np.mean([one.verdict == "better" for _, one in found])
    assert better == pytest.approx(0.025, abs=0.009)


@pytest.mark.parametrize("number", [1, 4])
def test_the_same_holds_for_claims_about_these_tasks(number):
    found = simulated(5, 1000, 12, 8, "any chance", wanted(looks=number, claim="these"))
    assert alarms(found) == pytest.approx(0.05, abs=0.012)


def test_tasks_that_differ_by_chance_alone_raise_no_more_alarms():
    """No effect on average, a large one at each task: the claim about tasks like these must hold all the same."""
    rng = np.random.default_rng(11)
    shift = rng.choice([-0.4, 0.4], (1000, 40, 1))
    a = (rng.random((1000, 40, 3)) < 0.5).astype(int)
    b = (rng.random((1000, 40, 3)) < 0.5 + shift).astype(int)
    found = [looks.play(x, y, wanted(looks=4), weigh) for x, y in zip(a, b, strict=True)]
    assert alarms(found) == pytest.approx(0.05, abs=0.015)


def test_four_looks_find_as_much_as_one_and_save_trials():
    one, four = (simulated(21, 500, 60, 3, "any chance", wanted(looks=n), effect=0.15) for n in (1, 4))
    power = [np.mean([found.verdict == "better" for _, found in runs]) for runs in (one, four)]
    assert 0.6 < power[0] < 0.99 and power[1] > power[0] - 0.04
    assert np.mean([look for look, _ in four]) < 3.4


def test_the_interval_at_the_look_that_was_reached_holds_the_effect():
    """Stopped early the estimate is too large; the repeated interval is wide enough for that."""
    found = simulated(22, 800, 60, 3, "coins", wanted(looks=4), effect=0.1)
    spans = [one.difference for _, one in found if one.difference]
    held = np.mean([d.low <= 0.1 <= d.high for d in spans])
    assert 0.94 < held <= 1
    early = [one.difference.estimate for look, one in found if look < 4 and one.difference]
    assert len(early) > 50 and np.mean(early) > 0.13


def test_no_worse_is_wrong_at_most_once_in_twenty():
    """B is worse by exactly the margin: whoever calls it no worse is wrong."""
    found = simulated(23, 700, 100, 3, "coins", wanted(looks=4, margin=0.1), effect=-0.1)
    wrong = np.mean([weighed_with(one, 0.1) for one in found])
    assert 0.01 < wrong < 0.065


def weighed_with(one: tuple[int, compare.Weighed], margin: float) -> bool:
    """Whether a look says no worse; the remembered decision has another margin, its figures are the same."""
    look, found = one
    times = (25, 50, 75, 100)
    bounds, no_worse = course.bounds_at(times)
    stage = course.stage_of(look, 4, bounds[look - 1], no_worse[look - 1], look / 4)
    return stats.decide(found.difference, found.p and found.p.mid, margin, stage.alpha, stage.one_sided) == "no worse"


def test_e_values_may_be_looked_at_after_every_task():
    found = simulated(24, 1000, 40, 1, "coins", wanted(anytime=True))
    assert 0.005 < alarms(found) <= 0.05
    strong = simulated(25, 100, 60, 1, "coins", wanted(anytime=True), effect=0.4)
    assert np.mean([one.verdict == "better" for _, one in strong]) > 0.8


def test_looks_at_other_times_have_other_bounds():
    even, odd = (stats.obrien_fleming(2, 0.05, times) for times in ((1, 2), (1, 4)))
    assert even == stats.obrien_fleming(2)
    assert odd[0] == pytest.approx(2 * odd[1]) and odd[1] < even[1]
    assert stats.false_positives(odd, (1, 4)) == pytest.approx(0.05, abs=1e-8)
    rng = np.random.default_rng(1)
    steps = rng.normal(0, 1, (200_000, 4)).cumsum(axis=1)
    z = np.abs(steps[:, [0, 3]]) / np.sqrt([1, 4])
    assert (z >= odd).any(axis=1).mean() == pytest.approx(0.05, abs=0.002)
    for times in ((2, 1), (0, 1), (1,), (1, math.nan)):
        with pytest.raises(ValueError, match="time"):
            stats.obrien_fleming(2, 0.05, times)
