"""Moderating: what admins decide takes effect here, and ends, whoever wrote it down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from scoreboard_server.flow import moderating as moderating_module
from scoreboard_server.flow.loading import Loaded
from scoreboard_server.flow.moderating import Moderating
from scoreboard_server.flow.ports import BanChanged, TokensRevoked
from scoreboard_server.live.hub import Hub
from scoreboard_server.live.live_board import LiveBoard
from scoreboard_server.live.seat import Seat
from scoreboard_server.rules.bans import Ban, BanList, Banned
from scoreboard_server.rules.board import Board
from scoreboard_server.rules.claims import WRITE, Identity
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.revocations import Revocation, RevocationList, TokenRevoked

from ..live.fakes import FakeNames, FakeSocket
from .fakes import SEASON

BAN = Ban("ann", "b1", "cheats", "admin", since=0)


class Setup:
    """Ann before ben before cem, and a clock that a test moves."""

    def __init__(self, *bans: Ban, hidden: tuple[str, ...] = ()) -> None:
        self.now = 100
        self.bans = BanList(bans)
        self.revocations = RevocationList()
        board = Board([("ann", 30, 1), ("ben", 20, 1), ("cem", 10, 1)], hidden)
        self.live = LiveBoard(board, SEASON)
        self.hub = Hub(self.live, FakeNames(), top=3, interval=0)
        self.moderating = Moderating(
            self.live,
            self.hub,
            bans=self.bans,
            revocations=self.revocations,
            now_us=lambda: self.now,
        )

    def ranks(self) -> list[str]:
        return [standing.user for standing in self.live.board]

    def sit(self, user: str, token_id: str = "t1", issued_at: float = 0) -> FakeSocket:
        socket = FakeSocket()
        seat = Seat(self.hub, socket.write, socket.dismiss)
        self.hub.join(seat)
        self.hub.own(seat, Identity(user, token_id, 1e12, frozenset({WRITE}), Profile(), issued_at))
        return socket

    def reload(self, *bans: Ban, revocations: tuple[Revocation, ...] = ()) -> None:
        """As the follower does; the board leaves out who is banned now."""
        hidden = [ban.user for ban in bans if ban.is_in_force(self.now)]
        board = Board([("ann", 30, 1), ("ben", 20, 1), ("cem", 10, 1)], hidden)
        self.live.replace(board, SEASON)
        self.moderating.reloaded(Loaded(board, SEASON, 0, {}, bans, [SEASON], revocations))

    async def for_a_while(self) -> None:
        running = asyncio.create_task(self.moderating.run())
        await asyncio.sleep(0.02)
        assert not running.done()
        running.cancel()


@pytest.fixture(autouse=True)
async def _quick_steps(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(moderating_module, "_STEP_S", 0.001)
    yield


async def test_a_ban_takes_effect_at_once() -> None:
    """The user leaves the board, is sent away and told why; those behind close up."""
    setup = Setup()
    ann, ben = setup.sit("ann"), setup.sit("ben")
    setup.moderating.changed(BanChanged(BAN))
    assert setup.ranks() == ["ben", "cem"]
    assert isinstance(ann.told_why, Banned) and not ben.dismissed
    with pytest.raises(Banned):
        setup.bans.check("ann", setup.now)


async def test_a_lifted_ban_gives_the_place_back() -> None:
    """With everything that was counted meanwhile."""
    setup = Setup()
    setup.moderating.changed(BanChanged(BAN))
    setup.live.apply("ann", -15, 0)
    setup.moderating.changed(BanChanged(replace(BAN, lifted_at=100)))
    assert setup.ranks() == ["ben", "ann", "cem"]


async def test_a_ban_ends_by_itself() -> None:
    """When its time is over, and not before."""
    setup = Setup()
    setup.moderating.changed(BanChanged(replace(BAN, until=200)))
    setup.now = 199
    await setup.for_a_while()
    assert setup.ranks() == ["ben", "cem"]
    setup.now = 200
    await setup.for_a_while()
    assert setup.ranks() == ["ann", "ben", "cem"]


async def test_a_ban_that_ended_while_the_server_started_hides_nobody() -> None:
    """The board was read while it was in force."""
    setup = Setup(replace(BAN, until=100), hidden=("ann",))
    await setup.for_a_while()
    assert setup.ranks() == ["ann", "ben", "cem"]


async def test_banned_again_right_after_the_end_the_sockets_go() -> None:
    """Also those that were opened in the moment in between."""
    setup = Setup()
    setup.moderating.changed(BanChanged(replace(BAN, until=200)))
    setup.now = 200
    ann = setup.sit("ann")
    setup.moderating.changed(BanChanged(replace(BAN, id="b2")))
    assert isinstance(ann.told_why, Banned)


async def test_a_ban_on_new_terms_is_no_other_ban() -> None:
    """An earlier end counts, and a later one."""
    setup = Setup()
    setup.moderating.changed(BanChanged(BAN))
    setup.moderating.changed(BanChanged(replace(BAN, until=150)))
    setup.now = 150
    await setup.for_a_while()
    assert setup.ranks() == ["ann", "ben", "cem"]


async def test_who_is_not_on_the_board_can_be_banned() -> None:
    """And does not get on it by what comes in later, until the ban is lifted."""
    setup = Setup()
    stranger = replace(BAN, user="dan")
    setup.moderating.changed(BanChanged(stranger))
    setup.live.apply("dan", 40, 5)
    assert setup.ranks() == ["ann", "ben", "cem"]
    setup.moderating.changed(BanChanged(replace(stranger, lifted_at=100)))
    assert setup.ranks() == ["dan", "ann", "ben", "cem"]


async def test_a_reload_keeps_who_is_banned_away() -> None:
    """It brings bans that were missed, and ends those that were lifted in the gap."""
    setup = Setup()
    setup.moderating.changed(BanChanged(BAN))
    ben = setup.sit("ben")
    setup.reload(BAN, replace(BAN, user="ben"))
    assert setup.ranks() == ["cem"]
    assert isinstance(ben.told_why, Banned)
    setup.reload(BAN)
    assert setup.ranks() == ["ben", "cem"]


async def test_a_ban_that_ended_while_the_board_was_read_hides_nobody() -> None:
    """Reading takes its time."""
    setup = Setup()
    ended = replace(BAN, until=101)
    board = Board([("ann", 30, 1)], ["ann"])
    setup.now = 101
    setup.live.replace(board, SEASON)
    setup.moderating.reloaded(Loaded(board, SEASON, 0, {}, [ended], [SEASON], ()))
    assert setup.ranks() == ["ann"]


async def test_a_revoked_token_loses_its_sockets() -> None:
    """One by its id, whoever has it; or all of a user's until then."""
    setup = Setup()
    one, other, ben = setup.sit("ann", "t1"), setup.sit("ann", "t2"), setup.sit("ben", "t3", issued_at=9)
    setup.moderating.changed(TokensRevoked(Revocation(5, 1e9, token_id="t1")))
    assert (one.dismissed, other.dismissed, ben.dismissed) == (True, False, False)
    assert isinstance(one.told_why, TokenRevoked)
    setup.moderating.changed(TokensRevoked(Revocation(5, 1e9, user="ann")))
    setup.moderating.changed(TokensRevoked(Revocation(5, 1e9, user="ben")))
    assert (other.dismissed, ben.dismissed) == (True, False)


async def test_a_reload_brings_revocations_that_were_missed() -> None:
    """And their sockets go."""
    setup = Setup()
    ann = setup.sit("ann")
    setup.reload(revocations=(Revocation(5, 1e9, token_id="t1"),))
    assert isinstance(ann.told_why, TokenRevoked) and len(setup.revocations) == 1


async def test_revocations_are_forgotten_when_they_can_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with every one there ever was."""
    monkeypatch.setattr(moderating_module, "_FORGET_EVERY_S", 0.0)
    setup = Setup()
    setup.moderating.changed(TokensRevoked(Revocation(5, until=50, token_id="t1")))
    await setup.for_a_while()
    assert len(setup.revocations) == 1
    setup.now = 50_000_000
    await setup.for_a_while()
    assert len(setup.revocations) == 0
