"""A night in a line, as a page of Markdown, and as JSON. Pure: the same judgement gives the same text, without a time.

What an agent, a task or a label may have chosen is shown as text.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from harness.nights import LEAST_ATTEMPTS, Arm, Change, Delta, Judgement, Night, Subject, Watch, faults, listed, rate_of
from harness.reports.summary_md import table
from harness.reports.summary_md import text as escaped
from harness.reports.text import DASH, clip, dollars, floor_percent, interval, percent, plain, plural
from harness.stats import earliest_alarm

SCHEMA = 1
WORDS = {"fine": "fine", "alarm": "ALARM", "incomplete": "fine, but not finished", "invalid": "invalid"}
MOST_SUBJECTS, MOST_TASKS, MOST_NIGHTS = 3, 10, 30
NAME_WIDTH = 60


# --- one line --------------------------------------------------------------------------------------------------------


def line(found: Judgement) -> str:
    """The night in a line that fits a chat message or a mail's subject."""
    opening = found.night.opening
    parts = [f"nightly {opening.name} {opening.date}: {status(found)}"]
    shown = found.subjects[:MOST_SUBJECTS] if found.status != "invalid" else ()
    parts += [_figures(subject, in_short(subject, found)) for subject in shown]
    regressed = sorted({task for one in found.subjects for task in _regressed(one)})
    if regressed and found.status != "invalid":
        parts.append(f"regressed: {listed(regressed)}")
    parts.append(_graded(found.night))
    return plain("; ".join(parts))


def status(found: Judgement) -> str:
    """The word for the night, and what makes it so."""
    since = ", ".join(f"{in_short(one, found)} since {one.watch.alarm}" for one in found.alarms)
    if found.status == "invalid":
        return f"invalid: {found.faults[0]}{f' (the alarm stands: {since})' if since else ''}"
    if found.status == "alarm":
        return f"ALARM: {since}"
    return WORDS[found.status] + (" (alarm acknowledged)" if found.acknowledged else "")


def in_short(subject: Subject, found: Judgement) -> str:
    """A candidate's name in a line: that of its agent, if no other has it."""
    names = [one.arm.name for one in found.subjects]
    first = subject.arm.name.partition(" · ")[0]
    alone = sum(name.partition(" · ")[0] == first for name in names) == 1
    return clip(first if alone else subject.arm.name, NAME_WIDTH)


def _figures(subject: Subject, name: str) -> str:
    rate = percent(subject.rate.estimate, 1) if subject.rate else DASH
    beside = subject.baseline or subject.window
    against = "the baseline" if subject.baseline else beside and beside.against
    change = f", {points(beside.difference.estimate)} to {against} (A/A ±{_hundred(beside.noise)})" if beside else ""
    return f"{name} {rate}{change}, M {level(subject.watch)}"


def _graded(night: Night) -> str:
    return f"{night.graded}/{sum(arm.runnable for arm in night.arms)} graded, {_cost(night)}"


def _cost(night: Night) -> str:
    costs = [arm.cost_usd for arm in night.arms]
    known = [cost for cost in costs if cost is not None]
    return dollars(sum(known)) if len(known) == len(costs) else f"at least {dollars(sum(known))}"


def _regressed(subject: Subject) -> set[str]:
    return {task for one in (subject.window, subject.baseline) if one for task in one.regressed}


def _hundred(share: float) -> str:
    return f"{share * 100:.1f}"


def points(share: float) -> str:
    """A difference of rates in points of a hundred, with its sign."""
    return f"{share * 100:+.1f}"


def level(watch: Watch) -> str:
    """M_n beside its threshold: `1.3 of 20`."""
    return f"{evidence(watch.level)} of {watch.threshold:.3g}"


def evidence(m: float) -> str:
    """M_n for a reader; beyond a million its size says nothing more."""
    return f"{m:.3g}" if m < 1000 else f"{m:,.0f}" if m < 1e6 else "over 1,000,000"


# --- the page --------------------------------------------------------------------------------------------------------


def markdown(found: Judgement) -> str:
    """nightly.md: for a CI job's summary, a mail, a chat; beside index.html and charts/ in the report's folder."""
    opening = found.night.opening
    parts = [
        f"# Nightly {escaped(opening.name)}, {opening.date}: {escaped(WORDS[found.status])}",
        f"**{escaped(line(found))}**",
        *_section("Why there is no decision", found.faults),
        table(HEAD, [row for one in found.subjects for row in _rows(one)]) if found.status != "invalid" else "",
        *_section("Alarm", _alarm(found)),
        STANDS if found.alarms else "",
        *_section("Regressed tasks (proven, Benjamini-Hochberg)", _changes(found, called=True)),
        *_section("Tasks that passed less often (not proven)", _changes(found, called=False)),
        *_section("How to read this", _reading(found)),
        *_section("Notes", found.notes),
        "## Nights",
        table(("night", "", "candidate", "pass rate", "95 %", "M"), _nights(found)),
        "[charts/nights.svg](charts/nights.svg) draws them; [index.html](index.html) is the report of the run.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


HEAD = ("candidate", "pass rate", "95 %", "against", "difference (points)", "95 %", "A/A noise", "one look says", "M")
STANDS = """It stands until somebody says why. `harness nightly FILE --acknowledge WHY` begins anew at this level; with
`--bad-since DATE` the bad nights are left out, because the fault is mended."""


def _rows(subject: Subject) -> Iterator[list[str]]:
    """A row for each thing that a candidate is held against."""
    rate = subject.rate
    own = [percent(rate.estimate, 1), interval(rate.low, rate.high)] if rate else [DASH, DASH]
    for beside in [_beside(found) for found in _deltas(subject)] or [[DASH] * 5]:
        yield [subject.arm.name, *own, *beside, level(subject.watch)]


def _beside(found: Delta) -> list[str]:
    low, high = max(-1.0, found.difference.low), min(1.0, found.difference.high)
    middle = [points(found.difference.estimate), f"{points(low)} to {points(high)}", f"±{_hundred(found.noise)}"]
    return [found.against, *middle, found.verdict]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    shown = [f"- {escaped(one)}" for one in lines]
    return [f"## {title}", "\n".join(shown)] if shown else []


def _alarm(found: Judgement) -> Iterator[str]:
    for subject in found.subjects:
        watch, why = subject.watch, found.acknowledged.get(subject.slot)
        if watch.alarm:
            seen = f"; acknowledged: {why}" if why else ""
            yield f"{subject.arm.name}: M reached {watch.threshold:.3g} on {watch.alarm} ({_watched(subject)}){seen}"


def _watched(subject: Subject) -> str:
    if subject.watch.kind == "baseline":
        return "against the baseline of the same nights"
    return "against its own earlier nights: with this prompt the model, the provider or this machine has changed"


def _changes(found: Judgement, called: bool) -> Iterator[str]:
    if found.status == "invalid":
        return
    rows = [
        (one, delta, c) for one in found.subjects for delta in _deltas(one) for c in delta.worse if c.called == called
    ]
    for subject, delta, change in rows[:MOST_TASKS]:
        against = f"{subject.arm.name} against {delta.against}"
        yield f"{change.task}: {_counts(change)} ({against}; p = {change.adjusted:.3f})"
    if len(rows) > MOST_TASKS:
        yield f"and {len(rows) - MOST_TASKS} more: see nightly.json"


def _deltas(subject: Subject) -> list[Delta]:
    return [found for found in (subject.baseline, subject.window) if found]


def _counts(change: Change) -> str:
    return f"{change.passed_b} of {change.n_b} passed, before {change.passed_a} of {change.n_a}"


def _reading(found: Judgement) -> Iterator[str]:
    yield (
        "differences are on these very tasks; A/A noise is how far two measurements of one and the same candidate lie "
        "apart in 95 of 100 cases; what one look says is no alarm: the alarm is M, which adds nights up"
    )
    if 0 < found.night.attempts < LEAST_ATTEMPTS:
        yield f"with fewer than {LEAST_ATTEMPTS} attempts no single task can be called regressed"
    for subject in found.subjects:
        watch = subject.watch
        first = earliest_alarm(watch.threshold)
        if watch.kind == "nights" and watch.earlier + 1 < first:
            yield (
                f"{subject.arm.name} is ranked among {plural(watch.earlier, 'earlier night')}: whatever happens, no "
                f"alarm can come before night {first} of a series; a pinned baseline sees a drop at once"
            )


def _nights(found: Judgement) -> Iterator[list[str]]:
    """The last nights, the newest first; a row for each candidate that is watched tonight."""
    for night in found.nights[: -MOST_NIGHTS - 1 : -1]:
        wrong = faults(night)
        for subject in found.subjects:
            arm = by_slot(night, subject.slot)
            rate = rate_of(arm) if arm and not wrong else None
            levels = {step.date: step.level for step in subject.watch.steps}
            shown = evidence(levels[night.date]) if night.date in levels else DASH
            yield [
                night.date, _word(night), subject.arm.name, percent(rate.estimate, 1) if rate else DASH,
                interval(rate.low, rate.high) if rate else DASH, shown,
            ]  # fmt: skip


def _word(night: Night) -> str:
    if not night.arms:
        return "died"
    if faults(night):
        return f"invalid: coverage {floor_percent(min(arm.coverage for arm in night.arms))}"
    return "unfinished" if night.unfinished else ""


def by_slot(night: Night, slot: str) -> Arm | None:
    """The arm that had a slot in a night, whatever its prompt was then."""
    return next((arm for arm in night.arms if night.opening.slots.get(arm.candidate) == slot), None)


# --- for programs ----------------------------------------------------------------------------------------------------


def facts(found: Judgement) -> dict[str, Any]:
    """nightly.json: every figure at full precision, without a time; rates are shares of 1, what is unknown is null."""
    return {
        "schema": SCHEMA,
        "name": found.night.opening.name,
        "date": found.night.date,
        "run": found.night.opening.run,
        "status": found.status,
        "line": line(found),
        "faults": list(found.faults),
        "acknowledged": dict(found.acknowledged),
        "rules": _plain(found.rules),
        "graded": found.night.graded,
        "unfinished": found.night.unfinished,
        "cost_usd": _sum(found.night),
        "candidates": [_subject(subject) for subject in found.subjects],
        "notes": list(found.notes),
    }


def as_json(found: Judgement) -> str:
    """The text of nightly.json."""
    return json.dumps(facts(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def message(found: Judgement, exit_code: int) -> dict[str, Any]:
    """What a webhook is told: `text` for chats, the rest for programs. No detail of any trial is in it."""
    told = facts(found)
    kept = ("schema", "name", "date", "run", "status", "faults", "graded", "unfinished", "cost_usd", "notes")
    rows = [{key: row[key] for key in ROW} for row in told["candidates"]]
    head = {"event": "harness.nightly", "text": told["line"], "exit_code": exit_code}
    return {**head, **{key: told[key] for key in kept}, "candidates": rows}


ROW = (
    "name",
    "passed",
    "graded",
    "pass_rate",
    "difference",
    "noise",
    "against",
    "m",
    "threshold",
    "alarm_since",
    "regressed",
)


def _sum(night: Night) -> float | None:
    costs = [arm.cost_usd for arm in night.arms]
    return None if None in costs else sum(cost or 0.0 for cost in costs)


def _subject(subject: Subject) -> dict[str, Any]:
    beside = subject.baseline or subject.window
    return {
        "candidate": subject.arm.candidate,
        "digest": subject.arm.digest,
        "name": subject.arm.name,
        "passed": subject.arm.passed,
        "graded": subject.arm.graded,
        "runnable": subject.arm.runnable,
        "pass_rate": subject.rate.estimate if subject.rate else None,
        "difference": beside.difference.estimate if beside else None,
        "noise": beside.noise if beside else None,
        "against": beside.against if beside else None,
        "m": subject.watch.level,
        "threshold": subject.watch.threshold,
        "alarm_since": subject.watch.alarm,
        "regressed": sorted(_regressed(subject)),
        "rate": _plain(subject.rate),
        "baseline": _plain(subject.baseline),
        "window": _plain(subject.window),
        "watch": _plain(subject.watch),
    }


def _plain(value: Any) -> Any:
    """Dataclasses, models and named tuples as objects, infinite numbers as null."""
    if isinstance(value, BaseModel):
        return _plain(value.model_dump())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {part.name: _plain(getattr(value, part.name)) for part in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
