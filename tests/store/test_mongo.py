"""Opening a store: what it needs is there when it is used, however long that takes."""

from __future__ import annotations

import asyncio
import logging

import pytest

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
    assert "building of_season of entries over 1 documents" in caplog.text
