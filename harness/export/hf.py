"""A dataset of trials for the `datasets` library: one row a planned trial, of one run or of several, with a card.

    one Dataset (the column `run` tells runs apart)       data-*.arrow, dataset_info.json, state.json
    or, with splits, a DatasetDict of one split a run     dataset_dict.json, <split>/…
    for pandas and everybody else                         <split>.parquet
    the card                                              README.md

The columns are those of trials.parquet (harness/reports/schema.py, docs/data.md), with the same types whatever is null.
Nothing that a hidden test said is in it, no transcript and no file of a submission.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import __version__
from harness.aggregate import Tables, aggregate, trial_rows
from harness.dossier import Dossier
from harness.errors import ResultsError, UsageError
from harness.reports import schema
from harness.reports.text import count, plain, plural
from harness.store import Loaded

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]
    import pyarrow as pa  # type: ignore[import-untyped]

CARD = "README.md"
SPLIT = "trials"
TOKEN = "HF_TOKEN"
BATCH = 20_000  # rows that are Python objects at once
DTYPES = {"string": "string", "bool": "bool", "int64": "int64", "double": "float64"}
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write(loaded: Loaded, trials: Callable[[], Iterable[Dossier]], out: Path) -> int:
    """Write one run; return the number of its trials with turns, as the other formats do."""
    write_all([loaded], out)
    return sum(bool(found.transcript.steps) for found in trials())


def write_all(runs: Sequence[Loaded], out: Path, splits: bool = False) -> datasets.Dataset | datasets.DatasetDict:
    """Write runs into a folder as one dataset, or with a split for each; return it.

    Raises UsageError for runs that cannot be told apart, ResultsError when the disk refuses.
    """
    import datasets

    _check_apart(runs, splits)
    tables = [aggregate(run) for run in runs]
    parts = {_split(one.run_id): _table([one]) for one in tables} if splits else {SPLIT: _table(tables)}
    made = {name: datasets.Dataset(table, split=datasets.NamedSplit(name)) for name, table in parts.items()}
    whole = datasets.DatasetDict(made) if splits else made[SPLIT]
    try:
        out.mkdir(parents=True, exist_ok=True)
        _save(whole, parts, out)
        (out / CARD).write_text(card(tables, list(parts)), encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"{out}: cannot be written ({error.strerror or error})") from error
    return whole


def _save(whole: datasets.Dataset | datasets.DatasetDict, parts: Mapping[str, pa.Table], out: Path) -> None:
    from pyarrow import parquet

    with _quiet():
        whole.save_to_disk(str(out))
    for name, table in parts.items():
        parquet.write_table(table, out / f"{name}.parquet")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the libraries' bars and remarks."""
    import datasets
    from huggingface_hub import utils as hub

    level = datasets.logging.get_verbosity()
    hidden = [one for one, on in ((datasets, datasets.is_progress_bar_enabled()),
                                  (hub, not hub.are_progress_bars_disabled())) if on]  # type: ignore[attr-defined]  # fmt: skip
    for library in hidden:
        library.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    try:
        yield
    finally:
        datasets.logging.set_verbosity(level)
        for library in hidden:
            library.enable_progress_bars()


def _check_apart(runs: Sequence[Loaded], splits: bool) -> None:
    names = Counter(run.run_id for run in runs)
    twins = [name for name, times in names.items() if times > 1]
    if twins:
        raise UsageError(f"{twins[0]} is named twice: the rows of two runs of one name could not be told apart")
    found = Counter(_split(run.run_id) for run in runs)
    same = [name for name, times in found.items() if times > 1]
    if splits and same:
        alike = " and ".join(run.run_id for run in runs if _split(run.run_id) == same[0])
        raise UsageError(f"{alike} would both be the split {same[0]!r}: copy one to a folder of another name")


def _split(run_id: str) -> str:
    """The run's name as a split may be called: letters, digits and underscores."""
    return re.sub(r"\W+", "_", run_id)


def _table(tables: Sequence[Tables]) -> pa.Table:
    import pyarrow as pa

    columns = schema.arrow()
    rows = (row for one in tables for row in trial_rows(one))
    batches = [pa.RecordBatch.from_pylist(part, columns) for part in _parts(rows)]
    return pa.Table.from_batches(batches, columns)


def _parts(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    source = iter(rows)
    while part := list(islice(source, BATCH)):
        yield part


# --- the card --------------------------------------------------------------------------------------------------------


def card(tables: Sequence[Tables], splits: Sequence[str]) -> str:
    """README.md: front matter as the Hub reads it, the columns, where the rows come from, and what is left out."""
    import yaml

    front = yaml.safe_dump(front_matter(tables, splits), sort_keys=False, allow_unicode=True)
    body = "\n\n".join([_about(tables), *_read(splits), _provenance(tables), LEFT_OUT, COLUMNS + schema.markdown()])
    return f"---\n{front}---\n\n{body}\n"


def front_matter(tables: Sequence[Tables], splits: Sequence[str]) -> dict[str, Any]:
    """The card's metadata. No license is stated: that is for whoever publishes it."""
    rows = sum(len(one.planned) for one in tables)
    size = next((name for most, name in SIZES if rows < most), "n>1M")
    return {
        "pretty_name": "Trials of LLM agents at backend engineering", "size_categories": [size],
        "tags": ["benchmark", "evaluation", "llm-agents", "backend-engineering", "tabular"],
        "dataset_info": {"features": [_feature(column) for column in schema.COLUMNS]},
        "configs": [
            {"config_name": "default", "data_files": [{"split": name, "path": f"{name}.parquet"} for name in splits]}
        ],
    }  # fmt: skip


def _feature(column: schema.Column) -> dict[str, str]:
    if column.kind.startswith("list<"):
        return {"name": column.name, "list": column.kind[5:-1]}
    return {"name": column.name, "dtype": DTYPES[column.kind]}


def _about(tables: Sequence[Tables]) -> str:
    rows, graded, errors, missing, not_run = (
        sum(take(one) for one in tables)
        for take in (
            lambda t: len(t.planned), lambda t: t.counts.graded, lambda t: t.counts.error,
            lambda t: t.counts.missing, lambda t: t.counts.not_run,
        )
    )  # fmt: skip
    return (
        "# Trials of LLM agents at backend engineering\n\n"
        f"One row is one planned trial: an agent got a request, wrote a backend in a sealed sandbox, and hidden tests "
        f"graded the running service from outside. {plural(rows, 'trial')} of {plural(len(tables), 'run')}; without "
        f"negative controls {graded} have a verdict, {errors} ended in error, {missing} are missing, {not_run} could "
        "not be run. A rate is passed / (passed + failed); it means little where errors and missing trials are more "
        "than 2 %. Trials at one task are alike: compare by task."
    )


def _read(splits: Sequence[str]) -> Iterator[str]:
    yield (
        "```python\n"
        "import datasets, pandas as pd\n"
        'trials = datasets.load_from_disk("THIS FOLDER")   # from the Hub: datasets.load_dataset("OWNER/NAME")\n'
        f'table = pd.read_parquet("THIS FOLDER/{splits[0]}.parquet")\n'
        "```"
    )


def _provenance(tables: Sequence[Tables]) -> str:
    """Where the rows come from: for each run what could differ, and what does differ between them."""
    lines = ["## Where it comes from\n", f"Written by backend-harness {__version__}.\n"]
    for one in tables:
        facts = "; ".join(f"{name}: {_few(values)}" for name, values in one.provenance.items() if name in PROVENANCE)
        lines.append(f"- run {_safe(one.run_id)}: {count(len(one.planned))} trials; {facts}")
    changed = _changed_tasks(tables)
    if changed:
        lines.append(f"\nTasks that are not the same in all rows (another digest): {_few(changed)}.")
    return "\n".join(lines)


PROVENANCE = ("harness", "git revision", "sandbox and isolation", "price table", "models", "started")
FEW = 6


def _few(values: Sequence[str]) -> str:
    more = f" and {len(values) - FEW} more" if len(values) > FEW else ""
    return ", ".join(map(_safe, values[:FEW])) + more


def _safe(text: str) -> str:
    """Text of a run as Markdown shows it: no markup, no HTML."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", plain(text))


def _changed_tasks(tables: Sequence[Tables]) -> list[str]:
    digests: defaultdict[str, set[str]] = defaultdict(set)
    for one in tables:
        for row in one.planned:
            digests[row.task].add(row.task_digest)
    return sorted(task for task, found in digests.items() if len(found) > 1)


LEFT_OUT = """\
## What is left out

No hidden test, and nothing that one said: of a grade there is the outcome, and how many tests passed in each
dimension. No request, prompt, transcript or submitted file either; digests tell whether two are the same. `detail` is
the harness's own message about an error or an ending; read it before you publish, since it may name hosts or paths of
the machine that ran the trial. Do not train on outcomes of these tasks if you mean to be measured by them."""
COLUMNS = f"""\
## Columns

Version {schema.VERSION}. Null means "not known" or "does not apply", never 0.

"""


# --- push ------------------------------------------------------------------------------------------------------------


def token() -> str:
    """The user's token. Only the environment is asked, never an old login. Raises UsageError."""
    found = os.environ.get(TOKEN, "").strip()
    if not found:
        raise UsageError(f"--push needs a token with write access in the environment, as {TOKEN}; nothing was written")
    return found


def push(made: datasets.Dataset | datasets.DatasetDict, folder: Path, repo: str, secret: str, private: bool) -> str:
    """Upload a dataset and its card to the Hub (HF_ENDPOINT); return its address. A new repository is private if asked.

    Raises UsageError when the name, the token or the network will not do; what is in `folder` stays.
    """
    import httpx2 as httpx
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        with _quiet():
            made.push_to_hub(repo, token=secret, private=private, commit_message="Trials")
            _push_card(folder / CARD, repo, secret)
    except HFValidationError as error:
        raise UsageError(f"{repo!r} is no name of a dataset: OWNER/NAME is wanted ({error})") from error
    except HfHubHTTPError as error:
        raise UsageError(_refusal(error, repo, folder)) from error
    except (httpx.HTTPError, ConnectionError) as error:
        where = constants.ENDPOINT
        raise UsageError(f"{where} cannot be reached ({type(error).__name__}); the dataset is in {folder}") from error
    return f"{constants.ENDPOINT}/datasets/{repo}"


def _push_card(path: Path, repo: str, secret: str) -> None:
    """Our text, with what `push_to_hub` wrote of files and sizes."""
    from huggingface_hub import DatasetCard

    ours, theirs = DatasetCard(path.read_text(encoding="utf-8")), DatasetCard.load(repo, token=secret)
    for name in ("dataset_info", "configs"):
        ours.data[name] = theirs.data.get(name)
    ours.push_to_hub(repo, token=secret, repo_type="dataset", commit_message="Card")


def _refusal(error: Any, repo: str, folder: Path) -> str:
    status = error.response.status_code if error.response is not None else None
    why = {
        401: f"the token in {TOKEN} is not valid", 403: f"the token in {TOKEN} may not write there",
        404: f"there is no such place, or the token in {TOKEN} does not see it",
    }  # fmt: skip
    told = why.get(status or 0, f"it answered {status}: {plain(str(error.server_message or error))[:300]}")
    return f"the Hub refused {repo}: {told}. The dataset is in {folder}"
