"""The house style of all charts; and the pass rate of each candidate with its interval, and candidate x task.

Colours are read by colour-blind eyes and in grey: lightness carries the rate, and every mark says its value in words.
A candidate whose coverage is too low has no mark, only the reason. A picture shows as much as can be read; its CSV has
all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harness.aggregate import CandidateRow, CellRow, Tables
from harness.reports.content import cell, headline, invalid, most_telling
from harness.reports.text import clip, interval, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER = "charts"
FONT = "DejaVu Sans"  # comes with matplotlib
RATES, TASKS = "pass-rate", "tasks"
INK, SOFT, GRID, PAPER = "#1d2733", "#5c6875", "#d5dbe1", "#ffffff"
LLM, NO_LLM = "#1f5fa8", "#8a94a0"
EMPTY = "#eef1f4"
VARIABLES = {INK: "ink", SOFT: "soft", GRID: "grid", PAPER: "paper", LLM: "accent", NO_LLM: "muted"}
"""Colour -> the variable of site.css that takes its place in a page, so that a drawing follows dark and light."""
LOW, HIGH = "#f1f4f8", "#15467f"
NAME_WIDTH, COLUMN_WIDTH, TASK_WIDTH = 34, 28, 40
MOST_ROWS, MOST_TASKS, MOST_COLUMNS = 60, 40, 12


T = TypeVar("T")


def save(name: str, draw: Callable[[T], Figure], data: T, folder: Path) -> None:
    """Draw a chart, and write it as SVG and as PNG."""
    with _style(name):
        _save(draw(data), folder / name)


def _style(name: str) -> AbstractContextManager[None]:
    import matplotlib as mpl

    return mpl.rc_context({
        "font.family": FONT, "font.size": 10, "text.color": INK, "axes.edgecolor": GRID, "xtick.color": SOFT,
        "ytick.color": INK, "hatch.color": GRID, "text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": name,
    })  # fmt: skip


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": "backend-harness"}, facecolor=PAPER)
    figure.set_layout_engine("none")  # it stands; working it out again takes longer than drawing
    figure.savefig(path.with_suffix(".png"), dpi=160, facecolor=PAPER)


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure that no window knows of (pyplot would keep it), drawn by Agg or as SVG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def empty(title: str, why: str) -> Figure:
    """A picture without marks that says why."""
    figure, axes = new_figure(9.0, 1.6)
    axes.set_axis_off()
    axes.set_title(title, loc="left", fontweight="bold")
    axes.text(0, 0.5, clip(drawable(why), 110), color=SOFT, fontstyle="italic", va="center", transform=axes.transAxes)
    return figure


# --- labels ----------------------------------------------------------------------------------------------------------


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont(FONT)).get_charmap())


def drawable(text: str) -> str:
    """A text with every character that the charts' font lacks replaced by a box."""
    return "".join(character if ord(character) in _glyphs() else "□" for character in plain(text))


def label(row: CandidateRow, width: int) -> str:
    """A candidate's name on up to three lines, broken between its parts; its note, never cut, on a line of its own."""
    lines = [""]
    for part in drawable(row.name).split(" · "):
        longer = f"{lines[-1]} · {part}" if lines[-1] else part
        lines = [*lines[:-1], longer] if len(longer) <= width or len(lines) == 3 or not lines[-1] else [*lines, part]
    return "\n".join([*(clip(line, width) for line in lines), *([f"({row.note})"] if row.note else [])])


# --- pass rates ------------------------------------------------------------------------------------------------------


def draw_rates(tables: Tables) -> Figure:
    """A dot and an interval for each candidate, best first."""
    rows, rest = tables.candidates[:MOST_ROWS], tables.candidates[MOST_ROWS:]
    figure, axes = new_figure(9.0, 1.35 + 0.62 * max(len(rows), 1))
    for place, row in enumerate(rows):
        _draw_rate(axes, place, row)
    axes.set_yticks(range(len(rows)), [label(row, NAME_WIDTH) for row in rows])
    axes.set_ylim(max(len(rows), 1) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value * 100:.0f} %")
    axes.set_xlabel("graded trials passed, with 95 % interval (tasks like these)", color=SOFT)
    axes.tick_params(length=0)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.set_title(f"Pass rate{cut(rest, RATES)}", loc="left", fontweight="bold")
    return figure


def cut(rest: Sequence[object], name: str) -> str:
    return f" ({len(rest)} more rows in {name}.csv)" if rest else ""


def _draw_rate(axes: Axes, place: int, row: CandidateRow) -> None:
    if row.rate is None:
        axes.text(0, place, invalid(row.counts), color=SOFT, fontstyle="italic", va="center")
        return
    colour, marker = (NO_LLM, "D") if row.note else (LLM, "o")
    axes.hlines(place, row.rate.low, row.rate.high, color=colour, linewidth=3, alpha=0.45)
    axes.plot(row.rate.estimate, place, marker, color=colour, markersize=8, clip_on=False, zorder=3)
    value = f"{headline(row)}  [{interval(row.rate.low, row.rate.high)}]"
    axes.text(1.02, place, value, color=INK, va="center")


def rate_rows(tables: Tables) -> list[dict[str, Any]]:
    """The data of the first chart, a row a candidate; no rate where the chart has no mark."""
    return [
        {
            "candidate": row.candidate,
            "note": row.note,
            "passed": row.counts.passed,
            "graded": row.counts.graded,
            "planned": row.counts.planned,
            "headline": headline(row),
            "pass_rate": row.rate.estimate if row.rate else None,
            "low_95": row.rate.low if row.rate else None,
            "high_95": row.rate.high if row.rate else None,
            "n_effective": row.rate.n_effective if row.rate else None,
        }
        for row in tables.candidates
    ]


# --- candidate x task ------------------------------------------------------------------------------------------------


def draw_tasks(tables: Tables) -> Figure:
    """A grid: tasks down, candidates across; a cell's lightness is its pass rate, its text the count."""
    tasks = most_telling(tables, MOST_TASKS)
    rest = tables.tasks[len(tasks) :]
    rows, beside = tables.candidates[:MOST_COLUMNS], tables.candidates[MOST_COLUMNS:]
    figure, axes = new_figure(max(6.0, 3.4 + 1.9 * len(rows)), 1.9 + 0.34 * max(len(tasks), 1))
    for down, task in enumerate(tasks):
        for across, row in enumerate(rows):
            _draw_cell(axes, across, down, tables.cells.get((row.candidate, task)))
    axes.set_xticks(range(len(rows)), [label(row, COLUMN_WIDTH) for row in rows], fontsize=8)
    axes.set_yticks(range(len(tasks)), [clip(drawable(task), TASK_WIDTH) for task in tasks])
    axes.set_xlim(-0.5, max(len(rows), 1) - 0.5)
    axes.set_ylim(max(len(tasks), 1) - 0.5, -0.5)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(f"Passed of graded attempts, by task{cut([*rest, *beside], TASKS)}", loc="left", fontweight="bold")
    return figure


def _draw_cell(axes: Axes, across: int, down: int, row: CellRow | None) -> None:
    from matplotlib.patches import Rectangle

    share = row.counts.solved_graded.rate if row else None
    fill = EMPTY if share is None else blend(share)
    hatch = "////" if share is None else None
    corner = (across - 0.47, down - 0.44)
    axes.add_patch(Rectangle(corner, 0.94, 0.88, facecolor=fill, edgecolor=GRID, hatch=hatch, linewidth=0.6))
    colour = PAPER if share is not None and share > 0.6 else INK
    axes.text(across, down, drawable(cell(row)), ha="center", va="center", fontsize=8, color=colour)


def blend(share: float) -> str:
    """A colour between LOW (0) and HIGH (1); lightness falls evenly."""
    ends = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in (LOW, HIGH)]
    return "#" + "".join(f"{round(low + (high - low) * share):02x}" for low, high in zip(*ends, strict=True))


def cell_rows(tables: Tables) -> list[dict[str, Any]]:
    """The data of the second chart, a row for each candidate and task."""
    return [_cell_values(row) for _, row in sorted(tables.cells.items())]


def _cell_values(row: CellRow) -> dict[str, Any]:
    counts = row.counts
    return {
        "candidate": row.candidate, "task": row.task, "passed": counts.passed, "graded": counts.graded,
        "pass_rate": counts.solved_graded.rate,
        "low_95": row.interval.low if row.interval else None, "high_95": row.interval.high if row.interval else None,
        "errors": counts.error, "missing": counts.missing, "not_run": counts.not_run, "shown": cell(row),
    }  # fmt: skip
