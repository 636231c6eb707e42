"""The archives: what a sealed season's boards are made from, and how they are kept."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from scoreboard_server.flow.archiving import archive, catch_up
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.board import Standing
from scoreboard_server.rules.books import differences
from scoreboard_server.rules.entry import ADJUSTED, Correction
from scoreboard_server.rules.seasons import ANNOUNCED, Amended, Archive, Seal, Season
from scoreboard_server.store import archives as archives_module
from scoreboard_server.store.moderation import MongoModeration
from scoreboard_server.store.opening import Store

from .conftest import NOW_US, Raw
from .given import batch, entry

ACT = Act(NOW_US, "root", "x", None, "", {})
SEALED_AT = NOW_US + 9
SEALED = Season(1, "season-1", NOW_US, seal=Seal(SEALED_AT, "root"))
SECOND = Season(2, "two", SEALED_AT)

pytestmark = pytest.mark.database


@pytest.fixture
async def sealed(mongo_store: Store) -> Store:
    """Ann has 30, Ben and Cem 20 each and Cem was first; Dan has an adjustment alone; Eve was banned."""
    await mongo_store.ledger.append(
        batch(
            entry("ann", "a1", 30, 5),
            entry("ben", "b1", 20, 7),
            entry("cem", "c1", 20, 6),
            entry("eve", "e1", 99, 1),
            Correction("dan", "!adjusted/1", ADJUSTED, 50, 8, "why"),
        )
    )
    await put(mongo_store, Ban("eve", "b0", "x", "root", 1))
    assert await mongo_store.seasons.seal(SEALED, SECOND, ACT)
    return mongo_store


async def put(store: Store, ban: Ban) -> None:
    assert store.moderation is not None
    await store.moderation.put_ban(ban, ACT)


async def adjust(store: Store, user: str, points: int) -> None:
    assert store.moderation is not None
    adjustment = Correction(user, f"!adjusted/{points}", ADJUSTED, points, NOW_US, "late")
    assert await store.moderation.adjust(adjustment, 1, ACT, "admin")


async def board(store: Store, *, announced: bool = False) -> list[tuple[str, int, int]]:
    """What is kept of the newest edition, or of the announced one."""
    season = (await store.seasons.all())[-1]
    assert season.seal is not None and season.seal.archive is not None
    edition = ANNOUNCED if announced else season.seal.archive.edition
    return [(s.user, s.score, s.rank) for s in await store.archives.rows_from(1, edition, 1, 100)]


ANNOUNCED_BOARD = [("ann", 30, 1), ("cem", 20, 2), ("ben", 20, 3)]


async def test_the_announced_board_is_the_live_one(sealed: Store) -> None:
    """Ties by who was first; without who was banned, and without who has never acted."""
    ranked = [s async for s in sealed.archives.ranked(1)]
    assert ranked == [Standing("ann", 30, 5, 1), Standing("cem", 20, 6, 2), Standing("ben", 20, 7, 3)]
    await catch_up(sealed.seasons, sealed.archives)
    assert await board(sealed) == ANNOUNCED_BOARD


async def test_entries_are_those_of_the_season_in_order(sealed: Store) -> None:
    """By user and action; not what came later, corrections of that season included."""
    await sealed.ledger.append(batch(entry("ann", "later")))
    await adjust(sealed, "ann", -5)
    found = [(e.user, e.action) async for e in sealed.archives.entries(1)]
    assert found == [
        ("ann", "a1"),
        ("ben", "b1"),
        ("cem", "c1"),
        ("dan", "!adjusted/1"),
        ("eve", "e1"),
    ]


async def test_a_digest_stays_whatever_is_decided_later(sealed: Store) -> None:
    """And so do the announced rows."""
    await catch_up(sealed.seasons, sealed.archives)
    first = (await sealed.seasons.all())[1].seal
    await adjust(sealed, "ann", -25)
    await put(sealed, Ban("cem", "b1", "x", "root", 1, taken_back_from=1))
    await catch_up(sealed.seasons, sealed.archives)
    second = (await sealed.seasons.all())[1].seal
    assert first is not None and second is not None and first.archive and second.archive
    assert (second.archive.digest, second.archive.users) == (first.archive.digest, 3)
    assert (second.corrections, second.archive.edition, second.archive.corrected_users) == (2, 2, 2)
    assert await board(sealed, announced=True) == ANNOUNCED_BOARD
    assert await board(sealed) == [("ben", 20, 1), ("ann", 5, 2)]


async def test_who_was_banned_by_mistake_comes_back_in_the_correction(sealed: Store) -> None:
    """When the ban is lifted, also long after the seal."""
    await catch_up(sealed.seasons, sealed.archives)
    await put(sealed, Ban("eve", "b0", "x", "root", 1, lifted_at=NOW_US + 50))
    await catch_up(sealed.seasons, sealed.archives)
    assert await board(sealed) == [("eve", 99, 1), ("ann", 30, 2), ("cem", 20, 3), ("ben", 20, 4)]
    assert await board(sealed, announced=True) == ANNOUNCED_BOARD


async def test_who_is_unbanned_while_the_season_is_sealed_comes_back(
    sealed: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each transaction has begun before the other is there; one of them begins again."""
    await sealed.ledger.append(batch(entry("eve", "e2", 7, 1)))
    looked = MongoModeration._seasons_touched
    second = structs.replace(SECOND, seal=Seal(SEALED_AT + 9, "root"))
    sealings: list[bool] = []

    async def look_and_seal(*arguments: Any) -> list[int]:
        touched = await looked(*arguments)
        if not sealings:
            sealings.append(await sealed.seasons.seal(second, Season(3, "three", SEALED_AT + 9), ACT))
        return touched

    monkeypatch.setattr(MongoModeration, "_seasons_touched", look_and_seal)
    await put(sealed, Ban("eve", "b0", "x", "root", 1, lifted_at=NOW_US + 50))
    assert sealings == [True]
    await catch_up(sealed.seasons, sealed.archives)
    assert await sealed.archives.rows_of(2, ANNOUNCED, ["eve"]) == []
    assert [(row.user, row.score) for row in await sealed.archives.rows_of(2, 1, ["eve"])] == [("eve", 7)]


@pytest.mark.parametrize(
    "ban",
    [
        Ban("ann", "b1", "x", "root", SEALED_AT + 1),
        Ban("ann", "b1", "x", "root", SEALED_AT + 1, taken_back_from=SEALED_AT),
        Ban("zoe", "b1", "x", "root", 1, taken_back_from=1),
    ],
)
async def test_a_ban_that_does_not_reach_back_changes_nothing(sealed: Store, ban: Ban) -> None:
    """Not even the number of corrections."""
    await put(sealed, ban)
    seal = (await sealed.seasons.all())[1].seal
    assert seal is not None and seal.corrections == 0


@pytest.mark.parametrize("since", [None, SEALED_AT + 1])
async def test_a_ban_in_the_place_of_one_that_reached_back_shows_the_user_again(
    sealed: Store, since: int | None
) -> None:
    """As when that had ended by itself."""
    await put(sealed, Ban("ann", "b1", "x", "root", SEALED_AT, SEALED_AT + 5, taken_back_from=1))
    await catch_up(sealed.seasons, sealed.archives)
    assert await board(sealed) == [("cem", 20, 1), ("ben", 20, 2)]
    await put(sealed, Ban("ann", "b2", "x", "root", SEALED_AT + 9, taken_back_from=since))
    await catch_up(sealed.seasons, sealed.archives)
    assert await board(sealed) == ANNOUNCED_BOARD


async def test_the_books_add_up_whatever_is_corrected_late(sealed: Store) -> None:
    """The standings of a sealed season are those that were announced, and a repair leaves them so."""
    await adjust(sealed, "ann", -25)
    assert sealed.books is not None
    span = await sealed.books.span("", 1_000)
    assert list(differences(span.folded, span.standings)) == []
    assert not await sealed.books.repair(1, "ann", lambda found: ACT)
    assert span.standings[1, "ann"].score == 30


async def test_amended_are_those_about_whom_somebody_has_decided(sealed: Store) -> None:
    """With what they have now; None for who is not shown."""
    await adjust(sealed, "ann", 5)
    await adjust(sealed, "dan", 2)
    await put(sealed, Ban("ben", "b1", "x", "root", 1, taken_back_from=1))
    assert await sealed.archives.amended(1) == [
        Amended("ann", 35, 5),
        Amended("ben", None, 7),
        Amended("dan", None, 0),
        Amended("eve", None, 1),
    ]


async def test_writing_again_changes_nothing(sealed: Store, raw: Raw) -> None:
    """Half of it, all of it, or twice at once."""
    rows = [s async for s in sealed.archives.ranked(1)]
    await sealed.archives.write(1, ANNOUNCED, rows[:2])
    for _ in range(2):
        await archive(sealed.archives, SEALED)
    assert await board(sealed) == ANNOUNCED_BOARD
    assert raw["archive"].count_documents({}) == 3


async def test_rows_by_user_are_by_rank(sealed: Store) -> None:
    """Who isn't there is left out."""
    await catch_up(sealed.seasons, sealed.archives)
    rows = await sealed.archives.rows_of(1, ANNOUNCED, ["ben", "nobody", "ann"])
    assert [(s.user, s.rank) for s in rows] == [("ann", 1), ("ben", 3)]


async def test_an_older_edition_does_not_replace_a_newer_one(sealed: Store, raw: Raw) -> None:
    """As when two write at once; and those between the announced and the newest go."""
    kept = Archive(users=3, entries=5, digest="d", last_at=7)
    told = []
    for edition, corrections in ((0, 2), (2, 2), (1, 2), (2, 2), (3, 3)):
        raw["seasons"].update_one({"_id": 1}, {"$set": {"corrections": corrections}})
        told.append(await sealed.archives.put(1, structs.replace(kept, edition=edition)))
    assert told == [True, True, False, False, True]
    for edition in (0, 1, 2, 3):
        await sealed.archives.write(1, edition, [Standing("ann", edition, 1, 1)])
    await sealed.archives.forget_editions(1, 3)
    assert sorted(d["_id"]["edition"] for d in raw["archive"].find()) == [0, 3]


async def test_an_edition_of_which_half_was_decided_later_is_never_shown(sealed: Store) -> None:
    """Whoever writes it reads what is corrected next, too, and another may have begun it before that."""
    await catch_up(sealed.seasons, sealed.archives)
    await adjust(sealed, "ann", -25)
    outdated = (await sealed.seasons.all())[-1]
    await adjust(sealed, "ben", 5)
    await archive(sealed.archives, outdated)
    assert await board(sealed) == ANNOUNCED_BOARD
    await catch_up(sealed.seasons, sealed.archives)
    assert await board(sealed) == [("ben", 25, 1), ("cem", 20, 2), ("ann", 5, 3)]


async def test_a_large_board_is_written_in_bites(
    sealed: Store, monkeypatch: pytest.MonkeyPatch, raw: Raw
) -> None:
    """More rows than a bite, with a correction in the middle of one."""
    await sealed.ledger.append(batch(*(entry(f"u{n:03}", "a", n, n) for n in range(1, 26))))
    following = Season(3, "three", SEALED_AT + 9)
    second = structs.replace(SECOND, seal=Seal(SEALED_AT + 9, "root"))
    assert await sealed.seasons.seal(second, following, ACT)
    monkeypatch.setattr("scoreboard_server.flow.archiving._ROWS", 4)
    monkeypatch.setattr(archives_module, "_BATCH", 3)
    await catch_up(sealed.seasons, sealed.archives)
    assert sealed.moderation is not None
    late = Correction("u012", "!adjusted/9", ADJUSTED, 8, NOW_US, "late")
    assert await sealed.moderation.adjust(late, 2, ACT, "admin")
    await catch_up(sealed.seasons, sealed.archives)
    rows = await sealed.archives.rows_from(2, 1, 1, 100)
    expected = sorted(((n + 8 * (n == 12), -n, f"u{n:03}") for n in range(1, 26)), reverse=True)
    assert [(s.score, -s.reached_at, s.user) for s in rows] == expected
    assert [s.rank for s in rows] == list(range(1, 26))
    assert raw["entries"].count_documents({"season": 1}) == 5
