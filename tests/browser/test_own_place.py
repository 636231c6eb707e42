"""The reader's own place: pinned below the table, marked in it, and gone with the token."""

from __future__ import annotations

import pytest
from playwright.async_api import WebSocketRoute, expect

from ..conftest import StartServer, token
from .browsing import IN_BROWSER, page_at
from .pages import LIVE, act, own, played, show_place, text

pytestmark = IN_BROWSER

P12 = token("p12", name="P12")


async def test_out_of_the_top_it_is_pinned_below(start_server: StartServer) -> None:
    """With name, rank, score and what is missing to get in; it follows what the player does elsewhere."""
    api = await played(start_server)
    async with page_at(api.server.address) as page:
        await page.wait_for_selector(LIVE)
        await show_place(page, P12)
        await page.wait_for_selector("#own .row")
        assert await own(page) == {
            "rank": "12",
            "name": "P12",
            "score": "10",
            "note": "21 more for place 10",
        }
        await act(api, "p12")  # as many as p11, who was first
        await expect(page.locator("#own .note")).to_have_text("11 more for place 10")
        await expect(page.locator("#own .score")).to_have_text("20")
        await act(api, "p12", 2)
        await expect(page.locator("#board [data-own] .name")).to_have_text("P12")
        await expect(page.locator("#own")).to_be_hidden()
        await expect(page.locator("#board [data-own] .you")).to_be_visible()


async def test_who_falls_out_of_the_top_is_pinned_at_once(start_server: StartServer) -> None:
    """The mark in the table becomes the line below it."""
    api = await played(start_server)
    async with page_at(api.server.address) as page:
        await page.wait_for_selector(LIVE)
        await show_place(page, token("p10", name="P10"))
        await page.wait_for_selector("#board [data-own]")
        await act(api, "p12", 5)
        await page.wait_for_selector("#own .row")
        await expect(page.locator("#own .rank")).to_have_text("11")
        assert await page.locator("#board [data-own]").count() == 0


async def test_who_has_no_place_yet_is_told_how_to_get_one(start_server: StartServer) -> None:
    """And the first task completed on the page brings it."""
    api = await played(start_server)
    async with page_at(api.server.address) as page:
        await page.wait_for_selector(LIVE)
        await show_place(page, token("zoe", name="Zoe"))
        await expect(page.locator("#own .note")).to_have_text(
            "Not on the board yet: a first task gets you there."
        )
        await page.click("text=Complete a task")
        await expect(page.locator("#own .rank")).to_have_text("13")
        assert (await own(page))["name"] == "Zoe"


async def test_the_place_of_others_moves_it_too(start_server: StartServer) -> None:
    """Passed by another below the top, which no message tells, it is right again a little later."""
    api = await played(start_server, 13)
    async with page_at(api.server.address) as page:
        await page.wait_for_selector(LIVE)
        await show_place(page, P12)
        await expect(page.locator("#own .rank")).to_have_text("12")
        await act(api, "p13", 2)
        await expect(page.locator("#own .rank")).to_have_text("13")


async def test_a_token_can_be_forgotten_and_replaced(start_server: StartServer) -> None:
    """Nothing of the user is left on the page; another one's token shows the other one's place."""
    api = await played(start_server)
    async with page_at(api.server.address) as page:
        await page.wait_for_selector(LIVE)
        await show_place(page, P12)
        await page.wait_for_selector("#own .row")
        await page.click("text=Forget my token")
        await expect(page.locator("#own")).to_be_hidden()
        assert await page.input_value("#play-token") == ""
        await show_place(page, token("p11", name="P11"))
        await expect(page.locator("#own .name")).to_have_text("P11")


async def test_a_token_that_is_no_good_is_told(start_server: StartServer) -> None:
    """In the server's words, and once: reconnecting doesn't try it again."""
    api = await played(start_server)
    async with page_at("about:blank") as page:
        said: list[str] = []
        sockets: list[WebSocketRoute] = []

        def listen(route: WebSocketRoute) -> None:
            server = route.connect_to_server()
            sockets.append(route)

            def hand_on(message: str | bytes) -> None:
                said.append(str(message))
                server.send(message)

            route.on_message(hand_on)

        await page.route_web_socket("**/ws", listen)
        await page.goto(api.server.address)
        await page.wait_for_selector(LIVE)
        await show_place(page, "x.y.z")
        await expect(page.locator("#play-state")).to_have_text("The token can't be read.")
        await sockets[-1].close()
        await page.wait_for_selector("#state[data-state=reconnecting]")
        await page.wait_for_selector(LIVE)
        assert len([m for m in said if "x.y.z" in m]) == 1
        await expect(page.locator("text=Show my place")).to_be_visible()


@pytest.mark.parametrize("code", [4401, 4403])
async def test_who_is_sent_away_watches_on(start_server: StartServer, code: int) -> None:
    """A token revoked or a user banned: told why, the place goes, the board lives on."""
    api = await played(start_server)
    async with page_at("about:blank") as page:
        sockets: list[WebSocketRoute] = []

        def listen(route: WebSocketRoute) -> None:
            sockets.append(route)
            route.connect_to_server()

        await page.route_web_socket("**/ws", listen)
        await page.goto(api.server.address)
        await page.wait_for_selector(LIVE)
        await show_place(page, P12)
        await page.wait_for_selector("#own .row")
        opened = len(sockets)
        socket = sockets[-1]
        socket.send('{"type": "error", "code": "banned", "message": "You are banned."}')
        await socket.close(code=code, reason="banned")
        await expect(page.locator("#play-state")).to_have_text("You are banned.")
        await expect(page.locator("#own")).to_be_hidden()
        await page.wait_for_selector(LIVE)
        await act(api, "p02", 5)
        await page.wait_for_selector("#board .row:first-child[data-user-id=p02]")
        assert len(sockets) == opened + 1
        assert "banned" in await text(page, ".play")
