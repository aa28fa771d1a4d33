"""The leaderboard in a browser: sort, filter, rank by a capability, permalinks, keyboard, phone, dark, axe."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from boards import on_disk, run, with_yardsticks
from browser import axe_findings, chromium, open_page, wider_than_its_window  # noqa: F401

from harness import store
from harness.reports.leaderboard_site import Options, publish

TASKS = 24
AREAS = {f"task-{n:02d}": ["data.transactions"] if n < 12 else ["api.rest"] for n in range(TASKS)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of five candidates: one that is good at databases, one at APIs, and one that is invalid."""
    results, source = tmp_path_factory.mktemp("results"), random.Random(4)
    passes = {
        "data-expert": [3] * 12 + [0] * 12,
        "api-expert": [0] * 11 + [1] + [3] * 12,
        "all-round": [source.choice([1, 2, 3]) for _ in range(TASKS)],
        "cheap": [source.choice([0, 1]) for _ in range(TASKS)],
        "thin": [3] * TASKS,
    }
    changes: dict[str, dict[str, Any]] = {
        "cheap": {"cost_usd": 0.01, "model": "openai/gpt-6-mini"},
        "all-round": {"cost_usd": 2.0},
        "api-expert": {"cost_usd": None, "scaffold": "single-shot"},
    }
    options = {"attempts": 3, "areas": AREAS, "changes": changes}
    on_disk(with_yardsticks(run("monday", passes, lost={"thin": 9}, **options)), results)
    on_disk(run("tuesday", {"all-round": passes["all-round"]}, day="2026-11-24", **options), results)
    on_disk(run("old", {"cheap": passes["cheap"]}, day="2026-11-01", digests={"task-01": "v0"}, **options), results)
    folder = tmp_path_factory.mktemp("published") / "site"
    publish(store.run_dirs(results), folder, Options(), lambda _: None)
    return folder


Open = Callable[..., Any]


def agents(page: Any) -> list[str]:
    """The agents of the standings as they are shown."""
    rows = page.locator("table[data-table=board] tbody tr:visible th b")
    return [text.strip() for text in rows.all_inner_texts()]


def ranks(page: Any) -> dict[str, str]:
    cells = page.locator("table[data-table=board] tbody tr:visible [data-part=rank]").all_inner_texts()
    return dict(zip(agents(page), cells, strict=True))


def head(page: Any, key: str) -> Any:
    return page.locator(f"table[data-table=board] th[data-key={key}] button")


def test_the_standings_are_in_the_order_of_rank(open_page: Open, site: Path) -> None:  # noqa: F811
    page = open_page(site / "index.html")
    shown = agents(page)
    assert shown[0] == "all-round" and shown[-1] == "thin"
    assert ranks(page)["thin"] == "–"
    assert "invalid: coverage 87 %" in page.locator("tr", has_text="thin").first.inner_text()


def test_sorting_by_click_and_by_key(open_page: Open, site: Path) -> None:  # noqa: F811
    page = open_page(site / "index.html")
    head(page, "cost").click()
    assert agents(page)[0] == "cheap" and agents(page)[-1] == "api-expert"  # unknown stays last
    head(page, "cost").focus()
    page.keyboard.press("Enter")
    assert agents(page)[0] == "all-round" and agents(page)[-1] == "api-expert"
    assert page.locator("th[data-key=cost]").get_attribute("aria-sort") == "descending"


def test_filters_leave_ranks_as_they_are(open_page: Open, site: Path) -> None:  # noqa: F811
    page = open_page(site / "index.html")
    before = ranks(page)
    page.get_by_label("Scaffold").select_option("single-shot")
    assert ranks(page) == {"api-expert": before["api-expert"]}
    assert page.locator("[data-count=board]").inner_text() == "1 of 5"
    page.get_by_label("Scaffold").select_option("")
    page.get_by_label("Model").select_option("openai/gpt-6-mini")
    assert agents(page) == ["cheap"]
    page.get_by_role("button", name="Reset").first.click()
    page.get_by_label("Search").first.fill("expert")
    assert set(agents(page)) == {"data-expert", "api-expert"}


def test_ranking_by_a_capability_shows_what_was_computed_before(open_page: Open, site: Path) -> None:  # noqa: F811
    page = open_page(site / "index.html")
    overall = ranks(page)
    rows = json.loads((site / "leaderboard.json").read_text())["boards"][0]["rows"]
    page.get_by_label("Ranked by").select_option("api.rest")
    for row in rows:
        rank = row["standings"]["api.rest"]["rank"] or {"low": "–", "high": "–"}
        low, high = rank["low"], rank["high"]
        assert ranks(page)[row["agent"]] == (f"{low}" if low == high else f"{low}–{high}")
    assert agents(page)[0] == "api-expert" and ranks(page) != overall
    assert "api.rest" in page.locator("[data-scope-note]").inner_text()
    page.get_by_role("button", name="Reset").first.click()
    assert ranks(page) == overall and page.locator("[data-scope-note]").is_hidden()


def test_the_address_keeps_what_is_shown(open_page: Open, site: Path) -> None:  # noqa: F811
    page = open_page(site / "index.html")
    page.get_by_label("Ranked by").select_option("data")
    page.get_by_label("Scaffold").select_option("tools")
    head(page, "rate").click()
    shown, address = (agents(page), ranks(page)), page.url
    assert "#" in address
    page.reload()
    assert (agents(page), ranks(page)) == shown
    again = open_page(site / "index.html", hash="#" + address.split("#")[1])
    assert (agents(again), ranks(again)) == shown


@pytest.mark.parametrize("hash", ["#board.scope=__proto__&board.sort=nothing", "#board.scope=<b>x", "#standings", "#%"])
def test_a_strange_address_shows_the_whole(open_page: Open, site: Path, hash: str) -> None:  # noqa: F811
    assert len(agents(open_page(site / "index.html", hash=hash))) == 5


def test_a_row_leads_to_its_page_and_provenance(open_page: Open, site: Path) -> None:  # noqa: F811
    page = open_page(site / "index.html", root=site)
    page.get_by_role("link", name="all-round").first.click()
    assert page.locator("h1").inner_text().startswith("all-round")
    page.get_by_role("link", name="Provenance").first.click()
    assert page.locator("h2", has_text="Provenance").is_visible()
    assert "monday" in page.locator(".provenance").first.inner_text()
    assert "tuesday" in page.locator(".provenance").first.inner_text()
    page.locator("a", has_text="with digests and images").first.click()
    assert "tasks.html" in page.url


def test_tasks_of_a_candidate_sort_and_filter(open_page: Open, site: Path) -> None:  # noqa: F811
    key = next(
        row["key"]
        for row in json.loads((site / "leaderboard.json").read_text())["boards"][0]["rows"]
        if row["agent"] == "data-expert"
    )
    page = open_page(site / "candidates" / f"{key}.html", root=site)
    table = page.locator("table", has=page.locator("th[data-key=task]"))
    table.locator("th[data-key=rate] button").click()
    assert table.locator("tbody tr").first.inner_text().split("\t")[1].strip() == "3 of 3"
    page.get_by_label("Search").first.fill("task-23")
    assert table.locator("tbody tr:visible").count() == 1


def test_the_keyboard_reaches_the_standings(open_page: Open, site: Path) -> None:  # noqa: F811
    page = open_page(site / "index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    here = "document.activeElement.tagName + ':' + (document.activeElement.textContent || '').trim()"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(here))
    assert any(name.startswith("SELECT") for name in reached) and any(name == "BUTTON:Rank" for name in reached)
    assert "A:all-round" in reached


def test_without_scripts_all_is_there(open_page: Open, site: Path) -> None:  # noqa: F811
    page = open_page(site / "index.html", script=False)
    assert len(agents(page)) == 5
    assert page.locator(".controls").first.is_hidden()


def every_page(site: Path) -> list[Path]:
    kinds = [min((site / "candidates").iterdir()), min((site / "boards").iterdir()), site / "tasks.html"]
    return [site / "index.html", *kinds]


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(open_page: Open, site: Path, dark: bool) -> None:  # noqa: F811
    for path in every_page(site)[: 2 if dark else None]:
        assert axe_findings(open_page(path, root=site, dark=dark)) == [], path.name


def test_dark_mode_is_dark(open_page: Open, site: Path) -> None:  # noqa: F811
    colour = "getComputedStyle(document.body).backgroundColor"
    light, dark = (open_page(site / "index.html", dark=dark).evaluate(colour) for dark in (False, True))
    assert sum(map(int, light[4:-1].split(","))) > 600 > 150 > sum(map(int, dark[4:-1].split(",")))


def test_a_phone_does_not_scroll_sideways(open_page: Open, site: Path) -> None:  # noqa: F811
    for path in every_page(site):
        assert not wider_than_its_window(open_page(path, root=site, width=360)), path.name
