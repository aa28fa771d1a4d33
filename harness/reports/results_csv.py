"""results.csv: one row a planned trial, for spreadsheets and scripts. Columns: those of schema.py."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.aggregate import Tables, trial_columns
from harness.reports.text import clip, plain

CELL = 2000  # characters of a text: readers of CSV have bounds, and record.json has the whole
MOST_KNOWN = 100_000  # fields that are remembered while a file is written
FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write(tables: Tables, folder: Path) -> None:
    """Write results.csv, some thousand trials at a time."""
    known: dict[Any, Any] = {}
    with _opened(folder / "results.csv") as writer:
        for number, batch in enumerate(trial_columns(tables)):
            writer.writerows([batch.keys()] if not number else [])
            writer.writerows(zip(*(_fields(values, known) for values in batch.values()), strict=True))


def _fields(values: Sequence[Any], known: dict[Any, Any]) -> list[Any]:
    """The values of a column as fields. Most texts come again and again: what became of them is in `known`."""
    if len(known) > MOST_KNOWN:
        known.clear()
    return [_known(tuple(v) if isinstance(v, list) else v, known) if _is_text(v) else v for v in values]


def _is_text(value: Any) -> bool:
    return isinstance(value, str | list)


def _known(value: Any, known: dict[Any, Any]) -> Any:
    found = known.get(value)
    if found is None:
        found = known[value] = field(value)
    return found


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A CSV file to write (UTF-8, CRLF as RFC 4180 has it)."""
    with path.open("w", newline="", encoding="utf-8") as file:
        yield csv.writer(file)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write mappings of equal keys as a CSV file with a header line."""
    rows = list(rows)
    with _opened(path) as writer:
        writer.writerow(rows[0] if rows else [])
        writer.writerows([field(value) for value in row.values()] for row in rows)


def field(value: Any) -> Any:
    """A value as it goes into a CSV field: numbers as they are, None empty, lists joined by a space, text disarmed.

    A spreadsheet runs a field that starts with one of = + - @ (or their full-width forms, or white space and then one
    of them) as a formula; such text gets an apostrophe before it, which spreadsheets take as "text".
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    text = clip(plain(" ".join(value) if isinstance(value, list | tuple) else str(value)), CELL)
    return f"'{text}" if text.lstrip().startswith(FORMULA_STARTS) else text
