"""Sandboxes, one file a kind, and the choice between them."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import ConfigError, NotAvailable
from harness.protocols import Sandbox


def _docker() -> Sandbox:
    from harness.sandboxes.docker import DockerSandbox

    return DockerSandbox()


def _bubblewrap() -> Sandbox:
    from harness.sandboxes.bubblewrap import BubblewrapSandbox

    return BubblewrapSandbox()


REGISTRY: dict[str, Callable[[], Sandbox]] = {
    "docker": _docker,
    "bubblewrap": _bubblewrap,
}


def choose(kind: str, say: Callable[[str], None]) -> Sandbox:
    """Return the sandbox asked for; `auto` is Docker if a daemon answers, else bubblewrap, told in one line.

    Raises ConfigError for an unknown kind, NotAvailable with the remedy when it cannot run here.
    """
    if kind == "auto":
        return _auto(say)
    if kind not in REGISTRY:
        raise ConfigError(f"no sandbox is called {kind!r}; there are: auto, {', '.join(REGISTRY)}")
    return REGISTRY[kind]()


def _auto(say: Callable[[str], None]) -> Sandbox:
    try:
        sandbox = REGISTRY["docker"]()
    except NotAvailable:
        sandbox = REGISTRY["bubblewrap"]()
        say("sandbox: bubblewrap, the embedded one (no Docker daemon answers)")
        return sandbox
    say("sandbox: docker")
    return sandbox
