"""report/: what a run shows. Every writer is a function of the tables, and adds its files to one folder.

The table of all trials goes into CSV and Parquet together, a batch at a time. The pages of the trials are made from
their folders, because no table holds a transcript.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.aggregate import Tables, aggregate, trial_columns
from harness.errors import ResultsError
from harness.reports import charts, html, junit, pages, parquet, results_csv, summary_md, trials_data
from harness.reports.beside import beside
from harness.store import Loaded

FOLDER = "report"
INDEX = "index.html"
WORTH_A_PROCESS = 20_000  # trials


def write_tables(tables: Tables, folder: Path) -> None:
    """Write results.csv and trials.parquet."""
    with results_csv.opened(folder) as write_csv, parquet.opened(folder) as write_parquet:
        for batch in trial_columns(tables):
            write_csv(batch)
            write_parquet(batch)


LONG: dict[str, Callable[[Tables, Path], None]] = {"tables": write_tables, "junit": junit.write}
"""What grows with the trials and is read by programs alone: of a large run a second process writes it."""

REGISTRY: dict[str, Callable[[Tables, Path], None]] = {"summary": summary_md.write, "charts": charts.write}
SITE: dict[str, Callable[[Tables, Path, pages.Made], None]] = {
    "data": trials_data.write,
    "html": html.write,  # it embeds the drawings of "charts"
}


def write_all(run_dir: Path, loaded: Loaded, private: bool = False, every_page: bool = False) -> Path:
    """Write every report of a run into its report/ folder; return the path of index.html.

    Older reports there are overwritten. `private` puts what quotes hidden tests onto the trials' pages; `every_page`
    writes a page for each trial, however many there are. Raises ResultsError when the disk refuses.
    """
    folder = run_dir / FOLDER
    with _collector_lets_be():
        tables = aggregate(loaded)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with beside(lambda: _write_each(LONG, tables, folder), len(loaded.planned) >= WORTH_A_PROCESS):
                made = pages.write(loaded, folder / pages.FOLDER, private, every_page)
                _write_each(REGISTRY, tables, folder)
                for write_page in SITE.values():
                    write_page(tables, folder, made)
        except OSError as error:
            raise ResultsError(f"{folder}: the report cannot be written ({error.strerror or error})") from error
    return folder / INDEX


def _write_each(writers: Mapping[str, Callable[[Tables, Path], None]], tables: Tables, folder: Path) -> None:
    for write in writers.values():
        write(tables, folder)


@contextmanager
def _collector_lets_be() -> Iterator[None]:
    """The records of a large run are there to stay for now: the collector need not walk over them each time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
