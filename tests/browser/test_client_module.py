"""The client module in a real browser: sleeping tabs, lost networks, and boards out of step."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Page

from ..conftest import Api, StartServer
from ..end_to_end.following import update
from .browsing import IN_BROWSER, page_at

pytestmark = IN_BROWSER

# On an empty page of the same server, so that nothing else is told anything.
_FOLLOW = """async () => {
    const { connect } = await import("/static/scoreboard.js");
    window.told = { boards: [], states: [] };
    window.client = connect({
        onBoard: ({ epoch, version, rows }) => told.boards.push([epoch, version, rows.map((r) => r.userId)]),
        onState: (status) => told.states.push(status),
    });
}"""

GREETING = update("a", 1, "ann", snapshot=True)


class Sockets:
    """The page's sockets, played by scripts; the last one again for all that follow."""

    def __init__(self, scripts: Sequence[Sequence[dict[str, Any]]]) -> None:
        self._scripts = scripts
        self.opened: list[Any] = []
        self.heard: list[str] = []
        self.answering = True

    def play(self, socket: Any) -> None:
        """One connection."""
        self.opened.append(socket)
        socket.on_message(lambda message: self._hear(socket, str(message)))
        for message in self._scripts[min(len(self.opened), len(self._scripts)) - 1]:
            socket.send(json.dumps(message))

    def _hear(self, socket: Any, message: str) -> None:
        self.heard.append(json.loads(message)["type"])
        if self.answering:
            socket.send('{"type": "pong"}')


@asynccontextmanager
async def followed(
    start_server: StartServer, *scripts: Sequence[dict[str, Any]]
) -> AsyncIterator[tuple[Page, Sockets]]:
    """The module on a page, connected to the scripts."""
    address = Api(await start_server()).server.address
    sockets = Sockets(scripts)
    async with page_at("about:blank") as page:
        await page.route_web_socket("**/ws", sockets.play)
        await page.route(
            "**/blank", lambda route: route.fulfill(content_type="text/html", body="<!doctype html>")
        )
        await page.goto(f"{address}/blank")
        await page.evaluate(_FOLLOW)
        yield page, sockets


async def until(page: Page, condition: str) -> None:
    """Wait until this holds in the page."""
    await page.wait_for_function(f"() => {condition}")


async def test_only_what_follows_is_shown(start_server: StartServer) -> None:
    """Epochs gone by, gaps and repeats lead to a new snapshot; a snapshot after a lag is taken as it is."""
    scripts = [
        [GREETING, update("a", 2, "ben", "ann"), update("old", 3, "ghost")],
        [update("b", 1, "ann", snapshot=True), update("b", 3, "gap")],
        [update("b", 7, "lag", snapshot=True), update("b", 12, "late", snapshot=True)],
    ]
    async with followed(start_server, *scripts) as (page, sockets):
        await until(page, "told.boards.length === 5")
        boards = await page.evaluate("told.boards")
        assert [f"{epoch}{version}" for epoch, version, _ in boards] == ["a1", "a2", "b1", "b7", "b12"]
        assert boards[1][2] == ["ben", "ann"]
        assert len(sockets.opened) == 3


async def hide(page: Page, hidden: bool) -> None:
    """As if the tab went behind another one, or came back."""
    await page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
        }""",
        hidden,
    )


async def test_a_tab_that_wakes_asks_whether_anybody_is_there(start_server: StartServer) -> None:
    """A living socket answers and is kept; one that died in its sleep is replaced."""
    async with followed(start_server, [GREETING]) as (page, sockets):
        await until(page, "told.boards.length === 1")
        await hide(page, True)
        await hide(page, False)
        await page.wait_for_timeout(500)
        assert (sockets.heard, len(sockets.opened)) == (["ping"], 1)
        sockets.answering = False
        await hide(page, False)
        await until(page, "told.boards.length === 2")
        assert len(sockets.opened) == 2


_HURRY = "() => { const real = setTimeout; window.setTimeout = (f, ms) => real(f, ms > 14_000 ? 50 : ms); }"


async def test_a_token_that_can_not_be_looked_at_now_is_shown_again(start_server: StartServer) -> None:
    """On the same socket, after a while; a function that is asked for it may take its time."""
    refusal = {"type": "error", "code": "keys_unavailable", "message": "Not now."}
    async with followed(start_server, [GREETING], [GREETING, refusal]) as (page, sockets):
        await until(page, "told.boards.length === 1")
        await page.evaluate(_HURRY)
        await page.evaluate("() => client.auth(async () => 't')")
        await until(page, "told.states.at(-1).retryInMs > 14_000")
        async with asyncio.timeout(20):
            while sockets.heard.count("auth") < 2:
                await page.wait_for_timeout(20)
        assert len(sockets.opened) == 2
        assert await page.evaluate("told.states.at(-1).state") == "live"


async def test_a_token_that_can_not_be_had_now_is_asked_for_again(start_server: StartServer) -> None:
    """On the same socket, by the same function."""
    async with followed(start_server, [GREETING]) as (page, sockets):
        await until(page, "told.boards.length === 1")
        await page.evaluate(_HURRY)
        token = "async () => asked++ ? 't' : Promise.reject(Error('not now'))"
        await page.evaluate(f"() => {{ let asked = 0; client.auth({token}); }}")
        await until(page, "told.states.some(({ code }) => code === 'token_unavailable')")
        async with asyncio.timeout(20):
            while "auth" not in sockets.heard:
                await page.wait_for_timeout(20)
        assert len(sockets.opened) == 2


async def test_a_network_that_returns_is_used_at_once(start_server: StartServer) -> None:
    """However long the pause would have been; while it is away, waking up tries nothing."""
    async with followed(start_server, [GREETING]) as (page, sockets):
        await until(page, "told.boards.length === 1")
        await page.evaluate("() => { Math.random = () => 0.999; }")
        await page.context.set_offline(True)
        await sockets.opened[-1].close(code=1013)
        await until(page, "told.states.at(-1).retryInMs > 400")
        assert await page.evaluate("Date.now() - told.states.at(-1).heardAt") < 10_000
        await hide(page, False)
        await page.wait_for_timeout(300)
        assert len(sockets.opened) == 1
        await page.context.set_offline(False)
        await until(page, "told.boards.length === 2")


async def test_closed_it_listens_to_nothing(start_server: StartServer) -> None:
    """Neither waking nor networks open it again."""
    async with followed(start_server, [GREETING]) as (page, sockets):
        await until(page, "told.boards.length === 1")
        await page.evaluate("() => { client.close(); client.auth('t'); }")
        await page.evaluate("() => dispatchEvent(new Event('online'))")
        await hide(page, False)
        await page.wait_for_timeout(300)
        assert len(sockets.opened) == 1
        assert await page.evaluate("told.states.map((status) => status.state)") == [
            "connecting",
            "live",
            "closed",
        ]
