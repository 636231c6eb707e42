"""`python -m scoreboard_server`: the server alone, configured by the environment."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from .leaving import leave
from .log_lines import log_to_stderr, one_line
from .serving import ServerFailedError, StartError, StoreRefusedError, StoreUnavailable, serve
from .settings import Settings, SettingsError, load_settings


def main() -> None:
    """Serve until SIGTERM; exit 1 with one line when that can't be."""
    log_to_stderr()
    try:
        asyncio.run(_serve(load_settings(environ=os.environ)))
    except (SettingsError, StartError, StoreRefusedError, StoreUnavailable, ServerFailedError) as error:
        sys.stderr.write(f"Error: {one_line(str(error))}\n")
        leave(1)


async def _serve(settings: Settings) -> None:
    await serve(settings, lambda server: logging.info("live at %s", server.address))
    leave(0)


main()
