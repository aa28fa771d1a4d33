"""charts of a comparison: the difference, what it is worth, and the tasks that make it; each as SVG, PNG and CSV.

Ahead and behind differ by place, by mark and by colour, in a palette that colour-blind eyes tell apart. A comparison
without figures has charts without marks, which say why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness import stats
from harness.compare import Comparison, Flip, Measured, clamped
from harness.reports.chart import GRID, INK, LLM, NO_LLM, SOFT, drawable, new_figure, save
from harness.reports.results_csv import write_rows
from harness.reports.text import clip, dollars
from harness.stats import Difference

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DIFFERENCE, WORTH, TASKS = "compare-difference", "compare-worth", "compare-tasks"
AHEAD, BEHIND, BAND = "#1f5fa8", "#b3541e", "#e6eaef"
MOST_TASKS, TASK_WIDTH = 60, 34
FINEST, WIDEST, POINTS = 1 / 16, 16.0, 33  # multiples of the value of a solved task, and how many are drawn
PROVEN = {"regressed": "regressed", "improved": "improved", "moved": ""}


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Write all charts and their data into a folder; return the SVG files. Raises OSError when the disk refuses."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, (draw, rows) in CHARTS.items():
        write_rows(folder / f"{name}.csv", rows(comparison))
        save(name, draw, comparison, folder)
        made.append(folder / f"{name}.svg")
    return made


def empty(title: str, why: str) -> Figure:
    figure, axes = new_figure(9.0, 1.9)
    axes.set_axis_off()
    axes.set_title(title, loc="left", fontweight="bold")
    text = "\n".join(clip(drawable(line), 110) for line in why.split("; ")[:4])
    axes.text(0, 0.5, text, color=SOFT, fontstyle="italic", va="center", transform=axes.transAxes)
    return figure


def _no_figures(comparison: Comparison) -> str:
    return f"{comparison.verdict}: {'; '.join(comparison.reasons)}"


# --- the difference --------------------------------------------------------------------------------------------------


class _Span(NamedTuple):
    """One row of the first chart."""

    name: str
    difference: Difference
    colour: str


def _spans(comparison: Comparison) -> list[_Span]:
    found = comparison.measured
    if found is None:
        return []
    named = [("B - A, tasks like these", found.like, LLM), ("B - A, these tasks", found.these, LLM)]
    beside = comparison.sham.measured if comparison.sham else None
    if beside:
        named.append(("B - sham, tasks like these", beside.like, NO_LLM))
    return [_Span(name, difference, colour) for name, difference, colour in named if difference is not None]


def draw_difference(comparison: Comparison) -> Figure:
    """Both intervals of the difference, the margin, and how far an A/A lies from 0."""
    title, found, spans = "Difference of pass rates, B - A", comparison.measured, _spans(comparison)
    if found is None:
        return empty(title, _no_figures(comparison))
    figure, axes = new_figure(9.0, 1.9 + 0.62 * len(spans))
    axes.axvspan(-found.noise * 100, found.noise * 100, color=BAND, label="A/A noise floor (95 of 100)", zorder=0)
    axes.axvline(0, color=INK, linewidth=1)
    margin = comparison.options.margin * 100
    axes.axvline(-margin, color=BEHIND, linestyle="--", linewidth=1.2, label=f"margin, -{margin:g} points")
    for place, span in enumerate(spans):
        _draw_span(axes, place, span)
    axes.set_yticks(range(len(spans)), [span.name for span in spans])
    axes.set_ylim(len(spans) - 0.4, -0.6)
    ends = [abs(end) * 100 for span in spans for end in clamped(span.difference)]
    reach = min(100.0, 1.08 * max([*ends, margin, found.noise * 100, 1.0]))
    axes.set_xlim(-reach, reach)
    over = "95 % over all looks" if comparison.stage.looks > 1 else "95 % interval"
    axes.set_xlabel(f"points of pass rate, with {over}", color=SOFT)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.32), ncols=2, frameon=False, fontsize=8, labelcolor=SOFT)
    _plain(axes, "x")
    axes.set_title(f"{title}: {comparison.verdict}", loc="left", fontweight="bold")
    return figure


def _draw_span(axes: Axes, place: int, span: _Span) -> None:
    low, high = (end * 100 for end in clamped(span.difference))
    axes.hlines(place, low, high, color=span.colour, linewidth=3, alpha=0.45)
    axes.plot(span.difference.estimate * 100, place, "o", color=span.colour, markersize=8, zorder=3, clip_on=False)
    value = f"{span.difference.estimate * 100:+.1f}  [{low:+.1f} to {high:+.1f}]"
    axes.text(1.02, place, value, color=INK, va="center", transform=axes.get_yaxis_transform())


def difference_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """The data of the first chart, in shares of 1; none when there are no figures."""
    found = comparison.measured
    return [
        {
            "difference": span.name, "estimate": span.difference.estimate, "low": clamped(span.difference)[0],
            "high": clamped(span.difference)[1], "standard_error": span.difference.se,
            "margin": comparison.options.margin, "noise_floor": found.noise if found else None,
            "look": comparison.stage.look, "looks": comparison.stage.looks,
        }
        for span in _spans(comparison)
    ]  # fmt: skip


# --- what it is worth ------------------------------------------------------------------------------------------------


def curve(comparison: Comparison) -> list[tuple[float, float]]:
    """(value of a solved task, confidence that B is worth its price), for values around the given one."""
    found = comparison.measured
    if found is None or not found.worth.dc or len(found.d) < 2:
        return []
    centre = found.worth.value or 1.0
    steps = [math.log(FINEST) + n * math.log(WIDEST / FINEST) / (POINTS - 1) for n in range(POINTS)]
    values = [centre * math.exp(step) for step in steps]
    return list(zip(values, stats.acceptability(found.d, found.worth.dc, values), strict=True))


def draw_worth(comparison: Comparison) -> Figure:
    """The acceptability curve over the value of a solved task."""
    title, points = "Is B worth its price?", curve(comparison)
    found = comparison.measured
    if found is None or not points:
        why = _no_figures(comparison) if found is None else found.worth.unknown or "one task says nothing about others"
        return empty(title, why)
    figure, axes = new_figure(9.0, 3.6)
    values, shares = zip(*points, strict=True)
    axes.plot(values, [share * 100 for share in shares], color=LLM, linewidth=2)
    axes.axhline(50, color=GRID, linewidth=1)
    axes.axvline(found.worth.value or 1.0, color=SOFT, linestyle="--", linewidth=1)
    axes.set_xscale("log")
    axes.set_ylim(-2, 102)
    axes.xaxis.set_major_formatter(lambda value, _: dollars(value))
    axes.xaxis.set_minor_formatter(lambda *_: "")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")
    axes.set_xlabel("what a solved task is worth (the dashed line is --lambda)", color=SOFT)
    axes.set_ylabel("confidence (bootstrap over tasks)", color=SOFT)
    _plain(axes, "both")
    axes.set_title(title, loc="left", fontweight="bold")
    return figure


def worth_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """The data of the second chart; none when a price is unknown."""
    return [{"value_of_a_solved_task_usd": value, "confidence": share} for value, share in curve(comparison)]


# --- tasks -----------------------------------------------------------------------------------------------------------


def _by_difference(found: Measured) -> list[tuple[str, float]]:
    return sorted(zip(found.tasks, found.d, strict=True), key=lambda pair: (pair[1], pair[0]))


def draw_tasks(comparison: Comparison) -> Figure:
    """A line for each task from 0 to its difference, the largest loss first; tasks that are even are counted."""
    title, found = "Difference by task, B - A", comparison.measured
    if found is None:
        return empty(title, _no_figures(comparison))
    flips = {flip.task: flip for flip in found.flips}
    moved = [(task, d) for task, d in _by_difference(found) if task in flips]
    if not moved:
        return empty(title, f"{len(found.tasks)} tasks, and none of them has another pass rate in B")
    shown = _extremes(moved)
    figure, axes = new_figure(9.0, 1.5 + 0.3 * len(shown))
    for place, (task, d) in enumerate(shown):
        _draw_task(axes, place, d, flips[task])
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_yticks(range(len(shown)), [clip(drawable(task), TASK_WIDTH) for task, _ in shown], fontsize=8)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(-105, 105)
    axes.set_xlabel("points of pass rate", color=SOFT)
    _plain(axes, "x")
    rest = f", {len(moved) - len(shown)} more in {TASKS}.csv" if len(moved) > len(shown) else ""
    even = len(found.tasks) - len(moved)
    axes.set_title(f"{title} ({even} of {len(found.tasks)} even{rest})", loc="left", fontweight="bold")
    return figure


def _extremes(moved: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """The tasks that moved most, in their order."""
    kept = sorted(moved, key=lambda pair: -abs(pair[1]))[:MOST_TASKS]
    return [pair for pair in moved if pair in kept]


def _draw_task(axes: Axes, place: int, d: float, flip: Flip) -> None:
    colour, marker = (AHEAD, "^") if d > 0 else (BEHIND, "v")
    axes.hlines(place, 0, d * 100, color=colour, linewidth=2.5, alpha=0.5)
    axes.plot(d * 100, place, marker, color=colour, markersize=6, zorder=3)
    words = f"{flip.passed_a}/{flip.n_a} to {flip.passed_b}/{flip.n_b} {PROVEN[flip.call]}".strip()
    axes.text(1.02, place, words, color=INK, va="center", fontsize=8, transform=axes.get_yaxis_transform())


def task_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """The data of the third chart: every task that was compared."""
    found = comparison.measured
    if found is None:
        return []
    flips = {flip.task: flip for flip in found.flips}
    return [_task_values(task, d, flips.get(task)) for task, d in _by_difference(found)]


def _task_values(task: str, d: float, flip: Flip | None) -> dict[str, Any]:
    names = ("passed_a", "n_a", "passed_b", "n_b", "p", "adjusted", "holm", "call")
    return {"task": task, "difference": d, **{name: getattr(flip, name) if flip else None for name in names}}


def _plain(axes: Axes, grid: str) -> None:
    axes.tick_params(length=0)
    axes.tick_params(which="minor", length=0)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


CHARTS: Mapping[str, tuple[Callable[[Comparison], Figure], Callable[[Comparison], list[dict[str, Any]]]]] = {
    DIFFERENCE: (draw_difference, difference_rows),
    WORTH: (draw_worth, worth_rows),
    TASKS: (draw_tasks, task_rows),
}
"""File name -> how it is drawn, and the rows of its data."""
