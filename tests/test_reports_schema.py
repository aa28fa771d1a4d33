"""The columns of trials.parquet: what is written, what is documented and what the README promises are one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_run import big_run, no_llm, plan_row, record, sign
from test_compare import write_run

from harness import store
from harness.aggregate import aggregate, tables, trial_rows
from harness.reports import parquet, schema, write_all
from harness.types import SCHEMA

ROOT = Path(__file__).resolve().parent.parent


def rows_of(planned, records, refused):
    return trial_rows(tables("night", planned, records, refused))


def test_the_columns_are_those_of_a_trial_in_their_order():
    assert list(rows_of(*big_run())[0]) == [column.name for column in schema.COLUMNS]
    assert len({column.name for column in schema.COLUMNS}) == len(schema.COLUMNS)


def test_every_value_has_the_type_of_its_column():
    import pyarrow as pa

    row = plan_row("odd")
    planned, records, refused = big_run()
    odd = [record(row, suspicious=(sign(),), control=None), no_llm(plan_row("odd", "nop"), "nop", "error")]
    found = rows_of([*planned, row, plan_row("odd", "nop")], [*records, *odd], refused)
    table = pa.Table.from_pylist(found, schema.arrow())
    assert table.to_pylist() == found


def test_null_is_where_the_column_says_it_may_be():
    found = rows_of(*big_run())
    never = [column.name for column in schema.COLUMNS if column.null == schema.NEVER]
    assert "outcome" in never
    assert not [name for name in never if any(row[name] is None for row in found)]
    missing = rows_of([plan_row()], [], {})[0]
    told = {column.name for column in schema.COLUMNS if column.null.startswith("missing")}
    assert {name for name, value in missing.items() if value is None} - told <= {"control", "error_boundary"}
    assert all(missing[name] is None for name in told)


def test_columns_with_a_unit_are_numbers_or_codes_and_all_have_a_meaning():
    for column in schema.COLUMNS:
        assert column.meaning
        if column.kind in ("double",):
            assert column.unit, column.name


def test_the_report_writes_the_schema_with_its_version(tmp_path):
    import pyarrow.parquet as pq

    planned, records, refused = big_run(tasks=4)
    parquet.write(tables("night", planned, records, refused), tmp_path)
    found = pq.read_schema(tmp_path / "trials.parquet")
    assert found.names == schema.arrow().names
    assert found.types == schema.arrow().types
    assert found.metadata[b"harness.schema"] == str(SCHEMA).encode()


def test_the_page_is_what_the_code_says():
    done = subprocess.run([sys.executable, "scripts/data_page.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0, "run scripts/data_page.py"


@pytest.mark.parametrize("page", ["README.md", "docs/data.md"])
def test_the_lines_of_pandas_work_as_they_are_printed(tmp_path, monkeypatch, capsys, page):
    block = next(b for b in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S) if "pandas" in b)
    assert len(block.splitlines()) == 3
    path = re.search(r'"(results/[^"]+)/report/trials.parquet"', block)
    assert path
    planned, records, refused = big_run(tasks=4)
    made = {one.trial_id: one for one in records}
    pairs = [(row, made[row.trial_id]) for row in planned if row.trial_id in made]
    run_dir = write_run(tmp_path / path[1], pairs, planned, refused=refused)
    write_all(run_dir, store.load(run_dir))
    monkeypatch.chdir(tmp_path)
    exec(block, {})
    shown = capsys.readouterr().out
    passed = sum(row["outcome"] == "passed" for row in trial_rows(aggregate(store.load(run_dir))))
    assert "passed" in shown.splitlines()[0]
    assert passed
