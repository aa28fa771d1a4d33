"""trials.parquet: one row a planned trial, typed, for analysis across runs (pandas, DuckDB, `datasets`).

Its columns are those of schema.py, which says what each means; docs/data.md shows them. Text is stored as it was
recorded: escape it where you show it. Null means "not known" or "does not apply", never 0.
"""

from __future__ import annotations

from pathlib import Path

from harness.aggregate import Tables, trial_columns
from harness.reports import schema


def write(tables: Tables, folder: Path) -> None:
    """Write trials.parquet, a row group for some thousand trials."""
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    columns = schema.arrow()
    with parquet.ParquetWriter(folder / "trials.parquet", columns) as writer:
        for batch in trial_columns(tables):
            writer.write_batch(pa.RecordBatch.from_pydict(batch, columns))
