"""Asking a real MongoDB what it is, and leaving it as it was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoreboard_server.clock import now_us
from scoreboard_server.flow.ports import StoreUnavailable
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.checkup.store_facts import DatabaseFacts, ServerFacts, Topology
from scoreboard_server.store.documents import INDEXES, SHAPE
from scoreboard_server.store.examining import decisions, examining
from scoreboard_server.store.opening import Store
from scoreboard_server.store.shapes import StoreRefusedError

from ..conftest import need_mongod
from ..mongod import Mongod, free_port
from .conftest import OpenStore, Raw
from .given import batch, entry, fold_pending

pytestmark = pytest.mark.database


async def server_of(uri: str, tmp_path: Path, ahead_us: int = 0) -> ServerFacts:
    """What the server says, to somebody whose clock is ahead by so much."""
    async with examining(uri, "scoreboard", tmp_path) as examined:
        return await examined.diagnosis.server(lambda: now_us() + ahead_us)


async def database_of(uri: str, name: str, tmp_path: Path, before_us: int = 0) -> DatabaseFacts:
    """What the database says."""
    async with examining(uri, name, tmp_path) as examined:
        return await examined.diagnosis.database(before_us)


async def test_a_set_of_one(replica_set: Mongod, tmp_path: Path) -> None:
    """Everything that it tells without a user of its own."""
    facts = await server_of(replica_set.uri, tmp_path)
    assert facts.topology is Topology.REPLICA_SET
    assert (facts.refusal, facts.name, facts.default_w) == (None, "rs0", "majority")
    assert (facts.version or "").count(".") == 2
    assert [(each.state, each.is_healthy) for each in facts.members or ()] == [("PRIMARY", True)]
    assert facts.oplog is not None
    assert not facts.oplog.is_full
    assert abs(facts.ahead_s) - facts.unsure_s < 0.1


async def test_a_clock_that_is_off_is_seen(replica_set: Mongod, tmp_path: Path) -> None:
    """As seen from here: whose clock is 10 s ahead finds the store's 10 s behind."""
    facts = await server_of(replica_set.uri, tmp_path, ahead_us=10_000_000)
    assert facts.ahead_s == pytest.approx(-10, abs=0.5)


async def test_a_weak_default_is_seen(tmp_path: Path) -> None:
    """On a set of its own: it can't be taken back."""
    mongod = Mongod(tmp_path / "db")
    mongod.start()
    try:
        mongod.initiate()
        with mongod.client() as client:
            client.admin.command({"setDefaultRWConcern": 1, "defaultWriteConcern": {"w": 1}})
        assert (await server_of(mongod.uri, tmp_path)).default_w == "1"
    finally:
        mongod.stop()


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[Mongod]:
    """A MongoDB that is no replica set."""
    need_mongod()
    mongod = Mongod(tmp_path / "standalone", replica_set=None)
    mongod.start()
    yield mongod
    mongod.stop()


async def test_a_standalone_server_tells_what_it_is(standalone: Mongod, tmp_path: Path) -> None:
    """It isn't refused, so that its version and clock are told as well; also under the name of a set."""
    facts = await server_of(standalone.uri, tmp_path)
    assert facts.topology is Topology.STANDALONE
    assert "rs.initiate()" in (facts.refusal or "")
    assert facts.version is not None
    named = await server_of(f"{standalone.uri}?replicaSet=rs0", tmp_path)
    assert (named.topology, named.version) == (Topology.STANDALONE, None)


async def test_a_set_that_was_never_initiated_tells_what_it_is(tmp_path: Path) -> None:
    """The driver won't select it; it is asked directly."""
    mongod = Mongod(tmp_path / "db")
    mongod.start()
    try:
        facts = await server_of(f"mongodb://127.0.0.1:{mongod.port}/", tmp_path)
        assert facts.topology is Topology.UNINITIATED
        assert "never initiated" in (facts.refusal or "")
    finally:
        mongod.stop()


async def test_a_database_that_a_server_made(
    mongo_store: Store, replica_set: Mongod, database: str, tmp_path: Path
) -> None:
    """All is there, and nothing foreign."""
    facts = await database_of(replica_set.uri, database, tmp_path)
    assert (facts.is_made, facts.has_season) == (True, True)
    assert (facts.missing, facts.changed, facts.foreign, facts.left_behind) == ([], [], [], 0)
    assert facts.disk is not None
    assert 0 < facts.disk.free < facts.disk.total


async def test_examining_makes_nothing(replica_set: Mongod, database: str, raw: Raw, tmp_path: Path) -> None:
    """A database that nobody has used is not there afterwards."""
    facts = await database_of(replica_set.uri, database, tmp_path)
    assert (facts.is_made, facts.has_season) == (False, False)
    assert list(facts.missing) == sorted(INDEXES)
    assert raw.list_collection_names() == []


async def test_decisions_are_read_and_nothing_is_made(
    replica_set: Mongod, database: str, raw: Raw, open_store: OpenStore
) -> None:
    """Of a store that a server has made; where there is none that is told, and there still is none."""
    with pytest.raises(StoreUnavailable, match="no server has used this database yet"):
        async with decisions(replica_set.uri, database):
            pass
    assert raw.list_collection_names() == []
    store = await open_store(replica_set.uri, database)
    assert store.moderation is not None
    ban = Ban("ann", "b1", "cheats", "root", since=1)
    await store.moderation.put_ban(ban, Act(1, "root", "ban", "ann", "cheats", {}))
    async with decisions(replica_set.uri, database) as moderation:
        assert await moderation.ban_of("ann") == ban
    raw["seasons"].update_one({}, {"$set": {"v": SHAPE + 1}})
    with pytest.raises(StoreRefusedError, match="newer version"):
        async with decisions(replica_set.uri, database):
            pass


async def test_indexes_that_differ_are_named_and_left(
    mongo_store: Store, replica_set: Mongod, database: str, raw: Raw, tmp_path: Path
) -> None:
    """One dropped, one of another kind, one by hand, and a collection that is gone."""
    raw["entries"].drop_index("pending")
    raw["entries"].drop_index("user_action")
    raw["entries"].create_index([("user", 1), ("action", 1)], name="user_action")  # not unique
    raw["users"].create_index([("name", 1)], name="by_name")
    raw["bans"].drop()
    facts = await database_of(replica_set.uri, database, tmp_path)
    assert facts.missing == ["bans", "entries.pending"]
    assert facts.changed == ["entries.user_action"]
    assert facts.foreign == ["users.by_name"]
    assert "pending" not in raw["entries"].index_information()
    assert "bans" not in raw.list_collection_names()


async def test_what_is_left_pending_is_counted_by_age(
    mongo_store: Store, replica_set: Mongod, database: str, tmp_path: Path
) -> None:
    """Only what is older; folded, none is left."""
    await mongo_store.ledger.append(batch(entry(action="a1", at=1_000), entry(action="a2", at=2_000)))
    assert (await database_of(replica_set.uri, database, tmp_path, before_us=2_000)).left_behind == 1
    assert (await database_of(replica_set.uri, database, tmp_path, before_us=2_001)).left_behind == 2
    assert await fold_pending(mongo_store.standings)
    assert (await database_of(replica_set.uri, database, tmp_path, before_us=2_001)).left_behind == 0


async def test_a_store_without_a_current_season_is_told(
    mongo_store: Store, replica_set: Mongod, database: str, raw: Raw, tmp_path: Path
) -> None:
    """Somebody's hand was in it; another season isn't begun by looking."""
    raw["seasons"].update_many({}, {"$set": {"state": "lost"}})
    assert not (await database_of(replica_set.uri, database, tmp_path)).has_season
    assert raw["seasons"].count_documents({"state": "current"}) == 0


async def test_a_store_that_is_away_is_unavailable_soon(tmp_path: Path) -> None:
    """Within seconds, as for any command."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await server_of(f"mongodb://127.0.0.1:{free_port()}/", tmp_path)
    assert time.monotonic() - began < 10


async def test_the_memory_store_is_out_of_reach(tmp_path: Path) -> None:
    """It lives in its server."""
    with pytest.raises(StoreUnavailable):
        await server_of("memory", tmp_path)


async def test_a_password_that_is_none_is_refused(tmp_path: Path) -> None:
    """In words; the store answers, and doesn't let us in."""
    mongod = Mongod(tmp_path / "db")
    mongod.start()
    try:
        mongod.initiate()
        with pytest.raises(StoreRefusedError, match="does not let us in"):
            await server_of(f"mongodb://ann:wrong@127.0.0.1:{mongod.port}/?replicaSet=rs0", tmp_path)
    finally:
        mongod.stop()
