"""The nights of a nightly on disk: what was begun, what came of it, and which alarms were seen.

    <results>/<name>-<date>/night.json           what a night set out to do: written before its first trial (Opening)
    <results>/<name>.nights/<date>.json          what came of it, from its records (Night); kept when the run is gone
    <results>/<name>.nights/acknowledged.jsonl   alarms that were acknowledged, one a line; only ever added to
    <results>/<name>.nights/lock                 held while a night is under way

A night is read from its run's records each time. The kept file stands in where the run is gone, or has fewer verdicts
than it once had. Nothing is counted on: a night that is read twice is the same night.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from harness import store
from harness.errors import ResultsError
from harness.nights import SCHEMA, Acknowledged, Night, Opening, night_of
from harness.types import Frozen

OPENING, SEEN, LOCK = "night.json", "acknowledged.jsonl", "lock"
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

Say = Callable[[str], None]
M = TypeVar("M", bound=Frozen)


@dataclass(frozen=True)
class Book:
    """Where the nights of a nightly are: `results` has the runs, `history` what is kept of them."""

    name: str
    results: Path
    history: Path

    def run(self, date: str) -> Path:
        """The folder of a night's run."""
        return self.results / f"{self.name}-{date}"

    @property
    def lock(self) -> Path:
        """The lock of the nightly. It is in the results folder, wherever the history is: what overlaps are the runs."""
        return self.results / f"{self.name}.nights" / LOCK


def begin(book: Book, opening: Opening) -> Opening:
    """Write down what a night sets out to do, and return it; of one that has a plan already, what it set out with."""
    path = book.run(opening.date) / OPENING
    if path.exists() and (path.parent / store.PLAN).exists():
        return _read(path, Opening)
    if (path.parent / store.PLAN).exists():
        raise ResultsError(f"{path.parent} is a run of its own and no night of {book.name}: rename it, or the nightly")
    _write(path, opening)
    return opening


def opened(book: Book, date: str) -> Opening | None:
    """What a night set out to do; None before it began."""
    path = book.run(date) / OPENING
    return _read(path, Opening) if path.exists() else None


def nights(book: Book, until: str, say: Say) -> list[Night]:
    """Every night up to a date, in order, and keep what came of each. What cannot be read is told and left out."""
    found = [night for date in _dates(book) if date <= until and (night := _night(book, date, say))]
    for night in found:
        if _kept(book, night.date, lambda _: None) != night:
            _write(book.history / f"{night.date}.json", night)
    return found


def _dates(book: Book) -> list[str]:
    runs = book.results.glob(f"{book.name}-*/{OPENING}")
    found = {path.parent.name.removeprefix(f"{book.name}-") for path in runs}
    found |= {path.stem for path in book.history.glob("*.json")}
    return sorted(date for date in found if DATE.fullmatch(date))


def _night(book: Book, date: str, say: Say) -> Night | None:
    """A night from its records, or as it was kept if that knows more of it."""
    fresh, kept = _fresh(book, date, say), _kept(book, date, say)
    if fresh and kept and kept.graded > fresh.graded:
        say(f"the night of {date}: {kept.graded - fresh.graded} records are gone; it counts as it was kept")
        return kept
    return fresh or kept


def _fresh(book: Book, date: str, say: Say) -> Night | None:
    try:
        opening = opened(book, date)
        has_plan = (book.run(date) / store.PLAN).exists()
        return night_of(opening, store.load(book.run(date)) if has_plan else None) if opening else None
    except ResultsError as error:
        say(f"the night of {date} cannot be read from its run: {error}")
        return None


def _kept(book: Book, date: str, say: Say) -> Night | None:
    path = book.history / f"{date}.json"
    try:
        return _read(path, Night) if path.exists() else None
    except ResultsError as error:
        say(f"{error}: it is written again from the night's run, if that is there")
        return None


# --- alarms that were seen -------------------------------------------------------------------------------------------


def seen(book: Book) -> list[Acknowledged]:
    """The alarms that were acknowledged, in the order of their nights. Raises ResultsError for a damaged line."""
    return sorted(_seen(book.history / SEEN), key=lambda ack: ack.night)


def acknowledge(book: Book, one: Acknowledged) -> None:
    """Add a line. The file is replaced in one step, so that no line is ever half written."""
    path = book.history / SEEN
    lines = [*_seen(path), one]
    store.write_atomic(path, "".join(line.model_dump_json() + "\n" for line in lines).encode())


def _seen(path: Path) -> Iterator[Acknowledged]:
    text = _text(path) if path.exists() else ""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _parsed(line, Acknowledged, f"{path}, line {number}")


# --- files -----------------------------------------------------------------------------------------------------------


def _write(path: Path, value: Frozen) -> None:
    text = json.dumps(value.model_dump(mode="json", by_alias=True), indent=1)
    store.write_atomic(path, f"{text}\n".encode())


def _read(path: Path, model: type[M]) -> M:
    found = _parsed(_text(path), model, str(path))
    opening = found.opening if isinstance(found, Night) else found
    if isinstance(opening, Opening) and opening.schema_ != SCHEMA:
        raise ResultsError(f"{path}: schema {opening.schema_}, but this harness reads schema {SCHEMA}")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path}: cannot be read ({error})") from error


def _parsed(text: str, model: type[M], where: str) -> M:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise ResultsError(f"{where}: {store.first_problem(error)}") from error
