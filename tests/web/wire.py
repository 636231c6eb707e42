"""HTTP by hand, for what no client library would send, and the checks of a problem document."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tornado.httpclient import HTTPResponse

from ..conftest import Api

HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)


@dataclass
class Answer:
    """One response."""

    code: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, head: bool = False) -> Answer:
        """The next response. `head`: to a HEAD request, so that no body follows."""
        start, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin1").splitlines()
        headers: dict[str, str] = {}
        for name, _, value in (line.partition(":") for line in lines if line):
            before = headers.get(name.lower())
            headers[name.lower()] = value.strip() if before is None else f"{before}, {value.strip()}"
        size = 0 if head else int(headers.get("content-length", "0"))
        return Answer(int(start.split()[1]), headers, await self.reader.readexactly(size))

    async def rest(self) -> bytes:
        """All that comes until the server closes; what a reset cuts off is lost."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    """A connection to 127.0.0.1."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


def request(target: str, *headers: str, method: str = "GET", body: bytes | None = None) -> bytes:
    """A request as bytes; with a body also its length."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin1") + (body or b"")


def submission(bearer: str, action: str, *headers: str) -> bytes:
    """A good POST as bytes."""
    body = json.dumps({"actionId": action, "actionType": "task.completed"}).encode()
    given = ("Content-Type: application/json", f"Authorization: Bearer {bearer}", *headers)
    return request("/api/scores/update", *given, method="POST", body=body)


async def ask(api: Api, data: bytes) -> Answer:
    """Send these bytes on a connection of their own; the response."""
    async with wire(api.server.port) as connection:
        await connection.send(data)
        return await connection.answer(head=data.startswith(b"HEAD "))


def problem(response: HTTPResponse | Answer, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem document of a response, after checking everything that all of them have in common."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    assert response.code == status, response.body
    assert headers["content-type"] == "application/problem+json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    document: dict[str, Any] = json.loads(response.body)
    names = {"type", "title", "status", "detail", "code", "requestId", "success", "message"}
    assert set(document) == names
    assert (document["type"], document["status"], document["success"]) == ("about:blank", status, False)
    assert document["title"] == HTTPStatus(status).phrase
    assert document["message"] == document["detail"] != ""
    assert document["requestId"] == headers["x-request-id"]
    assert "Traceback" not in document["detail"]
    assert ("www-authenticate" in headers) == (status == 401)
    assert ("retry-after" in headers) == (status in (429, 503))
    if code is not None:
        assert document["code"] == code
    return document
