"""A live board's socket, as the messages that come through it."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Self

from . import socket_wire
from .server_address import ServerAddress
from .socket_wire import CLOSE, PING, PONG, TEXT, NotASocketError

_PING_EVERY_S = 25.0
_ANSWER_WITHIN_S = 10.0
_LONGEST_HEAD = 16 * 1024
_CHUNK = 64 * 1024
_PING_MESSAGE = b'{"type":"ping"}'  # of the application: it comes through any proxy, and back


class SocketLostError(Exception):
    """There is no socket, or none any more; the message says why, in words that follow a colon."""


class LiveSocket:
    """One open socket on `/ws`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = socket_wire.Frames()
        self._goodbye: str | None = None

    @classmethod
    async def open(cls, address: ServerAddress) -> Self:
        """Connect. Raises SocketLostError."""
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                return cls(*await _connect(address))
        except TimeoutError:
            raise SocketLostError("nobody answers") from None
        except (OSError, NotASocketError, asyncio.LimitOverrunError) as error:
            raise SocketLostError(_why(error)) from None
        except asyncio.IncompleteReadError:
            raise SocketLostError("it hangs up without an answer") from None

    def close(self) -> None:
        """Leave; a dead peer never answers a close, so nobody waits for it."""
        self._writer.transport.abort()

    async def receive(self) -> list[bytes]:
        """The messages that come next, maybe none. Raises SocketLostError."""
        if self._goodbye is not None:
            raise SocketLostError(self._goodbye)
        messages = []
        data = await self._read()
        try:
            for opcode, payload in self._frames.feed(data):
                if opcode == TEXT:
                    messages.append(payload)
                elif opcode == PING:
                    self._send(PONG, payload)
                elif opcode == CLOSE:
                    # Not sooner than what came before it has been read.
                    self._goodbye = payload[2:].decode(errors="replace") or "the server has closed it"
        except NotASocketError as error:
            raise SocketLostError(str(error)) from None
        return messages

    async def _read(self) -> bytes:
        """Some bytes. Who is silent is asked, and is lost when there is no answer."""
        try:
            try:
                data = await self._read_within(_PING_EVERY_S)
            except TimeoutError:
                self._send(TEXT, _PING_MESSAGE)
                data = await self._read_within(_ANSWER_WITHIN_S)
        except TimeoutError:
            raise SocketLostError("the server is silent") from None
        except OSError as error:
            raise SocketLostError(_why(error)) from None
        if not data:
            raise SocketLostError("the connection is gone")
        return data

    async def _read_within(self, seconds: float) -> bytes:
        async with asyncio.timeout(seconds):
            return await self._reader.read(_CHUNK)

    def _send(self, opcode: int, payload: bytes) -> None:
        self._writer.write(socket_wire.frame(opcode, payload, os.urandom(4)))


async def _connect(address: ServerAddress) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context() if address.secure else None
    reader, writer = await asyncio.open_connection(
        address.host, address.port, ssl=context, limit=_LONGEST_HEAD
    )
    try:
        key = os.urandom(16)
        writer.write(socket_wire.handshake(address, "/ws", key))
        socket_wire.check_handshake(await reader.readuntil(b"\r\n\r\n"), key)
    except BaseException:
        writer.transport.abort()
        raise
    return reader, writer


def _why(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
