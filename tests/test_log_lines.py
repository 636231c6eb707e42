"""What goes to the log."""

from __future__ import annotations

import logging

import pytest

from scoreboard_server.log_lines import log_to_stderr

from .conftest import StartServer
from .web.wire import wire


async def test_a_malformed_request_writes_no_line(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody fills the log from outside, and no header's value gets there."""
    log_to_stderr()
    caplog.set_level(logging.INFO)
    server = await start_server()
    async with wire(server.port) as connection:
        await connection.send(b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer eyJ\x01\r\n\r\n")
        assert b"400" in await connection.reader.read()
    assert "eyJ" not in caplog.text
    assert [r for r in caplog.records if r.name.startswith("tornado")] == []
