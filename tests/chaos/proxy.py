"""A TCP proxy in front of a mongod: it passes everything on until it is told to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import random

from ..mongod import free_port

_CHUNK = 65_536


class Proxy:
    """Runs in the event loop that starts it; what it does to connections can be changed from any thread.

    loss: the probability that a reply is lost, and its connection with it. mute: no reply comes through,
    while requests do. delay: seconds that each piece of a reply is held. closed: new connections are refused.
    """

    def __init__(self, upstream: int, rng: random.Random) -> None:
        self.port = free_port()
        self.loss = 0.0
        self.mute = False
        self.delay = 0.0
        self.closed = False
        self._upstream = upstream
        self._rng = rng
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Listen."""
        self._loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Listen no more and cut everything."""
        assert self._server is not None
        self._server.close()
        self._cut()
        await asyncio.sleep(0)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Reset every connection that is open now; from any thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._cut)

    def behave(self) -> None:
        """Pass everything on again."""
        self.loss, self.mute, self.delay, self.closed = 0.0, False, 0.0, False

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.closed:
                return
            there = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:  # the mongod is down
            return
        else:
            await self._pass_on((reader, writer), there)
        finally:
            writer.transport.abort()

    async def _pass_on(
        self,
        here: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        ends = {here[1], there[1]}
        self._writers |= ends
        ways = [
            asyncio.create_task(self._requests(here[0], there[1])),
            asyncio.create_task(self._replies(there[0], here[1])),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers -= ends
            there[1].transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                writer.write(data)
                await writer.drain()

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self._rng.random() < self.loss:
                    return  # and the connection with it: what follows would make no sense to the client
                if self.mute:
                    continue
                await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
