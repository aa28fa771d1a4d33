"""The scaffolds `single-shot`, `command`, `oracle` and `nop`, and the registry. `tools` has a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_workspace import LocalWorkspace, workspace
from stage import PROMPT, Stage, a_plan, an_agent, text

from harness.errors import ConfigError, SandboxError, TaskError
from harness.journal import FileJournal
from harness.models import scripted, scripted_server
from harness.scaffolds import REGISTRY, request, single_shot
from harness.types import Ending, ExecResult, Limits, Settings


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with scripted_server.serve(remember=50) as server, workspace() as place:
        yield Stage(server, place, tmp_path)


def work(stage: Stage, scaffold: str, **plan: Any) -> Ending:
    """Run a scaffold that needs no model."""
    with FileJournal(stage.folder / "trial", "t-1", {}) as journal:
        return REGISTRY[scaffold].work(
            a_plan(stage.folder, scaffold=scaffold, **plan), stage.workspace, None, journal, lambda: 0.0
        )


def test_the_registry_names_every_scaffold_and_which_needs_a_model() -> None:
    needs = {name: scaffold.needs_model for name, scaffold in REGISTRY.items()}
    assert needs == {"tools": True, "single-shot": True, "command": False, "oracle": False, "nop": False}


# --- single-shot -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire", scripted.WIRES)
def test_single_shot_writes_the_files_of_one_answer(stage: Stage, wire: str) -> None:
    line = scripted.read("files").turn[0].model_dump(by_alias=True)
    ending = stage.play(line, scaffold="single-shot", wire=wire, agent=an_agent())
    assert ending == Ending(reason="submitted", detail="2 files")
    assert set(stage.workspace.files()) == {"app.py", "start.sh"}
    assert stage.workspace.files()["start.sh"] == "exec python3 app.py\n"
    compile(stage.workspace.files()["app.py"], "app.py", "exec")
    assert sum(stage.server.counts.values()) == 1


def test_single_shot_shows_request_facts_starting_files_and_format(stage: Stage) -> None:
    start = stage.folder / "workspace"
    start.mkdir()
    (start / "notes.md").write_text("```\ncode\n```\n")
    (start / ".gitkeep").write_text("")
    (start / "big.txt").write_text("x" * (single_shot.START_CAP + 1))
    stage.play(text("x"), scaffold="single-shot", agent=an_agent())
    body = stage.sent()
    asked = body["messages"][0]["content"][0]["text"]
    assert body["system"][0]["text"] == PROMPT
    assert "tools" not in body
    assert asked.startswith("Please build a service.")
    assert "GET /alive answers 2xx" in asked
    assert "```` path=notes.md\n```\ncode\n```\n````" in asked
    assert f"(`big.txt` is there too, {single_shot.START_CAP + 1} bytes, not shown)" in asked
    assert ".gitkeep" not in asked
    assert single_shot.FORMAT in asked


def test_the_format_that_is_asked_for_is_the_one_that_is_read() -> None:
    files, refused = single_shot.files_of(single_shot.FORMAT)
    assert (files, refused) == ({"app.py": 'print("the whole content of app.py")\n'}, [])


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        ("```python path=app.py\nx\n```", "app.py"),
        ('```python path="my app.py"\nx\n```', "my app.py"),
        ("```python {path='src/app.py'}\nx\n```", "src/app.py"),
        ("```python file=app.py\nx\n```", "app.py"),
        ("```js filename=src/app.js\nx\n```", "src/app.js"),
        ("```js title=src/app.js\nx\n```", "src/app.js"),
        ("``` path: app.py\nx\n```", "app.py"),
        ("```app.py\nx\n```", "app.py"),
        ("```python app.py\nx\n```", "app.py"),
        ("```python:src/app.py\nx\n```", "src/app.py"),
        ("``` ./src/app.py\nx\n```", "src/app.py"),
        ("```python path=/workspace/app.py\nx\n```", "app.py"),
        ("~~~python path=app.py\nx\n~~~", "app.py"),
        ("````md path=README.md\nx\n````", "README.md"),
        ("  ```sh path=start.sh\nx\n  ```  ", "start.sh"),
        ("**app.py**\n```python\nx\n```", "app.py"),
        ("**`app.py`**\n\n```python\nx\n```", "app.py"),
        ("`src/app.py`:\n```\nx\n```", "src/app.py"),
        ("### app.py\n```python\nx\n```", "app.py"),
        ("#### `src/pkg/__init__.py`\n```python\nx\n```", "src/pkg/__init__.py"),
        ("`__main__.py`\n```python\nx\n```", "__main__.py"),
        ("File: app.py\n```python\nx\n```", "app.py"),
        ("**File: `app.py`**\n```python\nx\n```", "app.py"),
        ("2. `app.py`\n```python\nx\n```", "app.py"),
        ("- app.py:\n```python\nx\n```", "app.py"),
        ("Dockerfile\n```\nx\n```", "Dockerfile"),
        ("`.env`\n```\nx\n```", ".env"),
        ("db/001_init.sql\r\n```sql\r\nx\r\n```\r\n", "db/001_init.sql"),
    ],
)
def test_ways_to_name_a_file(answer: str, path: str) -> None:
    assert single_shot.files_of(f"Here it is.\n\n{answer}\n\nDone.") == ({path: "x\n"}, [])


@pytest.mark.parametrize(
    "answer",
    [
        "```python\nx\n```",
        "Run this:\n```sh\ncurl localhost\n```",
        "app.py holds the service.\n```\nx\n```",
        "app.py\nand then\n```\nx\n```",
        "no blocks at all, just app.py",
        "```python path=app.py\nx",
        "inline ```app.py``` is no block",
    ],
)
def test_blocks_without_a_path_or_an_end_are_passed_over(answer: str) -> None:
    assert single_shot.files_of(answer) == ({}, [])


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../x.py",
        "a/../../x.py",
        "/workspace/../x.py",
        "/workspacex/a.py",
        "dir/",
        "..",
        "n" * 256,
        "a\x7f",
    ],
)
def test_paths_that_lead_out_are_refused(path: str) -> None:
    assert single_shot.files_of(f"```python path={path}\nx\n```") == ({}, [path])


def test_a_file_cannot_be_a_folder_too() -> None:
    answer = "".join(f"```sh path={p}\nx\n```\n" for p in ("a", "a/b", "c/d", "c", "ab"))
    assert single_shot.files_of(answer) == ({"a": "x\n", "c/d": "x\n", "ab": "x\n"}, ["a/b", "c"])


def test_an_answer_that_cannot_be_written_is_not_the_sandboxs_fault(stage: Stage) -> None:
    stage.workspace.write({"taken/x": b""})
    ending = stage.play(text("```sh path=taken\nx\n```"), scaffold="single-shot")
    assert (ending.reason, "could not be written" in ending.detail) == ("ended", True)


def test_a_longer_fence_holds_a_shorter_one_and_the_later_block_counts() -> None:
    answer = (
        "````md path=README.md\n# Use\n```sh\nls\n```\n````\n```md path=README.md\nnew\n```\n```sh path=a.sh\n\n```"
    )
    assert single_shot.files_of(answer)[0] == {"README.md": "new\n", "a.sh": "\n"}
    assert single_shot.files_of(answer.partition("```md path=README.md\nnew")[0])[0] == {
        "README.md": "# Use\n```sh\nls\n```\n"
    }
    assert single_shot.files_of("```sh path=empty.sh\n```")[0] == {"empty.sh": ""}


SAFE_TEXT = st.text(alphabet=st.characters(exclude_characters="\r`~\0", exclude_categories=["Cs"]), max_size=60)


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,2}\.[a-z]{1,3}", fullmatch=True), SAFE_TEXT, max_size=4)
)
def test_files_written_in_the_format_are_read_back(files: dict[str, str]) -> None:
    answer = "\n\n".join(f"Next one.\n\n```text path={p}\n{t}\n```" for p, t in files.items())
    assert single_shot.files_of(answer) == ({p: f"{t}\n" for p, t in files.items()}, [])


@given(st.text(alphabet="`~ab./\n #*:=path\\\"'", max_size=200))
def test_no_answer_yields_a_path_outside_the_workspace(answer: str) -> None:
    for path in single_shot.files_of(answer)[0]:
        assert request.inside(path) == path
        assert not path.startswith("/")
        assert ".." not in path.split("/")


@pytest.mark.parametrize(
    ("said", "stop", "ending"),
    [
        ("No files here.", None, Ending(reason="ended", detail="0 files")),
        ("```sh path=a.sh\nx\n```\n```sh path=b.sh\ncut", "max_tokens", Ending(reason="max_tokens", detail="1 files")),
        ("I will not.", "refusal", Ending(reason="refusal", detail="0 files")),
        (
            "```sh path=a.sh\nx\n```\n```sh path=../b.sh\nx\n```",
            None,
            Ending(reason="submitted", detail="1 files; path refused: ../b.sh"),
        ),
    ],
)
def test_how_a_single_shot_ends(stage: Stage, said: str, stop: str | None, ending: Ending) -> None:
    assert stage.play(text(said, stop=stop), scaffold="single-shot") == ending


def test_a_single_shot_is_paid_for_once(stage: Stage) -> None:
    line = text("```sh path=a.sh\nx\n```")
    stage.play(line, scaffold="single-shot")
    with workspace() as fresh:
        stage.workspace = fresh
        assert stage.play(line, scaffold="single-shot").reason == "submitted"
        assert fresh.files() == {"a.sh": "x\n"}
    assert sum(stage.server.counts.values()) == 1


@pytest.mark.parametrize("scaffold", ["tools", "single-shot"])
def test_a_model_is_needed(stage: Stage, scaffold: str) -> None:
    with pytest.raises(ConfigError, match=f"scaffold {scaffold}: needs a model"):
        work(stage, scaffold)


# --- command ---------------------------------------------------------------------------------------------------------


class PrivateTmp(LocalWorkspace):
    """A workspace whose /tmp is the test's own, as it is in a sandbox."""

    def bash(self, command: str, seconds: float) -> ExecResult:
        return super().bash(command.replace("/tmp/", f"{self.root.parent}/"), seconds)


@pytest.fixture
def private(stage: Stage) -> Stage:
    inner = stage.workspace.root / "workspace"
    inner.mkdir()
    stage.workspace = PrivateTmp(inner)
    return stage


def test_a_command_gets_the_request_as_input_and_as_a_file(private: Stage) -> None:
    command = "cat > stdin.txt; cp /tmp/instruction.md /tmp/agent.md ."
    ending = work(private, "command", settings=Settings(command=command), agent=an_agent(), instruction="Do — ü 'it'!")
    files = private.workspace.files()
    assert ending == Ending(reason="submitted", detail="exit code 0")
    assert files["stdin.txt"] == files["instruction.md"]
    assert files["stdin.txt"].startswith("Do — ü 'it'!\n")
    assert "GET /alive answers 2xx" in files["stdin.txt"]
    assert files["agent.md"] == PROMPT


def test_a_long_request_arrives_whole(private: Stage) -> None:
    long = "".join(f"{n} ü\n" for n in range(30_000))
    work(private, "command", settings=Settings(command="cat > stdin.txt"), instruction=long)
    assert private.workspace.files()["stdin.txt"].startswith(long.rstrip())


def test_a_command_that_fails_is_handed_in_with_its_words(private: Stage) -> None:
    ending = work(private, "command", settings=Settings(command="echo x > f; echo oh no >&2; exit 4"))
    assert ending == Ending(reason="submitted", detail="exit code 4\noh no\n")
    assert private.workspace.files() == {"f": "x\n"}


def test_a_command_ends_at_the_time_limit(private: Stage) -> None:
    settings = Settings(command="echo x > f; sleep 60", max_seconds=1)
    assert work(private, "command", settings=settings) == Ending(reason="seconds", detail="1 seconds")
    assert private.workspace.files() == {"f": "x\n"}
    assert private.workspace.commands[-1][1] == 1


def test_the_tasks_time_limit_holds_for_a_command(private: Stage) -> None:
    work(private, "command", settings=Settings(command="true", max_seconds=999), limits=Limits(agent_seconds=77))
    assert private.workspace.commands[-1][1] == 77


def test_a_replayed_command_runs_again_and_keeps_its_recorded_end(private: Stage) -> None:
    settings = Settings(command="echo x >> f; test $(wc -l < f) -lt 2")
    assert work(private, "command", settings=settings).detail == "exit code 0"
    assert work(private, "command", settings=settings).detail == "exit code 0"
    assert private.workspace.files() == {"f": "x\nx\n"}


def test_a_command_is_needed(private: Stage) -> None:
    with pytest.raises(ConfigError, match="needs `command`"):
        work(private, "command")


def test_a_request_that_cannot_be_placed_is_the_sandboxs_fault(private: Stage) -> None:
    private.workspace.env["PATH"] = "/nonexistent"
    private.workspace.bash = lambda command, seconds: ExecResult(1, b"", b"disk full")  # type: ignore[method-assign]
    with pytest.raises(SandboxError, match=r"/tmp/instruction\.md could not be written: disk full"):
        work(private, "command", settings=Settings(command="true"))


# --- oracle and nop --------------------------------------------------------------------------------------------------


def test_the_oracle_lays_the_solution_over_the_workspace(stage: Stage) -> None:
    solution = stage.folder / "solution"
    (solution / "src").mkdir(parents=True)
    (solution / "src" / "app.py").write_text("new")
    (solution / "run it.sh").write_text("#!/bin/sh\necho ran\n")
    (solution / "run it.sh").chmod(0o755)
    (solution / "__pycache__").mkdir()
    (solution / "__pycache__" / "x.pyc").write_bytes(b"\0")
    stage.workspace.write({"src/app.py": b"old", "kept": b"kept"})
    assert work(stage, "oracle") == Ending(reason="submitted", detail="2 files of the reference solution")
    assert stage.workspace.files() == {"kept": "kept", "run it.sh": "#!/bin/sh\necho ran\n", "src/app.py": "new"}
    assert stage.workspace.bash("'./run it.sh'", 10).stdout == b"ran\n"


def test_an_oracle_without_a_solution_is_the_tasks_fault(stage: Stage) -> None:
    with pytest.raises(TaskError, match="no files"):
        work(stage, "oracle")


def test_nop_does_nothing(stage: Stage) -> None:
    stage.workspace.write({"f": b"x"})
    assert work(stage, "nop").reason == "submitted"
    assert stage.workspace.files() == {"f": "x"}
    assert stage.workspace.commands == []
