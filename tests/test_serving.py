"""Serving: what is told when it ends."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable

import pytest

from scoreboard_server import log_lines, serving
from scoreboard_server.log_lines import JsonLines, TextLines
from scoreboard_server.serving import ServerFailedError

from .conftest import StartServer
from .log_lines.writing import Log


@pytest.mark.parametrize(("lines", "levels"), [(JsonLines, ["critical"]), (TextLines, [])])
async def test_a_server_that_fails_says_so_where_programs_read(
    start_server: StartServer,
    monkeypatch: pytest.MonkeyPatch,
    lines: Callable[[], logging.Formatter],
    levels: list[str],
) -> None:
    """In an event that names the part; people get the same words from the command, once."""
    log = Log(lines())
    monkeypatch.setattr(log_lines, "_handler", log.handler)
    monkeypatch.setattr(serving.log, "handlers", [log.handler])
    server = await start_server()
    next(task for task, name in server._tasks.items() if name == "folding").cancel()
    with pytest.raises(ServerFailedError, match="because folding failed"):
        await serving._run(server, asyncio.Event())
    told = [line for line in log.text.splitlines() if "because folding failed" in line]
    assert [json.loads(line)["level"] for line in told] == levels
