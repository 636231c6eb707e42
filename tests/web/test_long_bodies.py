"""Bodies longer than anything takes: an answer that can be read, and no memory for what is thrown away."""

from __future__ import annotations

import json

import pytest
from tornado.httputil import HTTPMessageDelegate

from scoreboard_server.web.long_bodies import BODY_LIMIT, DISCARDED_LIMIT, Bounded

from ..conftest import Api, token
from .wire import ask, problem, request, wire

TRUSTED = token("game", scopes=["score:write:any"])
_BATCH = "/api/scores/batch"
_HEADERS = (f"Authorization: Bearer {TRUSTED}", "Content-Type: application/json")


class Kept(HTTPMessageDelegate):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.body = b""
        self.ends: list[str] = []

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk

    def finish(self) -> None:
        self.ends.append("finished")

    def on_connection_close(self) -> None:
        self.ends.append("closed")


def test_no_more_is_kept_than_shows_that_it_is_too_long() -> None:
    """The chunk that no longer fits is the last one; the end is told all the same."""
    kept = Kept()
    bounded = Bounded(kept)
    for _ in range(100):
        bounded.data_received(b"x" * 65_536)
    assert len(kept.body) == BODY_LIMIT + 65_536
    bounded.finish()
    bounded.on_connection_close()
    assert kept.ends == ["finished", "closed"]


def batch(size: int) -> bytes:
    """A good batch of one action and this many bytes."""
    body = json.dumps([{"userId": "ann", "actionId": "a1", "actionType": "match.won"}]).encode()
    return body + b" " * (size - len(body))


async def test_a_batch_up_to_the_limit_is_counted(api: Api) -> None:
    """256 KiB are taken, one byte more is refused and counts nothing; the connection stays."""
    async with wire(api.server.port) as connection:
        for size, code in ((BODY_LIMIT + 1, 413), (DISCARDED_LIMIT, 413), (BODY_LIMIT, 200)):
            assert (await api.board())["totalUsers"] == 0
            await connection.send(request(_BATCH, *_HEADERS, method="POST", body=batch(size)))
            answer = await connection.answer()
            assert answer.code == code, answer
            assert answer.headers["content-type"].startswith("application/")
    assert (await api.board())["totalUsers"] == 1


@pytest.mark.parametrize("path", [_BATCH, "/api/scores/update", "/livez"])
async def test_chunks_without_end_are_told_so(api: Api, path: str) -> None:
    """Who tells no length gets the same answer at the end of the body, whatever was asked for."""
    async with wire(api.server.port) as connection:
        await connection.send(request(path, *_HEADERS, "Transfer-Encoding: chunked", method="POST"))
        for _ in range(40):
            await connection.send(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        await connection.send(b"0\r\n\r\n")
        problem(await connection.answer(), 413, "body_too_large")


async def test_a_body_that_nothing_asks_for_is_thrown_away_too(api: Api) -> None:
    """A GET takes none, and says so of a long one."""
    data = request("/livez", body=b" " * 1_000_000)
    problem(await ask(api, data), 413, "body_too_large")
