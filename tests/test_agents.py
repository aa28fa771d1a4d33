"""Agent files: front matter as people write it, git revisions, and what is wrong with a file."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import agents
from harness.errors import AgentError
from harness.types import Agent

OURS = Path(__file__).parents[1] / "agents"
BODY = "You are careful.\n\n- Test it."

# As people write it: the description is no YAML.
UNQUOTED = """---
name: api-designer
description: Use this agent for APIs. Examples: <example>Context: a login. user: "I need a login" assistant: "I'll use it."</example> <example>user: "And: logout?"</example>
model: sonnet
color: purple
---

You are careful.

- Test it.
"""  # noqa: E501


def agent(front: str, body: str = BODY) -> Agent:
    return agents.parse(f"---\n{front}\n---\n{body}".encode(), "agents/file-name.md")


def test_a_description_that_is_no_yaml_is_kept_with_every_field() -> None:
    found = agents.parse(UNQUOTED.encode(), "agents/x.md")
    assert (found.id, found.model, found.front["color"], found.body) == ("api-designer", "sonnet", "purple", BODY)
    assert found.description.startswith("Use this agent for APIs. Examples: <example>Context: a login.")
    assert found.description.endswith('<example>user: "And: logout?"</example>')
    assert list(found.front) == ["name", "description", "model", "color"]
    assert found.digest == hashlib.sha256(UNQUOTED.encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("\n", "\r"),
        lambda t: "\ufeff" + t,
        lambda t: t.rstrip("\n"),
        lambda t: t.replace("---\n", "---  \n"),
    ],
)
def test_line_ends_and_byte_order_marks_change_nothing_but_the_digest(change: object) -> None:
    changed = agents.parse(change(UNQUOTED).encode(), "agents/x.md")  # type: ignore[operator]
    plain = agents.parse(UNQUOTED.encode(), "agents/x.md")
    assert changed.model_copy(update={"digest": ""}) == plain.model_copy(update={"digest": ""})


@pytest.mark.parametrize(
    ("front", "description"),
    [
        ("description: plain words", "plain words"),
        ('description: "quoted: with a colon"', "quoted: with a colon"),
        ("description: 'it''s quoted'", "it's quoted"),
        ("description: |\n  two: lines\n  user: here\nname: n", "two: lines\nuser: here"),
        ("description: >\n  folded\n  lines\nname: n", "folded lines"),
        ("description: >-\n  folded\n  lines\nname: n", "folded lines"),
        ("description: goes on\n  below\nname: n", "goes on below"),
        ("name: n", ""),
        ("description:", ""),
        ("description: null", ""),
    ],
)
def test_descriptions_in_yaml(front: str, description: str) -> None:
    assert agent(front).description == description


# Each has a line that is no YAML, so that the tolerant reader is at work.
BROKEN = "note: a: b: c"


@pytest.mark.parametrize(
    ("front", "description"),
    [
        ('description: "quoted: with a colon"', "quoted: with a colon"),
        ("description: 'it''s quoted'", "it's quoted"),
        ("description: |\n  two: lines\n    indented\n\n  user: here", "two: lines\n  indented\n\nuser: here"),
        ("description: >-\n  folded\n  lines\n\n  next", "folded lines\n\nnext"),
        ("description: goes on\n  below", "goes on\nbelow"),
        (
            "description: <example>\nuser: hello\nassistant: hi\n</example>",
            "<example>\nuser: hello\nassistant: hi\n</example>",
        ),
        ("description: <example>\nuser: hello", "<example>\nuser: hello"),
        ("description:\n  below", "below"),
        ("# a comment\ndescription: x", "x"),
        ('description: say \\"hi\\"', 'say \\"hi\\"'),
    ],
)
def test_descriptions_line_by_line(front: str, description: str) -> None:
    found = agent(f"{front}\nmodel: opus\n{BROKEN}")
    assert (found.description, found.model, found.front["note"]) == (description, "opus", "a: b: c")


@pytest.mark.parametrize("extra", ["", f"\n{BROKEN}"])
@pytest.mark.parametrize(
    ("front", "tools"),
    [
        ("tools: Bash, Read", ("Bash", "Read")),
        ("tools: [Bash, Read]", ("Bash", "Read")),
        ("tools:\n  - Bash\n  - Read", ("Bash", "Read")),
        ("tools:\n- Bash\n- Read", ("Bash", "Read")),
        ("tools: Bash(git add:*, git commit:*), Read", ("Bash(git add:*, git commit:*)", "Read")),
        ("tools: Bash", ("Bash",)),
        ("tools: []", ()),
        ("tools:", None),
        ("color: red", None),
    ],
)
def test_tools_as_a_string_or_a_list(front: str, tools: tuple[str, ...] | None, extra: str) -> None:
    assert agent(front + extra).tools == tools


def test_scalars_stay_as_they_were_written() -> None:
    assert agent("temperature: 0.50\nenabled: yes\nsince: 2026-01-01").front == {
        "temperature": "0.50",
        "enabled": "yes",
        "since": "2026-01-01",
    }


def test_without_front_matter_the_name_is_that_of_the_file() -> None:
    found = agents.parse(b"Just do it.\n\n---\n\nWell.", "agents/plain.md")
    assert (found.id, found.front, found.body, found.tools) == ("plain", {}, "Just do it.\n\n---\n\nWell.", None)


def test_empty_front_matter_is_fine() -> None:
    assert agent("").front == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a\.md:1: the agent has no prompt"),
        (b"---\nname: x\n---\n\n  \n", r"a\.md:4: the agent has no prompt"),
        (b"---\nname: x\n\nYou are.", r"a\.md:1: the front matter begins with --- and never ends"),
        (b"---\nname: x\n---\nYou \xff are", r"a\.md:4: is not UTF-8 \(byte 20\)"),
        (b"---\nname: [x\nmodel: a: b\n- odd\n---\nYou.", None),
        (b"---\njust words: here and there: and\nmore\n---\nYou.", r"a\.md:2: the front matter needs `key: value`"),
        (b"---\n- a\n- b\n---\nYou.", r"a\.md:2: the front matter needs `key: value`, not '- a'"),
        (b"x" * (agents.MAX_BYTES + 1), r"a\.md: larger than 1 MiB"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(content: bytes, message: str | None) -> None:
    if message is None:
        assert agents.parse(content, "a.md").body == "You."
        return
    with pytest.raises(AgentError, match=message):
        agents.parse(content, "a.md")


@given(st.binary(max_size=300))
def test_no_content_makes_anything_but_an_agent_or_an_agent_error(content: bytes) -> None:
    for data in (content, b"---\n" + content + b"\n---\nbody"):
        with contextlib.suppress(AgentError):
            assert agents.parse(data, "a.md").body


@given(st.text(alphabet="ab:-#|>\"'[]{}&*!%@`, \n\t<example/", max_size=80))
def test_the_body_never_depends_on_the_front_matter(front: str) -> None:
    try:
        found = agent(front.replace("\n---", "\n"))
    except AgentError:
        return
    assert found.body.endswith("- Test it.")


def test_a_missing_file_lists_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("x")
    with pytest.raises(AgentError, match=r"no such agent file; .* holds one\.md"):
        agents.load(str(tmp_path / "two.md"))
    with pytest.raises(AgentError, match=r"no such agent file$"):
        agents.load(str(tmp_path / "nowhere" / "two.md"))
    with pytest.raises(AgentError, match="cannot be read"):
        agents.load(str(tmp_path))


# --- revisions -------------------------------------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two commits of agents/x.md, and a third version that is not committed."""
    folder = tmp_path / "agents"
    folder.mkdir()
    git(tmp_path, "init", "-q", "-b", "main")
    for number in (1, 2):
        (folder / "x.md").write_text(f"Version {number}.\n")
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-q", "-m", str(number))
    git(tmp_path, "tag", "v2")
    (folder / "x.md").write_text("Version 3.\n")
    return folder


@pytest.mark.parametrize(
    ("revision", "body"),
    [("HEAD~1", "Version 1."), ("HEAD", "Version 2."), ("v2", "Version 2."), ("main", "Version 2.")],
)
def test_an_agent_at_a_revision(repository: Path, revision: str, body: str) -> None:
    found = agents.load(f"{repository}/x.md@{revision}")
    commit = git(repository, "rev-parse", revision)
    assert found.body == body
    assert found.revision == f"{revision} ({commit[:12]})"
    assert (found.id, found.path) == ("x", f"{repository}/x.md")


def test_without_a_revision_the_file_counts(repository: Path) -> None:
    found = agents.load(f"{repository}/x.md")
    assert (found.body, found.revision) == ("Version 3.", None)


def test_a_file_that_was_deleted_is_still_at_its_revision(repository: Path) -> None:
    (repository / "x.md").unlink()
    repository.rmdir()
    with pytest.raises(AgentError, match=r"x\.md@HEAD: .*x\.md"):
        agents.load(f"{repository}/x.md@HEAD")
    repository.mkdir()
    assert agents.load(f"{repository}/x.md@HEAD").body == "Version 2."


def test_a_reflog_revision_may_hold_an_at_sign(repository: Path) -> None:
    assert agents.load(f"{repository}/x.md@main@{{1}}").body == "Version 1."


def test_a_file_with_an_at_sign_in_its_name_is_that_file(repository: Path) -> None:
    (repository / "x.md@HEAD").write_text("Odd name.")
    assert agents.load(f"{repository}/x.md@HEAD").body == "Odd name."


@pytest.mark.parametrize("revision", ["nothing", "HEAD~99", "--all", "HEAD:agents"])
def test_a_bad_revision_is_named(repository: Path, revision: str) -> None:
    with pytest.raises(AgentError, match=f"x.md@{revision}: "):
        agents.load(f"{repository}/x.md@{revision}")


def test_a_file_that_is_not_in_the_revision(repository: Path) -> None:
    (repository / "y.md").write_text("New.")
    with pytest.raises(AgentError, match=r"y\.md@HEAD: .*y\.md"):
        agents.load(f"{repository}/y.md@HEAD")


def test_a_folder_that_is_not_in_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "x.md").write_text("Here.")
    with pytest.raises(AgentError, match="not a git repository"):
        agents.load(f"{tmp_path}/x.md@HEAD")


def test_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(AgentError, match="git cannot be run"):
        agents.load(f"{repository}/x.md@HEAD")


# --- the agents of the project ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(OURS.glob("*.md")), ids=lambda p: p.stem)
def test_the_projects_own_agents_load_and_are_proper_yaml(path: Path) -> None:
    import yaml

    found = agents.load(str(path))
    front = path.read_text(encoding="utf-8").split("---\n")[1]
    assert yaml.safe_load(front)["name"] == found.id == path.stem
    assert found.description
    assert found.body
