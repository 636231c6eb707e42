"""How long the season still goes: seen by the server's clock, and never made up."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import Page, expect

from .browsing import IN_BROWSER, page_at
from .pages import LIVE, text
from .seasons import StartSeason
from .test_client_module import hide

pytestmark = IN_BROWSER

NOT_LOADED = "Failed to load resource"
MINUTE_MS = 60_000
COUNTDOWN = "#season [role=timer]"


async def pass_a_minute(page: Page) -> None:
    """In the page, which then asks again."""
    async with page.expect_request("**/api/seasons"):
        await page.clock.fast_forward(MINUTE_MS)


async def test_it_appears_changes_and_disappears(start_season: StartSeason) -> None:
    """With an end there is a countdown, which a later change moves, and without one there is none."""
    keeper = await start_season(1)
    async with page_at("about:blank", tolerated=NOT_LOADED) as page:
        await page.clock.install()
        await page.goto(keeper.api.server.address)
        await expect(page.locator("#season")).to_have_text("season-1")
        assert await page.is_hidden(COUNTDOWN)
        await keeper.ends_in(2 * 3600)
        await pass_a_minute(page)
        await expect(page.locator(COUNTDOWN)).to_have_text("ends in 2 h 0 min")
        (season,) = await page.evaluate("fetch('/api/seasons').then((r) => r.json()).then((a) => a.seasons)")
        assert await page.get_attribute("#season time", "datetime") == season["endsAt"]
        await keeper.ends_in(3 * 86400)
        await pass_a_minute(page)
        await expect(page.locator(COUNTDOWN)).to_have_text("ends in 3 d 0 h")
        await keeper.ends_in(None)
        await pass_a_minute(page)
        await expect(page.locator(COUNTDOWN)).to_be_hidden()
        assert await text(page, "#season") == "season-1"


async def test_what_nobody_knows_is_not_shown(start_season: StartSeason) -> None:
    """When the question fails the countdown goes, and comes back with the next answer."""
    keeper = await start_season(1)
    await keeper.ends_in(2 * 3600)
    async with page_at("about:blank", tolerated=NOT_LOADED) as page:
        await page.clock.install()
        await page.goto(keeper.api.server.address)
        await expect(page.locator(COUNTDOWN)).to_be_visible()
        await page.route("**/api/seasons", lambda route: route.fulfill(status=503, body="{}"))
        await pass_a_minute(page)
        await expect(page.locator(COUNTDOWN)).to_be_hidden()
        assert await text(page, "#season") == "season-1"
        await page.unroute("**/api/seasons")
        await page.route("**/api/seasons", lambda route: route.abort())
        await pass_a_minute(page)
        await expect(page.locator(COUNTDOWN)).to_be_hidden()
        await page.unroute("**/api/seasons")
        await pass_a_minute(page)
        await expect(page.locator(COUNTDOWN)).to_be_visible()


async def test_seconds_count_within_the_last_hour_and_nobody_is_told_each(start_season: StartSeason) -> None:
    """The line ticks, is a timer, and no live region is around it."""
    keeper = await start_season(1)
    await keeper.ends_in(1800)
    async with page_at(keeper.api.server.address) as page:
        await page.wait_for_selector(COUNTDOWN)
        seen = set()
        for _ in range(4):
            seen.add(await text(page, "#season time"))
            await page.wait_for_timeout(1000)
        assert len(seen) >= 3
        assert all(re.fullmatch(r"(30:00|29:\d\d)", words) for words in seen), seen
        assert await page.locator("[aria-live] #season, [role=status] #season").count() == 0
        assert await page.locator("#season[aria-live], #season [aria-live]").count() == 0


@pytest.mark.parametrize("hours", [-5, 5])
async def test_a_clock_that_is_wrong_misleads_nobody(start_season: StartSeason, hours: int) -> None:
    """What counts is when the server will end it."""
    keeper = await start_season(1)
    await keeper.ends_in(1800)
    async with page_at("about:blank") as page:
        await page.clock.install(
            time=datetime.fromtimestamp(datetime.now(UTC).timestamp() + hours * 3600, UTC)
        )
        await page.goto(keeper.api.server.address)
        await expect(page.locator("#season time")).to_have_text(re.compile(r"^(30:00|29:\d\d)$"))


async def test_it_is_asked_for_seldom(start_season: StartSeason) -> None:
    """Once a minute, and not at all while nobody looks; then at once."""
    keeper = await start_season(1)
    async with page_at("about:blank") as page:
        asked: list[str] = []
        page.on("request", lambda r: asked.append(r.url) if r.url.endswith("/api/seasons") else None)
        await page.clock.install()
        await page.goto(keeper.api.server.address)
        await page.wait_for_selector(LIVE)
        await page.wait_for_load_state("networkidle")
        assert 1 <= len(asked) <= 2  # the second when the board came before the answer
        asked.clear()
        await page.clock.fast_forward(MINUTE_MS // 2)
        await page.wait_for_timeout(200)
        assert asked == []
        await hide(page, True)
        for _ in range(3):
            await page.clock.fast_forward(MINUTE_MS)
        await page.wait_for_timeout(200)
        assert asked == []
        async with page.expect_request("**/api/seasons"):
            await hide(page, False)
        await page.wait_for_timeout(200)
        assert len(asked) == 1


async def test_an_overdue_end_is_told_as_such(start_season: StartSeason) -> None:
    """Neither a negative number nor a zero that stands still."""
    keeper = await start_season(1)
    season = {"name": "season-1", "state": "current", "startedAt": "2020-01-01T00:00:00Z", "sealedAt": None}
    answer = {"seasons": [season | {"endsAt": "2020-02-01T00:00:00.000Z"}]}
    async with page_at("about:blank") as page:
        await page.route("**/api/seasons", lambda route: route.fulfill(json=answer))
        await page.goto(keeper.api.server.address)
        await expect(page.locator("#season")).to_have_text("season-1 is ending")
