"""A WebSocket client that is not the server's own library."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ..conftest import Api, token
from ..live.fakes import Watched


class Watcher:
    """One open socket. `watched` is the board as its frames tell it."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.watched = Watched()

    async def say(self, message: object) -> None:
        """Send one message; what is no text or bytes is sent as JSON."""
        await self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def frame(self) -> dict[str, Any]:
        """The next frame, whatever it is; updates are applied."""
        text = await self.connection.recv()
        assert isinstance(text, str)
        frame: dict[str, Any] = json.loads(text)
        if frame["type"] == "leaderboard.update":
            self.watched.apply(frame)
        return frame

    async def next(self, kind: str) -> dict[str, Any]:
        """The next frame, which must be of this type."""
        frame = await self.frame()
        assert frame["type"] == kind, frame
        return frame

    async def next_of(self, kind: str) -> dict[str, Any]:
        """The next frame of this type, whatever comes before it."""
        while True:
            frame = await self.frame()
            if frame["type"] == kind:
                return frame

    async def prove(self, user: str) -> None:
        """Prove to be that user."""
        await self.say({"type": "auth", "token": token(user)})
        assert (await self.next_of("auth.ok"))["userId"] == user

    async def quiet(self) -> None:
        """Nothing has been sent that was not read: the answer to a ping is the next frame."""
        await self.say({"type": "ping"})
        await self.next("pong")

    async def closed(self) -> tuple[int | None, list[dict[str, Any]]]:
        """Read to the end; the close code and the last frames."""
        last = [json.loads(text) async for text in self._until_closed()]
        return self.connection.close_code, last

    async def _until_closed(self) -> AsyncIterator[str | bytes]:
        try:
            while True:
                yield await self.connection.recv()
        except ConnectionClosed:
            return


@asynccontextmanager
async def watch(api: Api, **options: Any) -> AsyncIterator[Watcher]:
    """A watcher that has read its opening snapshot."""
    async with connect(api.socket_url(), proxy=None, **options) as connection:
        watcher = Watcher(connection)
        opening = await watcher.next("leaderboard.update")
        assert opening["snapshot"] is True
        yield watcher
