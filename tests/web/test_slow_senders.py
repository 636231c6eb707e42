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
from scoreboard_server.web import slow_senders
from scoreboard_server.web.page_handler import PageHandler
from scoreboard_server.web.slow_senders import SlowSenders

from ..conftest import Api, token
from .conftest import StartApi
from .insides import listener, senders_of
from .watching import watch
from .wire import HANDSHAKE, request, submission, wire


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


class FakeStream:
    """Writes, or doesn't."""

    is_writing = False
    is_closed = False

    def writing(self) -> bool:
        return self.is_writing

    def closed(self) -> bool:
        return self.is_closed


class FakeConnection:
    """Can be closed."""

    closed = 0

    def __init__(self) -> None:
        self.stream: FakeStream | None = FakeStream()

    def close(self) -> None:
        self.closed += 1


class Setup:
    """Fifteen seconds for headers and ten for bodies, on a clock that moves by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.application = FakeApplication()
        self.watch = SlowSenders(
            self.application, header_patience=15, body_patience=10, answer_patience=30, clock=lambda: self.now
        )

    def connect(self) -> tuple[HTTPMessageDelegate, FakeConnection]:
        """A connection that is ready for a request."""
        connection = FakeConnection()
        return self.watch.start_request(object(), connection), connection  # type: ignore[arg-type]

    def begin(self) -> tuple[HTTPMessageDelegate, FakeConnection]:
        """A request whose headers have just arrived."""
        started, connection = self.connect()
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
    setup.watch.on_close(object())
    assert setup.application.seen == ["/x", "ab", "c", "finish", "/x", "gone", "closed"]


def test_who_is_late_is_cut_off_once(setup: Setup) -> None:
    """At the deadline, not before, and not again."""
    _, connection = setup.begin()
    setup.now += 9.9
    setup.watch.sweep()
    assert connection.closed == 0
    setup.now += 0.2
    setup.watch.sweep()
    setup.watch.sweep()
    assert connection.closed == 1


def test_headers_have_a_deadline_of_their_own(setup: Setup) -> None:
    """A connection that asks nothing is closed after it, and the body's time begins behind the headers."""
    silent = setup.connect()[1]
    started, asking = setup.connect()
    setup.now += 14
    started.headers_received(RequestStartLine("POST", "/x", "HTTP/1.1"), HTTPHeaders())
    setup.now += 2
    setup.watch.sweep()
    assert (silent.closed, asking.closed) == (1, 0)
    setup.now += 8.5
    setup.watch.sweep()
    assert (silent.closed, asking.closed) == (1, 1)


def test_chunks_buy_no_time(setup: Setup) -> None:
    """A byte now and then is as slow as none."""
    started, connection = setup.begin()
    for _ in range(11):
        setup.now += 1
        started.data_received(b"x")
        setup.watch.sweep()
    assert connection.closed == 1


def test_only_the_late_are_cut_off(setup: Setup) -> None:
    """Each request has its own deadline."""
    connections = []
    for _ in range(3):
        connections.append(setup.begin()[1])
        setup.now += 4
    setup.watch.sweep()
    assert [c.closed for c in connections] == [1, 0, 0]
    setup.now += 3
    setup.watch.sweep()
    assert [c.closed for c in connections] == [1, 1, 0]


@pytest.mark.parametrize("end", ["finish", "on_connection_close"])
def test_who_is_done_is_not_waited_for(setup: Setup, end: str) -> None:
    """A body that is there, or will never be, is forgotten, so that memory is too."""
    started, connection = setup.begin()
    getattr(started, end)()
    setup.now += 100
    setup.watch.sweep()
    assert connection.closed == 0
    assert (setup.watch.headers.since, setup.watch.bodies.since) == ({}, {})


def test_an_answer_that_nobody_reads_is_waited_for_only_so_long(setup: Setup) -> None:
    """Thirty seconds from when a sweep first saw it waiting; one that is read meanwhile begins anew."""
    (started, read), (started_too, unread) = setup.begin(), setup.begin()
    started.finish()
    started_too.finish()
    assert read.stream is not None and unread.stream is not None
    unread.stream.is_writing = True
    for second in range(31):
        read.stream.is_writing = second % 10 != 0
        setup.watch.sweep()
        setup.now += 1
    assert (read.closed, unread.closed) == (0, 1)


def test_a_websocket_is_no_answer_to_be_read(setup: Setup) -> None:
    """A connection whose stream has been taken is left alone, and forgotten."""
    started, connection = setup.begin()
    started.finish()
    connection.stream = None
    for _ in range(2):
        setup.watch.sweep()
        setup.now += 100
    assert (connection.closed, setup.watch.answers.open) == (0, {})


@pytest.fixture
async def impatient(start_api: StartApi, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A server that waits for next to nothing."""
    monkeypatch.setattr(app_module, "_BODY_PATIENCE_S", 0.05)
    monkeypatch.setattr(slow_senders, "SWEEP_S", 0.01)
    return await start_api()


async def test_a_request_that_does_not_come_closes_the_connection(
    start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a silent connection nor half a header is kept; also not behind an answered request."""
    monkeypatch.setattr(app_module, "_HEADER_PATIENCE_S", 0.1)
    monkeypatch.setattr(slow_senders, "SWEEP_S", 0.01)
    api = await start_api()
    for sent in (b"", b"GET / HTTP/1.1\r\nHos"):
        async with wire(api.server.port) as connection:
            await connection.send(sent)
            assert await connection.rest() == b""
    async with wire(api.server.port) as connection:
        await connection.send(submission(token("ann"), "a1"))
        assert (await connection.answer()).code == 200
        assert await connection.rest() == b""


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


async def test_who_has_gone_is_forgotten(impatient: Api) -> None:
    """Before the headers, within a body, after an answer or as a WebSocket: nothing is kept of it."""
    watch = senders_of(impatient)
    beginnings = [
        b"",
        b"GET /",
        request("/livez"),
        request("/", "Content-Length: 9"),
        request("/ws", *HANDSHAKE),
    ]
    for sent in beginnings:
        async with wire(impatient.server.port) as connection:
            await connection.send(sent)
            await asyncio.sleep(0.02)
    async with asyncio.timeout(20):
        while watch.answers.open or watch.headers.since or watch.bodies.since:
            await asyncio.sleep(0.01)


async def test_who_asks_and_does_not_read_is_cut_off(
    start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers larger than the kernel takes are not kept for ever."""
    monkeypatch.setattr(app_module, "_ANSWER_PATIENCE_S", 0.05)
    monkeypatch.setattr(slow_senders, "SWEEP_S", 0.01)
    monkeypatch.setattr(PageHandler, "_page", b"x" * 20_000_000)
    api = await start_api()
    async with wire(api.server.port) as connection:
        await connection.send(request("/"))
        async with asyncio.timeout(20):
            while listener(api)._connections:
                await asyncio.sleep(0.01)
        assert len(await connection.rest()) < 20_000_000
