"""The base of every static site: templates that escape all text, one style, one script, nothing from elsewhere.

A page is a template in templates/ that extends base.html, rendered by `render(template, root, **values)`; `root` is the
way from the page to the folder that holds assets/ ("" or "../"). `write_assets(folder)` puts assets/ there.

Blocks of base.html: `title`, `kicker` (the line above), `headline` (the h1), `lead` (below it), `content`, `footer`;
`body_class` is an optional value. Whatever `{{ ... }}` shows went through `text.plain` and is escaped; None is a dash.
Filters: `percent`, `dollars`, `duration`, `tokens`, `plural`, `clip`, `interval` of (low, high),
`lines` (a text with its line ends), `cut` (a long one within bounds), `slug` (an id for HTML, CSS and a hash).

Macros of parts.html: `bar(low, middle, high, reference)` is an interval, `chart(svg, name, title, note)` a figure.

What site.js makes of a page, by attributes:
  table[data-table=ID]   sorts by th[data-key=KEY], by click or Enter (not those with data-sort=none). A cell's value is
                         td[data-value], else its text; numbers sort as such, empty values stay last.
                         th[data-first=desc] begins with the highest; table[data-sorted="-KEY"] is how the file stands.
  [data-filter=ID]       a text input (all its words are in the row), or a select with data-column=KEY (it is the
                         cell's value; with data-words, one of its words).
  [data-count=ID]        shows how many rows are left. [data-reset=ID] is a button that clears sort and filters.
  table[data-grid]       arrow keys, Home and End walk over the links of its cells, one of which is in the tab order.
  [data-theme-toggle]    a button: as the system is, dark, light; remembered where there is storage.
Filters and buttons stand in `div.controls`, which only shows where the script runs. The state of all tables is in the
hash, `#ID.sort=-KEY&ID.q=words&ID.KEY=value`, so that a page's address is a link to what it shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.reports import text
from harness.transcript import capped

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

ASSETS = "assets"
TEMPLATES = "templates"
BASE = ("site.css", "site.js")  # what every page asks for
MOST_LINES, MOST_WIDTH = 400, 4000  # of one text, with `cut`
# On disk a page's own origin is none that browsers agree about, so `file:` stands beside 'self'; on a server it allows
# nothing. Style attributes are those of the charts and of bars; the text in them is escaped like any other.
POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src-elem 'self' file:; style-src-attr 'unsafe-inline'; "
    "img-src 'self' file: data:; base-uri 'none'; form-action 'none'"
)


def render(template: str, root: str, **values: Any) -> str:
    """A page made of a template; a value that the template names and nobody gave raises jinja2.UndefinedError."""
    return environment().get_template(template).render(root=root, **values)


def write_assets(folder: Path, only: Collection[str] | None = None) -> None:
    """Put assets/ into a site's folder, all or those named. Raises OSError when the disk refuses."""
    target = folder / ASSETS
    target.mkdir(parents=True, exist_ok=True)
    for asset in resources.files("harness.reports").joinpath(ASSETS).iterdir():
        if only is None or asset.name in only:
            (target / asset.name).write_bytes(asset.read_bytes())


@cache
def environment() -> Environment:
    """The one environment of all templates."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("harness.reports", TEMPLATES), autoescape=True, undefined=StrictUndefined,
        finalize=shown, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    made.filters |= FILTERS
    made.globals["policy"] = POLICY
    return made


def shown(value: Any) -> Any:
    """A value as a page shows it: text made plain, nothing as a dash; markup and numbers stay as they are."""
    if value is None:
        return text.DASH
    return text.plain(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def lines(value: str) -> Markup:
    """A text with its line ends and tabs, escaped."""
    from markupsafe import escape

    return escape(text.plain(value, lines=True))


def cut(value: str) -> str:
    """A long text within the bounds of a page."""
    return capped(value, MOST_LINES, MOST_WIDTH)


def slug(value: str) -> str:
    """A text as letters, digits and dashes; two texts may have one slug."""
    return re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-") or "x"


FILTERS: dict[str, Callable[..., Any]] = {
    "percent": text.percent,
    "dollars": text.dollars,
    "duration": text.duration,
    "tokens": text.count,
    "plural": text.plural,
    "clip": text.clip,
    "interval": lambda bounds, digits=0: text.interval(bounds[0], bounds[1]),
    "lines": lines,
    "cut": cut,
    "slug": slug,
}


# --- charts in pages -------------------------------------------------------------------------------------------------


def drawing(svg: str, colours: dict[str, str]) -> Markup:
    """A chart's SVG file as inline markup whose colours follow dark and light: colour -> name of a CSS variable.

    The file is one of ours, drawn by matplotlib, which escapes the texts in it.
    """
    from markupsafe import Markup

    inline = svg[svg.index("<svg") :]
    inline = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", inline, flags=re.DOTALL)
    inline = re.sub(r'<g id="[^"]*"', "<g", inline)
    inline = re.sub(r'^<svg ([^>]*?)height="[^"]*" ', r"<svg \1", inline)
    inline = re.sub(r'^<svg ([^>]*?)width="([\d.]+)pt"', r'<svg \1width="\2"', inline)
    for colour, variable in colours.items():
        inline = inline.replace(colour, f"var(--{variable})")
    return Markup(inline)
