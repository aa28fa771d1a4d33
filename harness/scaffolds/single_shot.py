"""The `single-shot` scaffold: asks the model once and takes the files out of its answer.

The prompt asks for one fenced code block a file, with the path behind the language: ```python path=app.py. Reading is
liberal: `path=`, `file=`, `filename=` and `title=` in quotes or without, a bare path as the block's language or behind
it (```app.py, ```python:app.py), or a path alone on the line above (**app.py**, `app.py`, ### app.py, File: app.py).
Blocks without a path are passed over. Of two blocks for one path the later counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from harness import archive
from harness.errors import ConfigError
from harness.protocols import Journal, Model, Workspace
from harness.scaffolds import request
from harness.types import Ending, Message, TrialPlan, Turn

needs_model = True

START_CAP = 200_000  # characters of starting files that are shown
FORMAT = """\
You answer once, and cannot run anything. Give every file that you hand in whole, each in a fenced code block whose
first line names its path relative to /workspace:

```python path=app.py
print("the whole content of app.py")
```

Fence a file that itself has lines of ``` with more backticks. Blocks without a path are passed over."""

FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})[ \t]*(.*?)[ \t]*")
NAMED = re.compile(r"""\b(?:path|file|filename|title)\s*[=:]\s*(?:"([^"]+)"|'([^']+)'|([^\s"',}]+))""")
PATH = re.compile(r"(?:/?[\w@+.-]+/)*(?:[\w@+-][\w@+.-]*\.[A-Za-z]\w*|\.[A-Za-z][\w.-]*|Dockerfile|Makefile|Procfile)")
ABOVE = re.compile(r"[\s#>*`-]*(?:\d+[.)])?[\s*`]*(?:(?:file|path|filename)\s*:[\s*`]*)?(.*?)[*`:\s]*", re.IGNORECASE)


class Block(NamedTuple):
    """A fenced block: what is behind its fence, the line above it, and its content."""

    info: str
    above: str
    text: str


def work(
    plan: TrialPlan, workspace: Workspace, model: Model | None, journal: Journal, spent: Callable[[], float | None]
) -> Ending:
    """Ask, and write the answer's files. Raises ProviderError and SandboxError, and ConfigError without a model."""
    if model is None:
        raise ConfigError("scaffold single-shot: needs a model; name one with --model")
    turn = journal.turn(lambda: model.complete(opening(plan), []))
    files, refused = files_of(turn.text)
    if files:
        try:
            workspace.write({path: text.encode() for path, text in files.items()})
        except OSError as error:  # more than the disk holds, a folder where a file should be: the answer's own doing
            return Ending(reason="ended", detail=f"the files could not be written: {error}")
    return ending(turn, len(files), refused)


def opening(plan: TrialPlan) -> list[Message]:
    """Return the conversation: the agent's prompt, then the request, the facts, the starting files and the format."""
    agent = plan.candidate.agent
    system = [Message(role="system", text=agent.body)] if agent else []
    parts = [request.request(plan.task, request.facts(plan.task)), *starting_files(plan), FORMAT]
    return [*system, Message(role="user", text="\n\n".join(parts))]


def starting_files(plan: TrialPlan) -> list[str]:
    """Return the workspace's own text files as the model sees them, up to a cap: it cannot look for itself."""
    shown, left = [], START_CAP
    for path, (content, _) in archive.layers(plan.task.root / "workspace").items():
        text = content.decode("utf-8", "replace").replace("\0", "\ufffd")
        ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
        block = f"{ticks} path={path}\n{text.rstrip()}\n{ticks}"
        fits = len(block) <= left
        left -= len(block) if fits else 0
        shown.append(block if fits else f"(`{path}` is there too, {len(content)} bytes, not shown)")
    return ["The workspace holds these files already:", *shown] if shown else []


def ending(turn: Turn, files: int, refused: list[str]) -> Ending:
    """Return why the trial ended: the model's own reason if it did not finish, else whether there were files."""
    notes = [f"{files} files", *(f"path refused: {path[:100]}" for path in refused[:5])]
    if turn.stop in ("refusal", "context", "max_tokens"):
        return Ending(reason=turn.stop, detail="; ".join(notes))
    return Ending(reason="submitted" if files else "ended", detail="; ".join(notes))


# --- reading an answer -----------------------------------------------------------------------------------------------


def files_of(answer: str) -> tuple[dict[str, str], list[str]]:
    """Return the files of an answer by path, and the paths that were refused.

    A path is refused when it leads out of the workspace, or would make a folder of a file that the answer has too.
    """
    files: dict[str, str] = {}
    refused: list[str] = []
    for block in blocks(answer):
        named = path_of(block)
        path = request.inside(named) if named else None
        if path and not any(other.startswith(f"{path}/") or path.startswith(f"{other}/") for other in files):
            files[path] = block.text
        elif named:
            refused.append(named)
    return files, refused


def blocks(answer: str) -> Iterator[Block]:
    """Yield the closed fenced blocks of Markdown; one that is still open at the end was cut off and is left out."""
    above, opened = "", None
    lines: list[str] = []
    for line in answer.replace("\r\n", "\n").split("\n"):
        match = FENCE.fullmatch(line)
        if opened is None:
            if match and "`" not in match[2]:
                opened, lines = match, []
            elif line.strip():
                above = line
        elif match and match[1].startswith(opened[1]) and not match[2]:
            yield Block(opened[2], above, "".join(f"{kept}\n" for kept in lines))
            opened, above = None, ""
        else:
            lines.append(line)


def path_of(block: Block) -> str | None:
    """Return the path that a block names, as it is written there, or None."""
    if named := NAMED.search(block.info):
        return named[1] or named[2] or named[3]
    words = re.split(r"[\s:{}]+", block.info)
    for word in words:
        if PATH.fullmatch(word):
            return word
    above = ABOVE.fullmatch(block.above)
    return above[1] if above and PATH.fullmatch(above[1]) else None
