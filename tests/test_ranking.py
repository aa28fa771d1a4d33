"""Rates over tasks, pairwise tests, rank intervals and the frontier: against harness.stats, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import ranking, stats


def counts(*rows: list[int]) -> np.ndarray:
    return np.array(rows)


def rank(passed: np.ndarray, graded: np.ndarray, conditions: np.ndarray | None = None) -> ranking.Ranking:
    everybody = np.ones((len(passed), len(passed)), dtype=bool)
    alike = np.zeros_like(passed) if conditions is None else conditions
    return ranking.rank(passed, graded, alike, everybody)


# --- rates -----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_with_equal_repeats_the_rate_is_that_of_stats(passed: list[int]) -> None:
    ours = ranking.rate(np.array(passed), np.full(len(passed), 4))
    theirs = stats.task_rate([[1] * p + [0] * (4 - p) for p in passed])
    assert ours is not None
    assert ours == pytest.approx(theirs)


def test_who_repeats_the_easy_tasks_gains_nothing() -> None:
    once = ranking.rate(np.array([1, 1, 0, 0]), np.array([1, 1, 1, 1]))
    often = ranking.rate(np.array([50, 50, 0, 0]), np.array([50, 50, 1, 1]))
    assert once is not None and often is not None
    assert often.estimate == once.estimate == 0.5
    assert ranking.mean_over_tasks(np.array([50.0, 0.0]), np.array([50, 1])) == 0.5


def test_a_task_without_a_verdict_is_in_no_rate() -> None:
    found = ranking.rate(np.array([1, 0, 0]), np.array([2, 2, 0]))
    assert found is not None and found.estimate == 0.25
    assert ranking.rate(np.array([0]), np.array([0])) is None
    assert ranking.mean_over_tasks(np.array([0]), np.array([0])) is None


def test_the_curve_is_that_of_the_reference_figures() -> None:
    curve = ranking.pass_curve(np.array([3, 0]), np.array([10, 0]), 8)
    assert [k for k, _, _ in curve] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert curve[0][1:] == pytest.approx((0.3, 0.3))
    assert curve[1][1:] == pytest.approx((0.533333, 0.066667), abs=1e-6)
    assert curve[4][1] == pytest.approx(0.916667, abs=1e-6)
    assert ranking.pass_curve(np.array([2, 1]), np.array([3, 2]), 8)[-1][0] == 2  # what every task has


# --- pairs -----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=25),
    st.lists(st.integers(3, 5), min_size=25, max_size=25),
)
def test_below_fifty_tasks_p_is_the_exact_sign_flip(pairs: list[tuple[int, int]], sizes: list[int]) -> None:
    a, b = (np.array([pair[arm] for pair in pairs]) for arm in (0, 1))
    n = np.array(sizes[: len(pairs)])
    (found,) = rank(counts(a, b), counts(n, n[::-1])).pairs
    expected = stats.sign_flip(a / n - b / n[::-1])
    assert found.p == pytest.approx(expected.p, abs=1e-9)


def test_the_reference_example() -> None:
    """STATS: d of ten tasks with mean .12 has the exact p .109375."""
    a, b = counts([2, 5, 1, 4, 4, 1, 5, 1, 3, 4], [1, 5, 0, 3, 4, 2, 5, 0, 1, 3])
    (found,) = rank(counts(a, b), np.full((2, 10), 5)).pairs
    assert (found.tasks, found.difference) == (10, pytest.approx(0.12))
    assert found.p == pytest.approx(0.109375)


def test_with_many_tasks_and_sums_p_is_the_paired_t_test() -> None:
    source = np.random.default_rng(3)
    graded = np.array([[7] * 200, [11] * 200])
    passed = source.binomial(graded, 0.5)
    (found,) = rank(passed, graded).pairs
    expected = stats.on_tasks_like_these(passed[0] / 7 - passed[1] / 11)
    assert expected is not None
    assert found.p == pytest.approx(stats.t_test(expected))


def test_a_few_tasks_that_differ_among_many_are_counted_exactly() -> None:
    """Five wins of five in 60 tasks are p = 1/16; the t test would say 0.024."""
    passed = counts([1] * 5 + [0] * 55, [0] * 60)
    (found,) = rank(passed, np.ones((2, 60), dtype=int)).pairs
    assert found.p == pytest.approx(1 / 16)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 17), st.integers(0, 19)), min_size=2, max_size=16))
def test_attempts_without_a_common_denominator_never_give_too_small_a_p(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array([pair[arm] for pair in pairs]) for arm in (0, 1))
    graded = np.array([[17] * len(pairs), [19] * len(pairs)])
    (found,) = rank(counts(a, b), graded).pairs
    expected = stats.sign_flip(a / 17 - b / 19).p
    assert expected - 1e-9 <= found.p <= 1


def test_rounding_costs_next_to_nothing() -> None:
    source, ratios = np.random.default_rng(2), []
    for _ in range(30):
        passed = source.binomial([[17] * 14, [19] * 14], np.clip([[0.7] * 14, [0.45] * 14], 0, 1))
        (found,) = rank(passed, np.array([[17] * 14, [19] * 14])).pairs
        ratios.append(found.p / stats.sign_flip(passed[0] / 17 - passed[1] / 19).p)
    assert 1 <= np.mean(ratios) < 1.15


def test_tasks_count_only_where_both_have_a_verdict_under_the_same_conditions() -> None:
    passed = counts([1] * 10, [0] * 10)
    graded = counts([1] * 10, [1] * 8 + [0] * 2)
    conditions = counts([0] * 10, [1] + [0] * 9)
    (found,) = rank(passed, graded, conditions).pairs
    assert found.tasks == 7


def test_rows_that_may_not_be_compared_are_never_surely_better() -> None:
    passed, graded = counts([1] * 20, [0] * 20), np.ones((2, 20), dtype=int)
    nobody = np.zeros((2, 2), dtype=bool)
    assert rank(passed, graded).intervals == ((1, 1), (2, 2))
    apart = ranking.rank(passed, graded, np.zeros((2, 20), dtype=int), nobody)
    assert apart.intervals == ((1, 2), (1, 2)) and not apart.pairs


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(0, 1), max_size=30))
def test_holm_is_that_of_stats(p: list[float]) -> None:
    assert ranking.holm(np.array(p)) == pytest.approx(stats.holm(p))


# --- ranks -----------------------------------------------------------------------------------------------------------


def test_rank_intervals_are_one_plus_surely_better_and_m_less_surely_worse() -> None:
    best, middle, twin, worst = [1] * 40, [1] * 22 + [0] * 18, [0] * 2 + [1] * 22 + [0] * 16, [0] * 40
    found = rank(counts(best, middle, twin, worst), np.ones((4, 40), dtype=int))
    assert found.intervals == ((1, 1), (2, 3), (2, 3), (4, 4))


def test_a_pair_that_is_surely_apart_alone_is_not_among_many() -> None:
    """Holm: six wins of six tasks have p = .03, enough for one pair and not for three."""
    two = counts([1] * 6, [0] * 6)
    assert rank(two, np.ones((2, 6), dtype=int)).intervals == ((1, 1), (2, 2))
    three = counts([1] * 6, [0] * 6, [0] * 6)
    assert rank(three, np.ones((3, 6), dtype=int)).intervals == ((1, 3), (1, 3), (1, 3))


@pytest.mark.parametrize("rows", [2, 3, 8, 50])
def test_fewest_tasks_is_where_an_order_can_first_be_told(rows: int) -> None:
    def told(tasks: int) -> bool:
        passed = np.array([[1] * tasks] + [[0] * tasks] * (rows - 1))
        # One pair of them, with all others counted as in the worst case of Holm.
        p = rank(passed[:2], np.ones((2, tasks), dtype=int)).pairs[0].p
        return p * rows * (rows - 1) / 2 <= ranking.ALPHA

    needed = ranking.fewest_tasks(rows)
    assert told(needed) and not told(needed - 1)


@pytest.mark.parametrize("tasks", [30, 80])
def test_equal_candidates_are_rarely_ranked_apart(tasks: int) -> None:
    """Five candidates of the same skill: some pair is called in about 5 % of leaderboards, and no more."""
    source, wrong, boards = np.random.default_rng(11), 0, 300
    for _ in range(boards):
        skill = source.beta(0.5, 0.5, tasks)
        passed = source.binomial(3, skill, (5, tasks))
        wrong += any(interval != (1, 5) for interval in rank(passed, np.full((5, tasks), 3)).intervals)
    assert wrong / boards <= 0.08


def test_the_true_order_lies_in_the_intervals() -> None:
    source, held, boards = np.random.default_rng(5), 0, 100
    for _ in range(boards):
        skill = np.clip(source.beta(1, 1, 60)[None, :] + np.array([[0.3], [0.15], [0.0], [-0.15]]), 0, 1)
        found = rank(source.binomial(3, skill), np.full((4, 60), 3)).intervals
        held += all(low <= place <= high for place, (low, high) in enumerate(found, start=1))
    assert held / boards >= 0.95


def test_fifty_candidates_at_a_thousand_tasks_are_fast() -> None:
    import time

    source = np.random.default_rng(1)
    passed = source.binomial(3, source.beta(1, 1, 1000), (50, 1000))
    started = time.process_time()
    found = rank(passed, np.full((50, 1000), 3))
    assert len(found.pairs) == 1225
    assert time.process_time() - started < 10


# --- the frontier ----------------------------------------------------------------------------------------------------


def test_the_frontier_is_what_nobody_beats() -> None:
    points = [(1.0, 0.5), (2.0, 0.5), (0.5, 0.4), (3.0, 0.9), (2.5, 0.3), (None, 1.0), (0.1, None), (0.5, 0.4)]
    assert ranking.frontier(points) == [True, False, True, True, False, False, False, True]


def test_a_candidate_that_passes_nothing_is_no_choice() -> None:
    assert ranking.frontier([(0.0, 0.0), (1.0, 0.2)]) == [False, True]


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 5)), st.integers(0, 5)), max_size=20))
def test_the_frontier_by_definition(points: list[tuple[int | None, int]]) -> None:
    found = ranking.frontier([(c, r / 5) for c, r in points])
    for (cost, rate), on in zip(points, found, strict=True):
        beaten = (
            cost is None
            or not rate
            or any(c is not None and c <= cost and r >= rate and (c < cost or r > rate) for c, r in points)
        )
        assert on is not beaten
