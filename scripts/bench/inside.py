"""What runs in the one container of the `single` arm: the solution, the grader, and the answers to its requests.

Standard library only. Usage: `python inside.py JOB`, with the task below /task; leaves /out/verdict.json. JOB is JSON:
start, env, url, ready, ready_seconds, seconds, seed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TASK, WORKSPACE, VERDICT = Path("/task"), Path("/workspace"), Path("/out/verdict.json")
GRADER = {"PATH": "/opt/grader/bin:/usr/bin:/bin", "PYTHONPATH": "/opt/harness", "LANG": "C.UTF-8"}
GRACE = 10.0


class App:
    """The application as a process group."""

    def __init__(self, command: str, env: dict[str, str]) -> None:
        self.command, self.env = command, {**os.environ, **env}
        self.start()

    def start(self) -> None:
        """Start it in a group of its own."""
        command = ["sh", "-c", self.command]
        self.process = subprocess.Popen(command, cwd=WORKSPACE, env=self.env, start_new_session=True)

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM and a grace, then SIGKILL to what is left."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)
        self.kill()

    def state(self) -> dict[str, Any]:
        """As the grader asks for it."""
        code = self.process.poll()
        return {"running": code is None, "exit_code": code}


def lay_down() -> None:
    """The workspace with the solution over it."""
    for layer in ("workspace", "solution"):
        if (TASK / layer).is_dir():
            shutil.copytree(TASK / layer, WORKSPACE, dirs_exist_ok=True)


def grade(job: dict[str, Any], app: App) -> None:
    """Run the grader to its end and answer what it asks."""
    handlers: dict[str, Callable[[], Any]] = {
        "app.start": app.start, "app.stop": app.stop, "app.kill": app.kill, "app.state": app.state,
    }  # fmt: skip
    grader = subprocess.Popen(
        ["python", "-m", "grader"], env={**GRADER, "PYTHONDONTWRITEBYTECODE": "1"}, cwd="/tmp",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert grader.stdin and grader.stdout

    def send(message: dict[str, Any]) -> None:
        assert grader.stdin
        grader.stdin.write(json.dumps(message).encode() + b"\n")
        grader.stdin.flush()

    send({
        "nonce": "", "seed": job["seed"], "seconds": job["seconds"], "tests": str(TASK / "tests"),
        "submission": str(WORKSPACE), "verdict": str(VERDICT),
    })  # fmt: skip
    while (line := grader.stdout.readline()) and (message := json.loads(line))["op"] != "done":
        send(go(job) if message["op"] == "manifest" else handlers[message["op"]]() or {})
    grader.stdin.close()
    grader.wait()


def go(job: dict[str, Any]) -> dict[str, Any]:
    """The answer to the manifest: where the application is."""
    app = {"urls": [job["url"]], "env": job["env"], "ready": job["ready"], "ready_seconds": job["ready_seconds"]}
    return {"job": {"services": {}, "app": app}, "reason": ""}


def main() -> None:
    """Lay down, start, grade, and end the application."""
    job = json.loads(sys.argv[1])
    lay_down()
    app = App(job["start"], job["env"])
    grade(job, app)
    app.kill()


if __name__ == "__main__":
    main()
