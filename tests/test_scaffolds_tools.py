"""The `tools` scaffold: tools, limits and endings, with the scripted model over the real SDK."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_workspace import workspace
from stage import PROMPT, Stage, a_plan, an_agent, call, text

from harness.errors import ConfigError
from harness.journal import FileJournal
from harness.models import retry, scripted, scripted_server
from harness.scaffolds import request, tools
from harness.types import App, Ending, Limits, Settings, ToolCall, Turn, Usage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with scripted_server.serve(remember=50) as server, workspace() as place:
        yield Stage(server, place, tmp_path)


SUBMIT = call("submit")


# --- a whole trial ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire", scripted.WIRES)
def test_a_trial_from_request_to_submission_over_every_wire(stage: Stage, wire: str) -> None:
    ending = stage.play(
        text("Looking.", **call("bash", command="echo hello; pwd")),
        call("edit_file", command="create", path="src/app.py", text="print('old')\n"),
        call("edit_file", command="str_replace", path="src/app.py", old="old", new="new — ü"),
        call("bash", command="python3 src/app.py"),
        call("submit", note="It prints."),
        wire=wire,
    )
    assert ending == Ending(reason="submitted", detail="It prints.")
    assert stage.workspace.files() == {"src/app.py": "print('new — ü')\n"}
    assert "new — ü" in json.dumps(stage.sent(), ensure_ascii=False)


@pytest.mark.parametrize("wire", scripted.WIRES)
def test_the_demo_makes_a_service_that_starts(stage: Stage, wire: str) -> None:
    script = scripted.read("demo")
    stage.server.scripts["demo"] = script
    plan = a_plan(stage.folder)
    model = scripted.on_server("demo", stage.server.url, wire, Settings(), retry.NO_WAIT)
    with FileJournal(stage.folder / "trial", "t-1", {}) as journal:
        ending = tools.work(plan, stage.workspace, model, journal, lambda: 0.0)
        tried = [e["result"] for e in journal.entries if e["kind"] == "result"][-1]
    assert ending.reason == "submitted"
    assert set(stage.workspace.files()) == {"app.py", "start.sh"}
    assert '{"status": "ok"}' in tried["text"]  # it was really started and asked, at the request's own ready path


def test_the_opening_tells_prompt_request_and_facts(stage: Stage) -> None:
    stage.play(SUBMIT, agent=an_agent())
    body = stage.sent()
    asked = body["messages"][0]["content"][0]["text"]
    assert body["system"][0]["text"] == PROMPT
    assert asked.startswith("Please build a service.\n")
    for fact in (
        "/workspace", "/tmp", "no network", "db (postgres, its URL is in $DATABASE_URL)", "PORT, APP_ENV, DATABASE_URL",
        "`sh start.sh`", "GET /alive answers 2xx", "512 MB", "at most 60 answers", "30 minutes",
    ):  # fmt: skip
        assert fact in asked
    assert [t["name"] for t in body["tools"]] == ["bash", "edit_file", "submit"]


def test_without_an_agent_there_is_no_system_prompt(stage: Stage) -> None:
    stage.play(SUBMIT)
    assert "system" not in stage.sent()


@pytest.mark.parametrize(
    ("change", "there", "not_there"),
    [
        ({"services": {}}, ["no network. Nothing"], ["DATABASE_URL"]),
        ({"app": None, "services": {}}, ["variables: none of the task"], ["PORT", "start.sh"]),
        ({"app": App(start="sh start.sh", build="sh build.sh")}, ["`sh build.sh`", "accepts connections"], ["2xx"]),
        ({"limits": Limits(agent_turns=7, agent_seconds=60, cpus=1.5)}, ["at most 7", "60 seconds", "1.5 CPUs"], []),
    ],
)
def test_facts_follow_the_task(tmp_path: Path, change: dict[str, Any], there: list[str], not_there: list[str]) -> None:
    plan = a_plan(tmp_path, **change)
    facts = "\n".join([*request.facts(plan.task), *tools.working_facts(plan, {"bash"})])
    assert all(words in facts for words in there)
    assert not any(words in facts for words in not_there)


# --- tools -----------------------------------------------------------------------------------------------------------


def answer(stage: Stage, tool: str, granted: frozenset[str] | None = None, **arguments: Any) -> tuple[str, bool]:
    """Run one tool call without a model."""
    plan = a_plan(stage.folder)
    session = tools.open_session(plan, stage.workspace, journal=None, spent=lambda: 0.0)  # type: ignore[arg-type]
    session.granted = session.granted if granted is None else granted
    return tools.answer(session, ToolCall(id="c", name=tool, arguments=arguments))


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("echo out; echo err >&2; exit 3", "exit code 3\nout\n[stderr]\nerr"),
        ("true", "exit code 0"),
        ("printf 'a\\000b\\377c'", "exit code 0\na\ufffdb\ufffdc"),
    ],
)
def test_bash_answers_with_code_and_output(stage: Stage, command: str, shown: str) -> None:
    assert answer(stage, "bash", command=command) == (shown, False)


def test_bash_ends_at_its_time_limit(stage: Stage) -> None:
    begun = time.monotonic()
    said, wrong = answer(stage, "bash", command="echo begun; sleep 60", seconds=1)
    assert (said, wrong) == ("timed out after 1 seconds\nbegun", False)
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    "arguments",
    [
        {}, {"command": ""}, {"command": "  "}, {"command": 5}, {"command": "echo \0"}, {"command": "ls", "seconds": 0},
        {"command": "ls", "seconds": -1}, {"command": "ls", "seconds": 601}, {"command": "ls", "seconds": "5"},
        {"command": "ls", "seconds": True}, {"command": "ls", "seconds": float("nan")},
    ],
)  # fmt: skip
def test_bash_says_what_is_wrong_with_its_arguments(stage: Stage, arguments: dict[str, Any]) -> None:
    said, wrong = answer(stage, "bash", **arguments)
    assert wrong
    assert "`command`" in said or "`seconds`" in said
    assert stage.workspace.commands == []


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/passwd",
        "a/../../x",
        "/workspace/../x",
        "",
        ".",
        "/workspace",
        "dir/",
        "a\0b",
        "/workspacex/a",
        "n" * 256,
    ],
)
def test_edit_file_stays_inside(stage: Stage, path: str) -> None:
    said, wrong = answer(stage, "edit_file", command="create", path=path, text="x")
    assert (wrong, "inside /workspace" in said) == (True, True)
    assert stage.workspace.files() == {}


@pytest.mark.parametrize("path", ["a/b.txt", "/workspace/a/b.txt", "./a/b.txt", "a//b.txt"])
def test_edit_file_takes_paths_of_the_workspace_in_any_form(stage: Stage, path: str) -> None:
    assert answer(stage, "edit_file", command="create", path=path, text="ü") == ("a/b.txt: written, 2 bytes.", False)
    assert stage.workspace.files() == {"a/b.txt": "ü"}


@pytest.mark.parametrize(
    ("old", "new", "said", "content"),
    [
        ("one", "1", "replaced", "1 two two"),
        ("two", "2", "stands there 2 times", "one two two"),
        ("three", "3", "stands there 0 times", "one two two"),
        ("", "3", "needs `old`", "one two two"),
        ("one", None, "needs `old`", "one two two"),
        ("one ", "", "replaced", "two two"),
    ],
)
def test_str_replace_needs_one_place(stage: Stage, old: str, new: Any, said: str, content: str) -> None:
    stage.workspace.write({"f": b"one two two"})
    assert said in answer(stage, "edit_file", command="str_replace", path="f", old=old, new=new)[0]
    assert stage.workspace.files() == {"f": content}


def test_a_folder_in_the_way_is_an_answer_and_no_error_of_the_trial(stage: Stage) -> None:
    stage.workspace.write({"taken/x": b""})
    said, wrong = answer(stage, "edit_file", command="create", path="taken", text="x")
    assert (wrong, "could not be done" in said) == (True, True)


def test_str_replace_leaves_other_bytes_alone(stage: Stage) -> None:
    stage.workspace.write({"f": b"\xff one\r\n\x00"})
    answer(stage, "edit_file", command="str_replace", path="f", old="one", new="ü")
    assert stage.workspace.read("f") == b"\xff \xc3\xbc\r\n\x00"


def test_view_shows_files_and_folders(stage: Stage) -> None:
    stage.workspace.write({"a/b.txt": b"hello\0", "it's/x": b"", ".git/HEAD": b"ref"})
    assert answer(stage, "edit_file", command="view", path="a/b.txt") == ("hello\ufffd", False)
    assert answer(stage, "edit_file", command="view", path="it's/x") == ("(the file is empty)", False)
    listing, wrong = answer(stage, "edit_file", command="view", path="/workspace")
    assert (wrong, "a/b.txt" in listing, "it's/x" in listing, "HEAD" in listing) == (False, True, True, False)
    assert "it's/x" in answer(stage, "edit_file", command="view", path="it's")[0]
    assert answer(stage, "edit_file", command="view", path="none") == ("none: there is no such file or folder.", True)


def test_an_unknown_tool_or_command_lists_what_there_is(stage: Stage) -> None:
    said, wrong = answer(stage, "python", code="1")
    assert (wrong, "no tool python here" in said, "bash, edit_file, submit" in said) == (True, True, True)
    assert answer(stage, "edit_file", command="insert", path="a")[1]
    assert answer(stage, "bash", granted=frozenset(), command="ls")[1]
    assert answer(stage, "edit_file", granted=frozenset({"view"}), command="create", path="a", text="x")[1]


@pytest.mark.parametrize(
    ("length", "cut"),
    [(0, None), (tools.OUTPUT_CAP, None), (tools.OUTPUT_CAP + 1, 1), (1_000_000, 1_000_000 - tools.OUTPUT_CAP)],
)
def test_long_output_keeps_head_and_tail(length: int, cut: int | None) -> None:
    shown = tools.capped("h" * (length // 2) + "t" * (length - length // 2))
    if cut is None:
        assert shown == ("h" * (length // 2) + "t" * (length - length // 2) or "(no output)")
        return
    assert f"[… {cut} characters cut …]" in shown
    assert (shown[:100], shown[-100:]) == ("h" * 100, "t" * 100)
    assert len(shown) < tools.OUTPUT_CAP + 60


def test_no_output_is_said(stage: Stage) -> None:
    stage.play(call("bash", command="true"), SUBMIT)
    assert stage.results()[0]["content"] == "exit code 0"


# --- an agent's own list of tools ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "granted"),
    [
        (None, {"bash", "view", "create", "str_replace"}),
        (("*",), {"bash", "view", "create", "str_replace"}),
        (("Bash",), {"bash"}),
        (("Bash(git:*)", "WebFetch", "mcp__x__y"), {"bash"}),
        (("Read", "Grep", "Glob", "LS"), {"view"}),
        (("Write", "Edit"), {"create", "str_replace"}),
        (("MultiEdit",), {"str_replace"}),
        (("edit_file", "bash"), {"bash", "view", "create", "str_replace"}),
        (("WebSearch",), set()),
        ((), set()),
    ],
)
def test_tools_of_the_front_matter_are_kept_to(names: tuple[str, ...] | None, granted: set[str]) -> None:
    assert tools.grants(an_agent(names)) == granted
    offered = {t.name: t for t in tools.tools(tools.grants(an_agent(names)))}
    assert "submit" in offered
    assert ("bash" in offered) is ("bash" in granted)
    commands = offered["edit_file"].parameters["properties"]["command"]["enum"] if "edit_file" in offered else []
    assert set(commands) == granted - {"bash"}


def test_an_agent_without_bash_is_told_nothing_of_it(stage: Stage) -> None:
    stage.play(call("bash", command="touch x"), SUBMIT, agent=an_agent(("Read",)))
    assert "bash" not in json.dumps(stage.sent(0))
    assert stage.results()[0]["is_error"]
    assert stage.workspace.files() == {}


# --- endings ---------------------------------------------------------------------------------------------------------


def test_the_turn_limit_is_the_smaller_one(stage: Stage) -> None:
    looking = [call("bash", command=f"echo {n} >> log") for n in range(9)]
    ending = stage.play(*looking, settings=Settings(max_turns=3), limits=Limits(agent_turns=5))
    assert (ending.reason, stage.server.counts["/v1/messages"]) == ("turns", 3)
    assert stage.workspace.files() == {"log": "0\n1\n2\n"}  # the last turn's tools were still carried out


def test_the_tasks_turn_limit_holds_too(stage: Stage) -> None:
    looking = [call("bash", command="true")] * 9
    assert stage.play(*looking, settings=Settings(max_turns=30), limits=Limits(agent_turns=2)).reason == "turns"
    assert stage.server.counts["/v1/messages"] == 2


def test_the_time_limit_ends_a_command_and_the_trial(stage: Stage) -> None:
    ending = stage.play(call("bash", command="echo x > f; sleep 30"), SUBMIT, settings=Settings(max_seconds=1))
    assert ending == Ending(reason="seconds", detail="1 seconds")
    assert stage.workspace.commands[0][1] <= 1.0
    assert stage.workspace.files() == {"f": "x\n"}


def test_the_token_limit(stage: Stage) -> None:
    looking = [{**call("bash", command="true"), "usage": {"input": 50, "cache_read": 30, "output": 20}}] * 9
    ending = stage.play(*looking, settings=Settings(max_total_tokens=250))
    assert (ending.reason, ending.detail) == ("tokens", "300 of 250 tokens")


def test_the_cost_limit(stage: Stage) -> None:
    costs = iter([0.0, 0.02, 0.05, 0.09])
    stage.spent = lambda: next(costs)
    ending = stage.play(*[call("bash", command="true")] * 9, settings=Settings(max_cost_usd=0.05))
    assert (ending.reason, ending.detail) == ("cost", "$0.0500 of $0.05")
    assert stage.server.counts["/v1/messages"] == 2


def test_a_cost_limit_with_an_unknown_price_is_refused(stage: Stage) -> None:
    stage.spent = lambda: None
    with pytest.raises(ConfigError, match="max_cost_usd cannot be kept"):
        stage.play(SUBMIT, settings=Settings(max_cost_usd=1))


def test_an_unknown_price_without_a_limit_is_no_trouble(stage: Stage) -> None:
    stage.spent = lambda: None
    assert stage.play(SUBMIT).reason == "submitted"


def test_an_answer_without_a_call_gets_one_reminder(stage: Stage) -> None:
    ending = stage.play(text("I think."), text("I think again."), SUBMIT)
    assert (ending.reason, stage.server.counts["/v1/messages"]) == ("ended", 2)
    assert stage.sent()["messages"][-1]["content"][0]["text"] == tools.REMINDER


def test_the_reminder_is_given_again_after_work_was_done(stage: Stage) -> None:
    working = call("bash", command="true")
    assert stage.play(text("Hm."), working, text("Hm."), working, SUBMIT).reason == "submitted"


def test_an_answer_cut_off_at_max_tokens_goes_on_and_is_no_silence(stage: Stage) -> None:
    cut = text("A long thou", stop="max_tokens")
    assert stage.play(cut, cut, cut, SUBMIT).reason == "submitted"
    assert "cut off at the limit of 500 tokens" in stage.sent()["messages"][-1]["content"][0]["text"]


def test_a_call_cut_off_at_max_tokens_is_not_carried_out(stage: Stage) -> None:
    calls = [
        {"tool": "bash", "arguments": {"command": "echo x > whole"}},
        {"tool": "bash", "json": '{"command": "echo x > cu'},
    ]
    assert stage.play({"calls": calls, "stop": "max_tokens"}, SUBMIT).reason == "submitted"
    assert stage.workspace.files() == {"whole": "x\n"}
    assert [r["is_error"] for r in stage.results()] == [False, True]
    assert "cut off at the limit" in stage.sent()["messages"][-1]["content"][-1]["text"]


@pytest.mark.parametrize("stop", ["refusal", "context"])
def test_what_the_model_ends_is_ended(stage: Stage, stop: str) -> None:
    stage.workspace.write({"f": b"x"})
    assert stage.play(text("No.", stop=stop), SUBMIT) == Ending(reason=stop, detail="No.")
    assert stage.workspace.files() == {"f": "x"}


def test_a_conversation_that_the_provider_finds_too_long_ends_the_trial(stage: Stage) -> None:
    ending = stage.play(call("bash", command="echo x > f"), {**SUBMIT, "faults": [{"status": 413}]})
    assert (ending.reason, stage.workspace.files()) == ("context", {"f": "x\n"})


def test_a_paused_turn_goes_on(stage: Stage) -> None:
    assert stage.play(text("Working.", stop="pause"), SUBMIT).reason == "submitted"
    assert [m["role"] for m in stage.sent()["messages"]] == ["user", "assistant"]


def test_calls_after_submit_are_not_carried_out(stage: Stage) -> None:
    calls = [
        {"tool": "bash", "arguments": {"command": "echo x > before"}},
        {"tool": "submit"},
        {"tool": "bash", "arguments": {"command": "echo x > after"}},
    ]
    assert stage.play({"calls": calls}).reason == "submitted"
    assert stage.workspace.files() == {"before": "x\n"}


def test_a_submit_that_cannot_be_read_does_not_submit(stage: Stage) -> None:
    broken = {"calls": [{"tool": "submit", "json": '{"note": "do'}]}
    assert stage.play(broken, call("submit", note="Done.")).detail == "Done."


def test_without_a_model_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a model"):
        tools.work(a_plan(tmp_path), None, None, None, lambda: 0.0)  # type: ignore[arg-type]


# --- replay ----------------------------------------------------------------------------------------------------------


def test_a_killed_trial_goes_on_without_paying_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = [call("bash", command=f"echo {n} >> log; date +%N") for n in range(3)] + [SUBMIT]
    done = FileJournal.result
    seen: list[str] = []

    def killed(self: FileJournal, call_id: str, run: Any) -> Any:
        seen.append(call_id)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return done(self, call_id, run)

    monkeypatch.setattr(FileJournal, "result", killed)
    with pytest.raises(KeyboardInterrupt):
        stage.play(*turns)
    monkeypatch.setattr(FileJournal, "result", done)
    first = json.dumps(stage.sent()["messages"])
    with workspace() as fresh:
        stage.workspace = fresh
        assert stage.play(*turns).reason == "submitted"
        assert fresh.files() == {"log": "0\n1\n2\n"}  # every tool ran again in the new sandbox
    assert stage.server.counts["/v1/messages"] == 4  # three turns before the kill, one after
    again = json.dumps(stage.sent()["messages"])
    digits = [r["content"] for m in json.loads(first) for r in m["content"] if r["type"] == "tool_result"]
    assert all(json.dumps(said)[1:-1] in again for said in digits)  # the model sees what it saw


def test_time_lost_on_the_provider_is_not_the_agents(tmp_path: Path) -> None:
    plan = a_plan(tmp_path, settings=Settings(max_seconds=10))
    session = tools.open_session(plan, None, None, lambda: 0.0)  # type: ignore[arg-type]
    turn = Turn(text="", stop="tools", usage=Usage(), model="m", seconds=4, failed_attempts=({"seconds": 900.0},))
    session.turns.append(turn)
    session.tool_seconds = 1.0
    assert session.seconds_left == pytest.approx(5.0)
