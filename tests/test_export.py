"""What other tools read: trajectories that keep to ATIF, and tables; no word of a hidden test, no invented zero."""

from __future__ import annotations

import json

import pytest
from atif_schema import Trajectory
from synthetic_run import no_llm, plan_row, record

from harness import export, store, tasks, types
from harness.cli import EXPORTS
from harness.dossier import GRADE
from harness.errors import ResultsError, UsageError
from harness.export import atif, tables
from harness.journal import FileJournal
from harness.store import Loaded
from harness.types import Grade, ToolCall, ToolResult, Turn, Usage

ROW = plan_row("my-task", "helper · tools · anthropic/claude-sonnet-5-5")
USAGE = Usage(input=1000, cache_read=20_000, cache_write_5m=3000, output=500)


def turn(words="", *calls, **changes):
    values = {"stop": "tools", "usage": USAGE, "model": "claude-sonnet-5-5", "seconds": 3.2}
    return Turn(text=words, calls=calls, **{**values, **changes})


def bash(command, name="c1", **changes):
    return ToolCall(id=name, name="bash", arguments={"command": command}, **changes)


def journal(run_dir, *turns, row=ROW):
    with FileJournal(store.trial_dir(run_dir, row.trial_id), row.trial_id, {}) as made:
        for said, answers in turns:
            made.turn(lambda said=said: said)
            for name, words in answers.items():
                made.result(name, lambda name=name, words=words: ToolResult(call_id=name, text=words))


def loaded(run_dir, *records, rows=(ROW,), **config):
    return Loaded(run_dir, {"tasks_dir": str(run_dir.parent / "tasks"), **config}, tuple(rows), tuple(records), {})


def one(found, out):
    """The only trajectory of a run, which keeps to the format."""
    assert export.export(found, "atif", out) == 1
    (line,) = [json.loads(line) for line in (out / atif.INDEX).read_text().splitlines()]
    written = (out / line["file"]).read_text()
    Trajectory.model_validate_json(written)
    return json.loads(written)


@pytest.fixture
def run_dir(tmp_path):
    return tmp_path / "nightly"


# --- ATIF ------------------------------------------------------------------------------------------------------------


def test_a_trajectory_has_the_turns_with_calls_answers_thoughts_and_metrics(run_dir, tmp_path):
    thought = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    journal(run_dir, (turn("I look.", bash("ls"), bash("pwd", "c2"), raw=thought), {"c1": "app.py", "c2": "/w"}))
    made = one(loaded(run_dir, record(ROW, "failed", cost_usd=0.25)), tmp_path / "out")
    step = made["steps"][-1]
    assert (step["source"], step["message"], step["reasoning_content"]) == ("agent", "I look.", "hm")
    assert [c["arguments"] for c in step["tool_calls"]] == [{"command": "ls"}, {"command": "pwd"}]
    assert step["observation"]["results"] == [
        {"source_call_id": "c1", "content": "app.py"},
        {"source_call_id": "c2", "content": "/w"},
    ]
    counts = {name: step["metrics"][f"{name}_tokens"] for name in ("prompt", "completion", "cached")}
    assert counts == {"prompt": 24_000, "completion": 500, "cached": 20_000}
    assert step["metrics"]["cost_usd"] > 0
    assert made["final_metrics"]["total_cost_usd"] == 0.25
    assert (made["agent"]["name"], made["agent"]["model_name"]) == ("backend-developer", "anthropic/claude-sonnet-5-5")
    assert (made["session_id"], made["extra"]["outcome"]) == (f"nightly/{ROW.trial_id}", "failed")


def test_what_is_not_known_is_left_out_and_not_zero(run_dir, tmp_path):
    failed = {"error": "529", "status": 529, "seconds": 1.0, "usage": None, "metered": False}
    journal(run_dir, (turn("x", metered=False, failed_attempts=(failed,)), {}))
    made = one(loaded(run_dir, record(ROW, "failed", cost_usd=None, cost_floor_usd=0.5)), tmp_path / "out")
    step = made["steps"][-1]
    assert "cost_usd" not in step["metrics"]
    assert step["metrics"]["extra"]["metered"] is False
    assert step["extra"]["failed_attempts"][0]["cost_usd"] is None
    assert "total_cost_usd" not in made["final_metrics"]
    assert made["final_metrics"]["extra"]["cost_floor_usd"] == 0.5


def test_calls_that_failed_or_could_not_be_read_are_told_apart(run_dir, tmp_path):
    journal(run_dir, (turn("", bash("x", problem="no JSON"), bash("y", "c2")), {"c1": "not carried out"}))
    step = one(loaded(run_dir, record(ROW)), tmp_path / "out")["steps"][-1]
    assert step["extra"]["unreadable_calls"] == {"c1": "no JSON"}
    assert [result["source_call_id"] for result in step["observation"]["results"]] == ["c1"]


def test_prompt_and_request_are_there_as_long_as_their_files_are_what_they_were(run_dir, tmp_path):
    task = tasks.load(tasks.new("my-task", tmp_path / "tasks"))
    (tmp_path / "helper.md").write_text("---\nname: helper\n---\nYou are of help.\n")
    row = ROW.model_copy(update={"task_digest": task.digest})
    from harness import agents

    agent = str(tmp_path / "helper.md")
    made = record(row, prompt_digest=agents.load(agent).digest)
    journal(run_dir, (turn("x"), {}))
    found = loaded(run_dir, made, rows=(row,), candidates=[{"agent": agent}, {"scaffold": "nop"}])
    opening = one(found, tmp_path / "out")["steps"][:2]
    assert [(s["source"], s["message"].strip()) for s in opening] == [
        ("system", "You are of help."),
        ("user", task.instruction.strip()),
    ]
    (tmp_path / "helper.md").write_text("---\nname: helper\n---\nYou are another.\n")
    (task.root / "instruction.md").write_text("Something else.")
    steps = one(found, tmp_path / "again")["steps"]
    assert [s["source"] for s in steps] == ["user", "agent"]
    assert "the request is not stored" in steps[0]["message"]


def test_a_command_and_a_trial_without_a_record_are_trajectories_too(run_dir, tmp_path):
    row = plan_row("my-task", "command")
    with FileJournal(store.trial_dir(run_dir, row.trial_id), row.trial_id, {}) as made:
        made.result("command", lambda: ToolResult(call_id="command", text="exit code 0"))
    found = one(loaded(run_dir, rows=(row,)), tmp_path / "out")
    assert found["steps"][-1]["observation"] == {"results": [{"content": "exit code 0"}]}
    assert found["extra"]["outcome"] == "missing"


def test_damaged_lines_and_lost_requests_are_told(run_dir, tmp_path):
    journal(run_dir, (turn("x"), {}))
    path = store.trial_dir(run_dir, ROW.trial_id) / "journal.jsonl"
    attempts = [{"error": "reset", "usage": {"input": 3}, "metered": False}]
    lost = {"n": 3, "kind": "gave_up", "at": "2026-11-23T00:00:00+00:00", "attempts": attempts}
    path.write_text(path.read_text() + json.dumps(lost) + "\ngarbage\n")
    extra = one(loaded(run_dir, record(ROW)), tmp_path / "out")["extra"]
    assert extra["lost_attempts"][0]["error"] == "reset"
    assert extra["problems"] == ["line 5 cannot be read (8 bytes)"]


def test_the_index_has_every_planned_trial(run_dir, tmp_path):
    rows = [ROW, plan_row("my-task", "nop"), plan_row("other")]
    journal(run_dir, (turn("x"), {}))
    records = record(ROW), no_llm(rows[1], "nop", "failed")
    assert export.export(loaded(run_dir, *records, rows=rows), "atif", tmp_path / "out") == 1
    lines = [json.loads(line) for line in (tmp_path / "out" / atif.INDEX).read_text().splitlines()]
    assert [(line["trial"], line["outcome"], line["file"]) for line in lines] == [
        (rows[0].trial_id, "passed", f"{rows[0].trial_id}.json"),
        (rows[1].trial_id, "failed", None),
        (rows[2].trial_id, "missing", None),
    ]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {atif.INDEX, f"{rows[0].trial_id}.json"}


@pytest.mark.parametrize("kind", sorted(export.REGISTRY))
def test_nothing_that_a_hidden_test_said_is_exported(run_dir, tmp_path, kind):
    journal(run_dir, (turn("x"), {}))
    verdict = types.TestVerdict(id="t", dimension="functional", passed=False, message="the hidden answer")
    made = Grade(passed=False, functional=False, secure=False, tests=(verdict,), seed=1, seconds=1, reason="hidden why")
    store.write_atomic(store.trial_dir(run_dir, ROW.trial_id) / GRADE, made.model_dump_json().encode())
    export.export(loaded(run_dir, record(ROW, "failed")), kind, tmp_path / "out")
    told = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert ROW.trial_id.encode() in told  # the formats that are compressed leave short texts as they are
    assert b"hidden answer" not in told
    assert b"hidden why" not in told


# --- tables, folders -------------------------------------------------------------------------------------------------


def test_the_turns_are_a_typed_table(run_dir, tmp_path):
    from pyarrow import parquet

    journal(run_dir, (turn("\ud800 look", bash("ls")), {"c1": "app.py"}), (turn("y", metered=False), {}))
    assert export.export(loaded(run_dir, record(ROW)), "parquet", tmp_path / "out") == 1
    first, second = parquet.read_table(tmp_path / "out" / tables.TURNS).to_pylist()
    assert (first["number"], first["text"], first["tokens_cache_read"]) == (1, "\\ud800 look", 20_000)
    assert json.loads(first["calls"])[0]["result"] == {"text": "app.py", "is_error": False}
    assert (first["metered"], second["metered"], second["cost_usd"]) == (True, False, None)
    assert parquet.read_table(tmp_path / "out" / "trials.parquet").num_rows == 1


def test_a_run_without_turns_has_an_empty_table(run_dir, tmp_path):
    from pyarrow import parquet

    assert export.export(loaded(run_dir), "parquet", tmp_path / "out") == 0
    assert parquet.read_table(tmp_path / "out" / tables.TURNS).num_rows == 0


@pytest.mark.parametrize("there", ["a file", "a full folder"])
def test_nothing_is_written_over(run_dir, tmp_path, there):
    out = tmp_path / "out"
    if there == "a file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "mine").write_text("mine")
    with pytest.raises(UsageError, match="choose another --out"):
        export.export(loaded(run_dir), "atif", out)


@pytest.mark.parametrize("kind", sorted(export.REGISTRY))
def test_a_folder_that_cannot_be_made_is_told(run_dir, tmp_path, kind):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="cannot be written"):
        export.export(loaded(run_dir), kind, tmp_path / "file" / "out")


def test_the_command_line_offers_what_there_is():
    assert set(EXPORTS.choices) == set(export.REGISTRY)
