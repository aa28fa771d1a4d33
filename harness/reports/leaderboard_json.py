"""leaderboard.json: all figures and their provenance, for programs. docs/leaderboard.md describes each field.

VERSION is raised when a field leaves, or changes its type or meaning; a new field leaves it as it is. Shares lie in
[0, 1], money is in dollars, times are UTC (ISO 8601) or seconds; what is unknown is null, never 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from harness.leaderboard import Board, Leaderboard, Point, Row, Series, Standing, TaskResult
from harness.reports.text import plain
from harness.secrets import throughout
from harness.types import Frozen

KIND, VERSION = "backend-harness.leaderboard", 1


class Range(Frozen):
    """The ranks that a row can have, from 1."""

    low: int
    high: int


class RateDoc(Frozen):
    """A pass rate over tasks with its 95 % interval."""

    estimate: float
    low: float
    high: float
    n_effective: float


class StandingDoc(Frozen):
    """A row in a scope."""

    tasks: int
    asked: int
    passed: int
    graded: int
    runnable: int
    rate: RateDoc | None
    rank: Range | None
    why: str


class RepeatsDoc(Frozen):
    """pass@k and pass^k."""

    k: int
    at_least_one: float
    all_of_them: float


class ShareDoc(Frozen):
    """A mean over tasks, and the counts behind it."""

    share: float | None
    hits: int
    total: int


class ResultDoc(Frozen):
    """A candidate at one task."""

    task: str
    planned: int
    passed: int
    failed: int
    errors: int
    missing: int
    not_run: int
    low: float | None
    high: float | None
    cost_usd: float | None
    seconds: float | None
    tokens: float | None
    suspicious: int


class ProvenanceDoc(Frozen):
    """What made a row."""

    runs: tuple[str, ...]
    left_out: tuple[str, ...]
    agent: tuple[str, ...]
    agent_revision: tuple[str, ...]
    prompt_digest: tuple[str, ...]
    settings: dict[str, Any] | None
    own_endpoint: bool
    harness: tuple[str, ...]
    git: tuple[str, ...]
    price_table: tuple[str, ...]
    isolation: tuple[str, ...]
    images: tuple[str, ...]
    distinct_seeds: int
    first_trial: str | None
    last_trial: str | None


class RowDoc(Frozen):
    """A candidate on a board."""

    key: str
    candidate_digest: str
    name: str
    agent: str | None
    scaffold: str | None
    model: str | None
    yardstick: str
    planned: int
    passed: int
    failed: int
    errors: dict[str, int]
    missing: int
    not_run: int
    coverage: float | None
    standings: dict[str, StandingDoc]
    repeats: tuple[RepeatsDoc, ...]
    secure: ShareDoc
    dimensions: dict[str, ShareDoc]
    cost_usd: float | None
    cost_per_solved_usd: float | None
    spent_at_least_usd: float
    trials_without_price: int
    on_frontier: bool
    tokens: float | None
    median_seconds: float | None
    suspicious: int
    searched: int
    provenance: ProvenanceDoc
    results: tuple[ResultDoc, ...]


class TaskDoc(Frozen):
    """A task of a board."""

    id: str
    digest: str
    areas: tuple[str, ...]
    isolation: tuple[str, ...]
    images: tuple[str, ...]


class ScopeDoc(Frozen):
    """Some tasks of a board by which rows are ranked."""

    name: str
    tasks: int
    why_no_ranking: str


class PairDoc(Frozen):
    """Two ranked rows compared: mean difference a - b over shared tasks, p, and p after Holm."""

    a: str
    b: str
    tasks: int
    difference: float
    p: float
    holm: float


class BoardDoc(Frozen):
    """Rows that can be compared."""

    key: str
    why_apart: str
    runs: tuple[str, ...]
    notes: tuple[str, ...]
    tasks: tuple[TaskDoc, ...]
    scopes: tuple[ScopeDoc, ...]
    rows: tuple[RowDoc, ...]
    yardsticks: tuple[RowDoc, ...]
    pairs: tuple[PairDoc, ...]


class RunDoc(Frozen):
    """A run that was given."""

    name: str
    board: str
    first_trial: str | None
    last_trial: str | None
    trials: int
    tasks: int
    refused_tasks: int
    control_trials: int
    control_passed: int
    order_seed: int | None
    attempts: int | None


class PointDoc(Frozen):
    """A candidate in one run."""

    run: str
    board: str
    at: str | None
    candidate_digest: str
    standing: StandingDoc


class SeriesDoc(Frozen):
    """An agent with a scaffold and a model, over its runs."""

    name: str
    agent: str | None
    scaffold: str | None
    model: str | None
    points: tuple[PointDoc, ...]


class Document(Frozen):
    """leaderboard.json."""

    schema_: str = Field(KIND, alias="schema")
    version: int = VERSION
    title: str
    latest_trial: str | None
    boards: tuple[BoardDoc, ...]
    runs: tuple[RunDoc, ...]
    history: tuple[SeriesDoc, ...]
    left_out_tasks: dict[str, str]


def document(board: Leaderboard, title: str) -> Document:
    """The leaderboard as it is published."""
    return Document(
        schema=KIND,
        title=title,
        latest_trial=board.latest,
        boards=tuple(map(_board, board.boards)),
        runs=tuple(
            RunDoc(
                name=r.name, board=r.board, first_trial=r.first, last_trial=r.last, trials=r.trials, tasks=r.tasks,
                refused_tasks=r.refused, control_trials=r.control_trials, control_passed=r.leaks,
                order_seed=r.order_seed, attempts=r.attempts,
            )
            for r in board.runs
        ),
        history=tuple(map(_series, board.history)),
        left_out_tasks=dict(board.dropped),
    )  # fmt: skip


def text(board: Leaderboard, title: str) -> str:
    """leaderboard.json itself; every text is safe to show, as `text.plain` makes it."""
    values = document(board, title).model_dump(mode="json", by_alias=True)
    return json.dumps(throughout(values, plain), ensure_ascii=False, allow_nan=False) + "\n"


def _board(board: Board) -> BoardDoc:
    keys = [row.key for row in board.ranked]
    return BoardDoc(
        key=board.key,
        why_apart=board.why,
        runs=board.runs,
        notes=board.notes,
        tasks=tuple(TaskDoc(**vars(task)) for task in board.tasks),
        scopes=tuple(
            ScopeDoc(name=name or "overall", tasks=len(scope.tasks), why_no_ranking=scope.why)
            for name, scope in board.scopes.items()
        ),
        rows=tuple(map(_row, board.rows)),
        yardsticks=tuple(map(_row, board.yardsticks)),
        pairs=tuple(
            PairDoc(a=keys[p.a], b=keys[p.b], tasks=p.tasks, difference=p.difference, p=p.p, holm=p.adjusted)
            for p in board.pairs
        ),
    )


def _row(row: Row) -> RowDoc:
    counts = row.counts
    return RowDoc(
        key=row.key, candidate_digest=row.digest, name=row.name, agent=row.agent, scaffold=row.scaffold,
        model=row.model, yardstick=row.note, planned=counts.planned, passed=counts.passed, failed=counts.failed,
        errors=dict(counts.errors), missing=counts.missing, not_run=counts.not_run, coverage=counts.coverage,
        standings={name or "overall": _standing(standing) for name, standing in row.standings.items()},
        repeats=tuple(RepeatsDoc(k=k, at_least_one=one, all_of_them=every) for k, one, every in row.curve),
        secure=ShareDoc(share=row.secure, hits=row.secure_of.hits, total=row.secure_of.total),
        dimensions={
            name: ShareDoc(share=mean, hits=of.hits, total=of.total) for name, (mean, of) in row.dimensions.items()
        },
        cost_usd=row.cost, cost_per_solved_usd=row.cost_per_solve, spent_at_least_usd=row.spent_floor,
        trials_without_price=row.unpriced, on_frontier=row.on_frontier, tokens=row.tokens,
        median_seconds=row.median_seconds, suspicious=row.suspicious.hits, searched=row.suspicious.total,
        provenance=_provenance(row), results=tuple(map(_result, row.results)),
    )  # fmt: skip


def _standing(found: Standing) -> StandingDoc:
    return StandingDoc(
        tasks=found.tasks, asked=found.asked, passed=found.passed, graded=found.graded, runnable=found.runnable,
        rate=RateDoc(**found.rate._asdict()) if found.rate else None,
        rank=Range(**found.rank._asdict()) if found.rank else None, why=found.why,
    )  # fmt: skip


def _provenance(row: Row) -> ProvenanceDoc:
    known = row.provenance
    return ProvenanceDoc(
        runs=row.runs, left_out=row.left_out, agent=known.agent, agent_revision=known.agent_revision,
        prompt_digest=known.prompt_digest, settings=_mapping(row.settings), own_endpoint=known.own_endpoint,
        harness=known.harness, git=known.git, price_table=known.price_table, isolation=known.isolation,
        images=known.images, distinct_seeds=known.seeds, first_trial=known.first, last_trial=known.last,
    )  # fmt: skip


def _mapping(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else dict(values)


def _result(found: TaskResult) -> ResultDoc:
    counts, bounds = found.counts, found.interval
    return ResultDoc(
        task=found.task, planned=counts.planned, passed=counts.passed, failed=counts.failed, errors=counts.error,
        missing=counts.missing, not_run=counts.not_run, low=bounds.low if bounds else None,
        high=bounds.high if bounds else None, cost_usd=found.cost, seconds=found.seconds, tokens=found.tokens,
        suspicious=found.suspicious,
    )  # fmt: skip


def _series(series: Series) -> SeriesDoc:
    return SeriesDoc(
        name=series.name, agent=series.agent, scaffold=series.scaffold, model=series.model,
        points=tuple(map(_point, series.points)),
    )  # fmt: skip


def _point(point: Point) -> PointDoc:
    return PointDoc(
        run=point.run, board=point.board, at=point.at, candidate_digest=point.digest, standing=_standing(point.standing)
    )
