"""A run on disk: written whole or not at all, found by name, read back with every damage named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_run import plan_row, record

from harness import store
from harness.errors import ResultsError
from harness.types import Candidate, Ending, Limits, Tally, Task, TrialPlan, Usage

CONFIG = 'name = "nightly"\nattempts = 2\n'


def plan(task="transfers", attempt=1, digest="d1", model="scripted/demo"):
    made = Task(
        id=task, title="T", image="python", areas=("data.transactions",), difficulty="easy", limits=Limits(), app=None,
        services={}, root=Path("/nowhere"), instruction="Do it.", digest=digest,
    )  # fmt: skip
    candidate = Candidate(agent=None, scaffold="tools", model=model)
    trial = f"{task}--{candidate.digest[:8]}--{attempt}"
    return TrialPlan(run_id="nightly", trial_id=trial, task=made, candidate=candidate, attempt=attempt)


def of_plan(planned, outcome="passed", **changes):
    row = store.PlanRow(
        trial_id=planned.trial_id, task=planned.task.id, task_digest=planned.task.digest, areas=planned.task.areas,
        candidate=planned.candidate.id, candidate_digest=planned.candidate.digest, label=planned.candidate.label,
        attempt=planned.attempt,
    )  # fmt: skip
    return record(row, outcome, **changes)


@pytest.fixture
def run_dir(tmp_path):
    """A run of two planned trials, one of which is done."""
    folder = tmp_path / "results" / "nightly"
    plans = [plan(), plan(attempt=2)]
    store.create(folder, CONFIG, plans)
    store.write_record(store.trial_dir(folder, plans[0].trial_id), of_plan(plans[0]))
    return folder


# --- create ----------------------------------------------------------------------------------------------------------


def test_a_run_comes_back_as_it_was_written(run_dir):
    loaded = store.load(run_dir)
    assert loaded.run_id == "nightly"
    assert loaded.config == {"name": "nightly", "attempts": 2}
    assert [row.attempt for row in loaded.planned] == [1, 2]
    assert loaded.records == (of_plan(plan()),)
    assert loaded.refused == {}


def test_the_same_run_may_be_created_again_and_keeps_its_records(run_dir):
    store.create(run_dir, CONFIG, [plan(), plan(attempt=2)], {"transfers": "now refused"})
    assert len(store.records(run_dir)) == 1
    assert store.refused(run_dir) == {"transfers": "now refused"}


@pytest.mark.parametrize(("config", "plans", "told"), [
    ('name = "nightly"\nattempts = 3\n', [plan(), plan(attempt=2)], "config.toml differs in line 2"),
    (CONFIG, [plan(digest="d2"), plan(attempt=2)], "plan.jsonl differs in line 1"),
    (CONFIG, [plan()], "plan.jsonl differs in line 2"),
])  # fmt: skip
def test_another_run_of_the_same_name_is_refused_and_nothing_changes(run_dir, config, plans, told):
    before = {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file()}
    with pytest.raises(ResultsError, match=told):
        store.create(run_dir, config, plans)
    assert {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file()} == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="cannot be written"):
        store.create(tmp_path / "file" / "run", CONFIG, [plan()])


# --- records ---------------------------------------------------------------------------------------------------------


def test_a_record_is_replaced_whole_and_leaves_nothing_else(run_dir):
    folder = store.trial_dir(run_dir, plan().trial_id)
    store.write_record(folder, of_plan(plan(), "failed"))
    assert [path.name for path in folder.iterdir()] == ["record.json"]
    assert store.read_record(folder / "record.json").outcome == "failed"


def test_a_kill_in_the_middle_of_writing_leaves_the_old_file(tmp_path):
    target = tmp_path / "record.json"
    target.write_text("old")
    script = (
        "import os, pathlib, sys; from harness import store\n"
        "os.fsync = lambda handle: os.kill(os.getpid(), 9)\n"
        "store.write_atomic(pathlib.Path(sys.argv[1]), b'new' * 1000)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, target], check=False, cwd=Path(store.__file__).parent.parent)
    assert done.returncode == -9
    assert target.read_text() == "old"


def test_an_interrupt_while_writing_leaves_no_temporary_file(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        store.write_atomic(tmp_path / "record.json", b"new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("text", "told"), [
    ("", "Invalid JSON"), ("{", "Invalid JSON"), ("[]", "Input should be an object"),
    ('{"schema": 1}', "run_id: Field required"), ("\udc80", "is not UTF-8"),
])  # fmt: skip
def test_a_damaged_record_is_named_and_never_left_out(run_dir, text, told):
    path = store.trial_dir(run_dir, plan().trial_id) / "record.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ResultsError, match=told) as caught:
        store.records(run_dir)
    assert str(path) in str(caught.value)


def test_a_record_with_an_unknown_field_or_another_schema_is_refused(run_dir):
    path = store.trial_dir(run_dir, plan().trial_id) / "record.json"
    known = json.loads(path.read_text())
    for changes, told in (
        ({"colour": "red"}, "colour"),
        ({"schema": 99}, "schema 99"),
        ({"trial_id": "x"}, "wrong folder"),
    ):
        path.write_text(json.dumps({**known, **changes}))
        with pytest.raises(ResultsError, match=told):
            store.records(run_dir)


@pytest.mark.parametrize(("changes", "told"), [
    ({"task_digest": "d2"}, "task_digest is 'd2', but plan.jsonl says 'd1'"), ({"attempt": 7}, "attempt is 7"),
    ({"candidate_digest": "other"}, "candidate_digest"), ({"task": "other"}, "task is 'other'"),
])  # fmt: skip
def test_a_record_of_unlike_things_is_not_mixed_in(run_dir, changes, told):
    store.write_record(store.trial_dir(run_dir, plan().trial_id), of_plan(plan(), **changes))
    with pytest.raises(ResultsError, match=told):
        store.load(run_dir)


def test_a_record_that_is_not_planned_is_refused(run_dir):
    store.write_record(store.trial_dir(run_dir, "stray"), of_plan(plan(), trial_id="stray"))
    with pytest.raises(ResultsError, match="plans no such trial"):
        store.load(run_dir)


def test_records_come_in_the_order_of_the_plan(tmp_path):
    plans = [plan("b"), plan("a"), plan("c")]
    store.create(tmp_path / "r", CONFIG, plans)
    for one in plans[::-1]:
        store.write_record(store.trial_dir(tmp_path / "r", one.trial_id), of_plan(one))
    assert [r.task for r in store.load(tmp_path / "r").records] == ["b", "a", "c"]


# --- damaged plan, config, refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "text", "told"), [
    ("plan.jsonl", "{}\n", "line 1: trial_id: Field required"), ("plan.jsonl", "{\n", "line 1: Invalid JSON"),
    ("config.toml", "a = ", "Invalid value"), ("refused.json", "[1]", "must be an object"),
    ("refused.json", "{", "refused.json"), ("refused.json", '{"a": 1}', "must be an object"),
])  # fmt: skip
def test_a_damaged_file_is_named(run_dir, name, text, told):
    (run_dir / name).write_text(text)
    with pytest.raises(ResultsError, match=told) as caught:
        store.load(run_dir)
    assert name in str(caught.value)


def test_a_run_without_its_configuration_is_named(run_dir):
    (run_dir / "config.toml").unlink()
    with pytest.raises(ResultsError, match=r"config.toml: cannot be read \(No such file"):
        store.load(run_dir)


def test_an_empty_plan_is_a_run_of_no_trials(tmp_path):
    store.create(tmp_path / "r", CONFIG, [])
    assert store.load(tmp_path / "r").planned == ()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_label_survives_the_plan(tmp_path_factory, label):
    folder = tmp_path_factory.mktemp("run")
    store.write_atomic(folder / "plan.jsonl", (plan_row(label=label).model_dump_json() + "\n").encode())
    assert store.plan_rows(folder) == [plan_row(label=label)]


# --- find ------------------------------------------------------------------------------------------------------------


def test_a_run_is_found_by_name_path_and_as_the_latest(run_dir):
    results = run_dir.parent
    assert store.find_run(results, "nightly") == run_dir
    assert store.find_run(Path("elsewhere"), str(run_dir)) == run_dir
    store.create(results / "newer", CONFIG, [plan()])
    os.utime(run_dir / "plan.jsonl", (1, 1))
    assert store.find_run(results, "latest").name == "newer"


@pytest.mark.parametrize(("asked", "told"), [
    ("nightyl", "Did you mean nightly?"), ("zzz", "Its runs: nightly"), ("x" * 300, "no run"), ("", "no run"),
    ("..", "no run"),
])  # fmt: skip
def test_an_unknown_run_gets_the_nearest_names(run_dir, asked, told):
    with pytest.raises(ResultsError) as caught:
        store.find_run(run_dir.parent, asked)
    assert told in str(caught.value)


def test_without_any_run_the_first_step_is_told(tmp_path):
    for asked in ("latest", "x"):
        with pytest.raises(ResultsError, match="harness run"):
            store.find_run(tmp_path / "results", asked)


def test_a_trial_is_found_below_its_run(run_dir):
    trial, results = plan().trial_id, run_dir.parent
    assert store.find_target(results, "nightly") == (run_dir, None)
    assert store.find_target(results, f"nightly/{trial}") == (run_dir, trial)
    assert store.find_target(results, f"{run_dir}/trials/{trial}/") == (run_dir, trial)
    assert store.find_target(results, f"latest/{trial}") == (run_dir, trial)


def test_an_unknown_trial_gets_the_nearest_names(run_dir):
    trial = plan().trial_id
    with pytest.raises(ResultsError, match=f"Did you mean .*{trial}"):
        store.find_target(run_dir.parent, f"nightly/{trial}x")


@pytest.mark.parametrize("trial", ["", ".", "..", "a/b", "../x", "a\0b"])
def test_a_trial_id_cannot_leave_the_run(tmp_path, trial):
    with pytest.raises(ResultsError):
        store.trial_dir(tmp_path, trial)


def test_a_trial_that_is_planned_twice_is_refused(run_dir):
    path = run_dir / "plan.jsonl"
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(ResultsError, match="more than once"):
        store.load(run_dir)


def test_a_run_without_its_plan_says_so(run_dir):
    (run_dir / "plan.jsonl").unlink()
    with pytest.raises(ResultsError, match=r"plan\.jsonl is missing"):
        store.find_run(run_dir.parent, run_dir.name)


@pytest.mark.parametrize(("name", "text"), [("config.toml", "x=" + "9" * 5000), ("refused.json", "[" * 100_000)])
def test_absurd_files_are_damaged_ones(run_dir, name, text):
    (run_dir / name).write_text(text)
    with pytest.raises(ResultsError, match=name):
        store.load(run_dir)


# --- additions to older runs -----------------------------------------------------------------------------------------


def test_a_plan_without_controls_is_written_as_it_always_was(run_dir):
    assert "control" not in (run_dir / store.PLAN).read_text()
    assert [row.control for row in store.plan_rows(run_dir)] == [None, None]


def test_a_record_of_an_older_harness_loads_as_not_searched(run_dir):
    path = store.trial_dir(run_dir, plan().trial_id) / store.RECORD
    old = json.loads(path.read_text())
    del old["suspicious"], old["control"]
    path.write_text(json.dumps(old))
    record = store.read_record(path)
    assert (record.suspicious, record.control) == (None, None)


# --- many trials -----------------------------------------------------------------------------------------------------


def test_trials_that_were_loaded_together_share_what_they_have_in_common(tmp_path):
    plans = [plan(attempt=n) for n in (1, 2)]
    store.create(tmp_path / "r", CONFIG, plans)
    for one in plans:
        store.write_record(store.trial_dir(tmp_path / "r", one.trial_id), of_plan(one))
    loaded = store.load(tmp_path / "r")
    first, second = loaded.records
    for name in ("task_digest", "candidate", "label", "areas", "tally", "isolation", "ending", "images", "model"):
        assert getattr(first, name) is getattr(second, name), name
    assert first.trial_id is loaded.planned[0].trial_id
    assert loaded.planned[0].model_fields_set is loaded.planned[1].model_fields_set
    assert first.submission is not second.submission


def test_what_is_shared_is_equal_to_what_was_written(tmp_path):
    """Parts that differ in one value only are never taken for the same."""
    plans = [plan(attempt=n) for n in range(1, 6)]
    store.create(tmp_path / "r", CONFIG, plans)
    changes = [
        {}, {"tally": {"functional": Tally(passed=9, total=9)}}, {"images": {"redis": "sha256:" + "ab" * 32}},
        {"ending": Ending(reason="submitted", detail="late")}, {"agent": None, "usage": Usage(raw={"a": 1})},
    ]  # fmt: skip
    written = [of_plan(one, **change) for one, change in zip(plans, changes, strict=True)]
    for one in written:
        store.write_record(store.trial_dir(tmp_path / "r", one.trial_id), one)
    loaded = store.load(tmp_path / "r").records
    assert list(loaded) == written
    assert [one.model_dump_json() for one in loaded] == [one.model_dump_json() for one in written]
    assert [one.model_fields_set for one in loaded] == [set(type(one).model_fields) for one in written]


def test_a_record_takes_little_memory(tmp_path):
    import tracemalloc

    plans = [plan(attempt=n) for n in range(1, 301)]
    store.create(tmp_path / "r", CONFIG, plans)
    for one in plans:
        folder = store.trial_dir(tmp_path / "r", one.trial_id)
        folder.mkdir(parents=True)
        (folder / store.RECORD).write_text(of_plan(one).model_dump_json(by_alias=True))
    store.load(tmp_path / "r")
    tracemalloc.start()
    loaded = store.load(tmp_path / "r")
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert used / len(loaded.records) < 5000  # bytes, the row of the plan included


def test_loading_leaves_the_collector_as_it_was(run_dir):
    import gc

    store.load(run_dir)
    assert gc.isenabled()
    (run_dir / store.PLAN).write_text("{")
    with pytest.raises(ResultsError):
        store.load(run_dir)
    assert gc.isenabled()


def test_a_trial_without_a_record_and_a_stray_file_are_no_records(run_dir):
    (run_dir / store.TRIALS / "stray.txt").write_text("x")
    assert len(store.records(run_dir)) == 1
    assert store.records(run_dir.parent) == []


def test_records_are_sorted_whatever_order_they_were_written_in(tmp_path):
    plans = [plan("b"), plan("c"), plan("a")]
    store.create(tmp_path / "r", CONFIG, plans)
    for one in plans:
        store.write_record(store.trial_dir(tmp_path / "r", one.trial_id), of_plan(one))
    assert [record.task for record in store.records(tmp_path / "r")] == ["a", "b", "c"]
