"""An A/A check has the noise of the trials that it was given, judges as `harness compare` does, and finds gates out."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from synthetic_run import no_llm, plan_row, record
from test_compare import NEW, drawn, trials, write_run

from harness import aacheck, agents, store
from harness.aacheck import Check
from harness.compare import Options, weigh
from harness.errors import ConfigError, ResultsError
from harness.plan import plan
from harness.stats import resample
from harness.types import Candidate


def harness(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-P", "-m", "harness", "aa-check", *words]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=240, env=dict(os.environ))


def chances(number: int, seed: int = 1) -> dict[str, float]:
    source = np.random.default_rng(seed)
    return {f"task-{n:03d}": float(p) for n, p in enumerate(source.beta(0.5, 0.5, number))}


def stored(folder: Path, number: int, attempts: int, name: str = "night", seed: int = 1) -> Path:
    return write_run(folder / name, drawn(NEW, chances(number, seed), attempts, seed))


def checked(folder: Path, name: str = "night", **asked) -> aacheck.Found:
    return aacheck.check(aacheck.read(folder, name), Check(**asked))


# --- the nights ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stored_attempts", "attempts"), [(1, 1), (2, 1), (3, 3), (2, 2), (6, 3)])
def test_nights_have_the_noise_of_the_candidate(stored_attempts, attempts):
    """The variance of the nights' deltas, over many stored runs, is the true one: by splitting and by the model."""
    source = np.random.default_rng(2)
    found, truth = [], []
    for seed in range(600):
        p = source.beta(0.5, 0.5, 40)
        scores = [[1] * int(x) + [0] * int(stored_attempts - x) for x in source.binomial(stored_attempts, p)]
        a, b = resample.nights(scores, attempts, 60, seed)
        found.append(((b - a).mean(axis=1) / attempts).var(ddof=1))
        truth.append((2 * p * (1 - p) / attempts).sum() / 40**2)
    assert np.mean(found) == pytest.approx(np.mean(truth), rel=0.04)


def test_resampling_the_attempts_themselves_would_lack_a_share():
    """Why there is a model: with two stored attempts, drawing from them finds half of the variance."""
    source = np.random.default_rng(2)
    naive, truth = [], []
    for _ in range(150):
        p = source.beta(0.5, 0.5, 40)
        x = source.binomial(2, p) / 2
        naive.append((2 * x * (1 - x)).mean())
        truth.append((2 * p * (1 - p)).mean())
    assert np.mean(naive) / np.mean(truth) == pytest.approx(0.5, abs=0.05)


def test_splits_use_each_stored_attempt_once():
    a, b = resample.nights([[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]], 2, 500, 3)
    assert ((a + b) == [2, 1, 4]).all()
    assert (resample.nights([[1, 0]], 1, 50, 7)[0] == resample.nights([[1, 0]], 1, 50, 7)[0]).all()


def test_tasks_with_too_few_attempts_are_modelled_and_the_others_split():
    a, b = resample.nights([[1, 1, 0, 0], [1]], 2, 500, 3)
    assert ((a + b)[:, 0] == 2).all()
    assert set((a + b)[:, 1]) >= {3, 4}


@pytest.mark.parametrize("scores", [[[1], [1]], [[0, 0], [0, 0]], [[1]]])
def test_unanimous_trials_have_a_prior_that_is_not_certain(scores):
    found = resample.prior(scores)
    assert 0 < found.mean < 1
    assert found.concentration > 0
    assert np.isfinite(found.concentration)


@pytest.mark.parametrize("claim", ["like-these", "these"])
@pytest.mark.parametrize("families", [None, 4])
def test_each_night_gets_the_verdict_that_compare_gives(claim, families):
    asked = Check(claim=claim, margin=0.02)
    scores = [[1] * n + [0] * (4 - n) for n in (0, 1, 2, 2, 3, 4, 1, 3, 2, 2, 1, 3)]
    a, b = resample.nights(scores, 2, 300, 5)
    names = [f"task {n}" if families is None else f"family {n % families}" for n in range(12)]
    options, expected = Options(claim=claim, margin=0.02), []
    for x, y in zip(a.tolist(), b.tolist(), strict=True):
        one, two = ([[1] * p + [0] * (2 - p) for p in arm] for arm in (x, y))
        expected.append(weigh(one, two, options, families=names).verdict)
    assert aacheck.verdicts(a, b, 2, names, asked) == expected
    assert len(set(expected)) > 1


# --- the check -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stored_attempts", "attempts"), [(1, None), (3, 3), (4, None)])
def test_compare_is_honest_and_the_gates_that_people_build_are_not(tmp_path, stored_attempts, attempts):
    stored(tmp_path, 100, stored_attempts)
    found = checked(tmp_path, attempts=attempts, nights=1000)
    assert 0.02 < found.gates["compare"].rate < 0.07
    assert found.exit_code == 0
    for gate, least in (("drop", 0.15), ("flip", 0.9)):
        assert found.gates[gate].rate > least
        assert not found.gates[gate].honest
        assert checked(tmp_path, attempts=attempts, gate=gate, nights=300).exit_code == 1


def test_a_nightly_of_100_tasks_at_one_attempt_has_the_reference_figures(tmp_path):
    """31 % of nights are more than 2 points down, and 12.5 tasks passed before and fail now."""
    found = []
    for seed in range(5):
        stored(tmp_path, 100, 1, f"night-{seed}", seed)
        found.append(checked(tmp_path, f"night-{seed}", seed=seed, nights=500))
    assert np.mean([one.gates["drop"].rate for one in found]) == pytest.approx(0.31, abs=0.03)
    assert np.mean([one.regressed for one in found]) == pytest.approx(12.5, abs=1)
    assert np.mean([one.floor for one in found]) == pytest.approx(0.1, abs=0.01)


def test_the_noise_floor_that_compare_computes_is_the_one_observed(tmp_path):
    stored(tmp_path, 60, 6)
    found = checked(tmp_path)
    assert found.attempts == 3
    assert found.floor == pytest.approx(found.observed, rel=0.15)
    assert found.mean == pytest.approx(0, abs=0.003)
    assert found.quantiles[0] == pytest.approx(-found.quantiles[-1], abs=0.02)
    assert sum(count for _, count in found.histogram) == found.check.nights


def test_one_attempt_a_task_cannot_tell_noise_and_the_check_says_so(tmp_path):
    stored(tmp_path, 20, 1)
    found = checked(tmp_path, nights=200)
    assert found.assumed
    assert found.modelled == 20
    assert any("does not tell noise from difficulty" in note for note in found.notes)
    assert found.real is None


def test_stored_halves_are_compared_in_earnest(tmp_path):
    marks = {f"task-{n}": "+-+-" if n % 2 else "-+-+" for n in range(12)}
    write_run(tmp_path / "night", trials(NEW, marks | {f"task-{n}": "+-+-" for n in range(12)}))
    found = checked(tmp_path, nights=200)
    assert found.real is not None
    assert found.real.measured is not None
    assert found.real.measured.these.estimate == -1.0
    assert found.real.verdict == "worse"


def test_errors_controls_and_yardsticks_are_in_no_night(tmp_path):
    made = trials(NEW, {"a": "+-e", "b": "++-", "c": "ee"})
    control, oracle = plan_row("sealed", NEW, control="impossible"), plan_row("a", "oracle")
    made += [(control, record(control, "failed")), (oracle, no_llm(oracle, "oracle", "passed"))]
    write_run(tmp_path / "night", made)
    found = checked(tmp_path, nights=200)
    assert found.tasks == 2
    assert any("5 of 8 trials have a verdict" in note for note in found.notes)
    assert any("2 tasks" in note and "never comes to 5 %" in note for note in found.notes)


def test_unanimous_trials_say_that_nothing_varied(tmp_path):
    write_run(tmp_path / "night", trials(NEW, {f"t{n}": "++" for n in range(8)}))
    found = checked(tmp_path, nights=200)
    assert any("that may be luck" in note for note in found.notes)
    assert checked(tmp_path, nights=200, attempts=2).observed > 0


def test_bars_hold_the_same_number_of_deltas_each(tmp_path):
    stored(tmp_path, 30, 2)
    found = checked(tmp_path, nights=500)
    places = [place for place, _ in found.histogram]
    steps = np.diff(places) * 30
    assert steps == pytest.approx([round(steps[0])] * len(steps))
    assert round(steps[0]) % 2 == 1
    assert places[len(places) // 2] == 0


@pytest.mark.parametrize("asked", [{"nights": 5}, {"nights": 10**6}, {"drop": 2}, {"margin": -1}, {"drop": math.nan}])
def test_what_cannot_be_simulated_is_refused(asked):
    with pytest.raises(ConfigError):
        Check(**asked)


def test_a_run_without_verdicts_is_refused(tmp_path):
    write_run(tmp_path / "night", trials(NEW, {"a": "ee"}))
    with pytest.raises(ResultsError, match="nothing to deal"):
        checked(tmp_path)


# --- one prompt as both arms, for real -------------------------------------------------------------------------------


def test_the_run_of_an_agent_has_the_attempts_of_both_arms_interleaved(tmp_path, notes):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "helper.md").write_text("---\nname: helper\n---\nYou are of help.\n")
    columns = {"agents": "helper", "models": "scripted/demo", "scaffolds": None}
    where = {"name": "aa", "agents_dir": str(tmp_path / "agents"), "tasks": ("notes",)}
    config = aacheck.configuration(columns, where, Check(attempts=3), tmp_path)
    assert (config.attempts, config.name, len(config.candidates)) == (6, "aa", 1)
    agent = agents.load(config.candidates[0].agent)
    candidate = Candidate(agent=agent, scaffold="tools", model="scripted/demo")
    trials_of_both = plan("aa", [notes], [candidate], config.attempts, 0)
    assert [one.attempt % 2 for one in trials_of_both] == [1, 0] * 3


@pytest.mark.bubblewrap
def test_an_agent_is_run_as_both_arms_and_checked(tmp_path, sandbox, notes):
    if sandbox.kind != "bubblewrap":
        pytest.skip("one kind is enough: the run is the ordinary one")
    where = ["--tasks-dir", str(notes.root.parent), "--results", str(tmp_path), "--sandbox", "bubblewrap"]
    who = ["--agent", "backend-developer", "--model", "scripted/demo", "--attempts", "2", "--name", "aa"]
    done = harness(Path.cwd(), *who, *where, "--nights", "100")
    assert done.returncode == 0, done.stderr
    assert "100 nights of 1 task × 2 attempts in each arm" in done.stdout
    assert "The stored trials themselves, even attempts against odd ones" in done.stdout
    assert sorted(one.attempt for one in store.load(tmp_path / "aa").records) == [1, 2, 3, 4]


def test_a_yardstick_is_refused_before_it_is_run(tmp_path):
    with pytest.raises(ConfigError, match="yardstick"):
        aacheck.configuration({"scaffolds": "nop"}, {}, Check(), tmp_path)


# --- the command line ------------------------------------------------------------------------------------------------


def test_the_command_tells_all_on_a_terminal_and_as_json(tmp_path):
    stored(tmp_path, 40, 4)
    shown = harness(tmp_path, "night", "--results", ".", "--nights", "400")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("honest: harness compare")
    assert "The stored trials themselves" in shown.stdout
    told = harness(tmp_path, "night", "--results", ".", "--nights", "400", "--gate", "flip", "--json")
    assert told.returncode == 1
    found = json.loads(told.stdout)
    assert (found["honest"], found["exit_code"], found["tasks"], found["attempts"]) == (False, 1, 40, 2)
    assert found["gates"]["flip"]["rate"] > found["gates"]["compare"]["rate"]
    assert sum(found["verdicts"].values()) == 400


@pytest.mark.parametrize(("words", "message"), [
    ([], "no candidate"), (["nope"], "no run"), (["night", "--agent", "x"], "leave out RUN"),
    (["night:nobody"], "nobody"), (["night", "--nights", "3"], "--nights"), (["--agent", "nobody"], "nobody"),
])  # fmt: skip
def test_bad_input_has_one_message_and_no_traceback(tmp_path, words, message):
    stored(tmp_path, 3, 1)
    (tmp_path / "agents").mkdir()
    done = harness(tmp_path, *words, "--results", ".")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
