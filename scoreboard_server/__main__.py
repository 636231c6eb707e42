"""`python -m scoreboard_server`: the server alone, configured by the environment."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from .leaving import leave
from .log_lines import log_to_stderr, one_line
from .serving import Server, ServerFailedError, StartError, StoreRefusedError, StoreUnavailable, serve
from .settings import Settings, SettingsError, load_settings

log = logging.getLogger("scoreboard.app")


def main() -> None:
    """Serve until SIGTERM; exit 1 with one line when that can't be."""
    try:
        settings = load_settings(environ=os.environ)
        log_to_stderr(settings.log.level, settings.log.format)
        asyncio.run(_serve(settings))
    except (SettingsError, StartError, StoreRefusedError, StoreUnavailable, ServerFailedError) as error:
        sys.stderr.write(f"Error: {one_line(str(error))}\n")
        leave(1)


async def _serve(settings: Settings) -> None:
    await serve(settings, _announce)
    leave(0)


async def _announce(server: Server) -> None:
    log.info("live at %s", server.address, extra={"url": server.address})


main()
