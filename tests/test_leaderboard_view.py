"""The words and the pictures of a leaderboard."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from boards import board, run, with_yardsticks

from harness.reports import leaderboard_chart as charts
from harness.reports import leaderboard_view as view

GOOD, FAIR, POOR = [1] * 20, [1] * 10 + [0] * 10, [0] * 20


def headline(**passes: list[int]) -> str:
    return view.headline(board(run("a", passes)).boards[0])


def test_the_headline_says_who_leads_or_that_nobody_can_tell() -> None:
    assert headline(good=GOOD, fair=FAIR, poor=POOR) == (
        "good · tools · anthropic/claude-sonnet-5-5 leads: it passes 100 % (84–100 %) of 20 tasks, "
        "surely more than all 2 others."
    )
    assert "surely more than the other one" in headline(good=GOOD, poor=POOR)
    assert headline(good=GOOD, twin=GOOD, poor=POOR).startswith("First place is open between 2 of 3 candidates: good")
    assert headline(good=[1], poor=[0]).startswith("No order can be told: 2 candidates may be first")
    assert headline(good=GOOD).endswith("It is the only candidate that can be ranked.")


def test_without_a_rank_the_headline_says_why() -> None:
    leaked = board(run("a", {"good": GOOD}, leak=True))
    assert view.headline(leaked.boards[0]).startswith("Nobody can be ranked. good")
    assert "A NEGATIVE CONTROL WAS PASSED in run a" in view.leaks(leaked)
    assert view.leaks(board(run("a", {"good": GOOD}))) == ""


def test_an_unknown_cost_is_never_written_as_nothing() -> None:
    (unknown,) = board(run("a", {"x": GOOD}, cost_usd=None)).boards[0].rows
    assert (view.cost(unknown), view.spent(unknown)) == ("unknown", "unknown")
    (floor,) = board(run("a", {"x": GOOD}, cost_usd=None, cost_floor_usd=0.5)).boards[0].rows
    assert (view.cost(floor), view.spent(floor)) == ("unknown", "at least $10.00")


def test_what_nobody_searched_is_not_called_clean() -> None:
    (row,) = board(run("a", {"x": GOOD})).boards[0].rows
    assert view.suspicious(row) == "not searched"
    (searched,) = board(run("a", {"x": GOOD}, suspicious=())).boards[0].rows
    assert view.suspicious(searched) == "0 of 20"


def test_every_scope_has_the_cells_of_every_row() -> None:
    main = board(with_yardsticks(run("a", {"x": GOOD, "y": POOR}))).boards[0]
    found = view.scopes(main)
    assert list(found) == ["", "api", "api.rest"]
    assert all(set(scope["rows"]) == {row.key for row in main.rows} for scope in found.values())
    best = found["api.rest"]["rows"][main.rows[0].key]
    assert (best["place"], best["rank"], best["from"], best["wide"]) == (0, "1", "0.00%", "50.00%")


@pytest.mark.parametrize(("number", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA")])
def test_points_are_named_by_letters(number: int, name: str) -> None:
    assert charts.letters(number) == name


def drawn(folder: Path, **passes: list[int]) -> tuple[list[str], Path]:
    found = board(run("a", passes, changes={"free": {"cost_usd": None}}))
    return charts.write(found, folder, "Ours"), folder / charts.FOLDER


def test_a_chart_marks_what_is_known_and_names_what_is_not(tmp_path: Path) -> None:
    names, folder = drawn(tmp_path, good=GOOD, fair=FAIR, free=POOR)
    assert names == ["standings", "cost-and-pass-rate"]  # one run has no history
    svg = (folder / "cost-and-pass-rate.svg").read_text()
    assert "cost unknown: 1 row" in svg and ">A<" in svg and ">B<" in svg and ">C<" not in svg
    with (folder / "pairs.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 3


def test_without_a_known_cost_there_is_no_cost_chart(tmp_path: Path) -> None:
    names, folder = drawn(tmp_path, free=GOOD)
    assert names == ["standings"] and not (folder / "cost-and-pass-rate.svg").exists()
    assert (folder / "cost-and-pass-rate.csv").exists()


def test_history_joins_only_runs_that_are_alike(tmp_path: Path) -> None:
    days = ["2026-11-01", "2026-11-08", "2026-11-15"]
    runs = [run(f"r{n}", {"x": FAIR}, day=day) for n, day in enumerate(days)]
    changed = run("v2", {"x": FAIR, "y": GOOD}, day="2026-11-22", digests={"task-00": "v2"})
    figure = charts.draw_history(board(*runs, changed).history)
    lines = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == "-" and line.get_marker() == "None"]
    assert len(lines) == 2


def test_a_picture_tells_how_many_rows_it_leaves_out() -> None:
    many = {f"agent-{n:02d}": [1] for n in range(charts.MOST_ROWS + 3)}
    figure = charts.draw_standings(board(run("a", many)).boards[0])
    assert any("3 rows more in standings.csv" in text.get_text() for text in figure.texts)
