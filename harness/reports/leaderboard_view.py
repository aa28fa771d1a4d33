"""What the leaderboard's pages say in words, and the figures that its script shows for each scope. Pure.

Every figure is computed before: the script moves and swaps what stands here, and counts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.capabilities import AREAS
from harness.leaderboard import OVERALL, Board, Leaderboard, Row, Scope, Series, Standing, in_order, listed
from harness.reports.text import clip, count, dollars, interval, percent, plain, plural
from harness.tallies import LIMITS
from harness.types import DIMENSIONS

GROUPS = {
    "api": "APIs",
    "data": "Databases",
    "arch": "Systems",
    "code": "Code quality",
    "tech": "Technology",
    "work": "Decisions",
}
MOST_NAME = 80
MOST_CELLS = 20_000  # of all scopes together; beyond, only scopes that have a ranking can be chosen


def rank_of(standing: Standing) -> str:
    """`1–3`, or `2` where the place is sure; empty without a rank."""
    rank = standing.rank
    if rank is None:
        return ""
    return str(rank.low) if rank.low == rank.high else f"{rank.low}–{rank.high}"


def headline(board: Board) -> str:
    """Who leads, or who may; or why nobody does."""
    ranked = board.ranked
    if not ranked:
        return _nobody(board)
    first = [row for row in ranked if row.overall.rank and row.overall.rank.low == 1]
    if len(ranked) == 1:
        return f"{_told(first[0], 'passes')}. It is the only candidate that can be ranked."
    if len(first) == 1:
        others = f"all {len(ranked) - 1} others" if len(ranked) > 2 else "the other one"
        return f"{_told(first[0], 'leads: it passes')}, surely more than {others}."
    names = listed([f"{clip(row.name, MOST_NAME)} ({_rate(row)})" for row in first], 3)
    if len(first) == len(ranked):
        return f"No order can be told: {plural(len(first), 'candidate')} may be first: {names}."
    return f"First place is open between {len(first)} of {plural(len(ranked), 'candidate')}: {names}."


def _nobody(board: Board) -> str:
    if not board.rows:
        return "No LLM did any work in these runs: there are only yardsticks."
    return f"Nobody can be ranked. {clip(board.rows[0].name, MOST_NAME)}: {board.rows[0].overall.why}."


def _rate(row: Row) -> str:
    return percent(row.overall.rate.estimate) if row.overall.rate else row.overall.why


def _told(row: Row, verb: str) -> str:
    rate = row.overall.rate
    within = f" ({interval(rate.low, rate.high)})" if rate else ""
    return f"{clip(row.name, MOST_NAME)} {verb} {_rate(row)}{within} of {plural(row.overall.asked, 'task')}"


def leaks(board: Leaderboard) -> str:
    """The alarm for runs in which a negative control was passed; empty when there is none."""
    names = [run.name for run in board.runs if run.leaks]
    if not names:
        return ""
    runs = "run" if len(names) == 1 else "runs"
    return (
        f"A NEGATIVE CONTROL WAS PASSED in {runs} {listed(names)}. Nobody can pass it by work: the grader or a task "
        "leaks there. No trial of it is in any rate or rank."
    )


def cost(row: Row) -> str:
    """Dollars of a trial, or that they are not known: never 0 for what nobody knows."""
    if row.cost is not None:
        return dollars(row.cost)
    return "unknown" if row.unpriced else "–"


def spent(row: Row) -> str:
    """What all trials cost together; `at least` where a price is not known, `unknown` where none is."""
    if not row.unpriced:
        return dollars(row.spent_floor)
    return f"at least {dollars(row.spent_floor)}" if row.spent_floor else "unknown"


def suspicious(row: Row) -> str:
    """`2 of 60`, or that nobody searched."""
    hits, total = row.suspicious
    return f"{hits} of {total}" if total else "not searched"


def coverage(row: Row) -> str:
    """`100 % (60 of 60)`."""
    counts = row.counts
    if counts.coverage is None:
        return "nothing can run"
    return f"{int(counts.coverage * 100 + 1e-9)} % ({counts.graded} of {counts.runnable})"


def tokens(row: Row) -> str:
    """Tokens of a trial."""
    return "–" if row.tokens is None else count(round(row.tokens))


def settings(row: Row) -> str:
    """`effort high, max_turns 60`; what was left to the task or the provider is not said."""
    if row.settings is None:
        return "not told by the runs' configuration"
    given = [f"{name} {row.settings[name]}" for name in ("effort", *LIMITS) if row.settings[name] is not None]
    return ", ".join(given) or "the defaults"


def seeds(row: Row) -> str:
    """Where a trial's inputs came from: one seed a trial is the rule."""
    known = row.provenance
    return f"{known.seeds} distinct seeds in {known.seeded} graded trials, each made after its submission was frozen"


def isolation(board: Board) -> str:
    """How the board's trials were isolated: sandbox, level and what enforced the limits."""
    return "; ".join(sorted({found for task in board.tasks for found in task.isolation})) or "unknown"


def scope_name(name: str) -> str:
    """`overall`, `APIs` or `api.rest`."""
    return GROUPS.get(name, name) if name else "overall"


def about(name: str) -> str:
    """What a capability area is; empty for what the map does not know."""
    return AREAS.get(name, "")


def areas_of(board: Board) -> list[tuple[str, list[Scope]]]:
    """Groups with the scopes in them: the group itself first, then its areas."""
    return [
        (group, [scope for name, scope in board.scopes.items() if name.partition(".")[0] == group])
        for group in groups_of(board)
    ]


def groups_of(board: Board) -> list[str]:
    """The capability groups that the board's tasks name, in the order of the map."""
    found = {name.partition(".")[0] for name in board.scopes if name != OVERALL}
    return [group for group in GROUPS if group in found] + sorted(found - GROUPS.keys())


def dimensions_of(board: Board) -> list[str]:
    """The dimensions in which some row was tested."""
    return [name for name in DIMENSIONS if any(name in row.dimensions for row in board.rows)]


def choices(board: Board) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be chosen to rank by: group -> (scope, words)."""
    shown = shown_scopes(board)
    groups = [(group, [scope for scope in scopes if scope.name in shown]) for group, scopes in areas_of(board)]
    return [(scope_name(group), [(s.name, _choice(s)) for s in scopes]) for group, scopes in groups if scopes]


def _choice(scope: Scope) -> str:
    name = f"all of {scope_name(scope.name)}" if "." not in scope.name else scope.name
    return f"{name}: {plural(len(scope.tasks), 'task')}{', no ranking' if scope.why else ''}"


def shown_scopes(board: Board) -> list[str]:
    """The scopes that can be chosen."""
    names = list(board.scopes)
    if len(names) * len(board.rows) <= MOST_CELLS:
        return names
    return [name for name in names if name == OVERALL or not board.scopes[name].why]


def scopes(board: Board) -> dict[str, Any]:
    """For the script: scope -> why it has no ranking, and row key -> what its cells show there."""
    return {name: _scope(board, name) for name in shown_scopes(board)}


def _scope(board: Board, name: str) -> dict[str, Any]:
    order = {row.key: place for place, row in enumerate(in_order(board.rows, name))}
    rows = {row.key: _cells(row.standings[name], order[row.key], len(board.ranked)) for row in board.rows}
    return {"why": board.scopes[name].why, "rows": rows}


def _cells(standing: Standing, place: int, number: int) -> dict[str, Any]:
    rate, rank = standing.rate, standing.rank
    return {
        "place": place if rank else "",
        "rank": rank_of(standing) or "–",
        "from": f"{100 * (rank.low - 1) / number:.2f}%" if rank else "0%",
        "wide": f"{100 * (rank.high - rank.low + 1) / number:.2f}%" if rank else "0%",
        "value": f"{rate.estimate:.6f}" if rate else "",
        "rate": percent(rate.estimate) if rate else "",
        "within": _within(standing),
        **bar(standing),
        "why": "" if rate else plain(standing.why),
    }


def _within(standing: Standing) -> str:
    """The interval, and how many tasks the row was asked where that is not all."""
    if standing.rate is None:
        return ""
    asked = "" if standing.asked == standing.tasks else f", {standing.asked} of {plural(standing.tasks, 'task')}"
    return interval(standing.rate.low, standing.rate.high) + asked


def bar(standing: Standing) -> dict[str, str]:
    """Where the interval begins, how wide it is, and where its dot stands, in per cent."""
    rate = standing.rate
    if rate is None:
        return {"low": "0%", "width": "0%", "dot": "0%"}
    return {
        "low": f"{rate.low * 100:.2f}%",
        "width": f"{(rate.high - rate.low) * 100:.2f}%",
        "dot": f"{rate.estimate * 100:.2f}%",
    }


def cells(standing: Standing, place: int, number: int) -> dict[str, Any]:
    """What a row's cells show overall: the same that the script shows for another scope."""
    return _cells(standing, place, number)


def values(rows: Sequence[Row], name: str) -> list[str]:
    """The distinct agents, scaffolds or models of some rows, for a filter."""
    return sorted({plain(found) for row in rows if (found := getattr(row, name))})


def parts(name: str) -> tuple[str, str]:
    """A name's first part, and the rest."""
    first, _, rest = name.partition(" · ")
    return first, rest


def preview_text(board: Leaderboard) -> str:
    """The description beside a link's picture."""
    return clip(plain(headline(board.boards[0])), 300)


def history_of(history: Sequence[Series], digest: str) -> list[Any]:
    """The points of the series in which a candidate is."""
    return [point for series in history if any(p.digest == digest for p in series.points) for point in series.points]


def helpers() -> Mapping[str, Any]:
    """The functions that the templates call."""
    return {
        function.__name__: function
        for function in (
            rank_of, headline, leaks, cost, spent, suspicious, coverage, tokens, settings, seeds, isolation, scope_name,
            about, areas_of, groups_of, dimensions_of, choices, scopes, bar, cells, values, parts, in_order,
        )
    }  # fmt: skip
