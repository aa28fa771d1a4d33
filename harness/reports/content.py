"""What every report says in words: the headline, the columns of the candidates' table, the task cells, the endings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from harness.aggregate import CandidateRow, CellRow, ControlRow, Counts, Money, Share, Tables, llm_note, signs
from harness.reports.text import DASH, clip, count, dollars, duration, floor_percent, interval, percent, plain, plural
from harness.transcript import Attempt, Lost, Step, Transcript
from harness.types import Isolation, TrialRecord, Usage

MOST_OF_A_FACT = 2000


def run_headline(tables: Tables) -> str:
    """The first thing that a reader is told: who passes how much, or why that cannot be told."""
    return " ".join(run_sentences(tables))


def run_sentences(tables: Tables) -> list[str]:
    """The headline in sentences, of which the first says the most."""
    if not tables.counts.planned:
        return [f"{invalid(tables.counts)}."]
    if not tables.counts.valid:
        return [f"{invalid(tables.counts)}.", _where_trials_are(tables.counts)]
    llms = [row for row in tables.candidates if not row.note and row.rate]
    if not llms:
        return ["No LLM in this run.", *(_sentence(row) for row in tables.candidates)]
    return list(filter(None, [_sentence(llms[0]), _order_of(llms), *_unrated(tables.candidates)]))


def invalid(counts: Counts) -> str:
    """The headline of a row that covers too little of the plan."""
    if not counts.planned:
        return "no trial of a task that counts"
    if counts.coverage is None:
        return "not run: the sandbox cannot serve these tasks"
    return f"invalid: coverage {floor_percent(counts.coverage)}"


def leak(tables: Tables) -> str:
    """The alarm when a negative control was passed; empty when none was."""
    passed = [trial for row in tables.controls for trial in row.passed]
    if not passed:
        return ""
    more = " and others" if len(passed) > 3 else ""
    return (
        f"A NEGATIVE CONTROL WAS PASSED, by {', '.join(passed[:3])}{more}. Nobody can pass it by work: the grader or "
        "the task leaks. Trust no figure of this run before that is explained."
    )


def control(row: ControlRow) -> str:
    """`negative control sealed-draw: 0 of 3 passed`, with what has no verdict."""
    counts = row.counts
    without = {"in error": counts.error, "missing": counts.missing, "not run": counts.not_run}
    rest = "".join(f", {number} {what}" for what, number in without.items() if number)
    return f"negative control {row.task}: {of(counts.solved_graded)} passed{rest}"


def kinds_of(record: TrialRecord) -> str:
    """The kinds of a trial's suspicious signs: `honeypot 2, search`; a dash without any, `not searched` if unknown."""
    if record.suspicious is None:
        return "not searched"
    kinds = Counter(sign.kind for sign in signs(record))
    return ", ".join(f"{kind} {n}" if n > 1 else kind for kind, n in sorted(kinds.items())) or DASH


def suspicious(tables: Tables) -> str:
    """`suspicious: 2 of 18 trials`, or that nobody searched."""
    if not tables.searched:
        return "suspicious: not searched"
    return f"suspicious: {len(tables.suspicious)} of {plural(tables.searched, 'trial')}"


def isolated(tables: Tables) -> str:
    """`isolation: docker, level L1, limits by cgroup`, and what the probes of the sandbox found open."""
    found = tables.provenance.get("sandbox and isolation", ("no sandbox on record",))
    words = "; ".join([f"isolation: {' and '.join(found)}", *tables.provenance.get("isolation notes", ())])
    return clip(words, MOST_OF_A_FACT)


def coverage(counts: Counts) -> str:
    """How much of what can run has a verdict."""
    return DASH if counts.coverage is None else floor_percent(counts.coverage)


def headline(row: CandidateRow) -> str:
    """A candidate's headline: its pass rate, or `invalid: coverage 97 %`."""
    return percent(row.rate.estimate) if row.rate else invalid(row.counts)


def name_of(row: CandidateRow) -> str:
    """A candidate's name, with the note that no LLM did the work where that is so."""
    return plain(f"{row.name} ({row.note})" if row.note else row.name)


def _sentence(row: CandidateRow) -> str:
    if not row.rate:
        return f"{name_of(row)}: {invalid(row.counts)}."
    within = interval(row.rate.low, row.rate.high)
    return (
        f"{name_of(row)} passes {headline(row)} of its graded trials ({of(row.counts.solved_graded)}; "
        f"95 % interval {within})."
    )


def _order_of(rows: Sequence[CandidateRow]) -> str:
    best = rows[0].rate
    close = [row for row in rows[1:] if best and row.rate and row.rate.high >= best.low]
    if not close:
        return ""
    verb = "interval of 1 other candidate overlaps" if len(close) == 1 else f"intervals of {len(close)} others overlap"
    return f"The {verb} with it: these rates alone do not settle the order."


def _unrated(rows: Sequence[CandidateRow]) -> list[str]:
    return [_sentence(row) for row in rows if not row.rate]


def _where_trials_are(counts: Counts) -> str:
    parts = [f"{counts.graded} of {plural(counts.runnable, 'trial')} that can run have a verdict"]
    parts += [f"{counts.error} in error"] if counts.error else []
    parts += [f"{counts.missing} missing"] if counts.missing else []
    return ", ".join(parts) + "."


def of(share: Share) -> str:
    """`31 of 50`."""
    return f"{share.hits} of {share.total}"


def rate_of(share: Share) -> str:
    """`62 % (31 of 50)`, or a dash without any."""
    return f"{percent(share.rate)} ({of(share)})" if share.total else DASH


def money(cost: Money) -> str:
    """A sum; `unknown (at least $1.20)` where prices are missing, and never $0 for those."""
    if not cost.unknown:
        return dollars(cost.floor)
    return f"unknown (at least {dollars(cost.floor)})" if cost.floor else f"unknown ({plural(cost.unknown, 'trial')})"


def price(known: float | None, floor: float | None) -> str:
    """What one trial cost: `$0.25`, `unknown (at least $0.12)`, `unknown`."""
    if known is not None:
        return dollars(known)
    return f"unknown (at least {dollars(floor)})" if floor else "unknown"


def cost_of(record: TrialRecord) -> str:
    """What a trial cost."""
    return price(record.cost_usd, record.cost_floor_usd)


def errors(counts: Counts) -> str:
    """`3 (provider 2, sandbox 1)`."""
    parts = [f"{name} {number}" for name, number in counts.errors.items() if number]
    return f"{counts.error} ({', '.join(parts)})" if parts else "0"


def _interval_of(row: CandidateRow) -> str:
    return interval(row.rate.low, row.rate.high) if row.rate else DASH


def repeats(row: CandidateRow) -> str:
    """How a task's repeats hang together: passed at least once, and every time, in k attempts."""
    r = row.repeats
    return f"{percent(r.at_least_one)} / {percent(r.all_of_them)} (k = {r.k})" if r and row.rate else DASH


CANDIDATE_COLUMNS: dict[str, Callable[[CandidateRow], str]] = {
    "candidate": name_of,
    "pass rate": headline,
    "95 % interval": _interval_of,
    "solved / graded": lambda row: of(row.counts.solved_graded),
    "solved / planned": lambda row: of(row.counts.solved_planned),
    "failed": lambda row: str(row.counts.failed),
    "errors": lambda row: errors(row.counts),
    "missing": lambda row: str(row.counts.missing),
    "not run": lambda row: str(row.counts.not_run),
    "coverage": lambda row: coverage(row.counts),
    "functional": lambda row: rate_of(row.functional),
    "secure": lambda row: rate_of(row.secure),
    "suspicious": lambda row: of(row.suspicious) if row.suspicious.total else DASH,
    "once / every time": repeats,
    "cost": lambda row: money(row.cost),
    "cost without cache": lambda row: dollars(row.cost.cold),
    "tokens": lambda row: count(row.tokens),
    "median time": lambda row: duration(row.median_seconds),
    "isolation": lambda row: plain(", ".join(row.isolation)) or DASH,
}
"""Heading -> text of a candidate's cell. The interval speaks of tasks like these (effective sample size)."""


def most_telling(tables: Tables, most: int) -> list[str]:
    """All tasks, or those at which the pass rates of the LLM candidates lie furthest apart; by name."""
    if len(tables.tasks) <= most:
        return list(tables.tasks)
    apart = {task: _spread(tables, task) for task in tables.tasks}
    return sorted(sorted(tables.tasks, key=lambda task: -apart[task])[:most])


def _spread(tables: Tables, task: str) -> float:
    cells = [tables.cells.get((row.candidate, task)) for row in tables.candidates if not row.note]
    rates = [rate for cell in cells if cell and (rate := cell.counts.solved_graded.rate) is not None]
    return max(rates) - min(rates) if rates else 0.0


def cell(row: CellRow | None) -> str:
    """A task cell: `2/3`, with what was not graded: `1/2 +1 error`, `missing`, `not run`."""
    if row is None:
        return DASH
    counts = row.counts
    parts = [f"{counts.passed}/{counts.graded}"] if counts.graded else []
    plus = "+" if parts else ""
    parts += [f"{plus}{plural(counts.error, 'error')}"] if counts.error else []
    parts += [f"{plus}{counts.missing} missing"] if counts.missing else []
    parts += ["not run"] if counts.not_run else []
    return " ".join(parts)


def ending_of(record: TrialRecord) -> str:
    """Why a trial ended as it did: the boundary and message of an error, else how the agent phase ended."""
    if record.failure:
        return plain(f"{record.failure.boundary}: {record.failure.message}")
    if record.ending is None:
        return DASH
    return plain(f"{record.ending.reason}: {record.ending.detail}" if record.ending.detail else record.ending.reason)


def dimensions_of(record: TrialRecord) -> str:
    """Tests passed by dimension: `functional 9/12, security 2/4`."""
    return ", ".join(f"{name} {tally.passed}/{tally.total}" for name, tally in record.tally.items()) or DASH


# --- a record --------------------------------------------------------------------------------------------------------


def facts(record: TrialRecord) -> dict[str, str]:
    """What a record says, by name, as text of at most MOST_OF_A_FACT characters each; record.json has the whole."""
    note, usage = llm_note([record]), record.usage
    isolation = record.isolation
    told = {
        "trial": record.trial_id,
        "candidate": f"{record.candidate} ({note})" if note else record.candidate,
        "ending": ending_of(record),
        "hidden tests": dimensions_of(record),
        **({"control": "negative control: nobody can pass this task"} if record.control else {}),
        "suspicious": kinds_of(record),
        "agent": f"{plural(record.turns, 'turn')}, {plural(record.tool_calls, 'tool call')}, retries {record.retries}",
        "tokens": f"{count(usage.total)}: input {count(usage.input)}, from cache {count(usage.cache_read)}, "
        f"to cache {count(usage.cache_write_5m + usage.cache_write_1h)}, output {count(usage.output)}",
        "cost": _cost(record),
        "time": f"{duration(record.seconds)} from {record.started}: {_stages(record.stages)}",
        "seed": DASH if record.seed is None else str(record.seed),
        "submission": _submission(record),
        "sandbox": _isolation(isolation) if isolation else DASH,
        "images": ", ".join(f"{name} {digest}" for name, digest in record.images.items()) or DASH,
        "task digest": record.task_digest,
        "harness": f"{record.harness}, git {record.git or 'unknown'}",
    }
    return {name: clip(value, MOST_OF_A_FACT) for name, value in told.items()}


def _cost(record: TrialRecord) -> str:
    """`$0.25; without cache $0.40 (genai-prices 0.2.3)`, and what keeps a cost from being known."""
    cold = [f"without cache {dollars(record.cost_cold_usd)}"] if record.cost_cold_usd else []
    table = f" ({record.price_table})" if record.price_table else ""
    unmetered = record.unmetered + record.cut_off
    missing = [f"{plural(unmetered, 'request')} whose tokens are not known in full"] if unmetered else []
    return "; ".join([cost_of(record), *cold, *missing]) + table


def _isolation(isolation: Isolation) -> str:
    words = f"{isolation.sandbox}, level {isolation.level}, limits by {isolation.limits}"
    return "; ".join([words, *isolation.notes])


def _stages(stages: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {duration(seconds)}" for name, seconds in stages.items()) or DASH


def _submission(record: TrialRecord) -> str:
    made = record.submission
    if made is None:
        return DASH
    notes = f"; {'; '.join(made.notes)}" if made.notes else ""
    return f"{plural(made.files, 'file')}, {made.bytes} bytes, {made.digest}{notes}"


# --- a transcript ----------------------------------------------------------------------------------------------------


def turn_of(step: Step) -> str:
    """A turn's model, seconds, tokens by bucket, dollars and how it stopped, on one line."""
    cost = f"cost {price(step.dollars, None)}" if step.dollars is None else dollars(step.dollars)
    rest = "" if step.metered else ", tokens not told in full"
    return f"{step.model}  {duration(step.seconds)}  {tokens_of(step.usage)}{rest}  {cost}  stop: {step.stop}"


def tokens_of(usage: Usage) -> str:
    """`12.3 k tokens in (11.0 k from cache, 1.0 k to cache), 300 out`."""
    written = usage.cache_write_5m + usage.cache_write_1h
    cached = [f"{count(n)} {what}" for n, what in ((usage.cache_read, "from cache"), (written, "to cache")) if n]
    of_them = f" ({', '.join(cached)})" if cached else ""
    return f"{count(usage.total - usage.output)} tokens in{of_them}, {count(usage.output)} out"


def attempt_of(attempt: Attempt) -> str:
    """A failed attempt: cause, seconds, status, tokens and dollars as far as they are known."""
    after = f" after {duration(attempt.seconds)}" if attempt.seconds is not None else ""
    status = [f"status {attempt.status}"] if attempt.status is not None else []
    tokens = [tokens_of(attempt.usage)] if attempt.usage else []
    cost = "cost unknown" if attempt.dollars is None else dollars(attempt.dollars)
    return f"failed attempt: {attempt.error}{after} ({', '.join([*status, *tokens, cost])})"


def lost_of(found: Transcript) -> str:
    """What was spent on requests that never led to a turn; empty when there is none."""
    attempts = [attempt for part in found.parts if isinstance(part, Lost) for attempt in part.attempts]
    if not attempts:
        return ""
    known = [attempt.dollars for attempt in attempts if attempt.dollars is not None]
    cost = price(sum(known, 0.0) if len(known) == len(attempts) else None, sum(known, 0.0))
    return f"lost: {plural(len(attempts), 'attempt')} that led to no turn, cost {cost}"
