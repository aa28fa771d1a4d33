"""The run as a table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.aggregate import CandidateRow, Tables
from harness.reports.content import CANDIDATE_COLUMNS, ending_of, money, run_headline
from harness.reports.text import clip, plain

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

SHOWN = (
    "candidate", "pass rate", "95 % interval", "solved / graded", "solved / planned", "errors", "missing", "not run",
    "secure", "cost", "median time",
)  # fmt: skip
OPTIONAL = ("errors", "missing", "not run")
MOST_ERRORS = 10


def render(tables: Tables) -> Group:
    """Headline, candidates' table, refused tasks and errors as one rich renderable; no text in it is markup."""
    from rich.console import Group
    from rich.text import Text

    notes = [f"not run: {task}: {reason}" for task, reason in sorted(tables.refused.items())]
    notes += [f"error: {r.trial_id}: {clip(ending_of(r), 200)}" for r in tables.errors[:MOST_ERRORS]]
    rest = len(tables.errors) - MOST_ERRORS
    notes += [f"and {rest} more errors"] if rest > 0 else []
    notes += [f"cost: {money(tables.cost)}"]
    return Group(Text(run_headline(tables), style="bold"), candidates(tables), *(Text(plain(note)) for note in notes))


def candidates(tables: Tables) -> RenderableType:
    """The candidates' table. Columns that only count trouble are left out while there is none."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = [name for name in SHOWN if name not in OPTIONAL or any(_trouble(name, row) for row in tables.candidates)]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in shown:
        table.add_column(name, justify="left" if name == "candidate" else "right")
    for row in tables.candidates:
        table.add_row(*(Text(CANDIDATE_COLUMNS[name](row)) for name in shown))
    return table


def _trouble(column: str, row: CandidateRow) -> bool:
    return CANDIDATE_COLUMNS[column](row) != "0"
