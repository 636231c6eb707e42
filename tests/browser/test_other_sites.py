"""A page of another site in a real browser: a trusted one may use everything, a foreign one nothing."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from ..conftest import Api, StartServer, token
from ..test_readme import README
from .browsing import IN_BROWSER, page_at, plain_page

pytestmark = IN_BROWSER

# What a game's page does, each by itself; what the browser forbids is told by name.
_GAME = """async ([server, token]) => {
    const tried = (work) => work().catch((error) => error.name);
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const body = JSON.stringify({ actionId: "a1", actionType: "task.completed" });
    const submit = () => fetch(`${server}/api/scores/update`, { method: "POST", headers, body });
    return {
        submitted: await tried(async () => (await submit()).json()),
        repeated: await tried(async () => (await submit()).headers.get("Idempotent-Replayed")),
        refused: await tried(async () => (await (await fetch(`${server}/nope`, { headers })).json()).code),
        board: await tried(async () => (await (await fetch(`${server}/api/leaderboard`)).json()).totalUsers),
        watched: await tried(async () => {
            const { connect } = await import(`${server}/static/scoreboard.js`);
            return new Promise((done) => {
                connect({
                    url: `${server.replace("http", "ws")}/ws`,
                    onBoard: ({ totalUsers }) => done(totalUsers),
                    onState: ({ state }) => state === "reconnecting" && done(state),
                });
            });
        }),
    };
}"""


class _Game(RequestHandler):
    """A page of the site, empty but for what a test puts there."""

    body = ""

    def get(self) -> None:
        self.finish(f"<!doctype html><title>game</title>{self.body}")


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[str]:
    """The origin of another site."""
    listening, port = bind_unused_port()
    server = HTTPServer(Application([(".*", _Game)], log_function=lambda _: None))
    server.add_socket(listening)
    yield f"http://127.0.0.1:{port}"
    server.stop()
    await server.close_all_connections()


async def tried_from(site: str, api: Api) -> dict[str, Any]:
    """What the page of that site has got of it."""
    async with plain_page(site) as page:
        got: dict[str, Any] = await page.evaluate(_GAME, [api.server.address, token("ann")])
    return got


async def test_a_trusted_page_uses_everything(start_server: StartServer, site: str) -> None:
    """It submits, reads headers and refusals, imports the client module and watches."""
    api = Api(await start_server(server__trusted_origins=site))
    got = await tried_from(site, api)
    assert got["submitted"]["newScore"] == 10
    assert (got["repeated"], got["refused"], got["board"], got["watched"]) == ("true", "not_found", 1, 1)


async def test_the_example_of_the_readme_works(
    start_server: StartServer, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As printed, it shows the board, the own score and the state."""
    example = re.search(r"<!-- page.*?-->\n```html\n(.*?)```", README, re.DOTALL)
    assert example is not None
    api = Api(await start_server(server__trusted_origins=site))
    told = example[1].replace("127.0.0.1:8080", api.server.address.removeprefix("http://"))
    monkeypatch.setattr(_Game, "body", told.replace('"TOKEN"', json.dumps(token("ann"))))
    async with page_at(site) as page:
        await page.wait_for_selector("body[data-state=live]", state="attached")
        for score in (10, 20):
            await api.act("ann", f"a{score}")
            await expect(page.locator("#top li")).to_have_text(f"ann: {score}")
        await expect(page.locator("#me")).to_have_text("20, place 1")
    script = example[1].partition("<script")[2]
    assert len(script.strip().splitlines()) <= 12, "ten lines between the tags"


async def test_a_foreign_page_uses_nothing(start_server: StartServer, site: str) -> None:
    """The browser gives it no answer, and nothing that it sends counts, though it has a good token."""
    api = Api(await start_server(server__trusted_origins="https://game.example"))
    got = await tried_from(site, api)
    assert set(got.values()) == {"TypeError"}
    assert (await api.board())["totalUsers"] == 0
