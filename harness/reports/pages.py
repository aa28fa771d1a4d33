"""trials/<trial-id>.html: a page for each trial: record, verdicts, transcript, and what its submission changed.

Messages of hidden tests quote the tests, and the oracle's submission is the reference: they are on private pages only.
A page says what it was made from, and is only written again when that has changed. Of a large run the pages of those
trials are written that one would read first (`chosen`); `harness report RUN --pages all` writes all, with a process for
each core. One page is made after the other, so a run of any size needs the memory of one trial.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib import resources
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness import __version__, archive, dossier, journal, store, tasks
from harness.aggregate import signs
from harness.archive import Files
from harness.dossier import Dossier
from harness.errors import ResultsError, TaskError
from harness.honesty import meaning
from harness.pricing import table_version
from harness.reports import content, site
from harness.reports.diff import Change, changes
from harness.reports.text import clip, count, dollars, duration
from harness.store import Loaded, PlanRow
from harness.transcript import Part
from harness.types import TestVerdict, TrialRecord

if TYPE_CHECKING:
    from harness.pricing import Own

FOLDER = "trials"
FIRST_PARTS, LAST_PARTS = 150, 50  # of a transcript that is longer than both
MOST_PAGES = 2000  # unless all are asked for
PARALLEL = 3000  # pages from which on it pays to start processes
ORACLE = "oracle"
MARKS = {"+": "added", "-": "removed", "@": "place"}
SOURCES = (store.RECORD, dossier.GRADE, journal.NAME, str(dossier.ATTEMPTS), dossier.SUBMISSION)
# At the end of a page, so that one which was broken off has none.
STAMP = re.compile(rb'<p data-made-from="([0-9a-f]+)">[^\0]*</html>\s*\Z')
TAIL = 400  # bytes of a page in which its stamp stands
RULE = (
    "those that are suspicious or in error first, then one failed and one passed trial of each candidate at each task"
)


@dataclass(frozen=True)
class Made:
    """Which trials have a page; `left_out` of those that left anything have none, by the rule in `rule`."""

    linked: Collection[str] = field(default_factory=frozenset)
    left_out: int = 0
    rule: str = RULE


def write(loaded: Loaded, folder: Path, private: bool, everything: bool = False) -> Made:
    """Write a page for each trial that has left anything, or for MOST_PAGES of them, and remove all other pages.

    Raises ResultsError for a damaged configuration, OSError when the disk refuses.
    """
    here = _there(loaded.run_dir)
    rows = [row for row in loaded.planned if row.trial_id in here]
    kept = rows if everything or len(rows) <= MOST_PAGES else chosen(rows, loaded.records)[:MOST_PAGES]
    folder.mkdir(parents=True, exist_ok=True)
    _write_all(loaded, kept, folder, private)
    wanted = {name_of(row.trial_id) for row in kept}
    for stale in {entry.name for entry in os.scandir(folder) if entry.name.endswith(".html")} - wanted:
        (folder / stale).unlink()
    return Made(frozenset(row.trial_id for row in kept), len(rows) - len(kept))


def _there(run_dir: Path) -> set[str]:
    """The trials that have left anything."""
    folder = run_dir / store.TRIALS
    return {entry.name for entry in os.scandir(folder) if entry.is_dir()} if folder.is_dir() else set()


def chosen(rows: Sequence[PlanRow], records: Iterable[TrialRecord]) -> list[PlanRow]:
    """The rows in the order in which their pages are wanted: see RULE. Within a rank the plan's order stays."""
    found = {record.trial_id: record for record in records}
    seen: set[tuple[str, str, str]] = set()

    def rank(row: PlanRow) -> int:
        record = found.get(row.trial_id)
        if record is None or record.outcome == "error" or signs(record):
            return 0
        place = (row.candidate, row.task, record.outcome)
        if place in seen:
            return 3
        seen.add(place)
        return 1 if record.outcome == "failed" else 2

    ranks = {row.trial_id: rank(row) for row in rows}
    return sorted(rows, key=lambda row: ranks[row.trial_id])


def name_of(trial_id: str) -> str:
    """The file name of a trial's page."""
    return f"{trial_id}.html"


# --- many pages ------------------------------------------------------------------------------------------------------


class Job(NamedTuple):
    """What the pages of a run have in common."""

    run_dir: Path
    run_id: str
    folder: Path
    tasks_dir: Path
    own: Own
    private: bool


def _write_all(loaded: Loaded, rows: Sequence[PlanRow], folder: Path, private: bool) -> None:
    own = dossier.own_prices(loaded.config)
    tasks_dir = Path(str(loaded.config.get("tasks_dir", "tasks")))
    job = Job(loaded.run_dir, loaded.run_id, folder, tasks_dir, own, private)
    records = {record.trial_id: record for record in loaded.records}
    work = [(row, records.get(row.trial_id)) for row in _changed_since(job, rows)]
    if len(work) < PARALLEL:
        return _write_some(job, work)
    share = -(-len(work) // (8 * _cores()))
    parts = [work[start : start + share] for start in range(0, len(work), share)]
    # Spawned, not forked: a run that writes its report has threads.
    with ProcessPoolExecutor(_cores(), mp_context=get_context("spawn")) as pool:
        for _ in pool.map(functools.partial(_write_some, job), parts):
            pass


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _write_some(job: Job, work: Iterable[tuple[PlanRow, TrialRecord | None]]) -> None:
    for row, record in work:
        stamp = stamp_of(job, row)
        found = dossier.read(job.run_dir, row, job.own, record)
        page = render(job, found, stamp)
        (job.folder / name_of(row.trial_id)).write_text(page, encoding="utf-8")


def _changed_since(job: Job, rows: Iterable[PlanRow]) -> Iterator[PlanRow]:
    """The trials whose page is not there, or was made from something else."""
    for row in rows:
        try:
            with (job.folder / name_of(row.trial_id)).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
                made = STAMP.search(file.read())
        except FileNotFoundError:
            made = None
        if made is None or made[1].decode() != stamp_of(job, row):
            yield row


def stamp_of(job: Job, row: PlanRow) -> str:
    """A digest of what a trial's page is made from: its files by size and time, the task's workspace, and this code."""
    folder = f"{job.run_dir}/{store.TRIALS}/{row.trial_id}"
    files = [_state(f"{folder}/{name}") for name in SOURCES]
    given = workspace(job.tasks_dir, row.task, row.task_digest)[1:] if files[-1] else None
    told = repr((code(), job.run_id, job.private, repr(job.own), row.candidate, row.label, files, given))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _state(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - hundreds of thousands of them
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_mtime_ns, found.st_size


@functools.cache
def code() -> str:
    """A digest of this code, the templates and the prices: pages that were made with others are made again."""
    made = hashlib.sha256(f"{__version__} {table_version()}".encode())
    parts = [resources.files("harness.reports").joinpath(site.TEMPLATES), resources.files("harness.reports")]
    for part in parts:
        for file in sorted(part.iterdir(), key=lambda file: file.name):
            if file.name.endswith((".html", ".py")):
                made.update(file.read_bytes())
    return made.hexdigest()


@functools.lru_cache(1000)
def workspace(tasks_dir: Path, task_id: str, digest: str) -> tuple[Files, str, str]:
    """The files that an agent began with, what is to be known about them, and their digest.

    The task may have changed since.
    """
    try:
        task = tasks.load(tasks_dir / task_id)
    except TaskError:
        return {}, f"The task is not in {tasks_dir}, so every file is shown as new.", ""
    note = "" if task.digest == digest else "The task has changed since: compared with its workspace as it is now."
    return archive.layers(task.root / "workspace"), note, task.digest


# --- one page --------------------------------------------------------------------------------------------------------


def render(job: Job, found: Dossier, stamp: str = "") -> str:
    """The page of a trial."""
    return site.render(
        "trial.html",
        "../",
        stamp=stamp,
        run_id=job.run_id,
        found=found,
        private=job.private,
        say=content,
        meaning=meaning,
        measures=_measures,
        marks=MARKS,
        as_json=functools.partial(json.dumps, ensure_ascii=False),
        tiles=_tiles(found),
        parts=_parts(found.transcript.parts),
        lost=content.lost_of(found.transcript),
        submission=list(_submission(job, found)),
    )


def _tiles(found: Dossier) -> Mapping[str, str]:
    record = found.record
    if record is None:
        return {"turns so far": str(len(found.transcript.steps))}
    return {
        "outcome": record.outcome, "ending": clip(content.ending_of(record), 200),
        "hidden tests": content.dimensions_of(record), "cost": content.cost_of(record),
        "without cache": dollars(record.cost_cold_usd), "tokens": count(record.usage.total),
        "turns": str(record.turns), "time": duration(record.seconds),
    }  # fmt: skip


def _measures(test: TestVerdict) -> str:
    return ", ".join(f"{name} = {value:g}" for name, value in test.measures.items())


class Parts(NamedTuple):
    """A transcript, or its two ends."""

    first: Sequence[Part]
    left_out: int
    last: Sequence[Part]


def _parts(parts: Sequence[Part]) -> Parts:
    left_out = len(parts) - FIRST_PARTS - LAST_PARTS
    return Parts(parts[:FIRST_PARTS], left_out, parts[-LAST_PARTS:]) if left_out > 0 else Parts(parts, 0, ())


def _submission(job: Job, found: Dossier) -> Iterator[Change | str]:
    """The changed files, and in words what is to be known about them."""
    row, path = found.row, found.folder / dossier.SUBMISSION
    if not path.exists():
        return
    if row.label == ORACLE and not job.private:
        yield "The oracle hands in the reference solution, which is not shown."
        return
    files, note, _ = workspace(job.tasks_dir, row.task, row.task_digest)
    if note:
        yield note
    try:
        shown = list(changes(files, archive.thaw(path)))
    except ResultsError as error:
        shown = [str(error)]
    yield from shown or ["The workspace was handed in as it was."]
