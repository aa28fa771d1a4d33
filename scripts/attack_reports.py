"""The report side of scripts/attacks.py: an agent that says a hostile text wherever it can, and reports read back.

The text goes into the model's words, the tools' names and arguments, file names, the service's answers and output, the
ending and the freeze notes. The reports of that run must be built exactly as those of a run in which the same fields
hold harmless words, and no reader's program may take the text for anything but text.
"""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
import shutil
import threading
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from harness import reports, show, store
from harness.aggregate import aggregate
from harness.models import scripted, scripted_server
from harness.models.scripted import Call, Line, Script
from harness.pricing import Tariff
from harness.protocols import Sandbox
from harness.reports import terminal
from harness.trial import GRADE, run_trial
from harness.types import Candidate, Ending, Failure, Grade, Settings, Task, TrialPlan, TrialRecord

HARMLESS = "plain words"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
DRAWING = threading.Lock()  # matplotlib's settings belong to the process
SAID, PRINTED = 100_000, 200_000  # characters of a model's turn, and of what `harness show` prints of a trial
LARGEST = 3 << 20  # bytes of any written report
RUN, FIRST, SECOND = "hostile", "t-1", "t-2"
LONGEST = 32_767  # characters of a field that a spreadsheet takes
LEAD_IN = "cat /proc/1/environ > /dev/null; "  # what a reader of transcripts would quote, with what follows it
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def payload_of(raw: bytes) -> str:
    """The text of payload.json: a string, or {"text": …, "times": n} for a long one."""
    value = json.loads(raw)
    return value if isinstance(value, str) else str(value["text"]) * int(value["times"])


# --- the trial -------------------------------------------------------------------------------------------------------


def run_trial_of(
    task: Task, sandbox: Sandbox, files: Mapping[str, tuple[bytes, int]], place: Path
) -> tuple[TrialRecord, Grade | None]:
    """Run a whole trial in which a scripted model hands in these files and says the payload wherever it can."""
    model_id = f"scripted/attack-{secrets.token_hex(4)}"  # several run at once, on one server
    url = scripted_server.shared().add(model_id, script(payload_of(files["payload.json"][0]), files))
    model = scripted.on_server(model_id, url, "anthropic", Settings(max_tokens=500_000, max_turns=20))
    trial = plan_of(task, model_id, FIRST, 1)
    record = run_trial(trial, sandbox, model, place / FIRST, nullcontext(), Tariff(model_id), lambda _: None)
    graded = place / FIRST / GRADE
    return record, Grade.model_validate_json(graded.read_bytes()) if graded.exists() else None


def plan_of(task: Task, model: str | None, trial_id: str, attempt: int) -> TrialPlan:
    """A plan of the run that the reports are about; the task is not checked, its id and digest are enough."""
    candidate = Candidate(agent=None, scaffold="tools", model=model)
    return TrialPlan.model_construct(run_id=RUN, trial_id=trial_id, task=task, candidate=candidate, attempt=attempt)


def script(text: str, files: Mapping[str, tuple[bytes, int]]) -> Script:
    """What the model says. Built without checks: half characters are allowed to nobody but an attacker."""
    made = [call("edit_file", command="create", path=p, text=c.decode()) for p, (c, _) in files.items()]
    odd = [call(text[:60] or "none", **{text[:60]: text[:SAID]}), call("edit_file", command="view", path=text[:200])]
    said = [call("bash", command="python names.py"), call("bash", command=LEAD_IN + text.replace("\0", "")[:20_000])]
    turns = (made, odd, said, [call("submit", note=text[:20_000])])
    lines = tuple(Line.model_construct(text=text[:SAID], calls=tuple(c), thinking="", faults=()) for c in turns)
    return Script.model_construct(schema_=1, find={}, turn=lines)


def call(tool: str, **arguments: Any) -> Call:
    """A tool call."""
    return Call.model_construct(tool=tool, arguments=arguments)


# --- the reports -----------------------------------------------------------------------------------------------------


def faults_of_reports(record: TrialRecord, raw: bytes, place: Path) -> Iterator[str]:
    """Write the reports twice, hostile and harmless, and say what is wrong with the hostile ones."""
    text = payload_of(raw)
    hostile = written(place / RUN, [record, dressed(record, text)], place)
    harmless = written(place / "harmless" / RUN, [undressed(record), dressed(record, HARMLESS)], place)
    for path in sorted(p for p in hostile.rglob("*") if p.is_file()):
        if path.stat().st_size > LARGEST:
            yield f"{path.name} has {path.stat().st_size >> 20} MB"
    for name, look in LOOKS.items():
        yield from (f"{name}: {fault}" for fault in look(hostile / name, harmless / name))
    yield from terminal_faults(place / RUN)


def dressed(record: TrialRecord, text: str) -> TrialRecord:
    """A second trial, in error, with the text in every field that an agent has a hand in."""
    text = text.encode("utf-8", "backslashreplace").decode()  # what a record can hold
    handed = record.submission and record.submission.model_copy(update={"notes": (text, text)})
    isolation = record.isolation and record.isolation.model_copy(update={"notes": (text,)})
    changes = {
        "trial_id": SECOND, "attempt": 2, "outcome": "error", "functional": None, "secure": None, "tally": {},
        "failure": Failure(boundary="grader", message=text), "ending": Ending(reason=text[:200], detail=text),
        "submission": handed, "isolation": isolation,
    }  # fmt: skip
    return record.model_copy(update=changes)


def undressed(record: TrialRecord) -> TrialRecord:
    """The real trial with harmless words in the fields where the agent's may be."""
    handed = record.submission
    notes = tuple(HARMLESS for _ in handed.notes) if handed else ()
    ending = record.ending
    changes: dict[str, Any] = {
        "submission": handed and handed.model_copy(update={"notes": notes}),
        "ending": ending and Ending(reason=ending.reason, detail=HARMLESS if ending.detail else ""),
        "failure": record.failure and Failure(boundary=record.failure.boundary, message=HARMLESS),
    }
    if hints := getattr(record, "suspicious", ()):
        safe = [hint.model_copy(update={"evidence": HARMLESS, "where": HARMLESS}) for hint in hints]
        changes["suspicious"] = tuple(safe)
    return record.model_copy(update=changes)


def written(run_dir: Path, records: Iterable[TrialRecord], place: Path) -> Path:
    """Write a run of these records on disk, with the real trial's files, and its reports; return their folder."""
    found = list(records)
    task = Task.model_construct(id=found[0].task, digest=found[0].task_digest, areas=found[0].areas)
    plans = [plan_of(task, r.model, r.trial_id, r.attempt) for r in found]
    store.create(run_dir, "", plans)
    shutil.copytree(place / FIRST, store.trial_dir(run_dir, FIRST))
    for record in found:
        store.write_record(store.trial_dir(run_dir, record.trial_id), record)
    with DRAWING:
        return reports.write_all(run_dir, store.load(run_dir)).parent


# --- HTML, Markdown, XML, CSV, terminal ------------------------------------------------------------------------------


class Elements(HTMLParser):
    """The elements of a page with the names of their attributes, what it loads, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.loaded: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append((tag, tuple(name for name, _ in attrs)))
        if tag in ("script", "link"):
            self.loaded += [(tag, value or "") for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text.append(data)


def html_faults(hostile: Path, harmless: Path) -> Iterator[str]:
    """The page has the same elements and attributes, none of which acts; nothing in it is invisible or reversed."""
    page = hostile.read_text(encoding="utf-8")
    mine, theirs = Elements(page), Elements(harmless.read_text(encoding="utf-8"))
    yield from differs(mine.found, theirs.found)
    if mine.loaded != OWN:
        yield f"the page loads other things than its own style and script: {mine.loaded}"
    own = [("script", ("src",))]
    acting = [one for one in mine.found if one not in own and (one[0] in ACTING or acts(one[1]))]
    yield from (f"an element that acts: {one}" for one in acting[:3])
    yield from unprintable(page)


ACTING = ("script", "iframe", "object", "base", "form")
OWN = [("link", "data:,"), ("link", "assets/site.css"), ("script", "assets/site.js")]


def data_faults(hostile: Path, harmless: Path) -> Iterator[str]:
    """The script is one call with a value in JSON, of the same shape, and nothing else."""
    mine, theirs = (re.fullmatch(r'harnessData\("trials",(.*)\);\n', path.read_text()) for path in (hostile, harmless))
    if mine is None or theirs is None:
        yield "it is not the one call that it should be"
        return
    shapes = [{name: type(value) for name, value in json.loads(found[1]).items()} for found in (mine, theirs)]
    yield from differs([*shapes[0].items()], [*shapes[1].items()])
    for text in json.loads(mine[1])["texts"]:
        yield from unprintable(text)
    yield from unprintable(mine[0])


def acts(attributes: Iterable[str]) -> bool:
    """Whether an attribute is an event handler or fetches something."""
    return any(name.startswith("on") or name in ("src", "srcset", "formaction") for name in attributes)


def markdown_faults(hostile: Path, harmless: Path) -> Iterator[str]:
    """The page parses to the same blocks and inline elements, and holds no raw HTML, link or picture."""
    mine, theirs = tokens(hostile), tokens(harmless)
    yield from differs(mine, theirs)
    yield from (
        f"an element that agents cannot make: {kind}" for kind in {"html_inline", "html_block", "image"} & {*mine}
    )
    yield from unprintable(hostile.read_text(encoding="utf-8"))


def tokens(path: Path) -> list[str]:
    """The kinds of a Markdown file's tokens, with tables, strike-through and bare links as GitHub reads them."""
    from markdown_it import MarkdownIt

    parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(path.read_text(encoding="utf-8"))
    found = [kind for token in parsed for kind in (token.type, *(c.type for c in token.children or ()))]
    # How a text is cut at escapes says nothing about what it is.
    return [kind for kind in found if kind not in ("text", "text_special", "softbreak")]


def xml_faults(hostile: Path, harmless: Path) -> Iterator[str]:
    """The file parses as XML to the same elements and attributes."""
    mine, theirs = ([(e.tag, tuple(e.attrib)) for e in ET.parse(path).getroot().iter()] for path in (hostile, harmless))
    yield from differs(mine, theirs)
    yield from unprintable(hostile.read_text(encoding="utf-8"))


def csv_faults(hostile: Path, harmless: Path) -> Iterator[str]:
    """As many rows and columns, and no field that a spreadsheet would run."""
    csv.field_size_limit(LARGEST)
    mine, theirs = (
        list(csv.reader(io.StringIO(path.read_bytes().decode(), newline=""))) for path in (hostile, harmless)
    )
    yield from differs([len(row) for row in mine], [len(row) for row in theirs])
    for field in (field for row in mine for field in row):
        if len(field) > LONGEST:
            yield f"a field of {len(field)} characters, which spreadsheets cut and readers refuse"
        if field.lstrip().startswith(FORMULA) and not re.fullmatch(r"-?[0-9.e+-]+", field):
            yield f"a field that is a formula: {field[:60]!r}"
        yield from unprintable(field)


def parquet_faults(hostile: Path, harmless: Path) -> Iterator[str]:
    """The table is readable, with the same columns and as many rows."""
    import pyarrow.parquet as parquet

    mine, theirs = (parquet.read_table(path) for path in (hostile, harmless))
    yield from differs([mine.num_rows, *mine.column_names], [theirs.num_rows, *theirs.column_names])


def terminal_faults(run_dir: Path) -> Iterator[str]:
    """What `harness show` prints has no control character of its own but line ends, with colours and without."""
    from rich.console import Console

    for colours in (True, False):
        for shown in (None, FIRST, SECOND):
            out = io.StringIO()
            console = Console(
                file=out, width=120, force_terminal=colours, color_system="truecolor" if colours else None
            )
            if shown is None:
                console.print(terminal.render(aggregate(store.load(run_dir))))
            show.show(run_dir, shown, console)
            printed = COLOURS.sub("", out.getvalue()) if colours else out.getvalue()
            if len(printed) > PRINTED:
                yield f"terminal: {len(printed)} characters are printed of {shown or 'the run'}"
            yield from (f"terminal: {fault}" for fault in unprintable(printed))


LOOKS = {
    "index.html": html_faults, "summary.md": markdown_faults, "junit.xml": xml_faults, "results.csv": csv_faults,
    "trials.parquet": parquet_faults, "data/trials-0.js": data_faults,
}  # fmt: skip


def differs(mine: list[Any], theirs: list[Any]) -> Iterator[str]:
    """Say where two lists part."""
    if mine != theirs:
        pairs = enumerate(zip(mine, theirs, strict=False))
        at = next((n for n, (a, b) in pairs if a != b), min(len(mine), len(theirs)))
        yield f"built otherwise than with harmless words, from place {at}: {mine[at : at + 3]}, {theirs[at : at + 3]}"


def unprintable(text: str) -> Iterator[str]:
    """Say which characters act on a terminal, hide, or turn the reading direction."""
    kinds = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    bad = {c for c in set(plain_of(text)) if unicodedata.category(c) in kinds}
    if bad:
        yield f"characters that act or hide: {sorted(map(hex, map(ord, bad)))[:8]}"


def plain_of(text: str) -> str:
    """A text without the line ends and tabs that every format has."""
    return text.replace("\r\n", "").replace("\n", "").replace("\t", "")
