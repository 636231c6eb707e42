"""Watching a board for as long as one likes: over a socket that is opened again when it is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from .server_address import ServerAddress
from .socket_client import LiveSocket, SocketLostError
from .watched_board import Board, Update, apply, read_update

_BACKOFF_BASE_S = 0.5
_BACKOFF_CAP_S = 15.0
_OUT_OF_STEP = "an update is missing"


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing is seen for now, nor was for so many seconds; in so many it is tried again."""

    why: str
    retry_in: float
    heard_ago: float = 0.0


def full_jitter(failures: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds until the next try: a server that comes back isn't met by everyone at once."""
    return chance() * min(_BACKOFF_CAP_S, _BACKOFF_BASE_S * 2.0 ** min(failures, 16))


async def watch(
    address: Callable[[], ServerAddress | None],
    tell: Callable[[Board | Lost], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> NoReturn:
    """Tell every published state, and every loss of the socket, for ever.

    address: asked before each try, as a server that comes back may be elsewhere; None where there is none.
    """
    clock = asyncio.get_running_loop().time
    heard_at = clock()
    failures = 0

    def live(board: Board) -> None:
        nonlocal failures
        failures = 0
        tell(board)

    def heard() -> None:
        nonlocal heard_at
        heard_at = clock()

    while True:
        why = _OUT_OF_STEP
        try:
            await _follow(address(), live, heard)
        except SocketLostError as error:
            why = str(error)
        lost = Lost(why, full_jitter(failures), clock() - heard_at)
        failures += 1
        tell(lost)
        await sleep(lost.retry_in)


async def _follow(
    address: ServerAddress | None, tell: Callable[[Board], None], heard: Callable[[], None]
) -> None:
    """Tell the states seen through one socket; ends when an update doesn't follow the one before.

    heard: called for whatever comes, also when nothing on the board has changed.
    """
    if address is None:
        raise SocketLostError("no server is running")
    board: Board | None = None
    socket = await LiveSocket.open(address)
    try:
        while True:
            messages = await socket.receive()
            heard()
            for update in _updates(messages):
                board = apply(board, update)
                if board is None:
                    return
                tell(board)
    finally:
        socket.close()


def _updates(messages: list[bytes]) -> Iterator[Update]:
    try:
        for message in messages:
            if (update := read_update(message)) is not None:
                yield update
    except ValueError:
        raise SocketLostError("it sends what is no message") from None
