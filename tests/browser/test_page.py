"""The page in a real browser, in front of the demo: it moves, and it says what the API says."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from ..conftest import need_mongod
from .browsing import IN_BROWSER, page_at

pytestmark = IN_BROWSER

ROWS = """() => [...document.querySelectorAll('#board [data-user-id]')].map(row => ({
    userId: row.dataset.userId,
    rank: Number(row.dataset.rank),
    username: row.querySelector('.name').textContent,
    score: Number(row.querySelector('.score').textContent.replaceAll(',', '')),
}))"""

# In one go, so that a slow way to the browser takes no part in it.
BOARDS = f"""async () => {{
    const board = () => fetch("/api/leaderboard").then(response => response.json());
    return [await board(), ({ROWS})(), await board()];
}}"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`scoreboard demo` in an empty folder, as a newcomer starts it; its address."""
    need_mongod()
    command = [sys.executable, "-m", "scoreboard_cli.main", "demo", "--json", "--port", "0", "--players", "3"]
    process = subprocess.Popen(
        command, cwd=tmp_path_factory.mktemp("newcomer"), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["url"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) == 0


async def agreed_board(page: Page) -> dict[str, Any]:
    """A board on which page and API agree: the API said the same before and after the page was read."""
    after: dict[str, Any]
    async with asyncio.timeout(50):
        while True:
            before, shown, after = await page.evaluate(BOARDS)
            told = [
                {k: row[k] for k in ("userId", "rank", "username", "score")} for row in after["leaderboard"]
            ]
            if before["version"] == after["version"] and shown == told:
                return after


@pytest.mark.timeout(300)
async def test_the_page_moves_and_agrees_with_the_api(demo: str) -> None:
    """At least three live changes, each with the same order, names and scores as `GET /api/leaderboard`."""
    async with page_at(demo, viewport={"width": 1280, "height": 900}) as page:
        await page.wait_for_selector("#state[data-state=live]")
        versions: set[int] = set()
        orders: set[str] = set()
        async with asyncio.timeout(120):
            while len(versions) < 4 or len(orders) < 2:
                board = await agreed_board(page)
                versions.add(board["version"])
                orders.add(" ".join(row["userId"] for row in board["leaderboard"]))
        assert await page.inner_text("#total") == str(board["totalUsers"])
        folder = os.environ.get("PAGE_SCREENSHOTS")
        if folder:
            await page.wait_for_timeout(1000)
            await page.screenshot(path=Path(folder) / "page.png")


async def test_the_page_says_when_it_is_stale_and_recovers(demo: str) -> None:
    """When its connection is cut the board stays, the state says so, and it comes back by itself."""
    async with page_at("about:blank") as blank:
        sockets: list[Any] = []

        def through(route: Any) -> None:
            route.connect_to_server()
            sockets.append(route)

        await blank.route_web_socket("**/ws", through)
        await blank.goto(demo)
        await blank.wait_for_selector("#state[data-state=live]")
        await agreed_board(blank)
        await sockets[-1].close()
        await blank.wait_for_selector("#state[data-state=reconnecting]")
        assert await blank.evaluate(ROWS)
        await blank.wait_for_selector("#state[data-state=live]")
        await agreed_board(blank)
        assert len(sockets) == 2
