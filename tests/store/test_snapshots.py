"""Snapshots: everything as of one instant, and a position from which the feed goes on."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing

import pytest
from bson import Int64

from scoreboard_server.flow.ports import (
    BanChanged,
    EntryAppended,
    ProfileChanged,
    StoreUnavailable,
    TokensRevoked,
)
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.revocations import Revocation
from scoreboard_server.rules.seasons import Season
from scoreboard_server.store import snapshots as snapshots_module
from scoreboard_server.store.mongo import connect, disconnect
from scoreboard_server.store.opening import Store
from scoreboard_server.store.snapshots import MongoSnapshot, MongoSnapshots

from ..mongod import Mongod
from .conftest import NOW_US, OpenStore, Raw
from .given import FragileMongod, batch, board, entries, entry, fold_pending, read, together


async def test_an_empty_store_has_a_season_and_nobody(store: Store) -> None:
    """The first season began when the store was opened."""
    async with store.snapshots.snapshot() as snapshot:
        assert snapshot.season == Season(1, "season-1", NOW_US)
        assert await read(snapshot) == ({}, [])


async def test_standings_and_pending_entries_are_told_apart(store: Store) -> None:
    """What is folded is in the standings alone, what isn't is pending alone."""
    await store.ledger.append(batch(*entries(3)))
    await fold_pending(store.standings)
    await store.ledger.append(batch(entry(action="new", points=-4, at=9), entry("ben", at=2), number=2))
    async with store.snapshots.snapshot() as snapshot:
        assert await read(snapshot) == ({"ann": (3, 3)}, [("ann", -4, 9), ("ben", 10, 2)])


async def test_what_happens_after_it_is_not_in_it(store: Store) -> None:
    """Appends and folds while it is being read change nothing of it."""
    await store.ledger.append(batch(*entries(3)))
    async with store.snapshots.snapshot() as snapshot:
        standings = {user: (score, at) async for user, score, at in snapshot.standings()}
        await store.ledger.append(batch(*entries(3, "ben"), number=2))
        await fold_pending(store.standings)
        pending = [row[:3] async for row in snapshot.pending()]
    assert together(standings, pending) == {"ann": (3, 3)}
    assert await board(store.snapshots) == {"ann": (3, 3), "ben": (3, 3)}


async def test_everything_acknowledged_is_in_it(store: Store) -> None:
    """An append that was answered before the snapshot began is in it, every time."""
    for number in range(1, 21):
        await store.ledger.append(batch(entry(action=f"a{number}", points=1, at=number), number=number))
        assert await board(store.snapshots) == {"ann": (number, number)}


@pytest.mark.database
async def test_no_point_is_missing_or_double_while_appends_and_folds_race(
    replica_set: Mongod, database: str, mongo_store: Store, open_store: OpenStore
) -> None:
    """Each user's standing and pending entries are the entries that the ledger had at that instant."""
    other = await open_store(replica_set.uri, database)
    done = asyncio.Event()

    async def append(writer: str) -> None:
        for number in range(60):
            some = [entry(f"u{i}", f"{writer}{number}-{i}", 1, number) for i in range(10)]
            await other.ledger.append(batch(*some, writer=writer, number=number))

    async def fold() -> None:
        while not done.is_set():
            await fold_pending(other.standings, "one", limit=70)
            await fold_pending(other.standings, "two", limit=30)

    async def check() -> int:
        partial = 0
        while not done.is_set():
            async with mongo_store.snapshots.snapshot() as snapshot:
                standings, pending = await read(snapshot)
                counted = {user: score for user, (score, _) in together(standings, pending).items()}
                assert isinstance(snapshot, MongoSnapshot)
                then = Counter([d["user"] async for d in snapshot.scan("entries", {})])
            assert counted == then
            partial += bool(standings and pending)
        return partial

    async def write() -> None:
        await asyncio.gather(append("one"), append("two"))
        done.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        group.create_task(fold())
        checking = group.create_task(check())
    assert checking.result() > 3  # of them had both, or the race never was one
    assert await board(mongo_store.snapshots) == {f"u{i}": (120, 59) for i in range(10)}


@pytest.mark.database
async def test_it_reads_on_over_many_batches(mongo_store: Store, raw: Raw) -> None:
    """More standings than one batch takes: each of this season comes once, and none of another season."""
    everyone = [
        {"_id": {"season": season, "user": f"u{i}"}, "v": 1, "score": i, "reached_at": Int64(i), "actions": 1}
        for season, count in ((0, 50), (1, 20_500), (2, 50))
        for i in range(count)
    ]
    raw["standings"].insert_many(everyone, ordered=False)
    async with mongo_store.snapshots.snapshot() as snapshot:
        rows = [row async for row in snapshot.standings()]
    assert sorted(rows) == sorted((f"u{i}", i, i) for i in range(20_500))


@pytest.mark.database
async def test_a_mongod_that_has_just_started_has_one(
    fragile: FragileMongod, fragile_store: Store, database: str
) -> None:
    """The very first thing asked of a started server is a snapshot, and it is whole and has a position."""
    await fragile_store.ledger.append(batch(*entries(3)))
    fragile.kill()
    fragile.start()
    client = connect(fragile.uri)
    try:
        async with MongoSnapshots(client[database]).snapshot() as snapshot:
            assert await read(snapshot) == ({}, [("ann", 1, i) for i in (1, 2, 3)])
            assert snapshot.position is not None
    finally:
        await disconnect(client)


@pytest.mark.database
async def test_one_that_is_read_for_too_long_is_unavailable(
    fragile: FragileMongod, fragile_store: Store
) -> None:
    """When the server doesn't keep that instant any more, reading again from the start is what helps."""
    await fragile_store.ledger.append(batch(entry()))
    keep = "minSnapshotHistoryWindowInSeconds"
    with fragile.client() as client:
        before = client.admin.command({"getParameter": 1, keep: 1})[keep]
        client.admin.command({"setParameter": 1, keep: 0})
        try:
            async with fragile_store.snapshots.snapshot() as snapshot:
                with pytest.raises(StoreUnavailable):
                    async with asyncio.timeout(8):
                        for number in range(1_000):
                            await fragile_store.ledger.append(
                                batch(entry("ben", f"b{number}"), number=number)
                            )
                            await read(snapshot)
                            await asyncio.sleep(0.05)
        finally:
            client.admin.command("setParameter", 1, **{keep: before})


@pytest.mark.database
async def test_a_store_that_is_gone_is_unavailable(fragile: FragileMongod, fragile_store: Store) -> None:
    """Entering a snapshot says so, as does going on to read one; never another exception."""
    async with fragile_store.snapshots.snapshot() as snapshot:
        fragile.fail("find", closeConnection=True)
        with pytest.raises(StoreUnavailable):
            await read(snapshot)
    fragile.fail("ping", closeConnection=True)
    with pytest.raises(StoreUnavailable):
        async with fragile_store.snapshots.snapshot():
            pass


@pytest.mark.database
async def test_the_feed_goes_on_from_it_without_gap_or_overlap(
    replica_set: Mongod, database: str, mongo_store: Store, open_store: OpenStore
) -> None:
    """While another writer never stops, each snapshot and what follows it make the whole ledger."""
    other = await open_store(replica_set.uri, database)
    rounds, size, stop = 0, 20, asyncio.Event()
    begun: list[object] = []

    async def write() -> None:
        nonlocal rounds
        while not stop.is_set():
            rounds += 1
            some = [entry(f"u{i}", f"{rounds}", 1, rounds) for i in range(size)]
            await other.ledger.append(batch(*some, writer="other", number=rounds))
            if rounds % 7 == 0:
                await fold_pending(other.standings, "other")

    async def follow() -> Counter[str]:
        async with mongo_store.snapshots.snapshot() as snapshot:
            seen = Counter({user: score for user, (score, _) in together(*await read(snapshot)).items()})
        begun.append(snapshot.position)
        assert mongo_store.feed is not None
        async with aclosing(mongo_store.feed.follow(snapshot.position, "me")) as changes:
            async for change in changes:
                if isinstance(change, ProfileChanged):
                    break  # what is written last
                assert isinstance(change, EntryAppended)
                seen[change.user] += change.points
        return seen

    writing = asyncio.create_task(write())
    followers = []
    for _ in range(5):
        await asyncio.sleep(0.1)
        followers.append(asyncio.create_task(follow()))
    async with asyncio.timeout(20):
        while len(begun) < len(followers):
            await asyncio.sleep(0.2)
        stop.set()
        await writing
        await other.profiles.save({"last": Profile("Last", None)})
        for follower in followers:
            assert await follower == {f"u{i}": rounds for i in range(size)}


@pytest.mark.database
async def test_without_a_current_season_there_is_none(mongo_store: Store, raw: Raw) -> None:
    """A season taken away by hand is said in words, not waited for."""
    raw["seasons"].delete_many({})
    with pytest.raises(RuntimeError, match="changed by hand"):
        async with mongo_store.snapshots.snapshot():
            pass


@pytest.mark.database
async def test_leaving_a_read_whose_server_has_gone_is_quiet(
    fragile: FragileMongod, fragile_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursor that can't be ended is gone with its connection; whoever leaves hears nothing of it."""
    monkeypatch.setattr(snapshots_module, "_BATCH", 2)
    await fragile_store.ledger.append(batch(*entries(5)))
    async with fragile_store.snapshots.snapshot() as snapshot:
        assert isinstance(snapshot, MongoSnapshot)
        async with aclosing(snapshot.scan("entries", {})) as reading:
            assert (await anext(reading))["user"] == "ann"
            fragile.fail("killCursors", closeConnection=True)


async def test_decisions_are_of_the_same_instant(mongo_store: Store) -> None:
    """A ban and a revocation of after the snapshot are not in it, and follow by the feed."""
    moderation, feed = mongo_store.moderation, mongo_store.feed
    assert moderation is not None and feed is not None
    bans = [Ban(user, "b1", "cheats", "root", since=1) for user in ("ann", "ben")]
    revoked = [Revocation(1.0, 2_000_000_000.0, token_id=f"t{i}") for i in range(2)]
    act = Act(1, "root", "ban", None, "why", {})
    await moderation.put_ban(bans[0], act)
    await moderation.revoke(revoked[0], act)
    async with mongo_store.snapshots.snapshot() as snapshot:
        await moderation.put_ban(bans[1], act)
        await moderation.revoke(revoked[1], act)
        assert [ban async for ban in snapshot.bans()] == bans[:1]
        assert [each async for each in snapshot.revocations()] == revoked[:1]
    async with asyncio.timeout(20), aclosing(feed.follow(snapshot.position, "me")) as changes:
        assert [await anext(changes) for _ in range(2)] == [BanChanged(bans[1]), TokensRevoked(revoked[1])]


async def test_nobody_has_decided_anything_yet(store: Store) -> None:
    """An empty store has no bans, no revocations and no counts of days."""
    async with store.snapshots.snapshot() as snapshot:
        assert [ban async for ban in snapshot.bans()] == []
        assert [each async for each in snapshot.revocations()] == []
        assert [each async for each in snapshot.days(0)] == []
