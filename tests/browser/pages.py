"""A page in front of a server of the test's own: who plays on it, and what it shows."""

from __future__ import annotations

import itertools
from typing import Any

from playwright.async_api import Page

from ..conftest import Api, StartServer, token

SCHEMES = ("light", "dark")
SIZES = {
    "phone": {"width": 360, "height": 740},
    "desk": {"width": 1280, "height": 800},
    "wall": {"width": 1920, "height": 1080},
}
# Colours differ by scheme and what wraps by size: each of both once, where the whole grid would be too much.
LOOKS = (("phone", "dark"), ("desk", "light"), ("wall", "light"))
LIVE = "#state[data-state=live]"

_ids = itertools.count()


async def act(api: Api, user: str, times: int = 1) -> None:
    """A user, named like the id but capitalised, completes some tasks."""
    for _ in range(times):
        action = {"actionId": f"n{next(_ids)}", "actionType": "task.completed"}
        response = await api.post(action, token(user, name=user.capitalize()))
        assert response.code == 200, response.body


async def played(start_server: StartServer, players: int = 12, **flags: object) -> Api:
    """A server on which p01 has completed the most tasks, p02 one less, and so on; settings by flag."""
    api = Api(await start_server(live__interval_ms=10, **flags))
    for n in range(1, players + 1):
        await act(api, f"p{n:02}", players + 1 - n)
    return api


async def show_place(page: Page, bearer: str) -> None:
    """As a user asks for it."""
    if not await page.is_visible("#play-token"):
        await page.click("summary")
    await page.fill("#play-token", bearer)
    await page.click("text=Show my place")


async def text(page: Page, selector: str) -> str:
    """What stands there."""
    shown: str = await page.inner_text(selector)
    return " ".join(shown.split())


async def own(page: Page) -> dict[str, Any]:
    """What is pinned below the table."""
    row: dict[str, Any] = await page.evaluate(
        """() => Object.fromEntries(["rank", "name", "score", "note"].map(
            (part) => [part, document.querySelector(`#own .${part}`).textContent]))"""
    )
    return row
