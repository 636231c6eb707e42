"""Past pages: each is read once, whoever asks, and told as it is now; few at a time, and not all kept."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from scoreboard_server.flow import few_readers
from scoreboard_server.flow.editions import Edition, Part
from scoreboard_server.flow.past_pages import ROOM_BYTES, PastPages
from scoreboard_server.live.reader import Reading, View
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.refusals import Unavailable
from scoreboard_server.rules.seasons import Amended

from .test_past_boards import SetUp, corrected_twice

PAGE = View(5, season="one")


async def sealed() -> SetUp:
    """A sealed season that nobody has read yet."""
    setup = await SetUp().sealed()
    setup.archives.reads = 0
    return setup


async def test_a_page_is_read_once() -> None:
    """For all who ask at once and for all who come later, also for those who have it already (304)."""
    setup = await sealed()
    setup.archives.answers.clear()
    crowd = [asyncio.create_task(setup.boards.read(PAGE)) for _ in range(50)]
    await asyncio.sleep(0.01)
    crowd[0].cancel()
    setup.archives.answers.set()
    first, *others = (await asyncio.gather(*crowd, return_exceptions=True))[1:]
    assert isinstance(first, Reading) and all(other is first for other in others)
    setup.archives.away = True
    assert await setup.boards.read(PAGE) is first
    assert setup.archives.reads == 1


async def test_a_new_name_is_shown_at_once() -> None:
    """In other bytes under another validator, and the board is not read again for it."""
    setup = await sealed()
    before = await setup.boards.read(PAGE)
    setup.names.remembered["u03"] = Profile("Cem", None)
    after = await setup.boards.read(PAGE)
    assert (after.etag == before.etag, b'"Cem"' in after.body, b'"Cem"' in before.body) == (
        False,
        True,
        False,
    )
    assert await setup.boards.read(PAGE) is after
    assert setup.archives.reads == 1


async def test_a_correction_is_shown_as_soon_as_it_is_known() -> None:
    """First that there is one, then its board; what was announced stays as it was, for who asks for it."""
    setup = await sealed()
    then = structs.replace(PAGE, announced=True)
    before, announced = await setup.read(PAGE), await setup.read(then)
    setup.archives.amendments = [Amended("u01", None, 1)]
    setup.correct(1)
    setup.book._turn_to(setup.seasons.kept)
    between = await setup.read(PAGE)
    assert (between["archive"]["corrections"], between["leaderboard"]) == (1, before["leaderboard"])
    assert setup.archives.reads == 1, "both are the announced one yet"
    await setup.archive()
    setup.archives.reads = 0
    after = await setup.read(PAGE)
    assert [row["userId"] for row in after["leaderboard"]] == ["u02", "u03", "u04", "u05", "u06"]
    assert (after["archive"]["edition"], after["version"], after["totalUsers"]) == ("corrected", 2, 19)
    assert (await setup.read(then))["leaderboard"] == announced["leaderboard"]
    assert setup.archives.reads == 1


async def test_what_is_an_askers_is_told_to_nobody_else() -> None:
    """The page is read for all, the own row for each, and no bytes are shared."""
    setup = await sealed()
    anonymous = await setup.read(PAGE)
    own = [await setup.read(structs.replace(PAGE, asker=asker)) for asker in ("u07", "u09", "nobody")]
    assert [told["userRank"] and told["userRank"]["rank"] for told in own] == [7, 9, None]
    assert all(told["leaderboard"] == anonymous["leaderboard"] for told in own)
    assert "userRank" not in await setup.read(PAGE)


async def test_an_edition_that_is_gone_is_kept_by_nobody() -> None:
    """Whoever reads it next has the newer one, and the seasons are looked up once for a crowd."""
    setup, outdated, _ = await corrected_twice()
    setup.book._seasons = outdated
    looks = setup.book._readings
    crowd = await asyncio.gather(*(setup.read(PAGE) for _ in range(20)))
    assert {told["version"] for told in crowd} == {3}
    assert setup.book._readings == looks + 1


async def test_what_was_asked_for_last_is_kept() -> None:
    """As much as there is room for, by size; the rest is read again."""
    setup = await sealed()
    reading = await setup.boards.read(PAGE)
    taken = setup.boards._pages.bytes
    assert 2 * len(reading.body) < taken < ROOM_BYTES
    setup.boards._pages = PastPages(setup.archives, room=2 * taken + 100)
    setup.archives.reads = 0
    pages = [structs.replace(PAGE, offset=offset) for offset in (0, 5, 0, 10, 0, 5)]
    for page in pages:
        await setup.boards.read(page)
        assert setup.boards._pages.bytes <= 2 * taken + 100
    assert setup.archives.reads == 4, "the second page alone was pushed out"
    setup.boards._pages = PastPages(setup.archives, room=10)
    assert (await setup.read(PAGE))["totalUsers"] == 20
    assert setup.boards._pages.bytes == 0


async def test_a_crowd_is_told_that_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many different pages those that can't be read in time are refused as too many: the store is well."""
    monkeypatch.setattr(few_readers, "PATIENCE_S", 0.2)
    setup = await sealed()
    setup.archives.answers.clear()
    pages = [View(1, users=(f"u{i:02}", "u01"), season="one") for i in range(300)]
    crowd = asyncio.gather(*(setup.boards.read(page) for page in pages), return_exceptions=True)
    while not crowd.done():  # two are read every now and then
        await asyncio.sleep(0.01)
        setup.archives.answers.set()
        await asyncio.sleep(0)
        setup.archives.answers.clear()
    refused = [each for each in await crowd if isinstance(each, Unavailable)]
    assert len(refused) > 200
    assert {(each.code, each.retry_after) for each in refused} == {("overloaded", 1)}


async def test_a_screenful_does_not_wait_behind_thousands_of_rows() -> None:
    """However many large pages are asked for, one of them is read at a time, and small ones beside it."""
    setup = await sealed()
    setup.archives.answers.clear()
    large = [asyncio.create_task(setup.read(View(1000, offset=i, season="one"))) for i in range(10)]
    small = [asyncio.create_task(setup.read(structs.replace(PAGE, offset=i))) for i in range(2)]
    await asyncio.sleep(0.01)
    assert setup.archives.reading == 3
    setup.archives.answers.set()
    await asyncio.gather(*large, *small)


async def test_who_joins_waits_as_long_as_it_wants_to() -> None:
    """Also where the one who asked first wanted less: that one alone is told so."""
    setup = await sealed()
    setup.archives.answers.clear()
    pages, now = setup.boards._pages, asyncio.get_running_loop().time()
    other = asyncio.create_task(setup.read(View(1000, offset=1, season="one")))
    await asyncio.sleep(0)
    edition, part = Edition(1, 0, 20), Part(1000)
    first = asyncio.create_task(pages.rows(edition, part, now + 0.05))
    joined = asyncio.create_task(pages.rows(edition, part, now + 20))
    with pytest.raises(Unavailable):
        await first
    await asyncio.sleep(0.05)
    setup.archives.answers.set()
    assert len(await joined) == 20
    await other
