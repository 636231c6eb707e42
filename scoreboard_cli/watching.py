"""`scoreboard leaderboard --watch`: on a terminal a board that moves, elsewhere one output per version."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from . import console
from .board_watcher import Lost, watch
from .leaderboard_commands import HEADINGS
from .server_address import ServerAddress
from .session import UNREACHABLE, USAGE, Session, fail, server_beside
from .watched_board import Board

if TYPE_CHECKING:
    from rich.live import Live

    from .board_view import BoardView

_TICK_S = 0.25  # how often arrows fade and seconds are counted

Tell = Callable[[Board | Lost], None]
WatchAnd = Callable[[Tell], Coroutine[Any, Any, NoReturn]]


class NeverSeenError(Exception):
    """There was no board to begin with."""


def watch_board(session: Session, limit: int, server: str | None) -> None:
    """Show the board until SIGINT or SIGTERM. Ends the command with 4 when there is nothing to watch."""
    find = _finder(session, server)
    url = find()
    if url is None:
        fail(UNREACHABLE, "No server runs here. `scoreboard serve` starts one; --server URL names another.")
    try:
        ServerAddress.of(url)
    except ValueError as error:
        fail(USAGE, f"--server: {error}.")
    try:
        asyncio.run(_until_told(_show(session, limit, url, find)))
    except NeverSeenError as error:
        fail(UNREACHABLE, str(error))


def _finder(session: Session, server: str | None) -> Callable[[], str | None]:
    """The server that was named, else the one in this folder, wherever it is by then."""
    if server is not None:
        return lambda: server
    settings = session.settings()
    return lambda: server_beside(settings)


def _can_move(session: Session) -> bool:
    is_terminal = sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return is_terminal and not session.as_json


async def _show(session: Session, limit: int, url: str, find: Callable[[], str | None]) -> None:
    def address() -> ServerAddress | None:
        found = find()
        return None if found is None else ServerAddress.of(found)

    def watch_and(tell: Tell) -> Coroutine[Any, Any, NoReturn]:
        return watch(address, _told_once_seen(url, tell))

    if _can_move(session):
        await _on_terminal(watch_and, url, limit)
    else:
        await watch_and(_printer(session, limit))


def _told_once_seen(url: str, tell: Tell) -> Tell:
    """Raises NeverSeenError when the very first try fails."""
    has_seen = False

    def told(event: Board | Lost) -> None:
        nonlocal has_seen
        if isinstance(event, Lost) and not has_seen:
            raise NeverSeenError(f"{url} can't be watched: {event.why}.")
        has_seen = True
        tell(event)

    return told


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run it until it fails, or a signal ends it: there is no other way to end, so that is no failure."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working


# --- on a terminal ----------------------------------------------------------------------------------


async def _on_terminal(watch_and: WatchAnd, source: str, limit: int) -> None:
    from rich.console import Console  # noqa: PLC0415 -- as in console
    from rich.live import Live  # noqa: PLC0415 -- as above

    from .board_view import BoardView  # noqa: PLC0415 -- as above

    terminal = Console(no_color=bool(os.environ.get("NO_COLOR")))
    view = BoardView(source, limit)
    # The other screen, as a board in the midst of a history is torn when the window is resized.
    live = Live(view, console=terminal, screen=True, auto_refresh=False)

    def tell(event: Board | Lost) -> None:
        view.see(event, time.monotonic())
        if not live.is_started:  # not sooner, as a failure to begin with has nothing to show
            live.start()
        live.refresh()

    ticking = asyncio.create_task(_tick(view, live))
    try:
        await watch_and(tell)
    finally:
        ticking.cancel()
        live.stop()
        if view.board is not None:
            view.has_ended = True
            terminal.print(view)


async def _tick(view: BoardView, live: Live) -> NoReturn:
    def refresh() -> None:
        view.now = time.monotonic()
        if live.is_started:
            live.refresh()

    asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, refresh)
    while True:
        await asyncio.sleep(_TICK_S)
        refresh()


# --- elsewhere --------------------------------------------------------------------------------------


def _printer(session: Session, limit: int) -> Tell:
    shown = None

    def tell(event: Board | Lost) -> None:
        nonlocal shown
        if isinstance(event, Lost):
            console.say(f"Reconnecting in {event.retry_in:.1f} s: {console.printable(event.why)}")
        elif shown != (shown := (event.epoch, event.version)):
            _print(session, event, limit)

    return tell


def _print(session: Session, board: Board, limit: int) -> None:
    rows = board.rows[:limit]
    if session.as_json:
        console.data_json_line(
            {
                "epoch": board.epoch,
                "version": board.version,
                "totalUsers": board.total,
                "leaderboard": msgspec.to_builtins(rows),
            }
        )
        return
    cells = [(str(row.rank), f"{row.score:,}", row.user_id, row.username) for row in rows]
    users = f"{board.total:,} user{'' if board.total == 1 else 's'}"
    console.data_table(HEADINGS, cells, f"Version {board.version:,}: {users}")
    console.data("")
