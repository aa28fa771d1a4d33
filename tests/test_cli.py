"""The command line: every malformed input gives a message and an exit code, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TASK = b'schema = 1\ntitle = "x"\nimage = "python"\nareas = ["api.rest"]\ndifficulty = "easy"\n'
ORACLE = '[[candidates]]\nscaffold = "oracle"\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a task and an agent."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "baseline.md").write_text("---\nname: baseline\nmodel: sonnet\n---\nYou write backends.\n")
    assert harness(tmp_path, "tasks", "new", "my-task").returncode == 0
    return tmp_path


def harness(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, without keys."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ANTHROPIC_", "OPENAI_"))}
    command = [sys.executable, "-P", "-m", "harness", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


def refusal(folder: Path, *words: str, code: int = 2) -> str:
    """The message of a command that must fail, as it is on standard error."""
    done = harness(folder, *words)
    assert done.returncode == code, done
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr


def test_help_and_version(tmp_path: Path) -> None:
    assert "harness doctor" in harness(tmp_path, "--help").stdout
    assert harness(tmp_path, "--version").stdout.startswith("harness ")
    assert "Usage: harness" in harness(tmp_path).stderr


@pytest.mark.parametrize(
    "command",
    [
        ["run"], ["grade"], ["show"], ["report"], ["doctor"], ["gc"], ["tasks"], ["tasks", "list"], ["tasks", "show"],
        ["tasks", "check"], ["tasks", "new"], ["tasks", "coverage"], ["agents"], ["agents", "list"], ["agents", "show"],
        ["images"], ["images", "build"], ["images", "status"],
    ],
    ids="-".join,
)  # fmt: skip
def test_every_command_has_help_in_sentences(tmp_path: Path, command: list[str]) -> None:
    done = harness(tmp_path, *command, "--help")
    sentence = done.stdout.split("\n\n")[1].strip()
    assert done.returncode == 0
    assert sentence.endswith("."), sentence


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "No such command 'rnu'"),
        (["run", "--attemts", "3"], "--attempts"),
        (["run", "--attempts", "many"], "is not a valid integer"),
        (["run", "--sandbox", "podman"], "'auto', 'docker', 'bubblewrap'"),
        (["run"], "no candidate"),
        (["run", "nowhere.toml"], "nowhere.toml: there is no such file"),
        (["run", "."], ".: cannot be read"),
        (["run", "--scaffold", "orcale"], "unknown scaffold (did you mean 'oracle'?)"),
        (["run", "--scaffold", "oracle", "--tasks", "my-tsk"], "did you mean 'my-task'?"),
        (["run", "--scaffold", "oracle", "--attempts", "0"], "`attempts`: must be greater than or equal to 1"),
        (["run", "--scaffold", "oracle", "--name", "a/b"], "`name`"),
        (["run", "--scaffold", "oracle", "--tasks-dir", "none"], "none: no such folder of tasks"),
        (["run", "--agent", "basline", "--model", "opus"], "did you mean 'baseline'?"),
        (["run", "--agent", "baseline", "--model", "gpt"], "unknown model 'gpt'"),
        (["run", "--agent", "baseline"], "ANTHROPIC_API_KEY"),
        (["run", "--model", "scripted/demo"], "needs an agent"),
        (["run", "--scaffold", "oracle", "--scaffold", "oracle", "--max-cost", "-1"], "`max_cost_usd`"),
        (["show", "nightly"], "no run 'nightly'"),
        (["show", ""], "no run ''"),
        (["report", "latest"], "no run 'latest'"),
        (["grade", "latest"], "no run 'latest'"),
        (["grade", "--task", "my-tsk", "."], "did you mean 'my-task'?"),
        (["grade", "--task", "my-task", "nowhere"], "nowhere: there is no such folder to grade"),
        (["grade", "latest", "--seed", "-1"], "-1 is not in the range"),
        (["tasks", "show", "my-tsk"], "did you mean 'my-task'?"),
        (["tasks", "check", "nothing"], "no task is called 'nothing'"),
        (["tasks", "check", "-n", "0"], "0 is not in the range"),
        (["tasks", "new", "my-task"], "is there already"),
        (["tasks", "new", "../evil"], "is no task id"),
        (["tasks", "list", "--tasks-dir", "agents"], "has no task"),
        (["agents", "show", "basline"], "did you mean 'baseline'?"),
        (["agents", "show", "baseline@nowhere"], "baseline.md@nowhere"),
        (["agents", "show", "baseline@"], "'baseline@' is no agent"),
        (["agents", "show", ""], "'' is no agent"),
        (["run", "--scaffold", "oracle", "--results", ""], "`results`: must not be empty"),
        (["run", "--agent", "baseline", "--model", ""], "`model`: must not be empty"),
        (["run", "--agent", "baseline", "--scaffold", "command"], "settings = { command"),
        (["agents", "list", "--agents-dir", "none"], "none: no such folder of agents"),
        (["images", "build", "pyhton", "--sandbox", "bubblewrap"], "no image is called 'pyhton'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_malformed_command_lines(project: Path, words: list[str], said: str) -> None:
    message = refusal(project, *words)
    assert said in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("attempts = ", "eval.toml: is not valid TOML"),
        (b"\xff\xfe", "eval.toml: is not UTF-8"),
        ("attempts = 2.5\n" + ORACLE, "eval.toml: `attempts`: must be a whole number"),
        ("atempts = 2\n" + ORACLE, "unknown key `atempts` (did you mean 'attempts'?)"),
        (ORACLE + ORACLE, "are the same candidate"),
        ('name = "\\u001b[31mred"\n' + ORACLE, "`name`"),
    ],
)
def test_malformed_eval_files(project: Path, text: str | bytes, said: str) -> None:
    (project / "eval.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    message = refusal(project, "run", "eval.toml")
    assert said in message
    assert "\x1b" not in message


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("tasks/my-task/task.toml", b"schema = 1\nschema = 2", "task.toml: is not valid TOML"),
        ("tasks/my-task/instruction.md", b" ", "instruction.md: is empty"),
        ("tasks/my-task/submissions/failed-stub/expect.toml", b'why = "x"', "`fails`: is missing"),
        ("tasks/my-task/task.toml", b"n = " + b"9" * 5000, "task.toml: cannot be read as TOML"),
        ("tasks/my-task/task.toml", b"n = " + b"[" * 5000, "task.toml: cannot be read as TOML"),
        ("tasks/my-task/task.toml", b"title = 2026-01-01", "`title`: must be a string"),
        ("tasks/my-task/task.toml", TASK + b'[app]\nstart = "a\\u0000"', "a NUL character"),
        ("tasks/my-task/task.toml", TASK + b'[app]\nstart = "a"\nenv = { PORT = "1" }', "task.toml: the environment"),
        ("tasks/my-task/task.toml", TASK.replace(b'"x"', b'" "'), "`title`: must not be blank"),
    ],
)
def test_malformed_tasks(project: Path, path: str, content: bytes, said: str) -> None:
    (project / path).write_bytes(content)
    assert said in refusal(project, "tasks", "show", "my-task")


@pytest.mark.parametrize("content", [b"", b"---\nname: x\n", b"---\nname: x\n---\n", b"\xff\xfe\xfd", b"a\0b"])
def test_malformed_agents(project: Path, content: bytes) -> None:
    (project / "agents" / "baseline.md").write_bytes(content)
    assert "agents/baseline.md" in refusal(project, "agents", "show", "baseline")
    assert "agents/baseline.md" in refusal(project, "run", "--agent", "baseline", "--model", "scripted/demo")


def test_one_malformed_agent_hides_no_other(project: Path) -> None:
    (project / "agents" / "bad.md").write_bytes(b"")
    (project / "agents" / "folder.md").mkdir()
    done = harness(project, "agents", "list")
    assert done.returncode == 2
    assert "baseline" in done.stdout
    assert "agents/bad.md:1: the agent has no prompt" in done.stderr
    assert "folder.md: is no regular file" in refusal(project, "agents", "show", "folder")


def test_tables(project: Path) -> None:
    assert "my-task" in harness(project, "tasks", "list").stdout
    assert "POST /notes" in harness(project, "tasks", "show", "my-task").stdout
    assert "failed-in-memory: keeps the notes in memory" in harness(project, "tasks", "show", "my-task").stdout
    assert "baseline" in harness(project, "agents", "list").stdout
    assert "You write backends." in harness(project, "agents", "show", "baseline").stdout


def test_coverage(project: Path) -> None:
    whole = harness(project, "tasks", "coverage").stdout
    gaps = harness(project, "tasks", "coverage", "--gaps").stdout
    assert "api.rest" in whole
    assert "api.rest" not in gaps
    assert "api.graphql" in gaps
    assert "2 of 54 areas have a task" in whole


def test_doctor_json(tmp_path: Path) -> None:
    done = harness(tmp_path, "doctor", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["works"] else 1)


def test_a_defect_is_one_line_and_a_file(tmp_path: Path) -> None:
    code = (
        "import sys, harness.tasks\n"
        "def broken(*_): raise ZeroDivisionError('by design')\n"
        "harness.tasks.find = broken\n"
        "sys.argv = ['harness', 'tasks', 'list']\n"
        "from harness.cli import main\nmain()"
    )
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 70
    assert len([line for line in done.stderr.splitlines() if not line.startswith("sandbox: ")]) == 1
    assert "ZeroDivisionError: by design" in done.stderr
    (report,) = tmp_path.glob("harness-defect-*.txt")
    assert str(report) in done.stderr
    assert "Traceback" in report.read_text()


def test_a_reader_that_leaves_early_is_no_defect(project: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -P -m harness tasks coverage | head -n 1", shell=True, cwd=project, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_no_defect(project: Path) -> None:
    command = [sys.executable, "-P", "-m", "harness", "tasks", "list"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=project, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert "No space left on device: free the disk" in done.stderr
