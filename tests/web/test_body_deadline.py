"""Slow senders are cut off; nobody else notices."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
)

from scoreboard_server import app as app_module
from scoreboard_server.web import body_deadline
from scoreboard_server.web.body_deadline import BodyDeadline

from ..conftest import Api, token
from .conftest import StartApi
from .watching import watch
from .wire import submission, wire


class FakeApplication(HTTPServerConnectionDelegate):
    """Notes what reaches it."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def start_request(self, server_conn: object, request_conn: object) -> HTTPMessageDelegate:
        seen = self.seen

        class Request(HTTPMessageDelegate):
            def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
                seen.append(start_line.path)

            def data_received(self, chunk: bytes) -> None:
                seen.append(chunk.decode())

            def finish(self) -> None:
                seen.append("finish")

            def on_connection_close(self) -> None:
                seen.append("gone")

        return Request()

    def on_close(self, server_conn: object) -> None:
        self.seen.append("closed")


class FakeConnection:
    """Can be closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


class Setup:
    """A deadline of ten seconds on a clock that moves by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.application = FakeApplication()
        self.deadline = BodyDeadline(self.application, patience=10, clock=lambda: self.now)

    def begin(self) -> tuple[HTTPMessageDelegate, FakeConnection]:
        """A request whose headers have just arrived."""
        connection = FakeConnection()
        started = self.deadline.start_request(object(), connection)  # type: ignore[arg-type]
        started.headers_received(RequestStartLine("POST", "/x", "HTTP/1.1"), HTTPHeaders())
        return started, connection


@pytest.fixture
def setup() -> Setup:
    return Setup()


def test_everything_reaches_the_application(setup: Setup) -> None:
    """Headers, chunks, the end, and the closing of connections."""
    started, _ = setup.begin()
    started.data_received(b"ab")
    started.data_received(b"c")
    started.finish()
    setup.begin()[0].on_connection_close()
    setup.deadline.on_close(object())
    assert setup.application.seen == ["/x", "ab", "c", "finish", "/x", "gone", "closed"]


def test_who_is_late_is_cut_off_once(setup: Setup) -> None:
    """At the deadline, not before, and not again."""
    _, connection = setup.begin()
    setup.now += 9.9
    setup.deadline.sweep()
    assert connection.closed == 0
    setup.now += 0.2
    setup.deadline.sweep()
    setup.deadline.sweep()
    assert connection.closed == 1


def test_chunks_buy_no_time(setup: Setup) -> None:
    """A byte now and then is as slow as none."""
    started, connection = setup.begin()
    for _ in range(11):
        setup.now += 1
        started.data_received(b"x")
        setup.deadline.sweep()
    assert connection.closed == 1


def test_only_the_late_are_cut_off(setup: Setup) -> None:
    """Each request has its own deadline."""
    connections = []
    for _ in range(3):
        connections.append(setup.begin()[1])
        setup.now += 4
    setup.deadline.sweep()
    assert [c.closed for c in connections] == [1, 0, 0]
    setup.now += 3
    setup.deadline.sweep()
    assert [c.closed for c in connections] == [1, 1, 0]


@pytest.mark.parametrize("end", ["finish", "on_connection_close"])
def test_who_is_done_is_not_waited_for(setup: Setup, end: str) -> None:
    """A body that is there, or will never be, is forgotten, so that memory is too."""
    started, connection = setup.begin()
    getattr(started, end)()
    setup.now += 100
    setup.deadline.sweep()
    assert connection.closed == 0
    assert setup.deadline._awaited == {}


@pytest.fixture
async def impatient(start_api: StartApi, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A server that waits for next to nothing."""
    monkeypatch.setattr(app_module, "_BODY_PATIENCE_S", 0.05)
    monkeypatch.setattr(body_deadline, "SWEEP_S", 0.01)
    return await start_api()


async def test_a_body_that_does_not_come_closes_the_connection(impatient: Api) -> None:
    """A sender that stops in the middle gets no answer, and nothing is counted."""
    async with wire(impatient.server.port) as connection:
        await connection.send(submission(token("ann"), "a1")[:-1])
        assert await connection.rest() == b""
    assert (await impatient.board())["totalUsers"] == 0


async def test_a_trickle_closes_the_connection(impatient: Api) -> None:
    """A sender that gives a byte now and then is cut off as well."""
    whole = submission(token("ann"), "a1").replace(b"Content-Length: ", b"Content-Length: 9")

    async def trickle() -> None:
        while True:
            await connection.send(b" ")
            await asyncio.sleep(0.005)

    async with wire(impatient.server.port) as connection:
        await connection.send(whole)
        trickling = asyncio.create_task(trickle())
        assert await connection.rest() == b""
        trickling.cancel()
        await asyncio.gather(trickling, return_exceptions=True)


async def test_an_answer_that_takes_long_is_not_a_slow_body(impatient: Api) -> None:
    """Who has sent all waits for the answer, and a connection may rest between two requests."""
    async with wire(impatient.server.port) as connection:
        for n in range(3):
            await connection.send(submission(token("ann"), f"a{n}"))
            assert (await connection.answer()).code == 200
            await asyncio.sleep(0.1)  # twice the patience


async def test_a_socket_outlives_the_deadline(impatient: Api) -> None:
    """A WebSocket is a request that never ends, and is not cut off for it."""
    async with watch(impatient) as watcher:
        await asyncio.sleep(0.1)  # twice the patience
        await watcher.say({"type": "ping"})
        assert await watcher.next("pong")
