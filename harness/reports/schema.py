"""The columns of trials.parquet: one place that says what each is called, what type it has, what it means, when null.

One row is one planned trial, in the plan's order, whatever became of it. A column that is null in every row has its
type all the same, so that the tables of any two runs can be put together. docs/data.md is made from this, and a test
holds it against `harness.aggregate.trial_rows`.

VERSION is raised when a column leaves, or changes its type or meaning; a new column, at any place, leaves it as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from harness.types import DIMENSIONS, SCHEMA

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

Kind = Literal["string", "bool", "int64", "double", "list<string>"]

VERSION = 1
VERSION_KEY = "harness.trials"  # in the metadata of the file
NO_RECORD = "missing, not run"
NEVER = "never"


class Column(NamedTuple):
    """A column: its Arrow type, what a value means, its unit (empty: none), and when it is null."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    null: str = NO_RECORD


def _plan(name: str, kind: Kind, meaning: str, unit: str = "", null: str = NEVER) -> Column:
    """A column that every planned trial has."""
    return Column(name, kind, meaning, unit, null)


def _tally(dimension: str, part: str, meaning: str) -> Column:
    null = f"{NO_RECORD}, error, no test of this dimension was told"
    return Column(f"{dimension}_{part}", "int64", f"{meaning} of the dimension `{dimension}`", "tests", null)


COLUMNS: tuple[Column, ...] = (
    _plan("run", "string", "name of the run: that of its folder"),
    _plan("trial_id", "string", "name of the trial, and of its folder; unique in the run"),
    _plan("task", "string", "id of the task"),
    _plan("task_digest", "string", "SHA-256 of the task package; tasks are the same when this is", "hex"),
    _plan("areas", "list<string>", "capability areas that the task names; may be empty"),
    _plan("candidate", "string", "readable and unique: label and eight digits of the digest"),
    _plan("candidate_digest", "string", "SHA-256 of prompt, scaffold, model and settings; join runs on it", "hex"),
    _plan("label", "string", "readable part of `candidate`; two candidates may share it"),
    _plan("attempt", "int64", "1 for the first attempt of the candidate at the task, and so on"),
    _plan("control", "string", "`impossible` for a negative control, which counts in no rate", null="an ordinary task"),
    _plan("outcome", "string", "`passed`, `failed`, `error`, `missing` (no record), `not run` (the sandbox cannot)"),
    Column(
        "detail", "string", "message of the error, else detail of the ending, else why it was not run; may be empty",
        null="missing",
    ),
    Column("error_boundary", "string", "`provider`, `sandbox`, `grader` or `task`", null="the outcome is no error"),
    Column(
        "ending", "string", "why the agent stopped: `submitted`, `ended`, `turns`, `seconds`, `tokens`, `cost`, …",
        null=f"{NO_RECORD}, the agent never came to an end",
    ),
    Column("functional", "bool", "all functional tests passed", null=f"{NO_RECORD}, error"),
    Column("secure", "bool", "functional, and all security tests passed", null=f"{NO_RECORD}, error"),
    *(_tally(dimension, "passed", "hidden tests passed") for dimension in DIMENSIONS),
    *(_tally(dimension, "total", "hidden tests") for dimension in DIMENSIONS),
    Column("agent", "string", "name of the agent", null=f"{NO_RECORD}, the scaffold takes no agent"),
    Column(
        "agent_revision", "string", "git revision at which the agent file was asked for",
        null=f"{NO_RECORD}, the file as it lay there",
    ),
    Column(
        "prompt_digest", "string", "SHA-256 of the agent file", "hex", f"{NO_RECORD}, the scaffold takes no agent"
    ),
    Column("scaffold", "string", "`tools`, `single-shot`, `command`, `oracle` or `nop`"),
    Column("model", "string", "model, as `provider/id`", null=f"{NO_RECORD}, the scaffold takes no model"),
    Column("is_llm", "bool", "an LLM did the work: neither a script, nor `oracle`, nor `nop`"),
    Column(
        "suspicious", "int64", "signs that the agent worked on its grade; they do not change the outcome", "signs",
        f"{NO_RECORD}, nobody looked",
    ),
    Column("suspicious_kinds", "list<string>", "their kinds, sorted; may be empty", null=f"{NO_RECORD}, nobody looked"),
    Column("turns", "int64", "answers of the model", "turns"),
    Column("tool_calls", "int64", "tool calls of the model", "calls"),
    Column("retries", "int64", "attempts at an answer that failed and were repeated", "attempts"),
    Column("tokens", "int64", "the sum of the five below; may be a lower bound where `cost_usd` is null", "tokens"),
    Column("tokens_input", "int64", "tokens sent that no cache had to do with", "tokens"),
    Column("tokens_cache_read", "int64", "tokens read from the provider's cache", "tokens"),
    Column("tokens_cache_write_5m", "int64", "tokens written to a cache of five minutes", "tokens"),
    Column("tokens_cache_write_1h", "int64", "tokens written to a cache of one hour", "tokens"),
    Column("tokens_output", "int64", "tokens of answers, reasoning included", "tokens"),
    Column(
        "cost_usd", "double", "what the trial cost; 0 only where nothing is paid", "US dollars",
        f"{NO_RECORD}, a price or a number of tokens is not known",
    ),
    Column(
        "cost_floor_usd", "double", "the least that it cost, by what is known", "US dollars",
        f"{NO_RECORD}, not told by the record",
    ),
    Column(
        "cost_cold_usd", "double", "what it would have cost without any cache", "US dollars",
        f"{NO_RECORD}, not known",
    ),
    Column(
        "price_table", "string", "table of prices and its version", null=f"{NO_RECORD}, nothing was priced"
    ),
    Column("seconds", "double", "wall clock of the whole trial: agent, freezing and grading", "seconds"),
    Column("started", "string", "when the trial began", "ISO 8601, UTC"),
    Column(
        "seed", "string", "seed of the hidden tests' inputs; text, since it may exceed 64 bits", "decimal digits",
        f"{NO_RECORD}, no grade was begun",
    ),
    Column("submission_digest", "string", "SHA-256 of the frozen workspace", "hex", f"{NO_RECORD}, none was frozen"),
    Column("submission_files", "int64", "files in it", "files", f"{NO_RECORD}, none was frozen"),
    Column("submission_bytes", "int64", "their size", "bytes", f"{NO_RECORD}, none was frozen"),
    Column("sandbox", "string", "`docker` or `bubblewrap`", null=f"{NO_RECORD}, not told by the record"),
    Column("isolation_level", "string", "`L0` to `L3`", null=f"{NO_RECORD}, not told by the record"),
    Column(
        "isolation_limits", "string", "what enforced the limits: `cgroup`, `rlimit` or `none`",
        null=f"{NO_RECORD}, not told by the record",
    ),
    Column(
        "isolation_notes", "string", "what the probes found open, and the runtime; parted by `; `, may be empty",
        null=f"{NO_RECORD}, not told by the record",
    ),
    Column("harness", "string", "version of the harness"),
    Column(
        "git", "string", "git commit of the folder it was run in, with `+changes` if files differed from it",
        null=f"{NO_RECORD}, no repository",
    ),
)  # fmt: skip


def arrow() -> pa.Schema:
    """The Arrow schema, in the columns' order. Meanings, units and nulls are in the fields' metadata.

    The metadata hold `harness.trials`, the version of the columns, and `harness.schema`, that of the records.
    """
    import pyarrow as pa

    kinds = {
        "string": pa.string(), "bool": pa.bool_(), "int64": pa.int64(), "double": pa.float64(),
        "list<string>": pa.list_(pa.string()),
    }  # fmt: skip
    fields = [
        pa.field(c.name, kinds[c.kind], metadata={"meaning": c.meaning, "unit": c.unit, "null": c.null})
        for c in COLUMNS
    ]
    return pa.schema(fields, metadata={VERSION_KEY: str(VERSION), "harness.schema": str(SCHEMA)})


def markdown() -> str:
    """The columns as a Markdown table, as docs/data.md and dataset cards show them."""
    head = ["| column | type | unit | meaning | null |", "| --- | --- | --- | --- | --- |"]
    rows = [f"| `{c.name}` | `{c.kind}` | {c.unit} | {c.meaning} | {c.null} |" for c in COLUMNS]
    return "\n".join([*head, *rows])
