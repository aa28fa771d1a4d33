"""A comparison as one HTML page that asks nothing of any other: verdict, figures, charts, and links to trials."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.compare import Comparison, Flip, Measured
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
from harness.reports import chart, compare_chart, site
from harness.store import write_atomic

if TYPE_CHECKING:
    from markupsafe import Markup

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
    return site.render(
        "compare.html",
        "",
        style=_style(),
        comparison=comparison,
        arms=arm_lines(comparison),
        tables=list(_tables(found)) if found else [],
        told=_told(comparison, found) if found else [],
        drawings=list(_drawings(comparison)) if found else [],
        flips=[_flip(flip, target) for flip in found.flips] if found else [],
    )


def _style() -> Markup:
    """The style of the sites, to be put into the page itself."""
    from markupsafe import Markup

    return Markup(resources.files("harness.reports").joinpath(site.ASSETS, "site.css").read_text(encoding="utf-8"))


def _told(comparison: Comparison, found: Measured) -> list[str]:
    return [*sentences(found, comparison.options.margin), *sham_lines(comparison), *prompt_lines(comparison)]


def _tables(found: Measured) -> Iterator[tuple[str, Sequence[str], Iterable[Sequence[str]]]]:
    """Title, head and rows of each table."""
    corrected = ("", *HEAD[1:5], "p (BH)")
    yield "Figures", HEAD, main_rows(found)
    if found.dimensions:
        yield "Hidden tests passed, by dimension", corrected, contrast_rows(found.dimensions)
    if found.areas:
        yield "Pass rate by area", corrected, contrast_rows(found.areas)


def _drawings(comparison: Comparison) -> Iterator[tuple[str, Markup]]:
    with tempfile.TemporaryDirectory(prefix="harness-charts-") as folder:
        for path in compare_chart.write(comparison, Path(folder)):
            yield CHARTS[path.stem], site.drawing(path.read_text(encoding="utf-8"), COLOURS)


def _flip(flip: Flip, target: Path) -> Mapping[str, Any]:
    pairs = (("A", flip.trials_a), ("B", flip.trials_b))
    return {"line": flip_line(flip), "arms": [(letter, links(t, target), braced(t)) for letter, t in pairs]}
