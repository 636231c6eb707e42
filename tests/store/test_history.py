"""A user's entries of a season, newest first."""

from __future__ import annotations

import pytest

from scoreboard_server.flow.explaining import explain
from scoreboard_server.flow.ports import StoreUnavailable
from scoreboard_server.rules.history import Place
from scoreboard_server.store.opening import Store

from .conftest import Raw
from .given import FragileMongod, batch, entries, entry, fold_pending


async def told(
    store: Store, limit: int, user: str = "ann", season: int | None = None
) -> list[tuple[str, int]]:
    """(action, total) of every line, read in pages."""
    lines, place = [], None
    while True:
        page = await explain(store.history, user, place, limit, season)
        lines += page.lines
        place = page.next
        if place is None:
            return [(line.entry.action, line.total) for line in lines]


async def test_folded_and_pending_entries_are_one_story(store: Store) -> None:
    """Newest first whatever has been folded, with totals down to the first, and nobody else's entries."""
    await store.ledger.append(batch(*entries(3)))
    await fold_pending(store.standings)
    await store.ledger.append(batch(entry("ben", "b1"), entry("ann", "a9", 5, 9), number=2))
    for limit in (1, 2, 4, 100):
        assert await told(store, limit) == [("a9", 8), ("a3", 3), ("a2", 2), ("a1", 1)]
    assert await told(store, 10, "nobody") == []


async def test_entries_of_one_instant_are_each_told_once(store: Store) -> None:
    """Two servers may accept in the same microsecond; a page that ends between them skips nothing."""
    await store.ledger.append(batch(*(entry("ann", f"a{i}", 1, 7) for i in range(5))))
    assert await told(store, 2) == [("a4", 5), ("a3", 4), ("a2", 3), ("a1", 2), ("a0", 1)]


async def test_what_arrives_between_two_pages_shifts_nothing(store: Store) -> None:
    """The next page goes on from its place, with the totals of then."""
    await store.ledger.append(batch(*entries(4)))
    first = await explain(store.history, "ann", None, 2)
    await store.ledger.append(batch(entry("ann", "new", 100, 99), number=2))
    second = await explain(store.history, "ann", first.next, 2)
    assert [(line.entry.action, line.total) for line in second.lines] == [("a2", 2), ("a1", 1)]


@pytest.mark.database
async def test_a_past_season_is_another_story(mongo_store: Store, raw: Raw) -> None:
    """Only entries of one season are told, and they add up to its score."""
    await mongo_store.ledger.append(batch(*entries(3)))
    await fold_pending(mongo_store.standings)
    raw["seasons"].update_one({"_id": 1}, {"$set": {"state": "sealed"}})
    raw["seasons"].insert_one({"_id": 2, "name": "two", "state": "current", "started_at": 5})
    await mongo_store.ledger.append(batch(entry("ann", "second", 7, 50), number=2))
    assert await told(mongo_store, 10) == [("second", 7)]
    assert await told(mongo_store, 10, season=2) == [("second", 7)]
    assert await told(mongo_store, 2, season=1) == [("a3", 3), ("a2", 2), ("a1", 1)]
    await fold_pending(mongo_store.standings)
    assert await told(mongo_store, 10) == [("second", 7)]
    assert await told(mongo_store, 10, season=2) == [("second", 7)]


@pytest.mark.database
async def test_what_was_corrected_after_the_seal_is_told(mongo_store: Store, raw: Raw) -> None:
    """It comes first, above the score that was announced; what others were given stays out."""
    await mongo_store.ledger.append(batch(*entries(3), entry("ben", "b1")))
    await fold_pending(mongo_store.standings)
    raw["seasons"].update_one({"_id": 1}, {"$set": {"state": "sealed"}})
    raw["seasons"].insert_one({"_id": 2, "name": "two", "state": "current", "started_at": 5})
    late = [late_entry("ann", "c1", -2, 90), late_entry("ben", "c2", 50, 91)]
    raw["entries"].insert_many([d | {"season": 1, "late": True} for d in late])
    for limit in (1, 10):
        assert await told(mongo_store, limit, season=1) == [("c1", 1), ("a3", 3), ("a2", 2), ("a1", 1)]
    assert await told(mongo_store, 10) == []


def late_entry(user: str, action: str, points: int, at: int) -> dict[str, object]:
    """A correction, as it is kept."""
    told: dict[str, object] = {"v": 1, "user": user, "action": action, "type": "!adjusted"}
    return told | {"points": points, "at": at, "writer": "cli", "batch": 1, "reason": "x"}


@pytest.mark.database
async def test_a_page_reads_little_of_a_long_story(mongo_store: Store, raw: Raw) -> None:
    """The index brings the entries in order: a page in the middle of many examines about its own size."""
    await mongo_store.ledger.append(batch(*entries(1_000)))
    raw.command("profile", 2)
    try:
        page = await mongo_store.history.past("ann", Place(500, "a500", 499), 10)
    finally:
        raw.command("profile", 0)
    assert [e.at for e in page.entries] == list(range(499, 489, -1))
    newest_first = {"command.find": "entries", "command.sort": {"at": -1, "action": -1}}
    (seen,) = raw["system.profile"].find(newest_first)
    assert seen["docsExamined"] <= 20


@pytest.mark.database
@pytest.mark.usefixtures("short_deadlines")
async def test_a_store_that_is_away_is_unavailable(fragile: FragileMongod, fragile_store: Store) -> None:
    """Its passing failures leave as StoreUnavailable, as everywhere."""
    fragile.kill()
    with pytest.raises(StoreUnavailable):
        await fragile_store.history.past("ann", None, 10)
