"""A page for each trial: what it shows, what only a private one shows, what a hostile trial cannot do, and its time."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from synthetic_run import no_llm, plan_row, record, sign
from test_reports_html import ATTACKS, ATTRIBUTES, TAGS, Page

from harness import archive, reports, store, tasks, types
from harness.archive import Entry
from harness.dossier import GRADE, SUBMISSION
from harness.journal import FileJournal
from harness.reports import diff, pages, text
from harness.store import Loaded
from harness.types import Ending, Grade, ToolCall, ToolResult, Turn, Usage

ROW = plan_row()
PAGE_TAGS = TAGS | {"article", "pre", "h4"}
PAGE_ATTRIBUTES = ATTRIBUTES


def turn(words="", *calls, **changes):
    values = {"stop": "tools", "usage": Usage(input=1200, output=300), "model": "claude-sonnet-5-5", "seconds": 3.2}
    return Turn(text=words, calls=calls, **{**values, **changes})


def bash(command):
    return ToolCall(id="c1", name="bash", arguments={"command": command})


def journal(run_dir, *turns, row=ROW):
    with FileJournal(store.trial_dir(run_dir, row.trial_id), row.trial_id, {}) as made:
        for said, answer in turns:
            made.turn(lambda said=said: said)
            if said.calls:
                made.result("c1", lambda answer=answer: ToolResult(call_id="c1", text=answer))


def grade(run_dir, message="assert 500 == 201", row=ROW):
    failed = types.TestVerdict(id="test_a.py::test_one", dimension="security", passed=False, message=message, seconds=2)
    passed = types.TestVerdict(id="test_a.py::test_two", dimension="functional", passed=True, measures={"ratio": 1.25})
    made = Grade(passed=False, functional=True, secure=False, tests=(failed, passed), seed=1, seconds=1, reason=message)
    store.write_atomic(store.trial_dir(run_dir, row.trial_id) / GRADE, made.model_dump_json().encode())


def submission(run_dir, files, row=ROW):
    target = store.trial_dir(run_dir, row.trial_id) / SUBMISSION
    target.parent.mkdir(parents=True, exist_ok=True)
    archive.freeze_layers({path: (content, 0o644) for path, content in files.items()}, target)


def written(run_dir, records=None, private=False, row=ROW, config=None):
    """The trial's page as a browser has it, and its source."""
    found = (record(row, "failed"),) if records is None else records
    loaded = Loaded(run_dir, config or {"tasks_dir": str(run_dir / "no-tasks")}, (row,), tuple(found), {})
    pages.write(loaded, run_dir / "report" / pages.FOLDER, private)
    source = (run_dir / "report" / pages.FOLDER / pages.name_of(row.trial_id)).read_text()
    page = Page(source)
    assert page.open == []
    assert page.tags <= PAGE_TAGS
    assert page.attributes <= PAGE_ATTRIBUTES
    assert page.scripts == ["../assets/site.js"]
    return page, source


# --- what it shows ---------------------------------------------------------------------------------------------------


def test_a_page_has_record_verdicts_transcript_and_changes(tmp_path):
    journal(tmp_path, (turn("I look.", bash("ls\npwd"), raw=[{"type": "thinking", "thinking": "hm"}]), "app.py"))
    grade(tmp_path)
    submission(tmp_path, {"app.py": b"print(1)\n"})
    signs = (sign("grep -r answer /srv"),)
    page, source = written(tmp_path, [record(ROW, "failed", suspicious=signs, cost_cold_usd=0.75)])
    shown = "\n".join(page.texts)
    for words in (
        "Turn 1", "I look.", "hm", "→ bash", "command:\nls\npwd", "app.py", "test_a.py::test_one", "ratio = 1.25",
        "$0.2500", "without cache", "$0.7500", "+print(1)", "grep -r answer /srv", "functional 6/9, security 3/3",
    ):  # fmt: skip
        assert words in shown, words
    assert '<a href="../index.html">' in source


def test_messages_of_failed_tests_are_on_private_pages_alone(tmp_path):
    grade(tmp_path, "the hidden test says")
    assert "the hidden test says" not in written(tmp_path)[1]
    page, source = written(tmp_path, private=True)
    assert "the hidden test says" in source
    assert "PRIVATE: this page quotes hidden tests" in "".join(page.texts)
    assert "the hidden test says" not in written(tmp_path)[1]  # and writing it again takes them away


def test_the_reference_is_on_private_pages_alone(tmp_path):
    row = plan_row(label="oracle")
    submission(tmp_path, {"app.py": b"the reference\n"}, row)
    records = [no_llm(row, "oracle", "passed")]
    assert "the reference\n" not in written(tmp_path, records, row=row)[1]
    assert "+the reference" in written(tmp_path, records, private=True, row=row)[1]


def test_a_trial_without_a_record_shows_what_there_is(tmp_path):
    journal(tmp_path, (turn("Looking around."), ""))
    shown = "\n".join(written(tmp_path, [])[0].texts)
    for words in ("under way or missing", "Looking around.", "turns so far"):
        assert words in shown


def test_a_damaged_trial_shows_what_can_be_read(tmp_path):
    journal(tmp_path, (turn("One."), ""))
    folder = store.trial_dir(tmp_path, ROW.trial_id)
    (folder / "journal.jsonl").write_bytes((folder / "journal.jsonl").read_bytes() + b"garbage\n{torn")
    (folder / GRADE).write_text("{")
    (folder / SUBMISSION).write_text("no archive")
    shown = "\n".join(written(tmp_path)[0].texts)
    for words in ("One.", "cannot be read (8 bytes)", "is not whole", "grade.json", "the submission cannot be read"):
        assert words in shown


def test_a_very_long_transcript_says_what_it_leaves_out(tmp_path):
    journal(tmp_path, *((turn(f"saying {n}"), "") for n in range(1, 260)))
    shown = "\n".join(written(tmp_path)[0].texts)
    assert "59 turns and notes left out" in shown
    assert "saying 150\n" in shown
    assert "saying 151\n" not in shown
    assert "saying 259" in shown


def test_each_trial_that_left_anything_has_a_page_and_a_link_and_others_lose_theirs(tmp_path):
    rows = [plan_row(task) for task in ("one", "two", "three")]
    journal(tmp_path, (turn("x"), ""), row=rows[1])
    (tmp_path / "report" / "trials").mkdir(parents=True)
    (tmp_path / "report" / "trials" / "gone--1.html").write_text("old")
    folder = store.trial_dir(tmp_path, rows[0].trial_id)
    store.write_record(folder, record(rows[0]))
    index = reports.write_all(tmp_path, Loaded(tmp_path, {}, tuple(rows), (record(rows[0]),), {}))
    there = {path.stem for path in (tmp_path / "report" / "trials").iterdir()}
    assert there == {rows[0].trial_id, rows[1].trial_id}
    source = index.read_text()
    assert all((f'href="trials/{row.trial_id}.html"' in source) is (row.trial_id in there) for row in rows)


# --- which pages, and when -------------------------------------------------------------------------------------------


def several(run_dir, trials, **changes):
    """A run of trials that left a record, with what its pages are made from."""
    rows = [plan_row(f"t{n}") for n in range(trials)]
    records = [record(row, "failed" if n % 2 else "passed", **changes) for n, row in enumerate(rows)]
    for one in records:
        store.write_record(store.trial_dir(run_dir, one.trial_id), one)
    return Loaded(run_dir, {"tasks_dir": str(run_dir / "none")}, tuple(rows), tuple(records), {})


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_a_page_is_only_written_again_when_what_it_shows_has_changed(tmp_path):
    loaded, folder = several(tmp_path, 4), tmp_path / "report" / "trials"
    pages.write(loaded, folder, False)
    before = times(folder)
    pages.write(loaded, folder, False)
    assert times(folder) == before
    grade(tmp_path, row=loaded.planned[1])
    pages.write(loaded, folder, False)
    after = times(folder)
    assert [name for name in after if after[name] != before[name]] == [pages.name_of(loaded.planned[1].trial_id)]
    pages.write(loaded, folder, True)
    assert all("PRIVATE" in path.read_text() for path in folder.iterdir())
    pages.write(loaded, folder, False)
    assert not any("PRIVATE" in path.read_text() for path in folder.iterdir())


def test_a_page_that_somebody_broke_off_is_written_again(tmp_path):
    loaded, folder = several(tmp_path, 2), tmp_path / "report" / "trials"
    pages.write(loaded, folder, False)
    broken = folder / pages.name_of(loaded.planned[0].trial_id)
    whole = broken.read_text()
    broken.write_text(whole[:-20])
    pages.write(loaded, folder, False)
    assert broken.read_text() == whole


def test_a_large_run_has_the_pages_that_one_would_read_first_and_says_how_to_get_all(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "MOST_PAGES", 4)
    rows = [plan_row("one", attempt=n) for n in range(1, 7)]
    signed = {"suspicious": (sign(),)}
    told = [("passed", {}), ("passed", {}), ("failed", {}), ("failed", {}), ("error", {}), ("passed", signed)]
    records = [record(row, outcome, **more) for row, (outcome, more) in zip(rows, told, strict=True)]
    for one in records:
        store.write_record(store.trial_dir(tmp_path, one.trial_id), one)
    loaded = Loaded(tmp_path, {}, tuple(rows), tuple(records), {})
    source = reports.write_all(tmp_path, loaded).read_text()
    there = {path.stem for path in (tmp_path / "report" / "trials").iterdir()}
    assert there == {rows[n].trial_id for n in (4, 5, 2, 0)}
    assert "2 have none" in source and "--pages all" in source
    source = reports.write_all(tmp_path, loaded, every_page=True).read_text()
    assert {path.stem for path in (tmp_path / "report" / "trials").iterdir()} == {row.trial_id for row in rows}
    assert "--pages all" not in source


def test_many_pages_are_written_by_several_processes_and_are_the_same(tmp_path, monkeypatch):
    loaded = several(tmp_path, 6)
    pages.write(loaded, tmp_path / "one", False)
    monkeypatch.setattr(pages, "PARALLEL", 2)
    pages.write(loaded, tmp_path / "many", False)
    read = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "many")]
    assert len(read[0]) == 6
    assert read[0] == read[1]


# --- hostile trials --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_shows_as_text(tmp_path, attack):
    call = ToolCall(id="c1", name=attack, arguments={attack: attack, "n": [attack]}, problem=attack)
    said = turn(attack, call, raw=[{"type": "thinking", "thinking": attack}], failed_attempts=({"error": attack},))
    journal(tmp_path, (said, attack))
    grade(tmp_path, attack)
    submission(tmp_path, {f"{attack.replace('/', '_')}.py".replace("\0", ""): attack.encode()})
    failed = record(
        ROW, "failed", ending=Ending(reason=attack, detail=attack), suspicious=(sign(attack, where=attack),)
    )
    page, _ = written(tmp_path, [failed], private=True)
    assert page.comments == 0
    assert any(text.plain(attack, lines=True) in shown for shown in page.texts)


def entry(path, content):
    return Entry(path, "file", 0o644, len(content), (content,))


def changed(before, *after):
    return list(diff.changes({path: (content, 0o644) for path, content in before.items()}, after))


def test_a_diff_has_what_was_added_changed_and_removed():
    before = {"a": b"one\ntwo\n", "b": b"gone\n", "same": b"x"}
    found = changed(before, entry("a", b"one\n2\n"), entry("c", b"new\n"), entry("same", b"x"))
    assert [(c.path, c.kind, c.lines) for c in found] == [
        ("a", "changed", ("@@ -1,3 +1,3 @@", " one", "-two", "+2", " ")),
        ("c", "added", ("+new", "+")),
        ("b", "removed", ()),
    ]


@pytest.mark.parametrize("content", [b"\0", b"\xff\xfe", b"x" * (diff.MOST_OF_A_FILE + 1)])
def test_what_is_no_text_is_named(content):
    (change,) = changed({}, entry("blob", content))
    assert change.lines == ()
    assert f"{len(content)} bytes" in change.note


def test_a_diff_is_bounded_and_says_so():
    line = b"x" * 99 + b"\n"
    found = changed({}, *(entry(f"f{n:04}", line * 1000) for n in range(6)))
    assert sum(len(row) + 1 for change in found for row in change.lines) <= diff.MOST_SHOWN
    assert [bool(change.note) for change in found] == [False, False, False, True, True, True]
    many = changed({}, *(entry(f"f{n:04}", b"x") for n in range(400)))
    assert len(many) == diff.MOST_FILES + 1
    assert "f0300 and what comes after it is left out" in many[-1]
    much = changed({}, *(entry(f"f{n:04}", b"\0" * (1 << 20)) for n in range(30)))
    assert "was not compared" in much[-1]


def test_files_that_are_slow_to_compare_are_replaced_whole():
    before, after = b"a\nb\n" * 2000, b"b\na\n" * 2000
    begun = time.process_time()
    (change,) = changed({"f": before}, entry("f", after))
    assert time.process_time() - begun < 1
    assert {row[0] for row in change.lines} == {"-", "+"}


def test_a_task_that_has_changed_since_is_told(tmp_path):
    task = tasks.load(tasks.new("my-task", tmp_path / "tasks"))
    submission(tmp_path, {"app.py": b"x"}, row := plan_row("my-task"))
    config = {"tasks_dir": str(tmp_path / "tasks")}
    assert "The task has changed since" in written(tmp_path, row=row, config=config)[1]
    same = row.model_copy(update={"task_digest": task.digest})
    shown = written(tmp_path, [record(same, "failed")], row=same, config=config)[1]
    assert "The task has changed since" not in shown
    assert "every file is shown as new" in written(tmp_path, row=row)[1]


# --- time ------------------------------------------------------------------------------------------------------------


def small_run(run_dir: Path, trials: int) -> Loaded:
    """Trials of 12 turns with 2 kB of output each, a submission and a grade."""
    rows = [plan_row(f"task-{n}") for n in range(trials)]
    for row in rows:
        journal(run_dir, *((turn(f"turn {n}", bash(f"echo {n}")), "out\n" * 500) for n in range(12)), row=row)
        grade(run_dir, row=row)
        submission(run_dir, {f"f{n}.py": b"print('x')\n" * 40 for n in range(5)}, row)
    config = json.loads(json.dumps({"tasks_dir": str(run_dir / "tasks")}))
    return Loaded(run_dir, config, tuple(rows), tuple(record(row, "failed") for row in rows), {})


def test_a_small_page_takes_little_time(tmp_path):
    """In processor time, and with room: 20 ms is the aim on an idle machine."""
    loaded = small_run(tmp_path, 20)
    pages.write(loaded, tmp_path / "report", False)  # the price table is loaded once
    begun = time.process_time()
    pages.write(loaded, tmp_path / "report", False)
    assert (time.process_time() - begun) / 20 < 0.06
