"""The site of a leaderboard: what is in it, what must never be, and where and how it is written."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from boards import on_disk, run, with_yardsticks
from click.testing import CliRunner
from synthetic_run import record, sign

from harness import store, types
from harness.cli import cli
from harness.errors import ResultsError, UsageError
from harness.reports import leaderboard_site as site
from harness.reports.leaderboard_json import Document
from harness.reports.leaderboard_site import Options, publish
from harness.store import Loaded
from harness.types import Ending, Failure, Grade, Isolation, Submission, digest_of

ROOT = Path(__file__).parent.parent
GOOD, FAIR, POOR = [1] * 20, [1] * 10 + [0] * 10, [0] * 20
HOSTILE = "=1+1<script>alert(1)</script>\u202e\x1b[31m{{7*7}}\"'&"


def silent(_: str) -> None:
    """Nobody listens."""


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: two alike, one with a leaked control; yardsticks, an unknown cost, one row of too low coverage."""
    made = tmp_path_factory.mktemp("results")
    free = {"unpriced": {"cost_usd": None}}
    first = run("first", {"good": GOOD, "fair": FAIR, "unpriced": POOR}, changes=free)
    on_disk(with_yardsticks(first), made)
    on_disk(run("second", {"good": GOOD, "thin": GOOD}, day="2026-11-24", lost={"thin": 2}), made)
    on_disk(run("leaked", {"fair": GOOD}, day="2026-11-25", leak=True), made)
    on_disk(run("older", {"good": POOR}, day="2026-10-01", digests={"task-00": "v0"}), made)
    return made


@pytest.fixture(scope="module")
def made(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("published") / "site"
    publish(store.run_dirs(results), out, Options(title="Ours", url="https://example.org/ours"), silent)
    return out


# --- what is in it ---------------------------------------------------------------------------------------------------


def test_the_site_has_a_page_for_each_candidate_and_board(made: Path) -> None:
    document = json.loads((made / "leaderboard.json").read_text())
    rows = [row for board in document["boards"] for row in (*board["rows"], *board["yardsticks"])]
    assert {f"{row['key']}.html" for row in rows} == {path.name for path in (made / "candidates").iterdir()}
    assert [f"{board['key']}.html" for board in document["boards"][1:]] == [
        path.name for path in (made / "boards").iterdir()
    ]
    charts = {path.name for path in (made / "charts").iterdir()}
    assert {"standings.svg", "standings.png", "standings.csv", "cost-and-pass-rate.svg", "history.png"} <= charts


def test_json_keeps_its_schema(made: Path) -> None:
    text = (made / "leaderboard.json").read_text()
    document = Document.model_validate_json(text)
    assert (document.schema_, document.version) == ("backend-harness.leaderboard", 1)
    main = document.boards[0]
    good = next(row for row in main.rows if row.agent == "good")
    assert good.standings["overall"].rank and good.standings["overall"].rank.low == 1
    assert good.provenance.runs == ("first", "second")
    thin = next(row for row in main.rows if row.agent == "thin")
    assert thin.standings["overall"].rate is None
    assert thin.standings["overall"].why.startswith("invalid: coverage 90 %")
    assert next(row for row in main.rows if row.agent == "unpriced").cost_usd is None


def test_every_field_of_the_json_is_documented() -> None:
    text = (Path(__file__).parent.parent / "docs" / "leaderboard.md").read_text()
    schema = Document.model_json_schema(by_alias=True)
    models = [schema, *schema["$defs"].values()]
    missing = {name for model in models for name in model.get("properties", {}) if f"`{name}`" not in text}
    assert not missing


def test_the_index_says_what_is_not_ranked_and_why(made: Path) -> None:
    text = (made / "index.html").read_text()
    assert "invalid: coverage 90 %" in text
    assert "A NEGATIVE CONTROL WAS PASSED in run leaked" in text
    assert "Isolation: docker L1, limits by cgroup v1." in text
    assert "First place is open" in text or "leads: it passes" in text
    assert "unknown" in text


def test_link_previews_have_absolute_addresses_and_an_image_of_their_size(made: Path) -> None:
    text = (made / "index.html").read_text()
    assert '<meta property="og:image" content="https://example.org/ours/preview.png">' in text
    assert '<meta property="og:url" content="https://example.org/ours/">' in text
    head = (made / "preview.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) == (1200, 630)


def test_the_data_of_a_chart_lies_beside_it(made: Path) -> None:
    with (made / "charts" / "cost-and-pass-rate.csv").open(newline="") as file:
        rows = {row["candidate"].split(" · ")[0]: row for row in csv.DictReader(file)}
    assert rows["unpriced"]["cost_per_trial_usd"] == "" and rows["unpriced"]["on_frontier"] == "False"
    assert float(rows["good"]["cost_per_trial_usd"]) == 0.25


class Links(HTMLParser):
    """The addresses that a page links to or loads, and the ids in it."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            if name in ("href", "src"):
                (self.targets if tag == "a" else self.loaded).append(value or "")


def test_every_link_leads_to_something_in_the_site(made: Path) -> None:
    pages = {}
    for path in made.rglob("*.html"):
        pages[path] = Links()
        pages[path].feed(path.read_text())
    for path, links in pages.items():
        own = [t for t in links.loaded if not t.startswith(("https://example.org/ours/", "data:,"))]
        for target in (*links.targets, *own):
            name, _, anchor = target.partition("#")
            place = (path.parent / name).resolve() if name else path
            assert place.is_file() and place.is_relative_to(made.resolve()), f"{path.name} links to {target}"
            if anchor:
                assert anchor in pages[place].ids, f"{path.name} links to {target}"


def test_provenance_of_a_row_is_on_its_page(made: Path) -> None:
    document = json.loads((made / "leaderboard.json").read_text())
    board = document["boards"][0]
    row = next(row for row in board["rows"] if row["agent"] == "good")
    text = (made / "candidates" / f"{row['key']}.html").read_text()
    assert f'id="provenance-{board["key"]}"' in text
    for told in (row["candidate_digest"], digest_of("good"), "0.1.0", "0123abc", "docker L1", "genai-prices 0.2.3"):
        assert told in text
    tasks = (made / "tasks.html").read_text()
    assert digest_of("task-00") in tasks and "sha256:" in tasks


def test_runs_without_an_llm_make_a_site_of_yardsticks(tmp_path: Path) -> None:
    loaded = with_yardsticks(run("bare", {"x": GOOD}))
    rows = tuple(row for row in loaded.planned if "anthropic" not in row.label)
    ids = {row.trial_id for row in rows}
    kept = tuple(r for r in loaded.records if r.trial_id in ids)
    folder = on_disk(Loaded(loaded.run_dir, loaded.config, rows, kept, {}), tmp_path / "results")
    publish([folder], tmp_path / "site", Options(), silent)
    text = (tmp_path / "site" / "index.html").read_text()
    assert "there are only yardsticks" in text and "oracle, no LLM" in text
    assert 'data-table="board"' not in text
    assert (tmp_path / "site" / "preview.png").is_file()


# --- what is never in it ---------------------------------------------------------------------------------------------

MARKERS = {
    "message": "MARKER-of-a-hidden-test",
    "traceback": "MARKER-traceback",
    "path": "/home/MARKER-ann/checkout",
    "host": "MARKER-host.internal",
    "sign": "MARKER-evidence",
    "note": "MARKER-isolation-note",
    "ending": "MARKER-ending",
    "refusal": "MARKER-refusal",
    "environment": "MARKER-environment",
    "submission": "MARKER-submission-note",
}


def marked(results: Path) -> Path:
    """A run whose every private field says so."""
    changes = {
        "suspicious": (sign(MARKERS["sign"]),),
        "ending": Ending(reason="submitted", detail=MARKERS["ending"]),
        "isolation": Isolation(sandbox="docker", level="L1", limits="cgroup v1", notes=(MARKERS["note"],)),
        "base_url": f"http://{MARKERS['host']}:8000/v1",
        "submission": Submission(digest="d", files=1, bytes=1, notes=(MARKERS["submission"],)),
        "model": f"openai-chat/{MARKERS['path']}/llama",
    }
    loaded = run("marked", {"good": GOOD, "poor": POOR}, **changes)
    error = record(
        loaded.planned[0], "error", run_id="marked", agent="good",
        failure=Failure(boundary="sandbox", message=f"{MARKERS['traceback']} {MARKERS['path']}/x.py"),
    )  # fmt: skip
    config = {
        "results": MARKERS["path"],
        "tasks_dir": MARKERS["environment"],
        "candidates": [{"agent": MARKERS["path"]}],
    }
    kept = (error, *(r for r in loaded.records[1:] if r.task != "task-19"))
    labelled = tuple(row.model_copy(update={"label": f"{row.label} {MARKERS['path']}/m"}) for row in loaded.planned)
    folder = on_disk(Loaded(loaded.run_dir, config, labelled, kept, {}), results)
    store.refuse(folder, {"task-19": MARKERS["refusal"]})
    for one in kept:
        said = types.TestVerdict(id="test_secret", dimension="functional", passed=False, message=MARKERS["message"])
        grade = Grade(
            passed=False, functional=False, secure=False, seed=1, seconds=1.0, reason=MARKERS["traceback"],
            tests=(said,),
        )  # fmt: skip
        (folder / store.TRIALS / one.trial_id / "grade.json").write_text(grade.model_dump_json())
    return folder


def test_nothing_private_is_in_a_published_site(tmp_path: Path) -> None:
    folder = marked(tmp_path / "results")
    publish([folder], tmp_path / "site", Options(), silent)
    for name, content in files_of(tmp_path / "site").items():
        assert b"MARKER" not in content, name
        assert b"test_secret" not in content, name
        assert str(tmp_path).encode() not in content, name
    said = (tmp_path / "site" / "index.html").read_text()
    assert "openai-chat/…/llama" in said


def test_private_quotes_hidden_tests_only_when_asked_and_says_so(tmp_path: Path) -> None:
    folder = marked(tmp_path / "results")
    publish([folder], tmp_path / "site", Options(private=True), silent)
    pages = "".join(path.read_text() for path in (tmp_path / "site" / "candidates").iterdir())
    for name in ("message", "traceback", "sign", "ending"):
        assert MARKERS[name] in pages
    assert "Not for publishing" in (tmp_path / "site" / "index.html").read_text()
    assert "MARKER" not in (tmp_path / "site" / "leaderboard.json").read_text()


def test_whatever_a_name_may_hold_is_escaped(tmp_path: Path) -> None:
    loaded = run("hostile", {"good": GOOD, "poor": POOR}, agent=HOSTILE, model=HOSTILE)
    rows = tuple(
        row.model_copy(update={"label": HOSTILE + row.label, "task": HOSTILE + row.task}) for row in loaded.planned
    )
    records = tuple(r.model_copy(update={"task": HOSTILE + r.task, "areas": (HOSTILE,)}) for r in loaded.records)
    rows = tuple(row.model_copy(update={"areas": (HOSTILE,)}) for row in rows)
    folder = on_disk(Loaded(loaded.run_dir, loaded.config, rows, records, {}), tmp_path / "results")
    publish([folder], tmp_path / "site", Options(title=HOSTILE), silent)
    for name, content in files_of(tmp_path / "site").items():
        if name.endswith((".html", ".svg")):
            text = content.decode()
            assert "<script>alert" not in text and 'alert(1)"' not in text, name
        if name.endswith((".html", ".svg", ".csv", ".json")):
            assert not {"\u202e", "\x1b"} & set(content.decode()), name
        if name.endswith(".csv"):
            cells = [cell for row in csv.reader(content.decode().splitlines()) for cell in row]
            assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))], name
    assert "&lt;script&gt;" in (tmp_path / "site" / "index.html").read_text()


# --- where it is written ---------------------------------------------------------------------------------------------


def test_the_same_runs_give_the_same_bytes(results: Path, made: Path, tmp_path: Path) -> None:
    runs = store.run_dirs(results)
    publish(list(reversed(runs)), tmp_path / "again", Options(title="Ours", url="https://example.org/ours/"), silent)
    assert files_of(tmp_path / "again") == files_of(made)


def test_no_process_time_zone_or_place_shows_in_the_bytes(results: Path, tmp_path: Path) -> None:
    made = []
    for number, zone in ((1, "Asia/Tokyo"), (2, "America/Lima")):
        place = tmp_path / f"somewhere-{number}"
        place.mkdir()
        command = [sys.executable, "-m", "harness", "leaderboard", "first", "second", "older"]
        environment = {
            **os.environ,
            "PYTHONHASHSEED": str(number),
            "TZ": zone,
            "PYTHONPATH": str(ROOT),
            "HOME": str(place),
        }
        options = ["--results", str(results), "--out", "site"]
        subprocess.run([*command, *options], cwd=place, env=environment, check=True, capture_output=True)
        made.append(files_of(place / "site"))
    assert made[0] == made[1]


def test_an_earlier_leaderboard_is_replaced_whole(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    publish(store.run_dirs(results), out, Options(), silent)
    before = out.stat().st_ino
    publish([results / "first"], out, Options(), silent)
    assert out.stat().st_ino != before
    assert not (out / "boards").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def foreign(out: Path) -> Iterator[tuple[str, Any]]:
    yield "a file of somebody's", lambda: (out / "notes.txt").write_text("mine")
    yield "somebody's folder", lambda: (out / "empty").mkdir()
    yield "a link", lambda: (out / "link").symlink_to("/")


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("published", [False, True])
def test_a_folder_that_holds_something_else_is_left_alone(
    results: Path, tmp_path: Path, number: int, published: bool
) -> None:
    out = tmp_path / "site"
    if published:
        publish([results / "first"], out, Options(), silent)
    out.mkdir(exist_ok=True)
    what, put = list(foreign(out))[number]
    put()
    if published and what == "somebody's folder":
        return  # an empty folder in an earlier site holds nothing that could be lost
    before = sorted(path.name for path in out.rglob("*"))
    with pytest.raises(UsageError, match=r"holds .* it would be lost"):
        publish([results / "first"], out, Options(), silent)
    assert sorted(path.name for path in out.rglob("*")) == before


def test_a_file_is_no_folder_and_an_empty_folder_is_taken(results: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is no folder"):
        publish([results / "first"], tmp_path / "file", Options(), silent)
    (tmp_path / "empty").mkdir()
    publish([results / "first"], tmp_path / "empty", Options(), silent)
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    publish([results / "first"], tmp_path / "link", Options(), silent)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "empty" / "index.html").is_file()


def test_what_fails_half_way_leaves_the_old_site_as_it_was(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    publish([results / "first"], out, Options(), silent)
    before = files_of(out)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(site.site, "write_assets", full)
    with pytest.raises(ResultsError, match=r"cannot be written .No space left"):
        publish([results / "second"], out, Options(), silent)
    assert files_of(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_without_an_exchange_in_one_step_two_renames_do(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    publish([results / "first"], out, Options(), silent)
    monkeypatch.setattr(site, "_swapped", lambda one, other: False)
    publish([results / "second"], out, Options(), silent)
    assert "second" in (out / "index.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


WRONG = [
    "example.org", "ftp://example.org/", "https://", "https://a@example.org/", "https://x/?q", "javascript:1",
    "https://x/\u202e", "http://[x",
]  # fmt: skip


@pytest.mark.parametrize("url", WRONG)
def test_a_wrong_address_is_told(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must be an address such as"):
        publish([], tmp_path / "site", Options(url=url), silent)


def test_a_blank_title_and_an_impossible_place_are_told(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must not be blank"):
        publish([results / "first"], tmp_path / "site", Options(title=" \n"), silent)
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file" / "site", tmp_path / ("x" * 300)):
        with pytest.raises(ResultsError, match="the leaderboard cannot be written"):
            publish([results / "first"], place, Options(), silent)


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_tells_what_it_left_out(results: Path, tmp_path: Path) -> None:
    names = ["first", "second", "leaked", "older"]
    arguments = ["leaderboard", *names, "--results", str(results), "--out", str(tmp_path / "site")]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert f"leaderboard: {tmp_path / 'site' / 'index.html'}" in done.output
    for line in (
        "leaked: a negative control was passed",
        "shown apart: older: the task was changed",
        "no rank: thin · tools · anthropic/claude-sonnet-5-5: invalid: coverage 90 %",
    ):
        assert line in done.output


def test_a_run_that_is_named_twice_counts_once(results: Path, tmp_path: Path) -> None:
    publish([results / "first", results / "first" / "."], tmp_path / "site", Options(), silent)
    document = json.loads((tmp_path / "site" / "leaderboard.json").read_text())
    assert [run["name"] for run in document["runs"]] == ["first"]


def test_a_damaged_run_is_told_and_nothing_is_written(results: Path, tmp_path: Path) -> None:
    folder = on_disk(run("bad", {"x": GOOD}), tmp_path / "results")
    next((folder / "trials").iterdir()).joinpath("record.json").write_text("{")
    with pytest.raises(ResultsError, match=r"record\.json"):
        publish([folder], tmp_path / "site", Options(), silent)
    assert not (tmp_path / "site").exists()
