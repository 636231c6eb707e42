"""The composition root: what a failing part does to the whole."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from scoreboard_server import app
from scoreboard_server.app import ServerFailedError
from scoreboard_server.flow.loading import Loaded
from scoreboard_server.flow.ports import Snapshots, StoreUnavailable
from scoreboard_server.live.live_board import LiveBoard
from scoreboard_server.store import embedded
from scoreboard_server.store.memory import MemoryStandings

from .conftest import Api, StartServer, need_mongod, token
from .web.wire import problem

ACTION = {"actionId": "a1", "actionType": "task.completed"}


def failing(error: Exception) -> Callable[..., Any]:
    """A function that raises this."""

    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


async def test_a_dead_part_ends_the_server_with_one_clear_word(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect in the writer ends the process, naming the part and the reason; its caller is told 503."""
    api = Api(await start_server())
    monkeypatch.setattr(LiveBoard, "apply", failing(RuntimeError("out of order")))
    running = asyncio.create_task(api.server.run_until(asyncio.Event()))
    problem(await api.post(ACTION, token()), 503, "store_unavailable")
    async with asyncio.timeout(5):
        with pytest.raises(ServerFailedError, match="because the writer failed: RuntimeError: out of order"):
            await running


@pytest.mark.parametrize("part", ["folding", "the hub", "profiles", "the store", "watching for slow senders"])
async def test_no_part_dies_alone(start_server: StartServer, part: str) -> None:
    """Whichever background task ends, the server stops serving and says which it was."""
    server = await start_server()
    running = asyncio.create_task(server.run_until(asyncio.Event()))
    await asyncio.sleep(0)
    next(task for task, name in server._tasks.items() if name == part).cancel()
    async with asyncio.timeout(5):
        with pytest.raises(ServerFailedError, match=f"because {part} failed"):
            await running


@pytest.mark.database
async def test_a_private_mongodb_that_is_lost_for_good_ends_the_server(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dead and not to be started again: the server says so instead of refusing everything for ever."""
    need_mongod()
    server = await start_server(store__uri="embedded")
    running = asyncio.create_task(server.run_until(asyncio.Event()))
    monkeypatch.setattr(embedded, "RESTART_PAUSES", ())
    announced = json.loads((server._settings.store.data_dir / "mongod.json").read_text())
    os.kill(announced["pid"], signal.SIGKILL)
    async with asyncio.timeout(10):
        with pytest.raises(ServerFailedError, match=r"the store failed: .*could not be started again"):
            await running


async def test_a_server_that_only_folds_learns_that_its_store_is_away(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody submits, and readiness still tells."""
    monkeypatch.setattr(MemoryStandings, "pending", failing(StoreUnavailable("away")))
    api = Api(await start_server())
    problem(await api.fetch("/readyz"), 503, "store_unavailable")


async def test_a_store_that_fails_the_first_read_is_asked_again(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when another server is just making the collections: the start takes longer, and that is all."""
    monkeypatch.setattr(app, "_STORE_PAUSE_S", 0.01)
    reads = 0
    load = app.load_board

    async def fail_once(snapshots: Snapshots) -> Loaded:
        nonlocal reads
        reads += 1
        if reads == 1:
            raise StoreUnavailable("not now")
        return await load(snapshots)

    monkeypatch.setattr(app, "load_board", fail_once)
    api = Api(await start_server())
    assert (await api.fetch("/readyz")).code == 200
    assert reads == 2
