"""Bans, revocations and corrections on the real MongoDB."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from msgspec.structs import replace

from scoreboard_server.flow.correcting import count_taken_back, give_back, take_back
from scoreboard_server.flow.explaining import explain
from scoreboard_server.flow.loading import load_board
from scoreboard_server.flow.ports import Moderation, StoreUnavailable
from scoreboard_server.flow.verifying import verify
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.board import Standing
from scoreboard_server.rules.entry import ADJUSTED, Correction
from scoreboard_server.rules.revocations import Revocation
from scoreboard_server.store import transactions
from scoreboard_server.store.opening import Store

from ..mongod import Mongod
from .conftest import NOW_US, OpenStore, Raw
from .given import FragileMongod, batch, entries, entry, fold_pending

pytestmark = pytest.mark.database

BAN = Ban("ann", "b1", "cheats", "root", since=NOW_US, taken_back_from=0)
LIFTED = replace(BAN, lifted_at=NOW_US + 1)
ACT = Act(NOW_US, "root", "ban", "ann", "cheats", {"before": {"score": 2**40}})


def moderation_of(store: Store) -> Moderation:
    """What admins write to."""
    assert store.moderation is not None
    return store.moderation


async def taken_back(store: Store, ban: Ban = BAN, writer: str = "admin") -> int:
    """What one run comes to."""
    return await take_back(moderation_of(store), ban, writer=writer, now_us=lambda: NOW_US)


async def given_back(store: Store, ban: Ban = LIFTED, writer: str = "admin") -> int:
    """What one run comes to."""
    return await give_back(moderation_of(store), ban, writer=writer, now_us=lambda: NOW_US)


async def put(store: Store, ban: Ban) -> None:
    """Keep it as the newest."""
    await moderation_of(store).put_ban(ban, ACT)


async def standings(store: Store) -> list[Standing]:
    """The board as a server that starts now would show it, were nobody banned."""
    return list((await load_board(store.snapshots, NOW_US)).board)


async def adds_up(store: Store) -> bool:
    """Whether every standing is the fold of its entries."""
    assert store.books is not None
    return not any([c.standings async for c in verify(store.books, store.history, now_us=lambda: NOW_US)])


async def fold_everything(store: Store) -> None:
    """Whoever wrote it."""
    pending = [row["writer"] for row in await _pending(store)]
    for writer in set(pending):
        assert await fold_pending(store.standings, writer)


async def _pending(store: Store) -> list[dict[str, str]]:
    database = store.ledger._entries.database  # type: ignore[attr-defined]
    return [row async for row in database["entries"].find({"pending": True}, {"writer": 1})]


# --- what is kept ---------------------------------------------------------------------------------


async def test_a_ban_is_kept_as_it_is(mongo_store: Store) -> None:
    """With and without an end; the newest of a user alone, and listed until it is lifted."""
    moderation = moderation_of(mongo_store)
    assert await moderation.ban_of("ann") is None
    ben = replace(BAN, user="ben", until=NOW_US + 5, taken_back_from=None)
    for ban in (ben, replace(BAN, id="b0"), BAN):
        await put(mongo_store, ban)
    assert [await moderation.ban_of(user) for user in ("ann", "ben")] == [BAN, ben]
    assert await moderation.bans() == [BAN, ben]
    await put(mongo_store, LIFTED)
    assert (await moderation.ban_of("ann"), await moderation.bans()) == (LIFTED, [ben])
    async with mongo_store.snapshots.snapshot() as snapshot:
        assert [ban async for ban in snapshot.bans()] == [ben]


@pytest.mark.parametrize("user", [".", "-", "_id", "@", "__proto__", "a" * 64, "null", "0"])
async def test_odd_ids_are_ids(mongo_store: Store, user: str) -> None:
    """A user may be called like something that a database or a language knows."""
    ban = replace(BAN, user=user)
    await mongo_store.ledger.append(batch(entry(user, "._~"), entry("other")))
    await put(mongo_store, ban)
    assert await moderation_of(mongo_store).ban_of(user) == ban
    assert await taken_back(mongo_store, ban) == 1
    assert {s.user: s.score for s in await standings(mongo_store)} == {"other": 10}


@pytest.mark.parametrize("failing", ["insert", "commitTransaction"])
async def test_an_act_is_written_in_the_same_transaction(
    fragile: FragileMongod, fragile_store: Store, database: str, failing: str
) -> None:
    """When the one can't be written, neither is the other, whatever it is about."""
    moderation = moderation_of(fragile_store)
    adjustment = Correction("ann", "!adjusted/1", ADJUSTED, 5, NOW_US, "why")
    where: dict[str, Any] = {"namespace": f"{database}.audit"} if failing == "insert" else {}
    fragile.fail(failing, errorCode=8000, **where)
    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: moderation.put_ban(BAN, ACT),
        lambda: moderation.revoke(Revocation(1, 2, "t1"), ACT),
        lambda: moderation.adjust(adjustment, 1, ACT, "admin"),
    ]
    for attempt in attempts:
        with pytest.raises(Exception, match=r"audit|fail"):
            await attempt()
    fragile.heal()
    await asyncio.sleep(0 if failing == "insert" else 2)  # what was left open is given up
    with fragile.client() as client:
        for collection in ("bans", "revoked", "entries", "audit"):
            assert client[database][collection].count_documents({}) == 0, collection
    for attempt in attempts:
        await attempt()
    with fragile.client() as client:
        assert client[database]["audit"].count_documents({}) == 3


async def test_an_act_says_who_when_and_why(mongo_store: Store, raw: Raw) -> None:
    """With numbers of any size in its details."""
    await put(mongo_store, BAN)
    (kept,) = raw["audit"].find({}, {"_id": 0})
    assert kept == {
        "v": 1,
        "at": NOW_US,
        "by": "root",
        "what": "ban",
        "user": "ann",
        "reason": "cheats",
        "details": {"before": {"score": 2**40}},
    }


async def test_revocations_are_kept_until_they_can_not_matter(mongo_store: Store, raw: Raw) -> None:
    """Of a token and of a user of the same name they are two; the database forgets them by itself."""
    moderation = moderation_of(mongo_store)
    now = NOW_US / 1e6
    told = [Revocation(now, now + 60, token_id="ann"), Revocation(now, now + 60, user="ann")]
    for revocation in told:
        await moderation.revoke(revocation, ACT)
    async with mongo_store.snapshots.snapshot() as snapshot:
        assert [each async for each in snapshot.revocations()] == told
    (forgotten,) = [i for i in raw["revoked"].list_indexes() if i["name"] == "forgotten"]
    assert (list(forgotten["key"]), forgotten["expireAfterSeconds"]) == (["until"], 0)


async def test_an_earlier_revocation_does_not_undo_a_later_one(mongo_store: Store) -> None:
    """An admin whose clock is behind takes nothing back of what another has decided."""
    moderation = moderation_of(mongo_store)
    await moderation.revoke(Revocation(200.0, 900.0, user="ann"), ACT)
    await moderation.revoke(Revocation(150.0, 950.0, user="ann"), ACT)
    async with mongo_store.snapshots.snapshot() as snapshot:
        assert [each async for each in snapshot.revocations()] == [Revocation(200.0, 950.0, user="ann")]


async def test_the_revocations_of_a_token_are_found(mongo_store: Store) -> None:
    """Its own and its user's, and nobody else's, whatever the two are called."""
    moderation = moderation_of(mongo_store)
    kept = [
        Revocation(1.0, 2.0**32, "t1"),
        Revocation(2.0, 2.0**32, None, "ann"),
        Revocation(3.0, 2.0**32, "ann"),
        Revocation(4.0, 2.0**32, None, "t1"),
    ]
    for each in kept:
        await moderation.revoke(each, ACT)
    assert sorted(await moderation.revocations_of("t1", "ann"), key=lambda each: each.at) == kept[:2]
    assert await moderation.revocations_of("t2", "ben") == []


async def test_many_admins_at_once_all_get_through(
    replica_set: Mongod, database: str, mongo_store: Store, open_store: OpenStore, raw: Raw
) -> None:
    """Each act is noted, and the last ban is the one that is kept."""
    stores = [mongo_store, await open_store(replica_set.uri, database)]
    bans = [replace(BAN, id=f"b{i}") for i in range(12)]
    await asyncio.gather(*(put(store, ban) for store, ban in zip(itertools.cycle(stores), bans)))
    kept = await moderation_of(mongo_store).ban_of("ann")
    assert kept in bans
    assert raw["audit"].count_documents({}) == len(bans)


# --- taking and giving back -----------------------------------------------------------------------


async def test_since_when_and_whose_points_are_taken_back(mongo_store: Store) -> None:
    """Pending or folded, from the instant on; of nobody else, and nothing that an admin has added."""
    await mongo_store.ledger.append(batch(*entries(4), *entries(4, "ben")))
    await fold_everything(mongo_store)
    await mongo_store.ledger.append(
        batch(entry(action="late", points=7, at=5), entry(action="zero", points=0))
    )
    adjustment = Correction("ann", "!adjusted/1", ADJUSTED, 100, NOW_US, "why")
    assert await moderation_of(mongo_store).adjust(adjustment, 1, ACT, "admin")
    await put(mongo_store, BAN)
    ban = replace(BAN, taken_back_from=3)
    wanted = await moderation_of(mongo_store).to_take_back(ban, 10)
    assert {(each.action, each.points) for each in wanted} == {("a3", -1), ("a4", -1), ("late", -7)}
    assert len(await moderation_of(mongo_store).to_take_back(ban, 2)) == 2
    assert await taken_back(mongo_store, ban) == 3
    async with mongo_store.snapshots.snapshot() as snapshot:
        assert sum([points async for user, points, _, _ in snapshot.pending() if user == "ann"]) == 98
    assert await moderation_of(mongo_store).to_take_back(ban, 10) == []
    assert await count_taken_back(moderation_of(mongo_store), ban) == 3
    assert await count_taken_back(moderation_of(mongo_store), replace(ban, id="b")) == 0  # `b1` begins so


async def test_negative_points_are_given_and_huge_ones_taken(mongo_store: Store) -> None:
    """The score is exactly nothing afterwards, also beyond what a double can tell apart."""
    some = [entry(action=f"a{i}", points=points) for i, points in enumerate((-5, 2**53 + 1, 2**61, 1))]
    await mongo_store.ledger.append(batch(*some))
    await put(mongo_store, BAN)
    await taken_back(mongo_store)
    await fold_everything(mongo_store)
    await put(mongo_store, LIFTED)
    assert (await mongo_store.history.past("ann", None, 1)).total == 0
    assert await adds_up(mongo_store)
    await given_back(mongo_store)
    assert (await mongo_store.history.past("ann", None, 1)).total == 2**61 + 2**53 - 3


async def test_an_undone_ban_leaves_no_trace_in_the_order(mongo_store: Store, raw: Raw) -> None:
    """Score, instant, rank and number of actions are as before, folded at any point in between."""
    for user in ("ann", "ben", "cem"):
        await mongo_store.ledger.append(batch(*entries(3, user, user), number=ord(user[0])))
    await fold_pending(mongo_store.standings)
    before = await standings(mongo_store)
    kept = list(raw["standings"].find())
    await put(mongo_store, BAN)
    assert await taken_back(mongo_store) == 3
    assert [s.user for s in await standings(mongo_store)] == ["ben", "cem"]
    await fold_everything(mongo_store)
    assert await adds_up(mongo_store)
    await put(mongo_store, LIFTED)
    assert await given_back(mongo_store) == 3
    assert await standings(mongo_store) == before
    await fold_everything(mongo_store)
    assert await standings(mongo_store) == before
    assert list(raw["standings"].find()) == kept
    assert await adds_up(mongo_store)


async def test_every_page_of_the_story_adds_up(mongo_store: Store) -> None:
    """Corrections of one instant are told once each, with the reason, and totals go on from page to page."""
    await mongo_store.ledger.append(batch(*entries(7)))
    await put(mongo_store, BAN)
    await taken_back(mongo_store)
    lines, place = [], None
    while True:
        page = await explain(mongo_store.history, "ann", place, 3)
        lines += page.lines
        place = page.next
        if place is None:
            break
    assert len({line.entry.action for line in lines}) == len(lines) == 14
    assert [line.total for line in lines] == [*range(7), *range(7, 0, -1)]
    assert [getattr(line.entry, "reason", None) for line in lines] == ["cheats"] * 7 + [None] * 7


async def test_thousands_of_entries_are_taken_back_in_several_bites(mongo_store: Store, raw: Raw) -> None:
    """Each gets one entry, and each is given back."""
    count = 3_300
    for number in range(0, count, 1_100):
        await mongo_store.ledger.append(batch(*entries(1_100, prefix=f"{number}-"), number=number))
    await put(mongo_store, BAN)
    assert await taken_back(mongo_store) == count
    assert raw["entries"].count_documents({"type": "!taken-back"}) == count
    await put(mongo_store, LIFTED)
    assert await given_back(mongo_store) == count
    assert (await standings(mongo_store))[0].score == count


@pytest.mark.parametrize("round_", range(4))
async def test_sweeps_that_race_add_each_correction_once(
    replica_set: Mongod, database: str, mongo_store: Store, open_store: OpenStore, round_: int
) -> None:
    """Two servers and an admin at once, while the user's last entries come in and are folded."""
    others = [await open_store(replica_set.uri, database) for _ in range(2)]
    await mongo_store.ledger.append(batch(*entries(1_200)))
    await put(mongo_store, BAN)

    async def race_in() -> None:
        for number in range(20):
            await mongo_store.ledger.append(batch(entry(action=f"late{number}", points=3), number=number + 2))
            await fold_pending(mongo_store.standings)

    await asyncio.gather(race_in(), *(taken_back(s, writer=f"w{i}") for i, s in enumerate(others)))
    await taken_back(mongo_store)
    await fold_everything(mongo_store)
    past = await mongo_store.history.past("ann", None, 1)
    assert past.total == 0
    assert await adds_up(mongo_store)


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1, 0.2])
async def test_a_sweep_that_races_with_the_end_of_the_ban_takes_nothing_after_it(
    replica_set: Mongod, database: str, mongo_store: Store, open_store: OpenStore, delay: float
) -> None:
    """Whatever a server is at when the ban is lifted, in the end every point is there."""
    server = await open_store(replica_set.uri, database)
    await mongo_store.ledger.append(batch(*entries(1_700)))
    await put(mongo_store, BAN)
    sweeping = asyncio.create_task(taken_back(server, writer="server"))
    await asyncio.sleep(delay)
    await put(mongo_store, LIFTED)
    await given_back(mongo_store)
    await sweeping
    assert await given_back(mongo_store) == 0
    assert (await standings(mongo_store))[0].score == 1_700


async def test_two_admins_who_lift_a_ban_give_each_point_back_once(
    replica_set: Mongod, database: str, mongo_store: Store, open_store: OpenStore
) -> None:
    """As many corrections give as took."""
    other = await open_store(replica_set.uri, database)
    await mongo_store.ledger.append(batch(*entries(1_200)))
    await put(mongo_store, BAN)
    await taken_back(mongo_store)
    await put(mongo_store, LIFTED)
    await asyncio.gather(given_back(mongo_store), given_back(other, writer="other"))
    assert (await standings(mongo_store))[0].score == 1_200
    assert await moderation_of(mongo_store).to_give_back(LIFTED, 10) == []


@pytest.mark.parametrize("cut_off_after", [0.0, 0.03, 0.08, 0.15])
async def test_wherever_it_is_cut_off_doing_it_again_ends_the_same(
    mongo_store: Store, cut_off_after: float
) -> None:
    """Of taking and of giving back alike; banned anew in the middle of the latter, all is taken again."""
    await mongo_store.ledger.append(batch(*entries(1_700)))
    await put(mongo_store, BAN)
    await _cut_off(taken_back(mongo_store), cut_off_after)
    await taken_back(mongo_store)
    assert (await mongo_store.history.past("ann", None, 1)).total == 0
    await put(mongo_store, LIFTED)
    await _cut_off(given_back(mongo_store), cut_off_after)
    another = replace(BAN, id="b2")
    await put(mongo_store, another)
    await taken_back(mongo_store, another)
    assert (await mongo_store.history.past("ann", None, 1)).total == 0
    lifted = replace(another, lifted_at=NOW_US + 2)
    await put(mongo_store, lifted)
    await _cut_off(given_back(mongo_store, lifted), cut_off_after)
    await given_back(mongo_store, lifted)
    assert (await standings(mongo_store))[0].score == 1_700


async def _cut_off(work: Awaitable[int], after: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(after):
            await work


async def test_a_later_ban_gives_nothing_back_that_an_earlier_one_took(mongo_store: Store) -> None:
    """It takes back from later on; what the ended one took before stays taken until all is given back."""
    await mongo_store.ledger.append(batch(*entries(10)))
    await put(mongo_store, BAN)
    await taken_back(mongo_store)
    later = replace(BAN, id="b2", taken_back_from=5)
    await put(mongo_store, later)
    assert await taken_back(mongo_store, later) == 0
    lifted = replace(later, lifted_at=NOW_US)
    await put(mongo_store, lifted)
    assert await given_back(mongo_store, lifted) == 10


async def test_a_ban_that_is_not_the_newest_corrects_nothing(mongo_store: Store) -> None:
    """Neither takes nor gives."""
    await mongo_store.ledger.append(batch(*entries(3)))
    await put(mongo_store, BAN)
    await taken_back(mongo_store)
    assert await given_back(mongo_store) == 0
    await put(mongo_store, LIFTED)
    await given_back(mongo_store)
    assert await taken_back(mongo_store) == 0
    assert (await standings(mongo_store))[0].score == 3


async def test_a_correction_never_lands_in_another_season_than_its_action(
    mongo_store: Store, raw: Raw
) -> None:
    """Found in one season and written in the next it is of the sealed one, and the new one is untouched."""
    await mongo_store.ledger.append(batch(*entries(3)))
    await fold_everything(mongo_store)
    await put(mongo_store, BAN)
    found = await moderation_of(mongo_store).to_take_back(BAN, 10)
    assert len(found) == 3
    raw["seasons"].update_one({"_id": 1}, {"$set": {"state": "sealed", "sealed_at": 9}})
    raw["seasons"].insert_one({"_id": 2, "name": "two", "state": "current", "started_at": 1, "folds": 0})
    corrections = [
        Correction(
            "ann", f"!taken-back/b1/{each.action}", "!taken-back", each.points, NOW_US, "", each.action
        )
        for each in found
    ]
    assert await moderation_of(mongo_store).correct(BAN, corrections, "admin")
    late = {"season": 1, "late": True, "pending": {"$exists": False}}
    assert raw["entries"].count_documents({"of": {"$exists": True}} | late) == 3
    assert await taken_back(mongo_store) == 0
    await fold_everything(mongo_store)
    assert raw["standings"].count_documents({"_id.season": 2}) == 0


async def test_a_season_is_not_sealed_under_a_correction(mongo_store: Store, raw: Raw) -> None:
    """While the one transaction is open the other can't be, so the correction waits and is then late."""
    await mongo_store.ledger.append(batch(*entries(3)))
    await fold_everything(mongo_store)
    await put(mongo_store, BAN)
    with raw.client.start_session() as session:
        session.start_transaction()
        sealed = {"state": "sealed", "sealed_at": 9}
        raw["seasons"].update_one({"_id": 1}, {"$set": sealed}, session=session)
        raw["seasons"].insert_one(
            {"_id": 2, "name": "two", "state": "current", "started_at": 1, "folds": 0}, session=session
        )
        taking = asyncio.create_task(taken_back(mongo_store))
        await asyncio.sleep(0.3)
        assert not taking.done()
        await asyncio.to_thread(session.commit_transaction)
    await taking
    assert raw["entries"].count_documents({"of": {"$exists": True}, "late": True}) == 3
    assert raw["entries"].count_documents({"of": {"$exists": True}, "late": {"$ne": True}}) == 0


# --- adjustments ----------------------------------------------------------------------------------


async def test_an_adjustment_is_made_once(mongo_store: Store, raw: Raw) -> None:
    """Repeated, it is there already, and is noted once."""
    adjustment = Correction("ann", "!adjusted/1", ADJUSTED, 5, NOW_US, "why")
    added = [await moderation_of(mongo_store).adjust(adjustment, 1, ACT, "admin") for _ in range(2)]
    assert added == [True, False]
    assert raw["entries"].count_documents({}) == raw["audit"].count_documents({}) == 1


async def test_who_has_only_adjustments_is_on_no_board(mongo_store: Store) -> None:
    """Pending or folded; the books add up, a repair changes nothing, and a first action brings all of it."""
    adjustment = Correction("ann", "!adjusted/1", ADJUSTED, 5, NOW_US, "why")
    await moderation_of(mongo_store).adjust(adjustment, 1, ACT, "admin")
    assert await standings(mongo_store) == []
    await fold_everything(mongo_store)
    assert await standings(mongo_store) == [] and await adds_up(mongo_store)
    assert mongo_store.books is not None
    await mongo_store.books.repair(1, "ann", lambda _: ACT)
    assert await standings(mongo_store) == [] and await adds_up(mongo_store)
    await mongo_store.ledger.append(batch(entry(points=10, at=3)))
    assert await standings(mongo_store) == [Standing("ann", 15, 3, 1)]


async def test_a_repair_agrees_with_corrections(mongo_store: Store, raw: Raw) -> None:
    """A standing that is rebuilt has neither their instants nor their number."""
    await mongo_store.ledger.append(batch(*entries(3)))
    await moderation_of(mongo_store).adjust(
        Correction("ann", "!adjusted/1", ADJUSTED, -5, NOW_US, "why"), 1, ACT, "admin"
    )
    await fold_everything(mongo_store)
    kept = raw["standings"].find_one()
    assert kept is not None and (kept["score"], kept["actions"], kept["reached_at"]) == (-2, 3, 3)
    raw["standings"].update_one({}, {"$set": {"score": 9, "actions": 9, "reached_at": 9}})
    assert mongo_store.books is not None
    await mongo_store.books.repair(1, "ann", lambda _: ACT)
    assert raw["standings"].find_one() == kept


# --- a store that is away -------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["update", "find", "insert", "aggregate", "commitTransaction"])
async def test_a_connection_lost_at_any_step_loses_and_doubles_nothing(
    fragile: FragileMongod, fragile_store: Store, command: str
) -> None:
    """It is told as a store that is away, or made good by the driver; doing it again ends the same."""
    await fragile_store.ledger.append(batch(*entries(600)))
    await put(fragile_store, BAN)
    fragile.fail(command, times=2, closeConnection=True)
    with suppress(StoreUnavailable):
        await taken_back(fragile_store)
    fragile.heal()
    await taken_back(fragile_store)
    assert (await fragile_store.history.past("ann", None, 1)).total == 0


async def test_who_waits_for_a_frozen_store_is_told_in_time(
    short_deadlines: None, fragile: FragileMongod, fragile_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it is away, though it holds the connection and says nothing."""
    monkeypatch.setattr(transactions, "_PATIENCE_S", 0.5)
    fragile.pause()
    with pytest.raises(StoreUnavailable):
        await put(fragile_store, BAN)
    fragile.resume()


async def test_what_a_killed_process_has_begun_is_waited_out(
    mongo_store: Store, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction may stand in the way for longer than a store that is away would be waited for."""
    await put(mongo_store, BAN)
    monkeypatch.setattr(transactions, "_PATIENCE_S", 0.5)
    with raw.client.start_session() as session:
        session.start_transaction()
        raw["bans"].update_one({"_id": "ann"}, {"$inc": {"sweeps": 1}}, session=session)
        lifting = asyncio.create_task(put(mongo_store, LIFTED))
        await asyncio.sleep(1.5)
        assert not lifting.done()
        session.abort_transaction()
    await lifting
    assert await moderation_of(mongo_store).ban_of("ann") == LIFTED
