"""What a candidate costs: pass rate against dollars with the frontier; time and tokens by bucket. Style: chart.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.aggregate import BUCKETS, CandidateRow, ResourceRow, Tables
from harness.ranking import frontier
from harness.reports.chart import (
    GRID,
    INK,
    LLM,
    NAME_WIDTH,
    NO_LLM,
    PAPER,
    SOFT,
    cut,
    drawable,
    empty,
    label,
    new_figure,
)  # fmt: skip
from harness.reports.text import clip, count, duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COST, RESOURCES = "cost", "resources"
MOST_POINTS, MOST_ROWS = 40, 40
NAMED = 12  # points with their name beside them; all names are in the data
BUCKET_NAMES = {
    "input": "input", "cache_read": "from cache", "cache_write_5m": "to cache, 5 m", "cache_write_1h": "to cache, 1 h",
    "output": "output",
}  # fmt: skip
# From dark to light and hatched in turn, so that neighbours differ in grey too.
FILLS = (("#15467f", ""), ("#9dbfe3", ""), ("#e3bd5b", "////"), ("#c9a227", "...."), ("#b3541e", ""))


# --- cost and pass rate ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """A candidate with a rate: dollars for a graded trial (None: unknown, at least `floor`); whether none beats it."""

    row: CandidateRow
    dollars: float | None
    floor: float
    best: bool


def points(tables: Tables) -> list[Point]:
    """The LLM candidates with a rate, best first. Errors are paid for, so their dollars are in it."""
    rows = [row for row in tables.candidates if row.rate and not row.note]
    costs = [None if row.cost.total is None else row.cost.total / row.counts.graded for row in rows]
    best = frontier([(cost, row.rate.estimate if row.rate else None) for row, cost in zip(rows, costs, strict=True)])
    return [
        Point(row, cost, row.cost.floor / row.counts.graded, on)
        for row, cost, on in zip(rows, costs, best, strict=True)
    ]


def draw_cost(tables: Tables) -> Figure:
    """Dollars across, pass rate up; filled marks and the stepped line are the frontier; unknown costs have a band."""
    found = points(tables)[:MOST_POINTS]
    if not found:
        return empty("Cost and pass rate", "no LLM candidate with a pass rate")
    figure, axes = new_figure(9.0, 5.0)
    known = [point for point in found if point.dollars is not None]
    unknown = [point for point in found if point.dollars is None]
    most = max((point.dollars or 0.0 for point in known), default=0.0) or 1.0
    _draw_frontier(axes, [point for point in known if point.best], most * 1.18)
    for number, point in enumerate(known):
        _draw_point(axes, point, point.dollars or 0.0, number < NAMED)
    if unknown:
        _draw_unknown(axes, unknown, most)
    axes.set_xlim(-most * 0.04, most * (1.75 if unknown else 1.3))
    axes.set_ylim(-0.04, 1.06)
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= most * 1.2]
    axes.set_xticks(ticks, [f"${tick:.2f}" for tick in ticks])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value * 100:.0f} %")
    axes.set_xlabel("dollars for a graded trial, those of errors included", color=SOFT)
    axes.set_ylabel("graded trials passed", color=SOFT)
    axes.tick_params(length=0)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    rest = points(tables)[MOST_POINTS:]
    axes.set_title(f"Cost and pass rate{cut(rest, COST)}", loc="left", fontweight="bold")
    return figure


def _draw_frontier(axes: Axes, best: Sequence[Point], end: float) -> None:
    """Steps, since between two candidates there is none."""
    steps = sorted((point.dollars or 0.0, point.row.rate.estimate if point.row.rate else 0.0) for point in best)
    if steps:
        across = [cost for cost, _ in steps] + [end]
        axes.step(
            across, [rate for _, rate in steps] + [steps[-1][1]], where="post", color=LLM, linewidth=1.4, alpha=0.6
        )


def _draw_point(axes: Axes, point: Point, at: float, named: bool) -> None:
    rate = point.row.rate
    if rate is None:
        return
    colour = LLM if point.best else NO_LLM
    axes.vlines(at, rate.low, rate.high, color=colour, linewidth=1.6, alpha=0.5)
    axes.plot(at, rate.estimate, "o", markersize=9, markerfacecolor=LLM if point.best else PAPER,
              markeredgecolor=colour, markeredgewidth=1.8, zorder=3)  # fmt: skip
    if named:
        text = clip(drawable(point.row.name.partition(" · ")[0]), 30)
        axes.annotate(text, (at, rate.estimate), (8, 6), textcoords="offset points", fontsize=9, color=INK)


def _draw_unknown(axes: Axes, unknown: Sequence[Point], most: float) -> None:
    """A band right of all known costs: what stands there says nothing about money but its floor."""
    from matplotlib.patches import Rectangle

    left, width = most * 1.32, most * 0.4
    axes.add_patch(Rectangle((left, -0.04), width, 1.1, facecolor="none", edgecolor=GRID, hatch="////", linewidth=0))
    axes.text(left + width / 2, 1.02, "cost unknown", ha="center", color=SOFT, fontstyle="italic", fontsize=9,
              bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5})  # fmt: skip
    for number, point in enumerate(unknown):
        _draw_point(axes, point, left + width * (number + 1) / (len(unknown) + 4), number < NAMED // 2)


def cost_rows(tables: Tables) -> list[dict[str, Any]]:
    """The data of the chart, a row an LLM candidate with a rate."""
    return [
        {
            "candidate": point.row.candidate,
            "dollars_per_graded_trial": point.dollars,
            "at_least": point.floor,
            "pass_rate": point.row.rate.estimate if point.row.rate else None,
            "low_95": point.row.rate.low if point.row.rate else None,
            "high_95": point.row.rate.high if point.row.rate else None,
            "on_frontier": point.best,
        }
        for point in points(tables)
    ]


# --- time and tokens -------------------------------------------------------------------------------------------------


def _used(tables: Tables) -> list[tuple[CandidateRow, ResourceRow]]:
    found = {row.candidate: row for row in tables.resources}
    return [(row, found[row.candidate]) for row in tables.candidates if found[row.candidate].trials]


def draw_resources(tables: Tables) -> Figure:
    """Left: seconds from the median to the 90th percentile. Right: median tokens by bucket, one bar a candidate."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    used = _used(tables)
    if not used:
        return empty("Time and tokens", "no graded trial")
    rows = used[:MOST_ROWS]
    figure = Figure(figsize=(10.5, 1.9 + 0.55 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    time, tokens = figure.subplots(1, 2, sharey=True, width_ratios=(2, 3))
    _draw_times(time, rows)
    _draw_tokens(figure, tokens, rows)
    for axes in (time, tokens):
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.tick_params(length=0)
        axes.grid(axis="x", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[:].set_visible(False)
    time.set_yticks(range(len(rows)), [label(row, NAME_WIDTH) for row, _ in rows])
    time.set_title(f"Time{cut(used[MOST_ROWS:], RESOURCES)}", loc="left", fontweight="bold")
    tokens.set_title("Tokens of a graded trial, medians by bucket", loc="left", fontweight="bold")
    return figure


def _draw_times(axes: Axes, rows: Sequence[tuple[CandidateRow, ResourceRow]]) -> None:
    most = max(used.seconds.p90 for _, used in rows if used.seconds)
    for place, (row, used) in enumerate(rows):
        if used.seconds:
            colour = NO_LLM if row.note else LLM
            axes.hlines(place, used.seconds.median, used.seconds.p90, color=colour, linewidth=3, alpha=0.45)
            axes.plot(used.seconds.median, place, "o", color=colour, markersize=7, zorder=3)
            text = f"{duration(used.seconds.median)}"
            axes.text(used.seconds.p90 + most * 0.03, place, text, va="center", fontsize=9, color=INK)
    axes.set_xlim(0, most * 1.4)
    axes.locator_params(axis="x", nbins=3)
    ticks = [tick for tick in axes.get_xticks() if tick <= most * 1.1]
    axes.set_xticks(ticks, [duration(tick) if tick else "0" for tick in ticks], fontsize=8)
    axes.set_xlabel("median to 90th percentile of graded trials", color=SOFT)


def _draw_tokens(figure: Figure, axes: Axes, rows: Sequence[tuple[CandidateRow, ResourceRow]]) -> None:
    import numpy as np

    places, left = np.arange(len(rows)), np.zeros(len(rows))
    for bucket, (colour, hatch) in zip(BUCKETS, FILLS, strict=True):
        widths = np.array([used.tokens[bucket].median if bucket in used.tokens else 0.0 for _, used in rows])
        if widths.any():
            axes.barh(places, widths, left=left, height=0.5, color=colour, hatch=hatch, edgecolor=PAPER, linewidth=0.6,
                      label=BUCKET_NAMES[bucket])  # fmt: skip
            left += widths
    axes.set_xlim(0, (left.max() or 1) * 1.05)
    axes.xaxis.set_major_formatter(lambda value, _: count(round(value)))
    axes.xaxis.set_tick_params(labelsize=8)
    if left.any():
        figure.legend(loc="outside lower right", ncols=5, frameon=False, fontsize=9, labelcolor=INK)
    else:
        axes.text(0.5, 0.5, "no tokens", transform=axes.transAxes, ha="center", color=SOFT, fontstyle="italic")


def resource_rows(tables: Tables) -> list[dict[str, Any]]:
    """The data of the chart, a row a candidate with graded trials: medians and 90th percentiles."""
    return [_resource_values(used) for _, used in _used(tables)]


def _resource_values(used: ResourceRow) -> dict[str, Any]:
    spreads = {"seconds": used.seconds, "turns": used.turns, "tokens": used.all_tokens, "dollars": used.dollars}
    spreads |= {f"tokens_{bucket}": used.tokens.get(bucket) for bucket in BUCKETS}
    return {
        "candidate": used.candidate,
        "graded": used.trials,
        "without_price": used.unpriced,
        **{f"{name}_median": found.median if found else None for name, found in spreads.items()},
        **{f"{name}_p90": found.p90 if found else None for name, found in spreads.items()},
    }
