"""The examples of docs/nightly: each is what it says, and each `harness` line in them is one that is accepted."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from harness import nightly
from harness.cli import cli

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "nightly"
PAGE = ROOT / "docs" / "nightly.md"
LINE = re.compile(r"(?:^|[\s=])(?:\S*/)?harness ((?:nightly|compare|run|resume|show|report)\b[^\n]*)", re.MULTILINE)
SHELL = {"$day": "2026-11-28", "$file": "agents/x.md", "$BASE": "main", "$agent": "x"}
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def command_lines(text: str) -> list[list[str]]:
    """The words after `harness` of each call in a text, with the shell's variables filled in."""
    found = []
    for words in LINE.findall(text):
        for name, value in SHELL.items():
            words = words.replace(name, value)
        kept = re.split(r"\s(?:2?>>?|\||&&|#)", words)[0]
        found.append(shlex.split(kept))
    return found


def accepted(words: list[str]) -> None:
    """Parse a command line as `harness` would, without carrying it out. Raises click.UsageError."""
    command = cli.commands[words[0]]
    command.make_context(words[0], words[1:])


def runs(workflow: Any) -> list[str]:
    return [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", [PAGE, *sorted(EXAMPLES.iterdir())], ids=lambda path: path.name)
def test_every_command_line_is_accepted(path: Path) -> None:
    text = path.read_text()
    if path == PAGE:
        text = "\n".join(re.findall(r"^```\n(harness .*?)```", text, re.DOTALL | re.MULTILINE))
    elif path.suffix == ".yml":
        text = "\n".join(runs(yaml.safe_load(text)))
    elif path.suffix in (".timer", ".toml"):
        return
    lines = command_lines(text)
    assert lines, f"{path} has no command line: the pattern of this test is wrong"
    for words in lines:
        accepted(words)


def test_a_wrong_command_line_would_be_found() -> None:
    for words in command_lines("x/harness nightly f.toml --datum 2026-11-28\nharness compare a b --attempts many"):
        with pytest.raises(click.UsageError):
            accepted(words)


def test_the_eval_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    path = EXAMPLES / "nightly.toml"
    config = nightly.load(path, {})
    assert nightly.baseline_of(config, path) == 1
    assert config.nightly.webhook is None  # an address is a secret, and no example


def test_every_key_of_the_table_is_documented() -> None:
    page = PAGE.read_text()
    assert [key for key in nightly.Table.model_fields if f"`{key}`" not in page] == []
    assert [code for code in nightly.EXIT_CODES.values() if f"| {code} |" not in page] == []


def test_cron_lines() -> None:
    lines = (EXAMPLES / "crontab").read_text().splitlines()
    jobs = [line for line in lines if line and not line.startswith("#") and not re.match(r"\w+=", line)]
    assert len(jobs) == 2
    for job in jobs:
        *fields, command = job.split(maxsplit=5)
        for field, (low, high) in zip(fields, BOUNDS, strict=True):
            assert field == "*" or low <= int(field) <= high
        assert "%" not in command  # cron takes it for the end of a line
        assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0


def units() -> dict[str, configparser.ConfigParser]:
    found = {}
    for path in EXAMPLES.glob("harness-nightly.*"):
        found[path.suffix] = configparser.ConfigParser(interpolation=None)
        found[path.suffix].optionxform = str  # type: ignore[assignment, method-assign]
        found[path.suffix].read(path)
    return found


def test_systemd_units() -> None:
    service, timer = units()[".service"]["Service"], units()[".timer"]
    assert service["Type"] == "oneshot"
    assert service["SuccessExitStatus"] == "75"
    assert timer["Timer"]["OnCalendar"] and timer["Install"]["WantedBy"] == "timers.target"
    accepted(shlex.split(service["ExecStart"])[1:])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for path in EXAMPLES.glob("harness-nightly.*"):
        text = path.read_text().replace("/srv/backend-harness/.venv/bin/harness", sys.executable)
        (tmp_path / path.name).write_text(text)
    made = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run(["systemd-analyze", "verify", *made], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "harness-nightly" in line]) == (0, [])


WORKFLOWS = sorted(EXAMPLES.glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows(path: Path) -> None:
    found = yaml.safe_load(path.read_text())
    assert True in found  # YAML 1.1 reads the key `on` as true; GitHub does not
    assert found["permissions"]["contents"] == "read"
    for job in found["jobs"].values():
        assert job["timeout-minutes"] <= 360
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert re.fullmatch(r"actions/[\w/-]+@v\d+", step.get("uses", "actions/x@v1"))
    for script in runs(found):
        assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0
        assert "${{" not in script  # what others may choose (a branch's name) must not become a part of a script


def test_the_nights_are_kept_whatever_happened() -> None:
    """A night that was cut off must be in the cache, and each save needs a key of its own."""
    steps = yaml.safe_load((EXAMPLES / "github-nightly.yml").read_text())["jobs"]["nightly"]["steps"]
    restore = next(step for step in steps if step.get("uses", "").startswith("actions/cache/restore"))
    save = next(step for step in steps if step.get("uses", "").startswith("actions/cache/save"))
    assert save["if"] == "always()"
    assert save["with"]["path"] == restore["with"]["path"]
    assert save["with"]["key"].startswith(restore["with"]["restore-keys"])
    assert "github.run_id" in save["with"]["key"]


def test_the_pages_own_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE.read_text())
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
