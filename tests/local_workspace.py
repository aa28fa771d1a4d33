"""A workspace without isolation for tests of scaffolds: a temporary folder, and bash in it. Only for code we wrote."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.types import ExecResult


class LocalWorkspace:
    """Keeps protocols.Workspace; `commands` are those that were run."""

    def __init__(self, root: Path, env: Mapping[str, str] | None = None) -> None:
        self.root, self.env = root, {"PATH": os.environ["PATH"], "HOME": str(root), **(env or {})}
        self.commands: list[tuple[str, float]] = []

    def bash(self, command: str, seconds: float) -> ExecResult:
        """Run a command in a process group of its own, which is killed at its end."""
        self.commands.append((command, seconds))
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = subprocess.Popen(
                ["bash", "-c", command], cwd=self.root, env=self.env, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip
            try:
                code: int | None = child.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            return ExecResult(code, _all(out), _all(err))

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files, folders included."""
        for path, content in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_bytes(content)

    def read(self, path: str) -> bytes | None:
        """Return a file's content, or None when it is no file."""
        return (self.root / path).read_bytes() if (self.root / path).is_file() else None

    def files(self) -> dict[str, str]:
        """Return all files with their text."""
        found = sorted(p for p in self.root.rglob("*") if p.is_file())
        return {p.relative_to(self.root).as_posix(): p.read_text() for p in found}


def _all(file: object) -> bytes:
    file.seek(0)  # type: ignore[attr-defined]
    return bytes(file.read())  # type: ignore[attr-defined]


@contextlib.contextmanager
def workspace(env: Mapping[str, str] | None = None) -> Iterator[LocalWorkspace]:
    """Make a workspace and take it away again."""
    with tempfile.TemporaryDirectory() as folder:
        yield LocalWorkspace(Path(folder), env)
