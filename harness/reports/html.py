"""index.html: the whole run on one page, verdict first. This module gathers what templates/report.html shows.

The page stays small whatever the run's size: it holds some of the tasks, errors and signs, and says of how many; the
table of all trials is read from data/ (trials_data.py). Each trial that has a page of its own (pages.py) is a link.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

from harness import honesty
from harness.aggregate import AreaRow, CandidateRow, CellRow, DimensionRow, Repeats, Tables
from harness.capabilities import AREAS
from harness.reports import chart_cost, charts, content, pages, site, trials_data
from harness.reports.text import duration, interval, plain
from harness.types import DIMENSIONS, Suspicion, TrialRecord

MOST_TASKS, MOST_COLUMNS = 250, 40
MOST_LISTED = 200  # errors, missing trials, suspicious signs
MOST_VALUES = 60  # of one kind of provenance
GROUPS = {
    "api": "APIs", "data": "Databases", "arch": "Systems", "code": "Quality of what is delivered",
    "tech": "With what", "work": "How the agent decides",
}  # fmt: skip


def write(tables: Tables, folder: Path, made: pages.Made) -> None:
    """Write index.html, assets/ and the first of the trials; it embeds the SVG files of charts/."""
    drawings = {
        name: (folder / charts.FOLDER / f"{name}.svg").read_text(encoding="utf-8")
        for name in charts.CHARTS
        if (folder / charts.FOLDER / f"{name}.svg").exists()
    }
    site.write_assets(folder, site.BASE)
    (folder / "index.html").write_text(render(tables, drawings, made), encoding="utf-8")


def render(tables: Tables, drawings: Mapping[str, str], made: pages.Made) -> str:
    """The page; `drawings` are SVG documents by the names of charts.CHARTS."""
    columns = tables.candidates[:MOST_COLUMNS]
    profiled = [row for row in columns if not row.note] or columns
    return site.render(
        "report.html",
        "",
        tables=tables,
        say=content,
        page_of=page_of,
        tiles=_tiles(tables),
        columns=columns,
        more_columns=len(tables.candidates) - len(columns),
        drawings={
            name: site.drawing(svg, charts.VARIABLES)
            for name, svg in drawings.items()
            if name != chart_cost.COST or chart_cost.points(tables)
        },
        tasks=_tasks(tables, columns, made.linked),
        profiled=profiled,
        groups=_groups(tables, profiled),
        dimensions=_dimensions(tables, columns),
        resources=_resources(tables),
        curves=_curves(tables),
        signs=_signs(tables, made.linked),
        troubles=_troubles(tables, made.linked),
        trials=trials_data.first(tables, made.linked),
        most=trials_data.FIRST,
        made=made,
        provenance={name: _some(values, MOST_VALUES) for name, values in tables.provenance.items()},
    )


class Some(NamedTuple):
    """The first of several things, and how many more there are."""

    shown: Sequence[object]
    more: int


def _some(values: Sequence[object], most: int = MOST_LISTED) -> Some:
    return Some(values[:most], max(0, len(values) - most))


def _tiles(tables: Tables) -> list[tuple[str, str, str]]:
    """Name, value, and a word about it; quiet where it is nothing to look at."""
    counts = tables.counts
    facts = {
        "planned": str(counts.planned), "passed": str(counts.passed), "failed": str(counts.failed),
        "errors": str(counts.error), "missing": str(counts.missing), "not run": str(counts.not_run),
        "coverage": content.coverage(counts),
        "suspicious": str(len(tables.suspicious)) if tables.searched else "not searched",
        "cost": content.money(tables.cost),
    }  # fmt: skip
    quiet = {"errors", "missing", "not run", "suspicious"}
    looks = {name: "quiet" for name in quiet if facts[name] in ("0", "not searched")} | {"cost": "wide"}
    return [(name, value, looks.get(name, "")) for name, value in facts.items()]


# --- tasks -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """A cell of the heat map: its text, what a pointer is told, its rate, and where its trials are."""

    text: str
    title: str
    share: float | None
    href: str | None


@dataclass(frozen=True)
class TaskTable:
    """The tasks that are shown, with a cell for each candidate; `more` are in tasks.csv alone."""

    rows: Sequence[tuple[str, Sequence[Cell]]]
    more: int


def _tasks(tables: Tables, columns: Sequence[CandidateRow], linked: Collection[str]) -> TaskTable:
    """All tasks, or those at which the candidates differ most where there are many."""
    shown = content.most_telling(tables, MOST_TASKS)
    of = _trials_of(tables)
    rows = [(task, [_cell(tables, row.candidate, task, of, linked) for row in columns]) for task in shown]
    return TaskTable(rows, len(tables.tasks) - len(rows))


def _trials_of(tables: Tables) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for plan in tables.planned:
        found[plan.candidate, plan.task].append(plan.trial_id)
    return found


def _cell(
    tables: Tables, candidate: str, task: str, of: Mapping[tuple[str, str], Sequence[str]], linked: Collection[str]
) -> Cell:
    row = tables.cells.get((candidate, task))
    share = row.counts.solved_graded.rate if row else None
    return Cell(content.cell(row), _told(row), share, _where(of.get((candidate, task), ()), candidate, task, linked))


def _told(row: CellRow | None) -> str:
    if row is None or row.interval is None:
        return ""
    median = duration(row.median_seconds)
    return f"95 % interval {interval(*row.interval)}; {content.money(row.cost)}; median {median}"


def _where(trials: Sequence[str], candidate: str, task: str, linked: Collection[str]) -> str | None:
    """The page of the only trial, else the table of trials with these alone."""
    if not trials:
        return None
    if len(trials) == 1 and trials[0] in linked:
        return page_of(trials[0])
    return "#" + urlencode({"trials.task": plain(task), "trials.candidate": plain(candidate)})


def page_of(trial_id: str) -> str:
    """Where a trial's page is, as a link."""
    return f"{pages.FOLDER}/{quote(pages.name_of(trial_id))}"


# --- capabilities and dimensions -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """A group of capability areas: its own row, a row for each area that a task names, and the gaps."""

    title: str
    tasks: int
    cells: Sequence[AreaRow | None]
    areas: Sequence[tuple[str, str, int, Sequence[AreaRow | None]]]
    gaps: Sequence[str]


def _groups(tables: Tables, columns: Sequence[CandidateRow]) -> list[Group]:
    """The capability map along its groups; what is no area of the map comes last, in a group of its own name."""
    found = {(row.area, row.candidate): row for row in tables.areas}
    of_group = {(row.area, row.candidate): row for row in tables.groups}
    named = sorted({area for area, _ in found} | AREAS.keys(), key=_place)
    order = dict.fromkeys(area.partition(".")[0] for area in named)
    return [_group(key, [a for a in named if a.partition(".")[0] == key], found, of_group, columns) for key in order]


def _place(area: str) -> tuple[int, int, str]:
    """Where an area stands: in the map's order, then by name."""
    groups, areas = list(GROUPS), list(AREAS)
    group = area.partition(".")[0]
    at = groups.index(group) if group in groups else len(groups)
    return at, areas.index(area) if area in areas else len(areas), area


def _group(
    key: str, areas: Sequence[str], found: Mapping[tuple[str, str], AreaRow],
    of_group: Mapping[tuple[str, str], AreaRow], columns: Sequence[CandidateRow],
) -> Group:  # fmt: skip
    ids = [row.candidate for row in columns]
    tested = [area for area in areas if any(area == name for name, _ in found)]
    rows = [(area, AREAS.get(area, ""), [found.get((area, one)) for one in ids]) for area in tested]
    cells = [of_group.get((key, one)) for one in ids]
    return Group(
        title=GROUPS.get(key, key),
        tasks=_most_tasks(cells),
        cells=cells,
        areas=[(area, meaning, _most_tasks(row), row) for area, meaning, row in rows],
        gaps=[area for area in areas if area not in tested],
    )


def _most_tasks(row: Iterable[AreaRow | None]) -> int:
    return max((cell.tasks for cell in row if cell), default=0)


def _dimensions(tables: Tables, columns: Sequence[CandidateRow]) -> list[tuple[str, Sequence[DimensionRow | None]]]:
    found = {(row.dimension, row.candidate): row for row in tables.dimensions}
    shown = [name for name in DIMENSIONS if any(dimension == name for dimension, _ in found)]
    return [(name, [found.get((name, row.candidate)) for row in columns]) for name in shown]


# --- repeats and resources -------------------------------------------------------------------------------------------

SHOWN_K = (1, 2, 3, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100)


def _curves(tables: Tables) -> list[tuple[CandidateRow, Mapping[int, tuple[float, float]]]]:
    """Candidates with more than one attempt at each task: k -> pass@k and pass^k."""
    found = [(row, tables.curves.get(row.candidate, ())) for row in tables.candidates]
    return [(row, _points(points)) for row, points in found if len(points) > 1]


def _points(points: Sequence[Repeats]) -> dict[int, tuple[float, float]]:
    most = points[-1].k
    return {p.k: (p.at_least_one, p.all_of_them) for p in points if _is_shown(p.k, most)}


def _is_shown(k: int, most: int) -> bool:
    return k in SHOWN_K or k == most


def _resources(tables: Tables) -> list[tuple[CandidateRow, object]]:
    found = {row.candidate: row for row in tables.resources}
    return [(row, found[row.candidate]) for row in tables.candidates if found[row.candidate].trials]


# --- what asks for a look --------------------------------------------------------------------------------------------


class Sign(NamedTuple):
    """A suspicious sign at its trial."""

    trial: str
    href: str | None
    outcome: str
    sign: Suspicion
    meaning: str


def _signs(tables: Tables, linked: Collection[str]) -> Some:
    """Every finding with its evidence; those that only say what was not read are among them."""
    found = [(r, s) for r in tables.records if r.suspicious for s in r.suspicious]
    return Some([_sign(r, s, linked) for r, s in found[:MOST_LISTED]], max(0, len(found) - MOST_LISTED))


def _sign(record: TrialRecord, sign: Suspicion, linked: Collection[str]) -> Sign:
    return Sign(record.trial_id, _link(record.trial_id, linked), record.outcome, sign, honesty.meaning(sign.rule))


def _link(trial_id: str, linked: Collection[str]) -> str | None:
    return page_of(trial_id) if trial_id in linked else None


def _troubles(tables: Tables, linked: Collection[str]) -> dict[str, Some]:
    """Trials in error with their message, and those that are missing: (trial, link, what happened)."""
    missing = "no record; the run ended before it"
    errors = [(r.trial_id, _link(r.trial_id, linked), content.ending_of(r)) for r in tables.errors[:MOST_LISTED]]
    gone = [(row.trial_id, _link(row.trial_id, linked), missing) for row in tables.missing[:MOST_LISTED]]
    return {
        "error": Some(errors, len(tables.errors) - len(errors)),
        "missing": Some(gone, len(tables.missing) - len(gone)),
    }
