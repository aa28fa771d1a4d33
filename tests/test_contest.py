"""From the words of `harness compare` to a comparison: runs or agents, one run of both, and how that goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from test_compare import NEW, OLD, trials, write_run

from harness import agents, contest, course, run, store
from harness.config import CandidateSpec
from harness.contest import Asked
from harness.errors import AgentError, ConfigError, ResultsError, UsageError

PROMPT = "---\nname: x\ndescription: an agent\ntools: Bash\nmodel: sonnet\n---\nANSWER {word}\nYou write backends.\n"
TASK = """schema = 1
title = "Write an answer"
image = "python"
areas = ["api.rest"]
difficulty = "easy"
canary = "20ff7a18-2b55-448e-a573-{number:012d}"
"""
TEST = """import pytest


@pytest.mark.spec("Write yes into answer.txt")
def test_answer(submission):
    assert submission.read_text("answer.txt").strip() == "yes"
"""
# No LLM: what the agent's file says after ANSWER is what it hands in.
BOTH = """[[candidates]]
scaffold = "command"
settings = { command = "sed -n 's/^ANSWER //p' /tmp/agent.md > answer.txt" }
"""
SCRIPT = """schema = 1
[[turn]]
text = "I wait."
usage = { input = 900, cache_read = 0, cache_write_5m = 0, cache_write_1h = 0, output = 40 }
[[turn.calls]]
tool = "bash"
arguments = { command = "NAP" }
[[turn]]
text = "done"
[[turn.calls]]
tool = "submit"
arguments = {}
"""


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project under git, whose agent x says no in its last commit and yes in the working tree."""
    monkeypatch.chdir(tmp_path)
    for number in range(16):
        root = Path(f"tasks/t-{number:02d}")
        for folder in ("workspace", "tests", "solution", "submissions"):
            (root / folder).mkdir(parents=True)
        (root / "task.toml").write_text(TASK.format(number=number))
        (root / "instruction.md").write_text("Write yes into answer.txt\n")
        (root / "tests" / "test_answer.py").write_text(TEST)
    Path("agents").mkdir()
    Path("agents/x.md").write_text(PROMPT.format(word="no"))
    Path("both.toml").write_text(BOTH)
    git("init", "-q", "-b", "main")
    git("add", "agents")
    git("commit", "-qm", "one")
    Path("agents/x.md").write_text(PROMPT.format(word="yes"))
    return tmp_path


def recorded_run(name: str, label: str = OLD) -> None:
    write_run(Path("results") / name, trials(label, {"t": "+"}))


def asked(*words: str, **said: Any) -> Any:
    return contest.contest(Asked(words[0], words[1] if len(words) > 1 else None, **said), print)


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("nightly", "run"), ("nightly:sonnet", "run"), ("results/nightly", "run"), ("twin", "run"), ("x", "agent"),
        ("x@main", "agent"), ("agents/x.md", "agent"), ("agents/x.md@HEAD", "agent"), ("agents/twin.md", "agent"),
        ("sham:x", "agent"), ("x.md@main", "agent"),
    ],
)  # fmt: skip
def test_a_word_is_a_run_or_an_agent(word, kind):
    for name in ("nightly", "twin"):
        recorded_run(name)
    Path("agents/twin.md").write_text(PROMPT.format(word="yes"))
    assert contest.kind_of(word, Path("results"), Path("agents")) == kind


@pytest.mark.parametrize(
    ("words", "said", "told"),
    [
        (("nowhere", "x"), {}, "neither a run nor an agent.*no run 'nowhere'.*agents has: opus, twin, x"),
        (("agents/y.md", "x"), {}, "no such agent file"),
        (("nightly", "x"), {}, "'nightly' is a run and 'x' an agent file.*harness run --agent x"),
        (("x@main", "nightly"), {}, "'nightly' is a run and 'x@main' an agent file"),
        (("nightly", "other"), {"model": "sonnet"}, "only read, so --model cannot be heeded"),
        (("nightly", "twin"), {"conduct": {"tasks": ("t",)}}, "--tasks cannot be heeded.*write agents/twin.md"),
        (("nightly", "other"), {"sham": True}, "--sham cannot be heeded"),
        (("nightly", "other"), {"looks": 3}, "planned before the first trial, --anytime can be said"),
        (("x@main", "x"), {"looks": 3, "anytime": True}, "give one of them"),
        (("x",), {}, "one agent: name the other one too, or say --sham"),
        (("x", "agents/x.md"), {"model": "sonnet"}, "one prompt, so there is nothing to compare"),
        (("x@main", "x"), {"scaffold": "oracle"}, "runs no agent"),
        (("x@main", "opus"), {}, "different models.*give --model"),
        (("x@main", "x"), {"model": "no/such"}, "unknown model"),
        (("x@no-such-revision", "x"), {"model": "sonnet"}, "no such revision"),
        (("x@main", "x"), {"margin": 7.0, "model": "scripted/demo"}, "margin is a share"),
        (
            ("x@main", "x"),
            {"model": "scripted/demo", "looks": 20, "conduct": {"tasks": ("t-0[12]",)}},
            "2 tasks .* no looks, not for 20",
        ),
    ],
)
def test_words_and_options_that_make_no_comparison_are_told(words, said, told, capsys):
    for name in ("nightly", "twin", "other"):
        recorded_run(name)
    Path("agents/twin.md").write_text(PROMPT.format(word="twin"))
    Path("agents/opus.md").write_text(PROMPT.format(word="opus").replace("sonnet", "opus"))
    with pytest.raises(UsageError, match=told):
        asked(*words, **said)


def test_a_run_wins_over_an_agent_of_its_name():
    recorded_run("x", NEW)
    recorded_run("y", OLD)
    said: list[str] = []
    assert contest.contest(Asked("y", "x"), said.append).comparison.b.run == "x"
    assert said == ["'x' is a run and also an agent: the run is compared; write agents/x.md for the agent"]


def test_an_eval_file_of_several_candidates_does_not_say_what_is_common():
    Path("two.toml").write_text(BOTH + '[[candidates]]\nscaffold = "tools"\nmodel = "sonnet"\n')
    with pytest.raises(ConfigError, match="several candidates"):
        asked("x@main", "x", config=Path("two.toml"))


# --- the sham --------------------------------------------------------------------------------------------------------


def test_a_sham_has_the_front_matter_and_the_length_of_its_agent_and_none_of_its_words():
    Path("agents/long.md").write_text(PROMPT.format(word="yes") + "\n\n- Always write tests.\n- Use locks.\n\n" * 40)
    for name in ("x", "long"):
        agent, sham = agents.load(f"agents/{name}.md"), agents.load(f"sham:agents/{name}.md")
        assert (sham.front, sham.tools, sham.model) == (agent.front, agent.tools, agent.model)
        assert abs(len(sham.body.encode()) - len(agent.body.encode())) <= 8
        assert sham.id == f"sham of {agent.id}" and sham.digest not in ("", agent.digest)
        assert not {"answer", "backends.", "tests.", "locks."} & set(sham.body.lower().split())
        assert agents.load(f"sham:agents/{name}.md") == sham
    assert agents.load("sham:agents/x.md@main").digest != agents.load("sham:agents/long.md").digest
    assert sorted(path.name for path in Path("agents").iterdir()) == ["long.md", "x.md"]


@pytest.mark.parametrize("body", ["x", "日本語のプロンプト。" * 90, "a\n\nb\n\nc", "word " * 5000])
def test_an_inert_body_is_as_long_as_any_body(body):
    made = agents.inert(body)
    assert made.strip() and abs(len(made.encode()) - len(body.strip().encode())) <= 8


def test_a_sham_is_an_agent_wherever_agents_are_named():
    spec = CandidateSpec(agent="sham:agents/x.md", model="scripted/demo")
    assert "sham of x" in run.load_candidate(spec).label
    with pytest.raises(AgentError):
        agents.load("sham:agents/none.md")


# --- the whole line --------------------------------------------------------------------------------------------------


def harness(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "harness", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=280)
    assert "Traceback" not in output and "defect" not in output, output
    return process.returncode, " ".join(output.split())  # long lines are broken


@pytest.mark.bubblewrap
def test_two_revisions_are_run_as_one_run_that_stops_when_it_is_decided():
    words = ["compare", "agents/x.md@main", "x", "--config", "both.toml", "--looks", "2", "--sham", "--name", "pr"]
    code, output = ended(harness(*words, "--sandbox", "bubblewrap"))
    assert code == 0, output
    assert "better: look 1 of 2" in output and "decided, so 24 of 48 trials are not needed" in output
    assert "B against the sham of it" in output and "+100.0 points" in output
    loaded = store.load(Path("results/pr"))
    assert len(loaded.planned) == len(loaded.records) == 24
    assert {r.agent_revision and r.agent_revision.split()[0] for r in loaded.records} == {None, "main"}
    made = json.loads(Path("results/pr/report/compare.json").read_text())
    assert (made["verdict"], made["stage"]["look"], made["sham"]["sham"]["passed"]) == ("better", 1, 0)
    digests = {name: agents.load(f"{name}agents/x.md").digest for name in ("", "sham:")}
    assert made["b"]["prompts"] == [digests[""]] and made["sham"]["sham"]["prompts"] == [digests["sham:"]]
    report = Path("results/pr/report")
    assert ET.parse(report / "compare.junit.xml").getroot()[0].get("failures") == "0"
    page = next(line for line in (report / "compare.md").read_text().splitlines() if "attempts [1](" in line)
    assert (report / page.partition("(")[2].rstrip(")")).is_file()
    assert all((report / "charts" / f"compare-difference.{end}").is_file() for end in ("svg", "png", "csv"))
    again, told = ended(harness(*words, "--sandbox", "bubblewrap"))
    assert again == 0 and "0 of 48 trials to do" in told
    assert ended(harness("compare", "pr"))[0] == 0
    resumed, told = ended(harness("resume", "pr"))
    assert resumed == 0, told
    assert len(store.records(Path("results/pr"))) == 24
    other, told = ended(harness(*words[:-3], "--name", "pr"))
    assert other == 64 and "another comparison: the sham is" in told


@pytest.mark.bubblewrap
def test_a_budget_that_ends_it_is_no_verdict_and_the_same_command_goes_on():
    Path("script.toml").write_text(SCRIPT.replace("NAP", "true"))
    words = ["compare", "x@main", "x", "--model", "scripted/./script.toml", "--tasks", "t-0[01]", "--attempts", "2"]
    rest = ["--sandbox", "bubblewrap", "--concurrency", "1", "--looks", "2", "--name", "short"]
    code, output = ended(harness(*words, *rest, "--max-turns", "10"))
    assert code == 4, output
    assert "max_total_turns 10" in output and "coverage" in output
    assert "look 1 of 2 was reached, and decided nothing" in output
    assert "The same command with --name short" in output and "`harness resume short`" in output
    turns = sum(record.turns for record in store.records(Path("results/short")))
    assert 8 <= turns <= 10
    assert ended(harness("compare", "short"))[0] == 4
    code, output = ended(harness(*words, *rest, "--max-turns", "100"))
    assert code == 3, output
    assert "inconclusive: look 2 of 2" in output
    assert len(store.records(Path("results/short"))) == 8


@pytest.mark.bubblewrap
def test_an_interrupt_is_no_verdict_and_says_how_to_go_on():
    Path("script.toml").write_text(SCRIPT.replace("NAP", "sleep 60"))
    words = ["compare", "x", "--sham", "--model", "scripted/./script.toml", "--tasks", "t-00", "--name", "cut"]
    process = harness(*words, "--sandbox", "bubblewrap")
    deadline = time.monotonic() + 90
    while not list(Path("results").glob("cut/trials/*/journal.jsonl")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    code, output = ended(process)
    assert code == 130, output
    assert "one task says nothing about tasks like it" in output
    assert "interrupted: what is finished is kept" in output and "--name cut" in output
    code, output = ended(harness("compare", "cut"))
    assert code == 4 and "0 of 1 trials have a verdict" in output
    found = course.read(Path("results/cut"))
    assert found and found.sham is None and found.a != found.b


def test_options_of_the_command_line_reach_the_run():
    said = contest.asked(
        a="x@main", b="x", results=Path("r"), agents_dir=Path("agents"), margin=0.02, claim="these", value=2.0,
        shared=False, families=None, looks=None, anytime=False, sham=True, model="scripted/demo", scaffold=None,
        config=None, tasks=("t-0*",), attempts=3, max_cost_usd=4.0, name=None, sandbox=None, runtime=None,
        concurrency=5, grading_slots=None, seed=7, tasks_dir=None, max_total_tokens=None, max_total_turns=None,
        max_wall_seconds=None,
    )  # fmt: skip
    made = contest.configured(said)
    assert [spec.agent for spec in made.candidates] == ["agents/x.md@main", "agents/x.md", "sham:agents/x.md"]
    assert (made.attempts, made.max_cost_usd, made.concurrency, made.seed) == (3, 4.0, 5, 7)
    assert made.folder.parent == Path("r") and made.name.startswith("compare-")
    found = contest.planned_for(said, made, contest.candidates_of(made, said), print)
    assert (found.claim, found.margin, found.looks, found.step) == ("these", 0.02, 1, 10)
    assert len({found.a, found.b, found.sham}) == 3


def test_a_run_whose_course_is_lost_is_told():
    recorded_run("r")
    with pytest.raises(ResultsError, match=r"comparison\.json is missing"):
        contest.judged(Path("results/r"), contest.Asked("r", None).options)


def test_no_key_and_no_network_are_needed_to_be_told_what_is_missing():
    code, output = ended(harness("compare", "x@main", "x", "--model", "sonnet", "--tasks", "t-00"))
    assert code == 64 and "ANTHROPIC_API_KEY" in output
    assert not Path("results").exists()
