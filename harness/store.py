"""results/<run>/ on disk: create it, add records to it, find it, read it back.

    config.toml   the resolved configuration       plan.jsonl     every planned trial, one PlanRow a line
    refused.json  task -> why the sandbox cannot serve it (its trials are in the plan all the same)
    images.json   image -> its id; a run goes on with the images that it began with
    stopped.json  how many rows of the plan were carried out when a planned look decided; the others are planned no more
    trials/<trial-id>/record.json                  written last: a trial is complete when it exists

Each file appears whole or not at all: it is written beside its place, synced and renamed. A wrong or damaged folder is
a ResultsError that names the file and the problem.
"""

from __future__ import annotations

import gc
import json
import os
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import ResultsError
from harness.types import SCHEMA, Control, Ending, Frozen, Tally, TrialPlan, TrialRecord

CONFIG, PLAN, REFUSED, IMAGES = "config.toml", "plan.jsonl", "refused.json", "images.json"
STOPPED = "stopped.json"
TRIALS, RECORD = "trials", "record.json"
REMEDY = "Bring the file back, or delete it and run again: the trial's journal is kept, and no turn is paid for twice."


class PlanRow(Frozen):
    """A line of plan.jsonl: a planned trial without the contents of its task and agent.

    `control` is left out of the file for ordinary tasks.
    """

    trial_id: str
    task: str
    task_digest: str
    areas: tuple[str, ...]
    candidate: str
    candidate_digest: str
    label: str
    attempt: int
    control: Control | None = None


@dataclass(frozen=True)
class Loaded:
    """A run as it is on disk. `records` are in the plan's order and belong to rows of `planned`.

    Of a run that a planned look ended, `planned` are the rows up to that look.
    """

    run_dir: Path
    config: Mapping[str, Any]
    planned: tuple[PlanRow, ...]
    records: tuple[TrialRecord, ...]
    refused: Mapping[str, str]

    @property
    def run_id(self) -> str:
        """The run's name: that of its folder, so that a copied run keeps its records and shows its new name."""
        return self.run_dir.resolve().name


# --- write -----------------------------------------------------------------------------------------------------------


def create(
    run_dir: Path, config_toml: str, plans: Iterable[TrialPlan], refused: Mapping[str, str] | None = None
) -> None:
    """Make the folder of a run, or accept it as it is when it already holds this very configuration and plan.

    `plans` are all trials, those of refused tasks included; `refused` says why the sandbox cannot serve a task, and may
    change between two starts of a run. Raises ResultsError when the folder holds another run.
    """
    wanted = {
        CONFIG: config_toml,
        PLAN: "".join(_row(plan).model_dump_json(exclude_none=True) + "\n" for plan in plans),
    }
    for name, text in wanted.items():
        _refuse_other(run_dir / name, text)
    for name, text in wanted.items():
        if not (run_dir / name).exists():
            write_atomic(run_dir / name, text.encode())
    refuse(run_dir, refused or {})


def refuse(run_dir: Path, refused: Mapping[str, str]) -> None:
    """Write down which tasks the sandbox cannot serve, and why."""
    _write_json(run_dir / REFUSED, dict(refused))


def note_images(run_dir: Path, ids: Mapping[str, str]) -> None:
    """Write down the images that the run's trials are made of, by name."""
    _write_json(run_dir / IMAGES, dict(ids))


def stop(run_dir: Path, trials: int, why: str) -> None:
    """Write down that a run ended as planned after the first `trials` rows of its plan: no other is missing."""
    _write_json(run_dir / STOPPED, {"trials": str(trials), "why": why})


def _write_json(path: Path, value: Mapping[str, str]) -> None:
    write_atomic(path, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode())


def write_record(folder: Path, record: TrialRecord) -> None:
    """Write record.json into the trial's folder: the last thing that happens to a trial."""
    write_atomic(folder / RECORD, (record.model_dump_json(indent=1, by_alias=True) + "\n").encode())


def write_atomic(path: Path, data: bytes) -> None:
    """Replace `path` by `data` in one step that survives a crash: temporary file, fsync, rename, fsync of the folder.

    Makes the folder when it is not there. Raises ResultsError when the disk refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
        _sync_folder(path.parent)
    except OSError as error:
        raise ResultsError(
            f"{path}: cannot be written ({error.strerror}). Free the disk, or choose another results folder."
        ) from error


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _row(plan: TrialPlan) -> PlanRow:
    task, candidate = plan.task, plan.candidate
    return PlanRow(
        trial_id=plan.trial_id, task=task.id, task_digest=task.digest, areas=task.areas, candidate=candidate.id,
        candidate_digest=candidate.digest, label=candidate.label, attempt=plan.attempt, control=task.control,
    )  # fmt: skip


def _refuse_other(path: Path, wanted: str) -> None:
    if not path.exists():
        return
    found = _read_text(path)
    if found != wanted:
        raise ResultsError(
            f"{path.parent} holds another run: {path.name} differs {_first_difference(found, wanted)}. "
            "Choose another run name, or remove that folder."
        )


def _first_difference(found: str, wanted: str) -> str:
    old, new = found.split("\n"), wanted.split("\n")
    for number, (a, b) in enumerate(zip(old, new, strict=False), start=1):
        if a != b:
            return f"in line {number}: there {a[:120]!r}, now {b[:120]!r}"
    return f"in length: there {len(old)} lines, now {len(new)}"


# --- find ------------------------------------------------------------------------------------------------------------


def trial_dir(run_dir: Path, trial_id: str) -> Path:
    """The folder that a trial owns; it need not exist yet."""
    if not trial_id or trial_id.startswith(".") or "/" in trial_id or "\0" in trial_id:
        raise ResultsError(f"trial id {trial_id!r} cannot be the name of a folder")
    return run_dir / TRIALS / trial_id


def run_dirs(results_dir: Path) -> list[Path]:
    """The runs in a results folder, the one created last first."""
    found = [plan.parent for plan in results_dir.glob(f"*/{PLAN}") if plan.is_file()]
    return sorted(found, key=lambda run: ((run / PLAN).stat().st_mtime_ns, run.name), reverse=True)


def find_run(results_dir: Path, name_or_path: str) -> Path:
    """The folder of a run, by its name in `results_dir`, by a path, or "latest" for the one created last."""
    runs = run_dirs(results_dir)
    if name_or_path == "latest" and runs:
        return runs[0]
    for folder in (results_dir / name_or_path, Path(name_or_path)):
        if name_or_path and _is_run(folder):
            return folder
    known = [run.name for run in runs]
    if name_or_path and _is_there(results_dir / name_or_path / CONFIG):
        raise ResultsError(f"{results_dir / name_or_path}: {PLAN} is missing, so it is no run; bring the file back")
    if not known:
        raise ResultsError(f"no run {name_or_path!r}: {results_dir} holds no run yet. Start one with `harness run`.")
    raise ResultsError(f"no run {name_or_path!r} in {results_dir}. {_nearest(name_or_path, known, 'runs')}")


def _is_run(folder: Path) -> bool:
    return _is_there(folder / PLAN)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system
        return False


def find_target(results_dir: Path, text: str) -> tuple[Path, str | None]:
    """Read RUN or RUN/TRIAL (also RUN/trials/TRIAL, as a shell completes it) -> the run's folder and the trial's id."""
    text = text.rstrip("/") or text
    parent, _, trial = text.rpartition("/")
    try:
        return find_run(results_dir, text), None
    except ResultsError:
        if not parent:
            raise
    run_dir = find_run(results_dir, parent.removesuffix(f"/{TRIALS}"))
    known = [row.trial_id for row in plan_rows(run_dir)]
    if trial not in known:
        raise ResultsError(f"no trial {trial!r} in {run_dir}. {_nearest(trial, known, 'trials')}")
    return run_dir, trial


def _nearest(name: str, known: Sequence[str], noun: str) -> str:
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Its {noun}: {', '.join(known[:8])}{', …' if len(known) > 8 else ''}."


# --- read ------------------------------------------------------------------------------------------------------------


def load(run_dir: Path) -> Loaded:
    """Read a whole run back from disk. Raises ResultsError when a file is damaged or records and plan disagree.

    Trials share the values that they have in common, so a record takes about 3 kB of memory.
    """
    with _collector_at_rest():
        shared = _Shared()
        rows = tuple(_planned(run_dir, shared))
        planned = rows[: stopped(run_dir)]  # what a look made needless is not missing
        by_id = {record.trial_id: record for record in _recorded(run_dir, shared)}
        order = {row.trial_id: row for row in rows}
        for trial_id, record in by_id.items():
            _check_belongs(run_dir, record, order.get(trial_id))
        present = tuple(by_id[row.trial_id] for row in planned if row.trial_id in by_id)
        return Loaded(run_dir, config(run_dir), planned, present, refused(run_dir))


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Values that refer to nothing in a circle need no collector, which would walk over them again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def plan_rows(run_dir: Path) -> list[PlanRow]:
    """The planned trials, in the order in which they start."""
    return _planned(run_dir, _Shared())


def _planned(run_dir: Path, shared: _Shared) -> list[PlanRow]:
    path = run_dir / PLAN
    rows = [_plan_row(path, number, line, shared) for number, line in enumerate(_lines(path), start=1)]
    if len({row.trial_id for row in rows}) < len(rows):
        [(twin, _)] = Counter(row.trial_id for row in rows).most_common(1)
        raise ResultsError(f"{path}: plans trial {twin!r} more than once; bring the file back")
    return rows


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, one at a time. A label may hold U+2028, which is no end of a line in JSON."""
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror})") from error


def _plan_row(path: Path, number: int, line: bytes, shared: _Shared) -> PlanRow:
    try:
        return shared.plan_row(PlanRow.model_validate_json(line))
    except ValidationError as error:
        problem = _not_utf8(line) or first_problem(error)
        raise ResultsError(f"{path}, line {number}: {problem}; bring the file back") from error


def config(run_dir: Path) -> dict[str, Any]:
    """The resolved configuration."""
    path = run_dir / CONFIG
    try:
        return tomllib.loads(_read_text(path))
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{path}: {error}") from error


def refused(run_dir: Path) -> dict[str, str]:
    """Tasks that the sandbox cannot serve, each with the reason; empty without the file."""
    return _texts(run_dir / REFUSED)


def images(run_dir: Path) -> dict[str, str]:
    """The images that the run began with, by name; empty without the file."""
    return _texts(run_dir / IMAGES)


def stopped(run_dir: Path) -> int | None:
    """How many rows of the plan a run was ended after by a planned look; None when it was not."""
    found = _texts(run_dir / STOPPED)
    if not found:
        return None
    if not found.get("trials", "").isdecimal():
        raise ResultsError(f"{run_dir / STOPPED}: trials must be a number; delete the file, and go on with the run")
    return int(found["trials"])


def _texts(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        found = json.loads(_read_text(path))
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{path}: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(reason, str) for reason in found.values()):
        raise ResultsError(f"{path}: must be an object of texts")
    return found


def records(run_dir: Path) -> list[TrialRecord]:
    """Every complete trial of the run, sorted by trial id. A damaged record is an error: none is left out silently."""
    with _collector_at_rest():
        return sorted(_recorded(run_dir, _Shared()), key=lambda record: record.trial_id)


def _recorded(run_dir: Path, shared: _Shared) -> Iterator[TrialRecord]:
    """The records in the order in which they lie on the disk, which reads a cold one several times as fast."""
    folder = run_dir / TRIALS
    entries = sorted(os.scandir(folder), key=lambda entry: entry.inode()) if folder.is_dir() else []
    for name in [entry.name for entry in entries]:
        path = f"{folder}/{name}/{RECORD}"
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - a Path for each of a million files takes seconds
                data = file.read()
        except (FileNotFoundError, NotADirectoryError):
            continue  # not complete
        except OSError as error:
            raise ResultsError(f"{path}: cannot be read ({error.strerror})") from error
        yield shared.record(_record(path, name, data))


def read_record(path: Path) -> TrialRecord:
    """One record.json; its trial id must be the name of its folder."""
    return _record(path, path.parent.name, _read_bytes(path))


def _record(path: Path | str, name: str, data: bytes) -> TrialRecord:
    try:
        record = TrialRecord.model_validate_json(data)
    except ValidationError as error:
        raise ResultsError(f"{path}: {_not_utf8(data) or first_problem(error)}. {REMEDY}") from error
    if record.schema_ != SCHEMA:
        raise ResultsError(f"{path}: schema {record.schema_}, but this harness reads schema {SCHEMA}")
    if record.trial_id != name:
        raise ResultsError(f"{path}: is the record of trial {record.trial_id!r}; it was copied to the wrong folder")
    return record


class _Shared:
    """Makes equal parts of many records one object: names, digests, tallies, isolation, and which fields were given.

    Records are frozen, so nobody can tell; without it each takes three times the memory.
    """

    TEXTS = (
        "run_id", "task", "task_digest", "areas", "candidate", "candidate_digest", "label", "agent", "agent_revision",
        "prompt_digest", "scaffold", "model", "base_url", "price_table", "harness", "git",
    )  # fmt: skip
    PLANNED = ("task", "task_digest", "areas", "candidate", "candidate_digest", "label")

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def plan_row(self, row: PlanRow) -> PlanRow:
        """The row, made of shared parts."""
        self._share(row, self.PLANNED)
        self._known.setdefault(row.trial_id, row.trial_id)
        return row

    def record(self, record: TrialRecord) -> TrialRecord:
        """The record, made of shared parts."""
        self._share(record, self.TEXTS)
        values, known = record.__dict__, self._known
        values["trial_id"] = known.get(record.trial_id, record.trial_id)
        if (at := record.isolation) is not None:
            values["isolation"] = known.setdefault((at.sandbox, at.level, at.limits, at.notes), at)
        if (end := record.ending) is not None and not end.detail:
            values["ending"] = known.setdefault((Ending, end.reason), end)
        tally = tuple((name, told.passed, told.total) for name, told in record.tally.items())
        values["tally"] = known.setdefault((Tally, tally), record.tally)
        values["images"] = known.setdefault((TrialRecord, *record.images.items()), record.images)
        for part in (record.usage, record.submission):
            if part is not None:
                self._share(part, ())
        return record

    def _share(self, value: Frozen, texts: tuple[str, ...]) -> None:
        values, known = value.__dict__, self._known
        for name in texts:
            values[name] = known.setdefault(values[name], values[name])
        given = value.model_fields_set
        key = type(value) if len(given) == len(values) else (type(value), frozenset(given))
        object.__setattr__(value, "__pydantic_fields_set__", known.setdefault(key, given))


def _check_belongs(run_dir: Path, record: TrialRecord, row: PlanRow | None) -> None:
    if row is None:
        where = trial_dir(run_dir, record.trial_id) / RECORD
        raise ResultsError(f"{where}: {PLAN} plans no such trial; move the folder out of the run, or restore the plan")
    for field in ("task", "task_digest", "candidate", "candidate_digest", "attempt"):
        if getattr(record, field) != getattr(row, field):
            where = trial_dir(run_dir, record.trial_id) / RECORD
            raise ResultsError(
                f"{where}: {field} is {getattr(record, field)!r}, but {PLAN} says {getattr(row, field)!r}: "
                "results of unlike tasks or candidates are not mixed"
            )


def _read_text(path: Path) -> str:
    data = _read_bytes(path)
    if problem := _not_utf8(data):
        raise ResultsError(f"{path}: {problem}")
    return data.decode()


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror})") from error


def _not_utf8(data: bytes) -> str:
    """What keeps bytes from being text; empty when nothing does."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"is not UTF-8 (byte {error.start})"
    return ""


def first_problem(error: ValidationError) -> str:
    """What is wrong with a file's values, in a line: the first problem and where in the file it is."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where + ': ' if where else ''}{first['msg']}"
