"""What the page shows in each state that it can be in, and how much it weighs."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from ..conftest import Api, StartServer
from ..mongod import free_port
from .browsing import IN_BROWSER, page_at
from .pages import LIVE, SIZES, act, played, text

pytestmark = IN_BROWSER

# What a browser says of a server that is away: its socket's attempts, and a request that was on its way then.
AWAY = ("WebSocket connection to", "Failed to load resource")


class Wire:
    """The page's way to its server, that can be cut."""

    def __init__(self) -> None:
        self.is_cut = False
        self._sockets: list[Any] = []

    async def route(self, socket: Any) -> None:
        """Let one through, unless it is cut."""
        if self.is_cut:
            await socket.close()
        else:
            socket.connect_to_server()
            self._sockets.append(socket)

    async def cut(self) -> None:
        """End what is open, and let nothing through."""
        self.is_cut = True
        await self._sockets[-1].close()


async def fits(page: Page) -> bool:
    """Nothing has to be scrolled to sideways."""
    narrow: bool = await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return narrow


async def test_while_it_loads_the_board_takes_shape(start_server: StartServer) -> None:
    """A table without names, and the state in words."""
    api = await played(start_server)
    async with page_at("about:blank") as page:
        await page.route_web_socket("**/ws", lambda _: None)
        await page.goto(api.server.address)
        await expect(page.locator("#skeleton")).to_be_visible()
        assert await text(page, "#state") == "Connecting"


async def test_an_empty_board_says_so_and_fills(start_server: StartServer) -> None:
    """Nobody yet; the first score makes a table of it, without a reload."""
    api = Api(await start_server())
    async with page_at(api.server.address) as page:
        await page.wait_for_selector(LIVE)
        assert (await text(page, "#placeholder")).startswith("No scores yet")
        assert await text(page, ".players") == "0 players"
        await act(api, "ann")
        await expect(page.locator("#board .row")).to_have_count(1)
        await expect(page.locator("#placeholder")).to_be_hidden()
        await expect(page.locator("#freshness")).to_have_text("Last change just now")


async def test_a_board_that_was_never_reached_is_told_and_mends(start_server: StartServer) -> None:
    """No empty table that looks like nobody has scored; when the server is there, so is the board."""
    api = await played(start_server)
    wire = Wire()
    wire.is_cut = True
    async with page_at("about:blank") as page:
        await page.route_web_socket("**/ws", wire.route)
        await page.goto(api.server.address)
        await page.wait_for_selector("[data-kind=lost]")
        assert (await text(page, "#placeholder")).startswith("The board can’t be reached")
        assert await page.is_hidden("#summary")
        wire.is_cut = False
        await expect(page.locator("#board .row")).to_have_count(10)


async def test_a_stale_board_stays_and_tells_its_age(start_server: StartServer) -> None:
    """Cut off, the rows stay, the time of the last trust is told; offline has a word of its own."""
    api = await played(start_server)
    wire = Wire()
    async with page_at("about:blank", tolerated="ERR_INTERNET_DISCONNECTED") as page:
        await page.route_web_socket("**/ws", wire.route)
        await page.goto(api.server.address)
        await page.wait_for_selector("#board .row")
        await wire.cut()
        await expect(page.locator("#state")).to_have_text("Reconnecting")
        assert (await text(page, "#freshness")).startswith("As of ")
        assert await page.locator("#board .row").count() == 10
        await page.context.set_offline(True)
        await expect(page.locator("#state")).to_have_text("Offline")
        wire.is_cut = False
        await page.context.set_offline(False)
        await expect(page.locator("#state")).to_have_text("Live")
        await expect(page.locator("#freshness")).to_have_text("Last change just now")


async def test_it_outlives_a_restart_of_the_server(start_server: StartServer) -> None:
    """A new server with an empty board at the same address: the page shows that, and what happens next."""
    port = free_port()
    server = await start_server(server__port=port)
    await act(Api(server), "ann")
    async with page_at(server.address, tolerated=AWAY) as page:
        await page.wait_for_selector("#board [data-user-id=ann]")
        await server.stop()
        await page.wait_for_selector("#state[data-state=reconnecting]")
        api = Api(await start_server(server__port=port))
        await page.wait_for_selector(LIVE)
        await expect(page.locator("#board .row")).to_have_count(0)
        await act(api, "ben")
        await page.wait_for_selector("#board [data-user-id=ben]")


async def test_a_move_is_marked_and_the_mark_goes(start_server: StartServer) -> None:
    """Who climbs has an arrow up with the number of places, who is passed one down; soon both are gone."""
    api = await played(start_server)
    async with page_at(api.server.address) as page:
        await page.wait_for_selector("#board .row")
        await act(api, "p09", 3)  # from 40 to 70 points: past p08 and p07; p06 was there first
        await expect(page.locator("[data-user-id=p09] .move")).to_have_text("up 2")
        await act(api, "p09", 1)
        await expect(page.locator("[data-user-id=p09] .move")).to_have_text("up 3")
        await expect(page.locator("[data-user-id=p08] .move")).to_have_text("down 1")
        await expect(page.locator("#board .move:visible")).to_have_count(0)


@pytest.mark.parametrize("size", SIZES)
async def test_a_wall_shows_the_whole_board_and_nothing_to_press(
    start_server: StartServer, size: str
) -> None:
    """With `?wall` the table fills the screen and needs no scrolling; there is no form and no pointer."""
    api = await played(start_server, 14)
    async with page_at(api.server.address + "/?wall", viewport=SIZES[size]) as page:
        await page.wait_for_selector("#board .row")
        assert await page.is_hidden(".play")
        assert await fits(page)
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        height = await page.evaluate("document.querySelector('#board').offsetHeight / innerHeight")
        assert height > (0.6 if size == "phone" else 0.85)


@pytest.mark.parametrize("width", [320, 360, 1024, 1280, 1920, 3840])
async def test_any_width_holds_long_names_and_large_numbers(start_server: StartServer, width: int) -> None:
    """No row is wider than the screen, and no score is cut off."""
    api = Api(await start_server())
    await act(api, "a-very-long-name-that-never-seems-to-end")
    async with page_at(api.server.address, viewport={"width": width, "height": 800}) as page:
        await page.wait_for_selector("#board .row")
        await page.evaluate("document.querySelector('.score').textContent = '123,456,789'")
        assert await fits(page)
        cut = (
            "(() => { const e = document.querySelector('.points'); return e.scrollWidth > e.clientWidth; })()"
        )
        assert not await page.evaluate(cut)


async def test_the_page_is_light(start_server: StartServer) -> None:
    """All that a first visit loads, the board included, is less than 60 KB before any compression."""
    api = await played(start_server)
    sizes: dict[str, int] = {}
    async with page_at("about:blank") as page:

        def weigh(response: Any) -> None:  # by what it says: the body may be gone with the page before
            sizes[response.url.removeprefix(api.server.address)] = int(response.headers["content-length"])

        page.on("response", weigh)
        await page.goto(api.server.address)
        await page.wait_for_selector("#board .row")
        await page.wait_for_load_state("networkidle")
    assert {"/", "/static/scoreboard.js", "/static/page.js", "/static/board.css"} <= set(sizes)
    assert sum(sizes.values()) < 60_000, sizes
