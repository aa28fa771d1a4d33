"""Who is ranked, who is not and why; what is pooled and what is shown apart; and what an attempt to game it gains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from boards import board, label, planned, row_of, run, with_yardsticks
from synthetic_run import record, sign

from harness import leaderboard
from harness.errors import ResultsError
from harness.leaderboard import OVERALL
from harness.store import Loaded
from harness.tallies import public, tally
from harness.types import Failure, Isolation, Settings, Tally, digest_of

GOOD, FAIR, POOR = [1] * 20, [1] * 10 + [0] * 10, [0] * 20


# --- ranks -----------------------------------------------------------------------------------------------------------


def test_ranks_are_intervals_and_ties_are_ties() -> None:
    twin = [0] * 2 + [1] * 10 + [0] * 8
    (main,) = board(run("a", {"good": GOOD, "fair": FAIR, "twin": twin, "poor": POOR})).boards
    assert {row.agent: row.overall.rank for row in main.rows} == {
        "good": (1, 1), "fair": (2, 3), "twin": (2, 3), "poor": (4, 4)
    }  # fmt: skip
    assert next(row.agent for row in main.rows) == "good"
    assert len(main.pairs) == 6
    assert all(main.ranked[pair.a].overall.rate >= main.ranked[pair.b].overall.rate for pair in main.pairs)


def test_the_order_of_the_runs_does_not_matter() -> None:
    runs = [
        run("a", {"good": GOOD, "fair": FAIR}),
        run("b", {"good": FAIR, "poor": POOR}, day="2026-11-25"),
        run("c", {"fair": GOOD}, day="2026-11-24", digests={"task-00": "other"}),
    ]
    assert board(*runs) == board(*reversed(runs))


def test_yardsticks_stand_apart_and_are_never_ranked() -> None:
    (main,) = board(with_yardsticks(run("a", {"good": GOOD, "poor": POOR}))).boards
    assert [row.agent for row in main.rows] == ["good", "poor"]
    assert {row.name for row in main.yardsticks} == {"oracle", "nop", "backend-developer · tools · scripted/demo"}
    assert not any(row.ranked or row.on_frontier for row in main.yardsticks)
    assert row_of(main, "good").overall.rank == (1, 1)


def test_one_trial_without_an_llm_makes_a_yardstick() -> None:
    loaded = run("a", {"good": GOOD, "poor": POOR})
    records = list(loaded.records)
    records[0] = records[0].model_copy(update={"is_llm": False})
    (main,) = board(Loaded(loaded.run_dir, loaded.config, loaded.planned, tuple(records), {})).boards
    assert [row.agent for row in main.yardsticks] == ["good"]


# --- what is invalid has no rank and no headline ---------------------------------------------------------------------


def test_three_per_cent_missing_is_no_headline() -> None:
    runs = run("a", {"good": [5] * 20, "poor": [1] * 20}, attempts=5, lost={"good": 3})
    (main,) = board(runs).boards
    good = row_of(main, "good")
    assert good.overall.why == "invalid: coverage 97 % (97 of 100 trials have a verdict)"
    assert (good.overall.rank, good.overall.rate, good.curve, good.secure, good.dimensions) == (
        None,
        None,
        (),
        None,
        {},
    )
    assert good.cost_per_solve is None and not good.on_frontier
    assert all(standing.rate is None for standing in good.standings.values())
    assert row_of(main, "poor").overall.rank == (1, 1)


def test_two_per_cent_missing_is_none_lost() -> None:
    (main,) = board(run("a", {"good": [5] * 20, "poor": [1] * 20}, attempts=5, lost={"good": 2})).boards
    assert row_of(main, "good").overall.rank == (1, 1)


def test_errors_are_no_failures_and_count_for_coverage() -> None:
    failure = Failure(boundary="provider", message="overloaded")
    loaded = run("a", {"good": GOOD})
    broken = [record(row, "error", run_id="a", agent="good", failure=failure) for row in loaded.planned[:2]]
    kept = (*broken, *loaded.records[2:])
    (main,) = board(Loaded(loaded.run_dir, {}, loaded.planned, kept, {})).boards
    good = row_of(main, "good")
    assert good.counts.errors["provider"] == 2
    assert good.overall.why.startswith("invalid: coverage 90 %")


def test_a_candidate_that_was_asked_only_the_easy_tasks_has_no_headline() -> None:
    full = run("full", {"honest": FAIR})
    easy = run("easy", {"sly": [1] * 10}, tasks=[f"task-{n:02d}" for n in range(10)])
    (main,) = board(full, easy).boards
    assert row_of(main, "sly").overall.why == "asked 10 of 20 tasks"
    assert not row_of(main, "sly").overall.rate
    assert row_of(main, "honest").ranked


def test_repeating_the_easy_tasks_gains_nothing() -> None:
    once = run("once", {"sly": FAIR, "honest": FAIR})
    again = run("again", {"sly": [9] * 10}, attempts=9, tasks=[f"task-{n:02d}" for n in range(10)], day="2026-11-24")
    (main,) = board(once, again).boards
    sly, honest = row_of(main, "sly"), row_of(main, "honest")
    assert sly.overall.rate and honest.overall.rate
    assert sly.overall.rate.estimate == honest.overall.rate.estimate == 0.5
    assert sly.overall.rank == honest.overall.rank == (1, 2)


def test_a_copied_run_is_refused() -> None:
    one = run("one", {"good": GOOD})
    copy = Loaded(Path("/elsewhere/two"), one.config, one.planned, one.records, {})
    with pytest.raises(ResultsError, match=r"hold the same trials .* one is a copy"):
        board(one, copy)


def test_a_run_in_which_a_control_was_passed_is_in_no_rank() -> None:
    clean = run("clean", {"good": GOOD, "poor": POOR})
    leaked = run("leaked", {"poor": GOOD, "new": GOOD}, leak=True, day="2026-11-24")
    found = board(clean, leaked)
    (main,) = found.boards
    poor, new = row_of(main, "poor"), row_of(main, "new")
    assert poor.overall.rate and poor.overall.rate.estimate == 0 and poor.left_out == ("leaked",)
    assert new.overall.why == "invalid: a negative control was passed in its run" and not new.overall.rate
    assert [(run.name, run.leaks, run.control_trials) for run in found.runs] == [("clean", 0, 1), ("leaked", 1, 1)]


def test_tasks_of_a_leaked_run_are_not_asked_of_others() -> None:
    clean = run("clean", {"good": GOOD})
    leaked = run("leaked", {"new": [1] * 40}, leak=True)
    (main,) = board(clean, leaked).boards
    assert len(main.tasks) == 20 and row_of(main, "good").ranked


def test_losing_more_than_chance_explains_leaves_a_pair_open() -> None:
    """At 98 % coverage still a rate, but what is missing may be what would have failed."""
    whole = [5] * 100
    loaded = run("a", {"loses": whole, "fair": [4] * 100}, attempts=5, lost={"loses": 10})
    (main,) = board(loaded).boards
    assert row_of(main, "loses").overall.rate
    assert [row.overall.rank for row in main.rows] == [(1, 2), (1, 2)]
    assert main.notes and "lost more trials than chance explains" in main.notes[0]


def test_suspicious_trials_count_and_are_counted() -> None:
    loaded = run("a", {"sly": GOOD, "plain": GOOD}, changes={"sly": {"suspicious": (sign(),)}})
    (main,) = board(loaded).boards
    assert row_of(main, "sly").suspicious == (20, 20) and row_of(main, "sly").ranked
    assert row_of(main, "plain").suspicious == (0, 0)  # nobody searched


def test_other_price_tables_and_harnesses_are_noted() -> None:
    one, other = run("a", {"x": GOOD}), run("b", {"y": GOOD}, day="2026-11-24", price_table="mine", harness="0.2.0")
    notes = board(one, other).boards[0].notes
    assert "trials with different price tables are compared: genai-prices 0.2.3, mine" in notes
    assert "trials with different versions of the harness are compared: 0.1.0, 0.2.0" in notes
    assert not [note for note in board(one).boards[0].notes if "different" in note]


# --- pooling, and what is unlike -------------------------------------------------------------------------------------


def test_the_same_candidate_is_pooled_over_runs_that_are_alike() -> None:
    (main,) = board(run("a", {"x": GOOD}), run("b", {"x": POOR}, day="2026-11-24")).boards
    (row,) = main.rows
    assert row.runs == ("a", "b") and row.counts.planned == 40
    assert row.overall.rate and row.overall.rate.estimate == 0.5
    assert row.curve[-1][0] == 2 and row.curve[-1][1:] == (1.0, 0.0)
    assert (row.provenance.first, row.provenance.last) == ("2026-11-23T02:00:01Z", "2026-11-24T02:00:20Z")


OTHER: dict[str, dict[str, Any]] = {
    "the task was changed": {"digests": {"task-03": "changed"}},
    "elsewhere docker L2": {"isolation": Isolation(sandbox="docker", level="L2", limits="cgroup v1")},
    "another image python": {"images": {"python": "sha256:" + "cd" * 32}},
    "the runtime is": {"config": {"runtime": "runsc"}},
}


@pytest.mark.parametrize("why", OTHER)
def test_unlike_runs_are_shown_apart_and_told(why: str) -> None:
    alike = run("a", {"x": GOOD, "y": POOR})
    other = run("b", {"x": POOR}, day="2026-11-24", **OTHER[why])
    main, apart = board(alike, other).boards
    assert (main.runs, apart.runs) == (("a",), ("b",))
    assert why in apart.why and not main.why
    assert main.key != apart.key
    rates = [row_of(one, "x").overall.rate for one in (main, apart)]
    assert [rate and rate.estimate for rate in rates] == [1.0, 0.0]


def test_what_no_trial_tells_sets_nothing_apart() -> None:
    silent = run("b", {"x": GOOD}, isolation=None, images={}, day="2026-11-24")
    assert len(board(run("a", {"x": GOOD}), silent).boards) == 1


def test_shared_reduces_unlike_runs_to_what_they_have_alike() -> None:
    one = run("a", {"x": GOOD, "z": POOR})
    other = run("b", {"y": GOOD[:19]}, digests={"task-00": "changed"}, day="2026-11-24")
    found = board(one, other, shared=True)
    (main,) = found.boards
    assert found.dropped == {"task-00": "the task was changed (another digest)", "task-19": "not in all runs"}
    assert len(main.tasks) == 18
    assert [row_of(main, name).overall.rank for name in "xyz"] == [(1, 2), (1, 2), (3, 3)]
    assert row_of(main, "x").counts.planned == 18


def test_a_leaked_run_and_one_of_yardsticks_do_not_reduce_what_is_shared() -> None:
    one, other = run("a", {"x": GOOD}), run("b", {"y": GOOD}, day="2026-11-24")
    leaked = run("leaked", {"z": [1]}, leak=True)
    bare = with_yardsticks(run("bare", {"x": [1]}, tasks=["task-07"]))
    rows = tuple(row for row in bare.planned if "tools · anthropic" not in row.label and not row.control)
    ids = {row.trial_id for row in rows}
    bare = Loaded(bare.run_dir, {}, rows, tuple(r for r in bare.records if r.trial_id in ids), {})
    found = board(one, other, leaked, bare, shared=True)
    assert len(found.boards[0].tasks) == 20 and not found.dropped
    assert [row.agent for row in found.boards[0].ranked] == ["x", "y"]
    assert not row_of(found.boards[0], "z").overall.rate


def test_shared_without_anything_alike_is_refused() -> None:
    apart = run("b", {"y": GOOD}, tasks=[f"other-{n}" for n in range(20)])
    with pytest.raises(ResultsError, match="no task is in both"):
        board(run("a", {"x": GOOD}), apart, shared=True)
    changed = run("b", {"y": GOOD}, digests={f"task-{n:02d}": "v2" for n in range(20)})
    with pytest.raises(ResultsError, match="no task is alike in all runs"):
        board(run("a", {"x": GOOD}), changed, shared=True)


def limited(name: str, agent: str, passes: list[int], **bounds: int) -> Loaded:
    """A run whose configuration tells its candidate's limits, and whose candidate digest follows from them."""
    settings = Settings(**bounds)
    prompt, model = digest_of(agent), "anthropic/claude-sonnet-5-5"
    digest = digest_of([prompt, "tools", model, settings.model_dump()])
    config = {"name": name, "candidates": [{"scaffold": "tools", "model": model, "settings": {**bounds}}]}
    loaded = run(name, {agent: passes}, config=config)
    update = {"candidate_digest": digest, "candidate": f"{label(agent)}#{digest[:8]}"}
    rows = tuple(row.model_copy(update=update) for row in loaded.planned)
    return Loaded(loaded.run_dir, config, rows, tuple(r.model_copy(update=update) for r in loaded.records), {})


def test_other_limits_in_other_runs_are_not_compared() -> None:
    found = board(limited("a", "x", GOOD, max_turns=10), limited("b", "y", POOR, max_turns=900))
    (main,) = found.boards
    assert [row.overall.rank for row in main.rows] == [(1, 2), (1, 2)]
    assert "their limits differ" in main.notes[0]
    assert row_of(main, "y").settings and row_of(main, "y").settings["max_turns"] == 900
    same = board(limited("a", "x", GOOD, max_turns=10), limited("b", "y", POOR, max_turns=10)).boards[0]
    assert [row.overall.rank for row in same.rows] == [(1, 1), (2, 2)] and not same.notes


def test_the_main_board_has_most_candidates_then_the_newest() -> None:
    many = run("a", {"x": GOOD, "y": POOR}, day="2026-01-01")
    few = run("b", {"x": GOOD}, digests={"task-00": "v2"}, day="2026-02-01")
    assert board(many, few).boards[0].runs == ("a",)
    newer = run("c", {"x": GOOD, "y": POOR}, digests={"task-00": "v3"}, day="2026-03-01")
    assert board(many, few, newer).boards[0].runs == ("c",)


# --- scopes ----------------------------------------------------------------------------------------------------------


def test_ranks_by_group_and_area_where_there_is_data() -> None:
    areas = {f"task-{n:02d}": ["data.transactions"] if n < 10 else ["api.rest", "api.errors"] for n in range(20)}
    specialist, generalist = [1] * 10 + [0] * 10, [0] * 10 + [1] * 10
    (main,) = board(run("a", {"spec": specialist, "gen": generalist}, areas=areas)).boards
    spec, gen = row_of(main, "spec"), row_of(main, "gen")
    assert list(main.scopes) == [OVERALL, "api", "api.errors", "api.rest", "data", "data.transactions"]
    assert (spec.overall.rank, gen.overall.rank) == ((1, 2), (1, 2))
    assert (spec.standings["data"].rank, gen.standings["data"].rank) == ((1, 1), (2, 2))
    assert (spec.standings["api.rest"].rank, gen.standings["api.rest"].rank) == ((2, 2), (1, 1))


def test_few_tasks_of_an_area_give_rates_and_no_ranking() -> None:
    areas = {f"task-{n:02d}": ["data.schema"] if n < 5 else ["api.rest"] for n in range(20)}
    (main,) = board(run("a", {"x": GOOD, "y": POOR}, areas=areas)).boards
    standing = row_of(main, "x").standings["data.schema"]
    assert standing.rate and standing.rank is None
    assert standing.why == main.scopes["data.schema"].why == "5 tasks cannot tell an order of 2 rows: it takes 6"


def test_an_area_in_which_a_row_covers_too_little_has_no_rate_of_it() -> None:
    areas = {f"task-{n:02d}": ["data.schema"] if n < 10 else ["api.rest"] for n in range(60)}
    loaded = run("a", {"x": [5] * 60, "y": [5] * 60}, attempts=5, areas=areas, lost={"x": 3})
    (main,) = board(loaded).boards
    x = row_of(main, "x")
    assert x.ranked and x.standings["data.schema"].why.startswith("invalid: coverage 94 %")
    assert x.standings["data.schema"].rate is None and x.standings["api.rest"].rank


# --- money, dimensions -----------------------------------------------------------------------------------------------


def test_an_unknown_cost_is_unknown_and_on_no_frontier() -> None:
    loaded = run("a", {"x": GOOD, "y": FAIR, "z": POOR}, changes={"x": {"cost_usd": None, "cost_floor_usd": 0.01}})
    (main,) = board(loaded).boards
    x, y, z = (row_of(main, name) for name in "xyz")
    assert (x.cost, x.cost_per_solve, x.on_frontier, x.unpriced) == (None, None, False, 20)
    assert x.spent_floor == pytest.approx(0.2)
    assert (y.cost, y.cost_per_solve, y.on_frontier) == (0.25, 0.5, True)
    assert (z.cost, z.cost_per_solve, z.on_frontier) == (0.25, None, False)


def test_one_trial_without_a_price_makes_the_cost_unknown() -> None:
    loaded = run("a", {"x": GOOD})
    records = (loaded.records[0].model_copy(update={"cost_usd": None}), *loaded.records[1:])
    (main,) = board(Loaded(loaded.run_dir, {}, loaded.planned, records, {})).boards
    assert main.rows[0].cost is None and main.rows[0].unpriced == 1


def test_a_trial_without_a_tally_failed_its_tests() -> None:
    """A service that never started must not leave the total."""
    loaded = run("a", {"x": [1, 1, 0, 0]})
    silent = [r.model_copy(update={"tally": {}}) if r.task == "task-03" else r for r in loaded.records]
    rows = (*loaded.planned, *(planned("task-03", label("y"), 1),))
    other = record(rows[-1], "passed", run_id="a", agent="y", tally={"functional": Tally(passed=9, total=9)})
    (main,) = board(Loaded(loaded.run_dir, {}, rows, (*silent, other), {})).boards
    x = row_of(main, "x")
    assert x.dimensions["functional"] == (pytest.approx((1 + 1 + 6 / 9 + 0) / 4), (9 + 9 + 6 + 0, 36))


# --- history ---------------------------------------------------------------------------------------------------------


def test_history_has_each_run_by_itself_oldest_first() -> None:
    first, second = run("b", {"x": GOOD}, day="2026-11-20"), run("a", {"x": POOR}, day="2026-11-25")
    (series,) = board(second, first).history
    points = [(p.run, p.at, p.standing.rate.estimate) for p in series.points if p.standing.rate]
    assert points == [("b", "2026-11-20T02:00:01Z", 1.0), ("a", "2026-11-25T02:00:01Z", 0.0)]


def test_history_follows_an_agent_over_revisions_of_its_prompt() -> None:
    old = run("a", {"x": GOOD}, day="2026-11-20")
    new = run("b", {"x": GOOD}, day="2026-11-21", agent_revision="abc1234")
    renamed = {"candidate_digest": digest_of("new"), "candidate": "x@abc1234", "label": "x@abc1234 · tools · m"}
    new = Loaded(
        new.run_dir, {}, tuple(r.model_copy(update=renamed) for r in new.planned),
        tuple(r.model_copy(update=renamed) for r in new.records), {},
    )  # fmt: skip
    (series,) = board(old, new).history
    assert len({point.digest for point in series.points}) == 2


def test_times_are_ordered_in_utc_whatever_their_zone() -> None:
    early = run("a", {"x": GOOD}, started="2026-11-23T01:00:00+03:00")
    late = run("b", {"x": GOOD}, started="2026-11-22T23:00:00+00:00")
    (series,) = board(late, early).history
    assert [point.run for point in series.points] == ["a", "b"]
    unknown = run("c", {"x": GOOD}, started="some time")
    assert board(unknown).runs[0].first is None


# --- names -----------------------------------------------------------------------------------------------------------


def test_candidates_that_share_a_label_and_runs_that_share_a_name_are_told_apart() -> None:
    one, other = run("n", {"x": GOOD}), run("n", {"x": POOR}, day="2026-11-24")
    update = {"candidate_digest": digest_of("twin"), "candidate": "twin"}
    rows = tuple(r.model_copy(update=update) for r in other.planned)
    twin = Loaded(Path("/b/n"), {}, rows, tuple(r.model_copy(update=update) for r in other.records), {})
    found = board(one, twin)
    assert [run.name for run in found.runs] == ["n", "n (2)"]
    assert len({row.name for row in found.boards[0].rows}) == 2


@pytest.mark.parametrize("digest", ["../../etc/passwd", "<script>", "", "a" * 64])
def test_a_row_s_key_is_a_safe_file_name(digest: str) -> None:
    loaded = run("a", {"x": GOOD})
    update = {"candidate_digest": digest}
    rows = tuple(r.model_copy(update=update) for r in loaded.planned)
    records = tuple(r.model_copy(update=update) for r in loaded.records)
    key = board(Loaded(loaded.run_dir, {}, rows, records, {})).boards[0].rows[0].key
    assert key and set(key) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("openai-chat//home/ann/models/llama", "openai-chat/…/llama"),
        ("openai/meta-llama/Llama-3", "openai/meta-llama/Llama-3"),
        ("/srv/agents/x · tools · anthropic/m", "…/x · tools · anthropic/m"),
        ("openai-chat/C:\\Users\\ann\\m.gguf", "openai-chat/…/m.gguf"),
        ("openai-chat/~ann/m", "openai-chat/…/m"),
        ("backend-developer@HEAD~1 · tools", "backend-developer@HEAD~1 · tools"),
        ("python sha256:abc", "python sha256:abc"),
    ],
)
def test_names_lose_the_folders_of_the_machine(written: str, shown: str) -> None:
    assert public(written) == shown


# --- a run reduced to counts -----------------------------------------------------------------------------------------


def test_an_empty_run_and_one_of_controls_only_are_no_error() -> None:
    empty = Loaded(Path("/e"), {}, (), (), {})
    only = run("only", {"x": [1]})
    controls = tuple(row for row in only.planned if row.control)
    records = tuple(r for r in only.records if r.control)
    for loaded in (empty, Loaded(Path("/c"), {}, controls, records, {})):
        found = leaderboard.build([tally(loaded)])
        assert not found.boards[0].rows


def test_a_refused_task_is_not_run_and_not_missing() -> None:
    loaded = run("a", {"x": GOOD, "y": GOOD})
    kept = tuple(r for r in loaded.records if r.task != "task-00")
    refused = Loaded(loaded.run_dir, {}, loaded.planned, kept, {"task-00": "needs /home/ann three replicas"})
    (main,) = board(refused).boards
    assert len(main.tasks) == 19 and row_of(main, "x").ranked
    assert row_of(main, "x").counts.missing == 0
