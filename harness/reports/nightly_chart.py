"""charts/nights: the pass rate of each night with its interval and the noise band, and below it M_n; SVG, PNG and CSV.

Each candidate that is watched has a pair of panels. A night that decides nothing has no mark but a cross at the bottom.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.nights import Judgement, Night, Subject, faults, rate_of, unlike
from harness.reports.chart import FOLDER, GRID, INK, LLM, NO_LLM, PAPER, SOFT, drawable, save
from harness.reports.nightly_md import by_slot
from harness.reports.results_csv import write_rows
from harness.reports.text import clip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "nights"
ALARM = "#b3372f"
MOST_SUBJECTS, MOST_NIGHTS, MOST_LABELS = 6, 90, 12
TITLE_WIDTH = 80
LEAST_LEVEL, MOST_LEVEL = 0.05, 1e6  # beyond, M_n is drawn at the edge: a night begins anew from 1 in any case


def write(found: Judgement, folder: Path) -> None:
    """Write the chart and its data into charts/ of a report's folder."""
    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    write_rows(target / f"{NAME}.csv", rows(found))
    save(NAME, draw, found, target)


def rows(found: Judgement) -> list[dict[str, Any]]:
    """The data, a row for each night and each candidate that is watched tonight."""
    return [_values(night, subject, found) for subject in found.subjects for night in found.nights]


def _values(night: Night, subject: Subject, found: Judgement) -> dict[str, Any]:
    arm, wrong = by_slot(night, subject.slot), faults(night)
    rate = rate_of(arm) if arm and not wrong else None
    step = next((step for step in subject.watch.steps if step.date == night.date), None)
    other = unlike(night, found.night, subject.arm.digest) if not wrong else []
    return {
        "date": night.date, "run": night.opening.run, "candidate": subject.arm.name,
        "digest": arm.digest if arm else None, "passed": arm.passed if arm else None,
        "graded": arm.graded if arm else None, "runnable": arm.runnable if arm else None,
        "pass_rate": rate.estimate if rate else None, "low_95": rate.low if rate else None,
        "high_95": rate.high if rate else None, "left_out": "; ".join(wrong or other),
        "watch": subject.watch.kind, "p": step.p if step else None, "e": step.e if step else None,
        "m": step.level if step else None, "threshold": subject.watch.threshold,
        "alarm": subject.watch.alarm == night.date,
    }  # fmt: skip


def draw(found: Judgement) -> Figure:
    """The panels: one pair for each candidate."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    subjects = found.subjects[:MOST_SUBJECTS]
    count = max(len(subjects), 1)
    figure = Figure(figsize=(9.0, 4.4 * count), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2 * count, 1, squeeze=False, sharex=True, height_ratios=[3, 2] * count)[:, 0]
    nights = found.nights[-MOST_NIGHTS:]
    for place, subject in enumerate(subjects):
        _draw_rates(grid[2 * place], subject, nights)
        _draw_levels(grid[2 * place + 1], subject, nights)
    if not subjects:
        figure.suptitle("No night to show yet", x=0.02, ha="left", color=INK)
    return figure


def _draw_rates(axes: Axes, subject: Subject, nights: Sequence[Night]) -> None:
    beside = subject.window or subject.baseline
    if beside:
        axes.axhspan(beside.rate_a - beside.noise, beside.rate_a + beside.noise, color=GRID, alpha=0.6, linewidth=0)
        axes.axhline(beside.rate_a, color=SOFT, linewidth=1, linestyle="--")
        axes.text(1.01, beside.rate_a, f"{clip(drawable(beside.against), 24)}\n± A/A noise", color=SOFT, fontsize=8,
                  va="center", transform=axes.get_yaxis_transform())  # fmt: skip
    for place, night in enumerate(nights):
        _draw_night(axes, place, by_slot(night, subject.slot), night, subject.arm.digest)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value * 100:.0f} %")
    axes.set_title(clip(drawable(subject.arm.name), TITLE_WIDTH), loc="left", fontweight="bold")
    axes.set_ylabel("pass rate, 95 %", color=SOFT)
    _plain(axes)


def _draw_night(axes: Axes, place: int, arm: Any, night: Night, digest: str) -> None:
    """A dot with its interval: filled for this very candidate, hollow for another prompt; a cross for no decision."""
    rate = rate_of(arm) if arm and not faults(night) else None
    if rate is None:
        axes.plot(place, 0.03, "x", color=SOFT, markersize=7, clip_on=False)
        return
    same = arm.digest == digest
    axes.vlines(place, rate.low, rate.high, color=LLM, linewidth=3, alpha=0.45 if same else 0.2)
    axes.plot(place, rate.estimate, "o", color=LLM, markersize=6, markerfacecolor=LLM if same else PAPER, zorder=3)


def _draw_levels(axes: Axes, subject: Subject, nights: Sequence[Night]) -> None:
    watch = subject.watch
    places = {night.date: place for place, night in enumerate(nights)}
    steps = [step for step in watch.steps if step.date in places]
    top = max(MOST_LEVEL, watch.threshold)
    levels = [min(max(step.level, LEAST_LEVEL), top) for step in steps]
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    axes.axhline(watch.threshold, color=ALARM, linewidth=1.2)
    axes.axhline(1, color=GRID, linewidth=0.8)
    axes.text(1.01, watch.threshold, f"alarm at {watch.threshold:.3g}", color=ALARM, fontsize=8, va="center",
              transform=axes.get_yaxis_transform())  # fmt: skip
    axes.plot([places[step.date] for step in steps], levels, "-", color=NO_LLM, linewidth=1.2)
    for step, level in zip(steps, levels, strict=True):
        over = step.level >= watch.threshold
        axes.plot(places[step.date], level, "s" if over else "o", color=ALARM if over else INK, markersize=5)
    axes.set_ylim(LEAST_LEVEL * 0.8, max(watch.threshold * 3, *levels, 1) * 1.5)
    axes.set_ylabel("M (evidence)", color=SOFT)
    shown = list(_labelled(nights))
    axes.set_xticks([place for place, _ in shown], [date for _, date in shown], fontsize=8, rotation=30, ha="right")
    axes.set_xlim(-0.6, max(len(nights), 1) - 0.4)
    axes.tick_params(labelbottom=True)
    axes.set_xlabel("hollow: another prompt or setting than tonight's; ×: a night that decides nothing", color=SOFT)
    _plain(axes)


def _labelled(nights: Sequence[Night]) -> Iterator[tuple[int, str]]:
    """So many dates that they can be read; the last one always."""
    step = -(-len(nights) // MOST_LABELS)
    yield from ((place, night.date) for place, night in enumerate(nights) if (len(nights) - 1 - place) % step == 0)


def _plain(axes: Axes) -> None:
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, which="both")
    axes.spines[:].set_visible(False)
