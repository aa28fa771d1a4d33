"""A Chromium for browser tests, and pages that watch themselves. Import the fixtures `chromium` and `open_page`.

    from browser import axe_findings, chromium, open_page  # noqa: F401

    def test_x(open_page, site_folder):
        page = open_page(site_folder / "index.html")       # an opened page; options: dark=, width=, script=
        ...                                                 # what went wrong is told when the test ends

At the end of a test each page must have stayed silent on its console, and must have asked for nothing but files below
the folder of the page's site (`root`, by default the folder of the opened file).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SERIOUS = ("serious", "critical")


@dataclass
class Watched:
    """What a page did that no page of ours may do."""

    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for a module's tests; skips where there is none, unless HARNESS_TEST_ALL_SANDBOXES forbids it.

    Not for the whole session: while it is open, `asyncio.run` of any other test in this thread would fail.
    """
    if not CHROMIUM.exists():
        if os.environ.get("HARNESS_TEST_ALL_SANDBOXES"):
            pytest.fail(f"{CHROMIUM} is not there, and HARNESS_TEST_ALL_SANDBOXES allows no skip")
        pytest.skip(f"{CHROMIUM} is not there")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open files as pages; afterwards no page may have said anything on its console or asked for anything elsewhere."""
    opened: list[tuple[Any, Watched]] = []

    def open_(
        path: Path, *, hash: str = "", root: Path | None = None, dark: bool = False, width: int = 1280,
        height: int = 900, script: bool = True, **options: Any,
    ) -> Any:  # fmt: skip
        context = chromium.new_context(
            color_scheme="dark" if dark else "light", viewport={"width": width, "height": height},
            java_script_enabled=script, reduced_motion="reduce", **options,
        )  # fmt: skip
        watched = Watched()
        opened.append((context, watched))
        context.route("**/*", lambda route: _only_files(route, (root or path.parent).resolve(), watched))
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: watched.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: watched.said.append(f"error: {error}"))
        page.goto(path.resolve().as_uri() + hash)
        return page

    yield open_
    for context, _ in opened:
        context.close()
    said = [line for _, watched in opened for line in watched.said]
    asked = [url for _, watched in opened for url in watched.asked]
    assert not said, f"the console of a page is not empty: {said}"
    assert not asked, f"a page asked for what is not below its folder: {asked}"


def _only_files(route: Any, root: Path, watched: Watched) -> None:
    """Let through what lies below the site's folder; note and refuse the rest."""
    url = urlsplit(route.request.url)
    if url.scheme == "data" or (url.scheme == "file" and Path(unquote(url.path)).resolve().is_relative_to(root)):
        route.continue_()
    else:
        watched.asked.append(route.request.url)
        route.abort()


def axe_findings(page: Any) -> list[str]:
    """What axe calls serious or critical on a page as it now is, with the first elements concerned."""
    from axe_playwright_python.sync_playwright import Axe

    # It would fetch the page's style sheets once more, which the page's policy forbids.
    found = Axe().run(page, options={"preload": False}).response["violations"]
    return [
        f"{v['id']}: {v['help']}: {[node['html'][:150] for node in v['nodes'][:3]]}"
        for v in found
        if v["impact"] in SERIOUS
    ]


def wider_than_its_window(page: Any) -> bool:
    """Whether the page as a whole scrolls sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
