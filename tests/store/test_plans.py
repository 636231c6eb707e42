"""Plans: what a query of the ledger looks at grows with its answer, not with the ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec import structs

from scoreboard_server.flow.archiving import catch_up
from scoreboard_server.flow.correcting import count_taken_back, give_back, take_back
from scoreboard_server.flow.loading import load_board
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.entry import ADJUSTED, Correction
from scoreboard_server.rules.seasons import Seal, Season
from scoreboard_server.store.examining import examining
from scoreboard_server.store.opening import Store

from ..mongod import Mongod
from .conftest import NOW_US, OpenStore, Raw
from .exporting import exported, imported
from .given import batch, entries, entry, fold_pending

pytestmark = pytest.mark.database

OLD = 4_000
Work = Callable[[Store], Awaitable[None]]
ACT = Act(NOW_US, "root", "x", None, "", {})
FIRST = Season(1, "season-1", NOW_US)
SECOND = Season(2, "two", NOW_US + 10)
THIRD = Season(3, "three", NOW_US + 20)
BAN = Ban("ann", "b1", "x", "root", NOW_US + 11, taken_back_from=NOW_US + 11)


@pytest.fixture
async def long(mongo_store: Store) -> Store:
    """A ledger of one long season that is over, and of another with an entry folded and one pending."""
    for i in range(4):
        await mongo_store.ledger.append(batch(*entries(OLD // 4, f"u{i}"), number=i))
    assert await fold_pending(mongo_store.standings)
    assert await mongo_store.seasons.seal(structs.replace(FIRST, seal=Seal(NOW_US + 10, "root")), SECOND, ACT)
    await catch_up(mongo_store.seasons, mongo_store.archives)
    await mongo_store.ledger.append(batch(entry("ann", "b1", 1, NOW_US + 11), number=5))
    assert await fold_pending(mongo_store.standings)
    await mongo_store.ledger.append(batch(entry("ann", "b2", 1, NOW_US + 12), entry("ben", "b1"), number=6))
    return mongo_store


async def _seal(store: Store) -> None:
    assert await store.seasons.seal(structs.replace(SECOND, seal=Seal(NOW_US + 20, "root")), THIRD, ACT)
    await catch_up(store.seasons, store.archives)


async def _ban_and_unban(store: Store) -> None:
    assert store.moderation is not None
    await store.moderation.put_ban(BAN, ACT)
    assert await take_back(store.moderation, BAN, writer="me", now_us=lambda: NOW_US + 13) == 2
    assert await count_taken_back(store.moderation, BAN) == 2
    lifted = structs.replace(BAN, lifted_at=NOW_US + 14)
    await store.moderation.put_ban(lifted, ACT)
    assert await give_back(store.moderation, lifted, writer="me", now_us=lambda: NOW_US + 15) == 2


async def _correct_the_old_season(store: Store) -> None:
    assert store.moderation is not None
    late = Correction("u1", "!adjusted/1", ADJUSTED, 5, NOW_US + 13, "late")
    assert await store.moderation.adjust(late, 1, ACT, "admin")
    await catch_up(store.seasons, store.archives)
    assert [e.points for e in (await store.history.past("ann", None, 10)).entries] == [1, 1]


async def _read_the_current_season(store: Store) -> None:
    assert store.originals is not None
    async with store.originals.as_of(None) as original:
        assert [e.action async for e in original.entries(2)] == ["b1", "b2", "b1"]
        assert [e async for e in original.late(0)] == []


async def _read_an_old_season(store: Store) -> None:
    assert len([each async for each in store.archives.entries(1)]) == OLD


async def _load_and_fold(store: Store) -> None:
    await load_board(store.snapshots, NOW_US + 13)
    assert await fold_pending(store.standings)
    assert await store.standings.left_behind("you", NOW_US + 13, 10) == []
    assert len(await store.ledger.look_up([("ann", "b1"), ("u1", "a1"), ("u1", "none")])) == 2


@pytest.mark.parametrize(
    "work",
    [
        _seal,
        _ban_and_unban,
        _correct_the_old_season,
        _read_the_current_season,
        _read_an_old_season,
        _load_and_fold,
    ],
)
async def test_no_work_on_a_season_walks_the_whole_ledger(long: Store, raw: Raw, work: Work) -> None:
    """Each query is by an index, and looks at few entries that it is not about."""
    raw.command("profile", 2)
    await work(long)
    _check_plans(raw)


async def test_a_check_up_does_not(long: Store, replica_set: Mongod, raw: Raw, tmp_path: Path) -> None:
    """It asks for what nobody has folded."""
    raw.command("profile", 2)
    async with examining(replica_set.uri, raw.name, tmp_path) as examined:
        assert (await examined.diagnosis.database(NOW_US + 13)).left_behind == 2
    _check_plans(raw)


async def test_an_import_does_not(long: Store, replica_set: Mongod, raw: Raw, open_store: OpenStore) -> None:
    """What it looks for at its end are entries that came in meanwhile, in a ledger that was just filled."""
    lines = await exported(long)
    with replica_set.client() as client:
        other = client[f"{raw.name}-copy"]
        try:
            empty = await open_store(replica_set.uri, other.name)
            other.command("profile", 2)
            assert not (await imported(empty, lines)).was_there
            _check_plans(other)
        finally:
            client.drop_database(other.name)


async def test_looking_for_others_does_not(long: Store, raw: Raw) -> None:
    """Who begins otherwise stands at an end of the users' order, and one is enough."""
    assert long.books is not None
    raw.command("profile", 2)
    assert await long.books.has_others_than("a")
    assert await long.books.has_others_than("u")
    _check_plans(raw)


def _check_plans(database: Raw) -> None:
    database.command("profile", 0)
    told = list(database["system.profile"].find({"ns": f"{database.name}.entries"}))
    assert told, "nothing was asked"
    for each in told:
        asked_for = each.get("nreturned", 0) + each.get("nMatched", 0)
        assert each.get("docsExamined", 0) <= asked_for + OLD // 10, each
        assert each.get("keysExamined", 0) <= asked_for + OLD // 10, each
