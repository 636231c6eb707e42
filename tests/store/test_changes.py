"""The change feed: what others did, in order, once; and the word when it can't go on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from scoreboard_server.flow.ports import (
    BanChanged,
    Change,
    EntryAppended,
    HistoryLost,
    MarkSeen,
    ProfileChanged,
    SeasonChanged,
    SeasonsEdited,
    StoreUnavailable,
    TokensRevoked,
)
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.entry import Correction
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.revocations import Revocation
from scoreboard_server.rules.seasons import Archive, Seal, Season
from scoreboard_server.store import change_stream
from scoreboard_server.store.changes import _wanted
from scoreboard_server.store.opening import Store

from ..mongod import Mongod
from .conftest import OpenStore, Raw
from .given import FragileMongod, batch, entries, entry, fold_pending

TYPE = "task.completed"

pytestmark = pytest.mark.database


class Follower:
    """Reads the feed of a store into a list, as `me`."""

    def __init__(self, store: Store, position: object, writer: str = "me") -> None:
        assert store.feed is not None
        self.seen: list[Change] = []
        self._feed = store.feed
        self._position = position
        self._writer = writer
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for change in self._feed.follow(self._position, self._writer):
            self.seen.append(change)

    async def until(self, count: int, patience: float = 5) -> list[Change]:
        """What was seen once it is `count` changes, or the feed's own error."""
        ends = time.monotonic() + patience
        while len(self.seen) < count and not self.task.done() and time.monotonic() < ends:
            await asyncio.sleep(0.01)
        if self.task.done():
            await self.task
        return self.seen

    async def lost(self) -> str:
        """Why the history is lost."""
        with pytest.raises(HistoryLost) as lost:
            await asyncio.wait_for(self.task, 5)
        return str(lost.value)


async def position_of(store: Store) -> object:
    """Where the feed goes on from now."""
    async with store.snapshots.snapshot() as snapshot:
        return snapshot.position


@contextlib.asynccontextmanager
async def following(store: Store, writer: str = "me") -> AsyncIterator[Follower]:
    """A follower from now on."""
    follower = Follower(store, await position_of(store), writer)
    try:
        yield follower
    finally:
        follower.task.cancel()
        await asyncio.gather(follower.task, return_exceptions=True)


async def test_anothers_entries_arrive_in_order(mongo_store: Store) -> None:
    """Each with its user, points and instant, in the order in which they were appended."""
    async with following(mongo_store) as follower:
        for number in range(5):
            some = [entry(f"u{i}", f"{number}", 10 * number + i, number) for i in range(3)]
            await mongo_store.ledger.append(batch(*some, writer="other", number=number))
        expected = [EntryAppended(f"u{i}", 10 * n + i, n, TYPE) for n in range(5) for i in range(3)]
        assert await follower.until(15) == expected


async def test_ones_own_entries_stay_out(mongo_store: Store) -> None:
    """The writer's own entries are not told to it, those around them are."""
    async with following(mongo_store) as follower:
        await mongo_store.ledger.append(batch(*entries(3), writer="me"))
        await mongo_store.ledger.append(batch(entry("ben"), writer="other"))
        assert await follower.until(1) == [EntryAppended("ben", 10, 1_000, TYPE)]


async def test_profiles_arrive_with_what_has_changed(mongo_store: Store) -> None:
    """A new user's profile is told whole, a change only in its changed part, and no change not at all."""
    async with following(mongo_store) as follower:
        await mongo_store.profiles.save({"ann": Profile("Ann", "https://a.example/1")})
        await mongo_store.profiles.save({"ann": Profile("Ann", None)})
        await mongo_store.profiles.save({"ann": Profile("Anna", "https://a.example/1")})
        await mongo_store.profiles.save({"ben": Profile(None, "https://b.example/1")})
        assert await follower.until(3) == [
            ProfileChanged("ann", Profile("Ann", "https://a.example/1")),
            ProfileChanged("ann", Profile("Anna", None)),
            ProfileChanged("ben", Profile(None, "https://b.example/1")),
        ]


async def test_another_season_is_told_and_a_fold_is_not(mongo_store: Store, raw: Raw) -> None:
    """Sealing one season and beginning the next are changes; counting a fold in the season is none."""
    async with following(mongo_store) as follower:
        await mongo_store.ledger.append(batch(*entries(3)))
        assert await fold_pending(mongo_store.standings)
        await mongo_store.profiles.save({"fence": Profile("Fence", None)})
        assert [type(change) for change in await follower.until(1)] == [ProfileChanged]
        with raw.client.start_session() as session, session.start_transaction():
            raw["seasons"].update_one({"_id": 1}, {"$set": {"state": "sealed"}}, session=session)
            raw["seasons"].insert_one({"_id": 2, "name": "two", "state": "current"}, session=session)
        assert (await follower.until(3))[1:] == [SeasonChanged(), SeasonChanged()]


async def test_marks_come_back_to_their_writer_alone(mongo_store: Store) -> None:
    """The first and the later ones, after everything written before them; and nobody else sees them."""
    feed = mongo_store.feed
    assert feed is not None
    async with following(mongo_store) as follower, following(mongo_store, "other") as other:
        await feed.mark("me", 1)
        await mongo_store.ledger.append(batch(entry(), writer="third"))
        await feed.mark("me", 2)
        await feed.mark("other", 7)
        expected = EntryAppended("ann", 10, 1_000, TYPE)
        assert await follower.until(3) == [MarkSeen(1), expected, MarkSeen(2)]
        assert await other.until(2) == [expected, MarkSeen(7)]


async def test_a_quiet_feed_goes_on(mongo_store: Store) -> None:
    """Longer without a change than the server lets a reader wait, and the next change still arrives soon."""
    async with following(mongo_store) as follower:
        await asyncio.sleep(0.8)
        await mongo_store.ledger.append(batch(entry(), writer="other"))
        assert await follower.until(1, patience=1) == [EntryAppended("ann", 10, 1_000, TYPE)]


async def test_a_killed_mongod_loses_and_doubles_nothing(
    fragile: FragileMongod, fragile_store: Store, database: str, open_store: OpenStore
) -> None:
    """Through two kills in the middle of a writer's batches each entry arrives once and in order."""
    other = await open_store(fragile.uri, database)
    total = 60

    async def write() -> None:
        for number in range(total):
            while True:
                try:
                    await other.ledger.append(batch(entry(action=f"{number}", at=number), writer="other"))
                    break
                except StoreUnavailable:
                    await asyncio.sleep(0.05)

    async with following(fragile_store) as follower:
        writing = asyncio.create_task(write())
        for seen in (15, 30):
            await follower.until(seen, 10)
            fragile.kill()
            await asyncio.to_thread(fragile.start)
        await asyncio.wait_for(writing, 20)
        told = await follower.until(total, 10)
        assert [change.at for change in told if isinstance(change, EntryAppended)] == list(range(total))


async def test_it_waits_out_a_server_that_is_away_at_the_start(
    fragile: FragileMongod, fragile_store: Store
) -> None:
    """Followed from a position of before, what came in between arrives once the server is there."""
    position = await position_of(fragile_store)
    await fragile_store.ledger.append(batch(entry(), writer="other"))
    fragile.kill()
    follower = Follower(fragile_store, position)
    await asyncio.sleep(0.3)
    assert not follower.task.done()
    fragile.heal()
    assert await follower.until(1, 10) == [EntryAppended("ann", 10, 1_000, TYPE)]
    follower.task.cancel()


@pytest.mark.parametrize(
    ("code", "name"),
    [(136, "CappedPositionLost"), (280, "ChangeStreamFatalError"), (286, "ChangeStreamHistoryLost")],
)
async def test_a_server_that_can_not_resume_means_lost_history(
    fragile: FragileMongod, fragile_store: Store, code: int, name: str
) -> None:
    """Each of the server's words for it ends the feed as HistoryLost, whether on opening or going on."""
    position = await position_of(fragile_store)
    fragile.fail("aggregate", errorCode=code)
    assert await Follower(fragile_store, position).lost(), name
    fragile.heal()
    async with following(fragile_store) as follower:
        await fragile_store.ledger.append(batch(entry(), writer="other"))
        await follower.until(1)
        fragile.fail("getMore", errorCode=code, errorLabels=[])
        assert await follower.lost()


async def test_a_position_that_fell_off_the_oplog_is_lost(
    fragile: FragileMongod, fragile_store: Store
) -> None:
    """What the server forgot between the snapshot and the first read is said to be lost, not skipped."""
    position = await position_of(fragile_store)
    await fragile_store.ledger.append(batch(entry(), writer="other"))
    forgotten = await position_of(fragile_store)
    await fragile_store.ledger.append(batch(entry(action="a2"), writer="other"))
    await asyncio.to_thread(forget, fragile, forgotten)
    await Follower(fragile_store, position).lost()


def forget(mongod: Mongod, until: object) -> None:
    """Drop the oplog up to this instant, and start again."""
    mongod.shut_down()  # with a checkpoint: a start after kill -9 needs the oplog to recover
    name, mongod.replica_set = mongod.replica_set, None
    mongod.start()  # only outside of its replica set does it let go of its oplog
    with mongod.client() as client:
        client["local"]["oplog.rs"].delete_many({"ts": {"$lte": until}})
    mongod.shut_down()
    mongod.replica_set = name
    mongod.start()
    mongod.wait_for_primary()


@pytest.mark.parametrize("how", ["dropDatabase", "drop", "rename"])
async def test_data_taken_away_by_hand_means_lost_history(mongo_store: Store, raw: Raw, how: str) -> None:
    """A board that can't be told by further entries must be read again."""
    await mongo_store.ledger.append(batch(entry()))
    async with following(mongo_store) as follower:
        if how == "dropDatabase":
            raw.client.drop_database(raw.name)
        elif how == "drop":
            raw.drop_collection("entries")
        else:
            raw["entries"].rename("renamed")
        assert "by hand" in await follower.lost()


async def open_cursors(mongod: Mongod) -> int:
    """How many cursors the server keeps open."""
    with mongod.client() as client:
        status = await asyncio.to_thread(client.admin.command, "serverStatus")
    count: int = status["metrics"]["cursor"]["open"]["total"]
    return count


async def test_leaving_is_prompt_and_leaves_no_cursor(
    replica_set: Mongod, mongo_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower that is cancelled in the middle of waiting is gone at once, and soon so is its cursor."""
    monkeypatch.setattr(change_stream, "_AWAIT_MS", 8_000)
    before = await open_cursors(replica_set)
    async with following(mongo_store) as follower:
        await asyncio.sleep(0.7)
        assert await open_cursors(replica_set) > before
        began = time.monotonic()
        follower.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await follower.task
        assert time.monotonic() - began < 4
    async with asyncio.timeout(20):
        while await open_cursors(replica_set) > before:
            await asyncio.sleep(0.1)


async def test_leaving_a_server_that_is_away_is_prompt_too(
    fragile: FragileMongod, fragile_store: Store
) -> None:
    """A server that doesn't answer can't hold up a follower that leaves, nor make it fail."""
    async with following(fragile_store) as follower:
        await asyncio.sleep(0.3)
        fragile.pause()
        await asyncio.sleep(0.3)
        began = time.monotonic()
        follower.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await follower.task
        assert time.monotonic() - began < 2  # the driver gives up after 3 s at the soonest


async def test_closing_between_two_changes_ends_it(mongo_store: Store) -> None:
    """A follower that has seen enough closes the feed, and nothing of it goes on."""
    feed = mongo_store.feed
    assert feed is not None
    changes = feed.follow(await position_of(mongo_store), "me")
    await mongo_store.ledger.append(batch(*entries(5), writer="other"))
    assert isinstance(await anext(changes), EntryAppended)
    async with asyncio.timeout(20):
        await changes.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(changes)


async def test_a_mark_on_a_store_that_is_gone_is_unavailable(
    fragile: FragileMongod, fragile_store: Store
) -> None:
    """As with everything else, the doubt has one name."""
    assert fragile_store.feed is not None
    fragile.fail("update", closeConnection=True)
    with pytest.raises(StoreUnavailable):
        await fragile_store.feed.mark("me", 1)


async def test_what_admins_decide_arrives(mongo_store: Store, raw: Raw) -> None:
    """Each ban, each new term of it and its end, and each revocation; in order, no bookkeeping."""
    moderation = mongo_store.moderation
    assert moderation is not None
    ban = Ban("ann", "b1", "cheats", "root", since=2**41, until=2**42)
    lifted = replace(ban, until=None, lifted_at=2**41)
    act = Act(1, "root", "ban", "ann", "cheats", {})
    revoked = Revocation(1.5, 2_000_000_000.0, user="ann")
    correction = Correction("ann", "!taken-back/b1/a1", "!taken-back", -10, 5, "cheats", "a1")
    async with following(mongo_store) as follower:
        await moderation.put_ban(ban, act)
        await mongo_store.ledger.append(batch(entry(action="a1"), writer="me"))
        assert await moderation.correct(ban, [correction], "me-corrections")
        await moderation.put_ban(lifted, act)
        await moderation.revoke(revoked, act)
        assert await follower.until(4) == [
            BanChanged(ban),
            EntryAppended("ann", -10, 5, "!taken-back"),
            BanChanged(lifted),
            TokensRevoked(revoked),
        ]
        await follower_is_quiet(mongo_store, follower)


async def test_what_the_database_forgets_is_no_change(mongo_store: Store, raw: Raw) -> None:
    """Revocations, counts of days and marks are deleted by it when their time is over."""
    moderation = mongo_store.moderation
    assert moderation is not None
    await moderation.revoke(Revocation(1, 2, "t1"), Act(1, "root", "revoke", None, "why", {}))
    raw["days"].insert_one({"_id": {"day": 1, "user": "ann", "type": "open"}, "n": 1, "last": 1})
    raw["marks"].insert_one({"_id": "me", "n": 1})
    async with following(mongo_store) as follower:
        for collection in ("revoked", "days", "marks", "audit"):
            assert raw[collection].delete_many({}).deleted_count == 1, collection
        await follower_is_quiet(mongo_store, follower)


async def follower_is_quiet(store: Store, follower: Follower) -> None:
    """What comes next is what is written now."""
    seen = len(follower.seen)
    await store.profiles.save({"fence": Profile("Fence", None)})
    assert (await follower.until(seen + 1))[seen:] == [ProfileChanged("fence", Profile("Fence", None))]


# --- seasons --------------------------------------------------------------------------------------


async def test_what_is_told_of_seasons(mongo_store: Store, raw: Raw) -> None:
    """Another one being current is one thing, all else another; bookkeeping is nothing."""
    async with following(mongo_store) as follower:
        act, seasons = Act(1, "root", "x", None, "", {}), mongo_store.seasons
        await seasons.set_end(1, 5, act)
        raw["seasons"].update_one({"_id": 1}, {"$inc": {"folds": 1}})
        raw["seasons"].update_one({"_id": 1}, {"$set": {"closing": {"name": "two"}}})
        sealed = Season(1, "season-1", 1, ends_at=5, seal=Seal(9, "root"))
        await seasons.seal(sealed, Season(2, "two", 9), act)
        await mongo_store.archives.put(1, Archive(0, 0, "", 0))
        raw["seasons"].update_one({"_id": 1}, {"$inc": {"corrections": 1}})
        edited, changed = SeasonsEdited(), SeasonChanged()
        assert await follower.until(5) == [edited, changed, changed, edited, edited]


async def test_entries_of_sealed_seasons_are_not_told(mongo_store: Store, raw: Raw) -> None:
    """No live board shows them: corrections that come late, and what is imported."""
    async with following(mongo_store) as follower:
        raw["entries"].insert_one(
            {"user": "ann", "action": "x", "type": TYPE, "points": 1, "at": 1, "writer": "w", "season": 1}
        )
        await mongo_store.ledger.append(batch(entry("ben", "b1"), writer="other"))
        assert await follower.until(1) == [EntryAppended("ben", 10, 1_000, TYPE)]


def test_the_oplog_is_filtered_before_events_are_made(mongo_store: Store, raw: Raw) -> None:
    """By collection and by what an entry says of itself; else each operation costs ten times as much."""
    stages = [{"$changeStream": {}}, *_wanted("me")]
    plan = raw.command("explain", {"aggregate": 1, "pipeline": stages, "cursor": {}})
    looked_for = str(plan["stages"][0]["$cursor"]["queryPlanner"]["winningPlan"])
    assert "'o.pending': {'$eq': True}" in looked_for and "scoreboard.*archive" not in looked_for
