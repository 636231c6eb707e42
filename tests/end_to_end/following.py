"""The client module under Node, and a server that says what a test has written for it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from scoreboard_server.web.page_handler import STATIC

from ..conftest import not_here
from .watchers import NODE

Message = dict[str, Any]
Script = Sequence[Message | int]
"""What one connection is told: messages, and a close code to end it. Without one it stays open."""


class Follower:
    """What the module's call-backs were given, in order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.boards: list[Message] = []
        self.scores: list[Message] = []
        self.states: list[Message] = []
        self._process = process
        self._changed = asyncio.Event()

    async def read(self) -> None:
        """Take what it is given until the process ends."""
        assert self._process.stdout is not None
        kept = {"board": self.boards, "score": self.scores, "state": self.states}
        async for line in self._process.stdout:
            told = json.loads(line)
            kept[told["kind"]].append(told["value"])
            self._changed.set()

    def command(self, command: object) -> None:
        """Have it do something, see `follow.js`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def until(self, happened: Callable[[Follower], bool], patience: float = 60.0) -> None:
        """Wait until `happened(self)`."""
        async with asyncio.timeout(patience):
            while not happened(self):
                self._changed.clear()
                await self._changed.wait()

    def versions(self) -> list[tuple[str, int]]:
        """Epoch and version of each board that was shown."""
        return [(board["epoch"], board["version"]) for board in self.boards]

    def words(self) -> list[str]:
        """The states, one for each change."""
        states = [status["state"] for status in self.states]
        return [state for i, state in enumerate(states) if i == 0 or states[i - 1] != state]

    def pauses(self) -> list[float]:
        """How long it said that it would wait before each new attempt, in ms."""
        return [status["retryInMs"] for status in self.states if "retryInMs" in status]


def node() -> str:
    """Node.js with the packages of `tests/node`."""
    path = shutil.which("node")
    if path is None or not (NODE / "node_modules" / "ws").is_dir():
        not_here("the npm clients (run: npm install --prefix tests/node)")
    return path


@asynccontextmanager
async def follower(
    url: str, *, token: str = "", handed: str = "once", random: str = ""
) -> AsyncIterator[Follower]:
    """The module, connected.

    handed: "once" for a token as text, "asked" for a function, "failing" for one that rejects.
    random: what Math.random says, "" for chance.
    """
    process = await asyncio.create_subprocess_exec(
        node(),
        *(str(NODE / "follow.js"), url, token, handed, random),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    following = Follower(process)
    following.command({"source": (STATIC / "scoreboard.js").read_text()})
    reader = asyncio.create_task(following.read())
    try:
        yield following
    finally:
        assert process.stdin is not None
        process.stdin.close()
        assert await process.wait() == 0
        await reader


class ScriptedServer:
    """A WebSocket server that plays one script per connection; the last one again for all that follow."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._scripts = scripts
        self.heard: list[list[Message]] = []
        self.url = ""

    async def serve(self, connection: ServerConnection) -> None:
        """Play the next script."""
        heard: list[Message] = []
        self.heard.append(heard)
        script = self._scripts[min(len(self.heard), len(self._scripts)) - 1]
        try:
            if any(isinstance(step, dict) and step["type"] == "auth.ok" for step in script):
                heard.append(json.loads(await connection.recv()))
            for step in script:
                if isinstance(step, int):
                    await connection.close(step)
                else:
                    await connection.send(json.dumps(step))
            heard.extend([json.loads(text) async for text in connection])
        except ConnectionClosed:
            return


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[ScriptedServer]:
    """Such a server, listening."""
    server = ScriptedServer(scripts)
    async with serve(server.serve, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        server.url = f"ws://127.0.0.1:{port}/ws"
        yield server


def update(
    epoch: str, version: int, *names: str, snapshot: bool = False, removed: Sequence[str] = ()
) -> Message:
    """A board message; names: whose rows it brings, in the order of their ranks."""
    rows = [
        {"userId": name, "username": name, "avatarUrl": None, "score": 100 - rank, "rank": rank}
        for rank, name in enumerate(names, 1)
    ]
    data = {"updatedPositions": rows, "removed": list(removed), "totalUsers": len(names)}
    return {
        "type": "leaderboard.update",
        "epoch": epoch,
        "version": version,
        "snapshot": snapshot,
        "data": data,
    }
