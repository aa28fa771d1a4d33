"""junit.xml: a suite for each candidate and a case for each planned trial, as CI systems read it.

A failed trial is a `failure`, an error (or a trial that is missing) an `error`, one that cannot run here is `skipped`.
Negative controls have a suite of their own, in which the trial that passed is the `failure`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from harness.aggregate import CandidateRow, Tables
from harness.reports.content import control, dimensions_of, ending_of, headline, name_of
from harness.reports.text import plain
from harness.store import PlanRow
from harness.types import TrialRecord


def write(tables: Tables, folder: Path) -> None:
    """Write junit.xml, a case at a time: a tree of a large run would take more memory than its records."""
    with (folder / "junit.xml").open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in _lines(tables))


def _lines(tables: Tables) -> Iterator[str]:
    yield "<?xml version='1.0' encoding='utf-8'?>"
    yield _tag("testsuites", name=tables.run_id)
    planned: dict[str, list[PlanRow]] = defaultdict(list)
    for plan in tables.planned:
        if not plan.control:
            planned[plan.candidate].append(plan)
    for row in tables.candidates:
        yield from _suite(row, planned[row.candidate], tables)
    yield from _controls(tables) if tables.controls else ()
    yield "</testsuites>"


def _suite(row: CandidateRow, planned: Sequence[PlanRow], tables: Tables) -> Iterator[str]:
    counts, found = row.counts, tables.found
    seconds = sum(found[plan.trial_id].seconds for plan in planned if plan.trial_id in found)
    yield "  " + _tag(
        "testsuite", name=name_of(row), time=f"{seconds:.3f}", tests=counts.planned, failures=counts.failed,
        errors=counts.error + counts.missing, skipped=counts.not_run,
    )  # fmt: skip
    yield "    <properties>"
    for name, value in {"candidate": row.candidate, "pass rate": headline(row), "note": row.note}.items():
        yield "      " + _tag("property", True, name=name, value=value)
    yield "    </properties>"
    group = plain(tables.names[row.candidate])
    for plan in planned:
        yield from _case(plan, found.get(plan.trial_id), group, tables)
    yield "  </testsuite>"


def _controls(tables: Tables) -> Iterator[str]:
    """The suite of the negative controls: a case each, which fails when a trial passed it."""
    leaks = sum(bool(row.passed) for row in tables.controls)
    yield "  " + _tag("testsuite", name="negative controls", tests=len(tables.controls), failures=leaks)
    for row in tables.controls:
        told = f"{control(row)}: {', '.join(row.passed)}"
        inside = [_tag("failure", True, type="leak", message=told)] if row.passed else []
        yield from _element({"name": row.task, "classname": "negative controls"}, inside)
    yield "  </testsuite>"


def _case(plan: PlanRow, record: TrialRecord | None, group: str, tables: Tables) -> Iterable[str]:
    name, time = f"{plan.task} (attempt {plan.attempt})", f"{record.seconds if record else 0:.3f}"
    return _element({"name": name, "classname": group, "time": time}, _verdict(plan, record, tables))


def _verdict(plan: PlanRow, record: TrialRecord | None, tables: Tables) -> list[str]:
    """What a case holds when its trial did not pass."""
    if record is None and plan.task in tables.refused:
        return [_tag("skipped", True, message=f"not run: {tables.refused[plan.task]}")]
    if record is None:
        return [_tag("error", True, type="missing", message="no record: the run ended before this trial did")]
    if record.outcome == "error":
        kind = record.failure.boundary if record.failure else "grader"
        return [_tag("error", True, type=kind, message=ending_of(record))]
    if record.outcome == "failed":
        text = f"hidden tests passed: {dimensions_of(record)}; the agent's phase: {ending_of(record)}"
        return [_tag("failure", True, type="failed", message=text)]
    return []


def _element(attributes: dict[str, str], inside: Sequence[str]) -> list[str]:
    """A test case on one line, or with what it holds between its tags."""
    if not inside:
        return ["    " + _tag("testcase", True, **attributes)]
    return ["    " + _tag("testcase", **attributes), *(f"      {one}" for one in inside), "    </testcase>"]


def _tag(name: str, closed: bool = False, /, **attributes: str | int) -> str:
    """A tag with its attributes, which are text: what cannot stand in XML was made plain."""
    values = " ".join(f"{key}={quoteattr(plain(str(value)))}" for key, value in attributes.items())
    return f"<{name} {values}{' /' if closed else ''}>"
