"""Watching over a socket that is lost and found, against an independent server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve

from scoreboard_cli.board_watcher import Lost, full_jitter, watch
from scoreboard_cli.server_address import ServerAddress
from scoreboard_cli.watched_board import Board

PATIENCE_S = 20


def _update(version: int, *, snapshot: bool = False, epoch: str = "e") -> str:
    row = {"userId": "ann", "username": "Ann", "avatarUrl": None, "score": version * 10, "rank": 1}
    data = {"updatedPositions": [row], "removed": [], "totalUsers": 1}
    return json.dumps(
        {"type": "leaderboard.update", "epoch": epoch, "version": version, "snapshot": snapshot, "data": data}
    )


class Told:
    """Keeps what was told."""

    def __init__(self) -> None:
        self.events: list[Board | Lost] = []
        self._more = asyncio.Event()

    def __call__(self, event: Board | Lost) -> None:
        self.events.append(event)
        self._more.set()

    async def until(self, enough: Callable[[list[Board | Lost]], bool]) -> None:
        """Wait until the events are such."""
        async with asyncio.timeout(PATIENCE_S):
            while not enough(self.events):
                self._more.clear()
                await self._more.wait()

    @property
    def versions(self) -> list[int | None]:
        """The versions of the boards, None for each loss."""
        return [event.version if isinstance(event, Board) else None for event in self.events]


async def _no_pause(_seconds: float) -> None:
    await asyncio.sleep(0.01)


async def _watched(visits: list[list[str]], versions: list[int | None]) -> Told:
    """What is told of a server that says these messages at each visit, until so much was."""
    left = iter(visits)

    async def visit(connection: ServerConnection) -> None:
        for message in next(left, ()):
            await connection.send(message)

    told = Told()
    async with serve(visit, "127.0.0.1", 0) as server:
        address = ServerAddress("127.0.0.1", next(iter(server.sockets)).getsockname()[1])
        watching = asyncio.create_task(watch(lambda: address, told, _no_pause))
        await told.until(lambda events: len(events) >= len(versions))
        watching.cancel()
    return told


async def test_a_socket_that_is_lost_is_opened_again() -> None:
    """After a loss comes a snapshot, and it goes on from there."""
    versions = [1, 2, None, 7]
    told = await _watched([[_update(1, snapshot=True), _update(2)], [_update(7, snapshot=True)]], versions)
    assert told.versions[:4] == versions, told.events


async def test_a_gap_is_a_reason_to_begin_again() -> None:
    """An update that doesn't follow is not applied: the socket is left, and a snapshot awaited."""
    versions = [1, None, 3]
    told = await _watched([[_update(1, snapshot=True), _update(3)], [_update(3, snapshot=True)]], versions)
    assert told.versions[:3] == versions
    assert isinstance(told.events[1], Lost)
    assert told.events[1].why == "an update is missing"


async def test_nonsense_is_a_loss() -> None:
    """What is no message ends the socket, not the watching."""
    told = await _watched([["{"], [_update(1, snapshot=True)]], [None, 1])
    assert told.versions[:2] == [None, 1]


async def test_a_loss_tells_how_long_ago_the_server_was_heard() -> None:
    """Whatever it said then, and though the board has not changed for longer."""

    async def visit(connection: ServerConnection) -> None:
        await connection.send(_update(1, snapshot=True))
        await asyncio.sleep(0.3)
        await connection.send('{"type":"pong"}')
        await asyncio.sleep(0.1)

    told = Told()
    async with serve(visit, "127.0.0.1", 0) as server:
        address = ServerAddress("127.0.0.1", next(iter(server.sockets)).getsockname()[1])
        addresses = iter([address])
        began = asyncio.get_running_loop().time()
        watching = asyncio.create_task(watch(lambda: next(addresses, None), told, _no_pause))
        await told.until(lambda events: len(events) >= 3)
        lasted = asyncio.get_running_loop().time() - began
        watching.cancel()
    _, first, second = told.events
    assert isinstance(first, Lost) and isinstance(second, Lost)
    assert 0 <= first.heard_ago < second.heard_ago < lasted - 0.3


async def test_there_may_be_no_server() -> None:
    """None found, and nobody listening, are told as losses, and tried again."""
    addresses = iter([None, ServerAddress("127.0.0.1", 9)])
    told = Told()
    watching = asyncio.create_task(watch(lambda: next(addresses, None), told, _no_pause))
    await told.until(lambda events: len(events) >= 3)
    watching.cancel()
    whys = [event.why for event in told.events if isinstance(event, Lost)]
    assert whys[:2] == ["no server is running", "nobody listens there"]


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_pause_is_anywhere_up_to_a_cap(failures: int, chance: float) -> None:
    """Full jitter: from nothing to half a second doubled at each failure, fifteen at most."""
    pause = full_jitter(failures, lambda: chance)
    assert 0 <= pause <= 15
    assert full_jitter(0, lambda: 1.0) == 0.5
    assert full_jitter(failures + 6, lambda: 1.0) == 15
