"""A leaderboard as a folder of static pages: written beside its place and put there whole, or not at all.

    index.html         standings, charts, profile, yardsticks, history, runs      leaderboard.json   all figures
    candidates/KEY.html  one candidate: scopes, tasks, provenance, history        preview.png        for link previews
    boards/KEY.html    rows of runs that are unlike the main board's              charts/            SVG, PNG, CSV
    tasks.html         digests, images and isolation of the tasks                 assets/            style and script

The same runs give the same bytes: nothing in it tells when, where or by whom it was made. A file MARKER lists what was
written; a folder that holds anything else is never replaced.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness import store
from harness.dossier import GRADE, read_grade
from harness.errors import ResultsError, UsageError
from harness.leaderboard import Board, Leaderboard, Row, build
from harness.reports import leaderboard_chart as charts
from harness.reports import leaderboard_json as data
from harness.reports import leaderboard_view as view
from harness.reports import site
from harness.reports.chart import GRID, INK, LLM, NO_LLM, PAPER, SOFT
from harness.reports.text import clip, plain
from harness.secrets import redacted
from harness.store import Loaded
from harness.tallies import RunTally, public, tally
from harness.types import TrialRecord

MARKER = ".leaderboard"
JSON = "leaderboard.json"
MOST_SAID = 4000  # characters of a hidden test's message on a private page
COLOURS = {INK: "ink", SOFT: "soft", GRID: "grid", PAPER: "paper", LLM: "accent", NO_LLM: "muted"} | {
    colour: f"series-{number}" for number, colour in enumerate(charts.SERIES_COLOURS, start=1) if colour != LLM
}
LABELS = {
    charts.STANDINGS: "Rank interval and pass rate of each candidate",
    charts.FRONTIER: "Cost of a trial and pass rate; the frontier is filled and joined",
    charts.HISTORY: "Pass rate of each run over time; points are joined where the runs are alike",
}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How a site is made. `url` is its address, or empty; `private` quotes hidden tests."""

    title: str = "Backend leaderboard"
    url: str = ""
    shared: bool = False
    private: bool = False


@dataclass(frozen=True)
class Detail:
    """What is private of a trial that did not pass: `tests` are failed hidden tests with their messages."""

    run: str
    trial: str
    outcome: str
    detail: str
    signs: tuple[str, ...]
    tests: tuple[tuple[str, str], ...]


Details = Mapping[str, Sequence[Detail]]


def publish(run_dirs: Sequence[Path], out: Path, options: Options, say: Say) -> Path:
    """Read the runs, one at a time, and put their leaderboard at `out`; return its index.html.

    Raises UsageError for a wrong option and for a folder that holds something else, ResultsError for a damaged run,
    for copies of one run, and when the disk refuses.
    """
    check(options)
    options = replace(options, url=f"{options.url.rstrip('/')}/" if options.url else "")
    try:
        refuse_foreign(out)
        tallies, details = _read(run_dirs, options.private)
        board = build(tallies, options.shared)
        for line in told(board):
            say(line)
        _place(out, lambda folder: write(board, folder, options, details))
    except OSError as error:
        raise ResultsError(f"{out}: the leaderboard cannot be written ({error.strerror or error})") from error
    return out / "index.html"


def _read(run_dirs: Sequence[Path], private: bool) -> tuple[list[RunTally], dict[str, list[Detail]]]:
    """The runs reduced to counts, and what is private of them; a folder that is named twice is read once."""
    details: dict[str, list[Detail]] = {}
    folders = sorted({path.resolve() for path in run_dirs})
    return [_reduced(folder, details if private else None) for folder in folders], details


def _reduced(folder: Path, details: dict[str, list[Detail]] | None) -> RunTally:
    """One run; its records are gone from memory before the next is read."""
    loaded = store.load(folder)
    if details is not None:
        for record in loaded.records:
            if record.outcome != "passed" and not record.control:
                details.setdefault(record.candidate_digest, []).append(_detail(loaded, record))
    return tally(loaded)


def told(board: Leaderboard) -> Iterable[str]:
    """What the one who publishes should know, a line each."""
    for run in board.runs:
        if run.leaks:
            yield f"{run.name}: a negative control was passed; its trials are in no rate or rank"
    for other in board.boards[1:]:
        yield f"shown apart: {', '.join(other.runs)}: {other.why}"
    for row in board.boards[0].rows:
        if not row.ranked:
            yield f"no rank: {row.name}: {row.overall.why}"
    if board.dropped:
        yield f"left out, not alike in all runs: {', '.join(board.dropped)}"


# --- the pages -------------------------------------------------------------------------------------------------------


def write(board: Leaderboard, folder: Path, options: Options, details: Details | None = None) -> None:
    """Write a whole site into an empty folder. Raises OSError when the disk refuses."""
    drawn = charts.write(board, folder, options.title)
    (folder / JSON).write_text(data.text(board, options.title), encoding="utf-8")
    site.write_assets(folder)
    for name, text in _pages(board, folder, drawn, options, details or {}):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    (folder / MARKER).write_text(json.dumps({"made by": "harness leaderboard", "files": files}, indent=1) + "\n")


def _pages(
    board: Leaderboard, folder: Path, drawn: Sequence[str], options: Options, details: Details
) -> Iterable[tuple[str, str]]:
    shared = {
        **view.helpers(), "board": board, "title": options.title, "url": options.url, "private": options.private,
        "preview": view.preview_text(board),
    }  # fmt: skip
    main = board.boards[0]
    drawings = [_drawing(folder, name) for name in drawn if name != charts.STANDINGS]
    points = sorted(
        ((point.at or "", series, point) for series in board.history for point in series.points),
        key=lambda found: (found[0], found[2].run, found[1].name, found[2].key), reverse=True,
    )  # fmt: skip
    index = {**shared, "main": main, "drawings": drawings, "points": points}
    yield "index.html", site.render("leaderboard.html", "", **index)
    yield "tasks.html", site.render("leaderboard_tasks.html", "", **shared)
    for other in board.boards[1:]:
        yield f"boards/{other.key}.html", site.render("leaderboard_board.html", "../", **shared, main=other)
    for digest, places in _places(board).items():
        own = {"places": places, "history": view.history_of(board.history, digest), "details": details.get(digest, ())}
        page = site.render("leaderboard_candidate.html", "../", **shared, **own)
        yield f"candidates/{places[0][1].key}.html", page


def _places(board: Leaderboard) -> dict[str, list[tuple[Board, Row]]]:
    """Candidate digest -> the boards that it is on, with its rows."""
    found: dict[str, list[tuple[Board, Row]]] = {}
    for one in board.boards:
        for row in (*one.rows, *one.yardsticks):
            found.setdefault(row.digest, []).append((one, row))
    return found


def _drawing(folder: Path, name: str) -> dict[str, Any]:
    svg = (folder / charts.FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    return {"name": name, "label": LABELS[name], "svg": site.drawing(svg, COLOURS)}


def _detail(loaded: Loaded, record: TrialRecord) -> Detail:
    """The private part of a trial: what its failed tests said, why it is in error, what made it suspicious."""
    path = store.trial_dir(loaded.run_dir, record.trial_id) / GRADE
    grade = read_grade(path) if path.exists() else None
    failed = [test for test in grade.tests if not test.passed] if grade else []
    words = record.failure.message if record.failure else record.ending.detail if record.ending else ""
    return Detail(
        run=public(loaded.run_id),
        trial=record.trial_id,
        outcome=record.outcome,
        detail=clip(redacted(words), MOST_SAID),
        signs=tuple(f"{s.kind}, {s.where}: {s.evidence}" for s in record.suspicious or ()),
        tests=tuple((test.id, clip(redacted(test.message), MOST_SAID)) for test in failed),
    )


# --- its place -------------------------------------------------------------------------------------------------------


def check(options: Options) -> None:
    """Raise UsageError for a blank title, and unless the address is empty or that of a folder on the web."""
    if not plain(options.title).strip():
        raise UsageError("--title: must not be blank")
    if options.url and not _is_address(options.url):
        raise UsageError(f"--url {plain(options.url)!r}: must be an address such as https://example.org/leaderboard/")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
    bare = not (parts.query or parts.fragment or parts.username or parts.password)
    return web and bare and plain(url) == url and " " not in url


def refuse_foreign(out: Path) -> None:
    """Raise UsageError when `out` holds anything that no leaderboard wrote."""
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise UsageError(f"{out} is no folder: choose another --out")
    found = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_symlink() or not path.is_dir()}
    if not found and not any(out.iterdir()):
        return
    foreign = sorted(found - _written(out))
    if foreign or MARKER not in found:
        what = f"{foreign[0]}, which no leaderboard wrote" if foreign else "folders that no leaderboard made"
        raise UsageError(f"{out} holds {plain(what)}: it would be lost. Move it away, or choose another --out")


def _written(out: Path) -> set[str]:
    """The files that an earlier leaderboard wrote, by its marker; none without one."""
    try:
        listed = json.loads((out / MARKER).read_bytes())["files"]
        return {MARKER, *map(str, listed)}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _place(out: Path, write_into: Callable[[Path], None]) -> None:
    """Fill a folder beside `out`, and put it there in one step; what was there is removed after."""
    home = out.resolve()
    home.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))
    try:
        made.chmod(0o755)
        write_into(made)
        refuse_foreign(home)  # again: it took a while
        _exchange(made, home)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _exchange(made: Path, home: Path) -> None:
    """Let `made` be where `home` is; what was at `home` is at `made` then."""
    if not home.exists():
        made.rename(home)
    elif not _swapped(made, home):
        aside = made.with_name(f"{made.name}.old")
        home.rename(aside)
        try:
            made.rename(home)
        except OSError:
            aside.rename(home)
            raise
        aside.rename(made)


def _swapped(one: Path, other: Path) -> bool:
    """Exchange two folders in one step of the kernel; False where it cannot (renameat2, Linux 3.15)."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS):
        return False
    raise OSError(code, os.strerror(code), str(other))
