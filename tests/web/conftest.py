"""A server on the `memory` store that publishes fast, and the rule that no client may cause an error."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator

import pytest

from scoreboard_server.app import Server

from ..conftest import Api, StartServer

StartApi = Callable[..., Awaitable[Api]]


@pytest.fixture(autouse=True)
def _no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a client sends is refused in words: nothing is logged as an error, so nothing was a 500."""
    yield
    errors = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    assert errors == []


@pytest.fixture
def start_api(start_server: StartServer) -> StartApi:
    """Start a server; flags as for `start_server`."""

    async def start(**flags: object) -> Api:
        server: Server = await start_server(**({"live__interval_ms": 10} | flags))
        return Api(server)

    return start


@pytest.fixture
async def api(start_api: StartApi) -> Api:
    """A server with the defaults."""
    return await start_api()
