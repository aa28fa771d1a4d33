"""A comparison as a terminal shows it, as a pull request's comment (Markdown), as JSON, as JUnit and as charts.

Text that an agent, a task or a label may have chosen is shown as text: it is no markup and no escape sequence.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness.compare import Comparison, Contrast, Flip, Measured, Worth, chance, clamped
from harness.errors import HarnessError, ResultsError
from harness.reports import FOLDER as REPORT
from harness.reports import compare_chart, pages
from harness.reports.chart import FOLDER
from harness.reports.summary_md import table as markdown_table
from harness.reports.summary_md import text as escaped
from harness.reports.text import DASH, count, dollars, duration, percent, plain
from harness.stats import Difference
from harness.store import write_atomic

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

EXIT_CODES = {"better": 0, "no worse": 1, "worse": 2, "inconclusive": 3, "invalid": 4}
EXIT_NO_VERDICT = 64  # EX_USAGE of sysexits.h: what the user wrote is wrong, and must not look like a verdict
COLOURS = {"better": "green", "no worse": "green", "worse": "red", "inconclusive": "yellow", "invalid": "white on red"}
SCHEMA = 1
HEAD = ("", "A", "B", "B vs A", "95 % interval", "p")
MOST_FLIPS = 10  # on a terminal

Row = tuple[str, str, str, str, str, str]


# --- the table, as text ----------------------------------------------------------------------------------------------


def main_rows(found: Measured) -> list[Row]:
    """What a reader looks at first: pass rates, money, time."""
    rates = (percent(found.rate_a, 1), percent(found.rate_b, 1))
    rows: list[Row] = [
        ("pass rate, tasks like these", *rates, *_points(found.like, found.these.estimate), _p(found.p_like.p)),
        (
            "pass rate, these tasks",
            *rates,
            *_points(found.these, found.these.estimate),
            _p(found.p_these and found.p_these.p),
        ),
        *_worth_rows(found.worth),
    ]
    for one in found.spent:
        show = duration if one.name == "seconds" else lambda number: count(round(number))
        rows.append((f"{one.name} a trial", show(one.a), show(one.b), *_times(one.ratio), ""))
    return rows


def _worth_rows(worth: Worth) -> list[Row]:
    if worth.unknown:
        return [("cost", "unknown", "unknown", "unknown", "", "")]
    rows: list[Row] = [
        ("cost a trial", dollars(worth.cost_a), dollars(worth.cost_b), *_times(worth.ratio), ""),
        ("cost difference a trial", "", "", *_money(worth.difference), ""),
        ("cost a solved task", _solve(worth.per_solve_a), _solve(worth.per_solve_b), _more(worth), "", ""),
        (f"net benefit at {dollars(worth.value)} a solve", "", "", *_money(worth.net_benefit), _p(worth.net_benefit_p)),
    ]
    if worth.cold_ratio and worth.cold_ratio != worth.ratio:
        rows.insert(1, ("cost without any cache", "", "", *_times(worth.cold_ratio), ""))
    return rows


def _more(worth: Worth) -> str:
    a, b = worth.per_solve_a, worth.per_solve_b
    return f"× {b / a:.3g}" if a and b is not None else DASH


def contrast_rows(found: Sequence[Contrast]) -> list[Row]:
    """Dimensions or areas; p-values are the corrected ones."""
    return [
        (f"{c.name} ({c.tasks})", percent(c.a, 1), percent(c.b, 1), *_points(c.difference, c.b - c.a), _p(c.adjusted))
        for c in found
    ]


def _points(difference: Difference | None, estimate: float) -> tuple[str, str]:
    if difference is None:
        return f"{estimate * 100:+.1f} points", "needs two tasks"
    low, high = clamped(difference)
    return f"{estimate * 100:+.1f} points", f"{low * 100:+.1f} to {high * 100:+.1f}"


def _times(ratio: Difference | None) -> tuple[str, str]:
    if ratio is None:
        return DASH, DASH
    span = f"× {ratio.low:.3g} to {ratio.high:.3g}" if math.isfinite(ratio.high) else DASH
    return f"× {ratio.estimate:.3g}", span


def _money(difference: Difference | None) -> tuple[str, str]:
    if difference is None:
        return DASH, DASH
    return signed(difference.estimate), f"{signed(difference.low)} to {signed(difference.high)}"


def signed(amount: float) -> str:
    """Dollars with their sign: `+$0.0400`, `-$1.20`."""
    return f"{'-' if amount < 0 else '+'}{dollars(abs(amount))}"


def _solve(amount: float | None) -> str:
    return "none solved" if amount is None else dollars(amount)


def _p(p: float | None) -> str:
    if p is None:
        return DASH
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


# --- sentences -------------------------------------------------------------------------------------------------------


def headline(comparison: Comparison) -> str:
    """`better: …`: the verdict and why."""
    return f"{comparison.verdict}: {'; '.join(comparison.reasons)}"


def arm_lines(comparison: Comparison) -> list[str]:
    """Which candidate is A, and which is B."""
    lines = []
    for letter, arm in (("A", comparison.a), ("B", comparison.b)):
        found = arm.counts()
        tasks = len({row.task for row in arm.planned})
        lines.append(
            f"{letter} = {arm.name}, run {arm.run}: {found.passed} passed of {found.graded} graded, "
            f"{found.planned} planned trials at {tasks} tasks"
        )
    return lines


def sentences(found: Measured, margin: float) -> list[str]:
    """What the figures could and could not have shown, and what money says."""
    lines = [
        f"A/A noise floor: two measurements of one candidate differ by up to ±{found.noise * 100:.1f} points here, "
        f"95 times of 100. Smallest difference that this design sees (80 % power): {_seen(found.seen)}."
    ]
    if found.needed:
        lines.append(
            f"To see {margin * 100:g} points it takes about {math.ceil(found.needed)} tasks at as many attempts; "
            f"here are {len(found.tasks)}."
        )
    return lines + _worth_sentences(found.worth)


def _seen(share: float) -> str:
    return f"{share * 100:.1f} points" if share < 1 else "none, not even 100 points"


def _worth_sentences(worth: Worth) -> list[str]:
    if worth.unknown:
        return [f"Cost is unknown: {worth.unknown}. `harness reprice RUN --prices FILE` takes prices of your own."]
    lines = []
    if worth.acceptability:
        curve = ", ".join(f"{_share(p)} at {dollars(value)}" for value, p in worth.acceptability)
        lines.append(
            f"Confidence that B is worth its price (bootstrap over tasks), by the value of a solved task: {curve}."
        )
    return lines + _trade(worth)


def _share(p: float) -> str:
    """A bootstrap's share: 0 and 1 are not certain."""
    return "> 99 %" if p > 0.99 else "< 1 %" if p < 0.01 else percent(p)


def _trade(worth: Worth) -> list[str]:
    """The ratio of cost to effect, where it has a meaning."""
    if worth.icer is None or worth.difference is None or worth.difference.estimate == 0:
        return []
    dearer = worth.difference.estimate > 0
    if worth.icer > 0:
        what = "costs" if dearer else "saves"
        noun = "more solved task" if dearer else "task that it no longer solves"
        return [f"B {what} {dollars(worth.icer)} for each {noun}."]
    return [f"B solves {'less and costs more' if dearer else 'more and costs less'}, by the estimates."]


def sham_lines(comparison: Comparison) -> list[str]:
    """What B does beyond its sham, which is the prompt's own part of the effect. It decides nothing."""
    sham = comparison.sham
    if sham is None:
        return []
    head = f"B against the sham of it, {sham.a.name} (same front matter, a body that says nothing), beside the verdict"
    if sham.measured is None or sham.measured.like is None:
        return [f"{head}: {headline(sham)}"]
    low, high = clamped(sham.measured.like)
    return [
        f"{head}: {sham.measured.like.estimate * 100:+.1f} points on tasks like these (95 %: {low * 100:+.1f} to "
        f"{high * 100:+.1f}; exact p {chance(sham.measured.p_like.p)}); the sham passed "
        f"{percent(sham.measured.rate_a, 1)}, B {percent(sham.measured.rate_b, 1)}"
    ]


def prompt_lines(comparison: Comparison) -> list[str]:
    """The digests of the prompts, so that a reader can tell which text was measured."""
    arms = {"A": comparison.a, "B": comparison.b, **({"sham": comparison.sham.a} if comparison.sham else {})}
    found = {name: sorted({r.prompt_digest[:12] for r in arm.records if r.prompt_digest}) for name, arm in arms.items()}
    told = [f"{name} {' and '.join(digests)}" for name, digests in found.items() if digests]
    return [f"Prompts, by digest: {', '.join(told)}."] if told else []


def flip_line(flip: Flip) -> str:
    """One task whose pass rate differs."""
    return (
        f"{flip.task}: {flip.passed_a}/{flip.n_a} -> {flip.passed_b}/{flip.n_b}, {flip.call}"
        f"{'' if flip.call != 'moved' else ' (not proven)'}; p = {_p(flip.p)}, BH {_p(flip.adjusted)}, "
        f"Holm {_p(flip.holm)}"
    )


def braced(folders: Sequence[str]) -> str:
    """Folders of one task's trials as a shell reads them: `results/nightly/trials/x--0a1b2c3d--{1,2,3}`."""
    first, last = min(folders), max(folders)
    same = next((n for n, (x, y) in enumerate(zip(first, last, strict=False)) if x != y), len(first))
    start = first[:same]
    ends = [folder[len(start) :] for folder in folders]
    return start + (f"{{{','.join(ends)}}}" if len(ends) > 1 else "".join(ends))


def page_of(folder: str) -> Path | None:
    """The page of a trial in its run's report; None when there is none."""
    trial = Path(folder)
    page = trial.parent.parent / REPORT / pages.FOLDER / pages.name_of(trial.name)
    return page if page.is_file() else None


def links(trials: Sequence[str], target: Path | None) -> list[tuple[str, str]] | None:
    """(attempt, relative address of its page) for trials that all have a page, as seen from the file `target`."""
    found = [page_of(folder) for folder in trials]
    if target is None or not all(found):
        return None
    start = target.parent.resolve()
    addresses = [quote(os.path.relpath(page.resolve(), start)) for page in found if page]
    return list(zip((folder.rpartition("--")[2] for folder in trials), addresses, strict=True))


# --- terminal --------------------------------------------------------------------------------------------------------


def render(comparison: Comparison) -> Group:
    """The comparison as one rich renderable; no text in it is markup."""
    from rich.console import Group
    from rich.text import Text

    style = f"bold {COLOURS[comparison.verdict]}"
    top = [Text(plain(headline(comparison)), style=style), *(Text(plain(line)) for line in arm_lines(comparison))]
    notes = [Text(plain(f"note: {note}")) for note in comparison.notes]
    found = comparison.measured
    if found is None:
        return Group(*top, *notes)
    parts: list[Any] = [_rich_table(HEAD, main_rows(found))]
    told = [*sentences(found, comparison.options.margin), *sham_lines(comparison), *prompt_lines(comparison)]
    parts += [Text(plain(line)) for line in told]
    for title, contrasts in _named_contrasts(found):
        parts += [_rich_table((title, *HEAD[1:5], "p (BH)"), contrast_rows(contrasts))]
    return Group(*top, *parts, *(Text(plain(line)) for line in _flip_lines(found)), *notes)


def _named_contrasts(found: Measured) -> list[tuple[str, Sequence[Contrast]]]:
    named = [("hidden tests passed (tasks)", found.dimensions), ("pass rate by area (tasks)", found.areas)]
    return [(title, contrasts) for title, contrasts in named if contrasts]


def _flip_lines(found: Measured) -> Iterable[str]:
    for flip in found.flips[:MOST_FLIPS]:
        yield flip_line(flip)
        yield from (f"  {letter}: {braced(where)}" for letter, where in (("A", flip.trials_a), ("B", flip.trials_b)))
    rest = len(found.flips) - MOST_FLIPS
    if rest > 0:
        yield f"and {rest} more tasks whose pass rate differs: see --json"


def _rich_table(head: Sequence[str], rows: Iterable[Row]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(head):
        made.add_column(name, justify="right" if place else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(plain(cell)) for cell in row))
    return made


# --- Markdown --------------------------------------------------------------------------------------------------------


def as_markdown(comparison: Comparison, target: Path | None = None) -> str:
    """A pull request's comment: the verdict first, one table, everything else folded.

    Seen from the file `target`, tasks that flipped link to the pages of their trials; without one, or without a
    report, the trials' folders are named.
    """
    parts = [
        f"### {escaped(comparison.verdict.capitalize())}: B against A",
        "\n".join(f"{escaped(reason)}  " for reason in comparison.reasons),
        "\n".join(f"- {escaped(line)}" for line in arm_lines(comparison)),
    ]
    found = comparison.measured
    if found:
        parts.append(markdown_table(HEAD, main_rows(found)))
        told = [*sentences(found, comparison.options.margin), *sham_lines(comparison), *prompt_lines(comparison)]
        parts.append("\n".join(f"- {escaped(line)}" for line in told))
        parts += [_folded(*section) for section in _sections(found, target)]
    if comparison.notes:
        parts.append(_folded("Notes", "\n".join(f"- {escaped(note)}" for note in comparison.notes)))
    return "\n\n".join(parts) + "\n"


def _sections(found: Measured, target: Path | None) -> Iterable[tuple[str, str]]:
    if found.flips:
        lines = [line for flip in found.flips for line in _markdown_flip(flip, target)]
        yield f"Tasks whose pass rate differs: {len(found.flips)} of {len(found.tasks)}", "\n".join(lines)
    for title, contrasts in _named_contrasts(found):
        yield title.capitalize(), markdown_table((title, *HEAD[1:5], "p (BH)"), contrast_rows(contrasts))


def _markdown_flip(flip: Flip, target: Path | None) -> list[str]:
    lines = [f"- {escaped(flip_line(flip))}"]
    pairs = (("A", flip.trials_a), ("B", flip.trials_b))
    return lines + [f"  - {letter}: {_markdown_trials(trials, target)}" for letter, trials in pairs]


def _markdown_trials(trials: Sequence[str], target: Path | None) -> str:
    found = links(trials, target)
    if found is None:
        return escaped(braced(trials))
    return "attempts " + ", ".join(f"[{escaped(attempt)}]({address})" for attempt, address in found)


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{escaped(title)}</summary>\n\n{content}\n\n</details>"


# --- JSON ------------------------------------------------------------------------------------------------------------


def as_json(comparison: Comparison) -> str:
    """Every figure, at full precision; what is unknown or infinite is null. Rates and differences are shares of 1."""
    options = dataclasses.asdict(comparison.options) | {"families": dict(comparison.options.families)}
    found = {
        "schema": SCHEMA,
        "verdict": comparison.verdict,
        "exit_code": EXIT_CODES[comparison.verdict],
        "reasons": comparison.reasons,
        "notes": comparison.notes,
        "options": options,
        "a": _arm_facts(comparison, "a"),
        "b": _arm_facts(comparison, "b"),
        "dropped": comparison.dropped,
        "stage": comparison.stage,
        "measured": comparison.measured,
        "sham": _sham_facts(comparison.sham),
    }
    return json.dumps(_storable(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _sham_facts(sham: Comparison | None) -> dict[str, Any] | None:
    """B against the sham: in `a` is the sham. It is beside the verdict, and no word of one."""
    if sham is None:
        return None
    facts = {"sham": _arm_facts(sham, "a"), "reasons": sham.reasons, "measured": None}
    if sham.measured:
        names = ("rate_a", "rate_b", "these", "like", "p_these", "p_like")
        facts["measured"] = {name: getattr(sham.measured, name) for name in names}
    return facts


def _arm_facts(comparison: Comparison, letter: str) -> dict[str, Any]:
    arm = comparison.a if letter == "a" else comparison.b
    found = arm.counts()
    facts = {name: getattr(arm, name) for name in ("run", "folder", "candidate", "digest", "name", "runtime", "limits")}
    places = {name: getattr(found, name) for name in ("planned", "passed", "failed", "error", "missing", "not_run")}
    prompts = sorted({record.prompt_digest for record in arm.records if record.prompt_digest})
    return {**facts, **places, "coverage": found.coverage, "leaks": arm.leaks, "prompts": prompts}


def _storable(value: Any) -> Any:
    """Dataclasses and named tuples as objects, infinite numbers as null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {part.name: _storable(getattr(value, part.name)) for part in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):
        return _storable(value._asdict())
    if isinstance(value, Mapping):
        return {key: _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --- JUnit -----------------------------------------------------------------------------------------------------------


def as_junit(comparison: Comparison) -> str:
    """A case for the verdict and one for each task: a proven regression fails, `inconclusive` is skipped."""
    found = comparison.measured
    cases = [_verdict_case(comparison), *(_task_cases(found) if found else ())]
    suite = ET.Element("testsuite", name="compare", tests=str(len(cases)))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(sum(case.find(tag) is not None for case in cases)))
    suite.extend(cases)
    root = ET.Element("testsuites", name=plain(f"{comparison.a.run} against {comparison.b.run}"))
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _verdict_case(comparison: Comparison) -> ET.Element:
    case = ET.Element("testcase", name="verdict", classname="compare")
    tags = {"worse": "failure", "inconclusive": "skipped", "invalid": "error"}
    if comparison.verdict in tags:
        made = ET.SubElement(case, tags[comparison.verdict], message=plain(headline(comparison)))
        made.set("type", comparison.verdict)
    ET.SubElement(case, "system-out").text = plain(
        "\n".join([headline(comparison), *arm_lines(comparison)]), lines=True
    )
    return case


def _task_cases(found: Measured) -> Iterable[ET.Element]:
    flips = {flip.task: flip for flip in found.flips}
    for task in found.tasks:
        case = ET.Element("testcase", name=plain(task), classname="compare.tasks")
        flip = flips.get(task)
        if flip and flip.call == "regressed":
            ET.SubElement(case, "failure", type="regressed", message=plain(flip_line(flip)))
        if flip:
            where = "\n".join([flip_line(flip), *flip.trials_a, *flip.trials_b])
            ET.SubElement(case, "system-out").text = plain(where, lines=True)
        yield case


@contextmanager
def never_a_verdict() -> Iterator[None]:
    """Give whatever stops a comparison an exit code that is no verdict's."""
    try:
        yield
    except HarnessError as error:
        error.exit_code = EXIT_NO_VERDICT
        raise
    except OSError as error:
        stopped = ResultsError(f"{error.filename or 'output'}: {error.strerror}; free the disk, or mend the rights")
        stopped.exit_code = EXIT_NO_VERDICT
        raise stopped from error


MAKERS: dict[str, Callable[[Comparison, Path], str]] = {
    "json": lambda comparison, _: as_json(comparison),
    "markdown": as_markdown,
    "junit": lambda comparison, _: as_junit(comparison),
}
"""A kind of file -> its text; the path of the file is known to what holds links."""


def write(comparison: Comparison, as_files: Mapping[str, Path | None], charts: Path | None = None) -> None:
    """Write what was asked for: `json`, `markdown`, `junit` -> file, and charts into a folder.

    Raises ResultsError when the disk refuses.
    """
    for kind, path in as_files.items():
        if path:
            write_atomic(path, MAKERS[kind](comparison, path).encode())
    if charts:
        try:
            compare_chart.write(comparison, charts)
        except OSError as error:
            raise ResultsError(f"{charts}: the charts cannot be written ({error.strerror or error})") from error


def write_beside(comparison: Comparison, report: Path) -> None:
    """Write every format into the report of the run that was made for this comparison."""
    names = {"json": "compare.json", "markdown": "compare.md", "junit": "compare.junit.xml"}
    write(comparison, {kind: report / name for kind, name in names.items()}, report / FOLDER)
