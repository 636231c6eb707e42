"""The browser in front of which all pages are opened, each as for a new visitor."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from ..conftest import not_here

# A browser belongs to the event loop that it was started in.
IN_BROWSER = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_open = AsyncExitStack()
_browsers: list[Browser] = []


def _chromium() -> str:
    """The browser of this machine; where there is one without windows, it starts in half the time."""
    found = map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))
    path = next(filter(None, found), None)
    if path is None:
        not_here("browser tests (Chromium is not installed: apt-get install chromium)")
    return path


async def _browser() -> Browser:
    if not (_browsers and _browsers[-1].is_connected()):
        playwright = await _open.enter_async_context(async_playwright())
        options = ["--no-sandbox", "--disable-background-networking"]
        browser = await playwright.chromium.launch(executable_path=_chromium(), args=options)
        _open.push_async_callback(browser.close)
        _browsers.append(browser)
    return _browsers[-1]


async def close_browser() -> None:
    """When nobody needs it any more."""
    await _open.aclose()


@asynccontextmanager
async def page_at(url: str, *, tolerated: str | tuple[str, ...] = (), **context: Any) -> AsyncIterator[Page]:
    """A page in a browser that reaches nothing but loopback; anything it complains of fails the test.

    tolerated: what a complaint may say, or any of what it may.
    """
    complaints: list[str] = []
    requests: list[str] = []
    visitor = await (await _browser()).new_context(**context)
    async with visitor:
        page = await visitor.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        await page.goto(url)
        yield page
    expected = (tolerated,) if isinstance(tolerated, str) else tolerated
    assert [c for c in complaints if not any(words in c for words in expected)] == []
    outside = [r for r in requests if not r.startswith(("http://127.0.0.1:", "about:", "data:"))]
    assert outside == []


@asynccontextmanager
async def plain_page(url: str) -> AsyncIterator[Page]:
    """A page that may complain."""
    async with await (await _browser()).new_context() as visitor:
        page = await visitor.new_page()
        await page.goto(url)
        yield page
