"""data/: every trial as columns in scripts of some thousand rows, from which index.html makes its table of trials.

Scripts, and not JSON, since a page that was opened from disk may not fetch files, but may load its own scripts. Each
is one call, `harnessData("trials", {...})`, of the index or of a part; the texts in it are shown as text.

    index   rows, size (of a part), parts, tasks, candidates [{id, name, digest}], first (task of each part's first row)
    part    part, columns: t and c (places in tasks and candidates), n attempt, o outcome, e ending and x tests and
            s signs (places in `texts`), u turns, k tokens, m dollars, w seconds, p whether there is a page, and the
            trial ids that do not follow from the rest, by row. -1 is "none", null "not known".

Rows are in the order of task, candidate (best first) and attempt, so that a cell of the heat map needs one part.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.aggregate import Tables, signs
from harness.reports import content
from harness.reports.pages import Made
from harness.reports.text import DASH, clip, plain
from harness.store import PlanRow
from harness.types import TrialRecord

FOLDER, NAME = "data", "trials"
SIZE = 5000  # rows of a part
FIRST = 50  # rows that are in the page itself, and of each page of the table
MOST_DETAIL = 300
OUTCOMES = ("passed", "failed", "error", "missing", "not run")


@dataclass(frozen=True)
class Row:
    """A trial as the table shows it."""

    plan: PlanRow
    record: TrialRecord | None
    outcome: str
    ending: str
    tests: str
    signs: str
    has_page: bool


def ordered(tables: Tables) -> list[PlanRow]:
    """The planned trials in the table's order."""
    place = {row.candidate: at for at, row in enumerate(tables.candidates)}
    last = len(place)
    return sorted(tables.planned, key=lambda plan: (plan.task, place.get(plan.candidate, last), plan.attempt))


def first(tables: Tables, linked: Collection[str]) -> list[Row]:
    """The rows that are in the page itself."""
    return [_row(plan, tables, linked) for plan in ordered(tables)[:FIRST]]


def _row(plan: PlanRow, tables: Tables, linked: Collection[str]) -> Row:
    record = tables.found.get(plan.trial_id)
    refused = tables.refused.get(plan.task)
    return Row(
        plan=plan,
        record=record,
        outcome=record.outcome if record else "missing" if refused is None else "not run",
        ending=clip(content.ending_of(record) if record else plain(refused or DASH), MOST_DETAIL),
        tests=content.dimensions_of(record) if record else DASH,
        signs=content.kinds_of(record) if record else DASH,
        has_page=plan.trial_id in linked,
    )


def write(tables: Tables, folder: Path, made: Made) -> None:
    """Write data/, and remove the parts of a larger run that are there."""
    target = folder / FOLDER
    target.mkdir(exist_ok=True)
    rows = ordered(tables)
    tasks = {task: at for at, task in enumerate(sorted({plan.task for plan in rows}))}
    best_first = [row.candidate for row in tables.candidates]
    every = dict.fromkeys([*best_first, *sorted({plan.candidate for plan in rows})])
    digests = {plan.candidate: plan.candidate_digest[:8] for plan in rows}
    places = {candidate: at for at, candidate in enumerate(every)}
    parts = [rows[start : start + SIZE] for start in range(0, len(rows), SIZE)]
    _write(target / f"{NAME}.js", {
        "rows": len(rows), "size": SIZE, "page": FIRST, "parts": len(parts), "tasks": [plain(task) for task in tasks],
        "candidates": [{"id": plain(c), "name": plain(tables.names[c]), "digest": digests[c]} for c in every],
        "first": [tasks[part[0].task] for part in parts], "outcomes": OUTCOMES,
    })  # fmt: skip
    for number, part in enumerate(parts):
        _write(target / f"{NAME}-{number}.js", _part(number, part, tables, made.linked, tasks, places))
    for path in target.glob(f"{NAME}-*.js"):
        if int(path.stem.rpartition("-")[2]) >= len(parts):
            path.unlink()


def _write(path: Path, value: dict[str, Any]) -> None:
    text = json.dumps(value, separators=(",", ":"))
    path.write_text(f'harnessData("{NAME}",{text});\n', encoding="utf-8")


def _part(
    number: int, plans: Sequence[PlanRow], tables: Tables, linked: Collection[str], tasks: dict[str, int],
    places: dict[str, int],
) -> dict[str, Any]:  # fmt: skip
    texts: dict[str, int] = {}
    rows = [_row(plan, tables, linked) for plan in plans]
    records = [row.record for row in rows]
    return {
        "part": number,
        "t": [tasks[plan.task] for plan in plans],
        "c": [places[plan.candidate] for plan in plans],
        "n": [plan.attempt for plan in plans],
        "o": [OUTCOMES.index(row.outcome) for row in rows],
        "e": [texts.setdefault(row.ending, len(texts)) for row in rows],
        "x": [texts.setdefault(row.tests, len(texts)) for row in rows],
        "s": [texts.setdefault(row.signs, len(texts)) for row in rows],
        "f": [int(bool(r and signs(r))) for r in records],
        "u": [r.turns if r else None for r in records],
        "k": [r.usage.total if r else None for r in records],
        "m": [None if r is None or r.cost_usd is None else round(r.cost_usd, 6) for r in records],
        "w": [round(r.seconds, 2) if r else None for r in records],
        "p": [int(row.has_page) for row in rows],
        "ids": dict(_unusual(plans)),
        "texts": list(texts),
    }


def _unusual(plans: Sequence[PlanRow]) -> Iterator[tuple[int, str]]:
    """The trial ids that do not follow from task, candidate and attempt, by row."""
    for at, plan in enumerate(plans):
        if plan.trial_id != f"{plain(plan.task)}--{plan.candidate_digest[:8]}--{plan.attempt}":
            yield at, plan.trial_id
