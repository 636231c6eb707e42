"""Independent clients that watch a board and keep what they were told."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from ..conftest import not_here

NODE = Path(__file__).parent.parent / "node"

Message = dict[str, Any]


class Watched:
    """The board as a client that applies snapshot and updates sees it, and how it looked at each version."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.epoch = ""
        self.version = 0
        self.total = 0
        self.rows: dict[str, Message] = {}
        self.history: dict[tuple[str, int], tuple[list[Message], int]] = {}
        self._changed = asyncio.Event()

    def take(self, message: Message) -> None:
        """Apply one message; a gap is an error."""
        self.messages.append(message)
        if message["type"] == "leaderboard.update":
            self._apply(message)
        self._changed.set()

    def _apply(self, message: Message) -> None:
        data = message["data"]
        if message["snapshot"]:
            self.rows = {}
        else:
            assert message["epoch"] == self.epoch, "another epoch without a snapshot"
            assert message["version"] == self.version + 1, "a gap"
        for user in data["removed"]:
            del self.rows[user]
        self.rows |= {row["userId"]: row for row in data["updatedPositions"]}
        self.epoch, self.version, self.total = message["epoch"], message["version"], data["totalUsers"]
        self.history[self.epoch, self.version] = (self.board(), self.total)

    def board(self) -> list[Message]:
        """The rows by rank."""
        return sorted(self.rows.values(), key=lambda row: row["rank"])

    async def until(self, happened: Callable[[Watched], bool], patience: float = 10.0) -> None:
        """Wait until `happened(self)`."""
        async with asyncio.timeout(patience):
            while not happened(self):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def python_watcher(url: str) -> AsyncIterator[Watched]:
    """PyPI `websockets`."""
    watched = Watched()
    async with connect(url) as socket:

        async def read() -> None:
            async for message in socket:
                watched.take(json.loads(message))

        reader = asyncio.create_task(read())
        await watched.until(lambda w: w.version > 0)
        yield watched
        reader.cancel()
        _raise_if_failed(reader)


@asynccontextmanager
async def node_watcher(url: str) -> AsyncIterator[Watched]:
    """npm `ws`."""
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules" / "ws").is_dir():
        not_here("the npm client (run: npm install --prefix tests/node)")
    watched = Watched()
    process = await asyncio.create_subprocess_exec(
        node,
        str(NODE / "watch.js"),
        url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    assert process.stdout is not None and process.stdin is not None

    async def read(lines: asyncio.StreamReader) -> None:
        async for line in lines:
            watched.take(json.loads(line))

    reader = asyncio.create_task(read(process.stdout))
    await watched.until(lambda w: w.version > 0)
    yield watched
    process.stdin.close()
    await process.wait()
    reader.cancel()
    _raise_if_failed(reader)


def _raise_if_failed(reader: asyncio.Task[None]) -> None:
    if reader.done() and not reader.cancelled() and reader.exception() is not None:
        raise reader.exception()  # type: ignore[misc]
