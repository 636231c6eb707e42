"""What tests of the page share: one browser for all of them, and so one event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect

from ..conftest import StartServer, servers_in
from .browsing import close_browser
from .seasons import start_season

__all__ = ["start_season"]

expect.set_options(timeout=30_000)  # patience costs nothing where all is well, and machines are slow at times


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def _browser() -> AsyncIterator[None]:
    yield
    await close_browser()


@pytest_asyncio.fixture(loop_scope="session")
async def start_server(tmp_path: Path) -> AsyncIterator[StartServer]:
    """See `servers_in`."""
    async with servers_in(tmp_path) as start:
        yield start
