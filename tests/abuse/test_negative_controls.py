"""The checks of abuse see what they are there for: servers that are wrong are found out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

from . import socket_inputs, target
from .findings import Findings
from .http_inputs import nobody, send_cases
from .socket_inputs import send_frames
from .target import Flat, Target


@asynccontextmanager
async def serving(handler: type[RequestHandler]) -> AsyncIterator[int]:
    """The port of a server that answers everything by this handler."""
    listening, port = bind_unused_port()
    server = HTTPServer(Application([(".*", handler)], log_function=lambda _: None))
    server.add_socket(listening)
    yield port
    server.stop()
    await server.close_all_connections()


async def found(handler: type[RequestHandler]) -> str:
    """What requests by the description find wrong with it."""
    findings = Findings()
    async with serving(handler) as port:
        address = f"http://127.0.0.1:{port}"
        await asyncio.to_thread(send_cases, address, findings, nobody, examples=1, seed=1)
    assert findings.total > 10
    return "\n".join(findings.violations)


class Failing(RequestHandler):
    """Answers 500."""

    def prepare(self) -> None:
        self.set_status(500)
        self.finish("oh")


class Lax(RequestHandler):
    """Answers 200 to anybody, in a shape of its own."""

    def prepare(self) -> None:
        self.finish({"leaderboard": "here"})


async def test_an_error_of_the_server_is_found() -> None:
    """Whatever the operation."""
    assert "Server error" in await found(Failing)


async def test_an_answer_of_another_shape_is_found() -> None:
    """And one that lacks headers."""
    words = await found(Lax)
    assert "violates schema" in words
    assert "Missing required response headers" in words


class Trusting(WebSocketHandler):
    """Believes who says to be somebody."""

    def on_message(self, message: str | bytes) -> None:
        self.write_message({"type": "auth.ok" if "auth" in str(message) else "pong"})


class Counting(WebSocketHandler):
    """Counts actions of anybody."""

    def on_message(self, message: str | bytes) -> None:
        counted = {"type": "action.result", "success": True}
        self.write_message(counted if "action" in str(message) else {"type": "pong"})


class Chatty(WebSocketHandler):
    """Tells more than it says it does."""

    def on_message(self, message: str | bytes) -> None:
        self.write_message({"type": "pong", "load": 7})


class Deaf(WebSocketHandler):
    """Reads nothing after the handshake."""

    async def on_message(self, message: str | bytes) -> None:
        await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (Trusting, "without rights was told"),
        (Counting, "without rights was told"),
        (Chatty, "not as described"),
        (Deaf, "not served"),
    ],
)
async def test_a_socket_that_is_wrong_is_found(
    handler: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that tells a stranger too much, or what it has not described, and one that answers nobody."""
    monkeypatch.setattr(socket_inputs, "_PATIENCE_S", 0.5)
    findings = Findings()
    async with serving(handler) as port:
        try:
            await send_frames(port, findings, inputs=100, seed=1)
        except TimeoutError:
            assert handler is Deaf
    assert words in "\n".join(findings.violations)


def _event(level: str = "info", logger: str = "scoreboard.app") -> str:
    return json.dumps({"level": level, "logger": logger, "message": "x"})


@pytest.fixture
def fake() -> Any:
    """A target whose process and log are made up."""
    shown = SimpleNamespace(mb=50.0, files=10, log=f"{_event()}\n{_event('warning')}\n")
    shown.resident_mb = lambda: shown.mb
    shown.open_files = lambda: shown.files
    shown.server = SimpleNamespace(all_words=lambda: shown.log)
    return shown


def test_growth_and_words_are_found(fake: Any) -> None:
    """Memory, files, a trace, and a line that an input has forged."""
    findings = Findings()
    flat = Flat(fake)
    flat.check(findings)
    Target.check_log(fake, findings)
    assert findings.violations == []
    fake.mb, fake.files = 50.0 + target._GROWTH_MB + 1, 100
    fake.log = (
        f"{_event('error')}\nTraceback (most recent call last):\n{_event(logger='scoreboard.forged')}\n"
    )
    flat.check(findings)
    Target.check_log(fake, findings)
    assert len(findings.violations) == 5
