"""Runs for tests of the leaderboard: what several candidates did at some tasks, in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w
from synthetic_run import no_llm, plan_row, record

from harness import store
from harness.leaderboard import Board, Leaderboard, Row, build
from harness.store import Loaded, PlanRow
from harness.tallies import tally
from harness.types import TrialRecord, digest_of

MODEL = "anthropic/claude-sonnet-5-5"


def label(agent: str) -> str:
    return f"{agent} · tools · {MODEL}"


def run(
    name: str,
    passes: Mapping[str, Sequence[int]],
    *,
    attempts: int = 1,
    day: str = "2026-11-23",
    tasks: Iterable[str] | None = None,
    areas: Mapping[str, Sequence[str]] | None = None,
    config: Mapping[str, Any] | None = None,
    digests: Mapping[str, str] | None = None,
    lost: Mapping[str, int] | None = None,
    leak: bool = False,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    **common: Any,
) -> Loaded:
    """A run: agent -> how many of its `attempts` passed at each task, in the order of the tasks.

    Each agent is a candidate, `lost` of whose first trials have no record. `digests` replaces those of tasks, `changes`
    fields of an agent's records, `common` fields of all. With `leak` a negative control is passed.
    """
    rows: list[PlanRow] = []
    records: list[TrialRecord] = []
    width = len(next(iter(passes.values())))
    names = list(tasks) if tasks is not None else [f"task-{n:02d}" for n in range(width)]
    for agent, counts in passes.items():
        missing = (lost or {}).get(agent, 0)
        for task, passed in zip(names, counts, strict=True):
            for attempt in range(1, attempts + 1):
                row = planned(task, label(agent), attempt, (areas or {}).get(task, ("api.rest",)), digests)
                rows.append(row)
                if missing:
                    missing -= 1
                    continue
                outcome = "passed" if attempt <= passed else "failed"
                fields = {
                    "run_id": name, "agent": agent, "prompt_digest": digest_of(agent), "seed": len(rows),
                    "started": f"{day}T02:{len(rows) // 60 % 60:02d}:{len(rows) % 60:02d}+00:00",
                }  # fmt: skip
                records.append(record(row, outcome, **{**fields, **common, **(changes or {}).get(agent, {})}))
    first = label(next(iter(passes)))
    control = plan_row("sealed-draw", first, 1, (), control="impossible")
    rows.append(control)
    records.append(record(control, "passed" if leak else "failed", run_id=name, started=f"{day}T01:00:00+00:00"))
    return Loaded(Path("/somewhere") / name, dict(config or {"name": name}), tuple(rows), tuple(records), {})


def planned(
    task: str, text: str, attempt: int, areas: Sequence[str] = ("api.rest",), digests: Mapping[str, str] | None = None
) -> PlanRow:
    row = plan_row(task, text, attempt, areas)
    return row.model_copy(update={"task_digest": digest_of((digests or {}).get(task, task))})


def with_yardsticks(loaded: Loaded) -> Loaded:
    """The run with oracle, nop and a scripted agent at each of its tasks."""
    tasks = {row.task: row.areas for row in loaded.planned if not row.control}
    rows, records = list(loaded.planned), list(loaded.records)
    for text, scaffold, outcome in (
        ("oracle", "oracle", "passed"),
        ("nop", "nop", "failed"),
        ("backend-developer · tools · scripted/demo", "tools", "passed"),
    ):
        for task, areas in sorted(tasks.items()):
            row = planned(task, text, 1, areas)
            rows.append(row)
            records.append(no_llm(row, scaffold, outcome, run_id=loaded.run_id))
    return Loaded(loaded.run_dir, loaded.config, tuple(rows), tuple(records), loaded.refused)


def on_disk(loaded: Loaded, results: Path) -> Path:
    """Write the run as the harness does, and return its folder."""
    folder = results / loaded.run_id
    store.write_atomic(folder / store.CONFIG, tomli_w.dumps(dict(loaded.config)).encode())
    lines = "".join(row.model_dump_json(exclude_none=True) + "\n" for row in loaded.planned)
    store.write_atomic(folder / store.PLAN, lines.encode())
    for one in loaded.records:
        place = store.trial_dir(folder, one.trial_id)
        place.mkdir(parents=True)
        (place / store.RECORD).write_text(one.model_dump_json(by_alias=True))
    return folder


def board(*runs: Loaded, shared: bool = False) -> Leaderboard:
    return build([tally(one) for one in runs], shared)


def row_of(found: Board, agent: str) -> Row:
    (row,) = [row for row in (*found.rows, *found.yardsticks) if row.agent == agent or row.name == agent]
    return row
