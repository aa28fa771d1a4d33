"""Attack the harness, and see that nothing got through: every attack of tests/attacks on every sandbox of this machine.

    python scripts/attacks.py [FOLDER...] [--sandbox KIND]... [--alternate N] [--slots N] [--json FILE]

An attack is a folder: attack.toml (see `AttackFile`), files/ (what is handed in) and, when it works in the agent's
sandbox, agent.sh. Its target is a small task under tests/attacks/targets. While an attack is graded the target's
reference is graded beside it, on the same sandbox. An attack must end as its file says and within its time, never in
an error, and the reference must pass; anything else is a deviation, and the exit code is 1. Nothing is tried twice.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from attack_reports import faults_of_reports, run_trial_of
from pydantic import Field

from harness import __version__, archive, sandboxes, tasks, tomlfile
from harness.errors import HarnessError, NotAvailable, UsageError
from harness.generate import SPACE, AgentWorkspace
from harness.grade import grade
from harness.protocols import Sandbox
from harness.reports.text import clip, plain
from harness.session import open_sandbox, prepare
from harness.staging import service_volumes
from harness.types import Frozen, Grade, Limits, Submission, Task

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "attacks"
SHARED, TARGETS = CORPUS / "_shared", CORPUS / "targets"
CLASSES = ("forge", "read", "fake", "client", "freeze", "outlive", "exhaust", "escape", "report")
NAME = re.compile(rf"({'|'.join(CLASSES)})-[a-z0-9]+(-[a-z0-9]+)*")
HANGS_AFTER = 240.0  # seconds after which an attack that has not ended is given up
LINE = "{:<8} {:<34} {:<11} {:<11} {:>11}  {}"


class AttackFile(Frozen):
    """attack.toml as written. `seconds` is what the whole attack may take on an idle machine of two cores."""

    tries: str = Field(pattern=r"^[^\n]{20,160}$")
    target: Literal["notes", "ledger"]
    base: Literal["none", "workspace", "solution"]
    phase: Literal["grade", "agent", "report"]
    expect: Literal["passed", "failed"]
    notes: tuple[str, ...] = ()
    with_: tuple[str, ...] = Field((), alias="with")
    limits: dict[str, int] = Field(default_factory=dict)
    seconds: float = Field(60, gt=0, le=HANGS_AFTER)


@dataclass(frozen=True)
class Attack:
    """An attack of the corpus, and the task that it aims at, under the attack's own limits."""

    folder: Path
    file: AttackFile
    task: Task

    @property
    def name(self) -> str:
        """The folder's name without its class."""
        return self.folder.name.partition("-")[2]

    @property
    def kind(self) -> str:
        """The class of the attack."""
        return self.folder.name.partition("-")[0]


@dataclass(frozen=True)
class Result:
    """What came of an attack on one sandbox. `got` is an outcome or `hang`; `deviations` say what is not as it must."""

    expect: str
    got: str
    seconds: float
    honest: str
    notes: tuple[str, ...] = ()
    detail: str = ""
    deviations: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Seen:
    """What was seen of one side: an outcome, the freeze notes, the reason, and faults of the written reports."""

    outcome: str
    seconds: float
    notes: tuple[str, ...] = ()
    detail: str = ""
    faults: tuple[str, ...] = ()


# --- the corpus ------------------------------------------------------------------------------------------------------


def find(names: Sequence[str]) -> list[Attack]:
    """Return the attacks of these folders, all of the corpus when none is named. Raises UsageError."""
    folders = [_folder(name) for name in names] or sorted(p.parent for p in CORPUS.glob("*-*/attack.toml"))
    return [load(folder) for folder in folders]


def _folder(name: str) -> Path:
    found = [path for path in (Path(name), CORPUS / name) if (path / "attack.toml").is_file()]
    if not found:
        raise UsageError(f"{name}: no folder with an attack.toml, neither as a path nor in {CORPUS}")
    return found[0].resolve()


def load(folder: Path) -> Attack:
    """Read an attack. Raises UsageError for whatever is wrong with it."""
    path = folder / "attack.toml"
    if not NAME.fullmatch(folder.name):
        raise UsageError(f"{folder}: an attack is called <class>-<name>, with a class of {', '.join(CLASSES)}")
    file = tomlfile.build(AttackFile, tomlfile.read(path, UsageError), str(path), UsageError)
    for name in file.with_:
        if not (SHARED / name).is_dir():
            raise UsageError(f"{path}: `with`: there is no folder {SHARED / name}")
    if (file.phase == "agent") != (folder / "agent.sh").is_file():
        raise UsageError(f"{folder}: agent.sh belongs to the phase `agent`, and to no other")
    if file.phase == "report" and not (folder / "files" / "payload.json").is_file():
        raise UsageError(f"{folder}: an attack of the phase `report` has a files/payload.json")
    return Attack(folder, file, _limited(tasks.load(TARGETS / file.target), file, path))


def _limited(task: Task, file: AttackFile, path: Path) -> Task:
    """The target under the limits of the attack."""
    limits = tomlfile.build(Limits, {**task.limits.model_dump(), **file.limits}, f"{path}: `limits`", UsageError)
    return task.model_copy(update={"limits": limits})


def handed_in(attack: Attack) -> dict[str, Any]:
    """The files of the submission: the base, then the shared folders, then the attack's own."""
    root = attack.task.root
    bases = {"none": [], "workspace": [root / "workspace"], "solution": [root / "workspace", root / "solution"]}
    shared = [SHARED / name for name in attack.file.with_]
    return archive.layers(*bases[attack.file.base], *shared, attack.folder / "files")


# --- one attack ------------------------------------------------------------------------------------------------------


def carry_out(attacks: Sequence[Attack], sandbox: Sandbox) -> list[Result]:
    """Carry out attacks of one target, all at once, with the target's reference graded beside them."""
    with ThreadPoolExecutor(len(attacks) + 1) as pool:
        beside = pool.submit(timed, graded_honest, attacks[0], sandbox)
        sides = [pool.submit(timed, PHASES[attack.file.phase], attack, sandbox) for attack in attacks]
        pairs = [(attack.file, side.result(), beside.result()) for attack, side in zip(attacks, sides, strict=True)]
    return [concluded(file, mine, honest) for file, mine, honest in pairs]


def concluded(file: AttackFile, mine: Seen, honest: Seen) -> Result:
    """What came of an attack, and what of it is not as it must be."""
    said = tuple(deviations(file, mine, honest))
    return Result(file.expect, mine.outcome, mine.seconds, honest.outcome, mine.notes, mine.detail, said)


def timed(side: Any, attack: Attack, sandbox: Sandbox) -> Seen:
    """Run one side; an error of the harness, a defect of it included, is an outcome."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="harness-attack-") as place:
        try:
            seen = side(attack, sandbox, Path(place))
        except HarnessError as error:
            seen = Seen("error", 0, detail=f"{error.boundary}: {error}")
        except Exception as defect:  # noqa: BLE001  a defect is what an attack looks for
            seen = Seen("error", 0, detail=f"a defect of the harness: {type(defect).__name__}: {defect}")
    return Seen(**{**asdict(seen), "seconds": round(time.monotonic() - begun, 2)})


def graded_files(attack: Attack, sandbox: Sandbox, place: Path) -> Seen:
    """Phase `grade`: the files are the submission."""
    target = place / "submission.tar.zst"
    archive.freeze_layers(handed_in(attack), target)
    return seen(grade(attack.task, target, sandbox, logs=place).grade, place)


def graded_honest(attack: Attack, sandbox: Sandbox, place: Path) -> Seen:
    """The reference, under the target's own limits."""
    task, target = tasks.load(attack.task.root), place / "submission.tar.zst"
    archive.freeze_layers(archive.layers(task.root / "workspace", task.root / "solution"), target)
    return seen(grade(task, target, sandbox, logs=place).grade, place)


def graded_agent(attack: Attack, sandbox: Sandbox, place: Path) -> Seen:
    """Phase `agent`: agent.sh works in the agent's sandbox; what is there afterwards is frozen and graded."""
    target = place / "submission.tar.zst"
    with sandbox.cell({SPACE: attack.task.limits.disk_mb, **service_volumes(attack.task)}) as cell:
        space = AgentWorkspace(cell, attack.task)
        space.write({path: content for path, (content, _) in handed_in(attack).items()})
        space.bash((attack.folder / "agent.sh").read_text(), attack.task.limits.agent_seconds)
        frozen = space.freeze(target)
    return seen(grade(attack.task, target, sandbox, logs=place).grade, place, frozen)


def graded_report(attack: Attack, sandbox: Sandbox, place: Path) -> Seen:
    """Phase `report`: a whole trial whose agent, files and service say the payload, then every report is read back."""
    record, verdict = run_trial_of(attack.task, sandbox, handed_in(attack), place)
    detail = record.failure.message if record.failure else ""
    faults = faults_of_reports(record, handed_in(attack)["payload.json"][0], place)
    notes = record.submission.notes if record.submission else ()
    reason = seen(verdict, place).detail if verdict else detail
    return Seen(record.outcome, 0, notes, detail or reason, tuple(faults))


PHASES = {"grade": graded_files, "agent": graded_agent, "report": graded_report}


def seen(verdict: Grade, logs: Path, frozen: Submission | None = None) -> Seen:
    """A grade as what was seen. The detail is the reason, or what the first failed test compared, or else what the
    service printed: an attack that got through says there what it found.
    """
    failed = [f"{t.id.partition('::')[2]}: {compared(t.message)}" for t in verdict.tests if not t.passed]
    said = logs / "app0.log"
    printed = said.read_text(errors="replace")[-600:] if said.is_file() else ""
    words = verdict.reason or next(iter(failed), printed)
    return Seen("passed" if verdict.passed else "failed", 0, frozen.notes if frozen else (), plain(words))


def compared(message: str) -> str:
    """The lines of a pytest message that say what was compared, or its end."""
    lines = [line[1:].strip() for line in message.splitlines() if line.startswith("E ")]
    return clip(" ".join(lines), 500) or message[-500:]


def deviations(file: AttackFile, mine: Seen, honest: Seen) -> Iterator[str]:
    """Everything that is not as it must be."""
    if mine.outcome != file.expect:
        yield f"ended as {mine.outcome}, expected {file.expect}: {mine.detail}"
    if mine.seconds > file.seconds:
        yield f"took {mine.seconds:.0f} s, allowed are {file.seconds:.0f} s"
    said = " | ".join(mine.notes)
    for words in file.notes:
        if words not in said:
            yield f"the freeze notes do not say {words!r}: {said or 'there are none'}"
    yield from (f"report: {fault}" for fault in mine.faults)
    if honest.outcome != "passed":
        yield f"the reference beside it ended as {honest.outcome}: {honest.detail}"


# --- all of them -----------------------------------------------------------------------------------------------------


def shares(attacks: Sequence[Attack], kinds: Sequence[str], turn: int | None) -> dict[str, list[Attack]]:
    """The attacks for each sandbox: all of them on each, or with a turn each on one, which is another one next turn."""
    if turn is None:
        return {kind: list(attacks) for kind in kinds}
    order = sorted(kinds)
    return {kind: list(attacks[(order.index(kind) - turn) % len(order) :: len(order)]) for kind in kinds}


def carry_out_all(
    attacks: Sequence[Attack], opened: Mapping[str, Sandbox], slots: int, turn: int | None = None
) -> dict[str, dict[str, Result]]:
    """Carry out every attack on its sandboxes, side by side; print each one's line when it has ended everywhere."""
    done: dict[str, dict[str, Result]] = {}
    grading = 0
    print(LINE.format("class", "name", "docker", "bubblewrap", "seconds", "honest beside it"), flush=True)
    with ExitStack() as stack:
        shared = shares(attacks, list(opened), turn)
        lanes = {kind: Lane(shared[kind], sandbox, slots) for kind, sandbox in opened.items()}
        for lane in lanes.values():
            stack.callback(lane.leave)
        for attack in attacks:
            mine = {kind: lane for kind, lane in lanes.items() if attack.folder.name in lane.places}
            done[attack.folder.name] = {kind: lane.result(attack) for kind, lane in mine.items()}
            print(line(attack, done[attack.folder.name]), flush=True)
            # Charts and tables of the reports take more memory than any attack; the flood is measured without them.
            grading = peak_rss_mb() if attack.kind != "report" else grading
    print(f"peak memory before the first report was written: {grading} MB", flush=True)
    return done


class Lane:
    """The attacks on one sandbox: waves of a few at once, one wave after the other."""

    def __init__(self, attacks: Sequence[Attack], sandbox: Sandbox, slots: int) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.places: dict[str, tuple[Future[list[Result]], int]] = {}
        for wave in waves(attacks, slots):
            future = self.pool.submit(carry_out, wave, sandbox)
            self.places |= {attack.folder.name: (future, place) for place, attack in enumerate(wave)}

    def result(self, attack: Attack) -> Result:
        """The result of an attack; one that does not end is a hang, counted from the moment that its wave runs."""
        future, place = self.places[attack.folder.name]
        while not (future.running() or future.done()):
            time.sleep(0.05)
        wait([future], timeout=HANGS_AFTER)
        if future.done():
            return future.result()[place]
        words = f"its wave did not end within {HANGS_AFTER:.0f} s"
        return Result(attack.file.expect, "hang", HANGS_AFTER, "unknown", deviations=(words,))

    def leave(self) -> None:
        """What an interrupt leaves is not begun, and what hangs is not waited for."""
        self.pool.shutdown(wait=False, cancel_futures=True)


def waves(attacks: Iterable[Attack], size: int) -> Iterator[list[Attack]]:
    """Neighbours of one target, at most `size` together."""
    for _, group in groupby(attacks, key=lambda attack: attack.file.target):
        members = list(group)
        yield from (members[start : start + size] for start in range(0, len(members), size))


def line(attack: Attack, results: Mapping[str, Result]) -> str:
    """An attack's line of the table, and below it what deviated."""
    cells = [_cell(results.get(kind)) for kind in ("docker", "bubblewrap")]
    seconds = " / ".join(f"{r.seconds:.1f}" for r in results.values())
    honest = ", ".join(dict.fromkeys(r.honest for r in results.values()))
    head = LINE.format(attack.kind, clip(attack.name, 34), *cells, seconds, honest)
    said = [f"    {kind}: {clip(plain(d), 600)}" for kind, r in results.items() for d in r.deviations]
    return "\n".join([head, *said])


def _cell(result: Result | None) -> str:
    if result is None:
        return "–"
    return f"{result.got}{' !' if result.deviations else ''}"


# --- the outcome -----------------------------------------------------------------------------------------------------


def summary(done: Mapping[str, Mapping[str, Result]], wall: float, missing: Mapping[str, str]) -> dict[str, Any]:
    """The counts. A point is a grade that passed where the service did not serve its requests truly."""
    results = [r for found in done.values() for r in found.values()]
    return {
        "attacks": len(done), "grades": len(results),
        "points_earned": sum(r.got == "passed" and r.expect == "failed" for r in results),
        "truly_served": sum(r.got == "passed" == r.expect for r in results),
        "errors": sum(r.got == "error" for r in results), "hangs": sum(r.got == "hang" for r in results),
        "honest_passed": sum(r.honest == "passed" for r in results), "deviations": sum(map(_deviates, results)),
        "wall_seconds": round(wall, 1), "peak_rss_mb": peak_rss_mb(),
        "peak_rss_of_children_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "not_available": dict(missing),
    }  # fmt: skip


def _deviates(result: Result) -> bool:
    return bool(result.deviations)


def peak_rss_mb() -> int:
    """The most memory that this process, which is the harness, ever had (VmHWM), in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) // 1024 if found else 0


def told(counts: Mapping[str, Any]) -> str:
    """The summary in words."""
    facts = [
        f"{counts['attacks']} attacks, {counts['grades']} times carried out",
        f"{counts['points_earned']} points earned ({counts['truly_served']} served truly and passed, as expected)",
        f"{counts['errors']} errors, {counts['hangs']} hangs",
        f"the reference beside them passed {counts['honest_passed']} of {counts['grades']} times",
        f"{counts['wall_seconds']:.0f} s; peak memory: harness {counts['peak_rss_mb']} MB, "
        f"its largest child process {counts['peak_rss_of_children_mb']} MB",
        f"{counts['deviations']} deviations",
    ]
    return "\n".join(["", *facts, *(f"not available: {k}: {why}" for k, why in counts["not_available"].items())])


def as_json(
    attacks: Iterable[Attack], done: Mapping[str, Mapping[str, Result]], counts: Mapping[str, Any]
) -> dict[str, Any]:
    """The whole outcome as JSON."""
    listed = [
        {
            "name": a.name, "class": a.kind, "tries": a.file.tries, "target": a.file.target,
            "results": {kind: asdict(result) for kind, result in done[a.folder.name].items()},
        }
        for a in attacks
    ]  # fmt: skip
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return {"when": when, "harness": __version__, "attacks": listed, "summary": dict(counts)}


def options(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    kinds = list(sandboxes.REGISTRY)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="attacks to carry out; all of them when left out")
    parser.add_argument("--sandbox", action="append", choices=kinds, help="a kind of sandbox; all when left out")
    parser.add_argument(
        "--alternate", type=int, metavar="N", help="each attack on one sandbox only, and with N + 1 on the next one"
    )
    parser.add_argument(
        "--slots", type=int, default=2, help="attacks at once on a sandbox, beside one reference (default 2)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcome there")
    return parser.parse_args(argv)


def opened(
    kinds: Iterable[str], stack: ExitStack, attacks: Sequence[Attack]
) -> tuple[dict[str, Sandbox], dict[str, str]]:
    """Open the sandboxes that are there, and say why the others are not."""
    say = partial(print, file=sys.stderr, flush=True)
    found: dict[str, Sandbox] = {}
    missing: dict[str, str] = {}
    for kind in kinds:
        try:
            found[kind] = stack.enter_context(open_sandbox(kind, say))
            prepare(found[kind], [a.task for a in attacks], say)
        except NotAvailable as reason:
            found.pop(kind, None)
            missing[kind] = str(reason)
            say(f"{kind} is not available: {reason}")
    return found, missing


def main(argv: Sequence[str]) -> int:
    """Run; return 0 when everything ended as it must, 1 when not, 2 for a wrong corpus or command line."""
    chosen = options(argv)
    try:
        attacks = find(chosen.folders)
    except UsageError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    begun = time.monotonic()
    with ExitStack() as stack:
        boxes, missing = opened(chosen.sandbox or list(sandboxes.REGISTRY), stack, attacks)
        done = carry_out_all(attacks, boxes, max(1, chosen.slots), chosen.alternate) if boxes else {}
    counts = summary(done, time.monotonic() - begun, missing)
    print(told(counts))
    if chosen.json:
        chosen.json.write_text(json.dumps(as_json(attacks if done else [], done, counts), indent=1) + "\n")
    if counts["hangs"]:  # the interpreter would wait for its threads
        sys.stdout.flush()
        os._exit(1)
    return 1 if missing or counts["deviations"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
