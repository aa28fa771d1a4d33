"""charts/: all charts of a run's report, each as SVG, PNG and CSV. chart.py has their style."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.aggregate import Tables
from harness.reports import chart, chart_cost, chart_profile
from harness.reports.results_csv import write_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = chart.FOLDER

CHARTS: Mapping[str, tuple[Callable[[Tables], Figure], Callable[[Tables], list[dict[str, Any]]]]] = {
    chart.RATES: (chart.draw_rates, chart.rate_rows),
    chart_cost.COST: (chart_cost.draw_cost, chart_cost.cost_rows),
    chart.TASKS: (chart.draw_tasks, chart.cell_rows),
    chart_profile.CAPABILITIES: (chart_profile.draw_capabilities, chart_profile.capability_rows),
    chart_profile.REPEATS: (chart_profile.draw_repeats, chart_profile.repeat_rows),
    chart_cost.RESOURCES: (chart_cost.draw_resources, chart_cost.resource_rows),
}
"""File name -> how it is drawn, and the rows of its data."""

VARIABLES = chart.VARIABLES | {colour: f"series-{n}" for n, colour in enumerate(chart_profile.SERIES, start=1)}
"""Colour -> the variable of site.css that takes its place in a page, so that a drawing follows dark and light."""


def write(tables: Tables, folder: Path) -> None:
    """Write all charts and their data into charts/."""
    target = folder / FOLDER
    target.mkdir(exist_ok=True)
    for name, (draw, rows) in CHARTS.items():
        write_rows(target / f"{name}.csv", rows(tables))
        chart.save(name, draw, tables, target)
