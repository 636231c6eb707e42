"""A season that ends while somebody watches: who won is told, and the board begins anew."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from ..conftest import token
from .browsing import IN_BROWSER, page_at
from .pages import LIVE, SIZES, act, show_place, text
from .seasons import StartSeason
from .test_page import ROWS
from .test_states import fits

pytestmark = IN_BROWSER

# Whoever asks while the archive is being written is told to wait.
WRITING = "status of 503"
TOPS = (
    "() => ['h1', '.state', '.stage'].map((part) => document.querySelector(part).getBoundingClientRect().top)"
)


async def ended(page: Page) -> None:
    """Wait until the page has told the end, and who won."""
    await expect(page.locator("#ended")).to_contain_text("won with")


async def test_the_board_empties_the_winner_is_told_and_play_goes_on(start_season: StartSeason) -> None:
    """The notice leads to the final board; Back leads to the live one, which goes on."""
    keeper = await start_season()
    api = keeper.api
    async with page_at(api.server.address, tolerated=WRITING) as page:
        await page.wait_for_selector("#board .row")
        final = await page.evaluate(ROWS)
        await keeper.reset()
        await expect(page.locator("#board .row")).to_have_count(0)
        assert (await text(page, "#placeholder")).startswith("No scores yet")
        await ended(page)
        assert await text(page, "#ended p") == "season-1 has ended. P01 won with 120. Final board"
        await expect(page.locator("#season")).to_have_text("season-2")
        await act(api, "p03")
        await page.wait_for_selector("#board [data-user-id=p03]")
        await page.click("#ended a")
        await expect(page.locator("#state")).to_have_text("Ended")
        await expect(page.locator("#board .row")).to_have_count(10)
        assert page.url == f"{api.server.address}/?season=season-1"
        assert await page.evaluate(ROWS) == final
        assert await page.is_hidden("#ended")
        await page.go_back()
        await page.wait_for_selector(LIVE)
        await expect(page.locator("#board .row")).to_have_count(1)
        await act(api, "p04", 2)
        await page.wait_for_selector("#board .row:first-child[data-user-id=p04]")


async def test_it_closes_by_itself_in_front_of_everybody(start_season: StartSeason) -> None:
    """The countdown runs out, the server closes the season, the page tells."""
    keeper = await start_season(3)
    await keeper.ends_in(12)
    async with page_at(keeper.api.server.address, tolerated=WRITING) as page:
        await page.wait_for_selector("#season time")
        await ended(page)
        await expect(page.locator("#season")).to_have_text("season-2")


async def test_ears_hear_it_once(start_season: StartSeason) -> None:
    """In the polite region; the notice itself is none."""
    keeper = await start_season(2)
    async with page_at(keeper.api.server.address, tolerated=WRITING) as page:
        await page.wait_for_selector(LIVE)
        await page.evaluate(
            """() => {
                window.heard = [];
                const news = document.querySelector("#news");
                new MutationObserver(() => heard.push(news.textContent)).observe(news, { childList: true });
            }"""
        )
        await keeper.reset()
        await page.wait_for_function("() => heard.some((words) => words.includes('has ended'))")
        await page.wait_for_timeout(6_000)  # longer than news are held back
        told = [words for words in await page.evaluate("heard") if "has ended" in words]
        assert len(told) == 1
        assert told[0].startswith("season-1 has ended. P01 won with 20.")
        assert await page.locator("[aria-live] #ended, #ended[aria-live], #ended[role]").count() == 0


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_jumps(start_season: StartSeason, size: str) -> None:
    """Title, state and board stay where they are; with reduced motion nothing moves at all."""
    keeper = await start_season()
    context: dict[str, Any] = {"viewport": SIZES[size], "reduced_motion": "reduce"}
    async with page_at(keeper.api.server.address, tolerated=WRITING, **context) as page:
        await page.wait_for_selector("#board .row")
        await page.wait_for_selector("#season b:not(:empty)")
        before = await page.evaluate(TOPS)
        await keeper.reset()
        await ended(page)
        assert await page.evaluate(TOPS) == before
        assert await page.evaluate("document.getAnimations().length") == 0
        assert await fits(page)
        for n in range(1, 13):
            await act(keeper.api, f"p{n:02}")
        await expect(page.locator("#board .row")).to_have_count(10)
        assert await page.evaluate(TOPS) == before


async def test_the_notice_can_be_closed(start_season: StartSeason) -> None:
    """By key; the focus isn't lost."""
    keeper = await start_season(2)
    async with page_at(keeper.api.server.address, tolerated=WRITING) as page:
        await page.wait_for_selector(LIVE)
        await keeper.reset()
        await ended(page)
        await page.focus("#ended button")
        await page.keyboard.press("Enter")
        await expect(page.locator("#ended")).to_be_hidden()
        assert await page.evaluate("document.activeElement.id") == "board-title"


async def test_the_own_place_of_last_season_is_not_taken_for_one_in_this(start_season: StartSeason) -> None:
    """Who was first is told that a first task gets them on the new board."""
    keeper = await start_season(2)
    async with page_at(keeper.api.server.address, tolerated=WRITING) as page:
        await page.wait_for_selector(LIVE)
        await show_place(page, token("p01", name="P01"))
        await page.wait_for_selector("#board [data-own]")
        await keeper.reset()
        await expect(page.locator("#own .note")).to_have_text(
            "Not on the board yet: a first task gets you there."
        )
        await page.click("text=Complete a task")
        await page.wait_for_selector("#board [data-own][data-user-id=p01]")


async def test_a_season_without_players_had_no_winner(start_season: StartSeason) -> None:
    """And the page says so."""
    keeper = await start_season(0)
    async with page_at(keeper.api.server.address, tolerated=WRITING) as page:
        await page.wait_for_selector(LIVE)
        await expect(page.locator("#season")).to_have_text("season-1")
        await keeper.reset("spring")
        await expect(page.locator("#ended p")).to_have_text(
            "season-1 has ended. Nobody had scored. Final board"
        )
        await expect(page.locator("#season")).to_have_text("spring")


WALLS = {"wide": (1920, 1080, 80), "tall": (1080, 1920, 60), "small": (360, 740, 20)}


@pytest.mark.parametrize("wall", WALLS)
async def test_a_wall_tells_it_too(start_season: StartSeason, wall: str) -> None:
    """Without anything to press, the countdown large, and all of it on the screen."""
    keeper = await start_season()
    await keeper.ends_in(1000)
    width, height, large = WALLS[wall]
    viewport: Any = {"width": width, "height": height}
    async with page_at(keeper.api.server.address + "/?wall", tolerated=WRITING, viewport=viewport) as page:
        await page.wait_for_selector("#board .row")
        await page.wait_for_selector("#season time")
        assert (
            await page.evaluate("document.querySelector('#season time').getBoundingClientRect().height")
            > large
        )
        await keeper.reset()
        await ended(page)
        for n in range(1, 13):
            await act(keeper.api, f"p{n:02}")
        await expect(page.locator("#board .row")).to_have_count(10)
        assert await page.locator("a:visible, button:visible, summary:visible").count() == 0
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
