"""harness nightly: its file, its exit codes, and nights that are killed, resumed, locked out and acknowledged."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import opened

from harness import nightly, tasks
from harness.errors import AgentError, ConfigError, UsageError
from harness.lock import held

AGENT = "---\nname: {0}\nmodel: scripted/./good.toml\n---\nYou are {0} and write backends.\n"
FILE = """
attempts = 3
sandbox = "bubblewrap"
tasks = ["small"]
concurrency = 4
[[candidates]]
agent = "worker"
scaffold = "single-shot"
[[candidates]]
agent = "pinned"
scaffold = "single-shot"
[nightly]
baseline = "pinned"
alpha = 0.1
"""


def script(files: dict[str, str], latency: float = 0.0) -> str:
    """A model that answers with files."""
    blocks = "\n\n".join(f"````sh path={name}\n{content}\n````" for name, content in files.items())
    return f"schema = 1\nlatency = {latency}\n[[turn]]\ntext = '''\n{blocks}\n'''\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a task, two agents, a model that solves the task and one that does not."""
    monkeypatch.chdir(tmp_path)
    tasks.new("small", Path("tasks"))
    solution = {path.name: path.read_text() for path in Path("tasks/small/solution").iterdir()}
    Path("good.toml").write_text(script(solution, 0.2))
    Path("bad.toml").write_text(script({"start.sh": "exit 1"}))
    Path("agents").mkdir()
    for name in ("worker", "pinned"):
        Path(f"agents/{name}.md").write_text(AGENT.format(name))
    Path("night.toml").write_text(FILE)
    return tmp_path


@pytest.fixture(scope="session")
def boxes() -> None:
    """Bubblewrap works here, and its images are made."""
    opened("bubblewrap").close()


def start(folder: Path, *words: str, **env: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "harness", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env={**os.environ, **env}, stdout=pipe, stderr=pipe, text=True)


def harness(folder: Path, *words: str, code: int = 0, **env: str) -> tuple[str, str]:
    """Standard output and error of a command that must end with `code`."""
    process = start(folder, *words, **env)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == code, output + errors
    assert "Traceback" not in errors
    return output, errors


def write(text: str) -> Path:
    Path("night.toml").write_text(text)
    return Path("night.toml")


def table(*lines: str) -> Path:
    """The file with another [nightly] table."""
    return write(FILE.partition("[nightly]")[0] + "\n".join(["[nightly]", *lines]))


# --- the file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FILE.replace("[nightly]", "[nigthly]"), "unknown key `nigthly` (did you mean 'nightly'?)"),
        (FILE.replace("alpha", "alhpa"), "unknown key `nightly.alhpa` (did you mean 'alpha'?)"),
        (FILE.replace("attempts = 3", "atempts = 3"), "unknown key `atempts` (did you mean 'attempts'?)"),
        (FILE.replace("alpha = 0.1", "alpha = 0"), "`nightly.alpha`"),
        (FILE.replace("alpha = 0.1", "alpha = nan"), "`nightly.alpha`"),
        (FILE.replace("alpha = 0.1", "alpha = 1"), "`nightly.alpha`"),
        (FILE.replace("alpha = 0.1", "window = 0"), "`nightly.window`"),
        (FILE.replace("alpha = 0.1", "window = 2.5"), "`nightly.window`: must be a whole number"),
        (FILE.replace("alpha = 0.1", "margin = -0.1"), "`nightly.margin`"),
        (FILE.replace("alpha = 0.1", 'webhook_on = "sometimes"'), "`nightly.webhook_on`"),
        (FILE.replace("alpha = 0.1", 'webhook = "https://a.b/c"\nwebhook_env = "X"'), "not both"),
        (FILE.partition("[nightly]")[0] + "nightly = 3", "unknown key"),
        ('nightly = 3\n[[candidates]]\nagent = "worker"', "`nightly`"),
        ("name = 'latest'\n" + FILE, "`name`"),
        (f"name = '{'x' * 90}'\n" + FILE, "`name`: at most 80"),
        ("[nightly]\n", "no candidate to watch"),
        ('[[candidates]]\nscaffold = "oracle"\n', "no candidate to watch"),
        ("attempts = ", "is not valid TOML"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(project: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        nightly.load(write(text), {})
    assert words in str(error.value)
    assert "night.toml" in str(error.value)


@pytest.mark.parametrize("value", ['"hooks.example.com/very-secret"', '["https://very-secret"]', '"ftp://very-secret"'])
def test_a_wrong_webhook_is_told_without_it(project: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"nightly\.webhook") as error:
        nightly.load(table(f"webhook = {value}"), {})
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("word", "place"), [("pinned", 1), ("worker", 0), ("pinned · single-shot", 1), ("PINNED", 1), ("work", 0)]
)
def test_the_baseline_is_found_by_its_name(project: Path, word: str, place: int) -> None:
    path = table(f'baseline = "{word}"')
    assert nightly.baseline_of(nightly.load(path, {}), path) == place


@pytest.mark.parametrize(
    ("word", "words"),
    [("pined", "did you mean 'pinned'"), ("single-shot", "fits 2 candidates"), ("nobody", "is no candidate")],
)
def test_a_baseline_that_is_none(project: Path, word: str, words: str) -> None:
    path = table(f'baseline = "{word}"')
    with pytest.raises(ConfigError, match=words):
        nightly.baseline_of(nightly.load(path, {}), path)


def test_a_baseline_needs_somebody_beside_it(project: Path) -> None:
    path = write('[[candidates]]\nagent = "pinned"\n[[candidates]]\nscaffold = "nop"\n[nightly]\nbaseline = "pinned"')
    with pytest.raises(ConfigError, match="must stand beside a candidate"):
        nightly.baseline_of(nightly.load(path, {}), path)


def test_a_night_is_named_by_its_date_and_slots_outlive_an_edit(project: Path) -> None:
    path = Path("night.toml")
    config = nightly.load(path, {"results": "elsewhere"})
    run, opening = nightly.planned(config, "2026-11-01", path)
    assert (run.name, run.results, opening.run) == ("night-2026-11-01", "elsewhere", "night-2026-11-01")
    Path("agents/worker.md").write_text(AGENT.format("worker") + "Be careful.\n")
    edited = nightly.planned(config, "2026-11-02", path)[1]
    assert sorted(opening.slots.values()) == sorted(edited.slots.values())
    assert (opening.baseline, opening.slots.keys() == edited.slots.keys()) == (edited.baseline, False)


def test_a_candidate_that_is_the_baseline_itself_runs_once(project: Path) -> None:
    Path("agents/worker.md").write_text(Path("agents/pinned.md").read_text())
    path = Path("night.toml")
    run, opening = nightly.planned(nightly.load(path, {}), "2026-11-01", path)
    assert len(run.candidates) == len(opening.slots) == len(opening.twins) == 1


def test_an_agent_that_is_not_there(project: Path) -> None:
    Path("agents/worker.md").unlink()
    path = Path("night.toml")
    with pytest.raises((ConfigError, AgentError), match="worker"):
        nightly.planned(nightly.load(path, {}), "2026-11-01", path)


def test_a_night_to_come_is_refused(project: Path) -> None:
    from datetime import datetime

    with pytest.raises(UsageError, match="still to come"):
        nightly.day_of(datetime(9999, 1, 1))
    assert nightly.day_of(datetime(2026, 1, 5)) == "2026-01-05"


@pytest.mark.parametrize(
    "words",
    [["--date", "yesterday"], ["--bad-since", "2026-11-01"], ["--acknowledge", "x"], ["--date", "9999-01-01"]],
)
def test_a_wrong_command_line_ends_with_2(project: Path, words: list[str]) -> None:
    harness(project, "nightly", "night.toml", *words, code=2)
    assert not Path("results/night-2026-11-01").exists()


# --- nights ----------------------------------------------------------------------------------------------------------

REPORT = ("nightly.md", "nightly.json", "charts/nights.csv", "charts/nights.svg")


def told(results: Path, date: str) -> dict[str, str]:
    """What a night says, without what only tells how long it took."""
    folder = results / f"night-{date}" / "report"
    found = {name: (folder / name).read_text() for name in REPORT}
    head, *rest = csv.reader((folder / "results.csv").read_text().splitlines())
    timeless = [
        place for place, name in enumerate(head) if name not in ("seconds", "started", "seed", "detail", "retries")
    ]
    return {**found, "results.csv": json.dumps([[row[place] for place in timeless] for row in rest])}


@pytest.mark.bubblewrap
def test_a_night_that_is_killed_again_and_again_tells_the_same(project: Path, boxes: None) -> None:
    """SIGKILL at random moments, from the start to the report; then the same command once more.

    The night before ran out of its budget, decided nothing, and went on.
    """
    seed = random.randrange(1 << 32)
    rng, hits = random.Random(seed), 0
    write(FILE.replace("attempts = 3", "attempts = 2"))
    output, _ = harness(project, "nightly", "night.toml", "--date", "2026-11-01", "--max-turns", "3", code=7)
    assert "invalid: coverage 50 %" in output
    assert "2026-11-01: fine; " in harness(project, "nightly", "night.toml", "--date", "2026-11-01")[0]
    shutil.copytree("results", "killed")
    begun = time.monotonic()
    whole, _ = harness(project, "nightly", "night.toml", "--date", "2026-11-02")
    took = time.monotonic() - begun
    for share in (0.5, 0.9):
        process = start(project, "nightly", "night.toml", "--date", "2026-11-02", "--results", "killed")
        time.sleep(took * rng.uniform(share - 0.3, share))
        hits += process.poll() is None
        process.kill()
        process.communicate()
    again, _ = harness(project, "nightly", "night.toml", "--date", "2026-11-02", "--results", "killed")
    assert hits, f"no kill hit (seed {seed})"
    assert again == whole, f"seed {seed}"
    assert told(Path("killed"), "2026-11-02") == told(Path("results"), "2026-11-02"), f"seed {seed}"
    for name in ("2026-11-01.json", "2026-11-02.json"):
        assert Path("killed/night.nights", name).read_bytes() == Path("results/night.nights", name).read_bytes()


class Hook(BaseHTTPRequestHandler):
    """Keeps what it is told."""

    told: list[dict[str, Any]]

    def do_POST(self) -> None:
        self.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A local webhook: its address, and what it was told."""
    kept: list[dict[str, Any]] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Kept", (Hook,), {"told": kept})) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/very-secret-path", kept
        server.shutdown()


@pytest.mark.bubblewrap
def test_an_alarm_from_the_drop_to_its_acknowledgement(
    project: Path, boxes: None, hook: tuple[str, list[dict[str, Any]]]
) -> None:
    """A baseline that passes, a candidate that no longer does: the second night is the alarm."""
    url, messages = hook
    env = {"NIGHT_HOOK": url, "NO_PROXY": "127.0.0.1"}
    text = FILE.replace("alpha = 0.1", 'alpha = 0.1\nwebhook_env = "NIGHT_HOOK"')
    bad = text.replace('agent = "worker"\n', 'agent = "worker"\nmodel = "scripted/./bad.toml"\n').replace(
        "= 3", "= 4", 1
    )
    write(bad)
    first = start(project, "nightly", "night.toml", "--date", "2026-11-01", **env)
    first.communicate(timeout=120)
    output, errors = harness(project, "nightly", "night.toml", "--date", "2026-11-02", code=1, **env)
    assert output.startswith("nightly night 2026-11-02: ALARM: worker since 2026-11-0")
    assert output.count("\n") == 1
    assert "told (HTTP 200)" in errors
    assert "very-secret" not in output + errors
    message = messages[-1]
    assert (message["event"], message["status"], message["exit_code"]) == ("harness.nightly", "alarm", 1)
    assert message["text"] == output.strip()
    assert message["candidates"][0]["alarm_since"]
    assert all("very-secret" not in path.read_text() for path in Path("results").rglob("*.*[ldn]") if path.is_file())
    done, _ = harness(project, "nightly", "night.toml", "--acknowledge", "the model is broken; known")
    assert "acknowledged" in done
    harness(project, "nightly", "night.toml", "--acknowledge", "twice", code=2)
    Path("agents/worker.md").unlink()  # of a night that is done nothing is needed but its results
    output, _ = harness(project, "nightly", "night.toml", "--date", "2026-11-02", **env)
    assert "fine (alarm acknowledged)" in output
    rows = csv.DictReader(Path("results/night-2026-11-02/report/charts/nights.csv").read_text().splitlines())
    assert {row["date"] for row in rows} == {"2026-11-01", "2026-11-02"}
    assert Path("results/night-2026-11-02/report/charts/nights.png").read_bytes()[:4] == b"\x89PNG"


def test_two_nights_do_not_overlap(project: Path) -> None:
    config = nightly.load(Path("night.toml"), {})
    with held(config.book.lock, "a night"):
        _, errors = harness(project, "nightly", "night.toml", "--date", "2026-11-01", code=75)
        assert f"held by process {os.getpid()} on" in errors
        harness(project, "nightly", "night.toml", "--acknowledge", "why", code=75)
    assert not Path("results/night-2026-11-01").exists()


def test_a_resume_of_the_same_run_is_locked_out(project: Path) -> None:
    from harness import store
    from harness.lock import of_a_run
    from harness.run import load_candidate

    config, opening = nightly.planned(nightly.load(Path("night.toml"), {}), "2026-11-01", Path("night.toml"))
    from harness.plan import plan

    plans = plan(config.name, tasks.find([], Path("tasks")), [load_candidate(c) for c in config.candidates], 1, 0)
    store.create(config.folder, config.resolved(), plans)
    with of_a_run(config.folder):
        _, errors = harness(project, "resume", opening.run, code=75)
        assert "run night-2026-11-01 is under way already" in errors
        harness(project, "run", "night.toml", "--name", opening.run, code=2)  # [nightly] is no key of `harness run`


def test_a_webhook_is_told_of_a_night_that_failed(project: Path, hook: tuple[str, list[dict[str, Any]]]) -> None:
    url, messages = hook
    Path("agents/worker.md").write_text("no front matter")
    path = table(f'webhook = "{url}"', 'webhook_on = "trouble"')
    lines: list[str] = []
    with pytest.raises((ConfigError, AgentError)):
        nightly.night(path, nightly.load(path, {}), "2026-11-01", lines.append)
    assert (messages[0]["status"], messages[0]["exit_code"]) == ("failed", 2)
    assert any("told (HTTP 200)" in one for one in lines)
    path = table(f'webhook = "{url}"')
    with pytest.raises((ConfigError, AgentError)):
        nightly.night(path, nightly.load(path, {}), "2026-11-01", lines.append)
    assert len(messages) == 1  # webhook_on = "alarm"


def test_a_webhook_that_is_not_set_is_told(project: Path) -> None:
    Path("agents/worker.md").unlink()
    path = table('webhook_env = "NO_SUCH_VARIABLE"')
    lines: list[str] = []
    with pytest.raises(ConfigError):
        nightly.night(path, nightly.load(path, {}), "2026-11-01", lines.append)
    assert any("NO_SUCH_VARIABLE is not set" in one for one in lines)
