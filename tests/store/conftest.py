"""What the store's tests share: both implementations behind one fixture, and a mongod to be maltreated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from scoreboard_server.store import mongo
from scoreboard_server.store.opening import Store, open_for_server

from ..mongod import Mongod
from .given import FragileMongod

NOW_US = 1_790_000_000_000_000

OpenStore = Callable[..., Awaitable[Store]]
Raw = Database[dict[str, Any]]


@pytest.fixture
async def open_store(tmp_path: Path) -> AsyncIterator[OpenStore]:
    """Open stores by URI and database; all are closed at the end."""
    opened: list[Store] = []

    async def opening(uri: str, database: str = "scoreboard") -> Store:
        opened.append(await open_for_server(uri, database, tmp_path / "data", now_us=NOW_US))
        return opened[-1]

    yield opening
    for store in opened:
        await store.close()


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.database)])
async def store(request: pytest.FixtureRequest, open_store: OpenStore) -> Store:
    """Each implementation of the ports in turn, empty."""
    if request.param == "memory":
        return await open_store("memory")
    # The database first, as it is dropped last: after the store was closed.
    mongo_store: Store = await open_store(
        request.getfixturevalue("replica_set").uri, request.getfixturevalue("database")
    )
    return mongo_store


@pytest.fixture
async def mongo_store(replica_set: Mongod, database: str, open_store: OpenStore) -> Store:
    """A store on the real MongoDB, empty."""
    return await open_store(replica_set.uri, database)


@pytest.fixture
def raw(replica_set: Mongod, database: str) -> Iterator[Raw]:
    """The same database past the store."""
    with replica_set.client() as client:
        yield client[database]


@pytest.fixture(scope="session")
def _fragile(replica_set: Mongod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FragileMongod]:
    # After the shared one, which says what to do where there is no mongod at all.
    mongod = FragileMongod(tmp_path_factory.mktemp("fragile"))
    mongod.start()
    try:
        mongod.initiate()
        yield mongod
    finally:
        mongod.stop()


@pytest.fixture
def fragile(_fragile: FragileMongod) -> Iterator[FragileMongod]:
    """A replica set to be paused, killed and made to fail; well again for the next test."""
    yield _fragile
    _fragile.heal()


@pytest.fixture
async def fragile_store(fragile: FragileMongod, database: str, open_store: OpenStore) -> AsyncIterator[Store]:
    """A store on the fragile MongoDB, empty."""
    yield await open_store(fragile.uri, database)
    fragile.heal()  # before the store says goodbye to it


@pytest.fixture
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's deadlines, a tenth as long."""
    for name in ("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS", "waitQueueTimeoutMS"):
        monkeypatch.setitem(mongo._DEADLINES, name, mongo._DEADLINES[name] // 10)
