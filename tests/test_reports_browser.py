"""The report in Chromium: sort, filter, permalink, heat map, keyboard, dark and light, phone, print, axe; from disk."""

from __future__ import annotations

import pytest
from browser import axe_findings, chromium, open_page, wider_than_its_window  # noqa: F401
from synthetic_run import big_run, plan_row, record, sign

from harness import reports, store
from harness.reports import trials_data
from harness.store import Loaded
from harness.types import Ending

HOSTILE = "<img src=x onerror=alert(1)> \u202e\x1b[31m" + "x" * 400
THEMES = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


def kept(folder, rows, records, refused=None):
    """A run's records on disk, and its report."""
    for one in records:
        store.write_atomic(store.trial_dir(folder, one.trial_id) / store.RECORD, one.model_dump_json().encode())
    return reports.write_all(folder, Loaded(folder, {}, tuple(rows), tuple(records), refused or {}))


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A nightly run's page: 12 tasks, 5 candidates, 3 attempts; hostile texts; more trials than a page of the table."""
    rows, records, refused = big_run(tasks=12, attempts=3)
    hostile = [plan_row("hostile", HOSTILE, n) for n in (1, 2, 3)]
    told = {"suspicious": (sign(HOSTILE[:300]),), "ending": Ending(reason=HOSTILE, detail=HOSTILE)}
    rows, records = [*rows, *hostile], [*records, *(record(row, "failed", **told) for row in hostile)]
    single = plan_row("single", rows[0].label, areas=("api.rest",))
    return kept(tmp_path_factory.mktemp("results") / "nightly", [*rows, single], [*records, record(single)], refused)


def column(page, table, number):
    return page.locator(f"table[data-table={table}] tbody tr:not([hidden]) > :nth-child({number})").all_inner_texts()


def settled(page):
    """Wait until the table of trials shows what was asked for last."""
    page.locator("table[data-from][data-ready]").wait_for()
    page.wait_for_timeout(50)


def counted(page, text):
    """Wait until the table of trials says so many."""
    page.locator(f"[data-count=trials]:text-is('{text}')").wait_for()


def sort_by(page, table, key):
    page.locator(f"table[data-table={table}] th[data-key={key}] button").click()


# --- sort, filter, permalink -----------------------------------------------------------------------------------------


def test_a_table_sorts_by_a_column_both_ways_and_unknown_stays_last(open_page, index):  # noqa: F811
    page = open_page(index)
    head = page.locator("table[data-table=candidates] th[data-key=cost]")
    values = (
        "[...document.querySelectorAll('table[data-table=candidates] tbody tr')].map(r => r.cells[5].dataset.value)"
    )
    for direction, backwards in (("ascending", False), ("descending", True)):
        sort_by(page, "candidates", "cost")
        assert head.get_attribute("aria-sort") == direction
        found = page.evaluate(values)
        known = [float(value) for value in found if value]
        assert known == sorted(known, reverse=backwards)
        assert found[len(known) :] == [""] * (len(found) - len(known)) != []
    assert page.locator("th[aria-sort]").count() == 1


def test_a_column_of_rates_begins_with_the_best_and_sorts_with_the_keyboard(open_page, index):  # noqa: F811
    page = open_page(index)
    page.locator("table[data-table=candidates] th[data-key=solved] button").focus()
    page.keyboard.press("Enter")
    assert page.locator("th[data-key=solved]").get_attribute("aria-sort") == "descending"
    assert "oracle" in column(page, "candidates", 1)[0]


def test_a_filter_leaves_the_rows_that_have_all_words_and_says_how_many(open_page, index):  # noqa: F811
    page = open_page(index)
    some = column(page, "tasks", 1)[0]
    page.locator("[data-filter=tasks]").fill(some[:6].upper())
    left = column(page, "tasks", 1)
    assert left == [task for task in left if some[:6] in task] != []
    assert page.locator("[data-count=tasks]").inner_text() == f"{len(left)} of 14"
    page.locator("[data-reset=tasks]").click()
    assert page.locator("[data-count=tasks]").inner_text() == "14"


def test_the_address_keeps_what_is_shown(open_page, index):  # noqa: F811
    page = open_page(index)
    settled(page)
    page.locator("[data-filter=trials][data-column=outcome]").select_option("failed")
    sort_by(page, "trials", "time")
    sort_by(page, "trials", "time")
    sort_by(page, "candidates", "time")
    settled(page)
    page.locator("[data-count=trials]:has-text('of')").wait_for()
    shown, address = column(page, "trials", 10), page.url
    assert "trials.outcome=failed" in address and "trials.sort=-time" in address
    again = open_page(index, hash="#" + address.partition("#")[2])
    settled(again)
    assert column(again, "trials", 10) == shown
    assert set(column(again, "trials", 3)) == {"failed"}
    assert again.locator("[data-filter=trials][data-column=outcome]").input_value() == "failed"
    assert again.locator("table[data-table=candidates] th[data-key=time]").get_attribute("aria-sort") == "ascending"
    page.reload()
    settled(page)
    assert column(page, "trials", 10) == shown


def test_an_anchor_is_no_state(open_page, index):  # noqa: F811
    page = open_page(index, hash="#suspicious")
    settled(page)
    assert page.locator("[data-count=trials]").inner_text() == "184"
    assert page.evaluate("Math.abs(document.querySelector('#suspicious').getBoundingClientRect().top)") < 100


# --- the table of all trials -----------------------------------------------------------------------------------------


def test_the_table_of_trials_is_paged_and_the_same_with_and_without_the_script(open_page, index):  # noqa: F811
    bare = open_page(index, script=False)
    page = open_page(index)
    settled(page)
    every = "[...document.querySelectorAll('table[data-table=trials] tbody tr')].map(r => [r.innerText, r.innerHTML])"
    shown = page.evaluate(every)
    assert len(shown) == trials_data.FIRST
    lines = bare.locator("table[data-table=trials] tbody tr")
    assert [" ".join(text.split()) for text in lines.all_inner_texts()] == [" ".join(t.split()) for t, _ in shown]
    hrefs = "[...document.querySelectorAll('table[data-table=trials] tbody a')].map(a => a.href)"
    links = [link.get_attribute("href") for link in bare.locator("table[data-table=trials] tbody a").all()]
    assert [url.rpartition("/report/")[2] for url in page.evaluate(hrefs)] == links
    assert "first 50 of 184 trials" in bare.locator("noscript").inner_text()
    seen = {text for text, _ in shown}
    while page.locator("[data-step='1']").is_enabled():
        page.locator("[data-step='1']").click()
        page.wait_for_timeout(60)
        seen |= {text for text, _ in page.evaluate(every)}
    assert page.locator("[data-place=trials]").inner_text() == "151 to 184 of 184"
    assert len(seen) >= 150


def test_trials_are_found_by_words_and_by_signs_across_all_parts(open_page, index, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(trials_data, "SIZE", 20)
    rows = [plan_row(f"t{n:03}") for n in range(130)]
    records = [record(r, suspicious=(sign(),) if n % 40 == 7 else (), turns=n) for n, r in enumerate(rows)]
    page = open_page(kept(tmp_path / "r", rows, records))
    settled(page)
    page.locator("[data-column=suspicious]").select_option("yes")
    counted(page, "4 of 130")
    assert [text.split()[0] for text in column(page, "trials", 1)] == ["t007", "t047", "t087", "t127"]
    page.locator("[data-reset=trials]").click()
    sort_by(page, "trials", "turns")
    page.locator("table[data-from][data-ready*=turns]").wait_for()
    assert column(page, "trials", 7)[:3] == ["0", "1", "2"]
    page.locator("[data-filter=trials]:not([data-column])").fill("t12 passed")
    counted(page, "10 of 130")


# --- heat map --------------------------------------------------------------------------------------------------------


def test_a_click_on_a_cell_of_one_trial_opens_its_transcript(open_page, index):  # noqa: F811
    page = open_page(index)
    page.locator("table[data-grid] tr", has_text="single").locator("a").first.click()
    page.wait_for_url("**/trials/single--*.html")
    assert page.locator("h1").inner_text().startswith("single, attempt 1: passed")
    page.locator(".kicker a").click()
    page.wait_for_url("**/index.html")


def test_a_cell_of_several_trials_leads_to_them_and_on_to_a_transcript(open_page, index):  # noqa: F811
    page = open_page(index)
    settled(page)
    row = page.locator("table[data-grid] tbody tr").first
    task = row.locator("th").inner_text()
    row.locator("a").first.focus()
    page.keyboard.press("Enter")
    counted(page, "3 of 184")
    assert {text.split("\n")[0] for text in column(page, "trials", 1)} == {task}
    assert page.evaluate("document.querySelector('#trials').getBoundingClientRect().top < innerHeight")
    page.locator("table[data-table=trials] tbody a").first.click()
    page.wait_for_url(f"**/trials/{task}--*.html")


def test_arrow_keys_walk_over_the_cells_of_the_heat_map(open_page, index):  # noqa: F811
    page = open_page(index)
    where = """(() => { const c = document.activeElement.closest('td');
        return c && [c.parentElement.sectionRowIndex, c.cellIndex]; })()"""
    links = page.locator("table[data-grid] tbody a")
    assert page.locator("table[data-grid] tbody a[tabindex='0']").count() == 1
    links.first.focus()
    # Column 2 is of a candidate that has no trial at these tasks: it is stepped over.
    for key, place in (("ArrowRight", [0, 3]), ("ArrowDown", [1, 3]), ("ArrowLeft", [1, 1]), ("ArrowLeft", [1, 1]),
                       ("ArrowUp", [0, 1])):  # fmt: skip
        page.keyboard.press(key)
        assert page.evaluate(where) == place, key
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement === [...document.querySelectorAll('[data-grid] tbody a')].at(-1)")
    assert page.locator("table[data-grid] tbody a[tabindex='0']").count() == 1


# --- how it looks ----------------------------------------------------------------------------------------------------


def lightness(page, selector, what="backgroundColor"):
    colour = page.evaluate(f"getComputedStyle(document.querySelector({selector!r})).{what}")
    return sum(float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]) / 3


def test_dark_follows_the_system_and_the_button_is_remembered(open_page, index):  # noqa: F811
    assert lightness(open_page(index), "body") > 200
    page = open_page(index, dark=True)
    assert lightness(page, "body") < 50
    assert lightness(page, ".drawing text", "fill") > 150
    button = page.locator("[data-theme-toggle]")
    button.click()
    button.click()
    assert button.inner_text() == "Colours: light"
    assert lightness(page, "body") > 200
    page.reload()
    assert page.locator("[data-theme-toggle]").inner_text() == "Colours: light"
    assert lightness(page, "body") > 200


@THEMES
def test_axe_finds_nothing_serious(open_page, index, dark):  # noqa: F811
    page = open_page(index, dark=dark)
    settled(page)
    assert axe_findings(page) == []


@THEMES
def test_axe_finds_nothing_serious_on_a_trials_page(open_page, index, dark):  # noqa: F811
    trial = next((index.parent / "trials").glob("hostile--*.html"))
    assert axe_findings(open_page(trial, root=index.parent, dark=dark)) == []


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_scrolls_no_page_sideways(open_page, index, width):  # noqa: F811
    page = open_page(index, width=width, height=800)
    settled(page)
    assert not wider_than_its_window(page)
    trial = next((index.parent / "trials").glob("hostile--*.html"))
    assert not wider_than_its_window(open_page(trial, root=index.parent, width=width))


def test_paper_is_white_without_buttons_and_cuts_no_table(open_page, index):  # noqa: F811
    page = open_page(index, dark=True)
    page.emulate_media(media="print")
    assert lightness(page, "body") == 255
    assert lightness(page, "h1", "color") < 60
    assert not page.locator("[data-theme-toggle]").is_visible()
    assert not page.locator(".controls").first.is_visible()
    hidden = "[...document.querySelectorAll('.scroll')].filter(e => getComputedStyle(e).overflowX !== 'visible').length"
    assert page.evaluate(hidden) == 0
    assert page.evaluate("getComputedStyle(document.querySelector('.tall')).maxHeight") == "none"
    page.set_viewport_size({"width": 1030, "height": 700})  # A4 across, less its margins, at 96 dots an inch
    assert not wider_than_its_window(page)


def test_the_first_stop_of_the_tab_key_skips_to_the_content(open_page, index):  # noqa: F811
    page = open_page(index)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_hostile_text_is_text(open_page, index):  # noqa: F811
    page = open_page(index, hash="#trials.task=hostile")
    counted(page, "3 of 184")
    assert page.locator("img").count() == 0
    assert "<img src=x onerror=alert(1)>" in page.locator("table[data-table=trials] tbody").inner_text()
    page.locator("table[data-table=trials] tbody a").first.click()
    page.wait_for_url("**/trials/hostile--*.html")
    assert page.locator("img").count() == 0


def test_without_storage_the_page_works_all_the_same(open_page, index):  # noqa: F811
    page = open_page(index)
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } });")
    page.reload()
    page.locator("[data-theme-toggle]").click()
    assert page.locator("[data-theme-toggle]").inner_text() == "Colours: dark"
    sort_by(page, "candidates", "time")
    assert page.locator("th[aria-sort]").count() == 1


@pytest.mark.parametrize("hash", [
    "#trials.sort=__proto__&trials.page=-3", "#trials.page=abc&candidates.sort=constructor", "#trials.page=1e9",
    "#tasks.q=(%5B*&trials.bogus=1&=&%00=x", "#trials.task=%3Cimg%20src=x%3E",
])  # fmt: skip
def test_a_strange_address_is_no_trouble(open_page, index, hash):  # noqa: F811
    page = open_page(index, hash=hash)
    settled(page)
    total = "0 of 184" if "img" in hash else "184"
    assert page.locator("[data-count=trials]").inner_text() == total


def test_a_page_is_found_whatever_its_task_is_called(open_page, tmp_path):  # noqa: F811
    rows = [plan_row(task, attempt=n) for task in ("ü b#c?d%20", "<i>", "plain") for n in (1, 2)]
    index = kept(tmp_path / "r", rows, [record(row) for row in rows])
    for script in (True, False):
        for row in rows:
            page = open_page(index, script=script)
            page.locator("table[data-table=trials] tbody tr", has_text=row.task).locator("a").nth(
                row.attempt - 1
            ).click()
            assert page.locator("h1").inner_text().startswith(f"{row.task}, attempt {row.attempt}: passed")
    page = open_page(index)
    settled(page)
    page.locator("table[data-grid] tr", has_text="ü b").locator("a").click()
    counted(page, "2 of 6")
