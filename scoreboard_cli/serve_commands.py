"""`scoreboard serve`: the server, until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NoReturn

import click

from scoreboard_server.leaving import leave
from scoreboard_server.log_lines import log_to_stderr, writes_json
from scoreboard_server.unusable import DataDirUnusable

from . import console
from .session import REFUSED, UNREACHABLE, USAGE, Session, command_options

if TYPE_CHECKING:
    from scoreboard_server.serving import Server

log = logging.getLogger("scoreboard.app")


@click.command()
@click.option("--host", metavar="HOST", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, metavar="PORT", help="The port; 0 takes any free one.  [default: 8080]")
@command_options
def serve(session: Session, host: str | None, port: int | None) -> None:
    """Serve the board: REST, WebSockets and the page.

    \b
    Example:  scoreboard serve --port 0
    """
    settings = session.settings(server__host=host, server__port=port)
    log_to_stderr(settings.log.level, settings.log.format)

    async def ready(server: Server) -> None:
        if writes_json() and not session.as_json:  # an event like any other, for programs to read
            log.info("The board is live at %s", server.address, extra={"url": server.address})
        else:
            announce(session, server)

    async def run() -> None:
        from scoreboard_server.serving import serve as serve_until_stopped  # noqa: PLC0415 -- 500 ms

        await serve_until_stopped(settings, ready, session.reread)

    run_server(run)


def announce(session: Session, server: Server) -> None:
    """Tell that the server is ready, and where."""
    if session.as_json:
        console.data(json.dumps({"event": "ready", "url": server.address, "port": server.port}))
    else:
        console.say(f"The board is live at {server.address} (Ctrl-C stops)")


def run_server(run: Callable[[], Awaitable[None]]) -> None:
    """Run until stopped; failures that have a name end the command with one line."""
    from scoreboard_server.serving import (  # noqa: PLC0415 -- as above
        ServerFailedError,
        SettingsError,
        StartError,
        StoreRefusedError,
        StoreUnavailable,
    )

    async def main() -> NoReturn:
        try:
            await run()
        except (DataDirUnusable, StartError, StoreRefusedError, ServerFailedError) as error:
            end(REFUSED, str(error))
        except SettingsError as error:
            end(USAGE, str(error))
        except StoreUnavailable as error:
            end(UNREACHABLE, f"The store can't be reached: {error}")
        leave(0)

    asyncio.run(main())


def end(code: int, words: str) -> NoReturn:
    """As `fail`, but within the event loop, which would wait for what hangs before it let go."""
    console.say_error(words)
    leave(code)
