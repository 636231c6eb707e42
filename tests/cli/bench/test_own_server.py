"""A server of its own for the length of a bench: whoever stops the bench while it starts is heard."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scoreboard_cli.bench.own_server import _ready
from scoreboard_cli.bench.workers import BenchFailedError


def starting(line: asyncio.Future[bytes]) -> Any:
    """A process whose first line is this one."""

    async def readline() -> bytes:
        return await line

    return SimpleNamespace(stdout=SimpleNamespace(readline=readline))


async def test_who_stops_it_just_when_it_is_ready_is_heard(tmp_path: Path) -> None:
    """The line and the cancellation come in the same turn of the loop."""
    line: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    ready = asyncio.create_task(_ready(starting(line), tmp_path))
    await asyncio.sleep(0.01)
    line.set_result(b'{"url": "http://127.0.0.1:1"}\n')
    ready.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ready


async def test_a_server_that_says_something_else_is_told_with_its_last_words(tmp_path: Path) -> None:
    """What stands at the end of its log is why."""
    line: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    line.set_result(b"")
    (tmp_path / "log").write_text("first\nError: no room left\n")
    with pytest.raises(BenchFailedError, match="The server doesn't start: no room left"):
        await _ready(starting(line), tmp_path)
