"""No test can reach a provider: no keys, no profiles, and no connection that leaves this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import guard
import pytest

from harness import images, sandboxes, tasks
from harness.errors import NotAvailable
from harness.models import scripted, scripted_server, workers
from harness.protocols import Sandbox
from harness.types import Task

PREFIXES = ("ANTHROPIC_", "OPENAI_")


@pytest.fixture(autouse=True, scope="session")
def no_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Take keys and profiles away, for child processes too, and refuse every connection beyond the loopback."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(PREFIXES)]:
            patch.delenv(name)
        patch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path_factory.mktemp("no-anthropic-profile")))
        patch.setenv(guard.REFUSED, str(tmp_path_factory.mktemp("guard") / "refused"))
        guard.install(patch.setattr)
        # A process that sends requests runs our guard before it does anything else; `tests` is on its path as on ours.
        patch.setattr(workers, "SERVE", f"import guard; guard.install(); {workers.SERVE}")
        yield


@pytest.fixture(autouse=True)
def no_attempt() -> Iterator[None]:
    """Fail a test that tried, even when the code under test took the refusal for a network that is down."""
    guard.taken()
    yield
    refused = guard.taken()
    assert not refused, f"the test tried to connect to {refused}; tests use the loopback only"


# --- providers -------------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[scripted_server.Server]:
    """A local provider that remembers the newest hundred requests."""
    with scripted_server.serve(remember=100) as running:
        yield running


@pytest.fixture(params=tuple(scripted.WIRES))
def wire(request: pytest.FixtureRequest) -> str:
    """Each wire format in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def pool(no_provider: None) -> Iterator[workers.Workers]:
    """Two processes that send requests; give them to a model as its `workers`."""
    made = workers.Workers(2)
    yield made
    made.close()


# --- sandboxes -------------------------------------------------------------------------------------------------------

KINDS = [pytest.param("docker", marks=pytest.mark.docker), pytest.param("bubblewrap", marks=pytest.mark.bubblewrap)]


def opened(kind: str) -> Sandbox:
    """Open a sandbox of a kind with its images; skip where this machine has none.

    HARNESS_TEST_ALL_SANDBOXES, which CI sets, allows no skip.
    """
    try:
        sandbox = sandboxes.choose(kind, print)
    except NotAvailable as reason:
        if os.environ.get("HARNESS_TEST_ALL_SANDBOXES"):
            raise
        pytest.skip(f"{kind}: {reason}")
    sandbox.prepare(images.NAMES, print)
    return sandbox


@pytest.fixture(scope="session", params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each kind of sandbox in turn."""
    found = opened(request.param)
    yield found
    found.close()


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """A small complete task: the skeleton that `harness tasks new` makes."""
    return tasks.load(tasks.new("notes", tmp_path_factory.mktemp("tasks")))
