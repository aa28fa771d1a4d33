"""A night as line, page, JSON, message and chart: the same judgement gives the same, and nothing private is in it."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
from synthetic_nights import night

from harness.nights import Judgement, Night, Rules, judge
from harness.reports import nightly_chart, nightly_md


def noisy(rng: random.Random, chance: float = 0.8) -> list[int]:
    return [sum(rng.random() < chance for _ in range(3)) for _ in range(40)]


@pytest.fixture
def nights() -> list[Night]:
    rng = random.Random(4)
    found = [night(f"2026-01-{n:02}", noisy(rng), noisy(rng)) for n in range(1, 6)]
    found.append(night("2026-01-06", noisy(rng), noisy(rng), lost=30))
    return [*found, night("2026-01-07", noisy(rng, 0.4), noisy(rng), variant="edited")]


@pytest.fixture
def found(nights: list[Night]) -> Judgement:
    return judge(nights, [], Rules())


def test_the_line_is_one_line_and_says_what_counts(found: Judgement) -> None:
    line = nightly_md.line(found)
    assert line.startswith("nightly n 2026-01-07: ALARM: backend-developer since 2026-01-07; backend-developer ")
    assert " to the baseline (A/A ±" in line
    assert "240/240 graded, $60.00" in line
    assert len(line) < 400


def test_the_page_has_the_noise_beside_every_difference(found: Judgement) -> None:
    page = nightly_md.markdown(found)
    rows = [row for row in page.split("\n") if row.startswith("| backend") and ("worse" in row or "no worse" in row)]
    assert len(rows) == 2
    assert all("| ±" in row for row in rows)
    assert "2026-01-06 was never finished: 30 of its trials" in page
    assert "--acknowledge WHY" in page
    assert "invalid: coverage 75 %" in page


def test_json_is_json_and_says_the_same(found: Judgement) -> None:
    told = json.loads(nightly_md.as_json(found))
    mine, base = told["candidates"]
    assert (told["status"], mine["alarm_since"], base["alarm_since"]) == ("alarm", "2026-01-07", None)
    assert mine["watch"]["kind"] == "baseline"
    assert mine["m"] == mine["watch"]["steps"][-1]["level"] == found.subjects[0].watch.level
    assert mine["difference"] == mine["baseline"]["difference"]["estimate"] < 0
    assert nightly_md.as_json(found) == nightly_md.as_json(found)


def test_a_message_has_the_documented_keys_and_no_more(found: Judgement) -> None:
    message = nightly_md.message(found, 1)
    page = (Path(__file__).parent.parent / "docs" / "nightly.md").read_text().partition("## Webhook")[2]
    for key in (*message, *message["candidates"][0]):
        assert f"`{key}`" in page, key
    assert "trials/" not in json.dumps(message)


def test_an_invalid_night_shows_no_rate(nights: list[Night]) -> None:
    invalid = judge(nights[:6], [], Rules())
    page = nightly_md.markdown(invalid)
    assert "invalid: coverage 75 %" in nightly_md.line(invalid)
    assert "| difference (points) |" not in page
    assert "Why there is no decision" in page


def test_the_chart_and_its_data(found: Judgement, tmp_path: Path) -> None:
    nightly_chart.write(found, tmp_path)
    drawing = (tmp_path / "charts" / "nights.svg").read_text()
    assert "alarm at 40" in drawing
    assert "mathdefault" not in drawing  # ticks are text, and no formula that nobody sets
    rows = list(csv.DictReader((tmp_path / "charts" / "nights.csv").read_text().splitlines()))
    assert len(rows) == 14
    mine = [row for row in rows if row["watch"] == "baseline"]
    assert [row["m"] != "" for row in mine] == [True] * 5 + [False, True]
    assert mine[5]["pass_rate"] == "" and "coverage 75 %" in mine[5]["left_out"]
    assert [row["alarm"] for row in mine] == ["False"] * 6 + ["True"]
    before = drawing
    nightly_chart.write(found, tmp_path)
    assert (tmp_path / "charts" / "nights.svg").read_text() == before


def test_a_hundred_nights_are_drawn_as_the_last_ninety(tmp_path: Path) -> None:
    many = [night(f"2026-{1 + n // 25:02}-{1 + n % 25:02}", [n % 3, 2]) for n in range(100)]
    nightly_chart.write(judge(many, [], Rules()), tmp_path)
    drawing = (tmp_path / "charts" / "nights.svg").read_text()
    assert drawing.count("2026-") == nightly_chart.MOST_LABELS
    assert many[-1].date in drawing


def test_a_night_without_any_arm_is_drawn(tmp_path: Path) -> None:
    from synthetic_nights import opening

    from harness.nights import night_of

    dead = judge([night_of(opening("2026-01-01", {"x": "s"}), None)], [], Rules())
    nightly_chart.write(dead, tmp_path)
    assert "invalid" in nightly_md.line(dead)
    assert (tmp_path / "charts" / "nights.png").exists()
