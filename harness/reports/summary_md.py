"""summary.md: the run on one page of Markdown, for a pull request, a CI job's summary or a chat."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.aggregate import Tables
from harness.reports.content import (
    CANDIDATE_COLUMNS,
    cell,
    control,
    ending_of,
    isolated,
    leak,
    money,
    most_telling,
    name_of,
    rate_of,
    run_headline,
    suspicious,
)  # fmt: skip
from harness.reports.text import clip, plain

MARKUP = re.compile(r"[\\`*_\[\]<>#!|~&@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
SHOWN = [name for name in CANDIDATE_COLUMNS if name not in ("once / every time", "isolation")]
MOST_ERRORS, MOST_TASKS, MOST_VALUES = 50, 100, 60


def write(tables: Tables, folder: Path) -> None:
    """Write summary.md."""
    (folder / "summary.md").write_text(render(tables), encoding="utf-8")


def render(tables: Tables) -> str:
    """The page's text; what agents wrote shows as text, not as Markdown or HTML."""
    parts = [
        f"# Run {text(tables.run_id)}",
        *([f"> [!CAUTION]\n> **{text(leak(tables))}**"] if leak(tables) else []),
        f"**{text(run_headline(tables))}**",
        f"Cost {text(money(tables.cost))}; {text(suspicious(tables))}; {text(isolated(tables))}.",
        table(SHOWN, [[CANDIDATE_COLUMNS[name](row) for name in SHOWN] for row in tables.candidates]),
        *_section("Tasks", _tasks(tables)),
        *_section("Dimensions (hidden tests passed)", _dimensions(tables)),
        *_section("Negative controls (they count in no rate)", _controls(tables)),
        *_section("Suspicious (no outcome was changed)", _suspicious(tables)),
        *_section("Not run: the sandbox cannot serve these tasks", _refused(tables)),
        *_section("Errors (not the submissions' fault)", _errors(tables)),
        *_section("Provenance", _provenance(tables)),
    ]
    return "\n\n".join(parts) + "\n"


def text(value: str) -> str:
    """A value as Markdown text in which nothing is markup."""
    return MARKUP.sub(r"\\\g<0>", plain(value))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head)]
    cells = [list(map(text, row)) for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*lines, *cells])


def _section(title: str, content: str) -> list[str]:
    return [f"## {title}", content] if content else []


def _tasks(tables: Tables) -> str:
    head = ["task", *(text(name_of(row)) for row in tables.candidates)]
    cells, shown = tables.cells.get, most_telling(tables, MOST_TASKS)
    rows = [[task, *(cell(cells((row.candidate, task))) for row in tables.candidates)] for task in shown]
    rest = len(tables.tasks) - len(shown)
    more = (
        [f"These are the tasks at which the LLM candidates differ most; charts/tasks.csv has {rest} more."]
        if rest
        else []
    )
    return "\n\n".join([table(head, rows), *more])


def _dimensions(tables: Tables) -> str:
    rows = [[tables.names[d.candidate], d.dimension, rate_of(d.tests), rate_of(d.trials)] for d in tables.dimensions]
    return table(["candidate", "dimension", "tests", "trials with all passed"], rows) if rows else ""


def _controls(tables: Tables) -> str:
    return "\n".join(f"- {text(control(row))}" for row in tables.controls)


def _suspicious(tables: Tables) -> str:
    found = [(r, s) for r in tables.records for s in r.suspicious or ()]
    shown = [f"- {text(r.trial_id)}: {s.kind}, {text(s.rule)}, {text(s.where)}" for r, s in found[:MOST_ERRORS]]
    rest = len(found) - len(shown)
    return "\n".join([*shown, *([f"- and {rest} more: see index.html"] if rest else [])])


def _refused(tables: Tables) -> str:
    return "\n".join(f"- {text(task)}: {text(reason)}" for task, reason in sorted(tables.refused.items()))


def _errors(tables: Tables) -> str:
    shown = [f"- {text(r.trial_id)}: {text(clip(ending_of(r), 300))}" for r in tables.errors[:MOST_ERRORS]]
    rest = len(tables.errors) - len(shown)
    return "\n".join([*shown, *([f"- and {rest} more: see results.csv"] if rest else [])])


def _provenance(tables: Tables) -> str:
    return "\n".join(f"- {name}: {text(_some(values))}" for name, values in tables.provenance.items())


def _some(values: Sequence[str]) -> str:
    rest = len(values) - MOST_VALUES
    return ", ".join([*values[:MOST_VALUES], *([f"and {rest} more"] if rest > 0 else [])])
