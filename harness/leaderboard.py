"""Tallies of runs -> a leaderboard: rows, rank intervals, the frontier, and history. Pure.

    board    runs that are alike: the tasks they share have one digest, one set of images, one isolation, one runtime
    row      a candidate (its digest) on a board, pooled over the board's runs
    standing a row in a scope: overall, a capability group ("data") or an area ("data.transactions")

A row has a rate and a rank only where nothing about it misleads: at least 98 % of its trials have a verdict, it was
asked at least 98 % of the board's tasks, and no negative control of its run was passed. Rows in which no LLM did the
work are yardsticks, and never ranked.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any

from harness import ranking, stats
from harness.aggregate import BOUNDARIES, COVERAGE_NEEDED, Counts, Share
from harness.ranking import Pair
from harness.stats import Rate
from harness.stats.many import RankInterval
from harness.tallies import (
    Cell,
    Conditions,
    Provenance,
    RunTally,
    Slice,
    grouped,
    image_names,
    pooled,
    public,
    refuse_copies,
    shared_tasks,
    unlike,
)  # fmt: skip
from harness.types import DIMENSIONS, digest_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]
    Floats = NDArray[np.float64]

MOST_K = 10
OVERALL = ""
HEX = re.compile(r"[0-9a-f]{64}")


# --- rows ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """A row in a scope. `why` says why there is no rate or no rank; empty when there are both.

    `tasks` are the scope's on the board, `asked` those of them that the row was to be tried at.
    """

    tasks: int
    asked: int
    passed: int
    graded: int
    runnable: int
    rate: Rate | None = None
    rank: RankInterval | None = None
    why: str = ""


@dataclass(frozen=True)
class TaskResult:
    """One candidate at one task. `cost` is dollars, `seconds` and `tokens` are those of a graded trial, on average."""

    task: str
    counts: Counts
    interval: stats.Interval | None
    cost: float | None
    seconds: float | None
    tokens: float | None
    suspicious: int


@dataclass(frozen=True)
class Row:
    """A candidate on a board. Shares and means weigh each task the same; dollars and tokens are of one trial.

    `cost` is None where the price of any trial is not known; `spent_floor` is the least that all trials cost.
    `curve` holds (k, pass@k, pass^k).
    """

    key: str
    digest: str
    name: str
    label: str
    agent: str | None
    scaffold: str | None
    model: str | None
    note: str
    runs: tuple[str, ...]
    left_out: tuple[str, ...]
    counts: Counts
    standings: Mapping[str, Standing]
    curve: tuple[tuple[int, float, float], ...]
    secure: float | None
    secure_of: Share
    dimensions: Mapping[str, tuple[float, Share]]
    cost: float | None
    cost_per_solve: float | None
    spent_floor: float
    unpriced: int
    on_frontier: bool
    tokens: float | None
    median_seconds: float | None
    suspicious: Share
    settings: Mapping[str, Any] | None
    provenance: Provenance
    results: tuple[TaskResult, ...]

    @property
    def overall(self) -> Standing:
        """Its standing at all tasks of the board."""
        return self.standings[OVERALL]

    @property
    def ranked(self) -> bool:
        """Whether it has a rank."""
        return self.overall.rank is not None


@dataclass(frozen=True)
class Scope:
    """Some tasks of a board: all, those of a capability group, or of an area.

    `why` says why they can tell no order; there is no ranking by a group or an area then.
    """

    name: str
    tasks: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True)
class TaskInfo:
    """A task of a board."""

    id: str
    digest: str
    areas: tuple[str, ...]
    isolation: tuple[str, ...]
    images: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """Rows that can be compared: ranked ones first, best first, then those without a rank; yardsticks apart.

    `pairs` number rows among the ranked ones. `why` says what sets the board apart from the first one.
    """

    key: str
    why: str
    runs: tuple[str, ...]
    tasks: tuple[TaskInfo, ...]
    scopes: Mapping[str, Scope]
    rows: tuple[Row, ...]
    yardsticks: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]

    @property
    def ranked(self) -> tuple[Row, ...]:
        """The rows with a rank."""
        return tuple(row for row in self.rows if row.ranked)


@dataclass(frozen=True)
class RunInfo:
    """A run that was given, and what became of it."""

    name: str
    board: str
    first: str | None
    last: str | None
    trials: int
    tasks: int
    refused: int
    control_trials: int
    leaks: int
    order_seed: int | None
    attempts: int | None


@dataclass(frozen=True)
class Point:
    """A candidate in one run, for history."""

    run: str
    board: str
    at: str | None
    digest: str
    key: str
    standing: Standing


@dataclass(frozen=True)
class Series:
    """One agent with one scaffold and model over its runs, oldest first; the candidate may change from run to run."""

    name: str
    agent: str | None
    scaffold: str | None
    model: str | None
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Leaderboard:
    """All that is published. The first board is the main one: it has most rows, and of equals the newest runs."""

    boards: tuple[Board, ...]
    runs: tuple[RunInfo, ...]
    history: tuple[Series, ...]
    dropped: Mapping[str, str]

    @cached_property
    def latest(self) -> str | None:
        """When the last trial began: the leaderboard's date."""
        return max((run.last for run in self.runs if run.last), default=None)


def build(runs: Sequence[RunTally], shared: bool = False) -> Leaderboard:
    """Make the leaderboard of some runs; their order does not matter.

    Runs that are unlike stand on boards of their own; with `shared` there is one board, of the tasks that all runs
    share alike. Raises ResultsError for runs that hold the same trials, and for `shared` runs that share nothing.
    """
    named = _told_apart(sorted(runs, key=lambda run: (run.first or "", run.name)))
    refuse_copies(named)
    kept, dropped = shared_tasks(named) if shared else (None, {})
    groups = [named] if shared else grouped(named)
    groups = sorted(groups, key=_main_first)
    keys = _keys({s.digest for run in named for s in run.slices})
    boards = _unique([_board(group, kept, keys, _apart(group, groups[0])) for group in groups])
    home = {run.name: board for group, board in zip(groups, boards, strict=True) for run in group}
    return Leaderboard(
        boards=boards,
        runs=tuple(_run_info(run, home[run.name].key) for run in named),
        history=_history(named, home, keys),
        dropped=dropped,
    )


def _unique(boards: Sequence[Board]) -> tuple[Board, ...]:
    """The boards, with a number behind a key that several have."""
    seen: Counter[str] = Counter()
    named = []
    for one in boards:
        seen[one.key] += 1
        named.append(replace(one, key=f"{one.key}-{seen[one.key]}") if seen[one.key] > 1 else one)
    return tuple(named)


def _told_apart(runs: Sequence[RunTally]) -> list[RunTally]:
    """The runs, with a number behind a name that several have."""
    seen: Counter[str] = Counter()
    named = []
    for run in runs:
        seen[run.name] += 1
        named.append(replace(run, name=f"{run.name} ({seen[run.name]})") if seen[run.name] > 1 else run)
    return named


def _main_first(group: Sequence[RunTally]) -> tuple[bool, int, str, str]:
    """Most LLM candidates first, then the newest; what is not clean comes last."""
    clean = [run for run in group if run.clean]
    candidates = {s.digest for run in clean for s in run.slices if not s.note}
    newest = max((run.first or "" for run in group), default="")
    return (not clean, -len(candidates), _descending(newest), group[0].name)


def _descending(text: str) -> str:
    return "".join(chr(0x10FFFF - ord(letter)) for letter in text)


def _keys(digests: Iterable[str]) -> dict[str, str]:
    """Candidate digest -> a short name for pages and links, safe as a file's name."""
    whole = {digest: digest if HEX.fullmatch(digest) else digest_of(digest) for digest in digests}
    length = next(n for n in range(10, 65) if len({name[:n] for name in whole.values()}) == len(whole))
    return {digest: name[:length] for digest, name in whole.items()}


def _apart(group: Sequence[RunTally], main: Sequence[RunTally]) -> str:
    if group[0] is main[0]:
        return ""
    reasons: dict[str, list[str]] = defaultdict(list)
    for task, why in unlike(main[0], group[0]).items():
        reasons[why].append(task)
    words = [why if tasks == [""] else f"{why}: {listed(tasks)}" for why, tasks in reasons.items()]
    return "; ".join(words) or "unlike another run of the first board"


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{rest}"


def _run_info(run: RunTally, board: str) -> RunInfo:
    return RunInfo(
        run.name, board, run.first, run.last, run.trials, len(run.tasks), len(run.refused), run.control_trials,
        run.leaks, run.order_seed, run.attempts,
    )  # fmt: skip


# --- a board ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    """A candidate on a board while its row is made: its slices and its cells at the board's tasks, in their order."""

    digest: str
    slices: tuple[tuple[RunTally, Slice], ...]
    left_out: tuple[RunTally, ...]
    leaked: bool
    cells: tuple[Cell, ...]

    @property
    def first(self) -> Slice:
        return self.slices[0][1]

    @property
    def note(self) -> str:
        return next((s.note for _, s in self.slices if s.note), "")

    @property
    def limits(self) -> tuple[Any, ...] | None:
        return next((s.limits for _, s in self.slices if s.limits is not None), None)

    @cached_property
    def passed(self) -> Numbers:
        return self.whole("passed")

    @cached_property
    def graded(self) -> Numbers:
        return self.whole("graded")

    @cached_property
    def runnable(self) -> Numbers:
        return self.whole("runnable")

    def whole(self, name: str) -> Numbers:
        """A count of its cells, shape (T,)."""
        import numpy as np

        return np.array([getattr(cell, name) for cell in self.cells], dtype=np.int64)

    def column(self, name: str) -> Floats:
        """A sum of its cells, shape (T,)."""
        import numpy as np

        return np.array([getattr(cell, name) for cell in self.cells], dtype=float)


def _board(runs: Sequence[RunTally], kept: Sequence[str] | None, keys: Mapping[str, str], why: str) -> Board:
    tasks = _board_tasks(runs) if kept is None else list(kept)
    entries = _entries(runs, tasks)
    info = tuple(_task_info(task, runs) for task in tasks)
    scopes = _scopes(info)
    rivals = [entry for entry in entries if not entry.note]
    ranked = _ranked(rivals, scopes, tasks)
    names = _names(entries)
    expected = _expected(runs)
    rows = {
        entry.digest: _row(entry, tasks, scopes, ranked.standings.get(entry.digest, {}), names, keys, expected)
        for entry in entries
    }
    contenders = _with_frontier([rows[entry.digest] for entry in rivals])
    order = in_order(contenders)
    return Board(
        key=digest_of([runs[0].runtime, [[t.id, t.digest, t.isolation, t.images] for t in info]])[:8],
        why=why,
        runs=tuple(run.name for run in runs),
        tasks=info,
        scopes=ranked.scopes,
        rows=tuple(order),
        yardsticks=tuple(in_order(rows[e.digest] for e in entries if e.note)),
        pairs=_renumbered(ranked.pairs, order),
        notes=(*ranked.notes, *_mixed(contenders)),
    )


def _board_tasks(runs: Sequence[RunTally]) -> list[str]:
    """What was asked: tasks that some LLM candidate of a clean run can be tried at; all tasks where there is none."""
    clean = [run for run in runs if run.clean] or list(runs)
    slices = [s for run in clean for s in run.slices]
    asked = [s for s in slices if not s.note] or slices
    found = {task for s in asked for task, cell in s.cells.items() if cell.runnable}
    return sorted(found or {task for run in clean for task in run.tasks})


def _entries(runs: Sequence[RunTally], tasks: Sequence[str]) -> list[_Entry]:
    """Each candidate pooled over the clean runs; over the others only where it is in no clean one."""
    where: dict[str, list[tuple[RunTally, Slice]]] = defaultdict(list)
    for run in runs:
        for one in run.slices:
            where[one.digest].append((run, one))
    entries = []
    for digest, places in sorted(where.items()):
        clean = [place for place in places if place[0].clean]
        used = clean or places
        cells = tuple(pooled([s.cells[task] for _, s in used if task in s.cells]) for task in tasks)
        left_out = tuple(run for run, _ in places if clean and not run.clean)
        entries.append(_Entry(digest, tuple(used), left_out, not clean, cells))
    return entries


def _task_info(task: str, runs: Sequence[RunTally]) -> TaskInfo:
    having = [run for run in runs if task in run.tasks]
    isolation = {public(at) for run in having for at in run.conditions[task].isolation}
    images = {name for run in having for name in image_names(run.conditions[task])}
    first = having[0]
    return TaskInfo(task, first.tasks[task], first.areas[task], tuple(sorted(isolation)), tuple(sorted(images)))


def _expected(runs: Sequence[RunTally]) -> dict[tuple[str, str], int]:
    most: dict[tuple[str, str], int] = defaultdict(int)
    for run in runs:
        for place, total in run.expected.items():
            most[place] = max(most[place], total)
    return most


def _scopes(tasks: Sequence[TaskInfo]) -> dict[str, Scope]:
    """Overall, then each group and area that a task names, by name."""
    found: dict[str, set[str]] = defaultdict(set)
    for task in tasks:
        for area in task.areas:
            found[area].add(task.id)
            found[area.partition(".")[0]].add(task.id)
    found.pop(OVERALL, None)
    scopes = {OVERALL: Scope(OVERALL, tuple(task.id for task in tasks))}
    return scopes | {name: Scope(name, tuple(sorted(ids))) for name, ids in sorted(found.items())}


def _names(entries: Sequence[_Entry]) -> dict[str, str]:
    often = Counter(entry.first.label for entry in entries)
    return {
        e.digest: e.first.label if often[e.first.label] == 1 else f"{e.first.label}#{e.digest[:8]}" for e in entries
    }


# --- standings and ranks ---------------------------------------------------------------------------------------------


def _standing(entry: _Entry, scope: Scope, places: Sequence[int]) -> Standing:
    """A row in a scope, without a rank."""
    passed, graded, runnable = entry.passed[places], entry.graded[places], entry.runnable[places]
    asked = int((runnable > 0).sum())
    found = Standing(len(passed), asked, int(passed.sum()), int(graded.sum()), int(runnable.sum()))
    why = _misleads(entry, found)
    return replace(found, why=why) if why else replace(found, rate=ranking.rate(passed, graded))


def _misleads(entry: _Entry, found: Standing) -> str:
    """Why a row may not have a headline; empty when it may."""
    if entry.leaked:
        return "invalid: a negative control was passed in its run"
    if not found.runnable:
        return "no trial at these tasks can run"
    share = found.graded / found.runnable
    if share < COVERAGE_NEEDED:
        return f"invalid: coverage {_floored(share)} ({found.graded} of {found.runnable} trials have a verdict)"
    if not entry.note and found.asked < COVERAGE_NEEDED * found.tasks:
        return f"asked {found.asked} of {found.tasks} tasks"
    return ""


def _floored(share: float) -> str:
    return f"{int(share * 100 + 1e-9)} %"


@dataclass(frozen=True)
class _Ranked:
    """Digest -> scope -> standing; the pairs overall by digest; the scopes, and what is to be told."""

    standings: Mapping[str, Mapping[str, Standing]]
    pairs: tuple[tuple[str, str, Pair], ...]
    scopes: Mapping[str, Scope]
    notes: tuple[str, ...]


def _ranked(rivals: Sequence[_Entry], scopes: Mapping[str, Scope], tasks: Sequence[str]) -> _Ranked:
    """Rank the rivals in every scope; a scope other than overall only where its tasks can tell an order."""
    place = {task: number for number, task in enumerate(tasks)}
    codes, told = _codes(rivals), dict(scopes)
    standings: dict[str, dict[str, Standing]] = {entry.digest: {} for entry in rivals}
    pairs: tuple[tuple[str, str, Pair], ...] = ()
    notes: tuple[str, ...] = ()
    for name, scope in scopes.items():
        places = [place[task] for task in scope.tasks]
        found = [_standing(entry, scope, places) for entry in rivals]
        fit = [n for n, one in enumerate(found) if one.rate and (name == OVERALL or _has_rank(standings, rivals[n]))]
        why = _too_few(len(places), len(fit))
        told[name] = replace(scope, why=why)
        if name == OVERALL:
            result, notes = _rank_scope(rivals, found, fit, places, codes)
            pairs = tuple((rivals[fit[p.a]].digest, rivals[fit[p.b]].digest, p) for p in result)
        elif not why:
            _rank_scope(rivals, found, fit, places, codes)
        for entry, one in zip(rivals, found, strict=True):
            standings[entry.digest][name] = replace(one, why=one.why or why) if not one.rank else one
    return _Ranked(standings, pairs, told, notes)


def _has_rank(standings: Mapping[str, Mapping[str, Standing]], entry: _Entry) -> bool:
    return standings[entry.digest][OVERALL].rank is not None


def _too_few(tasks: int, rows: int) -> str:
    """Why no order can be told; empty when one can."""
    needed = ranking.fewest_tasks(rows)
    if tasks >= needed or rows < 2:
        return ""
    return f"{tasks} {'task' if tasks == 1 else 'tasks'} cannot tell an order of {rows} rows: it takes {needed}"


def _rank_scope(
    rivals: Sequence[_Entry], found: list[Standing], fit: Sequence[int], places: Sequence[int], codes: Any
) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """Put the ranks of the rows that are `fit` into `found`; return their pairs, and what is to be told."""
    import numpy as np

    if not fit:
        return (), ()
    passed = np.array([rivals[n].passed[places] for n in fit])
    graded = np.array([rivals[n].graded[places] for n in fit])
    comparable, notes = _comparable([rivals[n] for n in fit], [found[n] for n in fit])
    result = ranking.rank(passed, graded, codes[np.ix_(fit, places)], comparable)
    for n, interval in zip(fit, result.intervals, strict=True):
        found[n] = replace(found[n], rank=interval)
    return result.pairs, tuple(notes)


def _codes(rivals: Sequence[_Entry]) -> Numbers:
    """A number for each distinct set of conditions at a task, shape (m, T)."""
    import numpy as np

    known: dict[Conditions, int] = {}
    codes = [[known.setdefault(cell.conditions, len(known)) for cell in entry.cells] for entry in rivals]
    return np.array(codes, dtype=np.int64).reshape(len(rivals), -1 if rivals else 0)


def _comparable(rows: Sequence[_Entry], standings: Sequence[Standing]) -> tuple[Any, list[str]]:
    """Which rows may be compared, shape (m, m), and how many pairs may not, and why."""
    import numpy as np

    together = np.ones((len(rows), len(rows)), dtype=bool)
    limits = lost = 0
    homes = [{run.name for run, _ in entry.slices} for entry in rows]
    bounds = [entry.limits for entry in rows]
    missing = [one.runnable - one.graded for one in standings]
    for a in range(len(rows)):
        for b in range(a + 1, len(rows)):
            if bounds[a] != bounds[b] and None not in (bounds[a], bounds[b]) and not homes[a] & homes[b]:
                limits += 1
            elif missing[a] != missing[b] and _lost_more(missing, standings, a, b):
                lost += 1
            else:
                continue
            together[a, b] = together[b, a] = False
    several = len(set().union(*homes)) > 1  # within one run limits differ because somebody wanted to measure that
    return together, _not_compared(limits, lost, sum(one is None for one in bounds) if several else 0)


def _lost_more(missing: Sequence[int], standings: Sequence[Standing], a: int, b: int) -> bool:
    """Whether one row lost more trials than chance explains: what it lost may be what would have failed."""
    return stats.fisher(missing[a], standings[a].runnable, missing[b], standings[b].runnable) <= ranking.ALPHA


def _not_compared(limits: int, lost: int, unknown: int) -> list[str]:
    """What a reader should know of pairs that were left open, or compared without knowing all."""
    counted = {
        "pairs of rows not compared, because their limits differ and no run has both": limits,
        "pairs of rows not compared, because one lost more trials than chance explains": lost,
        "rows whose limits are not known, because the configuration of their runs does not tell": unknown,
    }
    return [f"{what}: {number}" for what, number in counted.items() if number]


def _mixed(rows: Sequence[Row]) -> Iterable[str]:
    """What else differs between trials that are compared, and should be known."""
    for name, words in (("price_table", "price tables"), ("harness", "versions of the harness")):
        values = sorted({value for row in rows for value in getattr(row.provenance, name)})
        if len(values) > 1:
            yield f"trials with different {words} are compared: {listed(values)}"


def in_order(rows: Iterable[Row], scope: str = OVERALL) -> list[Row]:
    """Rows as they stand in a scope: by rank, of equals by pass rate, then those without a rank."""

    def place(row: Row) -> tuple[Any, ...]:
        standing = row.standings[scope]
        low, high = standing.rank or (1 << 30, 1 << 30)
        mean = standing.rate.estimate if standing.rate else -1.0
        return (low, high, -mean, row.name, row.digest)

    return sorted(rows, key=place)


def _renumbered(pairs: Iterable[tuple[str, str, Pair]], rows: Sequence[Row]) -> tuple[Pair, ...]:
    """The pairs with the numbers of the ranked rows in their final order, the better placed one first."""
    place = {row.digest: number for number, row in enumerate(row for row in rows if row.ranked)}
    found = []
    for one, other, pair in pairs:
        a, b = place[one], place[other]
        turned = pair if a < b else pair._replace(difference=-pair.difference)
        found.append(turned._replace(a=min(a, b), b=max(a, b)))
    return tuple(sorted(found))


# --- one row ---------------------------------------------------------------------------------------------------------


def _row(
    entry: _Entry,
    tasks: Sequence[str],
    scopes: Mapping[str, Scope],
    standings: Mapping[str, Standing],
    names: Mapping[str, str],
    keys: Mapping[str, str],
    expected: Mapping[tuple[str, str], int],
) -> Row:
    first, graded, unpriced = entry.first, entry.graded, int(entry.whole("unpriced").sum())
    if not standings:  # a yardstick
        place = {task: number for number, task in enumerate(tasks)}
        standings = {name: _standing(entry, s, [place[t] for t in s.tasks]) for name, s in scopes.items()}
    rate = standings[OVERALL].rate
    cost = None if unpriced else ranking.mean_over_tasks(entry.column("cost"), graded)
    return Row(
        key=keys[entry.digest], digest=entry.digest, name=names[entry.digest], label=first.label, agent=first.agent,
        scaffold=first.scaffold, model=first.model, note=entry.note,
        runs=tuple(run.name for run, _ in entry.slices), left_out=tuple(run.name for run in entry.left_out),
        counts=_counts(entry.cells), standings=standings,
        curve=tuple(ranking.pass_curve(entry.passed, graded, MOST_K)) if rate else (),
        secure=ranking.mean_over_tasks(entry.column("secure"), entry.column("secure_known")) if rate else None,
        secure_of=_share(entry, "secure", "secure_known"),
        dimensions=_dimensions(entry, tasks, expected) if rate else {},
        cost=cost, cost_per_solve=_per_solve(cost, rate), spent_floor=float(entry.column("spent").sum()),
        unpriced=unpriced, on_frontier=False, tokens=ranking.mean_over_tasks(entry.column("tokens"), graded),
        median_seconds=_median([s.seconds for _, s in entry.slices]),
        suspicious=_share(entry, "suspicious", "searched"),
        settings=next((s.settings for _, s in entry.slices if s.settings), None),
        provenance=_joined(s.provenance for _, s in entry.slices),
        results=tuple(_result(task, cell) for task, cell in zip(tasks, entry.cells, strict=True)),
    )  # fmt: skip


def _share(entry: _Entry, hits: str, total: str) -> Share:
    return Share(int(entry.whole(hits).sum()), int(entry.whole(total).sum()))


def _per_solve(cost: float | None, rate: Rate | None) -> float | None:
    return cost / rate.estimate if cost is not None and rate and rate.estimate else None


def _median(parts: Sequence[array[float]]) -> float | None:
    whole = [value for part in parts for value in part]
    return median(whole) if whole else None


def _joined(parts: Iterable[Provenance]) -> Provenance:
    whole = Provenance()
    for part in parts:
        whole = whole.with_(part)
    return whole


def _counts(cells: Iterable[Cell]) -> Counts:
    total = pooled(list(cells))
    errors = dict(zip(BOUNDARIES, total.errors, strict=True))
    missing = total.runnable - total.graded - sum(errors.values())
    return Counts(total.planned, total.passed, total.failed, errors, missing, total.not_run)


def _dimensions(
    entry: _Entry, tasks: Sequence[str], expected: Mapping[tuple[str, str], int]
) -> dict[str, tuple[float, Share]]:
    """Share of hidden tests passed: the mean over tasks, and the counts. A trial without a tally failed its tests."""
    import numpy as np

    found = {}
    for number, dimension in enumerate(DIMENSIONS):
        totals = np.array([expected.get((task, dimension), 0) for task in tasks]) * entry.graded
        passed = np.array([cell.tests[number] for cell in entry.cells])
        mean = ranking.mean_over_tasks(passed, totals)
        if mean is not None:
            found[dimension] = (mean, Share(int(passed[totals > 0].sum()), int(totals.sum())))
    return found


def _result(task: str, cell: Cell) -> TaskResult:
    graded = cell.graded
    return TaskResult(
        task=task,
        counts=_counts([cell]),
        interval=stats.wilson(cell.passed, graded) if graded else None,
        cost=cell.cost / graded if graded and not cell.unpriced else None,
        seconds=cell.seconds / graded if graded else None,
        tokens=cell.tokens / graded if graded else None,
        suspicious=cell.suspicious,
    )


def _with_frontier(rows: Sequence[Row]) -> list[Row]:
    """Rows with their place on the frontier of cost and pass rate; only ranked ones can have one."""
    points = [(row.cost, row.overall.rate.estimate if row.ranked and row.overall.rate else None) for row in rows]
    return [replace(row, on_frontier=on) for row, on in zip(rows, ranking.frontier(points), strict=True)]


# --- history ---------------------------------------------------------------------------------------------------------


def _history(runs: Sequence[RunTally], home: Mapping[str, Board], keys: Mapping[str, str]) -> tuple[Series, ...]:
    """Each agent with its scaffold and model over the runs, each run by itself."""
    points: dict[tuple[str, ...], list[Point]] = defaultdict(list)
    first: dict[tuple[str, ...], Slice] = {}
    for run in runs:
        tasks = [task.id for task in home[run.name].tasks]
        for one in run.slices:
            if one.note:
                continue
            who = (one.agent or "", one.scaffold or "", one.model or "") if one.scaffold else (one.label,)
            first.setdefault(who, one)
            points[who].append(_point(run, one, tasks, home[run.name].key, keys))
    order = sorted(points.items())
    return tuple(
        Series(_series_name(first[who]), first[who].agent, first[who].scaffold, first[who].model,
               tuple(sorted(found, key=lambda p: (p.at or "", p.run, p.key))))
        for who, found in order
    )  # fmt: skip


def _point(run: RunTally, one: Slice, tasks: Sequence[str], board: str, keys: Mapping[str, str]) -> Point:
    cells = tuple(one.cells.get(task, Cell()) for task in tasks)
    entry = _Entry(one.digest, ((run, one),), (), not run.clean, cells)
    standing = _standing(entry, Scope(OVERALL, tuple(tasks)), list(range(len(tasks))))
    return Point(run.name, board, one.provenance.first or run.first, one.digest, keys[one.digest], standing)


def _series_name(one: Slice) -> str:
    return " · ".join(part for part in (one.agent, one.scaffold, one.model) if part) or one.label
