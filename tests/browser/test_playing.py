"""Playing on the page: a task is completed, and a captcha solved when one is asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from ..conftest import StartServer, token
from .browsing import IN_BROWSER, page_at
from .test_page import ROWS

pytestmark = IN_BROWSER

# Chromium tells its console of every answer that is no success.
FORBIDDEN = "the server responded with a status of 403"

Address = Callable[..., Awaitable[str]]


@pytest.fixture
def address(start_server: StartServer, tmp_path: Path) -> Address:
    """Start a server with a captcha; where it is."""

    async def start(asked: str, difficulty: int = 20_000, provider: str = 'provider = "altcha"') -> str:
        config = tmp_path / "config.toml"
        config.write_text(
            f"[captcha]\n{provider}\ndifficulty = {difficulty}\n"
            f'[actions."task.completed"]\npoints = 10\ncaptcha = "{asked}"\n'
        )
        return (await start_server(config=config)).address

    return start


async def complete_a_task(page: Page, bearer: str) -> None:
    """As a user does it."""
    await page.click("summary")
    await page.fill("#play-token", bearer)
    await page.click("text=Complete a task")


async def told(page: Page, state: str, words: str) -> None:
    """Wait until the page says this."""
    await expect(page.locator(f"#play-state[data-state={state}]")).to_have_text(re.compile(words))


async def asked_for(page: Page) -> list[str]:
    """The paths of the API that the page asks for, from now on, to play; it reads the board besides."""
    paths: list[str] = []

    def note(url: str) -> None:
        path = url.partition("/api/")[2]
        if path and not path.startswith(("leaderboard", "seasons")):
            paths.append(path)

    page.on("request", lambda request: note(request.url))
    return paths


async def shoot(page: Page, name: str) -> None:
    """A picture for people, where one is wanted."""
    if folder := os.environ.get("PAGE_SCREENSHOTS"):
        await page.wait_for_timeout(700)
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


LOOKS: dict[str, dict[str, Any]] = {
    "phone-light": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
    "phone-dark": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
    "desk-light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "desk-dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
}


@pytest.mark.parametrize("look", LOOKS)
async def test_a_captcha_is_solved_and_the_score_rises(address: Address, look: str) -> None:
    """One click: refused, a challenge fetched, solved in the page, sent again, counted, and on the board."""
    async with page_at(await address("always"), tolerated=FORBIDDEN, **LOOKS[look]) as page:
        await page.wait_for_selector("#state[data-state=live]")
        paths = await asked_for(page)
        await complete_a_task(page, token("ann", name="Ann"))
        await told(page, "done", r"^\+10 points: your score is 10, place 1\.$")
        assert paths == ["scores/update", "captcha", "scores/update"]
        await page.wait_for_selector("#board [data-user-id=ann]")
        await page.click("text=Complete a task")
        await told(page, "done", "your score is 20")
        await page.wait_for_function(f"() => ({ROWS})()[0].score === 20")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await shoot(page, look)


async def test_the_page_stays_alive_while_it_works(address: Address) -> None:
    """Solved in small parts: between them a timer runs, the longest wait is no stutter that people notice."""
    async with page_at(await address("never"), viewport={"width": 800, "height": 600}) as page:
        longest = await page.evaluate(
            """async () => {
                const { solve } = await import("/static/captcha.js");
                let longest = 0, last = performance.now();
                const timer = setInterval(() => {
                    longest = Math.max(longest, performance.now() - last);
                    last = performance.now();
                }, 5);
                const unsolvable = { algorithm: "SHA-256", challenge: "x", maxNumber: 20000, salt: "s&" };
                await solve(unsolvable).catch(() => null);
                clearInterval(timer);
                return longest;
            }"""
        )
        assert 0 < longest < 500


async def test_without_a_captcha_nothing_is_solved(address: Address) -> None:
    """Nor is a challenge fetched."""
    async with page_at(await address("suspicious")) as page:
        paths = await asked_for(page)
        await complete_a_task(page, token("ann"))
        await told(page, "done", "your score is 10")
        assert paths == ["scores/update"]


async def test_a_refusal_is_told_in_the_servers_words(address: Address) -> None:
    """And the page can be used again at once."""
    unauthorized = "the server responded with a status of 401"
    async with page_at(await address("never"), tolerated=unauthorized) as page:
        await complete_a_task(page, "x.y.z")
        await told(page, "refused", "The token ")
        await page.fill("#play-token", token("ann"))
        await page.press("#play-token", "Enter")
        await told(page, "done", "your score is 10")


async def test_the_token_stays_in_the_page(address: Address) -> None:
    """In no storage, no cookie and no address, and gone after a reload."""
    async with page_at(await address("never")) as page:
        await complete_a_task(page, token("ann"))
        await told(page, "done", "your score is 10")
        kept = (
            "[localStorage.length, sessionStorage.length, document.cookie, location.search + location.hash]"
        )
        assert await page.evaluate(kept) == [0, 0, "", ""]
        await page.reload()
        assert await page.input_value("#play-token") == ""


async def test_a_page_that_is_not_secure_says_so(address: Address) -> None:
    """There browsers don't hash: the user is told where they do, and nothing breaks."""
    async with page_at("about:blank", tolerated=FORBIDDEN) as page:
        await page.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined })")
        await page.goto(await address("always"))
        await complete_a_task(page, token("ann"))
        await told(page, "refused", "secure page")


async def test_a_service_that_the_page_can_not_show_is_named(address: Address) -> None:
    """Its policy lets nothing in from outside; a page of one's own shows the widget."""
    service = 'provider = "hcaptcha"\nsite_key = "k"\nsecret = "s"\nhostnames = ["game.example"]'
    async with page_at(await address("always", provider=service), tolerated=FORBIDDEN) as page:
        await complete_a_task(page, token("ann"))
        await told(page, "refused", "hcaptcha")
