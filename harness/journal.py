"""journal.jsonl: every model turn and tool result of a trial, written before it is acted on; and its replay.

One JSON object a line, numbered by `n` from 0:

    {"n": 0, "kind": "header", "at": "…", "schema": 1, "trial": "<id>", "digests": {"task": "…", "candidate": "…"}}
    {"n": 1, "kind": "asked", "at": "…"}
    {"n": 2, "kind": "turn", "at": "…", "turn": {types.Turn}}
    {"n": 3, "kind": "result", "at": "…", "result": {types.ToolResult}}
    {"n": 4, "kind": "gave_up", "at": "…", "attempts": [{"error": …, "status": …, "seconds": …, "usage": …}]}

`asked` is there before a request is made: one that nothing follows was in flight when the harness was killed, and
nobody can say whether it was billed. `gave_up` keeps what requests cost that never led to a turn. Neither is a step of
the conversation. `at` is UTC.

A turn is synced to the disk before it is acted on, for it is paid for. A result is synced with the turn that follows
from it: as long as that is not there, carrying the call out again is as good.

A trial that starts with its journal there replays it: a recorded turn is returned without asking the model again. A
tool call is carried out again, because the sandbox is new, but its recorded result is returned, so that the model's
next (recorded) turn follows from what it was told. A last line that a kill cut off is cut away: it was never acted on.

Secrets of the harness's environment are taken out before a line is written, and what is returned is what was written:
the model is told, and the sandbox is given, what a replay would tell and give.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness import secrets
from harness.errors import ResultsError
from harness.types import SCHEMA, ToolResult, Turn

NAME = "journal.jsonl"
STEPS = ("turn", "result")
SEALS = ("signature", "encrypted_content")  # of a thought, at Anthropic and at OpenAI

M = TypeVar("M", bound=BaseModel)
Entry = dict[str, Any]


class FileJournal:
    """The journal of one trial, open for writing; keeps protocols.Journal. Use it from one thread, and close it."""

    _behind = False  # whether there is a result that is not synced

    def __init__(self, folder: Path, trial_id: str, digests: Mapping[str, str]) -> None:
        """Open or make the journal in `folder`. Raises ResultsError when it is damaged or belongs to another trial.

        `digests` are of all that decides how the trial goes (task, candidate): a journal made with others is refused.
        """
        self.path, self.trial_id, self.hidden = folder / NAME, trial_id, secrets.hidden()
        folder.mkdir(parents=True, exist_ok=True)
        self.entries, size = read(self.path, trial_id)
        header = {"schema": SCHEMA, "trial": trial_id, "digests": dict(digests)}
        if self.entries:
            self._belongs(header)
        self._steps = iter([e for e in self.entries if e["kind"] in STEPS])
        self._file = self.path.open("ab")
        self._file.truncate(size)
        if not self.entries:
            self._append("header", header)
            _sync_folder(folder)

    def turn(self, request: Callable[[], Turn]) -> Turn:
        """Return the recorded turn that comes next, or ask for one and record it. Raises what `request` raises."""
        if (entry := next(self._steps, None)) is not None:
            return self._value(entry, "turn", Turn)
        self._append("asked", {}, sync=False)  # it has to outlive this process, not the machine
        try:
            turn = request()
        except BaseException as error:
            self._append("gave_up", {"attempts": secrets.masked(list(getattr(error, "attempts", ())), self.hidden)})
            raise
        kept, dump = unkeyed(turn, self.hidden)
        self._append("turn", {"turn": dump})
        return kept

    def result(self, call_id: str, run: Callable[[], ToolResult]) -> ToolResult:
        """Carry the call out; return the recorded result of it, or record the new one. Raises what `run` raises."""
        entry = next(self._steps, None)
        fresh = run()
        if entry is None:
            kept, dump = unkeyed(fresh, self.hidden)
            # Like `asked`: until the turn that follows from it is synced, and it with it, a new start is as good.
            self._append("result", {"result": dump}, sync=False)
            return kept
        recorded = self._value(entry, "result", ToolResult)
        if recorded.call_id != call_id:
            raise self._damage(entry["n"], f"is the result of {recorded.call_id!r}, not of {call_id!r}")
        return recorded

    def turns(self) -> list[tuple[datetime, Turn]]:
        """Return every turn recorded so far with the time of its record: what has been paid for."""
        found = [e for e in self.entries if e["kind"] == "turn"]
        return [(datetime.fromisoformat(e["at"]), self._value(e, "turn", Turn)) for e in found]

    def lost(self) -> list[Entry]:
        """Return the failed attempts of requests that never led to a turn."""
        return [attempt for e in self.entries if e["kind"] == "gave_up" for attempt in e["attempts"]]

    def close(self) -> None:
        """Close the file. The turns are on disk already; now the last results are too. Raises ResultsError."""
        with self._file, self._written():
            if self._behind:
                os.fsync(self._file.fileno())
            self._behind = False

    def __enter__(self) -> FileJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, kind: str, content: Entry, sync: bool = True) -> None:
        entry = {"n": len(self.entries), "kind": kind, "at": datetime.now(UTC).isoformat(), **content}
        with self._written():
            self._file.write(json.dumps(entry, ensure_ascii=True).encode() + b"\n")
            self._file.flush()
            if sync:
                os.fsync(self._file.fileno())
        self.entries.append(entry)
        self._behind = kind == "result"

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            problem = f"{self.path}: cannot be written ({error.strerror}); free the disk, then run again"
            raise ResultsError(problem) from error

    def _belongs(self, header: Entry) -> None:
        recorded = {key: self.entries[0].get(key) for key in header}
        if recorded != header:
            changed = [key for key in header if recorded[key] != header[key]]
            raise self._damage(0, f"was made by another trial ({', '.join(changed)} differ); start a new run")

    def _value(self, entry: Entry, kind: str, model: type[M]) -> M:
        if entry["kind"] != kind:
            raise self._damage(entry["n"], f"is a {entry['kind']} where a {kind} comes next")
        try:
            return model.model_validate(entry.get(kind))
        except ValidationError as error:
            raise self._damage(entry["n"], f"holds no valid {kind} ({error.error_count()} problems)") from error

    def _damage(self, number: int, problem: str) -> ResultsError:
        return damage(self.path, self.trial_id, number, problem)


def unkeyed(value: M, hidden: Sequence[str]) -> tuple[M, Entry]:
    """A turn or a result without the secrets of the environment (see secrets.hidden), and as a JSON object.

    A thought of which a part was taken out is left out of `raw` whole: providers seal thoughts, and refuse one that was
    changed, but take an answer without its thought.
    """
    dump = value.model_dump(mode="json")
    clean = secrets.masked(dump, hidden)
    if clean is dump:
        return value, dump
    if isinstance(value, Turn):
        pairs = zip(clean["raw"], dump["raw"], strict=True)
        clean["raw"] = [block for block, before in pairs if block == before or not any(map(before.get, SEALS))]
    made = type(value).model_validate(clean)
    return made, made.model_dump(mode="json")


def cut_off(entries: Sequence[Entry]) -> int:
    """How many requests were in flight when the harness was killed: asked, and never answered or given up."""
    steps = [entry["kind"] for entry in entries if entry["kind"] in ("asked", "turn", "gave_up")]
    return sum(kind == "asked" and after in ("asked", "") for kind, after in pairwise([*steps, ""]))


def read(path: Path, trial_id: str) -> tuple[list[Entry], int]:
    """Return a journal's entries and the number of bytes that hold them; ([], 0) when there is none.

    Bytes behind that are a line that was being written when the trial was killed. Raises ResultsError, naming trial and
    line, for a line in the middle that is damaged or out of number.
    """
    lines = _lines(path)
    entries: list[Entry] = []
    for number, line in enumerate(lines):
        entry = parsed(line)
        if entry is None and number == len(lines) - 1:
            break
        if entry is None or entry["n"] != number:
            raise damage(path, trial_id, number, "is damaged" if entry is None else f"has the number {entry['n']}")
        entries.append(entry)
    return entries, sum(len(line) for line in lines[: len(entries)])


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines(keepends=True) if path.exists() else []
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror})") from error


def damage(path: Path, trial_id: str, number: int, problem: str) -> ResultsError:
    """Return the error for a line (numbered from 0 inside, from 1 for people)."""
    advice = "Delete the trial's folder to run it again, or bring the file back."
    return ResultsError(f"{path}, line {number + 1}: the journal of trial {trial_id} {problem}. {advice}")


def parsed(line: bytes) -> Entry | None:
    """Return a whole entry, or None for anything else. A line without its end was never synced, thus never acted on."""
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and _is_whole(entry) else None


def _is_whole(entry: Entry) -> bool:
    """Whether an entry has the shape of its kind; what a turn or a result holds is checked where it is used."""
    if not (isinstance(entry.get("n"), int) and isinstance(entry.get("kind"), str) and _is_time(entry.get("at"))):
        return False
    held = {"turn": ("turn", dict), "result": ("result", dict), "gave_up": ("attempts", list)}
    name, shape = held.get(entry["kind"], ("kind", str))
    turn = entry.get("turn", {})
    attempts = [entry.get("attempts", []), turn.get("failed_attempts", []) if isinstance(turn, dict) else None]
    return isinstance(entry.get(name), shape) and all(_are_objects(found) for found in attempts)


def _is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _are_objects(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, dict) for value in values)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
