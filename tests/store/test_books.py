"""Ledger and standings side by side, on the real MongoDB."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from scoreboard_server.flow.ports import Books, StoreUnavailable
from scoreboard_server.flow.verifying import Checked, verify
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.books import Difference, Total
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.store.opening import Store

from ..mongod import Mongod
from .conftest import NOW_US, OpenStore, Raw
from .given import FragileMongod, batch, board, entries, entry, fold_pending

pytestmark = pytest.mark.database


def books_of(store: Store) -> Books:
    """The books, which a store in another process has."""
    assert store.books is not None
    return store.books


def repair_act(found: Difference) -> Act:
    """What is told of a repair here."""
    sides = {"before": msgspec.to_builtins(found.standing), "after": msgspec.to_builtins(found.ledger)}
    return Act(NOW_US, "root", "repair", found.user, "was wrong", sides)


async def check(store: Store) -> list[Difference]:
    """Every difference."""
    return [wrong for checked in await verified(store) for wrong in checked.standings]


async def verified(store: Store) -> list[Checked]:
    """What each span came to."""
    return [each async for each in verify(books_of(store), store.history, now_us=lambda: NOW_US)]


@pytest.mark.parametrize("least", [1, 3, 4, 100])
async def test_spans_are_whole_users_and_together_everyone(mongo_store: Store, least: int) -> None:
    """However small they are: no user is cut in two or left out, folded and pending are told apart."""
    for user, count in (("ann", 5), ("ben", 1), ("cem", 3), ("dan", 2)):
        await mongo_store.ledger.append(batch(*entries(count, user, "f"), number=len(user)))
    await fold_pending(mongo_store.standings)
    await mongo_store.ledger.append(batch(*entries(2, "cem", "p"), *entries(1, "eve", "p"), number=9))
    after: str | None = ""
    folded: dict[tuple[int, str], Total] = {}
    pending: dict[str, Total] = {}
    standings: dict[tuple[int, str], Total] = {}
    while after is not None:
        span = await books_of(mongo_store).span(after, least)
        assert not folded.keys() & span.folded.keys()
        folded |= span.folded
        pending |= span.pending
        standings |= span.standings
        after = span.last
    assert {user: t.actions for (_, user), t in folded.items()} == {"ann": 5, "ben": 1, "cem": 3, "dan": 2}
    assert {user: t.actions for user, t in pending.items()} == {"cem": 2, "eve": 1}
    assert standings == folded


@pytest.mark.parametrize("other", ["ann", "demo", "demo9", "demo;", "zoe"])
async def test_others_are_found_by_how_their_ids_begin(mongo_store: Store, other: str) -> None:
    """Before and behind it in the order of ids; who has only looked at a page has a name, and no entry."""
    books = books_of(mongo_store)
    assert not await books.has_others_than("demo:")
    await mongo_store.ledger.append(batch(*entries(2, "demo:1"), *entries(2, "demo:zoe")))
    await fold_pending(mongo_store.standings)
    await mongo_store.profiles.save({"demo:1": Profile("Ann")})
    assert not await books.has_others_than("demo:")
    await mongo_store.profiles.save({other: Profile("Ann")})
    assert not await books.has_others_than("demo:")
    await mongo_store.ledger.append(batch(entry(other), number=2))
    assert await books.has_others_than("demo:")


async def test_others_are_found_by_their_entries(mongo_store: Store) -> None:
    """Pending, and then of a season."""
    books = books_of(mongo_store)
    await mongo_store.ledger.append(batch(entry("ann"), entry("demo:1")))
    assert await books.has_others_than("demo:")
    await fold_pending(mongo_store.standings)
    assert await books.has_others_than("demo:")


async def test_an_empty_store_adds_up(mongo_store: Store) -> None:
    """One empty span."""
    assert await verified(mongo_store) == [Checked(0, 0, [], [])]


async def test_every_kind_of_damage_is_found_and_repaired(mongo_store: Store, raw: Raw) -> None:
    """A wrong score, number or instant, a lost standing and an invented one; the rest is left alone."""
    for user in ("ann", "ben", "cem", "dan", "eve"):
        await mongo_store.ledger.append(batch(*entries(3, user), number=ord(user[0])))
    await fold_pending(mongo_store.standings)
    right = await board(mongo_store.snapshots)
    standings = raw["standings"]
    of = {user: {"_id": {"season": 1, "user": user}} for user in (*right, "nobody")}
    standings.update_one(of["ann"], {"$inc": {"score": 100}})
    standings.update_one(of["ben"], {"$inc": {"actions": -1}})
    standings.update_one(of["cem"], {"$set": {"reached_at": 999}})
    standings.delete_one(of["dan"])
    standings.insert_one({**of["nobody"], "v": 1, "score": 7, "actions": 1, "reached_at": 5})
    wrong = await check(mongo_store)
    assert [each.user for each in wrong] == ["ann", "ben", "cem", "dan", "nobody"]
    assert wrong[0] == Difference(1, "ann", Total(3, 3, 3), Total(103, 3, 3))
    assert (wrong[3].standing, wrong[4].ledger) == (None, None)
    for each in wrong:
        assert await books_of(mongo_store).repair(each.season, each.user, repair_act)
    assert await check(mongo_store) == []
    assert await board(mongo_store.snapshots) == right


async def test_a_repair_is_told_with_before_and_after(mongo_store: Store, raw: Raw) -> None:
    """As they were when it was made, also where one of them is nothing; who is right is not told of."""
    for user in ("ann", "ben", "cem"):
        await mongo_store.ledger.append(batch(*entries(3, user), number=ord(user[0])))
    await fold_pending(mongo_store.standings)
    of = {user: {"_id": {"season": 1, "user": user}} for user in ("ann", "ben", "eve")}
    raw["standings"].update_one(of["ann"], {"$inc": {"score": 100}, "$set": {"more": "is kept"}})
    raw["standings"].delete_one(of["ben"])
    raw["standings"].insert_one({**of["eve"], "v": 1, "score": 7, "actions": 1, "reached_at": 5})
    books = books_of(mongo_store)
    told = {user: await books.repair(1, user, repair_act) for user in ("ann", "ben", "cem", "eve")}
    assert told == {"ann": True, "ben": True, "cem": False, "eve": True}
    assert not await books.repair(1, "ann", repair_act)
    right = {"score": 3, "actions": 3, "reached_at": 3}
    kept = {act["user"]: (act["details"]["before"], act["details"]["after"]) for act in raw["audit"].find()}
    assert kept == {
        "ann": (right | {"score": 103}, right),
        "ben": (None, right),
        "eve": ({"score": 7, "actions": 1, "reached_at": 5}, None),
    }
    assert raw["audit"].count_documents({}) == 3
    ann = raw["standings"].find_one(of["ann"])
    assert ann is not None and ann["more"] == "is kept"


@pytest.mark.parametrize("failing", ["insert", "commitTransaction"])
async def test_a_repair_that_can_not_be_told_is_not_made(
    fragile: FragileMongod, fragile_store: Store, database: str, failing: str
) -> None:
    """When the line can't be written, or the two not together, the standing stays as it was."""
    await fragile_store.ledger.append(batch(*entries(3)))
    await fold_pending(fragile_store.standings)
    where: dict[str, Any] = {"namespace": f"{database}.audit"} if failing == "insert" else {}
    with fragile.client() as client:
        standings, audit = client[database]["standings"], client[database]["audit"]
        standings.update_one({}, {"$inc": {"score": 100}})
        fragile.fail(failing, errorCode=8000, **where)
        with pytest.raises(Exception, match=r"audit|fail"):
            await books_of(fragile_store).repair(1, "ann", repair_act)
        fragile.heal()
        await asyncio.sleep(0 if failing == "insert" else 2)  # what was left open is given up
        assert ([d["score"] for d in standings.find()], audit.count_documents({})) == ([103], 0)
        assert await books_of(fragile_store).repair(1, "ann", repair_act)
        assert ([d["score"] for d in standings.find()], audit.count_documents({})) == ([3], 1)


async def test_an_entry_that_is_counted_nowhere_is_found(mongo_store: Store, raw: Raw) -> None:
    """Neither pending nor of a season: no standing has it, and no later fold will."""
    await mongo_store.ledger.append(batch(entry()))
    raw["entries"].update_one({}, {"$unset": {"pending": ""}})
    assert await check(mongo_store) == [Difference(0, "ann", Total(10, 1, 1_000), None)]


async def test_books_that_move_still_add_up(
    replica_set: Mongod, database: str, mongo_store: Store, open_store: OpenStore
) -> None:
    """Verified again and again while entries are appended and folded: each snapshot adds up."""
    other = await open_store(replica_set.uri, database)
    done = asyncio.Event()

    async def work() -> None:
        for number in range(40):
            await other.ledger.append(batch(*entries(10, f"u{number % 4}", f"{number}-"), number=number))
            await fold_pending(other.standings, limit=25)
        done.set()

    working = asyncio.create_task(work())
    rounds = 0
    while not done.is_set():
        assert await check(mongo_store) == []
        rounds += 1
    await working
    assert rounds > 2


async def test_a_repair_beside_a_fold_loses_and_doubles_nothing(
    replica_set: Mongod, database: str, mongo_store: Store, open_store: OpenStore
) -> None:
    """The two meet in the standing, so one of them starts over."""
    other = await open_store(replica_set.uri, database)

    async def fold() -> None:
        for number in range(30):
            await other.ledger.append(batch(*entries(5, prefix=f"{number}-"), number=number))
            while not await fold_pending(other.standings):
                await asyncio.sleep(0)

    folding = asyncio.create_task(fold())
    while not folding.done():
        await books_of(mongo_store).repair(1, "ann", repair_act)
    await folding
    assert await check(mongo_store) == []
    assert await board(mongo_store.snapshots) == {"ann": (150, 5)}


@pytest.mark.usefixtures("short_deadlines")
async def test_a_store_that_is_away_is_unavailable(fragile: FragileMongod, fragile_store: Store) -> None:
    """Its passing failures leave as StoreUnavailable, as everywhere."""
    fragile.kill()
    books = books_of(fragile_store)
    for call in (books.span("", 1), books.repair(1, "ann", repair_act)):
        with pytest.raises(StoreUnavailable):
            await call


async def test_whom_nothing_is_folded_of_is_told(mongo_store: Store) -> None:
    """Neither an unknown user nor one with nothing but pending entries has a standing."""
    await mongo_store.ledger.append(batch(entry("ann")))
    await fold_pending(mongo_store.standings)
    await mongo_store.ledger.append(batch(entry("ben"), number=2))
    assert await books_of(mongo_store).without_standing(["ann", "ben", "eve"]) == {"ben", "eve"}
