"""The process of some watchers: they note when they have seen which state, and throw the rest away."""

from __future__ import annotations

import asyncio
import os
import ssl
import time

from scoreboard_server.open_files import raise_open_files_limit

from .. import socket_wire
from ..server_address import ServerAddress
from ..socket_wire import PING, PONG, TEXT, NotASocketError
from .sightings import Sightings
from .workers import Message, run_worker

_AT_ONCE = 50  # handshakes; more would only queue in front of the server
_CONNECTED_WITHIN_S = 20.0
_HEAD_END = b"\r\n\r\n"


class Watcher(asyncio.Protocol):
    """One socket. see: told of each message; is_live: done when the first one has come, or none ever will."""

    def __init__(self, address: ServerAddress, sightings: Sightings) -> None:
        self._address = address
        self._sightings = sightings
        self._key = os.urandom(16)
        self._head: bytes | None = b""
        self._frames = socket_wire.Frames()
        self._transport: asyncio.WriteTransport | None = None
        self._place = sightings.new_place()
        self.is_live: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when it is connected: ask for a socket."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 -- of a stream it is
        self._transport = transport
        transport.write(socket_wire.handshake(self._address, "/ws", self._key))

    def data_received(self, data: bytes) -> None:
        """Called with some bytes."""
        self._sightings.bytes += len(data)
        try:
            if self._head is not None:
                data = self._shake_hands(data)
            for opcode, payload in self._frames.feed(data):
                if opcode == TEXT:
                    self._saw(payload)
                elif opcode == PING and self._transport is not None:
                    self._transport.write(socket_wire.frame(PONG, payload, os.urandom(4)))
        except (NotASocketError, ValueError):
            self.leave()

    def _shake_hands(self, data: bytes) -> bytes:
        """Look at the answer; what stands behind it."""
        self._head = (self._head or b"") + data
        head, found, rest = self._head.partition(_HEAD_END)
        if not found:
            return b""
        socket_wire.check_handshake(head, self._key)
        self._head = None
        return rest

    def _saw(self, message: bytes) -> None:
        self._sightings.see(self._place, message)
        if not self.is_live.done():
            self._sightings.come(self._place)
            self.is_live.set_result(True)

    def leave(self) -> None:
        """Go, without a word."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the server has hung up, or we have."""
        self._transport = None
        if self.is_live.done():
            self._sightings.go(self._place)
        else:
            self.is_live.set_result(False)


class Watchers:
    """All watchers of this process."""

    def __init__(self) -> None:
        self._address = ServerAddress("", 0)
        self._context: ssl.SSLContext | None = None
        self._markers = ""
        self._sightings = Sightings("", time.monotonic_ns)
        self._watchers: list[Watcher] = []
        self._cpu = 0.0

    async def handle(self, verb: str, spec: Message) -> Message:
        """Do what the parent asks."""
        if verb == "begin":
            self._begin(**spec)
            return {}
        if verb == "connect":
            return await self._connect(**spec)
        if verb == "leave":
            self._leave()
            return {}
        if verb == "reset":
            self._cpu = time.process_time()
            self._sightings.reset()
            return {}
        return {**self._sightings.report(), "cpu": time.process_time() - self._cpu}

    def _begin(self, *, url: str, markers: str) -> None:
        raise_open_files_limit()
        self._address = ServerAddress.of(url)
        self._context = ssl.create_default_context() if self._address.secure else None
        self._markers = markers
        self._leave()

    async def _connect(self, *, count: int) -> Message:
        """Have so many more."""
        gate = asyncio.Semaphore(_AT_ONCE)
        opened = await asyncio.gather(*(self._open(gate) for _ in range(count)))
        self._watchers += [watcher for watcher in opened if watcher is not None]
        return {"connected": len(opened) - opened.count(None)}

    async def _open(self, gate: asyncio.Semaphore) -> Watcher | None:
        """A watcher who was shown the board."""
        address, context = self._address, self._context
        async with gate:
            _, watcher = await asyncio.get_running_loop().create_connection(
                lambda: Watcher(address, self._sightings), address.host, address.port, ssl=context
            )
            try:
                async with asyncio.timeout(_CONNECTED_WITHIN_S):
                    is_live = await watcher.is_live
            except TimeoutError:
                is_live = False
        return watcher if is_live else None

    def _leave(self) -> None:
        for watcher in self._watchers:
            watcher.leave()
        self._watchers = []
        self._sightings = Sightings(self._markers, time.monotonic_ns)


if __name__ == "__main__":
    run_worker(Watchers().handle)
