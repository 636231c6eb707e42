"""A small HTTP client that keeps its connection and never asks twice by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass


class NoAnswer(Exception):
    """The request may have been carried out or not."""


@dataclass(frozen=True)
class Answer:
    """A whole response; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """A keep-alive connection to one server on loopback, opened when it is needed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, bearer: str, body: bytes, patience: float) -> Answer:
        """Send JSON. Raises NoAnswer; the connection is closed then, so a late answer can't be mistaken."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {bearer}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(patience):
                return await self._exchange(head.encode() + body)
        except (OSError, EOFError, ValueError) as error:  # TimeoutError is an OSError
            self.close()
            raise NoAnswer(str(error)) from error
        except asyncio.CancelledError:
            self.close()
            raise

    async def _exchange(self, request: bytes) -> Answer:
        if self._streams is None:
            self._streams = await self._open()
        reader, writer = self._streams
        writer.write(request)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        answer_body = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(first.split()[1]), headers, answer_body)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    def close(self) -> None:
        """Leave; whatever was under way stays unanswered."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
