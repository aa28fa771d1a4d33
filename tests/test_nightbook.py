"""Nights on disk: read from their records, kept when those are gone, and damage told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from synthetic_nights import AGENT, opening, outcomes, rows
from synthetic_run import plan_row

from harness import nightbook, store
from harness.errors import ResultsError
from harness.nightbook import Book
from harness.nights import Acknowledged, Opening


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book("n", tmp_path / "results", tmp_path / "results" / "n.nights")


def begun(book: Book, date: str) -> Opening:
    return nightbook.begin(book, opening(date, {rows(AGENT, 1, 1)[0].candidate: "slot-a"}))


def run(book: Book, date: str, passed: list[int], lost: int = 0) -> None:
    """A night with its run on disk, as the harness would have left it."""
    begun(book, date)
    planned, folder = rows(AGENT, len(passed), 3), book.run(date)
    store.write_atomic(folder / store.CONFIG, b"attempts = 3\n")
    lines = "".join(row.model_dump_json(exclude_none=True) + "\n" for row in planned)
    store.write_atomic(folder / store.PLAN, lines.encode())
    for record in outcomes(planned, passed, lost):
        store.write_record(store.trial_dir(folder, record.trial_id), record)


def silent(line: str) -> None:
    pytest.fail(f"nothing should be told, but: {line}")


def test_nights_are_read_in_order_and_kept(book: Book) -> None:
    for date in ("2026-11-03", "2026-11-01", "2026-11-02"):
        run(book, date, [1, 2])
    found = nightbook.nights(book, "2026-11-02", silent)
    assert [night.date for night in found] == ["2026-11-01", "2026-11-02"]
    assert sorted(path.name for path in book.history.iterdir()) == ["2026-11-01.json", "2026-11-02.json"]
    assert nightbook.nights(book, "2026-11-02", silent) == found


def test_a_night_whose_run_is_gone_counts_as_it_was_kept(book: Book) -> None:
    run(book, "2026-11-01", [1, 2])
    before = nightbook.nights(book, "2026-11-01", silent)
    shutil.rmtree(book.run("2026-11-01"))
    assert nightbook.nights(book, "2026-11-01", silent) == before


def test_records_that_are_gone_are_told(book: Book) -> None:
    run(book, "2026-11-01", [1, 2])
    before = nightbook.nights(book, "2026-11-01", silent)
    shutil.rmtree(next((book.run("2026-11-01") / store.TRIALS).iterdir()))
    told: list[str] = []
    assert nightbook.nights(book, "2026-11-01", told.append) == before
    assert "1 records are gone" in told[0]


def test_a_night_that_is_finished_later_counts_as_it_is_now(book: Book) -> None:
    run(book, "2026-11-01", [1, 2], lost=2)
    assert nightbook.nights(book, "2026-11-01", silent)[0].unfinished == 2
    run(book, "2026-11-01", [1, 2])
    assert nightbook.nights(book, "2026-11-01", silent)[0].unfinished == 0


def test_what_was_kept_is_never_believed_over_the_records(book: Book) -> None:
    run(book, "2026-11-01", [3, 3])
    kept = book.history / "2026-11-01.json"
    nightbook.nights(book, "2026-11-01", silent)
    kept.write_text(kept.read_text().replace('"passed": 6', '"passed": 0'))
    assert nightbook.nights(book, "2026-11-01", silent)[0].arms[0].passed == 6
    assert '"passed": 6' in kept.read_text()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"opening": 1}', "\x00"])
def test_a_damaged_kept_file_is_written_again(book: Book, damage: str) -> None:
    run(book, "2026-11-01", [1, 2])
    before = nightbook.nights(book, "2026-11-01", silent)
    (book.history / "2026-11-01.json").write_text(damage)
    told: list[str] = []
    assert nightbook.nights(book, "2026-11-01", told.append) == before
    assert "2026-11-01.json" in told[0]
    assert nightbook.nights(book, "2026-11-01", silent) == before


def test_a_damaged_run_is_told_and_costs_no_other_night(book: Book) -> None:
    for date in ("2026-11-01", "2026-11-02"):
        run(book, date, [1, 2])
    (book.run("2026-11-01") / store.PLAN).write_text("no plan\n")
    told: list[str] = []
    assert [night.date for night in nightbook.nights(book, "2026-11-02", told.append)] == ["2026-11-02"]
    assert "2026-11-01 cannot be read" in told[0]


def test_a_night_that_died_before_its_plan_is_there(book: Book) -> None:
    begun(book, "2026-11-01")
    assert nightbook.nights(book, "2026-11-01", silent)[0].arms == ()


def test_other_runs_and_files_are_no_nights(book: Book) -> None:
    run(book, "2026-11-01", [1])
    (book.results / "n-of-old").mkdir()
    (book.results / "n-of-old" / "night.json").write_text("{}")
    nightbook.nights(book, "2026-11-01", silent)
    (book.history / "readme.json").write_text("{}")
    assert len(nightbook.nights(book, "2026-12-01", silent)) == 1


def test_a_night_goes_on_with_what_it_set_out_to_do(book: Book) -> None:
    run(book, "2026-11-01", [1])
    other = opening("2026-11-01", {plan_row(label="other").candidate: "slot-z"})
    assert "slot-a" in nightbook.begin(book, other).slots.values()
    begun(book, "2026-11-02")  # it has no plan yet
    assert nightbook.begin(book, other.model_copy(update={"date": "2026-11-02"})).slots == other.slots


def test_a_run_that_is_no_night_is_not_taken_over(book: Book) -> None:
    run(book, "2026-11-01", [1])
    (book.run("2026-11-01") / nightbook.OPENING).unlink()
    with pytest.raises(ResultsError, match="a run of its own"):
        begun(book, "2026-11-01")


def test_acknowledgements_are_added_and_read_in_order(book: Book) -> None:
    assert nightbook.seen(book) == []
    for date in ("2026-11-05", "2026-11-02"):
        nightbook.acknowledge(book, Acknowledged(night=date, slots=("a",), why="known"))
    assert [one.night for one in nightbook.seen(book)] == ["2026-11-02", "2026-11-05"]
    assert len((book.history / nightbook.SEEN).read_text().splitlines()) == 2


def test_a_damaged_acknowledgement_is_named(book: Book) -> None:
    nightbook.acknowledge(book, Acknowledged(night="2026-11-02", slots=("a",), why="known"))
    with (book.history / nightbook.SEEN).open("a") as file:
        file.write('{"night": ')
    with pytest.raises(ResultsError, match="line 2"):
        nightbook.seen(book)
    with pytest.raises(ResultsError, match="line 2"):
        nightbook.acknowledge(book, Acknowledged(night="2026-11-03", slots=("a",), why="known"))


def test_a_schema_of_another_harness_is_refused(book: Book) -> None:
    begun(book, "2026-11-01")
    path = book.run("2026-11-01") / nightbook.OPENING
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(ResultsError, match="schema 2"):
        nightbook.opened(book, "2026-11-01")
