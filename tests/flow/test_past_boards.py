"""Past boards: reading archives as the live board is read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from msgspec import structs

from scoreboard_server.flow import few_readers
from scoreboard_server.flow.archiving import archive
from scoreboard_server.flow.past_boards import Boards
from scoreboard_server.flow.season_book import SeasonBook
from scoreboard_server.live.hub import Hub
from scoreboard_server.live.live_board import LiveBoard
from scoreboard_server.live.reader import Reader, View
from scoreboard_server.rules.board import Board, Standing
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.refusals import NotFound, Unavailable
from scoreboard_server.rules.seasons import Amended, Seal, Season

from ..live.fakes import FakeNames
from .seasons import FakeArchives, FakeSeasons

SEALED = Season(1, "one", 1, seal=Seal(2_000_000, "root"))
CURRENT = Season(2, "two", 2)
TOTALS = [(f"u{n:02}", 100 - n, n) for n in range(1, 21)]


class SetUp:
    """A sealed season of twenty users, and a current one with another user."""

    def __init__(self) -> None:
        self.seasons = FakeSeasons(CURRENT, SEALED)
        ranked = [Standing(user, score, at, rank) for rank, (user, score, at) in enumerate(TOTALS, 1)]
        self.archives = FakeArchives(self.seasons, ranked)
        self.names = FakeNames({"u01": Profile("Ann", "https://a.example/1")})
        live = LiveBoard(Board([("now", 5, 7)]), CURRENT)
        hub = Hub(live, self.names, top=10, interval=0.01)
        self.book = SeasonBook(self.seasons, self.seasons.kept)
        self.boards = Boards(Reader(live, hub, self.names), self.book, self.archives, self.names)

    def correct(self, corrections: int) -> None:
        """The sealed season has been corrected so often."""
        season = self.seasons.kept[1]
        assert season.seal is not None
        seal = structs.replace(season.seal, corrections=corrections)
        self.seasons.kept[1] = structs.replace(season, seal=seal)

    async def sealed(self) -> SetUp:
        """With its archive."""
        await self.archive()
        return self

    async def archive(self) -> None:
        await archive(self.archives, self.seasons.kept[1])
        self.book._turn_to(self.seasons.kept)

    async def read(self, view: View) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads((await self.boards.read(view)).body)
        return answer


VIEWS = [
    View(10),
    View(3, offset=5),
    View(5, offset=18),
    View(5, offset=20),
    View(5, around="u01"),
    View(5, around="u10"),
    View(5, around="u20"),
    View(30, around="u10"),
    View(5, around="nobody"),
    View(1, users=("u07", "nobody", "u02")),
]


@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_is_what_a_live_board_would_have_shown(view: View) -> None:
    """Row for row."""
    setup = await SetUp().sealed()
    told = await setup.read(structs.replace(view, season="one"))
    expected = [(s.user, s.score, s.rank) for s in view.select(Board(TOTALS))]
    assert [(row["userId"], row["score"], row["rank"]) for row in told["leaderboard"]] == expected
    assert (told["totalUsers"], told["season"], told["epoch"]) == (20, "one", "sealed-1")


async def test_it_tells_names_and_what_it_is() -> None:
    """With the digest, and when the last action of it was."""
    setup = await SetUp().sealed()
    told = await setup.read(View(1, season="one", asker="u03"))
    assert told["leaderboard"][0]["username"] == "Ann"
    assert told["userRank"] == {"rank": 3, "score": 97}
    assert told["lastUpdated"] == "1970-01-01T00:00:00.000Z"
    assert told["archive"]["sealedAt"] == "1970-01-01T00:00:02.000Z"
    assert (told["archive"]["edition"], len(told["archive"]["digest"])) == ("announced", 64)
    assert (await setup.read(View(1, season="one", asker="nobody")))["userRank"] is None


async def test_both_boards_of_a_corrected_season_can_be_read() -> None:
    """As corrected unless it is asked for as announced."""
    setup = await SetUp().sealed()
    setup.archives.amendments = [Amended("u01", None, 1), Amended("u05", 500, 5)]
    setup.correct(2)
    await setup.archive()
    now = await setup.read(View(2, season="one"))
    then = await setup.read(View(2, season="one", announced=True))
    assert [row["userId"] for row in now["leaderboard"]] == ["u05", "u02"]
    assert [row["userId"] for row in then["leaderboard"]] == ["u01", "u02"]
    assert (now["totalUsers"], then["totalUsers"]) == (19, 20)
    assert (now["version"], then["version"]) == (3, 1)
    assert [each["archive"]["edition"] for each in (now, then)] == ["corrected", "announced"]


@pytest.mark.parametrize("view", VIEWS)
async def test_an_edition_that_was_removed_meanwhile_is_not_an_empty_board(view: View) -> None:
    """The feed has not told yet that there is a newer one: that is read, whole."""
    setup, outdated, _ = await corrected_twice()
    setup.book._seasons = outdated
    assert (1, 1) not in setup.archives.boards
    await check_whole(setup, view)


@pytest.mark.parametrize("view", VIEWS)
async def test_an_edition_that_is_being_removed_is_not_read_past_what_is_gone(view: View) -> None:
    """However many of its rows are gone already, the best first: the newer edition is read instead."""
    setup, outdated, rows = await corrected_twice()
    for gone in range(1, len(rows) + 1):
        setup.archives.boards[1, 1] = {rank: row for rank, row in rows.items() if rank > gone}
        setup.book._seasons = outdated
        await check_whole(setup, view)


async def corrected_twice() -> tuple[SetUp, list[Season], dict[int, Standing]]:
    """The seasons as known before the second correction, and the rows of the first one's edition."""
    setup = await SetUp().sealed()
    for corrections in (1, 2):
        setup.correct(corrections)
        outdated, rows = list(setup.book.all()), setup.archives.boards.get((1, 1), {})
        await setup.archive()
    return setup, outdated, rows


async def check_whole(setup: SetUp, view: View) -> None:
    """What is told is the board, which the corrections have left as it was."""
    told = await setup.read(structs.replace(view, season="one"))
    expected = [(s.user, s.score, s.rank) for s in view.select(Board(TOTALS))]
    assert [(row["userId"], row["score"], row["rank"]) for row in told["leaderboard"]] == expected
    assert told["totalUsers"] == 20


async def test_an_edition_that_is_never_there_is_refused() -> None:
    """After some looks, however often it is replaced."""
    setup = await SetUp().sealed()
    setup.archives.boards.clear()
    with pytest.raises(Unavailable):
        await setup.read(View(1, season="one"))


async def test_the_etag_is_that_of_the_bytes() -> None:
    """The same for the same, another when a name is learnt."""
    setup = await SetUp().sealed()
    view = View(2, season="one")
    first, second = await setup.boards.read(view), await setup.boards.read(view)
    assert first == second and first.etag is not None
    setup.names.remembered["u02"] = Profile("Ben", None)
    assert (await setup.boards.read(view)).etag != first.etag


async def test_the_current_season_is_the_live_board() -> None:
    """By name or without one."""
    setup = await SetUp().sealed()
    for season in (None, "two"):
        told = await setup.read(View(5, season=season))
        assert [row["userId"] for row in told["leaderboard"]] == ["now"] and "archive" not in told


async def test_what_can_not_be_read_is_refused() -> None:
    """No such season; one whose archive is being written; a store that is away."""
    setup = SetUp()
    with pytest.raises(NotFound):
        await setup.boards.read(View(5, season="three"))
    with pytest.raises(Unavailable) as closing:
        await setup.boards.read(View(5, season="one"))
    assert closing.value.code == "season_closing"
    await setup.archive()
    setup.archives.away = True
    with pytest.raises(Unavailable) as away:
        await setup.boards.read(View(5, season="one"))
    assert away.value.code == "store_unavailable"


async def test_few_read_at_once_and_nobody_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd that looks at an archive leaves the driver's threads to those who write."""
    monkeypatch.setattr(few_readers, "PATIENCE_S", 0.2)
    setup = await SetUp().sealed()
    setup.archives.answers.clear()
    crowd = [asyncio.create_task(setup.read(View(10, offset=i, season="one"))) for i in range(20)]
    for told in await asyncio.gather(*crowd, return_exceptions=True):
        assert isinstance(told, Unavailable) and told.code == "store_unavailable"
    assert setup.archives.most == 2
    setup.archives.answers.set()
    await asyncio.sleep(0.01)
    assert (await setup.read(View(10, season="one")))["totalUsers"] == 20
    assert setup.archives.reading == 0


async def test_the_final_standing_of_a_user() -> None:
    """As on the corrected board; nothing for who isn't on it."""
    setup = await SetUp().sealed()
    season = setup.seasons.kept[1]
    standing = await setup.boards.final_standing(season, "u03")
    assert standing is not None and (standing.score, standing.rank) == (97, 3)
    assert await setup.boards.final_standing(season, "nobody") is None
