"""Estimators against the reference figures of the literature, and properties that hold for any input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stats

counts = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
clusters = st.lists(st.lists(st.sampled_from([0, 1]), max_size=6), min_size=1, max_size=12).filter(any)


@pytest.mark.parametrize(
    ("passed", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_reference_figures(passed, n, low, high):
    assert stats.wilson(passed, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_knows_nothing_without_trials():
    assert stats.wilson(0, 0) == (0, 1)


def test_clopper_pearson_gives_the_reference_figure():
    assert stats.clopper_pearson(81, 263) == pytest.approx((0.2527, 0.3676), abs=5e-5)


@pytest.mark.parametrize(("passed", "n", "limits"), [(0, 0, (0, 1)), (0, 5, (0, 0.5218)), (5, 5, (0.4782, 1))])
def test_clopper_pearson_is_exact_at_the_ends(passed, n, limits):
    assert stats.clopper_pearson(passed, n) == pytest.approx(limits, abs=5e-5)


@given(counts)
def test_both_intervals_hold_the_rate_and_have_a_width(count):
    passed, n = count
    for low, high in (stats.wilson(passed, n), stats.clopper_pearson(passed, n)):
        assert 0 <= low <= passed / n <= high <= 1
        assert high - low > 0


@pytest.mark.parametrize(("k", "at_least_one", "every"), [
    (1, 0.3, 0.3), (2, 0.533333, 0.066667), (3, 0.708333, 0.008333), (5, 0.916667, 0.0), (8, 1.0, 0.0),
])  # fmt: skip
def test_pass_at_k_and_pass_hat_k_give_the_reference_figures(k, at_least_one, every):
    assert stats.pass_at_k(10, 3, k) == pytest.approx(at_least_one, abs=5e-7)
    assert stats.pass_hat_k(10, 3, k) == pytest.approx(every, abs=5e-7)


@pytest.mark.parametrize("call", [
    lambda: stats.wilson(3, 2), lambda: stats.wilson(-1, 2), lambda: stats.wilson(1, 2, 1.0),
    lambda: stats.pass_at_k(5, 6, 1), lambda: stats.pass_at_k(5, 2, 6), lambda: stats.pass_hat_k(5, 2, 0),
    lambda: stats.task_rate([[], []]), lambda: stats.clopper_pearson(3, 2),
])  # fmt: skip
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError):
        call()


def test_clustered_error_gives_the_reference_figures():
    scores = [[1, 1, 0], [0, 0], [1, 1, 1], [0, 1]]
    assert stats.clustered_se(scores) == pytest.approx(0.172047, abs=5e-7)
    assert stats.clustered_se([[score] for task in scores for score in task]) == pytest.approx(0.154919, abs=5e-7)


def test_one_attempt_a_task_is_plain_wilson():
    rate = stats.task_rate([[1], [0], [1], [1], [0]])
    assert rate.n_effective == 5
    assert rate[:3] == (0.6, *stats.wilson(3, 5))


def test_all_passed_is_not_certain_and_repeats_add_nothing_when_tasks_are_unanimous():
    assert stats.task_rate([[1]] * 8)[:3] == pytest.approx((1, 0.6756, 1), abs=5e-5)
    assert stats.task_rate([[1] * 5] * 8) == stats.task_rate([[1]] * 8)
    assert stats.task_rate([[1] * 5] * 4 + [[0] * 5] * 4).n_effective == pytest.approx(8)


def test_repeats_count_in_full_when_tasks_are_alike():
    assert stats.task_rate([[1, 0], [0, 1], [1, 0], [1, 0]]).n_effective == 8


def test_effective_size_is_the_variance_by_the_clustered_one():
    # p = 1/2, residuals 1, 0, -1, 0 over 8 trials: SE² = 2/64 · 4/3 = 1/24, and p(1 - p) / SE² = 6.
    assert stats.effective_n([[1, 1], [1, 0], [0, 0], [0, 1]]) == pytest.approx(6)


def test_one_task_is_one_piece_of_evidence():
    assert stats.task_rate([[1, 0, 1, 1]]).n_effective == 1


def test_tasks_without_a_graded_trial_do_not_count():
    assert stats.task_rate([[1], [0], []]) == stats.task_rate([[1], [0]])


@given(clusters)
def test_effective_size_lies_between_tasks_and_trials_and_the_interval_holds_the_rate(scores):
    rate = stats.task_rate(scores)
    filled = [task for task in scores if task]
    trials = sum(map(len, filled))
    assert trials**2 / sum(len(task) ** 2 for task in filled) - 1e-9 <= rate.n_effective <= trials + 1e-9
    assert rate.low <= rate.estimate + 1e-12
    assert rate.estimate <= rate.high + 1e-12
    assert rate.high - rate.low > 0
