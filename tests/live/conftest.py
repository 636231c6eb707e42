"""A hub on small fakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from scoreboard_server.live.hub import Hub
from scoreboard_server.live.live_board import LiveBoard
from scoreboard_server.live.reader import Reader
from scoreboard_server.live.seat import Seat
from scoreboard_server.rules.board import Board
from scoreboard_server.rules.claims import WRITE, Identity
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.seasons import Season

from .fakes import FakeNames, FakeSocket

SEASON = Season(1, "season-1", 0)


def identity(user: str, token_id: str = "t1") -> Identity:
    """Who a good token speaks for."""
    return Identity(user, token_id, 1e12, frozenset({WRITE}), Profile())


class Setup:
    """A live board with a hub that publishes its top three, and a reader; `start` lets the hub run."""

    def __init__(
        self,
        standings: Mapping[str, int] | None = None,
        names: Mapping[str, Profile] | None = None,
        interval: float = 0.0,
    ) -> None:
        self._at = 100
        self.live = LiveBoard(
            Board((user, score, i) for i, (user, score) in enumerate((standings or {}).items(), 1)), SEASON
        )
        self.names = FakeNames(names)
        self.hub = Hub(self.live, self.names, top=3, interval=interval)
        self.reader = Reader(self.live, self.hub, self.names)
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.hub.run())

    def act(self, user: str, points: int = 10) -> None:
        """Fold in one entry, later than all before."""
        self._at += 1
        self.live.apply(user, points, self._at)

    async def published(self) -> None:
        """Return when everything so far is published."""
        await self.hub.look(lambda board: None)

    def sit(self, user: str | None = None) -> tuple[Seat, FakeSocket]:
        """A watcher who has read the opening snapshot, and has proved to be `user`."""
        socket = FakeSocket()
        seat = Seat(self.hub, socket.write, socket.dismiss)
        self.hub.join(seat)
        if user is not None:
            self.hub.own(seat, identity(user))
        socket.take()
        return seat, socket


SetUp = Callable[..., Setup]


@pytest.fixture
async def set_up() -> AsyncIterator[SetUp]:
    """Make setups; none of their hubs may die."""
    made: list[Setup] = []

    def make(*args: object, start: bool = True, **options: object) -> Setup:
        setup = Setup(*args, **options)  # type: ignore[arg-type]
        made.append(setup)
        if start:
            setup.start()
        return setup

    yield make
    for setup in made:
        if setup.task is not None:
            assert not setup.task.done(), "the hub has died"
            setup.task.cancel()
