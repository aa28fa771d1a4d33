"""charts/ of a leaderboard: standings, cost against pass rate, history, as SVG, PNG and CSV; and the preview image.

The house style of chart.py: lightness and shape carry what colour does, every mark says its value in words, and what
cannot be told has no mark. A picture shows as many rows as can be read; its CSV file has all.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.leaderboard import Board, Leaderboard, Point, Row, Series
from harness.reports.chart import FONT, GRID, INK, LLM, NO_LLM, PAPER, SOFT, drawable
from harness.reports.leaderboard_view import rank_of
from harness.reports.results_csv import write_rows
from harness.reports.text import clip, interval, percent, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER = "charts"
STANDINGS, FRONTIER, HISTORY, PAIRS = "standings", "cost-and-pass-rate", "history", "pairs"
PREVIEW = "preview.png"
MOST_ROWS, MOST_POINTS, MOST_SERIES, PREVIEW_ROWS = 60, 40, 7, 6
NAME_WIDTH = 44
# Told apart by colour-blind eyes and, with the marks, in grey (after Okabe and Ito 2008).
SERIES_COLOURS = ("#1f5fa8", "#b3541e", "#1a7f6b", "#8a4f9e", "#946200", "#3f4b57", "#a8325a")
SERIES_MARKS = ("o", "s", "^", "D", "v", "P", "X")


def write(board: Leaderboard, folder: Path, title: str) -> list[str]:
    """Write charts and data of the main board and of history, and the preview image; return the charts drawn."""
    main, target = board.boards[0], folder / FOLDER
    target.mkdir()
    write_rows(target / f"{STANDINGS}.csv", standing_rows(main))
    write_rows(target / f"{FRONTIER}.csv", cost_rows(main))
    write_rows(target / f"{HISTORY}.csv", history_rows(board.history))
    write_rows(target / f"{PAIRS}.csv", pair_rows(main))
    drawn = [STANDINGS] if main.rows or main.yardsticks else []
    drawn += [FRONTIER] if _priced(main) else []
    drawn += [HISTORY] if _lines(board.history) else []
    for name in drawn:
        with _style(name):
            figure = {STANDINGS: lambda: draw_standings(main), FRONTIER: lambda: draw_frontier(main),
                      HISTORY: lambda: draw_history(board.history)}[name]()  # fmt: skip
            _save(figure, target / name)
    with _style(PREVIEW):
        draw_preview(board, title).savefig(folder / PREVIEW, dpi=100, facecolor=PAPER, metadata={"Software": None})
    return drawn


def _style(name: str) -> AbstractContextManager[None]:
    import matplotlib as mpl

    return mpl.rc_context({
        "font.family": FONT, "font.size": 10, "text.color": INK, "axes.edgecolor": GRID, "xtick.color": SOFT,
        "ytick.color": SOFT, "axes.labelcolor": SOFT, "text.parse_math": False, "svg.fonttype": "none",
        "svg.hashsalt": f"leaderboard {name}",
    })  # fmt: skip


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": "backend-harness"}, facecolor=PAPER)
    figure.savefig(path.with_suffix(".png"), dpi=160, metadata={"Software": None}, facecolor=PAPER)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def _bare(axes: Axes, *, grid: Literal["both", "x", "y"] = "x") -> None:
    axes.tick_params(length=0)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def _per_cent(axes: Axes, which: str) -> None:
    getattr(axes, f"{which}axis").set_major_formatter(lambda value, _: f"{value * 100:.0f} %")


# --- standings -------------------------------------------------------------------------------------------------------


def draw_standings(board: Board) -> Figure:
    """Rank interval and pass rate of each row, side by side; yardsticks below, in grey."""
    rows = [*board.rows, *board.yardsticks][:MOST_ROWS]
    more = len(board.rows) + len(board.yardsticks) - len(rows)
    height = 1.5 + 0.46 * len(rows)
    figure = _figure(11.0, height)
    top, bottom = 1 - 0.75 / height, 0.55 / height
    ranks = figure.add_axes((0.36, bottom, 0.17, top - bottom))
    rates = figure.add_axes((0.57, bottom, 0.26, top - bottom))
    for place, row in enumerate(rows):
        _draw_name(ranks, place, row)
        _draw_rank(ranks, place, row)
        _draw_rate(rates, place, row)
    number = max(len(board.ranked), 1)
    ranks.set_xlim(0.4, number + 0.6)
    ranks.set_xticks(sorted({1, (number + 1) // 2, number}))
    rates.set_xlim(-0.01, 1.01)
    _per_cent(rates, "x")
    for axes, words in ((ranks, "rank, best and worst"), (rates, "pass rate, 95 % interval")):
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks([])
        axes.set_xlabel(words)
        _bare(axes)
    rest = f" ({plural(more, 'row')} more in {STANDINGS}.csv)" if more else ""
    figure.text(0.012, 1 - 0.42 / height, f"Standings{rest}", fontweight="bold", fontsize=12)
    return figure


def _draw_name(axes: Axes, place: int, row: Row) -> None:
    """The agent, and below it in small letters the rest of the name and the note, left of the axes."""
    first, *rest = drawable(row.name).split(" · ")
    below = clip(" · ".join([*rest, *([row.note] if row.note else [])]), 58)
    outside = axes.get_yaxis_transform()
    axes.text(-2.05, place, clip(first, NAME_WIDTH), transform=outside, fontweight="bold", fontsize=9.5,
              va="bottom" if below else "center")  # fmt: skip
    axes.text(-2.05, place + 0.06, below, transform=outside, fontsize=8, va="top", color=SOFT)


def _draw_rank(axes: Axes, place: int, row: Row) -> None:
    if row.overall.rank is None:
        axes.text(0.5, place, "yardstick" if row.note else "no rank", color=SOFT, fontstyle="italic", va="center")
        return
    low, high = row.overall.rank
    axes.hlines(place, low - 0.25, high + 0.25, color=LLM, linewidth=7, alpha=0.3)
    axes.text((low + high) / 2, place, rank_of(row.overall), ha="center", va="center", fontsize=9, color=INK)


def _draw_rate(axes: Axes, place: int, row: Row) -> None:
    rate = row.overall.rate
    if rate is None:
        axes.text(0, place, clip(drawable(row.overall.why), 58), color=SOFT, fontstyle="italic", va="center")
        return
    colour, mark = (NO_LLM, "D") if row.note else (LLM, "o")
    axes.hlines(place, rate.low, rate.high, color=colour, linewidth=3, alpha=0.45)
    axes.plot(rate.estimate, place, mark, color=colour, markersize=7, clip_on=False, zorder=3)
    words = f"{percent(rate.estimate)}  [{interval(rate.low, rate.high)}]"
    axes.text(1.05, place, words, color=INK, va="center")


def standing_rows(board: Board) -> list[dict[str, Any]]:
    """The data of the standings, a row a candidate; no rate where it has no headline."""
    return [_standing_row(row) for row in (*board.rows, *board.yardsticks)]


def _standing_row(row: Row) -> dict[str, Any]:
    found = row.overall
    rank, rate = found.rank, found.rate
    return {
        "candidate": row.name, "candidate_digest": row.digest, "yardstick": row.note,
        "rank_low": rank.low if rank else None, "rank_high": rank.high if rank else None, "why": found.why,
        "pass_rate": rate.estimate if rate else None, "low_95": rate.low if rate else None,
        "high_95": rate.high if rate else None, "passed": found.passed, "graded": found.graded,
        "runnable": found.runnable, "tasks": found.asked, "suspicious": row.suspicious.hits,
        "searched": row.suspicious.total,
    }  # fmt: skip


def pair_rows(board: Board) -> list[dict[str, Any]]:
    """Each pair of ranked rows that was compared."""
    names = [row.name for row in board.ranked]
    return [
        {"a": names[p.a], "b": names[p.b], "tasks": p.tasks, "difference": p.difference, "p": p.p, "p_holm": p.adjusted}
        for p in board.pairs
    ]  # fmt: skip


# --- cost and pass rate ----------------------------------------------------------------------------------------------


def _priced(board: Board) -> list[Row]:
    return [row for row in board.ranked if row.cost is not None]


def letters(number: int) -> str:
    """A, B, … Z, AA, AB, … for 0, 1, …"""
    first, last = divmod(number, 26)
    return (string.ascii_uppercase[first - 1] if first else "") + string.ascii_uppercase[last]


def draw_frontier(board: Board) -> Figure:
    """Cost of a trial against pass rate; the frontier is filled and joined, the key beside it says who is who."""
    rows = _priced(board)[:MOST_POINTS]
    figure = _figure(11.0, max(5.4, 1.6 + 0.2 * (len(rows) + 3)))
    axes = figure.add_axes((0.07, 0.12, 0.5, 0.76))
    costs = [row.cost or 0.0 for row in rows]
    if min(costs) > 0 and max(costs) / min(costs) > 8:
        _logarithmic(axes)
    axes.xaxis.set_major_formatter(lambda value, _: f"${value:.2f}" if value >= 0.01 or not value else f"${value:.4f}")
    edge = sorted((row.cost or 0.0, _mean(row)) for row in rows if row.on_frontier)
    axes.step([x for x, _ in edge], [y for _, y in edge], where="post", color=LLM, linewidth=1.4, alpha=0.6)
    for number, row in enumerate(rows):
        _draw_point(axes, number, row)
    axes.set_ylim(0, 1.02)
    _per_cent(axes, "y")
    axes.set_xlabel("cost of a trial (mean over tasks)")
    axes.set_ylabel("pass rate, 95 % interval")
    axes.margins(x=0.08)
    _bare(axes, grid="both")
    figure.text(0.012, 0.94, "Cost and pass rate", fontweight="bold", fontsize=12)
    _key(figure, rows, [row for row in board.ranked if row.cost is None])
    return figure


def _logarithmic(axes: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_minor_locator(NullLocator())


def _mean(row: Row) -> float:
    return row.overall.rate.estimate if row.overall.rate else 0.0


def _draw_point(axes: Axes, number: int, row: Row) -> None:
    rate, x = row.overall.rate, row.cost or 0.0
    if rate is None:
        return
    colour, fill, ink = (LLM, LLM, PAPER) if row.on_frontier else (SOFT, PAPER, INK)
    axes.vlines(x, rate.low, rate.high, color=colour, linewidth=1.2, alpha=0.4)
    axes.plot(x, rate.estimate, "o", markersize=15, markerfacecolor=fill, markeredgecolor=colour, zorder=3)
    axes.text(x, rate.estimate, letters(number), ha="center", va="center_baseline", fontsize=8, color=ink, zorder=4)


def _key(figure: Figure, rows: Sequence[Row], unknown: Sequence[Row]) -> None:
    """Who is who, those on the frontier in bold; and whose cost is not known."""
    lines = [(f"{letters(n)}   {_short(row)}", row.on_frontier) for n, row in enumerate(rows)]
    lines += [("", False), ("filled: on the frontier, nobody cheaper passes as much", False)]
    if unknown:
        lines.append((f"cost unknown: {plural(len(unknown), 'row')}", False))
        lines += [(f"      {_short(row)}", False) for row in unknown[:5]]
    step = 0.2 / figure.get_size_inches()[1]
    for number, (words, bold) in enumerate(lines):
        weight = "bold" if bold else "normal"
        figure.text(0.6, 0.86 - number * step, words, fontsize=8, fontweight=weight, va="center")


def _short(row: Row) -> str:
    """A name that fits beside a chart: agent and model; the scaffold where it is not the usual one."""
    first, *rest = drawable(row.name).split(" · ")
    return clip(" · ".join([first, *(part for part in rest if part != "tools")]), 54)


def cost_rows(board: Board) -> list[dict[str, Any]]:
    """The data of the cost chart: ranked rows, those of unknown cost too."""
    return [
        {
            "candidate": row.name, "candidate_digest": row.digest, "cost_per_trial_usd": row.cost,
            "cost_per_solved_usd": row.cost_per_solve, "pass_rate": _mean(row),
            "low_95": row.overall.rate.low if row.overall.rate else None,
            "high_95": row.overall.rate.high if row.overall.rate else None, "on_frontier": row.on_frontier,
            "spent_at_least_usd": row.spent_floor, "trials_without_price": row.unpriced,
        }
        for row in board.ranked
    ]  # fmt: skip


# --- history ---------------------------------------------------------------------------------------------------------


def _lines(history: Sequence[Series]) -> list[tuple[Series, list[Point]]]:
    """The series with at least two points to draw, the best at their end first."""
    found = [(one, [p for p in one.points if p.standing.rate and p.at]) for one in history]
    drawn = [(one, points) for one, points in found if len({p.at for p in points}) > 1]
    return sorted(drawn, key=lambda line: (-_rate(line[1][-1]), line[0].name))


def _rate(point: Point) -> float:
    return point.standing.rate.estimate if point.standing.rate else 0.0


def draw_history(history: Sequence[Series]) -> Figure:
    """Pass rate of each run over time; points are joined only where the runs are alike."""
    lines = _lines(history)[:MOST_SERIES]
    figure = _figure(11.0, 5.2)
    axes = figure.add_axes((0.07, 0.11, 0.56, 0.76))
    for number, (_, points) in enumerate(lines):
        _draw_series(axes, points, SERIES_COLOURS[number], SERIES_MARKS[number])
    axes.set_ylim(0, 1.02)
    _per_cent(axes, "y")
    axes.set_ylabel("pass rate, 95 % interval")
    _dates(axes)
    _bare(axes, grid="y")
    rest = len(_lines(history)) - len(lines)
    more = f" ({rest} more in {HISTORY}.csv)" if rest else ""
    figure.text(0.012, 0.93, f"History{more}", fontweight="bold", fontsize=12)
    for number, (series, points) in enumerate(lines):
        _label(figure, 0.85 - 0.07 * number, SERIES_COLOURS[number], SERIES_MARKS[number], series, points)
    return figure


def _draw_series(axes: Axes, points: Sequence[Point], colour: str, mark: str) -> None:
    when = [_date(point) for point in points]
    rates = [_rate(point) for point in points]
    for n in range(1, len(points)):
        before, now = points[n - 1], points[n]
        if before.board == now.board and before.run != now.run:
            axes.plot(when[n - 1 : n + 1], rates[n - 1 : n + 1], color=colour, linewidth=1.6, alpha=0.8)
    for x, point in zip(when, points, strict=True):
        if point.standing.rate:
            axes.vlines(x, point.standing.rate.low, point.standing.rate.high, color=colour, linewidth=1, alpha=0.3)
    axes.plot(when, rates, mark, color=colour, markersize=6, zorder=3)


def _date(point: Point) -> float:
    from matplotlib.dates import date2num

    return float(date2num(datetime.fromisoformat(point.at or "")))  # type: ignore[no-untyped-call]


def _dates(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis_date()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _label(figure: Figure, y: float, colour: str, mark: str, series: Series, points: Sequence[Point]) -> None:
    from matplotlib.lines import Line2D

    sign = Line2D([0.655], [y], marker=mark, color=colour, markersize=7, transform=figure.transFigure, figure=figure)
    figure.add_artist(sign)
    first, *rest = drawable(series.name).split(" · ")
    figure.text(0.67, y + 0.016, clip(first, 50), fontsize=8.5, va="center", fontweight="bold")
    words = f"{clip(' · '.join(rest), 40)}: {percent(_rate(points[-1]))} last of {len(points)}"
    figure.text(0.67, y - 0.018, words, fontsize=8, va="center", color=SOFT)


def history_rows(history: Iterable[Series]) -> list[dict[str, Any]]:
    """The data of history: a row for each candidate in each run."""
    return [_history_row(series, point) for series in history for point in series.points]


def _history_row(series: Series, point: Point) -> dict[str, Any]:
    found, rate = point.standing, point.standing.rate
    return {
        "series": series.name, "run": point.run, "board": point.board, "first_trial": point.at,
        "candidate_digest": point.digest, "pass_rate": rate.estimate if rate else None,
        "low_95": rate.low if rate else None, "high_95": rate.high if rate else None, "passed": found.passed,
        "graded": found.graded, "runnable": found.runnable, "tasks": found.asked, "why": found.why,
    }  # fmt: skip


# --- the preview image -----------------------------------------------------------------------------------------------


def draw_preview(board: Leaderboard, title: str) -> Figure:
    """1200 x 630 at 100 dots an inch, as link previews have it: the best rows with rank and interval."""
    main = board.boards[0]
    rows = list(main.ranked[:PREVIEW_ROWS])
    figure = _figure(12.0, 6.3)
    figure.text(0.05, 0.87, clip(drawable(title), 48), fontsize=30, fontweight="bold")
    figure.text(0.05, 0.80, _facts(board), fontsize=14, color=SOFT)
    axes = figure.add_axes((0.56, 0.13, 0.28, 0.60))
    for place, row in enumerate(rows):
        _draw_preview_row(axes, place, row)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(PREVIEW_ROWS - 0.4, -0.6)
    axes.set_yticks([])
    _per_cent(axes, "x")
    axes.tick_params(labelsize=11)
    _bare(axes)
    if not rows:
        axes.set_axis_off()
        figure.text(0.05, 0.5, "No row can be ranked.", fontsize=20, color=SOFT)
    figure.text(0.05, 0.045, "pass rate with 95 % interval; rank by paired tests", fontsize=11, color=SOFT)
    return figure


def _facts(board: Leaderboard) -> str:
    main = board.boards[0]
    trials = sum(row.counts.graded for row in main.rows)
    facts = [plural(len(main.ranked), "candidate"), plural(len(main.tasks), "task"), f"{trials:,} graded trials"]
    return " · ".join([*facts, *([board.latest[:10]] if board.latest else [])])


def _draw_preview_row(axes: Axes, place: int, row: Row) -> None:
    rate = row.overall.rate
    if rate is None:
        return
    outside = axes.get_yaxis_transform()
    parts = drawable(row.name).split(" · ")
    axes.text(
        -1.82, place, rank_of(row.overall), transform=outside, fontsize=17, fontweight="bold", va="center", color=LLM
    )
    axes.text(-1.60, place - 0.02, clip(parts[0], 40), transform=outside, fontsize=14, fontweight="bold", va="bottom")
    axes.text(
        -1.60, place + 0.06, clip(" · ".join(parts[1:]), 52), transform=outside, fontsize=11, va="top", color=SOFT
    )
    axes.hlines(place, rate.low, rate.high, color=LLM, linewidth=6, alpha=0.35)
    axes.plot(rate.estimate, place, "o", color=LLM, markersize=12, clip_on=False, zorder=3)
    axes.text(1.06, place, percent(rate.estimate), transform=outside, fontsize=17, fontweight="bold", va="center")
