"""index.html: verdict first, small whatever the run's size, and no text that an agent chose ever becomes markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_run import big_run, no_llm, plan_row, record, sign, without

from harness import reports
from harness.aggregate import tables
from harness.reports import chart, charts, html, pages, site, text, trials_data
from harness.store import Loaded
from harness.types import Ending, Failure, Isolation

DRAWINGS = dict.fromkeys(charts.CHARTS, '<?xml version="1.0"?>\n<svg height="9pt" width="9pt" viewBox="0 0 9 9"></svg>')
TAGS = {
    "html", "head", "meta", "title", "link", "script", "body", "main", "header", "footer", "nav", "section", "h1", "h2",
    "h3", "p", "dl", "dt", "dd", "ul", "li", "div", "span", "strong", "b", "em", "small", "code", "a", "noscript",
    "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "figure", "figcaption", "svg", "rect", "circle",
    "button", "label", "input", "select", "option", "output",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "style", "title", "role", "aria-label", "aria-live",
    "aria-hidden", "focusable", "scope", "open", "height", "width", "viewbox", "x", "y", "cx", "cy", "r", "rx", "rel",
    "href", "src", "id", "tabindex", "type", "hidden", "value", "placeholder", "rowspan", "colspan", "data-table",
    "data-key", "data-first", "data-sort", "data-value", "data-filter", "data-column", "data-count", "data-reset",
    "data-grid", "data-theme-toggle", "data-from", "data-pages", "data-step", "data-of", "data-place", "data-made-from",
}  # fmt: skip
ATTACKS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "' onmouseover='alert(1)",
    "</style><script>x</script>", "</title><script>x</script>", "javascript:alert(1)", "&lt;script&gt;", "<!--", "]]>",
    "\x1b[2J\x1b]8;;http://x\x07", "\u202egpj.exe", "{{7*7}}", "<a href=//x.example>x</a>", "\x00<b>",
]  # fmt: skip


VOID = {"meta", "link", "input"}


class Page(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self.open, self.comments = set(), set(), [], [], 0
        self.scripts, self.links = [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.scripts += [dict(attrs).get("src")] if tag == "script" else []
        self.links += [dict(attrs).get("href")] if tag in ("a", "link") else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        self.comments += 1


def page_of(rows, records, refused=None, run="run", drawings=DRAWINGS):
    drawn = {name: site.drawing(svg, {}) for name, svg in drawings.items()}
    source = html.render(tables(run, rows, records, refused or {}), drawn, pages.Made())
    page = Page(source)
    assert page.open == []
    return page, source


def assert_harmless(page):
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert page.comments == 0
    assert page.scripts == ["assets/site.js"]
    assert all(re.match(r"(#|data:,$|[a-z-]+(/|[.]))", link) for link in page.links)
    assert "javascript:" not in "".join(link[:20] for link in page.links)


def everything_says(words):
    """A run in which every text is the same words."""
    rows = [plan_row(words, words, 1, [words]), plan_row(words, words, 2, [words]), plan_row("shut" + words, words)]
    isolation = Isolation(sandbox=words, level="L1", limits=words, notes=(words,))
    told = {
        "agent": words,
        "model": words,
        "git": words,
        "images": {words: words},
        "isolation": isolation,
        "started": words,
    }
    signs = (sign(words[:300], where=words[:300], rule=words),)
    failed = record(rows[0], "failed", ending=Ending(reason=words, detail=words), suspicious=signs, **told)
    error = record(rows[1], "error", failure=Failure(boundary="grader", message=words), **told)
    return rows, [failed, error], {"shut" + words: words}, words


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_shows_as_text(attack):
    page, _ = page_of(*everything_says(attack))
    assert_harmless(page)
    assert text.plain(f"{attack}: {attack}") in page.texts


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_any_text_shows_as_text(words):
    page, _ = page_of(*everything_says(words))
    assert_harmless(page)
    assert text.plain(f"{words}: {words}" if words else f"{words}") in "".join(page.texts)


@given(st.text(), st.text())
def test_a_template_escapes_texts_and_attributes(child, value):
    made = site.environment().from_string('<p title="{{ value }}">{{ child }}</p>').render(child=child, value=value)
    parser = Page(made)
    assert (parser.tags, parser.attributes) == ({"p"}, {"title"})
    assert "".join(parser.texts) == text.plain(child)


@given(st.text())
def test_a_text_with_its_lines_is_escaped_too(value):
    parser = Page(site.environment().from_string("<pre>{{ value | lines }}</pre>").render(value=value))
    assert parser.tags == {"pre"}
    assert "".join(parser.texts).removeprefix("\n") == text.plain(value, lines=True).removeprefix("\n")


def test_what_is_not_known_is_a_dash_and_what_nobody_gave_is_a_defect():
    from jinja2 import UndefinedError

    environment = site.environment()
    assert environment.from_string("{{ value }}").render(value=None) == text.DASH
    with pytest.raises(UndefinedError):
        environment.from_string("{{ value }}").render()


def test_a_drawing_shows_hostile_labels_as_text_too(tmp_path):
    rows, records, refused, run = everything_says("</text><script>alert(1)</script><a xlink:href='x'> --><!-- \x1b")
    made = tables(run, rows, records, refused)
    charts.write(made, tmp_path)
    html.write(made, tmp_path, pages.Made())
    page = Page((tmp_path / "index.html").read_text())
    assert page.tags <= TAGS | {"g", "path", "defs", "use", "text", "tspan", "clippath", "pattern"}
    assert page.comments == 0
    assert page.scripts == ["assets/site.js"]


@pytest.fixture(scope="module")
def nightly(tmp_path_factory):
    """A whole report with its real drawings."""
    folder = tmp_path_factory.mktemp("results") / "nightly"
    rows, records, refused = big_run(tasks=5, attempts=2)
    made = tables("nightly", rows, records, refused)
    reports.write_all(folder, Loaded(folder, {}, tuple(rows), tuple(records), refused))
    return made, folder / "report", (folder / "report" / "index.html").read_text()


def test_the_page_asks_for_nothing_beyond_its_folder(nightly):
    _, folder, source = nightly
    page = Page(source)
    assert not page.attributes & {"srcset", "action", "onload", "onclick"}
    assert not page.tags & {"img", "iframe", "object", "form", "style"}
    assert "url(" not in source.replace("url(#", "").replace("url(&quot;#", "")
    assert "default-src &#39;none&#39;" in source
    named = [link for link in (*page.links, *page.scripts) if not link.startswith(("#", "data:"))]
    assert [link for link in named if not (folder / link).is_file()] == []
    for asset in (folder / "assets").iterdir():
        assert not re.search(r"https?://(?!www\.w3\.org/)|@import|url\(", asset.read_text()), asset


def test_the_charts_are_inline_and_take_the_colours_of_the_page(nightly):
    _, _, source = nightly
    drawing = source[source.index('<div class="drawing"') :]
    drawing = drawing[: drawing.index("</svg>")]
    assert "var(--accent)" in drawing
    assert "var(--ink)" in drawing
    assert chart.LLM not in drawing
    assert "<metadata" not in drawing


def test_the_verdict_comes_first(nightly):
    _, _, source = nightly
    assert source.index("<h1") < source.index("<table") < source.index('<div class="drawing"')


def test_every_candidate_task_and_trial_is_on_the_page_of_a_small_run(nightly):
    made, _, source = nightly
    page = Page(source)
    for words in (*made.tasks, *(reason for reason in made.refused.values())):
        assert words in page.texts
    shown = source[source.index('<section id="trials">') :]
    assert shown.count('class="outcome') == len(made.planned) <= trials_data.FIRST


def test_what_no_task_tests_is_shown_as_a_gap(nightly):
    _, _, source = nightly
    shown = " ".join(Page(source[source.index('<section id="capabilities">') :][:60_000]).texts)
    assert "no task of this run tests api.openapi, api.graphql" in shown
    assert "tech.python" in shown


def read_data(folder):
    """What the scripts of data/ hold: the index, and the parts."""
    found = []
    for path in sorted((folder / "data").glob("*.js"), key=lambda path: (len(path.stem), path.stem)):
        call = re.fullmatch(r'harnessData\("trials",(.*)\);\n', path.read_text())
        found.append(json.loads(call[1]))
    return found[0], found[1:]


def test_the_data_of_the_trials_is_every_trial_once(nightly):
    made, folder, _ = nightly
    index, parts = read_data(folder)
    names = [
        part["ids"].get(str(n), f"{index['tasks'][t]}--{index['candidates'][c]['digest']}--{attempt}")
        for part in parts
        for n, (t, c, attempt) in enumerate(zip(part["t"], part["c"], part["n"], strict=True))
    ]
    assert sorted(names) == sorted(row.trial_id for row in made.planned)
    outcomes = [index["outcomes"][o] for part in parts for o in part["o"]]
    assert outcomes.count("passed") == made.counts.passed
    assert outcomes.count("not run") == made.counts.not_run


def test_a_smaller_run_leaves_no_part_of_a_larger_one(tmp_path, monkeypatch):
    monkeypatch.setattr(trials_data, "SIZE", 4)
    rows = [plan_row(f"t{n:02}") for n in range(10)]
    for some in (rows, rows[:5]):
        trials_data.write(tables("r", some, [record(row) for row in some], {}), tmp_path, pages.Made())
        index, parts = read_data(tmp_path)
        assert (index["rows"], index["parts"]) == (len(some), len(parts))
        assert sum(len(part["t"]) for part in parts) == len(some)
        assert index["first"] == [part["t"][0] for part in parts]


def test_a_page_of_many_tasks_shows_those_that_tell_most(monkeypatch):
    monkeypatch.setattr(html, "MOST_TASKS", 2)
    rows = [plan_row(f"t{n}", label) for n in range(5) for label in ("a", "b")]
    records = [record(r, "failed" if r.task in ("t1", "t3") and r.label == "a" else "passed") for r in rows]
    _, source = page_of(rows, records)
    matrix = source[source.index('class="matrix"') : source.index("A cell leads")]
    assert re.findall(r'<th scope="row">(t\d)</th>', matrix) == ["t1", "t3"]
    assert "the 2 tasks at which the LLM candidates differ most, of 5" in source


def test_a_cell_leads_to_its_only_transcript_or_to_its_trials():
    rows = [plan_row("one"), plan_row("two"), plan_row("two", attempt=2)]
    made = tables("r", rows, [record(row) for row in rows], {})
    source = html.render(made, {}, pages.Made(frozenset(row.trial_id for row in rows)))
    assert f'<a href="trials/{rows[0].trial_id}.html">1/1</a>' in source
    assert re.search(r'<a href="#trials\.task=two&amp;trials\.candidate=[^"]+">2/2</a>', source)


def test_errors_are_listed_with_their_boundary_and_missing_trials_too():
    rows = [plan_row(attempt=n) for n in (1, 2)]
    page, _ = page_of(rows, [record(rows[0], "error", failure=Failure(boundary="provider", message="529 overloaded"))])
    assert page.texts.count("provider: 529 overloaded") == 2
    assert "missing: no record; the run ended before it" in page.texts


def test_an_invalid_run_leads_with_that_and_shows_no_rate():
    rows, records, refused = big_run(tasks=4, attempts=1)
    page, source = page_of(rows, without(rows, records, 4), refused)
    assert 'class="verdict invalid">invalid: coverage' in source
    assert "invalid: coverage 66 %" in page.texts
    assert "Below 98 % no rate is told." in page.texts


def test_the_note_about_llms_stands_beside_the_row():
    row = plan_row(label="tools · scripted/demo")
    _, source = page_of([row], [no_llm(row, "tools", "failed")])
    cell = source[source.index('<span class="name"><b>tools') :]
    assert '<span class="tag">(scripted, no LLM)</span>' in cell[: cell.index("</th>")]


def test_long_messages_are_cut():
    row = plan_row()
    _, source = page_of([row], [record(row, "error", failure=Failure(boundary="sandbox", message="x" * 5000))])
    assert "x" * 700 not in source
