"""The season keeper: closes at the end, once, and writes what was left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from msgspec import structs

from scoreboard_server.flow import season_keeper
from scoreboard_server.flow.deciding import Admin
from scoreboard_server.flow.ports import SeasonsEdited
from scoreboard_server.flow.season_book import SeasonBook
from scoreboard_server.flow.season_keeper import SeasonKeeper
from scoreboard_server.flow.season_keeping import SeasonStore
from scoreboard_server.rules.board import Standing
from scoreboard_server.rules.schedules import Schedule
from scoreboard_server.rules.seasons import Closing, Seal, Season, first_season

from .seasons import FakeArchives, FakeSeasons, LeftBehind

MINUTE_US = 60_000_000


class SetUp:
    """A store, and a keeper with its book; the clock stands where a test puts it."""

    def __init__(self, *seasons: Season) -> None:
        self.now = 10
        self.seasons = FakeSeasons(*seasons)
        self.archives = FakeArchives(self.seasons, [Standing("ann", 10, 5, 1)])
        self.book = SeasonBook(self.seasons, self.seasons.kept)
        store = SeasonStore(self.seasons, self.archives, LeftBehind())
        self.keeper = SeasonKeeper(store, self.book, Admin("schedule", "w", lambda: self.now))

    async def keep_until(self, what: Callable[[], bool]) -> None:
        """Let it run, and the book follow."""
        running = [asyncio.create_task(each) for each in (self.keeper.run(), self.book.run())]
        try:
            async with asyncio.timeout(20):
                while not what():
                    self.book.changed(SeasonsEdited())
                    await asyncio.sleep(0.01)
        finally:
            for task in running:
                task.cancel()
            for task in running:
                with contextlib.suppress(asyncio.CancelledError):
                    await task


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(season_keeper, "_SHORTEST_WAIT_S", 0.01)
    monkeypatch.setattr(season_keeper, "_AWAY_PAUSE_S", 0.01)
    monkeypatch.setattr(season_keeper, "_LEFT_AFTER_S", 0.1)


async def test_a_season_closes_at_its_end() -> None:
    """Not before; the next one by the schedule, in whose name it is done; no wish is left behind."""
    ends = structs.replace(first_season(1), ends_at=20, schedule=Schedule("* * * * *", "UTC"))
    setup = SetUp(ends)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(setup.keep_until(lambda: len(setup.seasons.kept) > 1), 0.1)
    setup.now = 20
    await setup.keep_until(lambda: len(setup.seasons.kept) > 1 and bool(setup.archives.boards))
    following, sealed = setup.seasons.kept
    assert (following.name, following.ends_at, following.started_at) == ("season-2", MINUTE_US, 20)
    assert sealed.seal is not None and (sealed.seal.by, sealed.seal.at) == ("schedule", 20)
    assert [act.by for act in setup.seasons.acts] == ["schedule"]
    assert setup.seasons.wish is None


async def test_many_ends_that_were_missed_are_one_close() -> None:
    """A server that was down for a day does not make up for each."""
    ends = structs.replace(first_season(1), ends_at=20, schedule=Schedule("* * * * *", "UTC"))
    setup = SetUp(ends)
    setup.now = 1000 * MINUTE_US
    await setup.keep_until(lambda: len(setup.seasons.kept) > 1)
    assert setup.seasons.kept[0].ends_at == 1001 * MINUTE_US
    await asyncio.sleep(0.05)
    assert len(setup.seasons.kept) == 2


async def test_of_several_servers_one_closes() -> None:
    """The others find it done."""
    ends = structs.replace(first_season(1), ends_at=5)
    setup = SetUp(ends)
    others = [
        SeasonKeeper(setup.keeper._store, SeasonBook(setup.seasons, [ends]), setup.keeper._admin)
        for _ in range(3)
    ]
    for keeper in (setup.keeper, *others):
        await keeper._close_if_due()
    assert len(setup.seasons.kept) == 2 and len(setup.seasons.acts) == 1


async def test_an_admins_unfinished_wish_is_granted_at_the_end() -> None:
    """With the name that was wished, and it stays there to be told."""
    setup = SetUp(structs.replace(first_season(1), ends_at=5))
    setup.seasons.wish = Closing(1, "spring", 99, "root", 3)
    await setup.keep_until(lambda: len(setup.seasons.kept) > 1)
    assert (setup.seasons.kept[0].name, setup.seasons.kept[0].ends_at) == ("spring", 99)
    assert setup.seasons.wish is not None


async def test_an_end_that_was_taken_back_closes_nothing() -> None:
    """Though the book has not heard of it yet."""
    setup = SetUp(structs.replace(first_season(1), ends_at=5))
    setup.seasons.kept = [first_season(1)]
    await setup.keeper._close_if_due()
    assert len(setup.seasons.kept) == 1


async def test_an_end_that_is_taken_back_while_much_is_pending_closes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Folding that takes a while, and an admin may think again."""
    setup = SetUp(structs.replace(first_season(1), ends_at=5))
    setup.seasons.still_pending = 1

    async def take_back(_seconds: float) -> None:
        setup.seasons.kept = [first_season(1)]

    monkeypatch.setattr("scoreboard_server.flow.season_keeping.asyncio.sleep", take_back)
    await setup.keeper._close_if_due()
    assert setup.seasons.kept == [first_season(1)]


async def test_an_archive_that_somebody_left_is_written_after_a_while() -> None:
    """Not at once: whoever has closed the season is about to."""
    sealed = structs.replace(first_season(1), seal=Seal(5, "root"))
    setup = SetUp(Season(2, "two", 5), sealed)
    await setup.keeper._write_what_was_left()
    assert not setup.archives.boards
    await setup.keep_until(lambda: bool(setup.archives.boards))
    assert setup.archives.boards[1, 0][1].user == "ann"


async def test_it_waits_for_the_store(caplog: pytest.LogCaptureFixture) -> None:
    """And says so."""
    setup = SetUp(structs.replace(first_season(1), ends_at=5))
    setup.seasons.away = True
    running = asyncio.create_task(setup.keeper.run())
    await asyncio.sleep(0.05)
    running.cancel()
    assert "has to wait" in caplog.text
    setup.seasons.away = False
    await setup.keep_until(lambda: len(setup.seasons.kept) > 1)
