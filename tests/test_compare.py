"""Two arms become a decision: from runs on disk whose effect is known, through the command line where it matters."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from rich.console import Console
from synthetic_run import no_llm, plan_row, record, sign

from harness import arms, comparing, comparing_page, store
from harness.alike import Arm
from harness.compare import ONCE, Comparison, Options, compare, weighed
from harness.errors import ConfigError, ResultsError
from harness.reports import compare_chart
from harness.types import Isolation, Settings, Tally, digest_of

OLD = "backend-developer@4f2c9e1 · tools · anthropic/claude-sonnet-5-5"
NEW = "backend-developer · tools · anthropic/claude-sonnet-5-5"


def write_run(folder: Path, records: list[Any], rows: list[Any] | None = None, config: str = "", refused=None) -> Path:
    """A run on disk: its plan (that of the records when left out), records, configuration."""
    planned = rows if rows is not None else [row for row, _ in records]
    lines = "".join(row.model_dump_json(exclude_none=True) + "\n" for row in planned)
    store.write_atomic(folder / store.PLAN, lines.encode())
    store.write_atomic(folder / store.CONFIG, (config or f'name = "{folder.name}"\n').encode())
    store.refuse(folder, refused or {})
    for row, made in records:
        store.write_record(store.trial_dir(folder, row.trial_id), made)
    return folder


def trials(label: str, passed: Mapping[str, str], **changes: Any) -> list[Any]:
    """Rows and records of a candidate: task -> a letter for each attempt, `+` passed, `-` failed, `e` error."""
    words = {"+": "passed", "-": "failed", "e": "error"}
    rows = [(plan_row(task, label, n), letter) for task, all_of in passed.items() for n, letter in enumerate(all_of, 1)]
    return [(row, record(row, words[letter], **changes)) for row, letter in rows]


def drawn(label: str, chances: Mapping[str, float], attempts: int, seed: int, **changes: Any) -> list[Any]:
    """Trials that pass by chance."""
    rng = random.Random(seed)
    return trials(
        label,
        {t: "".join("+" if rng.random() < p else "-" for _ in range(attempts)) for t, p in chances.items()},
        **changes,
    )


def both(folder: Path, a: list[Any], b: list[Any], **options: Any) -> Comparison:
    """Write runs a and b, read them back, and compare them."""
    write_run(folder / "a", a)
    write_run(folder / "b", b)
    return judged(folder, "a", "b", **options)


def judged(folder: Path, a: str, b: str | None, **options: Any) -> Comparison:
    return compare(*arms.load(folder, a, b), Options(**options))


def harness(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "harness", "compare", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=dict(os.environ))


def shown(comparison: Comparison) -> str:
    console = Console(file=io.StringIO(), width=160, record=True)
    console.print(comparing.render(comparison))
    return console.export_text()


TASKS = [f"task-{n:02d}" for n in range(40)]


# --- the verdict -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "margin", "verdict"),
    [(0.25, 0.05, "better"), (-0.25, 0.05, "worse"), (0.0, 0.15, "no worse"), (0.0, 0.001, "inconclusive")],
)
def test_known_effect_is_found_and_held_by_the_interval(tmp_path, effect, margin, verdict):
    chances = {task: 0.3 + 0.4 * n / len(TASKS) for n, task in enumerate(TASKS)}
    moved = {task: p + effect for task, p in chances.items()}
    found = both(tmp_path, drawn(OLD, chances, 4, 1), drawn(NEW, moved, 4, 2), margin=margin)
    assert found.verdict == verdict
    assert found.measured and found.measured.like
    for difference in (found.measured.like, found.measured.these):
        assert difference.low < effect < difference.high
    assert found.measured.noise < found.measured.seen * 1.2


def test_an_arm_against_its_copy_is_no_worse_and_told_to_be_the_same_candidate(tmp_path):
    chances = dict.fromkeys(TASKS, 0.5)
    found = both(tmp_path, drawn(NEW, chances, 3, 1), drawn(NEW, chances, 3, 1))
    assert found.measured and found.measured.like
    assert found.measured.rate_a == found.measured.rate_b
    assert found.measured.p_like.p == found.measured.p_these.p == 1
    assert found.verdict == "no worse"
    assert any("A/A" in note for note in found.notes)


def test_few_tasks_whose_interval_is_beside_zero_need_the_exact_test_too(tmp_path):
    """Three tasks cannot give an exact p below 0.25, whatever the t distribution says of their small spread."""
    same = {"a": "----+", "b": "----+", "c": "----+"}
    more = {"a": "+++++", "b": "+++++", "c": "-++++"}
    found = both(tmp_path, trials(OLD, same), trials(NEW, more))
    assert found.measured and found.measured.like
    assert found.measured.like.low > 0
    assert found.measured.p_like == (0.25, 0.125)
    assert found.verdict == "no worse"
    assert judged(tmp_path, "a", "b", claim="these").verdict == "better"
    assert judged(tmp_path, "b", "a", margin=0.05).verdict == "inconclusive"
    assert "does not bear" in judged(tmp_path, "b", "a").reasons[0]
    assert judged(tmp_path, "b", "a", claim="these").verdict == "worse"


def test_a_sure_loss_within_the_margin_is_no_worse_and_says_so(tmp_path):
    lost = {task: "+" * 9 + ("-" if n % 4 == 0 else "+") for n, task in enumerate(TASKS)}
    found = both(tmp_path, trials(OLD, dict.fromkeys(TASKS, "+" * 10)), trials(NEW, lost), margin=0.1)
    assert found.verdict == "no worse"
    assert "B is worse, but by less than the margin" in found.reasons[0]


def test_one_task_says_nothing_about_tasks_like_it(tmp_path):
    found = both(tmp_path, trials(OLD, {"only": "--------"}), trials(NEW, {"only": "++++++++"}))
    assert found.verdict == "inconclusive"
    assert found.measured and found.measured.like is None
    assert "--claim these" in found.reasons[0]
    assert judged(tmp_path, "a", "b", claim="these").verdict == "better"
    assert json.loads(comparing.as_json(found))["measured"]["like"] is None
    assert "needs two tasks" in shown(found)


@pytest.mark.parametrize("letters", ["+", "-", "+++++", "-----"])
@pytest.mark.parametrize("tasks", [1, 6])
def test_unanimous_arms_divide_by_nothing_and_are_not_certain(tmp_path, letters, tasks):
    scores = dict.fromkeys(TASKS[:tasks], letters)
    found = both(tmp_path, trials(OLD, scores), trials(NEW, scores))
    assert found.measured
    assert found.measured.these.low < 0 < found.measured.these.high
    assert found.measured.flips == ()
    assert (found.measured.worth.per_solve_a is None) == ("-" in letters)
    made = comparing.as_json(found)
    assert not {"NaN", "Infinity"} & set(made.replace(",", " ").split())
    assert shown(found) and comparing.as_markdown(found) and comparing.as_junit(found)


def test_one_attempt_a_task_is_enough_for_a_verdict_but_calls_no_task(tmp_path):
    found = both(tmp_path, trials(OLD, dict.fromkeys(TASKS, "-")), trials(NEW, dict.fromkeys(TASKS, "+")))
    assert found.verdict == "better"
    assert found.measured
    assert len(found.measured.flips) == len(TASKS)
    assert {flip.call for flip in found.measured.flips} == {"moved"}


def test_families_are_one_piece_of_evidence_each(tmp_path):
    old = {f"{family}-{n}": "---" for family in "ab" for n in range(5)}
    new = dict.fromkeys(old, "+++")
    write_run(tmp_path / "a", trials(OLD, old))
    write_run(tmp_path / "b", trials(NEW, new))
    (tmp_path / "families.toml").write_text('ledger = ["a-*"]\nquota = ["b-*"]\n')
    pair = arms.load(tmp_path, "a", "b")
    found = compare(*pair, Options(families=arms.families(tmp_path / "families.toml", pair)))
    assert found.measured and found.measured.like
    assert found.measured.like.df == 1
    assert found.measured.p_like.p == 0.5
    assert judged(tmp_path, "a", "b").measured.p_like.p == pytest.approx(2 / 2**10)


@pytest.mark.parametrize("content", ['x = "a-*"', 'x = ["a-*"]\ny = ["a-1"]', "x = [1]", "x ="])
def test_families_that_say_nothing_are_refused(tmp_path, content):
    write_run(tmp_path / "a", trials(OLD, {"a-1": "+"}) + trials(NEW, {"a-1": "+"}))
    (tmp_path / "families.toml").write_text(content)
    with pytest.raises(ConfigError, match=r"families\.toml"):
        arms.families(tmp_path / "families.toml", arms.load(tmp_path, "a", None))


# --- invalid ---------------------------------------------------------------------------------------------------------


def test_missing_trials_give_no_headline(tmp_path):
    scores = dict.fromkeys(TASKS, "+")
    a, b = trials(OLD, scores), trials(NEW, scores)
    write_run(tmp_path / "a", a)
    write_run(tmp_path / "b", b[1:], [row for row, _ in b])
    found = judged(tmp_path, "a", "b")
    assert (found.verdict, found.measured) == ("invalid", None)
    assert "39 of 40" in found.reasons[0]
    assert "points" not in shown(found) + comparing.as_markdown(found)
    assert json.loads(comparing.as_json(found))["measured"] is None


def test_an_excess_of_errors_is_invalid_even_where_coverage_is_enough(tmp_path):
    scores = dict.fromkeys([f"t{n}" for n in range(350)], "+")
    a, b = trials(OLD, scores), trials(NEW, {**scores, **dict.fromkeys([f"t{n}" for n in range(7)], "e")})
    found = both(tmp_path, a, b)
    assert found.b.counts().valid
    assert found.verdict == "invalid"
    assert "7 of 350 in B" in found.reasons[0]
    b = trials(NEW, {**scores, "t0": "e"})
    found = both(tmp_path / "one", a, b)
    assert found.verdict == "no worse"
    assert any("without a verdict in both arms" in note and "t0" in note for note in found.notes)
    assert found.measured and len(found.measured.tasks) == 349


def test_a_passed_control_is_invalid_whoever_passed_it(tmp_path):
    scores = dict.fromkeys(TASKS, "+++")
    leak = plan_row("sealed-draw", "oracle", control="impossible")
    write_run(tmp_path / "a", [*trials(OLD, scores), (leak, no_llm(leak, "oracle", "passed"))])
    write_run(tmp_path / "b", trials(NEW, scores))
    found = judged(tmp_path, "a", "b")
    assert found.verdict == "invalid"
    assert leak.trial_id in found.reasons[0]


def test_controls_and_yardsticks_are_in_no_figure(tmp_path):
    scores = dict.fromkeys(TASKS[:8], "+-+")
    held = [plan_row("sealed-draw", label, n, control="impossible") for label in (OLD, NEW) for n in (1, 2, 3)]
    rest = [(row, record(row, "failed")) for row in held]
    nop = plan_row(TASKS[0], "nop")
    write_run(tmp_path / "r", [*trials(OLD, scores), *trials(NEW, scores), *rest, (nop, no_llm(nop, "nop", "failed"))])
    found = judged(tmp_path, "r", None)
    assert found.measured
    assert list(found.measured.tasks) == TASKS[:8]
    assert found.measured.rate_a == pytest.approx(2 / 3)
    assert found.a.counts().planned == 24


# --- unlike runs -----------------------------------------------------------------------------------------------------


def changed_task(pairs: list[Any], task: str) -> list[Any]:
    """The same trials, of another version of a task."""
    other = {"task_digest": digest_of("another version")}
    return [(r.model_copy(update=other), t.model_copy(update=other)) if r.task == task else (r, t) for r, t in pairs]


def test_unlike_tasks_are_refused_or_left_out_and_told(tmp_path):
    scores = dict.fromkeys(TASKS, "+-+")
    a, b = trials(OLD, scores), trials(NEW, scores)
    with pytest.raises(ResultsError, match=r"another digest\): task-03.*--shared to compare the 39"):
        both(tmp_path, a, changed_task(b, "task-03"))
    found = judged(tmp_path, "a", "b", shared=True)
    assert found.measured and "task-03" not in found.measured.tasks
    assert found.a.counts().planned == 39 * 3
    assert any("task-03" in note for note in found.notes)


def test_tasks_of_one_run_only_are_unlike(tmp_path):
    a, b = trials(OLD, dict.fromkeys(TASKS, "+")), trials(NEW, dict.fromkeys(TASKS[:-1], "+"))
    with pytest.raises(ResultsError, match="only in A: task-39"):
        both(tmp_path, a, b)
    with pytest.raises(ResultsError, match="No task is alike"):
        both(tmp_path / "none", trials(OLD, {"x": "+"}), trials(NEW, {"y": "+"}), shared=True)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"images": {"python": "sha256:" + "cd" * 32}}, "another image python"),
        ({"isolation": Isolation(sandbox="bubblewrap", level="L1", limits="cgroup v1")}, "sandbox docker L1"),
        ({"isolation": Isolation(sandbox="docker", level="L2", limits="cgroup v1")}, "docker L2"),
    ],
)
def test_unlike_surroundings_are_refused(tmp_path, changes, told):
    scores = dict.fromkeys(TASKS[:5], "+-")
    with pytest.raises(ResultsError, match=told):
        both(tmp_path, trials(OLD, scores), trials(NEW, scores, **changes), shared=True)


def settings_run(folder: Path, label: str, runtime: str = "", **settings: Any) -> None:
    """A run whose configuration tells the candidate's settings, as a real one does."""
    digest = digest_of([digest_of("prompt"), "tools", "anthropic/claude-sonnet-5-5", Settings(**settings).model_dump()])
    rows = [plan_row(task, label).model_copy(update={"candidate_digest": digest}) for task in TASKS[:6]]
    told = "".join(f"{key} = {value}\n" for key, value in settings.items())
    config = f'{runtime}[[candidates]]\nagent = "x.md"\nmodel = "sonnet"\n[candidates.settings]\n{told}'
    write_run(folder, [(row, record(row)) for row in rows], config=config)


def test_limits_of_unlike_runs_are_refused_even_when_shared_is_said(tmp_path):
    settings_run(tmp_path / "a", OLD, max_turns=30)
    settings_run(tmp_path / "b", NEW, max_turns=60)
    with pytest.raises(ResultsError, match="max_turns is 30 in A and 60 in B"):
        judged(tmp_path, "a", "b", shared=True)
    settings_run(tmp_path / "c", NEW, max_turns=30, effort='"high"')
    assert judged(tmp_path, "a", "c").a.limits == {
        "max_tokens": 16000, "max_turns": 30, "max_seconds": None, "max_total_tokens": None, "max_cost_usd": None,
    }  # fmt: skip


def test_unlike_runtimes_are_refused(tmp_path):
    settings_run(tmp_path / "a", OLD)
    settings_run(tmp_path / "b", NEW, 'runtime = "runsc"\n')
    with pytest.raises(ResultsError, match="the runtime is the default in A and runsc in B"):
        judged(tmp_path, "a", "b", shared=True)


def test_a_task_that_only_one_sandbox_serves_is_unlike(tmp_path):
    rows = [plan_row(task, NEW) for task in TASKS[:5]]
    write_run(tmp_path / "a", trials(OLD, dict.fromkeys(TASKS[:5], "+")))
    write_run(tmp_path / "b", [(row, record(row)) for row in rows[1:]], rows, refused={TASKS[0]: "needs replicas"})
    with pytest.raises(ResultsError, match="not run in B: task-00"):
        judged(tmp_path, "a", "b")
    assert judged(tmp_path, "a", "b", shared=True).a.counts().planned == 4


# --- which candidate -------------------------------------------------------------------------------------------------


@pytest.fixture
def mixed(tmp_path):
    """A run of two LLM candidates, a scripted one and both yardsticks."""
    scores = dict.fromkeys(TASKS[:4], "+-")
    rows = [plan_row(task, label) for task in TASKS[:4] for label in ("oracle", "nop", "x · tools · scripted/demo")]
    rest = [(row, no_llm(row, "tools" if "x" in row.label else row.label, "failed")) for row in rows]
    write_run(tmp_path / "r", [*trials(OLD, scores), *trials(NEW, scores), *rest])
    return tmp_path


def names(pair: tuple[Arm, Arm]) -> list[str]:
    return [arm.name for arm in pair]


def test_a_candidate_is_named_by_label_id_or_a_part(mixed):
    row = plan_row(TASKS[0], NEW)
    assert names(arms.load(mixed, "r", None)) == [OLD, NEW]
    assert names(arms.load(mixed, f"r:{NEW}", "r:4F2C9")) == [NEW, OLD]
    assert names(arms.load(mixed, f"r:{row.candidate}", "r:scripted")) == [NEW, "x · tools · scripted/demo"]


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ("r", "r:4f2c9", "has 2 candidates to compare: say which"),
        ("r:sonnet", "r:4f2c9", "several candidates with 'sonnet'"),
        ("r:opus", "r:4f2c9", "no candidate with 'opus'"),
        ("r:oracle", "r:4f2c9", "yardstick"),
        ("r:4f2c9", None, "name the other one too"),
        ("s:4f2c9", "r:4f2c9", "no run 's'"),
        ("s", None, "no run 's'"),
    ],
)
def test_what_names_no_candidate_is_told_with_those_there_are(mixed, a, b, told):
    with pytest.raises(ResultsError, match=told):
        arms.load(mixed, a, b)


def test_an_arm_is_not_compared_with_itself(mixed):
    with pytest.raises(ResultsError, match="both arms are"):
        judged(mixed, "r:4f2c9", "r:4f2c9")


def test_a_run_of_one_candidate_is_no_pair(tmp_path):
    write_run(tmp_path / "a", trials(OLD, {"x": "+"}))
    with pytest.raises(ResultsError, match="has 1 candidates"):
        arms.load(tmp_path, "a", None)


# --- details ---------------------------------------------------------------------------------------------------------


def test_flipped_tasks_are_called_when_proven_and_name_their_trials(tmp_path):
    steady = dict.fromkeys(TASKS[:10], "+++++")
    found = both(
        tmp_path,
        trials(OLD, {**steady, "broken": "+" * 8, "shaky": "++-++", "mended": "-" * 8}),
        trials(NEW, {**steady, "broken": "-" * 8, "shaky": "+---+", "mended": "+" * 8}),
    )
    assert found.measured
    flips = {flip.task: flip for flip in found.measured.flips}
    assert {task: flip.call for task, flip in flips.items()} == {
        "broken": "regressed", "shaky": "moved", "mended": "improved",
    }  # fmt: skip
    assert [flip.task for flip in found.measured.flips] == ["broken", "shaky", "mended"]
    assert flips["broken"].p == pytest.approx(2 / math.comb(16, 8))
    assert flips["broken"].adjusted == pytest.approx(flips["broken"].p * 13 / 2)
    assert flips["broken"].trials_b[0] == f"{tmp_path / 'b'}/trials/{plan_row('broken', NEW).trial_id}"
    folders = flips["broken"].trials_b[0].removesuffix("1") + "{1,2,3,4,5,6,7,8}"
    for text in (shown(found), comparing.as_markdown(found).replace("\\", "")):
        assert folders in text.replace("\n", "")


def test_three_against_none_is_not_proven(tmp_path):
    found = both(tmp_path, trials(OLD, {"x": "+++", "y": "+++"}), trials(NEW, {"x": "---", "y": "+++"}))
    assert found.measured
    assert [(flip.call, round(flip.p, 3)) for flip in found.measured.flips] == [("moved", 0.1)]


def test_below_three_attempts_nothing_is_called_however_often_the_other_arm_tried(tmp_path):
    found = both(tmp_path, trials(OLD, {"x": "--", "y": "++"}), trials(NEW, {"x": "+" * 40, "y": "++"}))
    assert found.measured
    assert [(flip.call, flip.adjusted < 0.01) for flip in found.measured.flips] == [("moved", True)]


def test_dimensions_count_tests_and_areas_count_trials(tmp_path):
    half = {"tally": {"functional": Tally(passed=9, total=9), "security": Tally(passed=0, total=3)}}
    scores = dict.fromkeys(TASKS[:8], "---")
    found = both(tmp_path, trials(OLD, dict.fromkeys(TASKS[:8], "+++")), trials(NEW, scores, **half))
    assert found.measured
    by_name = {one.name: one for one in found.measured.dimensions}
    assert (by_name["functional"].a, by_name["functional"].b, by_name["functional"].p) == (1, 1, 1)
    assert (by_name["security"].a, by_name["security"].b) == (1, 0)
    assert by_name["security"].adjusted == pytest.approx(2 * 2 / 2**8)
    (area,) = found.measured.areas
    assert (area.name, area.tasks, area.a, area.b) == ("data.transactions", 8, 1, 0)


def test_a_trial_whose_tests_never_ran_passed_none(tmp_path):
    found = both(
        tmp_path, trials(OLD, dict.fromkeys(TASKS[:3], "+")), trials(NEW, dict.fromkeys(TASKS[:3], "-"), tally={})
    )
    assert found.measured
    assert [(one.name, one.b) for one in found.measured.dimensions] == [("functional", 0), ("security", 0)]


def test_cost_is_an_outcome(tmp_path):
    """The worked example of docs/statistics.md: ten tasks, five attempts, costs a task."""
    passed = ([1, 5, 0, 3, 4, 2, 5, 0, 1, 3], [2, 5, 1, 4, 4, 1, 5, 1, 3, 4])
    costs = (
        [0.10, 0.05, 0.40, 0.20, 0.12, 0.30, 0.04, 0.50, 0.35, 0.22],
        [0.14, 0.05, 0.45, 0.26, 0.12, 0.33, 0.05, 0.62, 0.41, 0.25],
    )
    made = [
        [
            one
            for task, n, cost in zip(TASKS, arm, priced, strict=False)
            for one in trials(label, {task: "+" * n + "-" * (5 - n)}, cost_usd=cost, cost_cold_usd=2 * cost)
        ]
        for label, arm, priced in zip((OLD, NEW), passed, costs, strict=True)
    ]
    found = both(tmp_path, *made, value=1.0)
    assert found.measured
    worth = found.measured.worth
    assert worth.icer == pytest.approx(0.333, abs=5e-4)
    assert worth.ratio and worth.ratio.estimate == pytest.approx(1.175, abs=5e-4)
    assert worth.cold_ratio and worth.cold_ratio.estimate == pytest.approx(1.175, abs=5e-4)
    assert (worth.per_solve_a, worth.per_solve_b) == pytest.approx((0.475, 0.447), abs=5e-4)
    assert dict(worth.acceptability)[0.5] == pytest.approx(0.82, abs=0.01)
    assert worth.net_benefit and worth.net_benefit.estimate == pytest.approx(0.08)
    assert found.measured.p_like.p == 0.109375
    assert "$0.3333 for each more solved task" in " ".join(shown(found).split())


def test_unknown_prices_make_cost_unknown_and_not_nothing(tmp_path):
    scores = dict.fromkeys(TASKS, "+-")
    found = both(tmp_path, trials(OLD, scores), trials(NEW, scores, cost_usd=None))
    assert found.measured
    worth = found.measured.worth
    assert "80 in B" in worth.unknown
    assert (worth.cost_a, worth.ratio, worth.net_benefit, worth.acceptability) == (None, None, None, ())
    assert "unknown" in shown(found) and "$0" not in shown(found)
    assert found.verdict != "invalid"


def test_an_arm_that_cost_nothing_has_no_ratio(tmp_path):
    scores = dict.fromkeys(TASKS[:6], "+-")
    found = both(tmp_path, trials(OLD, scores, cost_usd=0.0), trials(NEW, scores))
    assert found.measured
    assert found.measured.worth.ratio is None
    assert found.measured.worth.difference and found.measured.worth.difference.estimate == 0.25
    assert shown(found)


def test_seconds_and_tokens_are_ratios(tmp_path):
    scores = dict.fromkeys(TASKS[:6], "+-")
    found = both(tmp_path, trials(OLD, scores, seconds=100.0), trials(NEW, scores, seconds=150.0))
    assert found.measured
    ratios = {one.name: one.ratio.estimate for one in found.measured.spent if one.ratio}
    assert ratios == {"seconds": 1.5, "tokens": 1.0}


def test_what_a_reader_should_know_besides_is_noted(tmp_path):
    scores = dict.fromkeys(TASKS[:6], "+-")
    a = trials(OLD, scores, suspicious=(sign(),), price_table="genai-prices 0.2.3")
    found = both(tmp_path, a, trials(NEW, scores, price_table="genai-prices 0.2.9", is_llm=False))
    notes = " | ".join(found.notes)
    for told in (
        "suspicious trials in A (12)",
        "price table differs",
        "no LLM did the work of B",
        "limits of A are not",
    ):
        assert told in notes


@pytest.mark.parametrize("options", [{"margin": math.nan}, {"margin": -0.1}, {"value": math.inf}, {"value": math.nan}])
def test_options_that_decide_nothing_are_refused(options):
    with pytest.raises(ConfigError):
        Options(**options)


# --- files and exit codes --------------------------------------------------------------------------------------------


def test_text_of_agents_is_text_in_every_format(tmp_path):
    hostile = "<script>alert(1)</script>\x1b[31m**bold** | [x](http://e.org) \u202e"
    scores = {"t](x)": "+++", "<b>": "---"}
    a, b = trials(OLD, scores), trials(hostile, {"t](x)": "---", "<b>": "---"})
    found = both(tmp_path, a, b)
    everything = comparing.as_markdown(found)
    assert "<script>" not in everything and "**bold**" not in everything and "\\[x\\](http\\:" in everything
    assert "\x1b" not in everything + shown(found) + comparing.as_junit(found)
    assert "\u202e" not in everything + shown(found) + comparing.as_junit(found)
    ET.fromstring(comparing.as_junit(found))


def test_markdown_says_the_verdict_first_and_folds_the_details(tmp_path):
    chances = dict.fromkeys(TASKS, 0.5)
    found = both(tmp_path, drawn(OLD, chances, 3, 1), drawn(NEW, dict.fromkeys(TASKS, 0.9), 3, 2))
    made = comparing.as_markdown(found)
    assert made.startswith("### Better")
    assert made.index("| pass rate, tasks like these") < made.index("<details>")
    assert made.count("<details>") == made.count("</details>") == 4
    unfolded = made[: made.index("<details>")]
    assert sum(line.startswith("| ---") for line in unfolded.splitlines()) == 1


@pytest.mark.parametrize(
    ("a", "b", "code", "counts"),
    [
        ("---", "+++", 0, {"failures": 0, "errors": 0, "skipped": 0}),
        ("+++", "+++", 1, {"failures": 0, "errors": 0, "skipped": 0}),
        ("++++++", "------", 2, {"failures": 13, "errors": 0, "skipped": 0}),
        ("++-", "--+", 3, {"failures": 0, "errors": 0, "skipped": 1}),
        ("+++", "ee+", 4, {"failures": 0, "errors": 1, "skipped": 0}),
    ],
)
def test_exit_codes_are_the_verdicts_and_files_are_written(tmp_path, a, b, code, counts):
    write_run(tmp_path / "results" / "a", trials(OLD, dict.fromkeys(TASKS[:12], a)))
    scores = {task: b if code != 3 or n % 2 else "+++" for n, task in enumerate(TASKS[:12])}
    write_run(tmp_path / "results" / "b", trials(NEW, scores))
    files = ["--json", "out/c.json", "--markdown", "out/c.md", "--junit", "out/c.xml"]
    done = harness(tmp_path, "a", "b", *files)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    told = json.loads((tmp_path / "out/c.json").read_text())
    assert (told["exit_code"], told["verdict"]) == (code, done.stdout.partition(":")[0])
    suite = ET.parse(tmp_path / "out/c.xml").getroot()[0]
    assert {key: int(suite.get(key, "")) for key in counts} == counts
    assert (tmp_path / "out/c.md").read_text().startswith("### ")


@pytest.mark.parametrize(
    "words",
    [
        ("a", "a"), ("a", "nowhere"), ("a",), (), ("a", "a", "a"), ("a", "a", "--margin", "much"), ("--bogus",),
        ("a", "a", "--claim", "x"), ("a", "a", "--margin", "nan"), ("a", "a", "--families", "none.toml"),
        ("a:1", "b:2"), (":", "a"), ("a", "b", "--json", "results"), ("damaged", "a"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_no_verdict_ends_with_64(tmp_path, words):
    write_run(tmp_path / "results" / "a", trials(OLD, {"x": "+"}))
    write_run(tmp_path / "results" / "b", trials(NEW, {"x": "+"}))
    write_run(tmp_path / "results" / "damaged", trials(NEW, {"x": "+"}))
    next((tmp_path / "results" / "damaged").glob("trials/*/record.json")).write_text("{")
    done = harness(tmp_path, *words)
    assert done.returncode == 64, done
    assert done.stderr and "Traceback" not in done.stderr and "defect" not in done.stderr


# --- charts, page, links ---------------------------------------------------------------------------------------------


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_charts_come_with_their_data(tmp_path):
    chances = {task: 0.2 + 0.5 * n / len(TASKS) for n, task in enumerate(TASKS)}
    found = both(tmp_path, drawn(OLD, chances, 4, 1), drawn(NEW, dict.fromkeys(TASKS, 0.8), 4, 2, cost_usd=0.4))
    comparing.write(found, {}, tmp_path / "charts")
    assert found.measured and found.measured.like
    names = {path.name for path in (tmp_path / "charts").iterdir()}
    assert names == {f"{name}.{end}" for name in compare_chart.CHARTS for end in ("svg", "png", "csv")}
    like, these = rows_of(tmp_path / "charts" / "compare-difference.csv")
    assert float(like["low"]) == pytest.approx(found.measured.like.low)
    assert float(these["noise_floor"]) == pytest.approx(found.measured.noise)
    curve = [float(row["confidence"]) for row in rows_of(tmp_path / "charts" / "compare-worth.csv")]
    assert len(curve) > 20 and curve[0] < 0.5 < curve[-1]
    at_lambda = dict(compare_chart.curve(found))
    assert at_lambda[min(at_lambda, key=lambda v: abs(v - 1.0))] == dict(found.measured.worth.acceptability)[1.0]
    tasks = rows_of(tmp_path / "charts" / "compare-tasks.csv")
    assert [row["task"] for row in tasks] != TASKS and {row["task"] for row in tasks} == set(TASKS)
    assert [float(row["difference"]) for row in tasks] == sorted(found.measured.d)
    svg = (tmp_path / "charts" / "compare-tasks.svg").read_text()
    ET.fromstring(svg)
    assert tasks[0]["task"] in svg
    again = (tmp_path / "charts" / "compare-difference.svg").read_bytes()
    comparing.write(found, {}, tmp_path / "charts")
    assert (tmp_path / "charts" / "compare-difference.svg").read_bytes() == again


@pytest.mark.parametrize(
    ("a", "b", "changes"),
    [
        ({"x": "+"}, {"x": "+"}, {}), ({"x": "-"}, {"x": "+"}, {}), ({"x": "+", "y": "-"}, {"x": "e", "y": "e"}, {}),
        ({"x": "+", "y": "-"}, {"x": "-", "y": "-"}, {"cost_usd": None}),
        ({"x": "+", "y": "-"}, {"x": "-", "y": "-"}, {"cost_usd": 0.0}),
        ({"$x$ <b>": "+", "%": "-"}, {"$x$ <b>": "-", "%": "-"}, {}),
    ],
)  # fmt: skip
def test_charts_and_page_of_hardly_anything(tmp_path, a, b, changes):
    found = both(tmp_path, trials(OLD, a), trials(NEW, b, **changes))
    made = compare_chart.write(found, tmp_path / "charts")
    assert all(ET.parse(path) for path in made)
    page = comparing_page.as_html(found, tmp_path / "x.html")
    assert found.verdict.capitalize() in page and "<b>" not in page.partition("<main")[2].replace("<b></b>", "")
    assert ("<svg" in page) == (found.measured is not None)


def test_the_page_is_one_file_in_which_all_text_is_escaped(tmp_path):
    hostile = "<script>alert(1)</script>\x1b[31m \u202e"
    scores = {"<img src=x onerror=alert(1)>": "+++", "b": "---"}
    found = both(tmp_path, trials(OLD, scores), trials(hostile, dict.fromkeys(scores, "---")))
    page = comparing_page.as_html(found, tmp_path / "x.html")
    assert "<script" not in page and "<img" not in page and "\x1b" not in page and "\u202e" not in page
    assert "src=" not in page.replace("img src=x", "") and 'rel="stylesheet"' not in page
    assert "default-src 'none'" in page


def test_flips_link_to_the_pages_of_their_trials_as_seen_from_the_file(tmp_path):
    found = both(tmp_path, trials(OLD, {"x y": "++", "z": "++"}), trials(NEW, {"x y": "--", "z": "++"}))
    assert "attempts [1](" not in comparing.as_markdown(found, tmp_path / "deep" / "er" / "c.md")
    for run in "ab":
        pages = tmp_path / run / "report" / "trials"
        pages.mkdir(parents=True)
        for trial in (tmp_path / run / "trials").iterdir():
            (pages / f"{trial.name}.html").write_text("")
    made = comparing.as_markdown(found, tmp_path / "deep" / "er" / "c.md")
    addresses = re.findall(r"\]\(([^)]*)\)", made)
    assert len(addresses) == 4 and all(" " not in address for address in addresses)
    assert all((tmp_path / "deep" / "er" / unquote(address)).resolve().is_file() for address in addresses)
    assert found.measured
    assert braced(found) in comparing.as_markdown(found).replace("\\", "")
    page = comparing_page.as_html(found, tmp_path / "c.html")
    assert 'href="a/report/trials/x%20y--' in page


def braced(found: Comparison) -> str:
    assert found.measured
    return comparing.braced(found.measured.flips[0].trials_a)


def in_memory(run: str, pairs: list[Any]) -> Arm:
    """An arm as it is read from disk, without the disk."""
    row = pairs[0][0]
    planned, records = (tuple(pair[place] for pair in pairs) for place in (0, 1))
    return Arm(run, run, row.candidate, row.candidate_digest, row.label, planned, records, {})


def test_a_known_effect_lies_in_95_of_100_intervals_and_gets_the_right_word():
    chances = {task: 0.1 + 0.6 * n / 20 for n, task in enumerate(TASKS[:20])}
    moved = {task: p + 0.2 for task, p in chances.items()}
    found = []
    for number in range(120):
        a, b = drawn(OLD, chances, 4, 2 * number), drawn(NEW, moved, 4, 2 * number + 1)
        found.append(weighed(in_memory("a", a), in_memory("b", b), Options(), ONCE))
    held = sum(one.difference.low <= 0.2 <= one.difference.high for one in found if one.difference)
    assert 108 <= held <= 119
    words = Counter(one.verdict for one in found)
    assert words["better"] > 72 and not {"worse", "invalid"} & words.keys()


def test_three_per_cent_missing_say_their_coverage(tmp_path):
    many = [f"t{n}" for n in range(100)]
    a, b = trials(OLD, dict.fromkeys(many, "+")), trials(NEW, dict.fromkeys(many, "+"))
    write_run(tmp_path / "a", a)
    write_run(tmp_path / "b", b[3:], [row for row, _ in b])
    found = judged(tmp_path, "a", "b")
    assert comparing.headline(found).startswith("invalid: coverage 97 % in B: 97 of 100 trials have a verdict")
    assert "points" not in shown(found) and found.measured is None


def test_help_tells_the_exit_codes(tmp_path):
    done = harness(tmp_path, "--help")
    assert done.returncode == 0
    assert "0 better, 1 no worse" in done.stdout and "64" in done.stdout
