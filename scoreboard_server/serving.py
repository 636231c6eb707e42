"""Serving: one server from its start to the signal that ends it."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable

from .app import Server, ServerFailedError, StartError
from .leaving import leave
from .log_lines import writes_json
from .open_files import raise_open_files_limit
from .service_manager import READY, STOPPING, tell_service_manager
from .settings import Settings, SettingsError
from .store.opening import StoreRefusedError, StoreUnavailable

log = logging.getLogger("scoreboard.app")


async def serve(
    settings: Settings,
    on_ready: Callable[[Server], Awaitable[None]],
    reread: Callable[[], Settings] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; a second signal ends the process at once.

    reread: the settings as they are now; SIGHUP has the server take up its action types and keys.

    Raises SettingsError, StartError, StoreRefusedError, StoreUnavailable or ServerFailedError.
    """
    collect_garbage_less_often()
    raise_open_files_limit()
    server = Server(settings)
    stop = stop_on_signals()
    if reread is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, server.reload, reread)
    starting = asyncio.create_task(server.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            await on_ready(server)
            tell_service_manager(READY)
            await _run(server, stop)
        else:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
    finally:
        stopping.cancel()
        tell_service_manager(STOPPING)
        await server.stop()


async def _run(server: Server, stop: asyncio.Event) -> None:
    try:
        await server.run_until(stop)
    except ServerFailedError as error:
        if writes_json():  # people get it as the command's last words
            log.critical("%s", error)
        raise


def collect_garbage_less_often() -> None:
    """Every request leaves a few reference cycles, as Tornado's handlers and connections know each other.

    The default threshold of 700 objects looks for them some hundred times a second, and through the whole
    board now and then: 8 % of throughput, measured side by side.
    """
    gc.set_threshold(20_000, 20, 50)


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets; the second signal ends the process at once."""
    stop = asyncio.Event()

    def received(number: signal.Signals) -> None:
        if stop.is_set():
            leave(1)
        log.info("stopping", extra={"signal": number.name})
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, received, number)
    return stop


__all__ = [
    "Server",
    "ServerFailedError",
    "SettingsError",
    "StartError",
    "StoreRefusedError",
    "StoreUnavailable",
    "serve",
]
