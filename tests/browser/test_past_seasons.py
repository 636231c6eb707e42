"""Past seasons on the page: their final boards, as announced and as corrected, each with an address."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from ..conftest import token
from .browsing import IN_BROWSER, page_at
from .pages import LIVE, SIZES, act, own, show_place, text
from .seasons import Keeper, StartSeason
from .test_page import ROWS
from .test_states import fits

pytestmark = IN_BROWSER

# Chromium tells its console of every answer that is no success.
NOT_FOUND = "status of 404"
UNAUTHORIZED = "status of 401"


async def sealed(start_season: StartSeason) -> Keeper:
    """Twelve have played season-1, which has ended; ann alone plays season-2."""
    keeper = await start_season()
    await keeper.reset()
    await act(keeper.api, "ann")
    return keeper


def final(keeper: Keeper, query: str = "") -> str:
    """The address of the first season's final board."""
    return f"{keeper.api.server.address}/?season=season-1{query}"


async def leader(page: Page) -> dict[str, Any]:
    """Who is first, with which score."""
    row: dict[str, Any] = (await page.evaluate(ROWS))[0]
    return row


async def test_a_final_board_stands_still(start_season: StartSeason) -> None:
    """It is what the API gives, with its end instead of a live state, its digest, and no socket."""
    keeper = await sealed(start_season)
    async with page_at("about:blank") as page:
        urls: list[str] = []
        page.on("websocket", lambda socket: urls.append(socket.url))
        await page.goto(final(keeper))
        await expect(page.locator("#board .row")).to_have_count(10)
        told = await keeper.api.board("?season=season-1")
        assert [row["userId"] for row in await page.evaluate(ROWS)] == [
            row["userId"] for row in told["leaderboard"]
        ]
        assert await text(page, "#state") == "Ended"
        assert (await text(page, "#season")).startswith("season-1 ended ")
        assert await page.get_attribute("#season time", "datetime") == told["archive"]["sealedAt"]
        assert await text(page, "#players") == "12 players"
        assert await page.is_hidden("#freshness")
        assert await page.is_hidden("#edition")
        assert await page.title() == "season-1 – Scoreboard"
        await page.click("text=Digest")
        assert await text(page, "#digest") == told["archive"]["digest"]
        assert urls == []


async def test_they_are_offered_and_history_works(start_season: StartSeason) -> None:
    """Chosen from the list, left by Back or the link to the live board, without any reload."""
    keeper = await sealed(start_season)
    await keeper.reset()
    async with page_at(keeper.api.server.address) as page:
        await page.wait_for_selector(LIVE)
        await page.evaluate("window.same = true")
        await page.click("text=Past seasons")
        await expect(page.locator("#past-seasons a")).to_have_text(["season-2", "season-1"])
        await page.click("#past-seasons >> text=season-1")
        await expect(page.locator("#board .row")).to_have_count(10)
        assert await page.evaluate("document.activeElement.textContent") == "Final board of season-1"
        assert await page.get_attribute("#past-seasons [aria-current=page]", "data-view") == "season-1"
        await page.click("#past-seasons >> text=season-2")
        await expect(page.locator("#board .row")).to_have_count(1)
        await page.go_back()
        await expect(page.locator("#board .row")).to_have_count(10)
        await page.go_back()
        await page.wait_for_selector(LIVE)
        assert (await text(page, "#placeholder")).startswith("No scores yet")
        assert await page.title() == "Scoreboard"
        await page.go_forward()
        await expect(page.locator("#board .row")).to_have_count(10)
        await page.click("text=Back to the live board")
        await page.wait_for_selector(LIVE)
        assert page.url == f"{keeper.api.server.address}/"
        await expect(page.locator("#season")).to_have_text("season-3")
        assert await page.evaluate("window.same")


async def test_a_correction_is_told_and_both_can_be_seen(start_season: StartSeason) -> None:
    """As corrected first, as it was announced one click away, and back."""
    keeper = await sealed(start_season)
    await keeper.adjust("p01", -50, "season-1")
    async with page_at(final(keeper)) as page:
        await page.wait_for_selector("#board .row")
        assert (await leader(page))["userId"] == "p02"
        assert await text(page, "#edition") == "Corrected since it was announced. See it as announced"
        await page.click("#edition a")
        await expect(page.locator("#edition")).to_contain_text("As announced; corrected since.")
        assert await leader(page) == {"userId": "p01", "rank": 1, "username": "P01", "score": 120}
        assert page.url == final(keeper, "&edition=announced")
        await page.click("text=See it as corrected")
        await expect(page.locator("#board .row").first).to_contain_text("P02")
        assert page.url == final(keeper)


async def test_the_own_place_is_pinned(start_season: StartSeason) -> None:
    """Brought along from the live board, or asked for here; who was not there is told."""
    keeper = await sealed(start_season)
    async with page_at("about:blank", tolerated=UNAUTHORIZED) as page:
        await page.clock.install()
        await page.goto(keeper.api.server.address)
        await page.wait_for_selector(LIVE)
        await show_place(page, token("p12", name="P12"))
        await page.wait_for_selector("#own .row")
        await page.click("text=Past seasons")
        await page.click("#past-seasons a")
        await expect(page.locator("#own .rank")).to_have_text("12")
        pinned = {"rank": "12", "name": "P12", "score": "10", "note": ""}
        assert await own(page) == pinned
        looks: list[str] = []
        page.on("request", lambda r: looks.append(r.url) if "users=" in r.url else None)
        await page.clock.fast_forward(30_000)  # a place on the live board would be looked at again
        await page.wait_for_timeout(300)
        assert (looks, await own(page)) == ([], pinned)
        await page.goto(final(keeper))
        await page.wait_for_selector("#board .row")
        await page.click("text=My place")
        assert await page.is_hidden("text=Complete a task")
        await page.fill("#play-token", token("p03", name="P03"))
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#board [data-own][data-user-id=p03]")
        await page.click("text=Forget my token")
        await expect(page.locator("#board [data-own]")).to_have_count(0)
        await page.fill("#play-token", token("ann"))
        await page.click("text=Show my place")
        await expect(page.locator("#own .note")).to_have_text("Not on this final board.")
        await page.click("text=Forget my token")
        await page.fill("#play-token", "x.y.z")
        await page.click("text=Show my place")
        await expect(page.locator("#play-state")).to_have_text("The token can't be read.")
        await expect(page.locator("#board .row")).to_have_count(10)


@pytest.mark.parametrize("name", ["nope", "<img src=x onerror=alert(1)>"])
async def test_a_season_that_never_was_is_told(start_season: StartSeason, name: str) -> None:
    """By its name, as text, with a way on."""
    keeper = await sealed(start_season)
    async with page_at("about:blank", tolerated=NOT_FOUND) as page:
        await page.goto(f"{keeper.api.server.address}/?season={name}")
        await expect(page.locator(".placeholder-title").first).to_have_text(
            f"There is no season named {name}"
        )
        assert await text(page, "#state") == "Not found"
        await page.click("text=Back to the live board")
        await page.wait_for_selector(f"{LIVE}")
        await expect(page.locator("#board .row")).to_have_count(1)


async def test_the_current_season_by_name_is_the_live_board(start_season: StartSeason) -> None:
    """An address that was noted while it went on stays good."""
    keeper = await sealed(start_season)
    async with page_at(f"{keeper.api.server.address}/?season=season-2") as page:
        await page.wait_for_selector(LIVE)
        await page.wait_for_selector("#board [data-user-id=ann]")
        assert page.url == f"{keeper.api.server.address}/"


async def test_one_that_is_being_written_is_waited_for(start_season: StartSeason) -> None:
    """The server's words meanwhile; the board as soon as it is there."""
    keeper = await sealed(start_season)
    problem = {"code": "season_closing", "message": "Its final board is being written."}
    refusals = 3
    async with page_at("about:blank", tolerated="status of 503") as page:

        async def later(route: Any) -> None:
            nonlocal refusals
            refusals -= 1
            if refusals >= 0:
                await route.fulfill(status=503, body=json.dumps(problem), content_type="application/json")
            else:
                await route.continue_()

        await page.route("**/api/leaderboard?season=*", later)
        await page.goto(final(keeper))
        await expect(page.locator(".placeholder-detail").first).to_have_text(problem["message"])
        await expect(page.locator("#board .row")).to_have_count(10)
        assert await page.is_hidden("#placeholder")


async def test_what_cannot_be_read_is_told_at_last(start_season: StartSeason) -> None:
    """After some tries, and not before."""
    keeper = await sealed(start_season)
    tries = 0
    async with page_at("about:blank", tolerated="Failed to load resource") as page:
        await page.clock.install()

        async def fail(route: Any) -> None:
            nonlocal tries
            tries += 1
            await route.abort()

        await page.route("**/api/leaderboard?season=*", fail)
        await page.goto(final(keeper))
        await expect(page.locator(".placeholder-detail").first).to_have_text(
            "The server can’t be reached; trying again."
        )
        for _ in range(20):
            await page.clock.fast_forward(10_000)
            await page.wait_for_timeout(50)
        await expect(page.locator("#placeholder")).to_contain_text("Reload the page to try again.")
        assert tries == 8


@pytest.mark.parametrize("size", SIZES)
async def test_any_size_holds_it(start_season: StartSeason, size: str) -> None:
    """Also with a name as long as names get, corrected, all opened; and on a wall, nothing to press."""
    keeper = await start_season()
    name = "w" * 64
    await keeper.reset(name)
    await act(keeper.api, "ann", 2)
    await keeper.reset()
    await keeper.adjust("ann", -5, name)
    async with page_at("about:blank", viewport=SIZES[size]) as page:
        await page.goto(f"{keeper.api.server.address}/?season={name}")
        await page.wait_for_selector("#board .row")
        for opener in ("Past seasons", "Digest", "My place"):
            await page.click(f"text={opener}")
            assert await fits(page), opener
        await page.goto(f"{keeper.api.server.address}/?season={name}&wall")
        await page.wait_for_selector("#board .row")
        assert await fits(page)
        assert await page.locator("a:visible, button:visible, summary:visible").count() == 0
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
