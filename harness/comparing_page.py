"""A comparison as one HTML page that asks nothing of any other: verdict, figures, charts, and links to trials."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.compare import Comparison, Contrast, Flip, Measured
from harness.comparing import (
    HEAD,
    arm_lines,
    braced,
    contrast_rows,
    flip_line,
    links,
    main_rows,
    prompt_lines,
    sentences,
    sham_lines,
)  # fmt: skip
from harness.reports import chart, compare_chart
from harness.reports.markup import Markup, document, el, figure_cell, row_head, section, table
from harness.store import write_atomic

CHARTS = {
    compare_chart.DIFFERENCE: "The difference with its intervals, the margin and the noise floor",
    compare_chart.WORTH: "Confidence that B is worth its price, by what a solved task is worth",
    compare_chart.TASKS: "The difference of each task whose pass rate is another",
}
COLOURS = {
    chart.INK: "ink", chart.SOFT: "soft", chart.GRID: "grid", chart.PAPER: "paper", chart.LLM: "accent",
    chart.NO_LLM: "muted", compare_chart.BEHIND: "bad", compare_chart.BAND: "empty",
}  # fmt: skip


def write(comparison: Comparison, path: Path) -> None:
    """Write the page. Raises ResultsError when the disk refuses."""
    write_atomic(path, as_html(comparison, path).encode())


def as_html(comparison: Comparison, target: Path) -> str:
    """The page; seen from the file `target` flipped tasks link to the pages of their trials."""
    found = comparison.measured
    body = el(
        "main",
        _header(comparison),
        section("Figures", _table(HEAD, main_rows(found)), _list(_told(comparison, found))) if found else None,
        section("Charts", *_drawings(comparison)) if found else None,
        section("Tasks whose pass rate differs", _flips(found.flips, target)) if found else None,
        section("Hidden tests passed, by dimension", _contrasts(found.dimensions)) if found else None,
        section("Pass rate by area", _contrasts(found.areas)) if found else None,
        section("Notes", _list(comparison.notes)),
    )
    return document(f"{comparison.verdict}: {comparison.b.name} against {comparison.a.name}", body)


def _header(comparison: Comparison) -> Markup:
    name = "invalid" if comparison.verdict == "invalid" else None
    return el(
        "header",
        el("p", f"{comparison.b.name} (B) against {comparison.a.name} (A)", class_="kicker"),
        el("h1", f"{comparison.verdict.capitalize()}: {'; '.join(comparison.reasons)}", class_=name),
        _list(arm_lines(comparison)),
    )


def _told(comparison: Comparison, found: Measured) -> list[str]:
    return [*sentences(found, comparison.options.margin), *sham_lines(comparison), *prompt_lines(comparison)]


def _list(lines: Iterable[str]) -> Markup | None:
    items = [el("li", line) for line in lines]
    return el("ul", items, class_="note") if items else None


def _contrasts(found: Sequence[Contrast]) -> Markup | None:
    return _table(("", *HEAD[1:5], "p (BH)"), contrast_rows(found)) if found else None


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    return table(head, ([row_head(row[0]), *(figure_cell(cell) for cell in row[1:])] for row in rows))


def _drawings(comparison: Comparison) -> Iterable[Markup]:
    with tempfile.TemporaryDirectory(prefix="harness-charts-") as folder:
        for path in compare_chart.write(comparison, Path(folder)):
            yield _inline(path.read_text(encoding="utf-8"), CHARTS[path.stem])


def _inline(svg: str, label: str) -> Markup:
    """A drawing as a part of the page: without its metadata and ids, in the page's colours, dark or light."""
    inside = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    inside = re.sub(r'<g id="[^"]*"', "<g", inside)
    inside = re.sub(r'^<svg ([^>]*?)height="[^"]*" ', r"<svg \1", inside)
    inside = re.sub(r'^<svg ([^>]*?)width="([\d.]+)pt"', r'<svg \1width="\2"', inside)
    for colour, variable in COLOURS.items():
        inside = inside.replace(colour, f"var(--{variable})")
    return el("div", el("figure", Markup(inside), role="img", aria_label=label), class_="scroll")


def _flips(flips: Sequence[Flip], target: Path) -> Markup | None:
    rows = [[row_head(flip_line(flip)), *_trials(flip, target)] for flip in flips]
    return table(("task", "A", "B"), rows) if rows else None


def _trials(flip: Flip, target: Path) -> Iterable[Markup]:
    for trials in (flip.trials_a, flip.trials_b):
        found = links(trials, target)
        if found is None:
            yield el("td", el("code", braced(trials)))
        else:
            yield el("td", *(piece for attempt, at in found for piece in (el("a", attempt, href=at), " ")))
