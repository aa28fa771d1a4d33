"""Trials as a dataset: it reads back whole, with the same types in every run; nothing is uploaded without a token."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import local_hub
import pytest
import yaml
from synthetic_run import big_run, no_llm, plan_row, record
from test_compare import NEW, trials, write_run

from harness import export, store
from harness.aggregate import aggregate, trial_rows
from harness.errors import UsageError
from harness.export import hf
from harness.reports import schema


def harness(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    line = [sys.executable, "-P", "-m", "harness", "export", *words, "--format", "hf", "--results", "."]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120, env={**clean, **env})


def big(folder: Path, name: str = "night-1", seed: int = 7):
    rows, records, refused = big_run(tasks=5, seed=seed)
    made = {one.trial_id: one for one in records}
    write_run(folder / name, [(row, made[row.trial_id]) for row in rows if row.trial_id in made], rows, refused=refused)
    return store.load(folder / name)


def bare(folder: Path, name: str = "bare"):
    """A run in which almost everything is null: one scripted trial, one missing."""
    rows = [plan_row("a", "nop"), plan_row("b", "nop")]
    write_run(folder / name, [(rows[0], no_llm(rows[0], "nop", "error", ending=None, submission=None))], rows)
    return store.load(folder / name)


# --- what is written -------------------------------------------------------------------------------------------------


def test_a_dataset_reads_back_with_every_trial_as_it_was(tmp_path):
    import datasets
    import pandas as pd

    run = big(tmp_path)
    export.dataset([run], tmp_path / "out", False, None, False)
    found = datasets.load_from_disk(str(tmp_path / "out"))
    expected = trial_rows(aggregate(run))
    assert found.to_list() == expected
    assert {row["outcome"] for row in expected} >= {"passed", "failed", "not run"}
    table = pd.read_parquet(tmp_path / "out" / "trials.parquet", dtype_backend="pyarrow")
    assert len(table) == len(expected)
    assert found.to_pandas()["outcome"].tolist() == table["outcome"].tolist()


def test_types_are_the_same_when_a_column_is_null_throughout(tmp_path):
    made = [
        hf.write_all([run], tmp_path / run.run_id) for run in (big(tmp_path, "full-run"), bare(tmp_path, "bare-run"))
    ]
    assert made[0].features == made[1].features
    assert made[0].features.arrow_schema.types == schema.arrow().types
    both = hf.write_all([store.load(tmp_path / "full-run"), store.load(tmp_path / "bare-run")], tmp_path / "both")
    assert both.num_rows == made[0].num_rows + made[1].num_rows
    assert set(both["run"]) == {"full-run", "bare-run"}
    assert both["cost_usd"][-1] is None


def test_splits_are_runs(tmp_path):
    import datasets

    runs = [big(tmp_path, "night-1"), bare(tmp_path, "night.2")]
    export.dataset(runs, tmp_path / "out", True, None, False)
    found = datasets.load_from_disk(str(tmp_path / "out"))
    assert {name: part.num_rows for name, part in found.items()} == {"night_1": len(runs[0].planned), "night_2": 2}
    assert (tmp_path / "out" / "night_2.parquet").is_file()


def test_the_files_of_the_card_are_a_dataset_of_their_own(tmp_path):
    """The Hub reads the front matter and the Parquet files: `load_dataset` does so here, offline."""
    import datasets

    runs = [big(tmp_path, "night-1"), bare(tmp_path, "night-2")]
    made = hf.write_all(runs, tmp_path / "out", splits=True)
    hub = tmp_path / "hub"
    hub.mkdir()
    for path in [tmp_path / "out" / hf.CARD, *(tmp_path / "out").glob("*.parquet")]:
        (hub / path.name).write_bytes(path.read_bytes())
    found = datasets.load_dataset(str(hub), cache_dir=str(tmp_path / "cache"))
    assert set(found) == set(made) == {"night_1", "night_2"}
    assert found["night_1"].features == made["night_1"].features
    assert found["night_1"].to_list() == made["night_1"].to_list()


def test_runs_that_cannot_be_told_apart_are_refused(tmp_path):
    run = bare(tmp_path)
    for runs, splits in (([run, run], False), ([bare(tmp_path, "a-b"), bare(tmp_path, "a.b")], True)):
        with pytest.raises(UsageError, match=r"told apart|both be the split"):
            export.dataset(runs, tmp_path / "out", splits, None, False)
    assert not (tmp_path / "out").exists()


def test_a_run_without_trials_is_an_empty_table_with_all_columns(tmp_path):
    write_run(tmp_path / "empty", [])
    found = hf.write_all([store.load(tmp_path / "empty")], tmp_path / "out")
    assert found.num_rows == 0
    assert found.column_names == [column.name for column in schema.COLUMNS]


# --- the card --------------------------------------------------------------------------------------------------------


def test_the_card_has_front_matter_provenance_columns_and_a_warning(tmp_path):
    import datasets
    from huggingface_hub import DatasetCard

    runs = [big(tmp_path, "night-1"), bare(tmp_path, "night-2")]
    hf.write_all(runs, tmp_path / "out")
    text = (tmp_path / "out" / hf.CARD).read_text()
    card = DatasetCard(text)
    assert card.data.size_categories == ["n<1K"]
    info = yaml.safe_load(text.split("---\n")[1])["dataset_info"]
    assert datasets.Features._from_yaml_list(info["features"]) == datasets.Features.from_arrow_schema(schema.arrow())
    for words in (
        "## What is left out",
        "No hidden test",
        "run night-1",
        "run night-2",
        "not be run",
        schema.markdown(),
    ):
        assert words in text


def test_what_an_agent_or_a_task_is_called_is_no_markup_in_the_card(tmp_path):
    row = plan_row("a", NEW)
    made = record(row, model="x<script>alert(1)</script>[a](javascript:b)")
    write_run(tmp_path / "night", [(row, made)])
    hf.write_all([store.load(tmp_path / "night")], tmp_path / "out")
    text = (tmp_path / "out" / hf.CARD).read_text()
    assert "<script" not in text.replace("\\<", "")
    assert "[a](javascript" not in text.replace("\\[", "")


def test_tasks_that_changed_between_runs_are_told(tmp_path):
    write_run(tmp_path / "old", trials(NEW, {"a": "+", "b": "+"}))
    changed = plan_row("a", NEW).model_copy(update={"task_digest": "f" * 64})
    write_run(tmp_path / "new", [(changed, record(changed))])
    hf.write_all([store.load(tmp_path / name) for name in ("old", "new")], tmp_path / "out")
    assert "another digest): a." in (tmp_path / "out" / hf.CARD).read_text()


# --- pushing ---------------------------------------------------------------------------------------------------------


def test_without_a_token_nothing_is_written_or_sent(tmp_path, monkeypatch):
    monkeypatch.delenv(hf.TOKEN, raising=False)
    run = bare(tmp_path)
    for token in (None, "  "):
        if token:
            monkeypatch.setenv(hf.TOKEN, token)
        with pytest.raises(UsageError, match="HF_TOKEN"):
            export.dataset([run], tmp_path / "out", False, "owner/name", False)
    assert not (tmp_path / "out").exists()


def test_a_hub_that_cannot_be_reached_is_told_and_the_dataset_stays(tmp_path):
    bare(tmp_path)
    where = {"HF_TOKEN": "hf_secret_of_nobody", "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = harness(tmp_path, "bare", "--out", "out", "--push", "owner/name", **where)
    assert done.returncode == 2, done.stderr
    assert "http://127.0.0.1:9 cannot be reached" in done.stderr
    assert "hf_secret" not in done.stdout + done.stderr
    assert (tmp_path / "out" / "trials.parquet").is_file()


@pytest.mark.parametrize(("words", "message"), [
    (["bare", "--out", "bare"], "choose another --out"), (["nope", "--out", "out"], "no run"),
    (["bare", "bare", "--out", "out"], "named twice"), (["bare", "--out", "out", "--public"], "--push"),
    (["bare", "--out", "out", "--push", "a/b"], "HF_TOKEN"),
])  # fmt: skip
def test_bad_input_has_one_message_and_no_traceback(tmp_path, words, message):
    bare(tmp_path)
    done = harness(tmp_path, *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_other_formats_take_one_run(tmp_path):
    bare(tmp_path)
    line = [sys.executable, "-P", "-m", "harness", "export", "bare", "bare", "--out", "out", "--results", "."]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "takes one RUN" in done.stderr) == (2, True)


# --- a Hub on this machine -------------------------------------------------------------------------------------------


def pushed(folder: Path, hub: local_hub.Hub, *words: str, token: str = local_hub.TOKEN):
    where = {"HF_ENDPOINT": hub.address, "HF_TOKEN": token, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return harness(folder, *words, "--push", hub.repo, **where, HF_HOME=str(folder / "hf-home"))


@pytest.mark.parametrize("public", [False, True])
def test_an_upload_arrives_with_its_rows_and_its_card(tmp_path, public):
    import pyarrow.parquet as pq

    run = big(tmp_path)
    with local_hub.serve("our-team/trials") as hub:
        done = pushed(tmp_path, hub, "night-1", "--out", "out", *(["--public"] if public else []))
    assert done.returncode == 0, done.stderr
    assert f"{hub.address}/datasets/our-team/trials" in done.stdout
    assert hub.private is not public
    (data,) = [name for name in hub.files if name.endswith(".parquet")]
    rows = pq.read_table(io.BytesIO(hub.files[data])).to_pylist()
    assert rows == trial_rows(aggregate(run))
    card = hub.files["README.md"].decode()
    assert "## What is left out" in card
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["configs"][0]["data_files"] == [{"split": "trials", "path": "data/trials-*"}]
    assert front["tags"][0] == "benchmark"
    assert front["dataset_info"]["splits"][0]["num_examples"] == len(rows)


def test_splits_are_uploaded_as_splits(tmp_path):
    big(tmp_path, "night-1")
    bare(tmp_path, "night-2")
    with local_hub.serve("our-team/trials") as hub:
        done = pushed(tmp_path, hub, "night-1", "night-2", "--out", "out", "--splits")
    assert done.returncode == 0, done.stderr
    assert {name.split("/")[1].split("-")[0] for name in hub.files if "/" in name} == {"night_1", "night_2"}


@pytest.mark.parametrize(("token", "writable", "message"), [
    ("hf_of_somebody_else", True, "is not valid"), (local_hub.TOKEN, False, "may not write there"),
])  # fmt: skip
def test_what_the_hub_refuses_is_told_and_nothing_is_there(tmp_path, token, writable, message):
    bare(tmp_path)
    with local_hub.serve("our-team/trials") as hub:
        hub.writable = writable
        done = pushed(tmp_path, hub, "bare", "--out", "out", token=token)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert token not in done.stdout + done.stderr
    assert hub.files == {}
    assert (tmp_path / "out" / "README.md").is_file()


def test_a_name_that_no_dataset_can_have_is_refused(tmp_path):
    bare(tmp_path)
    with local_hub.serve("our-team/trials") as hub:
        hub.repo = "no/such/name"
        done = pushed(tmp_path, hub, "bare", "--out", "out")
    assert done.returncode == 2, done.stderr
    assert "OWNER/NAME is wanted" in done.stderr
