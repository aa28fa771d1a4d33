"""A killed harness: whatever the next command is, nothing of the old process is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_sandboxes import HOLD, ROOT, leftovers, wait

from harness.protocols import Sandbox
from harness.sandboxes import owner

NOTED = "from harness.sandboxes import owner\nnote = owner.noted()\nnote.__enter__()\nsandbox = sandboxes"
OPENED = HOLD.replace("sandbox = sandboxes", NOTED)


def test_any_later_command_removes_what_a_killed_one_left(sandbox: Sandbox, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", OPENED, sandbox.kind], stdout=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        label = owner.me().rsplit("/", 2)[0] + f"/{process.pid}/{owner.started(process.pid)}"
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    argv = [sys.executable, "-m", "harness", "agents", "list"]
    done = subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    wait(lambda: not leftovers(sandbox.kind, label), 10)
    assert not (owner.folder() / label.split("/", 2)[2].replace("/", "-")).exists()


def test_notes_of_the_living_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with owner.noted():
        (note,) = owner.folder().iterdir()
        assert owner.dead_notes() == []
        dead = note.with_name("1-1")
        dead.write_text(owner.me() + "1")
        assert owner.dead_notes() == [dead]
    assert list(owner.folder().iterdir()) == [dead]
