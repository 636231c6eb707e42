"""The seasons' documents: closing one is one transaction, which folds what is pending."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from scoreboard_server.flow.ports import SeasonEnded, SeasonReset, StillPending
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.entry import ADJUSTED, Correction
from scoreboard_server.rules.schedules import Schedule
from scoreboard_server.rules.seasons import Closing, Seal, Season
from scoreboard_server.store import seasons as seasons_module
from scoreboard_server.store.opening import Store

from .conftest import NOW_US, Raw
from .given import batch, entries, entry, fold_pending

ACT = Act(NOW_US, "root", "season reset", None, "", {})
CLOSING = Closing(1, "two", None, "root", NOW_US)
FIRST = Season(1, "season-1", NOW_US)
SECOND = Season(2, "two", NOW_US + 9, NOW_US + 99, Schedule("0 0 * * *", "UTC"))
SEALED = structs.replace(FIRST, seal=Seal(NOW_US + 9, "root"))

database = pytest.mark.database


async def test_a_new_store_has_one(store: Store) -> None:
    """Whichever store it is."""
    assert await store.seasons.all() == [FIRST]


@database
async def test_the_pointer_moves_once(mongo_store: Store, raw: Raw) -> None:
    """Asked for again nothing changes, and nothing more is noted."""
    assert await mongo_store.seasons.seal(SEALED, SECOND, ACT)
    assert not await mongo_store.seasons.seal(SEALED, SECOND, ACT)
    assert await mongo_store.seasons.all() == [SECOND, SEALED]
    assert raw["audit"].count_documents({}) == 1


@database
@pytest.mark.parametrize(
    "thought", [structs.replace(SEALED, ends_at=5), structs.replace(SEALED, schedule=SECOND.schedule)]
)
async def test_a_season_that_ends_otherwise_than_was_thought_stays(
    mongo_store: Store, thought: Season
) -> None:
    """The following one would go by what an admin has changed meanwhile."""
    with pytest.raises(SeasonReset):
        await mongo_store.seasons.seal(thought, SECOND, ACT)
    assert await mongo_store.seasons.all() == [FIRST]


@database
@pytest.mark.parametrize("order", [("cron", "zone"), ("zone", "cron")])
async def test_a_season_is_sealed_with_its_end_and_schedule(
    mongo_store: Store, raw: Raw, order: tuple[str, str]
) -> None:
    """However that was written."""
    schedule = Schedule("0 0 * * *", "UTC")
    await mongo_store.seasons.set_schedule(1, schedule, NOW_US * 2, ACT)
    raw["seasons"].update_one({}, {"$set": {"schedule": {each: getattr(schedule, each) for each in order}}})
    thought = structs.replace(SEALED, ends_at=NOW_US * 2, schedule=schedule)
    assert await mongo_store.seasons.seal(thought, SECOND, ACT)


@database
async def test_of_two_at_once_one_moves_it(mongo_store: Store, raw: Raw) -> None:
    """The other meets it, begins again, and finds it done."""
    sealing = [mongo_store.seasons.seal(SEALED, SECOND, ACT) for _ in range(4)]
    assert sorted(await asyncio.gather(*sealing)) == [False, False, False, True]
    assert await mongo_store.seasons.all() == [SECOND, SEALED]
    assert raw["audit"].count_documents({}) == 1


@database
async def test_what_is_pending_is_of_the_season_that_ends(mongo_store: Store, raw: Raw) -> None:
    """Whoever appended it, corrections too; what comes after that is of the next."""
    await mongo_store.ledger.append(batch(*entries(3)))
    await fold_pending(mongo_store.standings, limit=1)
    await mongo_store.ledger.append(batch(entry("ben", "b1"), writer="other"))
    await mongo_store.ledger.append(batch(Correction("ben", "!adjusted/1", ADJUSTED, -4, 5, "why")))
    assert await mongo_store.seasons.seal(SEALED, SECOND, ACT)
    await mongo_store.ledger.append(batch(entry("ann", "later")))
    await fold_pending(mongo_store.standings)
    assert raw["entries"].count_documents({"pending": True}) == 0
    assert raw["entries"].count_documents({"season": 1}) == 5
    scores = {
        (d["_id"]["season"], d["_id"]["user"]): (d["score"], d["actions"]) for d in raw["standings"].find()
    }
    assert scores == {(1, "ann"): (3, 3), (1, "ben"): (6, 1), (2, "ann"): (10, 1)}
    assert raw["days"].count_documents({"_id.type": ADJUSTED}) == 0


@database
async def test_too_much_for_one_transaction_is_told(
    mongo_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing has changed."""
    monkeypatch.setattr(seasons_module, "_MOST_PENDING", 2)
    await mongo_store.ledger.append(batch(*entries(3)))
    with pytest.raises(StillPending):
        await mongo_store.seasons.seal(SEALED, SECOND, ACT)
    assert await mongo_store.seasons.all() == [FIRST]


@database
@pytest.mark.parametrize(
    ("ban", "is_hidden"),
    [
        (Ban("ann", "b", "x", "root", 1), True),
        (Ban("ann", "b", "x", "root", 1, until=NOW_US + 10), True),
        (Ban("ann", "b", "x", "root", 1, until=NOW_US + 9), False),
        (Ban("ann", "b", "x", "root", 1, lifted_at=5), False),
    ],
)
async def test_who_is_banned_at_that_instant_is_marked(mongo_store: Store, ban: Ban, is_hidden: bool) -> None:
    """Not who was, or will be."""
    await mongo_store.ledger.append(batch(*entries(1), entry("ben", "b1")))
    assert mongo_store.moderation is not None
    await mongo_store.moderation.put_ban(ban, ACT)
    await mongo_store.seasons.seal(SEALED, SECOND, ACT)
    assert [user async for user in mongo_store.archives.hidden(1)] == (["ann"] if is_hidden else [])


@database
async def test_a_wish_is_kept_until_it_is_reported(mongo_store: Store) -> None:
    """Whoever has another meanwhile is told of this one."""
    assert await mongo_store.seasons.closing() is None
    assert await mongo_store.seasons.begin_closing(CLOSING) == CLOSING
    other = structs.replace(CLOSING, name="three", ends_at=7, by="somebody")
    assert await mongo_store.seasons.begin_closing(other) == CLOSING
    await mongo_store.seasons.reported(1)  # not yet true
    assert await mongo_store.seasons.closing() == CLOSING
    await mongo_store.seasons.seal(SEALED, SECOND, ACT)
    assert await mongo_store.seasons.closing() == CLOSING
    await mongo_store.seasons.reported(1)
    assert await mongo_store.seasons.closing() is None
    with pytest.raises(SeasonEnded):
        await mongo_store.seasons.begin_closing(other)
    assert await mongo_store.seasons.begin_closing(structs.replace(other, number=2)) is not None


@database
async def test_end_and_schedule_of_the_current_season(mongo_store: Store, raw: Raw) -> None:
    """Each with its line in the trail; a sealed season has no end to set."""
    seasons, schedule = mongo_store.seasons, Schedule("0 0 * * MON", "Europe/Berlin")
    await seasons.set_end(1, NOW_US + 5, ACT)
    assert (await seasons.all())[0].ends_at == NOW_US + 5
    await seasons.set_schedule(1, schedule, NOW_US + 7, ACT)
    assert (await seasons.all())[0] == structs.replace(FIRST, ends_at=NOW_US + 7, schedule=schedule)
    await seasons.set_schedule(1, None, None, ACT)
    assert await seasons.all() == [FIRST]
    await seasons.seal(SEALED, SECOND, ACT)
    lines = raw["audit"].count_documents({})
    with pytest.raises(SeasonEnded):
        await seasons.set_end(1, 9, ACT)
    with pytest.raises(SeasonEnded):
        await seasons.set_schedule(1, schedule, 9, ACT)
    assert raw["audit"].count_documents({}) == lines
