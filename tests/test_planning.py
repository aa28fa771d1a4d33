"""A design is planned before it is paid: what it can see is what a simulation of the comparison sees, and what a pilot
does not tell is said to be assumed.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_run import no_llm, plan_row, record
from test_compare import NEW, OLD, drawn, trials, write_run

from harness import agents, design, planning, stats, tasks
from harness.cli import cli
from harness.compare import Options, weigh
from harness.config import RunConfig
from harness.design import Basis, Design, Price, Wish
from harness.errors import ConfigError, ResultsError, TaskError
from harness.stats import Variances
from harness.types import Candidate

TASKS = [f"task-{n:02d}" for n in range(12)]


def harness(folder: Path, *words: str, command: str = "plan") -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-P", "-m", "harness", command, *words]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120, env=dict(os.environ))


def packages(folder: Path, names) -> Path:
    """Task packages of these names."""
    for name in names:
        tasks.new(name, folder / "tasks")
    return folder / "tasks"


def planned(results: Path, *words: str, tasks_dir: Path, told=None, **wish) -> planning.Plan:
    pilot = planning.read_pilot(results, words[0], words[1] if len(words) > 1 else None) if words else []
    return planning.make(pilot, told or planning.Stated(), Wish(**wish), (), tasks_dir, results)


def chances(source, tasks, spread):
    """Pass chances of two arms at some tasks, most of them easy or hopeless; B is 15 points better on average."""
    a = source.beta(0.5, 0.5, tasks) * 0.7
    return a, np.clip(a + 0.15 + spread * source.choice([-1, 1], tasks), 0, 1)


def scored(source, chance, attempts):
    return [[1] * int(x) + [0] * (attempts - int(x)) for x in source.binomial(attempts, chance)]


# --- what a design sees ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "power"), [((300, 1), 0.69), ((100, 3), 0.62), ((30, 10), 0.49)])
def test_stated_rates_give_the_reference_powers(shape, power):
    """300 trials an arm and 7 points: by rates alone, without a spread that fits."""
    found = design.power(stats.stated(0.6, 0.67), Wish(effect=0.07), *shape)
    assert found == pytest.approx(power, abs=0.025)


@pytest.mark.parametrize(("number", "attempts"), [(12, 3), (60, 2)])
def test_power_is_what_the_comparison_has(number, attempts):
    source = np.random.default_rng(7)
    a, b = chances(source, 100_000, 0.1)
    noise = [float((p * (1 - p)).mean()) for p in (a, b)]
    truth, variances = float((b - a).mean()), Variances(*noise, float((b - a).var()))
    better = 0
    for _ in range(400):
        p, q = chances(source, number, 0.1)
        found = weigh(scored(source, p, attempts), scored(source, q, attempts), Options(margin=0.05))
        better += found.verdict == "better"
    assert design.power(variances, Wish(effect=truth), number, attempts) == pytest.approx(better / 400, abs=0.07)


def test_power_at_the_smallest_effect_is_80_per_cent_and_the_fewest_tasks_are_the_fewest():
    variances = stats.stated(0.5, 0.55)
    for looks in (1, 4):
        one = design.design(Basis(variances), Wish(effect=0.05, looks=looks), 40, 2)
        assert one.seen is not None
        assert design.power(variances, Wish(effect=one.seen, looks=looks), 40, 2) == pytest.approx(0.8, abs=0.003)
        fewest = design.needed(Basis(variances), Wish(effect=0.05, looks=looks), 2)
        assert fewest is not None
        powers = [design.power(variances, Wish(effect=0.05, looks=looks), fewest + n, 2) for n in (-1, 0)]
        assert powers[0] < 0.8 <= powers[1]


@given(st.floats(0.01, 0.99), st.integers(1, 200), st.integers(1, 8), st.floats(0.01, 0.5))
@settings(max_examples=60, deadline=None)
def test_more_of_anything_sees_no_less(rate, number, attempts, effect):
    variances, wish = stats.stated(rate, rate), Wish(effect=effect)
    here = design.power(variances, wish, number, attempts)
    assert 0 <= here <= 1
    assert design.power(variances, wish, number + 1, attempts) >= here - 1e-9
    assert design.power(variances, wish, number, attempts + 1) >= here - 1e-9


@pytest.mark.parametrize(("claim", "number", "attempts"), [("like-these", 5, 1), ("these", 1, 4), ("these", 5, 1)])
def test_a_design_can_decide_exactly_when_the_exact_test_can(claim, number, attempts):
    def word(many, each):
        scores = [[[passed] * each] * many for passed in (0, 1)]
        return weigh(scores[0], scores[1], Options(claim=claim, margin=0.0)).verdict

    assert design.can_decide(number, attempts, claim)
    assert word(number, attempts) == "better"
    fewer = (number - 1, attempts) if number > 1 else (number, attempts - 1)
    assert not design.can_decide(*fewer, claim)
    assert word(*fewer) != "better"


# --- planned looks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("looks", "factor"), [(2, 1.008), (3, 1.017), (4, 1.024), (5, 1.028)])
def test_looks_inflate_a_design_as_jennison_and_turnbull_say(looks, factor):
    assert stats.inflation(looks) == pytest.approx(factor, abs=0.0006)


@pytest.mark.parametrize("drift", [0.0, 1.5, 2.8])
def test_where_looks_end_is_what_a_simulation_gives(drift):
    bounds = np.array(stats.obrien_fleming(4))
    steps = np.random.default_rng(3).normal(drift / 2, 1, (200_000, 4))
    z = steps.cumsum(axis=1) / np.sqrt(np.arange(1, 5))
    crossed = np.abs(z) >= bounds
    first = np.where(crossed.any(axis=1), crossed.argmax(axis=1), 4)
    found = stats.stopping(list(bounds), drift)
    for look in range(4):
        up = float(((first == look) & (z[:, look] > 0)).mean())
        assert found.up[look] == pytest.approx(up, abs=0.004)
    assert found.share == pytest.approx(float((np.minimum(first, 3) + 1).mean() / 4), abs=0.004)
    assert sum(found.up + found.down) == pytest.approx(0.05, abs=1e-6) if drift == 0 else found.power > 0.3


def test_looks_cost_little_and_end_early_only_when_there_is_something():
    basis = Basis(stats.stated(0.6, 0.67))
    once, often = (design.design(basis, Wish(effect=0.07, looks=looks), 400, 1) for looks in (1, 4))
    assert once.power - 0.02 < often.power < once.power
    assert once.likely == once.idle == once.trials
    assert often.likely < 0.85 * often.trials
    assert 0.98 * often.trials < often.idle < often.trials


# --- what a pilot tells ----------------------------------------------------------------------------------------------


def test_a_pilot_of_two_arms_gives_the_reference_components():
    a, b = ([[1] * n + [0] * (4 - n) for n in arm] for arm in ([0, 4, 4, 0, 2, 3], [4, 4, 0, 0, 4, 3]))
    found = stats.from_two(a, b)
    assert found[:4] == pytest.approx((0.097222, 0.041667, 0.406944, 5), abs=1e-6)
    assert found.assumed == ()


def test_pilots_tell_the_truth_on_average():
    source = np.random.default_rng(11)
    a, b = chances(source, 100_000, 0.2)
    found = []
    for _ in range(400):
        p, q = chances(source, 40, 0.2)
        found.append(stats.from_two(scored(source, p, 3), scored(source, q, 3))[:3])
    truth = [float((a * (1 - a)).mean()), float((b * (1 - b)).mean()), float((b - a).var())]
    assert np.mean(found, axis=0) == pytest.approx(truth, abs=0.006)


def test_the_uncertainty_of_a_small_pilot_holds_the_truth():
    """Seven tasks with three attempts: 95 of 100 intervals for the standard error should hold it."""
    source = np.random.default_rng(5)
    a, b = chances(source, 100_000, 0.2)
    truth = math.sqrt(float((b - a).var() + ((a * (1 - a)).mean() + (b * (1 - b)).mean()) / 3))
    held = 0
    for _ in range(500):
        p, q = chances(source, 7, 0.2)
        variances = stats.from_two(scored(source, p, 3), scored(source, q, 3))
        low, high = (factor * math.sqrt(variances.of_task(3, 3)) for factor in variances.error_factor())
        held += low <= truth <= high
    assert held / 500 > 0.9


def test_one_attempt_a_task_tells_the_whole_and_assumes_the_parts():
    source = np.random.default_rng(2)
    p, q = chances(source, 200, 0.2)
    a, b = scored(source, p, 1), scored(source, q, 1)
    found = stats.from_two(a, b)
    assert "noise" in found.assumed
    d = stats.task_means(b) - stats.task_means(a)
    assert found.of_task(1, 1) == pytest.approx(float(d.var(ddof=1)))
    assert found.of_task(10, 10) < found.of_task(1, 1)
    assert stats.from_one(a).assumed == ("noise", "spread")
    rate = float(stats.task_means(a).mean())
    assert stats.from_one(a).s2_a == pytest.approx(rate * (1 - rate) / 2)


@pytest.mark.parametrize("score", [0, 1])
@pytest.mark.parametrize("shape", [(1, 1), (7, 1), (7, 3), (1, 4)])
def test_unanimous_pilots_are_not_certain(score, shape):
    number, attempts = shape
    arm = [[score] * attempts] * number
    for found in (stats.from_one(arm), stats.from_two(arm, arm)):
        assert "unanimous" in found.assumed
        assert found.of_task(attempts, attempts) > 0.01
        assert found.error_factor().high > 1.5


def test_agreeing_attempts_leave_what_one_flip_would_give():
    found = stats.from_one([[1, 1, 1]] * 3 + [[0, 0, 0]] * 3)
    assert found.s2_a == pytest.approx(1 / 18)


# --- from a run ------------------------------------------------------------------------------------------------------


def test_a_pilot_without_errors_controls_and_refused_tasks(tmp_path):
    here = packages(tmp_path, TASKS[:8])
    made = drawn(OLD, dict.fromkeys(TASKS[:7], 0.5), 2, 1) + drawn(NEW, dict.fromkeys(TASKS[:7], 0.6), 2, 2)
    lost = [
        (row, record(row, "error")) if row.task == TASKS[0] and row.attempt == 1 else (row, one) for row, one in made
    ]
    control = plan_row("sealed", OLD, control="impossible")
    refused = [plan_row(TASKS[7], label, n) for label in (OLD, NEW) for n in (1, 2)]
    oracle = plan_row(TASKS[1], "oracle")
    yardsticks = [(control, record(control, "failed")), (oracle, no_llm(oracle, "oracle", "passed"))]
    rows = [row for row, _ in [*lost, *yardsticks]] + refused
    write_run(tmp_path / "results" / "pilot", [*lost, *yardsticks], rows, refused={TASKS[7]: "three replicas"})
    found = planned(tmp_path / "results", "pilot", tasks_dir=here)
    assert found.wish.here == 7  # the refused one cannot be run
    assert any(TASKS[7] in line for line in found.known)
    assert any("13 graded trials at 7 tasks" in line for line in found.known)
    assert any("1 in error" in line for line in found.known)
    assert found.basis.variances.assumed == ()
    assert found.basis.variances.df == 6


def test_unknown_prices_are_unknown_and_known_ones_add_up(tmp_path):
    here = packages(tmp_path, TASKS[:6])
    dark = drawn(OLD, dict.fromkeys(TASKS[:6], 0.5), 2, 1, cost_usd=None, cost_floor_usd=0.1)
    write_run(tmp_path / "a", dark)
    write_run(tmp_path / "b", drawn(NEW, dict.fromkeys(TASKS[:6], 0.5), 2, 2, cost_usd=0.3))
    found = planned(tmp_path, "a", "b", tasks_dir=here, attempts=(2,))
    one = next(d for d in found.designs if d.here)
    assert (one.cost, one.floor) == (None, pytest.approx(12 * 0.4))
    assert json.loads(planning.as_json(found))["designs"][0]["cost"] is None
    with pytest.raises(ConfigError, match="not known"):
        planned(tmp_path, "a", "b", tasks_dir=here, dollars=5.0)
    told = planning.Stated(cost=0.2)
    found = planned(tmp_path, "a", "b", tasks_dir=here, told=told, dollars=5.0)
    assert max(d.cost for d in found.designs) <= 5.0
    assert max(d.cost for d in found.designs if d.here) > 4.0


def test_one_arm_is_a_pilot_and_says_what_it_does_not_tell(tmp_path):
    here = packages(tmp_path, TASKS)
    write_run(
        tmp_path / "a",
        drawn(OLD, dict.fromkeys(TASKS, 0.5), 2, 1, seconds=30.0),
        config='name = "a"\nconcurrency = 4\n',
    )
    found = planned(tmp_path, "a", tasks_dir=here)
    assert found.basis.variances.assumed == ("spread",)
    assert found.basis.concurrency == 4
    one = next(d for d in found.designs if d.attempts == 2)
    assert one.seconds == pytest.approx(30 * 48 / 4)
    wide = planned(tmp_path, "a", tasks_dir=here, told=planning.Stated(spread=0.4))
    assert wide.basis.variances.w2 == pytest.approx(0.16)
    assert wide.designs[0].power < found.designs[0].power


def test_a_changed_task_is_told_and_a_pilot_without_verdicts_is_none(tmp_path):
    here = packages(tmp_path, TASKS[:2])
    write_run(tmp_path / "a", drawn(OLD, dict.fromkeys(TASKS[:2], 0.5), 2, 1))
    assert any(line.startswith("Changed since") for line in planned(tmp_path, "a", tasks_dir=here).known)
    write_run(tmp_path / "b", trials(OLD, {"x": "ee"}))
    with pytest.raises(ResultsError, match="no pilot"):
        planned(tmp_path, "b", tasks_dir=here)


# --- what to do ------------------------------------------------------------------------------------------------------


def advised(number, **wish):
    basis = Basis(stats.stated(0.6, 0.67), Price(0.1, 0.1), Price(0.1, 0.1))
    asked = Wish(here=number, **{"effect": 0.07, **wish})
    found = design.designs(basis, asked)
    chosen = design.choose(found)
    return found, chosen, " ".join(design.advice(basis, asked, chosen))


def test_a_budget_goes_into_tasks_where_they_exist():
    found, chosen, said = advised(300, trials=600)
    assert chosen is not None
    assert (chosen.tasks, chosen.attempts) == (300, 1)
    assert "69 % as 300 × 1, 64 % as 100 × 3, 50 % as 30 × 10" in said
    assert all(one.trials <= 600 for one in found)


def test_tasks_that_do_not_exist_are_shown_and_not_chosen():
    found, chosen, said = advised(6, trials=600)
    assert {one.tasks for one in found if not one.here} == {30, 60, 100, 150, 300}
    assert chosen is not None
    assert chosen.tasks == 6
    assert "nothing sensible is to be seen" in said
    assert "`--claim these`" in said
    assert "no number of attempts sees less than" in said


def test_too_few_tasks_for_any_claim_are_told_plainly():
    found, chosen, said = advised(4)
    assert chosen is None
    assert "five are the least" in said
    assert all(one.power == 0 and one.seen is None for one in found if one.here)


def test_the_cheapest_design_with_enough_power_is_taken():
    found, chosen, said = advised(200, effect=0.15)
    assert chosen is not None
    assert chosen.power >= 0.8
    assert all(one.trials >= chosen.trials for one in found if one.here and one.power >= 0.8)
    assert said.startswith(f"Take {chosen.tasks} tasks × 1 attempt")


def test_no_room_is_told(tmp_path):
    told = planning.Stated(rate=0.99)
    found = planned(tmp_path, tasks_dir=tmp_path / "none", told=told, effect=0.05, counts=(100,))
    assert any("1.0 points at most" in line for line in found.advice)
    assert found.chosen is None
    assert found.commands == ()
    assert found.wish.here == 0


@pytest.mark.parametrize("call", [
    lambda: Wish(effect=0), lambda: Wish(effect=1.5), lambda: Wish(looks=0), lambda: Wish(looks=21),
    lambda: Wish(dollars=0), lambda: planning.Stated(rate=1.1), lambda: planning.Stated(cost=-1),
    lambda: planning.Stated(cost=math.nan), lambda: planning.Stated(spread=-0.1),
])  # fmt: skip
def test_what_cannot_be_is_refused(call):
    with pytest.raises(ConfigError):
        call()


# --- commands --------------------------------------------------------------------------------------------------------


def parsed(line: str) -> dict:
    """The parameters of a printed command, as the command line reads them."""
    words = shlex.split(line)
    assert words[0] == "harness"
    return cli.commands[words[1]].make_context(words[1], words[2:]).params


def piloted(folder: Path, specs: list[dict], label_of) -> None:
    """A pilot on disk whose candidates are those of its configuration."""
    config = RunConfig.model_validate({"name": "pilot", "candidates": specs, "grading_slots": 2})
    made = []
    for number, spec in enumerate(config.candidates):
        agent = agents.load(spec.agent)
        candidate = Candidate(agent=agent, scaffold=spec.scaffold, model=spec.model, settings=spec.settings)
        for row, one in drawn(label_of(candidate), dict.fromkeys(TASKS[:6], 0.5), 2, number):
            ids = {"candidate": candidate.id, "candidate_digest": candidate.digest, "label": candidate.label}
            row = row.model_copy(update={**ids, "trial_id": f"{row.task}--{candidate.digest[:8]}--{row.attempt}"})
            made.append((row, one.model_copy(update={**ids, "trial_id": row.trial_id})))
    write_run(folder / "results" / "pilot", made, config=config.resolved())


@pytest.fixture
def agent(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "helper.md").write_text("---\nname: helper\n---\nYou are of help.\n")
    return "agents/helper.md"


def test_the_commands_run_two_models_as_the_pilot_did(tmp_path, agent):
    here = packages(tmp_path, TASKS[:7])
    specs = [{"agent": agent, "model": name} for name in ("anthropic/one", "anthropic/two")]
    piloted(tmp_path, specs, lambda c: c.label)
    found = planned(Path("results"), "pilot", tasks_dir=here, attempts=(3,), trials=36, claim="these")
    run, compare = map(parsed, found.commands)
    assert found.chosen is not None
    assert (run["agents"], run["models"], run["attempts"]) == ((agent,), ("anthropic/one", "anthropic/two"), 3)
    assert len(run["tasks"]) == found.chosen.tasks == 6
    assert (compare["a"], compare["claim"]) == (run["name"], "these")


def test_one_arm_is_set_against_its_committed_revision_with_its_looks(tmp_path, agent):
    piloted(tmp_path, [{"agent": agent, "model": "anthropic/one"}], lambda c: c.label)
    here = packages(tmp_path, TASKS)
    found = planned(Path("results"), "pilot", tasks_dir=here, trials=24 * 5, looks=4, dollars=100.0)
    (compare,) = map(parsed, found.commands)
    assert (compare["a"], compare["b"]) == (f"{agent}@HEAD", agent)
    assert (compare["model"], compare["attempts"], compare["looks"]) == ("anthropic/one", 5, 4)
    assert compare["max_cost_usd"] == 100
    assert compare["tasks"] == ()  # all of them
    assert str(compare["tasks_dir"]) == str(here)


def test_designs_without_room_for_the_looks_are_not_taken(tmp_path, agent):
    piloted(tmp_path, [{"agent": agent, "model": "anthropic/one"}], lambda c: c.label)
    found = planned(Path("results"), "pilot", tasks_dir=packages(tmp_path, TASKS[:7]), looks=4)
    assert [one.attempts for one in found.designs if one.here] == [5, 10]
    rows = planning.table(found)[1]
    assert any("no room for 4 looks" in row for row in rows)


def test_settings_that_options_cannot_say_come_from_the_stored_configuration(tmp_path, agent):
    specs = [{"agent": agent, "model": "anthropic/one", "settings": {"effort": word}} for word in ("low", "high")]
    piloted(tmp_path, specs, lambda c: c.label)
    found = planned(Path("results"), "pilot", tasks_dir=packages(tmp_path, TASKS[:7]), trials=140)
    run, compare = map(parsed, found.commands)
    assert run["config"] == Path("results/pilot/config.toml")
    assert {compare["a"].partition(":")[0], compare["b"].partition(":")[0]} == {run["name"]}


# --- the command line ------------------------------------------------------------------------------------------------


def test_the_command_tells_all_on_a_terminal_and_as_json(tmp_path):
    packages(tmp_path, TASKS[:6])
    words = ["--rate", "0.6", "--rate-b", "0.67", "--effect", "0.07", "--trials", "600", "--cost", "0.25"]
    shown = harness(tmp_path, *words)
    assert shown.returncode == 0, shown.stderr
    assert "$150.00" in shown.stdout
    assert "Tasks before repeats" in shown.stdout
    assert shown.stdout.rstrip().splitlines()[-1].startswith("  harness compare AGENT@HEAD AGENT --model MODEL")
    found = json.loads(harness(tmp_path, *words, "--json", "--looks", "4").stdout)
    wide = next(d for d in found["designs"] if d["tasks"] == 300)
    assert wide["power"] == pytest.approx(0.69, abs=0.02)
    assert wide["likely"] < wide["idle"] < 600
    assert [d["tasks"] for d in found["designs"] if d["chosen"]] == [6]
    assert "--looks 4" in found["commands"][0]


@pytest.mark.parametrize(("words", "message"), [
    ([], "--rate"), (["nope"], "no run"), (["--rate", "2"], "between 0 and 1"),
    (["--rate", "0.5", "--looks", "99"], "--looks"),
    (["--rate", "0.5", "--max-cost", "9"], "not known"), (["--rate", "0.5", "--tasks", "nope"], "nope"),
    (["--rate", "0.5", "--trials", "1"], "one trial in each arm"), (["--rate", "nan"], "between 0 and 1"),
])  # fmt: skip
def test_bad_input_has_one_message_and_no_traceback(tmp_path, words, message):
    packages(tmp_path, TASKS[:1])
    done = harness(tmp_path, *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_rates_and_a_pilot_do_not_go_together(tmp_path):
    write_run(tmp_path / "a", drawn(OLD, dict.fromkeys(TASKS[:2], 0.5), 2, 1))
    with pytest.raises(ConfigError, match="leave them or the run out"):
        planned(tmp_path, "a", tasks_dir=tmp_path / "none", told=planning.Stated(rate=0.5))
    with pytest.raises(TaskError):
        planning.make([], planning.Stated(rate=0.5), Wish(), ("nope",), packages(tmp_path, ["x"]), tmp_path)


def test_a_design_knows_its_trials():
    assert Design(3, 2, True, 0, None, None, None, None, 0, None, 0, 0).trials == 12
