"""results.csv: one row a planned trial, for spreadsheets and scripts. Columns: those of schema.py."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.aggregate import Tables, trial_columns
from harness.reports.schema import COLUMNS, Kind
from harness.reports.text import clip, plain

CELL = 2000  # characters of a text: readers of CSV have bounds, and record.json has the whole
MOST_KNOWN = 100_000  # fields that are remembered while a file is written
FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write(tables: Tables, folder: Path) -> None:
    """Write results.csv, some thousand trials at a time."""
    with opened(folder) as write_batch:
        for batch in trial_columns(tables):
            write_batch(batch)


@contextmanager
def opened(folder: Path) -> Iterator[Callable[[Mapping[str, Sequence[Any]]], None]]:
    """results.csv, to be written a batch of `trial_columns` at a time."""
    known: dict[Any, Any] = {}
    with _opened(folder / "results.csv") as writer:
        writer.writerow(column.name for column in COLUMNS)
        yield lambda batch: writer.writerows(
            zip(*(_fields(batch[c.name], c.kind, known) for c in COLUMNS), strict=True)
        )


def _fields(values: Sequence[Any], kind: Kind, known: dict[Any, Any]) -> Iterable[Any]:
    """The values of a column as fields. Most texts come again and again: what became of them is in `known`."""
    if kind not in ("string", "list<string>"):
        return values
    if len(known) > MOST_KNOWN:
        known.clear()
    keys = [value if value is None else tuple(value) for value in values] if kind == "list<string>" else values
    known |= {key: field(key) for key in set(keys) - known.keys()}
    return [known[key] for key in keys]


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
