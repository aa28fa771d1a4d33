"""The plan: complete, interleaved, repeatable, and without twins."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.plan import plan, remaining
from harness.types import Candidate, Limits, Settings, Task

NAMES = st.lists(
    st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,5})?", fullmatch=True), min_size=1, max_size=6, unique=True
)


def task(name: str) -> Task:
    return Task(
        id=name, title=name, image="python", areas=("api.rest",), difficulty="easy", limits=Limits(), app=None,
        services={}, root=Path(name), instruction=name, digest=name,
    )  # fmt: skip


def candidate(number: int) -> Candidate:
    return Candidate(agent=None, scaffold="tools", model="scripted/demo", settings=Settings(max_tokens=number + 1))


@given(names=NAMES, arms=st.integers(1, 4), attempts=st.integers(1, 4), seed=st.integers())
def test_plan_is_complete_and_interleaved(names: list[str], arms: int, attempts: int, seed: int) -> None:
    candidates = [candidate(i) for i in range(arms)]
    plans = plan("run", [task(n) for n in names], candidates, attempts, seed)
    cells = Counter((p.task.id, p.candidate.digest, p.attempt) for p in plans)
    assert set(cells.values()) == {1}
    assert len(plans) == len(names) * arms * attempts
    assert [p.attempt for p in plans] == sorted(p.attempt for p in plans)
    for start in range(0, len(plans), arms):  # the candidates meet at one task before the next task begins
        block = plans[start : start + arms]
        assert len({p.task.id for p in block}) == 1
        assert len({p.candidate.digest for p in block}) == arms


@given(names=NAMES, seed=st.integers())
def test_plan_is_repeatable(names: list[str], seed: int) -> None:
    tasks, candidates = [task(n) for n in names], [candidate(i) for i in range(3)]
    assert plan("run", tasks, candidates, 2, seed) == plan("run", tasks, candidates, 2, seed)


@given(names=NAMES, arms=st.integers(1, 5), attempts=st.integers(1, 12))
def test_trial_ids_are_unique_and_safe(names: list[str], arms: int, attempts: int) -> None:
    plans = plan("run", [task(n) for n in names], [candidate(i) for i in range(arms)], attempts, 0)
    ids = [p.trial_id for p in plans]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9-]+--[0-9a-f]{8}--[0-9]+", i) for i in ids)


def test_seeds_change_the_order_only() -> None:
    tasks, candidates = [task(f"t{i}") for i in range(8)], [candidate(i) for i in range(3)]
    one, other = (plan("run", tasks, candidates, 2, seed) for seed in (1, 2))
    assert [p.trial_id for p in one] != [p.trial_id for p in other]
    assert {p.trial_id for p in one} == {p.trial_id for p in other}


def test_no_candidate_always_goes_first() -> None:
    plans = plan("run", [task(f"t{i}") for i in range(20)], [candidate(0), candidate(1)], 1, 0)
    assert len({p.candidate.digest for p in plans[::2]}) == 2


def test_twins_are_refused() -> None:
    with pytest.raises(ConfigError, match="are the same candidate"):
        plan("run", [task("t")], [candidate(1), candidate(2), candidate(1)], 1, 0)


def test_remaining() -> None:
    plans = plan("run", [task("a"), task("b")], [candidate(0), candidate(1)], 1, 0)
    done = {plans[0].trial_id}
    assert remaining(plans, done, {}) == plans[1:]
    assert {p.task.id for p in remaining(plans, (), {"a": "no room"})} == {"b"}
