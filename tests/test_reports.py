"""The report's files: complete, readable by their programs, and text stays text."""

from __future__ import annotations

import csv
import os
import re
import threading
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_run import big_run, no_llm, plan_row, record, sign, without

from harness import reports
from harness.aggregate import aggregate, tables, trial_columns, trial_rows
from harness.errors import ResultsError
from harness.reports import chart, charts, content, junit, pages, results_csv, schema, summary_md, terminal, text
from harness.reports.beside import beside
from harness.store import Loaded
from harness.types import Ending, Failure

FILES = {"index.html", "summary.md", "results.csv", "trials.parquet", "junit.xml"}
CHARTS = ("capabilities", "cost", "pass-at-k", "pass-rate", "resources", "tasks")
FILES |= {f"charts/{name}.{kind}" for name in CHARTS for kind in ("svg", "png", "csv")}
FILES |= {"assets/site.css", "assets/site.js", "data/trials.js", "data/trials-0.js"}
HOSTILE = "</script><img src=x onerror=alert(1)> \x1b]0;gone\x07 =cmd|' /C calc'!A0 | `x` $a_b$ \u202egnp.exe"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A nightly run with errors, missing trials, a refused task and unknown costs."""
    rows, records, refused = big_run(tasks=6, attempts=2)
    folder = tmp_path_factory.mktemp("results") / "nightly"
    return Loaded(folder, {}, tuple(rows), tuple(without(rows, records, 3)), refused)


@pytest.fixture(scope="module")
def folder(loaded):
    """Its report/ folder."""
    return reports.write_all(loaded.run_dir, loaded).parent


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def hostile_tables():
    row = plan_row(HOSTILE, HOSTILE)
    failure = Failure(boundary="sandbox", message=HOSTILE)
    return tables(HOSTILE, [row], [record(row, "error", failure=failure)], {HOSTILE: HOSTILE})


# --- all files -------------------------------------------------------------------------------------------------------


def test_every_file_of_the_report_is_written(folder):
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == FILES


def test_the_same_results_give_the_same_bytes(loaded, folder):
    before = {name: (folder / name).read_bytes() for name in FILES if not name.endswith(".parquet")}
    reports.write_all(loaded.run_dir, loaded)
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_a_run_without_a_record_still_has_a_report(tmp_path):
    rows = (plan_row(), plan_row("shut"))
    index = reports.write_all(tmp_path, Loaded(tmp_path, {}, rows, (), {"shut": "why"}))
    assert "invalid: coverage 0" in index.read_text()


def test_an_empty_run_still_has_a_report(tmp_path):
    assert reports.write_all(tmp_path, Loaded(tmp_path, {}, (), (), {})).is_file()


def test_a_disk_that_refuses_is_told(tmp_path):
    (tmp_path / "report").write_text("in the way")
    with pytest.raises(ResultsError, match="report cannot be written"):
        reports.write_all(tmp_path, Loaded(tmp_path, {}, (), (), {}))


@pytest.mark.parametrize(
    "name", ["summary.md", "junit.xml", "index.html", "charts/pass-rate.svg", "charts/pass-rate.csv"]
)
def test_every_report_says_beside_the_row_that_no_llm_did_it(folder, name):
    shown = (folder / name).read_text()
    for note in ("scripted, no LLM", "oracle, no LLM", "nop, no LLM"):
        assert note in shown


def test_the_terminal_says_so_too(loaded):
    assert "scripted/demo (scripted, no LLM)" in printed(terminal.render(aggregate(loaded)))


@pytest.mark.parametrize("name", ["summary.md", "index.html"])
def test_sandbox_isolation_images_and_digests_are_shown(folder, name):
    shown = (folder / name).read_text()
    for value in (
        "docker, level L1",
        "sha256:" + "ab" * 32,
        "genai-prices 0.2.3",
        plan_row("transfers").task_digest[:0],
    ):
        assert value in shown


def test_hostile_text_writes_no_control_character(tmp_path):
    made = hostile_tables()
    for write in (*reports.LONG.values(), *reports.REGISTRY.values()):
        write(made, tmp_path)
    for write in reports.SITE.values():
        write(made, tmp_path, pages.Made())
    for name in sorted(name for name in FILES if not name.endswith((".png", ".parquet"))):
        shown = (tmp_path / name).read_text()
        assert not [c for c in shown if ord(c) < 32 and c not in "\n\r\t"], name
        assert "\u202e" not in shown, name


def test_a_run_of_which_three_per_cent_are_lost_has_no_rate_anywhere(tmp_path):
    rows = [plan_row(f"t{n:02}", attempt=k) for n in range(50) for k in (1, 2)]
    records = [record(row, "passed" if n % 3 else "failed") for n, row in enumerate(rows[:97])]
    folder = reports.write_all(tmp_path / "r", Loaded(tmp_path / "r", {}, tuple(rows), tuple(records), {})).parent
    words = "invalid: coverage 97 %"
    page = (folder / "index.html").read_text()
    assert f'<h1 class="verdict invalid">{words}.</h1>' in page
    assert "97 of 100 trials that can run have a verdict, 3 missing." in page
    assert "95 % interval" not in page[: page.index("<h2>")]
    for name in ("summary.md", "junit.xml", "charts/pass-rate.svg", "charts/pass-rate.csv"):
        assert words in (folder / name).read_text(), name
    assert read_csv(folder / "charts/pass-rate.csv")[0]["pass_rate"] == ""
    assert read_csv(folder / "charts/cost.csv") == read_csv(folder / "charts/pass-at-k.csv") == []


# --- two processes ---------------------------------------------------------------------------------------------------


@pytest.fixture
def alone(monkeypatch):
    """As in `harness report`: no other thread. Other tests may have left some."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)


@pytest.mark.usefixtures("alone")
def test_a_large_run_is_written_by_two_processes_and_its_files_are_the_same(loaded, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "WORTH_A_PROCESS", 1)
    here = replace(loaded, run_dir=tmp_path / "nightly")
    made = reports.write_all(here.run_dir, here).parent
    for name in FILES - {"trials.parquet"}:
        assert (made / name).read_bytes() == (folder / name).read_bytes(), name
    assert len(read_csv(made / "results.csv")) == len(loaded.planned)


@pytest.mark.usefixtures("alone")
def test_work_beside_runs_in_another_process_when_it_pays(tmp_path):
    for worth in (True, False):
        with beside(lambda: (tmp_path / "pid").write_text(str(os.getpid())), worth):
            pass
        assert (int((tmp_path / "pid").read_text()) == os.getpid()) is not worth


def test_work_beside_is_done_here_where_another_thread_may_hold_a_lock(tmp_path):
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        with beside(lambda: (tmp_path / "pid").write_text(str(os.getpid())), True):
            assert int((tmp_path / "pid").read_text()) == os.getpid()
    finally:
        done.set()
        other.join()


def fail(error):
    raise error


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("work", "kind", "told"), [
    (lambda: Path("/nowhere/x").write_text(""), OSError, "No such file"),
    (lambda: fail(ValueError("a defect")), RuntimeError, "ValueError: a defect"),
    (lambda: os.kill(os.getpid(), 9), RuntimeError, "did not come to its end: 9"),
])  # fmt: skip
def test_what_goes_wrong_beside_is_told(work, kind, told):
    with pytest.raises(kind, match=told), beside(work, True):
        pass


@pytest.mark.usefixtures("alone")
def test_a_fault_of_the_body_is_its_own_and_the_work_is_waited_for(tmp_path):
    def work():
        time.sleep(0.2)
        (tmp_path / "done").write_text("")

    with pytest.raises(KeyError), beside(work, True):
        raise KeyError
    assert (tmp_path / "done").exists()


# --- text ------------------------------------------------------------------------------------------------------------


@given(st.text())
def test_plain_text_acts_on_nothing(value):
    shown = text.plain(value)
    assert shown.isprintable()
    assert text.plain(shown) == shown


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_keeps_what_is_harmless(value):
    assert text.plain(value) == value


def test_plain_text_shows_what_it_replaced():
    assert text.plain("a\x1b[31mb\x07\x7f\u200bé\r\nc\td\re") == "a␛[31mb␇␡\ufffdé c d␍e"
    assert text.plain("a\r\nb\tc\x00", lines=True) == "a\nb\tc␀"


@pytest.mark.parametrize(("share", "shown"), [
    (None, "–"), (0, "0 %"), (1, "100 %"), (0.999, "99 %"), (0.001, "1 %"), (0.625, "62 %"), (0.5, "50 %"),
])  # fmt: skip
def test_only_all_is_100_per_cent_and_only_none_is_0(share, shown):
    assert text.percent(share) == shown


@pytest.mark.parametrize(("share", "shown"), [(0.9799, "97 %"), (0.98, "98 %"), (0.29, "29 %"), (1, "100 %")])
def test_coverage_is_rounded_down(share, shown):
    assert text.floor_percent(share) == shown


@pytest.mark.parametrize(("seconds", "shown"), [
    (None, "–"), (7.16, "7.2 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"),
    (7800, "2 h 10 min"),
])  # fmt: skip
def test_durations(seconds, shown):
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(("amount", "shown"), [(None, "–"), (0, "$0.00"), (0.1234, "$0.1234"), (1234.5, "$1,234.50")])
def test_dollars(amount, shown):
    assert text.dollars(amount) == shown


@pytest.mark.parametrize(
    ("tokens", "shown"), [(950, "950"), (12_345, "12.3 k"), (999_960, "1.00 M"), (4_560_000, "4.56 M")]
)
def test_token_counts(tokens, shown):
    assert text.count(tokens) == shown


def test_unknown_money_is_never_written_as_zero():
    assert content.money(content.Money(1.2, 3)) == "unknown (at least $1.20)"
    assert content.money(content.Money(0.0, 2)) == "unknown (2 trials)"
    assert content.money(content.Money(0.0, 0)) == "$0.00"


# --- CSV -------------------------------------------------------------------------------------------------------------


def test_the_csv_has_a_row_for_each_planned_trial(loaded, folder):
    rows = read_csv(folder / "results.csv")
    assert [row["trial_id"] for row in rows] == [row.trial_id for row in loaded.planned]
    assert {row["outcome"] for row in rows} >= {"passed", "failed", "missing", "not run"}


def test_unknown_cost_is_an_empty_field(tmp_path):
    row = plan_row()
    results_csv.write(tables("r", [row], [record(row, cost_usd=None)], {}), tmp_path)
    assert read_csv(tmp_path / "results.csv")[0]["cost_usd"] == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\u3000=", "  =", "\n@", "\uff1d"])
def test_a_formula_in_a_csv_field_is_disarmed(start):
    assert results_csv.field(f"{start}HYPERLINK(1)").startswith("'")


@given(st.text())
def test_no_text_field_of_a_csv_starts_a_formula(value):
    shown = results_csv.field(value)
    assert not shown.lstrip().startswith(("=", "+", "-", "@"))


def test_numbers_stay_numbers_in_a_csv():
    assert [results_csv.field(value) for value in (-1.5, 3, True, None)] == [-1.5, 3, True, None]


# --- Parquet ---------------------------------------------------------------------------------------------------------


def test_parquet_keeps_types_and_unknowns(loaded, folder):
    from pyarrow import parquet as pq

    table = pq.read_table(folder / "trials.parquet")
    assert table.num_rows == len(loaded.planned)
    assert {name: str(table.schema.field(name).type) for name in ("turns", "cost_usd", "is_llm", "areas", "seed")} == {
        "turns": "int64", "cost_usd": "double", "is_llm": "bool", "areas": "list<element: string>", "seed": "string",
    }  # fmt: skip
    assert table.schema.metadata[b"harness.schema"] == b"1"
    by_trial = {row["trial_id"]: row for row in table.to_pylist()}
    for kept in loaded.records:
        assert by_trial[kept.trial_id]["cost_usd"] == kept.cost_usd
        assert by_trial[kept.trial_id]["seed"] == str(kept.seed)


def test_every_parquet_column_is_in_the_documented_schema(folder):
    from pyarrow import parquet as pq

    found = pq.read_schema(folder / "trials.parquet")
    assert found.equals(schema.arrow())
    assert found.metadata == schema.arrow().metadata


def test_the_batches_of_a_table_are_the_table(loaded):
    made = aggregate(loaded)
    whole = trial_rows(made)
    for size in (1, 7, len(whole)):
        batches = list(trial_columns(made, size))
        assert [len(batch["trial_id"]) for batch in batches] == [size] * (len(whole) // size) + (
            [len(whole) % size] if len(whole) % size else []
        )
        assert [dict(zip(b, row, strict=True)) for b in batches for row in zip(*b.values(), strict=True)] == whole


# --- JUnit -----------------------------------------------------------------------------------------------------------


def test_junit_counts_what_its_cases_say(folder):
    for suite in ET.parse(folder / "junit.xml").getroot():
        told = [int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")]
        found = [
            len(suite.findall(path)) for path in ("testcase", "testcase/failure", "testcase/error", "testcase/skipped")
        ]
        assert told == found


def test_junit_takes_a_missing_trial_for_an_error_and_a_refused_one_for_skipped(tmp_path):
    rows = [plan_row("gone"), plan_row("shut"), plan_row("bad"), plan_row("good")]
    records = [record(rows[2], "failed", ending=Ending(reason="turns")), record(rows[3])]
    junit.write(tables("r", rows, records, {"shut": "no replicas"}), tmp_path)
    cases = {
        case.get("name").split()[0]: [child.tag for child in case]
        for case in ET.parse(tmp_path / "junit.xml").iter("testcase")
    }
    assert cases == {"gone": ["error"], "shut": ["skipped"], "bad": ["failure"], "good": []}


@given(st.text(), st.text())
def test_junit_is_well_formed_for_any_text(tmp_path_factory, label, message):
    row = plan_row("t", label)
    made = tables("r", [row], [record(row, "error", failure=Failure(boundary="grader", message=message))], {})
    path = tmp_path_factory.mktemp("junit")
    junit.write(made, path)
    assert ET.parse(path / "junit.xml").find(".//error").get("message") == text.plain(f"grader: {message}")


# --- Markdown --------------------------------------------------------------------------------------------------------


@given(st.text())
def test_markdown_text_cannot_leave_its_cell_or_become_markup(value):
    shown = summary_md.text(value)
    bare = shown.replace("\\\\", "")
    assert "\n" not in shown
    for mark in "|`<*[_#":
        assert bare.count(mark) == bare.count(f"\\{mark}")


def test_markdown_tables_have_as_many_cells_as_heads():
    shown = summary_md.render(hostile_tables())
    lines = [line for line in shown.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in lines[:3]}) == 1


def test_the_summary_starts_with_the_headline_and_lists_refused_and_errors(loaded):
    made = aggregate(loaded)
    shown = summary_md.render(made)
    assert shown.splitlines()[2] == f"**{summary_md.text(content.run_headline(made))}**"
    assert "needs 3 replicas" in shown


def test_many_errors_are_cut_and_counted():
    rows = [plan_row(attempt=n) for n in range(1, 61)]
    assert "and 10 more" in summary_md.render(tables("r", rows, [record(row, "error") for row in rows], {}))


def test_the_summary_of_many_tasks_is_short_and_says_what_it_leaves_out():
    rows = [plan_row(f"t{n:03}", label) for n in range(130) for label in ("a", "b")]
    shown = summary_md.render(tables("r", rows, [record(row) for row in rows], {}))
    assert "charts/tasks.csv has 30 more" in shown
    assert "and 70 more" in shown
    assert len(re.findall(r"\n\| t\d", shown)) == 100


# --- terminal --------------------------------------------------------------------------------------------------------


def printed(renderable, width=300):
    from rich.console import Console

    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    with console.file:
        console.print(renderable)
        return console.export_text()


def test_the_terminal_shows_markup_as_text():
    row = plan_row(label="[red]x[/red]")
    shown = printed(terminal.render(tables("r", [row], [record(row, "error")], {})))
    assert "[red]x[/red]" in shown
    assert "sandbox: the daemon went away" in shown


def test_the_terminal_leaves_out_columns_without_trouble():
    row = plan_row()
    for records, shown in (([record(row)], False), ([], True)):
        found = tables("r", [row], records, {}).candidates
        assert ("missing" in printed(terminal.CandidateTable(found))) is shown


@pytest.mark.parametrize("width", [64, 72, 80, 90, 100, 120, 140, 200])
def test_the_terminal_table_fits_and_cuts_no_text(loaded, width):
    from rich.console import Console
    from rich.measure import Measurement

    found = terminal.CandidateTable(aggregate(loaded).candidates)
    console = Console(width=width)
    assert Measurement.get(console, console.options.update_width(500), found.table(width)).minimum <= width
    shown = printed(found, width)
    assert "graded" in shown
    assert ("median" in shown) is (width >= 140)


# --- charts ----------------------------------------------------------------------------------------------------------


def test_an_invalid_candidate_has_no_mark_and_no_rate(tmp_path):
    rows = [plan_row(f"t{n}") for n in range(10)]
    made = tables("r", rows, [record(row) for row in rows[:9]], {})
    charts.write(made, tmp_path)
    assert "invalid: coverage 90 %" in (tmp_path / "charts/pass-rate.svg").read_text()
    assert read_csv(tmp_path / "charts/pass-rate.csv")[0]["pass_rate"] == ""


def test_the_data_of_the_charts_is_what_they_show(loaded, folder):
    made = aggregate(loaded)
    rates = read_csv(folder / "charts/pass-rate.csv")
    assert [row["headline"] for row in rates] == [content.headline(row) for row in made.candidates]
    cells = read_csv(folder / "charts/tasks.csv")
    assert len(cells) == len(made.tasks) * len(made.candidates)
    assert {row["shown"] for row in cells} >= {"not run", "2/2"}


def test_labels_with_mathematics_markup_and_missing_glyphs_are_drawn(tmp_path):
    row = plan_row("任務 $x_{$", "模型 $\\frac{$ · <b>&amp;</b>")
    charts.write(tables("r", [row], [record(row)], {}), tmp_path)
    shown = (tmp_path / "charts/pass-rate.svg").read_text()
    ET.fromstring(shown)
    assert "□□ $\\frac{$" in shown


def test_a_chart_of_more_rows_than_fit_says_what_it_left_out(monkeypatch):
    monkeypatch.setattr(chart, "MOST_TASKS", 2)
    rows = [plan_row(f"t{n}") for n in range(5)]
    figure = chart.draw_tasks(tables("r", rows, [record(row) for row in rows], {}))
    assert "3 more" in figure.axes[0].get_title(loc="left")


def test_lightness_falls_evenly_with_the_rate():
    def lightness(colour):
        return sum(weight * int(colour[i : i + 2], 16) for weight, i in ((0.2126, 1), (0.7152, 3), (0.0722, 5)))

    steps = [lightness(chart.blend(n / 10)) for n in range(11)]
    assert steps == sorted(steps, reverse=True)
    assert steps[0] - steps[-1] > 120


def test_a_note_is_never_cut_from_a_label():
    row = plan_row(label="a" * 90 + " · tools · scripted/demo")
    [found] = tables("r", [row], [no_llm(row, "tools", "failed")], {}).candidates
    assert chart.label(found, 20).endswith("\n(scripted, no LLM)")
    assert max(map(len, chart.label(found, 20).splitlines())) <= 20


# --- honesty ---------------------------------------------------------------------------------------------------------


def honest_run(folder, outcome):
    """Every report of a run with a suspicious trial, and a negative control that ended with `outcome`."""
    rows = [plan_row(), plan_row("sealed", control="impossible")]
    records = [record(rows[0], suspicious=(sign(f"cat {HOSTILE}"),)), record(rows[1], outcome, suspicious=())]
    loaded = Loaded(folder / "r", {}, tuple(rows), tuple(records), {})
    return aggregate(loaded), reports.write_all(loaded.run_dir, loaded).parent


@pytest.mark.parametrize(("outcome", "alarm"), [("passed", True), ("failed", False), ("error", False)])
def test_a_control_that_was_passed_is_an_alarm_in_every_report(tmp_path, outcome, alarm):
    found, folder = honest_run(tmp_path, outcome)
    words = "NEGATIVE CONTROL WAS PASSED"
    for name in ("index.html", "summary.md"):
        assert (words in (folder / name).read_text()) is alarm, name
    assert (words in printed(terminal.render(found))) is alarm
    suite = next(s for s in ET.parse(folder / "junit.xml").getroot() if s.get("name") == "negative controls")
    assert (suite.get("failures"), len(suite.findall("*/failure"))) == (("1", 1) if alarm else ("0", 0))
    told = {"passed": "1 of 1 passed", "failed": "0 of 1 passed", "error": "0 of 0 passed, 1 in error"}[outcome]
    assert f"negative control sealed: {told}" in printed(terminal.render(found))


def test_suspicious_signs_are_told_everywhere_and_their_evidence_is_text(tmp_path):
    found, folder = honest_run(tmp_path, "failed")
    page = (folder / "index.html").read_text()
    assert "search-for-tests" in page and "cat &lt;/script&gt;" in page and "cat </script>" not in page
    assert "suspicious: 1 of 2 trials" in (folder / "summary.md").read_text()
    assert "suspicious: 1 of 2 trials" in printed(terminal.render(found))
    rows = read_csv(folder / "results.csv")
    assert [(row["suspicious"], row["suspicious_kinds"], row["control"]) for row in rows] == [
        ("1", "search", ""), ("0", "", "impossible"),
    ]  # fmt: skip


def test_records_that_nobody_searched_are_not_called_clean(loaded, folder):
    assert "suspicious: not searched" in printed(terminal.render(aggregate(loaded)))
    assert "not searched" in (folder / "index.html").read_text()
    assert {row["suspicious"] for row in read_csv(folder / "results.csv")} == {""}
