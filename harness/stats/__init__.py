"""Estimators, intervals and tests. Pure: numbers in, numbers out; the same numbers give the same figures.

    rates    one arm: intervals of a rate, pass@k, pass^k          paired   two arms: differences over tasks, ratios
    exact    exact tests: sign flips, label shuffles, McNemar      power    sample sizes, noise floor, smallest effect
    looks    several looks at growing data, e-values, alarms       many     many comparisons, ranks
    money    cost as an outcome                                    verdict  a difference and a margin -> a word
    pilot    where the spread of a comparison to come comes from   sequential  what planned looks do to a design
    alarm    a night's e-values, and the alarm on a series of nights

Words: a task has attempts, an attempt has a score in [0, 1]; `Clusters` are the scores, a sequence for each task, of T
tasks. `d` is one number a task: mean score of arm B less that of arm A. All rates lie in [0, 1], `confidence` is
two-sided coverage, `alpha` a two-sided error, p-values are two-sided. Nonsense arguments raise ValueError. What draws
random numbers is seeded. docs/statistics.md says when to use which.
"""

from __future__ import annotations

from harness.stats.alarm import alarm_levels, earliest_alarm, paired_e_values, rank_e_values, rank_p_value
from harness.stats.exact import Exact, fisher, label_shuffle, mcnemar, sign_flip
from harness.stats.looks import e_cusum, false_positives, level_of, obrien_fleming, sign_e_value
from harness.stats.many import benjamini_hochberg, holm, rank_intervals
from harness.stats.money import acceptability, cost_per_solve, icer, net_benefit
from harness.stats.paired import (
    Difference,
    bca,
    components,
    least_se,
    on_tasks_like_these,
    on_these_tasks,
    ratio,
    t_test,
    task_means,
)  # fmt: skip
from harness.stats.pilot import Variances, from_one, from_two, stated
from harness.stats.power import chance_seen, detectable, noise_floor, power, sample_size
from harness.stats.rates import (
    Clusters,
    Interval,
    Rate,
    clopper_pearson,
    clustered_se,
    effective_n,
    pass_at_k,
    pass_hat_k,
    task_rate,
    wilson,
)  # fmt: skip
from harness.stats.sequential import Stopping, drift_of, inflation, stopping
from harness.stats.verdict import Verdict, at_least, decide, differs

__all__ = [
    "Clusters", "Difference", "Exact", "Interval", "Rate", "Stopping", "Variances", "Verdict", "acceptability",
    "alarm_levels", "at_least", "bca", "benjamini_hochberg", "chance_seen", "clopper_pearson", "clustered_se",
    "components", "cost_per_solve", "decide", "detectable", "differs", "drift_of", "e_cusum", "earliest_alarm",
    "effective_n", "false_positives", "fisher", "from_one", "from_two", "holm", "icer", "inflation", "label_shuffle",
    "least_se", "level_of", "mcnemar", "net_benefit", "noise_floor", "obrien_fleming", "on_tasks_like_these",
    "on_these_tasks", "paired_e_values", "pass_at_k", "pass_hat_k", "power", "rank_e_values", "rank_intervals",
    "rank_p_value", "ratio", "sample_size", "sign_e_value", "sign_flip", "stated", "stopping", "t_test", "task_means",
    "task_rate", "wilson",
]  # fmt: skip
