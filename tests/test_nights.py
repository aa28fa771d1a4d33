"""Judging nights: validity, windows, series, alarms; all from values, so the same nights give the same judgement."""

from __future__ import annotations

import random
import re
from dataclasses import asdict

import pytest
from synthetic_nights import AGENT, loaded, night, opening, outcomes, rows
from synthetic_run import plan_row, record

from harness import stats
from harness.alike import Arm as ComparedArm
from harness.compare import Options, measure
from harness.nights import Acknowledged, Night, Rules, delta, faults, judge, night_of, statistic, unlike
from harness.reports.nightly_md import line, markdown

RULES = Rules()


def dates(count: int) -> list[str]:
    return [f"2026-{1 + n // 28:02}-{1 + n % 28:02}" for n in range(count)]


def series(*passed: list[int], **more: object) -> list[Night]:
    return [night(date, each, **more) for date, each in zip(dates(len(passed)), passed, strict=True)]  # type: ignore[arg-type]


def noisy(rng: random.Random, tasks: int = 40, chance: float = 0.8) -> list[int]:
    return [sum(rng.random() < chance for _ in range(3)) for _ in range(tasks)]


# --- a night ---------------------------------------------------------------------------------------------------------


def test_a_run_becomes_a_night() -> None:
    one = night("2026-01-01", [3, 1, 0], base=[2, 2, 2])
    mine, theirs = one.arms
    assert (mine.passed, mine.failed, mine.graded, mine.runnable, mine.coverage) == (4, 5, 9, 9, 1.0)
    assert {task: score.passed for task, score in mine.scores.items()} == {"task-000": 3, "task-001": 1, "task-002": 0}
    assert statistic(mine) == pytest.approx(4 / 9)
    assert one.arm(one.opening.baseline) is theirs
    assert mine.cost_usd == pytest.approx(9 * 0.25)


def test_negative_controls_are_in_no_figure_and_a_leak_is_one() -> None:
    mine, control = rows(AGENT, 2, 3), plan_row("sealed-draw", AGENT, 1, control="impossible")
    made = [*outcomes(mine, [3, 3]), record(control, "passed")]
    one = night_of(opening("2026-01-01", {mine[0].candidate: "s"}), loaded("2026-01-01", [*mine, control], made, 3))
    assert one.arms[0].planned == 6
    assert "sealed-draw" in faults(one)[0]
    assert judge([one], [], RULES).status == "invalid"


@pytest.mark.parametrize(("lost", "valid"), [(0, True), (2, True), (3, False), (120, False)])
def test_coverage_below_98_per_cent_decides_nothing(lost: int, valid: bool) -> None:
    """40 tasks x 3: two lost are 98.3 %, three 97.5 %."""
    one = night("2026-01-01", [2] * 40, lost=lost)
    assert (not faults(one)) == valid
    found = judge([one], [], RULES)
    assert found.status == ("invalid" if not valid else "incomplete" if lost else "fine")
    if lost == 3:
        assert "invalid: coverage 97 %" in line(found)
        assert "70.0 %" not in markdown(found)


def test_an_unknown_price_is_not_nothing() -> None:
    assert night("2026-01-01", [1], cost_usd=None).arms[0].cost_usd is None
    assert "at least $0.00" in line(judge([night("2026-01-01", [1], cost_usd=None)], [], RULES))


def test_an_arm_that_lost_more_than_chance_explains_makes_the_night_invalid() -> None:
    one = night("2026-01-01", [2] * 200, base=[2] * 200, lost=12)  # 98 % of 600, and 12 against none
    assert one.arms[0].coverage == 0.98
    assert "no chance" in faults(one)[0]


def test_a_night_that_died_before_its_plan() -> None:
    dead = night_of(opening("2026-01-01", {"x": "slot-a"}), None)
    found = judge([dead, night("2026-01-02", [2, 2])], [], RULES)
    assert found.status == "fine"
    assert any("2026-01-01 died before it had a plan" in note for note in found.notes)
    assert judge([dead], [], RULES).status == "invalid"


def test_an_unfinished_night_is_told() -> None:
    before = night("2026-01-01", [2] * 40, lost=30)
    found = judge([before, night("2026-01-02", [2] * 40)], [], RULES)
    told = next(note for note in found.notes if "2026-01-01 was never finished: 30 of its trials" in note)
    assert "counts nowhere" in told
    assert found.subjects[0].window is None


# --- against what ----------------------------------------------------------------------------------------------------


def test_the_window_pools_the_last_nights() -> None:
    nights = series([0, 0], [3, 3], [3, 0], [0, 3])
    window = judge(nights, [], Rules(window=2)).subjects[0].window
    assert window is not None
    assert (window.nights, window.rate_a, window.rate_b) == (2, 0.75, 0.5)


def test_a_delta_is_what_compare_says() -> None:
    """The same figures as `harness compare --claim these` of the same trials."""
    rng = random.Random(3)
    planned = {label: rows(label, 12, 3) for label in ("a", "b")}
    records = {label: outcomes(planned[label], noisy(rng, 12, 0.6)) for label in planned}
    arms = [
        ComparedArm(
            "r", "f", rows_[0].candidate, rows_[0].candidate_digest, label, tuple(rows_), tuple(records[label]), {}
        )
        for label, rows_ in planned.items()
    ]
    expected = measure(*arms, Options(claim="these"))
    whole = loaded("2026-01-01", [*planned["a"], *planned["b"]], [*records["a"], *records["b"]], 3)
    a, b = night_of(opening("2026-01-01", {rows_[0].candidate: x for x, rows_ in planned.items()}), whole).arms
    found = delta("a", [a], b, 0.05)
    assert found is not None
    assert expected.p_these is not None
    assert tuple(found.difference) == pytest.approx(tuple(expected.these))
    assert (found.p, found.noise) == pytest.approx((expected.p_these.mid, expected.noise))
    assert found.verdict == stats.decide(expected.these, expected.p_these.mid, 0.05)


def test_a_regressed_task_is_called_only_from_three_attempts_on() -> None:
    before = series(*[[3, 3, 3]] * 6)
    found = judge([*before, night("2026-02-01", [0, 3, 3])], [], RULES).subjects[0].window
    assert found is not None
    assert found.regressed == ("task-000",)
    twice = [night(date, [2, 2, 2], attempts=2) for date in dates(20)]
    few = judge([*twice, night("2026-02-01", [0, 2, 2], attempts=2)], [], Rules(window=20)).subjects[0].window
    assert few is not None
    assert (few.regressed, few.worse[0].task) == ((), "task-000")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"variant": "edited"}, "the candidate was another one"),
        ({"attempts": 4}, "attempts were 3 and are 4"),
        ({"images": {"python": "sha256:other"}}, "other images: python"),
        ({"isolation": None}, ""),  # it tells nothing, so it is no difference
    ],
)
def test_unlike_nights_are_left_out_and_told(changes: dict[str, object], word: str) -> None:
    before, now = night("2026-01-01", [2, 2]), night("2026-01-02", [2, 2], **changes)  # type: ignore[arg-type]
    found = judge([before, now], [], RULES)
    assert (found.subjects[0].window is None) == bool(word)
    if word:
        assert any("a new series begins" in note and word in note for note in found.notes)
        assert any("left out of the window: 2026-01-01" in note and word in note for note in found.notes)


def test_other_tasks_are_unlike() -> None:
    a, b = night("2026-01-01", [2, 2]), night("2026-01-02", [2, 2, 2])
    assert unlike(a, b, b.arms[0].digest) == ["new tasks: task-002"]
    assert unlike(b, a, b.arms[0].digest) == ["tasks that are gone: task-002"]
    assert unlike(a, a, a.arms[0].digest) == []


# --- the alarm -------------------------------------------------------------------------------------------------------


def test_a_drop_below_the_baseline_is_an_alarm_and_stands() -> None:
    rng = random.Random(1)
    fine = [night(date, noisy(rng), noisy(rng)) for date in dates(3)]
    assert judge(fine, [], RULES).status == "fine"
    bad = [*fine, night("2026-02-01", noisy(rng, chance=0.3), noisy(rng))]
    found = judge(bad, [], RULES)
    assert found.status == "alarm"
    assert found.subjects[0].watch.alarm == "2026-02-01"
    assert found.subjects[1].watch.alarm is None  # the baseline is what it was
    assert found.subjects[0].watch.threshold == 40  # two are watched at 5 % together
    again = judge([*bad, night("2026-02-02", noisy(rng), noisy(rng))], [], RULES)
    assert again.status == "alarm"
    assert "ALARM: " in line(again)
    assert "since 2026-02-01" in line(again)


def test_m_follows_from_the_nights_e_values() -> None:
    nights = [night(date, [1, 2], [2, 2]) for date in dates(4)]
    evidence = stats.paired_e_values([2, 2], [3, 3], [1, 2], [3, 3])
    watch = judge(nights, [], RULES).subjects[0].watch
    assert [step.level for step in watch.steps] == pytest.approx(stats.alarm_levels([evidence] * 4))


def test_an_invalid_night_leaves_the_series_as_it_was() -> None:
    before = [night(date, [1] * 40, [2] * 40) for date in dates(2)]
    level = judge(before, [], RULES).subjects[0].watch.level
    invalid = night("2026-02-01", [0] * 40, [3] * 40, lost=20)
    found = judge([*before, invalid], [], RULES)
    assert found.status == "invalid"
    assert found.subjects[0].watch.level == level
    after = night("2026-02-02", [1] * 40, [2] * 40)
    with_it, without = judge([*before, invalid, after], [], RULES), judge([*before, after], [], RULES)
    assert [step.level for step in with_it.subjects[0].watch.steps] == [
        s.level for s in without.subjects[0].watch.steps
    ]


def test_a_drop_below_its_own_nights_is_an_alarm_in_the_end() -> None:
    rng = random.Random(2)
    nights = series(*[noisy(rng) for _ in range(14)])
    assert judge(nights, [], RULES).status == "fine"
    for n in range(1, 7):
        nights.append(night(f"2026-03-0{n}", noisy(rng, chance=0.5)))
        found = judge(nights, [], RULES)
        if found.status == "alarm":
            break
    assert 2 <= n <= 4  # one night alone can never raise it
    assert found.subjects[0].watch.kind == "nights"


def test_the_baseline_is_watched_against_its_own_nights() -> None:
    """Both arms fall by the same: the pair sees nothing, the baseline's own nights do."""
    rng = random.Random(4)
    nights = [night(date, noisy(rng), noisy(rng)) for date in dates(16)]
    nights += [night(f"2026-03-{n:02}", noisy(rng, chance=0.4), noisy(rng, chance=0.4)) for n in range(1, 7)]
    found = judge(nights, [], RULES)
    assert [one.watch.alarm is not None for one in found.subjects] == [False, True]
    assert "the model, the provider or this machine" in markdown(found)


def test_an_edited_prompt_goes_on_in_the_series_against_the_baseline() -> None:
    nights = [night(date, [1] * 10, [3] * 10, variant=str(n)) for n, date in enumerate(dates(3))]
    assert len(judge(nights, [], RULES).subjects[0].watch.steps) == 3


def test_an_acknowledged_alarm_ends_and_the_watch_begins_anew() -> None:
    nights = [night(date, [0] * 10, [3] * 10) for date in dates(3)]
    seen = [Acknowledged(night="2026-01-02", slots=("slot-a",), why="known")]
    now = judge(nights[:2], seen, RULES)
    assert (now.status, judge(nights[:2], [], RULES).status) == ("fine", "alarm")
    assert "(alarm acknowledged)" in line(now)
    later = judge(nights, seen, RULES)
    assert [step.date for step in later.subjects[0].watch.steps] == ["2026-01-03"]
    assert later.status == "alarm"  # the same drop is found again: acknowledging mends nothing
    other = [Acknowledged(night="2026-01-02", slots=("slot-b",), why="known")]
    assert judge(nights[:2], other, RULES).status == "alarm"


def test_bad_nights_that_are_mended_are_left_out_and_those_before_stay() -> None:
    rng = random.Random(5)
    nights = series(*[noisy(rng) for _ in range(12)])
    nights += [night(f"2026-03-0{n}", noisy(rng, chance=0.3)) for n in (1, 2, 3)]
    now = [*nights, night("2026-03-04", noisy(rng))]
    anew = judge(now, [Acknowledged(night="2026-03-03", slots=("slot-a",), why="x")], RULES).subjects[0]
    assert (anew.watch.earlier, anew.window) == (0, None)
    mended = Acknowledged(night="2026-03-03", slots=("slot-a",), why="x", bad_since="2026-03-01")
    kept = judge(now, [mended], RULES).subjects[0]
    assert kept.watch.earlier == 12
    assert [step.date for step in kept.watch.steps] == ["2026-03-04"]


def test_an_alarm_does_not_go_in_silence_when_the_candidate_changes() -> None:
    rng = random.Random(6)
    nights = series(*[noisy(rng) for _ in range(14)])
    nights += [night(f"2026-03-0{n}", noisy(rng, chance=0.2)) for n in (1, 2, 3)]
    assert judge(nights, [], RULES).status == "alarm"
    found = judge([*nights, night("2026-03-04", noisy(rng), variant="edited")], [], RULES)
    assert found.status == "fine"
    assert any("was never acknowledged" in note for note in found.notes)


def test_a_candidate_that_is_the_baseline_is_told() -> None:
    mine = rows(AGENT, 2, 3)
    opened = opening("2026-01-01", {mine[0].candidate: "slot-b"}, mine[0].candidate, twins=("backend-developer",))
    found = judge([night_of(opened, loaded("2026-01-01", mine, outcomes(mine, [2, 2]), 3))], [], RULES)
    assert found.status == "fine"
    assert any("backend-developer is the baseline itself tonight" in note for note in found.notes)


def test_the_same_nights_give_the_same_judgement() -> None:
    rng = random.Random(7)
    nights = [night(date, noisy(rng), noisy(rng)) for date in dates(5)]
    copies = [Night.model_validate_json(one.model_dump_json(by_alias=True)) for one in nights]
    assert asdict(judge(nights, [], RULES)) == asdict(judge(copies, [], RULES))


def test_hostile_names_stay_text() -> None:
    mine = rows("<img src=x onerror=alert(1)> `|` \x1b[31m", 2, 3)
    found = judge([night_of(opening("2026-01-01", {mine[0].candidate: "s"}),
                            loaded("2026-01-01", mine, outcomes(mine, [1, 1]), 3))], [], RULES)  # fmt: skip
    assert not re.search(r"(?<!\\)<img", markdown(found))
    assert "\x1b" not in markdown(found) + line(found)
    assert "\n" not in line(found)
