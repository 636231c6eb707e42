"""A board that takes a while to load: the server is there meanwhile, and it is the right one then."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.crowd import crowd, fill
from scoreboard_server.app import Server
from scoreboard_server.flow.verifying import verify
from scoreboard_server.rules.board import Draft
from scoreboard_server.store.opening import open_for_server

from ..conftest import Api, StartServer
from ..mongod import Mongod

pytestmark = pytest.mark.database

USERS = 20_000
NOW_US = 1_790_000_000_000_000


async def test_a_sign_of_life_is_given_while_the_board_loads(
    replica_set: Mongod,
    database: str,
    tmp_path: Path,
    start_server: StartServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`/livez` answers, all else says that the server is starting; then everybody has their place."""
    store = await open_for_server(replica_set.uri, database, tmp_path, now_us=NOW_US)
    with replica_set.client() as client:
        await asyncio.to_thread(fill, client[database], USERS)
    assert store.books is not None
    checked = [each async for each in verify(store.books, store.history, now_us=lambda: NOW_US)]
    await store.close()
    assert sum(each.users for each in checked) == USERS
    assert not [wrong for each in checked for wrong in each.standings]

    order = Draft.board
    ordering = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(self: Draft, hidden: Any = ()) -> Any:
        loop.call_soon_threadsafe(ordering.set)
        until = time.monotonic() + 0.5  # in which it computes, as it would for a million
        while time.monotonic() < until:
            pass
        return order(self, hidden)

    monkeypatch.setattr(Draft, "board", slowly)
    servers: list[Server] = []
    open_store = Server._open_store

    async def remember(self: Server) -> Any:
        servers.append(self)
        return await open_store(self)

    monkeypatch.setattr(Server, "_open_store", remember)
    starting = asyncio.create_task(start_server(store__uri=replica_set.uri, store__database=database))
    await ordering.wait()
    api = Api(servers[0])
    for path, status in (("/livez", 200), ("/readyz", 503), ("/api/leaderboard", 503)):
        assert (await api.fetch(path)).code == status
    assert not starting.done()
    api = Api(await starting)
    board = await api.board("?limit=1000")
    totals = {m.user: sum(entry.points for entry in m.entries) for m in crowd(USERS, 20, 0)}
    assert board["totalUsers"] == USERS
    assert [row["score"] for row in board["leaderboard"]] == sorted(totals.values(), reverse=True)[:1000]
    assert all(row["score"] == totals[row["userId"]] for row in board["leaderboard"])
