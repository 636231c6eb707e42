"""Opening a store: what it needs is there when it is used, however long that takes."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorCollection

from scoreboard_server.flow.ports import StoreUnavailable
from scoreboard_server.store import mongo

from .conftest import OpenStore
from .given import FragileMongod, batch, entry

pytestmark = pytest.mark.database


async def test_an_index_that_takes_long_is_waited_for(
    fragile: FragileMongod,
    database: str,
    open_store: OpenStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An upgrade brings one for a ledger of millions, which takes longer than any other call may."""
    caplog.set_level(logging.INFO)
    before = await open_store(fragile.uri, database)
    await before.ledger.append(batch(entry()))
    monkeypatch.setitem(mongo._DEADLINES, "socketTimeoutMS", 500)
    with fragile.client() as client:
        client[database]["entries"].drop_index("of_season")
        hang = {"configureFailPoint": "hangAfterStartingIndexBuild"}
        client.admin.command(hang | {"mode": "alwaysOn"})
        try:
            opening = asyncio.ensure_future(open_store(fragile.uri, database))
            await asyncio.sleep(1.5)
            assert not opening.done()
        finally:
            client.admin.command(hang | {"mode": "off"})
        await opening
        assert "of_season" in client[database]["entries"].index_information()
    assert "waiting for the indexes of entries" in caplog.text


async def test_a_server_that_stands_still_is_not_waited_for(
    fragile: FragileMongod, database: str, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is the making of indexes that it stands still in: the driver's monitor finds out."""
    monkeypatch.setitem(mongo._DEADLINES, "socketTimeoutMS", 300)
    monkeypatch.setitem(mongo._DEADLINES, "serverSelectionTimeoutMS", 300)
    await open_store(fragile.uri, database)
    make = AsyncIOMotorCollection.create_indexes

    async def freeze_first(self: Any, indexes: Any) -> Any:
        fragile.pause()
        return await make(self, indexes)

    monkeypatch.setattr(AsyncIOMotorCollection, "create_indexes", freeze_first)
    async with asyncio.timeout(20):
        with pytest.raises(StoreUnavailable):
            await open_store(fragile.uri, database)


def test_clients_leave_threads_of_the_driver_to_others() -> None:
    """There are more than clients may hold at once, on any machine."""
    told = "from scoreboard_server.store import mongo; from motor.frameworks import asyncio as used"
    words = [sys.executable, "-c", f"{told}; print(used._EXECUTOR._max_workers)"]
    environ = {name: value for name, value in os.environ.items() if name != "MOTOR_MAX_WORKERS"}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environ)
    assert int(done.stdout) == 32
