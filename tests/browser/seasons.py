"""Seasons on a server of the test's own: an admin who closes and corrects them while pages look on."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest_asyncio

from scoreboard_server.clock import now_us
from scoreboard_server.flow.archiving import catch_up
from scoreboard_server.flow.deciding import Admin, adjust
from scoreboard_server.flow.looking import find_standing
from scoreboard_server.flow.season_keeping import SeasonStore, reset, set_end
from scoreboard_server.store.opening import Store, open_for_command

from ..conftest import Api, StartServer
from ..mongod import Mongod
from .pages import played

_names = itertools.count()


class Keeper:
    """What `scoreboard season` and `scoreboard adjust` do, beside the server that the pages look at."""

    def __init__(self, api: Api, store: Store) -> None:
        self.api = api
        self._store = store
        self._admin = Admin("root", "keeper", now_us)

    async def ends_in(self, seconds: float | None) -> None:
        """Have the current season end then, or not at all; the server knows when this returns."""
        at = None if seconds is None else now_us() + int(seconds * 1e6)
        before = await self._told_end()
        await set_end(self._store.seasons, self._admin, at)
        async with asyncio.timeout(10):
            while await self._told_end() == before:
                await asyncio.sleep(0.02)

    async def _told_end(self) -> str | None:
        """What the server tells."""
        told: str | None = json.loads((await self.api.fetch("/api/seasons")).body)["seasons"][0]["endsAt"]
        return told

    async def reset(self, name: str | None = None) -> None:
        """Close the current season, and write its archive."""
        store = SeasonStore(self._store.seasons, self._store.archives, self._store.standings)
        closed = await reset(store, self._admin, name=name)
        await self._store.seasons.reported(closed.sealed.number)

    async def adjust(self, user: str, points: int, season: str) -> None:
        """Correct a sealed season."""
        found, standing = await find_standing(self._store, user, season, now_us())
        assert standing is not None
        store = self._store
        assert store.moderation is not None
        await adjust(
            store.moderation,
            store.ledger,
            self._admin,
            standing,
            points,
            season=found,
            name=f"browser-{next(_names)}",
            reason="late",
        )
        await catch_up(self._store.seasons, self._store.archives)


StartSeason = Callable[..., Awaitable[Keeper]]


@pytest_asyncio.fixture(loop_scope="session")
async def start_season(
    start_server: StartServer, replica_set: Mongod, database: str, tmp_path: Path
) -> AsyncIterator[StartSeason]:
    """Start a server whose first season has players, as `played`; with somebody who keeps its seasons."""
    stores: list[Store] = []

    async def start(players: int = 12) -> Keeper:
        api = await played(start_server, players, store__uri=replica_set.uri, store__database=database)
        stores.append(await open_for_command(replica_set.uri, database, tmp_path, now_us=now_us()))
        return Keeper(api, stores[-1])

    yield start
    for store in stores:
        await store.close()
