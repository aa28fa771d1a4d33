"""The images that sandboxes start boxes from: what they are made of, and whether they are there.

An image is a folder here. On Docker it is built from its Dockerfile; on bubblewrap it is an environment folder in the
user's cache with the same packages from the same lock. Both are addressed by the digest of what they are made from,
so nothing is rebuilt without a change and nothing stale is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError

NAMES = ("python", "grader", "postgres", "redis")
FOLDER = Path(__file__).parent
GRADER_SOURCE = FOLDER.parent / "grader"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Status:
    """Whether an image is ready on a sandbox kind; `id` is the tag or folder that it has or would have."""

    name: str
    kind: str
    id: str
    ready: bool


def sources(name: str) -> Iterator[tuple[str, Path]]:
    """Yield (path in the build context, file) of all that goes into an image, in a fixed order."""
    roots = [("", FOLDER / name)] + ([("grader/", GRADER_SOURCE)] if name == "grader" else [])
    for prefix, root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield prefix + path.relative_to(root).as_posix(), path


def digest(name: str) -> str:
    """Return twelve hex digits over the paths, modes and contents of an image's sources.

    Raises ConfigError for a name that is no image.
    """
    check(name)
    hasher = hashlib.sha256()
    for inside, path in sources(name):
        hasher.update(f"{inside}\0{bool(path.stat().st_mode & 0o100)}\0".encode())
        hasher.update(hashlib.sha256(path.read_bytes()).digest())
    return hasher.hexdigest()[:12]


def check(name: str) -> None:
    """Raise ConfigError unless `name` is an image."""
    if name not in NAMES:
        raise ConfigError(f"no image is called {name!r}; there are: {', '.join(NAMES)}")


def build(names: Iterable[str], kind: str, say: Say) -> None:
    """Make the images that are missing on a sandbox kind. Raises NotAvailable or SandboxError with what to do."""
    if kind == "docker":
        from harness.images import containers

        containers.build(names, say)
    else:
        from harness.images import environments

        environments.build(names, say)


def status() -> list[Status]:
    """Tell for each image and each sandbox kind whether it is ready; Docker lines are left out without a daemon."""
    from harness.images import containers, environments

    return containers.status() + environments.status()
