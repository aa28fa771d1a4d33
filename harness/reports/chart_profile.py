"""What a candidate is good at and how far one can rely on it: capability groups, pass@k, pass^k. Style: chart.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.aggregate import AreaRow, CandidateRow, Repeats, Tables
from harness.capabilities import AREAS
from harness.reports.chart import GRID, INK, SOFT, cut, drawable, empty, new_figure
from harness.reports.text import clip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAPABILITIES, REPEATS = "capabilities", "pass-at-k"
MOST_SERIES = 7
GROUP_TITLES = {
    "api": "APIs", "data": "Databases", "arch": "Systems", "code": "Quality of\nwhat is delivered",
    "tech": "With what", "work": "How the agent\ndecides",
}  # fmt: skip
# Told apart by colour-blind eyes and, with the marks, in grey (after Okabe and Ito 2008). site.css has them by number.
SERIES = ("#1b5a9e", "#b3541e", "#1a7f6b", "#8a4f9e", "#946200", "#3f4b57", "#a8325a")
MARKS = ("o", "s", "^", "D", "v", "P", "X")


def _shown(rows: Sequence[CandidateRow]) -> list[CandidateRow]:
    """The candidates that a picture has colours for, best first: those with an LLM, or others where there are none."""
    return ([row for row in rows if not row.note] or list(rows))[:MOST_SERIES]


def _name(row: CandidateRow) -> str:
    return clip(drawable(f"{row.name} ({row.note})" if row.note else row.name), 70)


def _legend(figure: Figure) -> None:
    figure.legend(loc="outside lower left", frameon=False, fontsize=9, labelcolor=INK)


# --- capabilities ----------------------------------------------------------------------------------------------------


def draw_capabilities(tables: Tables) -> Figure:
    """For each group of the map, the rate of each candidate with its interval; a group without a task is a gap."""
    found = {(row.area, row.candidate): row for row in tables.groups}
    with_rate = [row for row in tables.candidates if any(r.rate for (_, c), r in found.items() if c == row.candidate)]
    if not with_rate:
        return empty("Capability profile", "no candidate with a pass rate")
    rows = _shown(with_rate)
    groups = [*GROUP_TITLES, *sorted({area for area, _ in found} - GROUP_TITLES.keys())]
    figure, axes = new_figure(9.0, 1.2 + len(groups) * (0.3 + 0.16 * len(rows)) + 0.24 * len(rows))
    for place, group in enumerate(groups):
        _draw_group(axes, place, [found.get((group, row.candidate)) for row in rows])
    for number, row in enumerate(rows):
        axes.plot([], [], MARKS[number], color=SERIES[number], markersize=7, label=_name(row))
    axes.set_yticks(range(len(groups)), [GROUP_TITLES.get(group) or drawable(group) for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(-0.01, 1.01)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value * 100:.0f} %")
    axes.set_xlabel("graded trials passed, with 95 % interval", color=SOFT)
    axes.tick_params(length=0)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.hlines([n - 0.5 for n in range(1, len(groups))], -0.01, 1.01, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.set_title(f"Capability profile{cut(with_rate[len(rows) :], CAPABILITIES)}", loc="left", fontweight="bold")
    _legend(figure)
    return figure


def _draw_group(axes: Axes, place: int, rows: Sequence[AreaRow | None]) -> None:
    if not any(rows):
        axes.text(0, place, "a gap: no task of this run", color=SOFT, fontstyle="italic", va="center")
        return
    for number, row in enumerate(rows):
        at = place + 0.36 * ((2 * number + 1) / len(rows) - 1)
        if row and row.rate:
            axes.hlines(at, row.rate.low, row.rate.high, color=SERIES[number], linewidth=2.2, alpha=0.45)
            axes.plot(row.rate.estimate, at, MARKS[number], color=SERIES[number], markersize=6, clip_on=False, zorder=3)


def capability_rows(tables: Tables) -> list[dict[str, Any]]:
    """The data: a row for each group and area and each candidate, and one without a candidate for each gap."""
    rows = [_area_values(row) for row in (*tables.groups, *tables.areas)]
    known = {row.area for row in (*tables.groups, *tables.areas)}
    gaps = [name for name in (*dict.fromkeys(area.partition(".")[0] for area in AREAS), *AREAS) if name not in known]
    empty = dict.fromkeys(["candidate", "passed", "graded", "planned", "pass_rate", "low_95", "high_95"])
    return [*rows, *({"area": name, "tasks": 0, **empty} for name in gaps)]


def _area_values(row: AreaRow) -> dict[str, Any]:
    return {
        "area": row.area, "tasks": row.tasks, "candidate": row.candidate, "passed": row.counts.passed,
        "graded": row.counts.graded, "planned": row.counts.planned,
        "pass_rate": row.rate.estimate if row.rate else None,
        "low_95": row.rate.low if row.rate else None, "high_95": row.rate.high if row.rate else None,
    }  # fmt: skip


# --- pass@k and pass^k -----------------------------------------------------------------------------------------------


def draw_repeats(tables: Tables) -> Figure:
    """Chance that at least one of k attempts passes (solid), and that all of k pass (dashed), against k."""
    found = {row.candidate: tables.curves.get(row.candidate, ()) for row in tables.candidates}
    repeated = [row for row in tables.candidates if len(found[row.candidate]) > 1]
    if not repeated:
        return empty("pass@k and pass^k", "no candidate with a rate and more than one attempt at each task")
    rows = _shown(repeated)
    figure, axes = new_figure(9.0, 4.6 + 0.24 * len(rows))
    for number, row in enumerate(rows):
        _draw_curve(axes, number, found[row.candidate], _name(row))
    most = max(found[row.candidate][-1].k for row in rows)
    axes.set_xlim(0.9, most + 0.1 * (most - 1))
    axes.set_xticks(sorted({1, *(round(1 + (most - 1) * part / 6) for part in range(7))}))
    axes.set_ylim(-0.02, 1.03)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value * 100:.0f} %")
    axes.set_xlabel("k attempts at a task", color=SOFT)
    axes.tick_params(length=0)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    title = f"At least one of k passes (solid), all of k pass (dashed){cut(repeated[len(rows) :], REPEATS)}"
    axes.set_title(title, loc="left", fontweight="bold")
    _legend(figure)
    return figure


def _draw_curve(axes: Axes, number: int, points: Sequence[Repeats], name: str) -> None:
    ks, every = [point.k for point in points], max(1, len(points) // 10)
    style: dict[str, Any] = {"color": SERIES[number], "marker": MARKS[number], "markersize": 5, "linewidth": 1.6}
    style |= {"markevery": every, "clip_on": False}
    axes.plot(ks, [point.at_least_one for point in points], label=name, **style)
    axes.plot(ks, [point.all_of_them for point in points], linestyle=(0, (4, 2)), **style)


def repeat_rows(tables: Tables) -> list[dict[str, Any]]:
    """The data: a row for each candidate and k."""
    return [
        {"candidate": candidate, "k": point.k, "tasks": point.tasks, "pass_at_k": point.at_least_one,
         "pass_hat_k": point.all_of_them}
        for candidate, points in tables.curves.items() for point in points
    ]  # fmt: skip
