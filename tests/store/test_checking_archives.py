"""What is kept of sealed seasons is compared with what it was made from."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import structs

from scoreboard_server.flow.checking_archives import CheckedArchive, check_archives
from scoreboard_server.rules.seasons import Season
from scoreboard_server.store.opening import Store

from .conftest import Raw
from .exporting import fill

pytestmark = pytest.mark.database


@pytest.fixture
async def full(mongo_store: Store) -> Store:
    """Two sealed seasons, of which the first was corrected."""
    await fill(mongo_store)
    return mongo_store


async def checked(store: Store) -> list[CheckedArchive]:
    """What each of them comes to."""
    return [each async for each in check_archives(store.seasons, store.archives)]


async def test_sound_ones_agree(full: Store) -> None:
    """Each with its entries; the current season has none."""
    counted: list[int] = []
    found = [each async for each in check_archives(full.seasons, full.archives, counted.append)]
    assert found == [CheckedArchive("season-1", 7, []), CheckedArchive("two", 2, [])]
    assert sum(counted) == 9


def _row(edition: int, rank: int) -> dict[str, object]:
    return {"_id": {"season": 1, "edition": edition, "rank": rank}}


DAMAGES: list[tuple[Callable[[Raw], object], list[str]]] = [
    (
        lambda raw: raw["archive"].update_one(_row(0, 3), {"$set": {"score": 1}}),
        ["rank 3 of the ann", "digest", "corr"],
    ),
    (
        lambda raw: raw["archive"].delete_one(_row(0, 4)),
        ["announced board lacks ben", "3 rows", "digest", "corr"],
    ),
    (lambda raw: raw["archive"].update_one(_row(3, 1), {"$set": {"score": 1}}), ["rank 1 of the corrected"]),
    (lambda raw: raw["archive"].delete_one(_row(3, 4)), ["corrected board lacks"]),
    (lambda raw: raw["entries"].delete_one({"action": "c1"}), ["digest", "6 entries"]),
    (lambda raw: raw["entries"].update_one({"action": "c1"}, {"$set": {"at": 7}}), ["digest"]),
    (
        lambda raw: raw["entries"].update_one({"action": "!adjusted/9"}, {"$set": {"points": 1}}),
        ["of the corrected"],
    ),
    (lambda raw: raw["seasons"].update_one({"_id": 1}, {"$set": {"name": "other"}}), ["digest"]),
    (lambda raw: raw["seasons"].update_one({"_id": 1}, {"$set": {"archive.users": 9}}), ["4 rows"]),
    (
        lambda raw: raw["standings"].update_one(
            {"_id": {"season": 1, "user": "ann"}}, {"$inc": {"score": -1}}
        ),
        ["of the announced", "of the corrected"],
    ),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGES)
async def test_damage_is_told(
    full: Store, raw: Raw, damage: Callable[[Raw], object], words: list[str]
) -> None:
    """Whatever was altered behind its back; the other season stays sound."""
    damage(raw)
    first, second = await checked(full)
    told = [wrong.what for wrong in first.wrong]
    assert len(told) == len(words), told
    assert [word in what for word, what in zip(words, told, strict=True)] == [True] * len(words), told
    assert second.wrong == []


class Moving:
    """Seasons of which one is corrected while its archive is read."""

    def __init__(self, store: Store) -> None:
        self._all = store.seasons.all
        self.looks = 0

    async def all(self) -> list[Season]:
        """First as it was, then as it is."""
        self.looks += 1
        found = await self._all()
        if self.looks > 2:
            return found
        first = found[-1]
        assert first.seal is not None and first.seal.archive is not None
        old = structs.replace(first.seal.archive, edition=2)
        return [
            *found[:-1],
            structs.replace(first, seal=structs.replace(first.seal, corrections=2, archive=old)),
        ]


async def test_an_edition_that_is_replaced_meanwhile_is_not_wrong(
    full: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at again."""
    moving = Moving(full)
    monkeypatch.setattr(full.seasons, "all", moving.all)
    assert [each.wrong for each in await checked(full)] == [[], []]
    assert moving.looks > 3


async def test_one_that_is_not_written_yet_is_left_out(full: Store, raw: Raw) -> None:
    """As just after the seal, or after a correction."""
    raw["seasons"].update_one({"_id": 2}, {"$unset": {"archive": ""}})
    raw["seasons"].update_one({"_id": 1}, {"$inc": {"corrections": 1}})
    assert [(each.season, each.wrong) for each in await checked(full)] == [("season-1", [])]
