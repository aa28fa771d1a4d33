"""TrialPlan -> Submission: give the agent a sandbox, let its scaffold work, and freeze what is there at the end.

The agent's box, and the task's services beside it, start with the first command; a scaffold that only writes files
costs no container of its own. Freezing begins when the box is dead, so nothing later counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from harness import archive, honeypot, pricing, scaffolds
from harness.errors import ConfigError, SandboxError
from harness.grade import Clock
from harness.journal import FileJournal
from harness.pricing import Tariff
from harness.protocols import Box, Cell, Model, Sandbox
from harness.staging import app_environment, at_once, place_services, raise_service, service_volumes
from harness.types import BoxSpec, Ending, ExecResult, Isolation, Submission, Task, TrialPlan

SPACE = "workspace"
OUTPUT_CAP = 256 << 10
FILE_CAP = 4 << 20
NOT_STARTED = 126  # a command that could not start
CUT_OFF = (NOT_STARTED, 137, None)  # and one that got SIGKILL, or whose end nobody saw
ENDING_SECONDS = 2.0


@dataclass(frozen=True)
class Generated:
    """A submission, why the agent phase ended, and what it took; what it cost is in the journal.

    `touched` are files of the honeypot that the agent read or altered.
    """

    submission: Submission
    ending: Ending
    isolation: Isolation
    images: dict[str, str]
    turns: int
    tool_calls: int
    retries: int
    stages: dict[str, float]
    touched: Mapping[str, str] = field(default_factory=dict)


def generate(
    plan: TrialPlan,
    sandbox: Sandbox,
    model: Model | None,
    folder: Path,
    price: Tariff,
    stage: Callable[[str], None],
) -> Generated:
    """Run the agent phase of a trial; leaves submission.tar.zst and, with a model, journal.jsonl in `folder`.

    Raises ProviderError, SandboxError, TaskError, and ResultsError for a damaged journal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    sizes = {SPACE: plan.task.limits.disk_mb, honeypot.VOLUME: honeypot.SIZE_MB, **service_volumes(plan.task)}
    with sandbox.cell(sizes) as cell:
        space = AgentWorkspace(cell, plan.task, honeypot.of_trial(folder, plan.task))
        clock("agent cell")
        with FileJournal(folder, plan.trial_id, _digests(plan)) as journal:
            ending = _work(plan, space, model, journal, price)
            turns = [turn for _, turn in journal.turns()]
        clock("agent")
        stage("freezing")
        submission = space.freeze(folder / "submission.tar.zst")
        touched = honeypot.touched(cell, space.placed) if space.placed else {}
        isolation, images = cell.isolation, dict(cell.images)
    clock("freeze")
    return Generated(
        submission, ending, isolation, images, turns=len(turns), tool_calls=sum(len(t.calls) for t in turns),
        retries=sum(len(t.failed_attempts) for t in turns), stages=clock.stages, touched=touched,
    )  # fmt: skip


def _digests(plan: TrialPlan) -> dict[str, str]:
    return {"task": plan.task.digest, "candidate": plan.candidate.digest}


def _work(
    plan: TrialPlan,
    space: AgentWorkspace,
    model: Model | None,
    journal: FileJournal,
    price: Tariff,
) -> Ending:
    """Let the scaffold work."""
    name = plan.candidate.scaffold
    if name not in scaffolds.REGISTRY:
        raise ConfigError(f"no scaffold is called {name!r}; there are: {', '.join(scaffolds.REGISTRY)}")

    def spent() -> float | None:
        billed = [(u, when) for when, t in journal.turns() for u in (t.usage, *pricing.usages(t.failed_attempts))]
        return pricing.summed(price(usage, when) for usage, when in billed)

    return scaffolds.REGISTRY[name].work(plan, space, model, journal, spent)


def refuse_tangled(files: Mapping[str, bytes], limit: int) -> None:
    """Raise OSError for paths that lead out or lie in each other's way, and for more bytes than the workspace holds."""
    for path in files:
        parts = PurePosixPath(path).parts
        if path.startswith("/") or ".." in parts or not parts or "\0" in path:
            raise OSError(f"{path!r} is no path inside the workspace")
        above = [str(folder) for folder in PurePosixPath(path).parents][:-1]
        if blocked := next((folder for folder in above if folder in files), None):
            raise OSError(f"{blocked!r} cannot be a file and a folder of {path!r}")
    if sum(len(content) for content in files.values()) > limit:
        raise OSError(f"the files are larger than the {limit >> 20} MiB that the workspace holds")


class AgentWorkspace:
    """The agent's sandbox as a scaffold sees it (protocols.Workspace)."""

    def __init__(self, cell: Cell, task: Task, lure: honeypot.Honeypot | None = None) -> None:
        self.cell, self.task, self.lure = cell, task, lure
        self.box: Box | None = None
        self.placed: honeypot.Placed | None = None
        cell.write(SPACE, archive.entries(archive.layers(task.root / "workspace")))

    def bash(self, command: str, seconds: float) -> ExecResult:
        """Run a shell command in /workspace; what it leaves running stays until the phase ends."""
        try:
            done = self._box().exec(["bash", "-c", command], seconds=seconds, cap=OUTPUT_CAP)
            if done.exit_code != NOT_STARTED or not self._cut_off(done):
                return done
        except SandboxError:
            pass  # as for a command that could not start
        self._revive()
        return ExecResult(None, b"", b"the sandbox took no more commands and was started again; files are kept")

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files below /workspace; by the box's own user once it runs, so a planted link leads nowhere new.

        Raises OSError when the agent's own doing prevents it (a full disk, a folder in the file's place).
        """
        refuse_tangled(files, self.task.limits.disk_mb << 20)
        found = archive.entries({path: (content, 0o644) for path, content in files.items()})
        if self.box is None:
            self.cell.write(SPACE, found)
            return
        packed = b"".join(archive.tar(found))
        done = self._surely(["tar", "-xf", "-", "-C", "/workspace", "--no-same-owner"], OUTPUT_CAP, packed)
        if done.exit_code != 0:
            raise OSError(done.stderr.decode(errors="replace").strip() or "the file could not be written")

    def read(self, path: str) -> bytes | None:
        """A file's content below /workspace; None when there is no such file. Raises OSError when it is over 4 MiB."""
        done = self._surely(["head", "-c", str(FILE_CAP + 1), "--", path], FILE_CAP + 1)
        if len(done.stdout) > FILE_CAP:
            raise OSError(f"{path} is longer than {FILE_CAP >> 20} MiB; work on it with commands")
        return done.stdout if done.exit_code == 0 else None

    def freeze(self, target: Path) -> Submission:
        """Kill the box, then read the workspace under caps."""
        if self.box is not None:
            self.box.kill()
        return archive.freeze(self.cell.entries(SPACE), target, self.task.limits.disk_mb << 20)

    def _box(self) -> Box:
        """Start the services and the agent's box the first time that a command needs them."""
        if self.box is None:
            services = place_services(self.cell, self.task)
            at_once([partial(raise_service, s, self.task) for s in services.values()])
            limits = self.task.limits
            self.placed = honeypot.place(self.cell, self.lure) if self.lure else None
            self.box = self.cell.box(BoxSpec(
                role="agent", image=self.task.image, argv=("sleep", "infinity"), workdir="/workspace",
                env=app_environment(self.task, services), mounts=self._mounts(),
                cpus=limits.cpus, memory_mb=limits.memory_mb, pids=limits.pids,
            ))  # fmt: skip
            self.box.start()
        return self.box

    def _mounts(self) -> dict[str, str]:
        return {SPACE: "/workspace", **({honeypot.VOLUME: honeypot.PLACE} if self.placed else {})}

    def _surely(self, argv: list[str], cap: int, stdin: bytes = b"") -> ExecResult:
        """Run a command that may be run twice, once more in a revived box if the first did not get through."""
        try:
            done = self._box().exec(argv, seconds=60, cap=cap, stdin=stdin)
            if not self._cut_off(done):
                return done
        except SandboxError:
            pass  # as for a command that was cut off
        self._revive()
        return self._box().exec(argv, seconds=60, cap=cap, stdin=stdin)

    def _cut_off(self, done: ExecResult) -> bool:
        """Whether a command ended because its box did; that counts as ended a moment after all in it is killed."""
        if done.exit_code not in CUT_OFF:
            return False
        until = time.monotonic() + ENDING_SECONDS
        while (running := self._box().state().running) and time.monotonic() < until:
            time.sleep(0.05)
        return not running

    def _revive(self) -> None:
        """Start the box again. One that takes no command any more (a fork bomb, its main process killed) is the agent's
        own doing as long as it can be started again; if it cannot, the sandbox is at fault: SandboxError.
        """
        box = self._box()
        box.kill()
        box.start()
