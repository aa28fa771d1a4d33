"""Agent files: a Markdown prompt with front matter, as Claude Code's sub-agents have it; at a git revision if asked.

    agents/backend-developer.md           the file as it is
    agents/backend-developer.md@HEAD~1    the file at a revision; the commit is kept with what was written
    sham:agents/backend-developer.md      its sham: the same front matter, and a body of the same length that says
                                          nothing of use. It is made when it is loaded, and is never written anywhere

Front matter is read as YAML, every scalar as the text that was written. Much of what people write is no YAML (a
description that goes on with `user: "..."` and <example> tags), so a tolerant reader of lines takes over where YAML
gives up. Whatever is wrong raises AgentError with file and line.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import subprocess
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.errors import AgentError
from harness.types import Agent

MAX_BYTES = 1 << 20
FENCE = "---"
REVISED = re.compile(r"(.+?\.md)@(.+)", re.DOTALL)
ABSENT = ("", "~", "null")
# Fields that end an <example> which was never closed.
FIELDS = ("name", "model", "tools", "color")
KEY = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*:(?:[ \t]+(.*)|$)")
BLOCK = re.compile(r"[|>][+-]?[0-9]?[+-]?")
GIT_SECONDS = 30
SHAM = "sham:"
# Neutral prose of our own: no instruction, nothing of software, nothing that a task could be about.
INERT = (
    "The harbour lies at the end of a long bay, and the hills around it keep most of the wind away. In the morning the "
    "water is grey and still. Later in the day it turns green near the shore, where the sand is light. Small stones "
    "of many colours lie along the edge of the beach, and the tide moves them a little each time it comes in. "
    "Behind the beach there is a row of old trees. Their leaves are narrow and silver on one side. When a breeze comes "
    "down from the hills the whole row seems to change its colour at once. Birds sit in the upper branches in the "
    "evening, and leave again before it is quite light. A path of flat stones leads past the trees to a meadow. Grass "
    "grows there, and clover, and in early summer some red flowers between them. The meadow slopes up to a low wall. "
    "Nobody remembers who built it. On warm days the stones of the wall stay warm until long after sunset. From there "
    "the bay can be seen as a whole, with the two small islands in its mouth and the pale line of the open sea behind. "
    "Clouds pass over it slowly, most of them from the west. In autumn there is mist in the valley for some days. It "
    "fills the bay first, then the meadow, and only the tops of the trees remain above it. Around noon it thins out "
    "and the islands come back one after the other. Winter is quiet. A little snow falls on the hills and seldom on "
    "the shore. The light is low and yellow then, and the shadows of the trees reach the water. "
)


def load(spec: str) -> Agent:
    """Load `path`, `path@revision`, or `sham:` before either. Raises AgentError."""
    if spec.startswith(SHAM) and not Path(spec).exists():
        return sham(load(spec.removeprefix(SHAM)))
    path, revision = _split(spec)
    if revision is None:
        return parse(_content(path), str(path))
    commit = _git(path, revision, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    sha = commit.decode("ascii").strip()
    content = _git(path, revision, "show", f"{sha}:./{path.name}")
    return parse(content, str(path), f"{revision} ({sha[:12]})")


def load_all(paths: Iterable[Path]) -> tuple[list[Agent], list[AgentError]]:
    """Load files that may be wrong: the agents, and what is wrong with the others."""
    loaded, problems = list[Agent](), list[AgentError]()
    for path in paths:
        try:
            loaded.append(load(str(path)))
        except AgentError as problem:
            problems.append(problem)
    return loaded, problems


def parse(content: bytes, path: str, revision: str | None = None) -> Agent:
    """Return the agent that a file's content describes; `path` and `revision` tell its origin. Raises AgentError."""
    text = _text(content, path)
    front_lines, body, first = _parts(text, path)
    front = _front(front_lines, path)
    if not body.strip():
        raise AgentError(f"{path}:{first}: the agent has no prompt: write one below the front matter")
    return Agent(
        id=" ".join((_string(front, "name") or Path(path).stem).split()),
        path=path,
        revision=revision,
        description=_string(front, "description") or "",
        model=_string(front, "model"),
        tools=_tools(front.get("tools")),
        body=body.strip(),
        front=front,
        digest=hashlib.sha256(content).hexdigest(),
    )


def sham(agent: Agent) -> Agent:
    """An agent that differs from `agent` in its body alone, which is inert and as long: what any prompt does by itself.

    As many bytes in UTF-8, to a word, and as many lines at most: of texts in unlike scripts that is nearest to as many
    tokens. The front matter is the same, and with it tools and model. Deterministic: the digest is the same each time.
    """
    body = inert(agent.body)
    digest = hashlib.sha256("\0".join(["sham", repr(agent.front), body]).encode("utf-8", "surrogatepass")).hexdigest()
    return agent.model_copy(update={"id": f"sham of {agent.id}", "body": body, "digest": digest})


def inert(body: str) -> str:
    """Neutral prose in paragraphs that end about where those of `body` do, and so is as long as the whole."""
    words = itertools.cycle(INERT.split())
    made, goal, begun = "", 0, 0
    for paragraph in re.finditer(r"\S.*?(?=\n\s*\n|\Z)", body, re.DOTALL):
        goal += len(body[begun : paragraph.end()].encode("utf-8", "replace"))
        begun = paragraph.end()
        start = f"{made}\n\n" if made else ""
        text = _filled(words, goal - len(start))
        made = start + text if text else made
    return made or next(words)


def _filled(words: Iterator[str], size: int) -> str:
    """So many words that their length is as near to `size` as it can be; none for a size of less than half a word."""
    text = ""
    while (gap := size - len(text)) > 0:
        longer = f"{text} {next(words)}".strip()
        if len(longer) - size > gap:
            break
        text = longer
    return text


# --- where it is -----------------------------------------------------------------------------------------------------


def _split(spec: str) -> tuple[Path, str | None]:
    """Split at the `@` behind `.md`, unless a file has that very name."""
    match = None if Path(spec).exists() else REVISED.fullmatch(spec)
    return (Path(match[1]), match[2]) if match else (Path(spec), None)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise AgentError(f"{path}: there is no such agent file{_others(path)}") from error
    except OSError as error:
        raise AgentError(f"{path}: cannot be read ({error.strerror})") from error


def _others(path: Path) -> str:
    names = sorted(p.name for p in path.parent.glob("*.md")) if path.parent.is_dir() else []
    return f"; {path.parent} holds {', '.join(names[:20])}" if names else ""


def _git(path: Path, revision: str, *arguments: str) -> bytes:
    """Run git in the file's folder. Raises AgentError with git's own words."""
    folder = next((p for p in path.absolute().parents if p.is_dir()), Path("/"))
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AgentError(f"{path}@{revision}: git cannot be run ({error})") from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip() or f"there is no such revision as {revision!r}"
        raise AgentError(f"{path}@{revision}: {words}")
    return done.stdout


# --- its parts -------------------------------------------------------------------------------------------------------


def _text(content: bytes, path: str) -> str:
    """Decode a file: with or without byte order mark, any line ends."""
    if len(content) > MAX_BYTES:
        raise AgentError(f"{path}: larger than {MAX_BYTES >> 20} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AgentError(f"{path}:{line}: is not UTF-8 (byte {error.start})") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise AgentError(f"{path}:{line}: holds a NUL character: it is no text file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parts(text: str, path: str) -> tuple[list[str], str, int]:
    """Return the lines of the front matter, the body, and the number of the body's first line."""
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        return [], text, 1
    for number, line in enumerate(lines[1:], start=2):
        if line.rstrip() == FENCE:
            return lines[1 : number - 1], "\n".join(lines[number:]), number + 1
    raise AgentError(f"{path}:1: the front matter begins with {FENCE} and never ends: close it with a line {FENCE}")


def _string(front: dict[str, Any], key: str) -> str | None:
    """Return a field as one string, or None when it is absent or empty."""
    value = front.get(key)
    if isinstance(value, list):
        value = ", ".join(str(v) for v in value)
    text = str(value).strip() if value is not None else ""
    return None if text in ABSENT else text


def _tools(value: Any) -> tuple[str, ...] | None:
    """Return the names of `tools: Bash, Read` or of a list; None, which means all, for an absent or empty field."""
    if value is None or isinstance(value, dict) or (isinstance(value, str) and value.strip() in ABSENT):
        return None
    # Not at a comma inside of Bash(git add:*, git commit:*).
    names = re.split(r",(?![^(]*\))", value) if isinstance(value, str) else value
    return tuple(str(name).strip() for name in names if str(name).strip())


# --- front matter ----------------------------------------------------------------------------------------------------


def _front(lines: list[str], path: str) -> dict[str, Any]:
    """Read front matter: YAML if it is a mapping in YAML, else line by line."""
    import yaml

    try:
        value = yaml.load("\n".join(lines), Loader=yaml.BaseLoader)  # BaseLoader makes strings, lists and mappings only
    except (yaml.YAMLError, RecursionError):
        value = None
    if isinstance(value, dict):
        return {str(key): inner for key, inner in value.items()}
    return dict(_fields(lines, path))


def _fields(lines: list[str], path: str) -> Iterator[tuple[str, Any]]:
    """Read fields the tolerant way: a field begins at a line `key: value` and goes on to the next one.

    While an <example> is open, such a line is part of the example.
    """
    key, value = "", list[str]()
    for number, line in enumerate(lines, start=2):
        match = KEY.match(line)
        opened = "\n".join(value)
        inside = opened.count("<example>") > opened.count("</example>")
        if match and (not inside or match[1] in FIELDS):
            if key:
                yield key, _value(value)
            key, value = match[1], [match[2] or ""]
        elif key:
            value.append(line)
        elif line.strip() and not line.startswith("#"):
            raise AgentError(f"{path}:{number}: the front matter needs `key: value`, not {line.strip()[:60]!r}")
    if key:
        yield key, _value(value)


def _value(lines: list[str]) -> Any:
    """Return the value of a field from the rest of its first line and the lines below it."""
    first, below = lines[0].strip(), lines[1:]
    indented = textwrap.dedent("\n".join(below)).strip("\n")
    if BLOCK.fullmatch(first):
        return indented if first[0] == "|" else re.sub(r"(?<!\n)\n(?!\n)", " ", indented)
    items = [line.strip() for line in below if line.strip()]
    if not first and items and all(re.match(r"-(\s|$)", item) for item in items):
        return [_scalar(item[1:].strip()) for item in items]
    if first.startswith("[") and first.endswith("]") and not items:
        return [_scalar(item.strip()) for item in first[1:-1].split(",") if item.strip()]
    return _scalar("\n".join([first, *indented.split("\n")]).strip() if below else first)


def _scalar(text: str) -> str:
    """Take quotes off that stand around the whole."""
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"').replace("\\n", "\n")
    return text
