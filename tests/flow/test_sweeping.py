"""Sweeping: what banned users had counted after all is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from msgspec.structs import replace

from scoreboard_server.flow import sweeping as sweeping_module
from scoreboard_server.flow.loading import Loaded
from scoreboard_server.flow.ports import BanChanged, EntryAppended
from scoreboard_server.flow.sweeping import Sweeping
from scoreboard_server.rules.bans import Ban, BanList
from scoreboard_server.rules.board import Board

from .fakes import SEASON
from .moderation import FakeModeration

BAN = Ban("ann", "b1", "cheats", "admin", since=0, taken_back_from=50)


class Setup:
    """A store where ann is banned, and who sweeps there."""

    def __init__(self, *known: Ban) -> None:
        self.store = FakeModeration()
        self.store.newest["ann"] = BAN
        self.bans = BanList(known)
        self.sweeping = Sweeping(self.store, bans=self.bans, writer="me", now_us=lambda: 100)
        self.task = asyncio.create_task(self.sweeping.run())

    def learn(self, ban: Ban) -> None:
        self.bans.put(ban)
        self.sweeping.changed(BanChanged(ban))

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not happened():
                assert not self.task.done()
                await asyncio.sleep(0.001)

    async def rest(self) -> None:
        """Return when there is no reason left to look, nor is it looking."""
        quiet = 0
        async with asyncio.timeout(20):
            while quiet < 5:
                quiet = 0 if self.sweeping._sweeps else quiet + 1
                await asyncio.sleep(0.001)


SetUp = Callable[..., Setup]


@pytest.fixture
async def set_up(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SetUp]:
    """Make setups with all pauses a thousandth as long."""
    for name in ("_STEP_S", "_FIRST_PAUSE_S", "_LAST_PAUSE_S"):
        monkeypatch.setattr(sweeping_module, name, getattr(sweeping_module, name) / 1000)
    made: list[Setup] = []

    def setting_up(*known: Ban) -> Setup:
        made.append(Setup(*known))
        return made[-1]

    yield setting_up
    for setup in made:
        setup.task.cancel()


async def test_what_comes_in_after_the_ban_is_taken_back(set_up: SetUp) -> None:
    """Learnt of a ban, it looks several times, as its own entries are not told to it."""
    setup = set_up()
    setup.learn(BAN)
    await setup.until(lambda: setup.store.looks > 2)
    setup.store.act("late")
    await setup.until(lambda: setup.store.score() == 0)


async def test_it_stops_looking_in_the_end(set_up: SetUp) -> None:
    """When nothing was found for longer than a caller waits."""
    setup = set_up()
    setup.learn(BAN)
    await setup.rest()
    assert 3 < setup.store.looks < 12


async def test_an_entry_of_a_banned_user_is_taken_back_whenever_it_comes(set_up: SetUp) -> None:
    """A process that was paused for hours appends what it had admitted."""
    setup = set_up()
    setup.learn(BAN)
    await setup.rest()
    setup.store.act("late")
    setup.sweeping.appended(EntryAppended("ann", 10, 100, "open"))
    await setup.until(lambda: setup.store.score() == 0)


async def test_others_and_corrections_are_no_reason_to_look(set_up: SetUp) -> None:
    """Nor are entries of somebody whose ban takes nothing back."""
    setup = set_up()
    setup.bans.put(BAN)
    setup.bans.put(replace(BAN, user="ben", taken_back_from=None))
    setup.sweeping.appended(EntryAppended("ann", -10, 100, "!taken-back"))
    setup.sweeping.appended(EntryAppended("ben", 10, 100, "open"))
    setup.sweeping.appended(EntryAppended("cem", 10, 100, "open"))
    assert setup.sweeping._sweeps == {}


async def test_bans_of_before_the_start_are_looked_at(set_up: SetUp) -> None:
    """An admin's command may have been killed in the middle, and every server too."""
    setup = set_up(BAN)
    setup.store.act("a1")
    await setup.until(lambda: setup.store.score() == 0)


async def test_a_reload_is_a_reason_to_look(set_up: SetUp) -> None:
    """What others appended meanwhile was not told."""
    setup = set_up()
    setup.bans.put(BAN)
    setup.store.act("a1")
    setup.sweeping.reloaded(Loaded(Board(), SEASON, 0, {}, [BAN], [SEASON], ()))
    await setup.until(lambda: setup.store.score() == 0)


async def test_a_store_that_is_away_is_asked_again(set_up: SetUp) -> None:
    """However long it takes."""
    setup = set_up()
    setup.store.faults = 20
    setup.store.act("a1")
    setup.learn(BAN)
    await setup.until(lambda: setup.store.score() == 0)


async def test_a_ban_that_ended_takes_nothing_more(set_up: SetUp) -> None:
    """Ended by itself or lifted, what comes in later counts."""
    setup = set_up()
    setup.store.act("a1")
    setup.learn(replace(BAN, until=100))
    setup.learn(replace(BAN, user="ben", lifted_at=100))
    await setup.rest()
    assert (setup.store.looks, setup.store.score()) == (0, 10)
