"""trials.parquet: one row a planned trial, typed, for analysis across runs (pandas, DuckDB, `datasets`).

Its columns are those of schema.py, which says what each means; docs/data.md shows them. Text is stored as it was
recorded: escape it where you show it. Null means "not known" or "does not apply", never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.aggregate import Tables, trial_columns
from harness.reports import schema


def write(tables: Tables, folder: Path) -> None:
    """Write trials.parquet, a row group for some thousand trials."""
    with opened(folder) as write_batch:
        for batch in trial_columns(tables):
            write_batch(batch)


@contextmanager
def opened(folder: Path) -> Iterator[Callable[[Mapping[str, Sequence[Any]]], None]]:
    """trials.parquet, to be written a batch of `trial_columns` at a time."""
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    columns = schema.arrow()
    with parquet.ParquetWriter(folder / "trials.parquet", columns) as writer:
        yield lambda batch: writer.write_batch(pa.RecordBatch.from_pydict(batch, columns))
