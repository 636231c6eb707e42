"""Folding: exactly those entries, exactly once, into the season that is current."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime
from typing import Any

import pytest

from scoreboard_server.flow.folding import summed
from scoreboard_server.flow.ports import StoreUnavailable, Sum
from scoreboard_server.rules.tallies import DAY_US, Account, DayCount
from scoreboard_server.store.opening import Store

from ..mongod import Mongod
from .conftest import OpenStore, Raw
from .given import FragileMongod, batch, board, entries, entry, fold_pending, read


async def test_own_pending_entries_are_told_up_to_the_limit(store: Store) -> None:
    """An entry is told with what a fold needs, and no more of them than asked for."""
    await store.ledger.append(batch(*entries(10)))
    assert len(await store.standings.pending("me", 4)) == 4
    everything = await store.standings.pending("me", 100)
    assert sorted((e.user, e.points, e.at) for e in everything) == [("ann", 1, i) for i in range(1, 11)]


async def test_a_fold_adds_up_and_ends_what_is_pending(store: Store) -> None:
    """Points are summed per user, the newest instant stays, and nothing folded is pending any more."""
    await store.ledger.append(
        batch(entry("ann", "a1", 5, 30), entry("ann", "a2", -2, 20), entry("ben", "b1", 7, 25))
    )
    assert await fold_pending(store.standings)
    assert await store.standings.pending("me", 10) == []
    async with store.snapshots.snapshot() as snapshot:
        assert await read(snapshot) == ({"ann": (3, 30), "ben": (7, 25)}, [])


async def test_what_is_not_folded_stays_pending(store: Store) -> None:
    """A fold takes exactly the entries it was given."""
    await store.ledger.append(batch(*entries(5)))
    taken = await store.standings.pending("me", 2)
    assert await store.standings.fold([e.id for e in taken], summed(taken))
    left = await store.standings.pending("me", 100)
    assert {e.id for e in left}.isdisjoint(e.id for e in taken) and len(left) == 3


async def test_an_older_entry_folded_later_does_not_move_the_instant_back(store: Store) -> None:
    """The instant of a score is that of the newest entry, in whatever order they are folded."""
    await store.ledger.append(batch(entry(action="new", at=50)))
    await fold_pending(store.standings)
    await store.ledger.append(batch(entry(action="old", at=40), number=2))
    await fold_pending(store.standings)
    assert await board(store.snapshots) == {"ann": (20, 50)}


async def test_the_same_entries_folded_again_add_nothing(store: Store) -> None:
    """The second fold is refused, and the standing is what it was."""
    await store.ledger.append(batch(*entries(3)))
    pending = await store.standings.pending("me", 10)
    assert await store.standings.fold([e.id for e in pending], summed(pending))
    assert not await store.standings.fold([e.id for e in pending], summed(pending))
    assert await board(store.snapshots) == {"ann": (3, 3)}


async def test_a_fold_with_one_folded_entry_changes_nothing_at_all(store: Store) -> None:
    """Its other entries stay pending, and no user's standing has moved."""
    await store.ledger.append(batch(*entries(3, "ann"), *entries(3, "ben", "b")))
    pending = await store.standings.pending("me", 10)
    await store.standings.fold([pending[0].id], summed(pending[:1]))
    async with store.snapshots.snapshot() as snapshot:
        before = await read(snapshot)
    assert not await store.standings.fold([e.id for e in pending], summed(pending))
    async with store.snapshots.snapshot() as snapshot:
        assert await read(snapshot) == before


async def test_racing_folds_of_the_same_entries_count_once(store: Store) -> None:
    """One of them wins; the others are told to look again, and none fails."""
    await store.ledger.append(batch(*entries(20)))
    pending = await store.standings.pending("me", 100)
    ids, sums = [e.id for e in pending], summed(pending)
    outcomes = await asyncio.gather(*(store.standings.fold(ids, sums) for _ in range(5)))
    assert sorted(outcomes) == [False] * 4 + [True]
    assert await board(store.snapshots) == {"ann": (20, 20)}


@pytest.mark.parametrize("seed", range(4))
async def test_standings_and_pending_are_the_ledger_at_every_point(store: Store, seed: int) -> None:
    """However appends, repeats and folds of any size follow each other, no point is lost or doubled."""
    chance = random.Random(seed)
    ledger: dict[tuple[str, str], tuple[int, int]] = {}
    for number in range(30):
        if chance.random() < 0.6:
            some = [
                entry(
                    f"u{chance.randrange(4)}",
                    f"a{chance.randrange(60)}",
                    chance.randint(-5, 20),
                    100 + number,
                )
                for _ in range(chance.randint(1, 12))
            ]
            await store.ledger.append(batch(*some, number=number))
            for e in some:
                ledger.setdefault((e.user, e.action), (e.points, e.at))
        else:
            await fold_pending(store.standings, limit=chance.randint(1, 15))
        expected: dict[str, tuple[int, int]] = {}
        for (user, _), (points, at) in ledger.items():
            score, reached = expected.get(user, (0, 0))
            expected[user] = score + points, max(reached, at)
        assert await board(store.snapshots) == expected, f"after step {number}"


@pytest.mark.database
async def test_others_entries_are_left_to_them_until_they_are_old(mongo_store: Store) -> None:
    """One's own and others' are told apart, the latter only when they are older than asked for."""
    await mongo_store.ledger.append(batch(*entries(4, "ben", "b"), writer="other"))
    await mongo_store.ledger.append(batch(*entries(2, "ann")))
    standings = mongo_store.standings
    assert [(e.user, e.at) for e in await standings.pending("me", 10)] == [("ann", 1), ("ann", 2)]
    assert await standings.left_behind("me", 1, 10) == []
    assert [(e.user, e.at) for e in await standings.left_behind("me", 4, 10)] == [
        ("ben", 1),
        ("ben", 2),
        ("ben", 3),
    ]
    assert len(await standings.left_behind("me", 100, 3)) == 3


@pytest.mark.database
async def test_a_fold_stamps_exactly_its_entries(mongo_store: Store, raw: Raw) -> None:
    """They carry the season and are not pending; the others are as they were, and actions are counted."""
    await mongo_store.ledger.append(batch(*entries(5)))
    await fold_pending(mongo_store.standings, limit=3)
    stamped = list(raw["entries"].find({"season": {"$exists": True}}))
    assert [e["season"] for e in stamped] == [1, 1, 1] and not any("pending" in e for e in stamped)
    assert raw["entries"].count_documents({"pending": True, "season": {"$exists": False}}) == 2
    (standing,) = raw["standings"].find()
    assert standing == {
        "_id": {"season": 1, "user": "ann"},
        "v": 1,
        "score": 3,
        "actions": 3,
        "reached_at": 3,
    }


def next_season(raw: Raw, session: Any = None) -> None:
    """Seal the current season and make season 2 current."""
    raw["seasons"].update_one({"state": "current"}, {"$set": {"state": "sealed"}}, session=session)
    raw["seasons"].insert_one({"_id": 2, "name": "two", "state": "current", "started_at": 1}, session=session)


@pytest.mark.database
async def test_a_fold_goes_to_the_season_that_is_current_now(mongo_store: Store, raw: Raw) -> None:
    """What was read as pending before a switch of seasons is folded into the new one, not the sealed one."""
    await mongo_store.ledger.append(batch(*entries(2)))
    await fold_pending(mongo_store.standings)
    await mongo_store.ledger.append(batch(entry(action="later", points=5, at=9), number=2))
    pending = await mongo_store.standings.pending("me", 10)
    next_season(raw)
    assert await mongo_store.standings.fold([e.id for e in pending], summed(pending))
    standings = {s["_id"]["season"]: (s["score"], s["actions"]) for s in raw["standings"].find()}
    assert standings == {1: (2, 2), 2: (5, 1)}
    assert await board(mongo_store.snapshots) == {"ann": (5, 9)}


@pytest.mark.database
async def test_what_a_past_season_has_is_not_folded_into_the_next(mongo_store: Store, raw: Raw) -> None:
    """A fold that was held up across a switch of seasons finds its entries folded, and leaves them there."""
    await mongo_store.ledger.append(batch(*entries(2)))
    pending = await mongo_store.standings.pending("me", 10)
    assert await fold_pending(mongo_store.standings)
    next_season(raw)
    assert not await mongo_store.standings.fold([e.id for e in pending], summed(pending))
    assert [s["_id"]["season"] for s in raw["standings"].find()] == [1]
    assert raw["entries"].count_documents({"season": 1}) == 2


@pytest.mark.database
async def test_a_fold_never_lands_in_a_season_that_is_being_sealed(mongo_store: Store, raw: Raw) -> None:
    """While a switch is under way a fold is refused; tried again, it goes to the new season."""
    await mongo_store.ledger.append(batch(*entries(2)))
    with raw.client.start_session() as session, session.start_transaction():
        next_season(raw, session)
        assert not await fold_pending(mongo_store.standings)
    assert await fold_pending(mongo_store.standings)
    assert [s["_id"]["season"] for s in raw["standings"].find()] == [2]


@pytest.mark.database
async def test_two_processes_folding_all_they_see_count_each_entry_once(
    replica_set: Mongod, database: str, mongo_store: Store, open_store: OpenStore
) -> None:
    """Two folders that keep getting at each other's entries lose and double nothing."""
    other = await open_store(replica_set.uri, database)

    async def work(store: Store, writer: str) -> None:
        for number in range(15):
            some = entries(10, f"u{number % 3}", f"{writer}{number}-")
            await store.ledger.append(batch(*some, writer=writer, number=number))
            await fold_pending(store.standings, writer if number % 2 else "nobody")
            if pending := await store.standings.pending(writer, 25):
                await store.standings.fold([e.id for e in pending], summed(pending))

    await asyncio.gather(work(mongo_store, "one"), work(other, "two"))
    assert await board(mongo_store.snapshots) == {f"u{i}": (100, 10) for i in range(3)}


@pytest.mark.database
async def test_without_a_current_season_a_fold_fails_loudly(mongo_store: Store, raw: Raw) -> None:
    """A season taken away by hand is no passing state, and nothing is counted into nowhere."""
    await mongo_store.ledger.append(batch(entry()))
    raw["seasons"].delete_many({})
    with pytest.raises(RuntimeError, match="no current season"):
        await fold_pending(mongo_store.standings)
    assert raw["entries"].count_documents({"pending": True}) == 1
    assert raw["standings"].count_documents({}) == 0


@pytest.mark.database
@pytest.mark.parametrize("command", ["findAndModify", "update", "commitTransaction"])
async def test_a_fold_cut_off_at_any_step_is_whole_or_nothing(
    fragile: FragileMongod, fragile_store: Store, command: str
) -> None:
    """A connection lost for good at one step leaves the outcome in doubt; the next fold puts it right."""
    await fragile_store.ledger.append(batch(*entries(5), *entries(5, "ben", "b")))
    pending = await fragile_store.standings.pending("me", 100)
    fragile.fail(command, closeConnection=True)
    with pytest.raises(StoreUnavailable):
        await fragile_store.standings.fold([e.id for e in pending], summed(pending))
    fragile.heal()
    async with asyncio.timeout(20):
        while not await fragile_store.standings.fold([e.id for e in pending], summed(pending)):
            await asyncio.sleep(0.05)  # the transaction that was cut off is still being given up
    async with fragile_store.snapshots.snapshot() as snapshot:
        assert await read(snapshot) == ({"ann": (5, 5), "ben": (5, 5)}, [])


@pytest.mark.database
async def test_a_commit_without_a_majority_is_in_doubt(fragile: FragileMongod, fragile_store: Store) -> None:
    """What may be rolled back is not called folded; repeated, it turns out to have been."""
    await fragile_store.ledger.append(batch(*entries(3)))
    pending = await fragile_store.standings.pending("me", 10)
    fragile.fail("commitTransaction", writeConcernError={"code": 64, "errmsg": "timed out"})
    with pytest.raises(StoreUnavailable):
        await fragile_store.standings.fold([e.id for e in pending], summed(pending))
    fragile.heal()
    assert not await fragile_store.standings.fold([e.id for e in pending], {"ann": Sum(3, 3, 3)})
    assert await board(fragile_store.snapshots) == {"ann": (3, 3)}


@pytest.mark.database
async def test_a_cancelled_fold_blocks_nobody(mongo_store: Store) -> None:
    """Wherever the cancellation meets it, the next fold works soon, and everything is counted once."""
    for number in range(12):
        await mongo_store.ledger.append(batch(*entries(50, prefix=f"{number}-"), number=number))
        folding = asyncio.create_task(fold_pending(mongo_store.standings))
        await asyncio.sleep(number * 0.0015)
        folding.cancel()
        await asyncio.gather(folding, return_exceptions=True)
    async with asyncio.timeout(20):
        while await mongo_store.standings.pending("me", 1):
            await fold_pending(mongo_store.standings)
    assert await board(mongo_store.snapshots) == {"ann": (600, 50)}


@pytest.mark.database
async def test_a_connection_that_remembers_a_recovering_server_is_renewed(mongo_store: Store) -> None:
    """What it was told at its opening would keep every fold from it; the next one has another connection."""
    await mongo_store.ledger.append(batch(*entries(3)))
    for server in mongo_store.standings._client.delegate._topology._servers.values():  # type: ignore[attr-defined]
        for connection in server.pool.conns:
            connection.supports_sessions = False
    with pytest.raises(StoreUnavailable):
        await fold_pending(mongo_store.standings)
    assert await fold_pending(mongo_store.standings)


# --- counts of days -------------------------------------------------------------------------------


async def counts(store: Store, day: int) -> dict[Account, DayCount]:
    """What a snapshot tells of that day."""
    async with store.snapshots.snapshot() as snapshot:
        return {account: count async for account, count in snapshot.days(day)}


@pytest.mark.database
async def test_days_are_counted_with_the_fold(mongo_store: Store, raw: Raw) -> None:
    """They add up over folds, the newest instant stays, and each day is told by itself."""
    newest = 3 * DAY_US + 5
    for number, last in enumerate((newest, newest - 3)):
        await mongo_store.ledger.append(batch(entry(action=f"{number}"), number=number))
        pending = await mongo_store.standings.pending("me", 10)
        days = {(3, "ann", "daily"): DayCount(2, last), (4, "ann", "daily"): DayCount(1, 4 * DAY_US)}
        assert await mongo_store.standings.fold([e.id for e in pending], summed(pending), days)
    assert await counts(mongo_store, 3) == {("ann", "daily"): DayCount(4, newest)}
    assert await counts(mongo_store, 4) == {("ann", "daily"): DayCount(2, 4 * DAY_US)}
    assert await counts(mongo_store, 5) == {}
    (first, _) = raw["days"].find(sort=[("_id", 1)])
    assert first["gone_at"] == datetime(1970, 1, 6)  # noqa: DTZ001 -- as the driver reads UTC


@pytest.mark.database
async def test_a_refused_fold_counts_no_days(mongo_store: Store) -> None:
    """They are part of its transaction."""
    await mongo_store.ledger.append(batch(*entries(3)))
    pending = await mongo_store.standings.pending("me", 10)
    assert await mongo_store.standings.fold([pending[0].id], summed(pending[:1]))
    days = {(3, "ann", "daily"): DayCount(3, 1)}
    assert not await mongo_store.standings.fold([e.id for e in pending], summed(pending), days)
    assert await counts(mongo_store, 3) == {}


@pytest.mark.database
@pytest.mark.parametrize("user", [".", "-", "~", "a" * 64])
async def test_the_day_of_any_user_is_found(mongo_store: Store, user: str) -> None:
    """The range of a day holds every user and type."""
    await mongo_store.ledger.append(batch(entry(user)))
    pending = await mongo_store.standings.pending("me", 10)
    days = {(3, user, kind): DayCount(1, 1) for kind in ("a", "zz.zz")}
    assert await mongo_store.standings.fold([e.id for e in pending], summed(pending), days)
    assert await counts(mongo_store, 3) == {(user, kind): DayCount(1, 1) for kind in ("a", "zz.zz")}
