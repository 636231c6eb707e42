"""Storms: sockets that open and close by the hundred, and many that don't read while the board moves.

`SCOREBOARD_STORM_SOCKETS` makes them larger: so many sockets instead of 200.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from scoreboard_server.live.closings import NOT_READING
from scoreboard_server.web import frame_writer

from ..conftest import UNLIMITED, Api
from ..live.fakes import Watched
from .conftest import StartApi
from .insides import parts, services, stream_of
from .test_socket_races import until
from .wire import HANDSHAKE, request

SOCKETS = int(os.environ.get("SCOREBOARD_STORM_SOCKETS", "200"))
DEAF = SOCKETS // 4
# For everything on a machine that others use, too.
PATIENCE_S = 60 + SOCKETS / 20
OPEN = request("/ws", *HANDSHAKE)
T = TypeVar("T")
ROWS = 400  # some 40 KB a snapshot, more than a socket's buffers hold

pytestmark = pytest.mark.timeout(4 * PATIENCE_S)


class Listener:
    """A watcher on a plain stream: cheap enough for hundreds beside the server in one process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self.watched = Watched()
        self.snapshots = 0

    async def open(self) -> None:
        """Shake hands and read the opening snapshot."""
        self.writer.write(OPEN)
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        await self.next()

    async def next(self) -> None:
        """Read and apply one frame of the board."""
        first, size = await self._reader.readexactly(2)
        assert first == 0x81
        if size >= 126:
            size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8))
        update = json.loads(await self._reader.readexactly(size))
        self.snapshots += update["snapshot"]
        self.watched.apply(update)

    async def until(self, version: int) -> None:
        """Follow up to this version; each one on the way is applied."""
        while self.watched.version < version:
            await self.next()


@asynccontextmanager
async def listening(api: Api) -> AsyncIterator[Listener]:
    """One listener who has read the opening snapshot."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.server.port)
    try:
        listener = Listener(reader, writer)
        await listener.open()
        yield listener
    finally:
        writer.close()


async def deaf(api: Api) -> socket.socket:
    """A socket that has shaken hands and then reads nothing, with a small buffer of its own."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", api.server.port))
    await loop.sock_sendall(client, OPEN)
    return client


async def within_patience(what: Awaitable[T]) -> T:
    """Its result, if it comes before everybody has lost patience."""
    return await asyncio.wait_for(what, PATIENCE_S)


@pytest.fixture
async def open_api(start_api: StartApi, tmp_path: Any) -> Api:
    """A server with a large board shown, and places for everybody."""
    config = tmp_path / "storm.toml"
    limits = "[limits]\nsockets = 0\nsockets_per_user = 0\nsockets_per_ip = 0\n"
    config.write_text(UNLIMITED.replace("[limits]\n", limits))
    return await start_api(config=config, live__top=1000)


# --- opening and closing --------------------------------------------------------------------------


async def come_and_go(api: Api, chance: random.Random) -> None:
    """Open, and leave in one of the ways there are."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.server.port)
    writer.write(OPEN[: chance.choice([len(OPEN), len(OPEN), len(OPEN) // 2])])
    with contextlib.suppress(ConnectionError, TimeoutError):
        await asyncio.wait_for(reader.read(chance.choice([1, 1000])), chance.choice([0.001, 0.05]))
        writer.write(chance.choice([b"", b"\x88\x80\0\0\0\0", b"\x89\x80\0\0\0\0", os.urandom(9)]))
    if chance.random() < 0.5:
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def test_who_comes_and_goes_stalls_nobody(open_api: Api) -> None:
    """While they storm, every action is counted and every version reaches who stays; no place is lost."""
    api, storming = open_api, True

    async def storm(seed: int) -> None:
        chance = random.Random(seed)
        while storming:
            await come_and_go(api, chance)

    async with listening(api) as stayer:
        storms = [asyncio.create_task(storm(seed)) for seed in range(SOCKETS // 4)]
        for n in range(30):
            answer = await within_patience(api.act(f"u{n % 7}", f"a{n}"))
            assert answer["newScore"] == 10 * (n // 7 + 1)
        storming = False
        await within_patience(asyncio.gather(*storms))
        board = await api.board("?limit=1000")
        await within_patience(stayer.until(board["version"]))
        assert stayer.watched.rows == board["leaderboard"]
        await until(lambda: len(services(api).occupancy) == 1)
        assert len(services(api).hub._seats) == 1


# --- not reading ----------------------------------------------------------------------------------


def waiting(api: Api) -> int:
    """How many bytes wait in the server for somebody to read them."""
    streams = [stream_of(seat) for seat in services(api).hub._seats]
    return sum(len(stream._write_buffer) for stream in streams if not stream.closed())


def move(api: Api, turn: int) -> None:
    """Every row of the board changes."""
    for n in range(ROWS):
        parts(api).live.apply(f"user-{n:03}-{'x' * 50}", 1 + turn % 3, turn * ROWS + n + 1)


async def turns_of_the_board(api: Api, listeners: list[Listener], over: Callable[[], bool]) -> int:
    """Until it is over, move it and wait until everybody who listens has that; the most that waited."""
    most = turn = 0
    while not over():
        turn += 1
        move(api, turn)
        version = (await api.board("?limit=1"))["version"]
        most = max(most, waiting(api))
        await within_patience(asyncio.gather(*(each.until(version) for each in listeners)))
    return most


async def test_who_does_not_read_harms_nobody(
    open_api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A quarter is deaf: at most a frame waits for each, they are cut off, and the others miss nothing."""
    caplog.set_level(logging.INFO, "scoreboard.web")
    monkeypatch.setattr(frame_writer, "WRITE_PATIENCE_S", 3.0 + SOCKETS / 200)  # nobody else may be so slow
    api, hub = open_api, services(open_api).hub
    move(api, 0)
    await api.board()
    async with contextlib.AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(listening(api)) for _ in range(SOCKETS - DEAF)]
        for client in [await deaf(api) for _ in range(DEAF)]:
            stack.callback(client.close)
        await until(lambda: len(hub._seats) == SOCKETS)
        most = await turns_of_the_board(api, listeners, lambda: len(hub._seats) == len(listeners))
        frame = len(hub.published.snapshot)
        assert 0 < most <= DEAF * frame, "more than one frame waits for somebody"
        assert sum("nobody reads" in record.getMessage() for record in caplog.records) == DEAF
        assert services(api).closings.by_reason == {NOT_READING: DEAF}
        assert (await within_patience(api.act("ann", "a1")))["newScore"] == 10
        board = await api.board("?limit=1000")
        await within_patience(asyncio.gather(*(each.until(board["version"]) for each in listeners)))
        assert all(each.watched.rows == board["leaderboard"] for each in listeners)
        assert {each.snapshots for each in listeners} == {1}, "somebody who listens has missed a version"
        await until(lambda: len(services(api).occupancy) == len(listeners))
    await until(lambda: not len(services(api).occupancy))
