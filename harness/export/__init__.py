"""`harness export RUN`: the trials of a run in a form that other tools read.

What is exported may be published as far as the transcripts may: it has outcomes and tallies, and nothing that a hidden
test said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness import dossier
from harness.dossier import Dossier
from harness.errors import UsageError
from harness.export import atif, hf, tables
from harness.store import Loaded

Trials = Callable[[], Iterator[Dossier]]

REGISTRY: dict[str, Callable[[Loaded, Trials, Path], int]] = {
    "atif": atif.write,
    "parquet": tables.write,
    "hf": hf.write,
}


def export(loaded: Loaded, kind: str, out: Path) -> int:
    """Write a run into an empty folder and return how many trials have a transcript there.

    One trial is in memory at a time. Raises UsageError for a folder that holds something, ResultsError for a damaged
    run and when the disk refuses.
    """
    check_empty(out)
    own = dossier.own_prices(loaded.config)
    records = {record.trial_id: record for record in loaded.records}

    def trials() -> Iterator[Dossier]:
        for row in loaded.planned:
            yield dossier.read(loaded.run_dir, row, own, records.get(row.trial_id))

    return REGISTRY[kind](loaded, trials, out)


def dataset(runs: Sequence[Loaded], out: Path, splits: bool, push: str | None, public: bool) -> str:
    """Write runs as one dataset (harness/export/hf.py), upload it if `push` names a place; return what to say.

    Raises UsageError as `export` does, and before anything is written when there is no token to push with.
    """
    secret = hf.token() if push else ""
    check_empty(out)
    made = hf.write_all(runs, out, splits)
    told = f"{out}: {sum(len(run.planned) for run in runs)} trials of {len(runs)} run{'' if len(runs) == 1 else 's'}"
    return f"{told}\n{hf.push(made, out, push, secret, not public)}" if push else told


def check_empty(out: Path) -> None:
    """Raise UsageError for a folder that holds something."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already and not an empty folder: choose another --out")
