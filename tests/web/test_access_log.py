"""Access lines: what has one, what it tells, and how many there are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import pytest

from scoreboard_server.live.reader import Reader
from scoreboard_server.request_context import RequestContext
from scoreboard_server.rules.refusals import Unavailable
from scoreboard_server.web import access_log
from scoreboard_server.web.access_log import AccessLog, Ending

from ..conftest import Api, token
from .conftest import StartApi
from .watching import watch
from .wire import HANDSHAKE, ask, problem, request, wire

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = ("X-Request-Id: r1", f"Traceparent: 00-{TRACE}-00f067aa0ba902b7-01")


class Asked:
    """What an access line is made of, in the place of a handler; counts how often somebody has looked."""

    def __init__(self) -> None:
        self.looks = 0
        self.context = RequestContext({"X-Request-Id": "r1"})

    @property
    def request(self) -> Any:
        self.looks += 1
        return self

    method, path = "GET", "/"

    def request_time(self) -> float:
        return 0.25


class Clock:
    """A second that passes when it is told to."""

    def __init__(self) -> None:
        self.awaited: list[Callable[[], None]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        assert seconds == 1.0
        self.awaited.append(call)

    def tick(self) -> None:
        """The second is over."""
        (call,) = self.awaited
        self.awaited.clear()
        call()


class Told:
    """The lines of the access log as they were logged."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def take(self) -> list[dict[str, Any]]:
        """Those that are new: level, message and fields."""
        records = [record for record in self._caplog.records if record.name == "scoreboard.access"]
        self._caplog.clear()
        known = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}
        return [
            {"level": record.levelname, "message": record.getMessage()}
            | {name: value for name, value in vars(record).items() if name not in known}
            for record in records
        ]

    def counts(self) -> list[str]:
        """Of those that are new only the messages."""
        return [line["message"] for line in self.take()]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    caplog.set_level(logging.INFO, "scoreboard.access")
    return Told(caplog)


# --- how many -------------------------------------------------------------------------------------


def ask_for(access: AccessLog, status: int, times: int) -> Asked:
    """So many answers with this status."""
    asked = Asked()
    for _ in range(times):
        access.answered(asked, status, 0.001)  # type: ignore[arg-type]
    return asked


def test_of_each_second_so_many_are_told(told: Told) -> None:
    """The others together in one line, as soon as the second is over; then it begins anew."""
    clock = Clock()
    access = AccessLog(clock.later)
    access.sample(3)
    ask_for(access, 200, 5)
    ask_for(access, 404, 1)
    assert told.counts() == ["answered"] * 3
    clock.tick()
    assert told.counts() == ["3 more access lines"]
    assert clock.awaited == [], "an idle server waits for nothing"
    ask_for(access, 200, 2)
    clock.tick()
    assert told.counts() == ["answered"] * 2


def test_a_failure_always_has_a_line(told: Told) -> None:
    """With the sample used up, and with a sample of none; an outage is bounded all the same."""
    clock = Clock()
    access = AccessLog(clock.later)
    access.sample(1)
    ask_for(access, 200, 5)
    ask_for(access, 503, 4)
    assert [line["level"] for line in told.take()] == ["INFO"] + ["WARNING"] * 4
    clock.tick()
    assert told.counts() == ["4 more access lines"]
    access.sample(0)
    ask_for(access, 500, access_log.FAILURES_A_SECOND + 7)
    lines = told.take()
    assert len(lines) == access_log.FAILURES_A_SECOND
    assert {(line["level"], line["status"]) for line in lines} == {("ERROR", 500)}
    clock.tick()
    (more,) = told.take()
    assert (more["level"], more["leftOut"]) == ("WARNING", 7)


def test_a_sample_of_none_is_none(told: Told) -> None:
    """Neither lines nor a count of them, for answers as for sockets."""
    clock = Clock()
    access = AccessLog(clock.later)
    access.sample(0)
    asked = ask_for(access, 200, 50)
    access.closed(asked, Ending(1000, "", "client"))  # type: ignore[arg-type]
    access.settle()
    assert told.take() == [] and clock.awaited == []


def test_what_is_not_written_is_not_put_together(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the sample, and below the level, nobody has so much as looked at the request."""
    access = AccessLog(Clock().later)
    access.sample(2)
    assert ask_for(access, 200, 1000).looks == 2
    access.sample(2)
    caplog.set_level(logging.WARNING, "scoreboard.access")
    assert ask_for(access, 200, 1000).looks == 0
    assert told.counts() == ["answered"] * 2 + ["998 more access lines"]


def test_another_sample_holds_from_then_on(told: Told) -> None:
    """What was left out before is told at once."""
    clock = Clock()
    access = AccessLog(clock.later)
    access.sample(1)
    ask_for(access, 200, 3)
    access.sample(2)
    ask_for(access, 200, 3)
    clock.tick()
    assert told.counts() == ["answered", "2 more access lines", "answered", "answered", "1 more access lines"]


# --- what they tell -------------------------------------------------------------------------------


async def test_a_line_tells_of_its_request(api: Api, told: Told) -> None:
    """Which it is, of which trace, what was asked without its query, and the answer; not who or whence."""
    await ask(api, request(f"/api/leaderboard?token={token()}&users=ann", *TRACED))
    (line,) = told.take()
    assert line.pop("durationMs") >= 0
    assert line == {
        "level": "INFO",
        "message": "answered",
        "method": "GET",
        "path": "/api/leaderboard",
        "status": 200,
        "requestId": "r1",
        "traceId": TRACE,
    }


async def test_answer_and_line_have_the_same_id(api: Api, told: Told) -> None:
    """Also a refusal's, and one that was made; requests on one connection have each its own."""
    async with wire(api.server.port) as connection:
        await connection.send(request("/livez", *TRACED) + request("/nope") + request("/livez", method="FOO"))
        answers = [await connection.answer() for _ in range(3)]
    lines = told.take()
    assert [line["requestId"] for line in lines] == [answer.headers["x-request-id"] for answer in answers]
    assert [line["status"] for line in lines] == [200, 404, 405]
    assert [line.get("traceId") for line in lines] == [TRACE, None, None]


async def test_a_path_is_no_place_to_write_at_length(api: Api, told: Told) -> None:
    """So much of it is told as tells where it was meant to lead."""
    await ask(api, request("/" + "x" * 10_000))
    assert len(told.take()[0]["path"]) == 256


async def test_a_trace_that_is_none_is_no_error(api: Api, told: Told) -> None:
    """The request is answered as if there were none; so is one with two."""
    good = TRACED[1]
    for headers in (
        ["Traceparent: 00-x-y-z"],
        [good.upper()],
        [good + "\t-"],
        [good, good],
        ["Traceparent:"],
    ):
        assert (await ask(api, request("/livez", *headers))).code == 200
        assert "traceId" not in told.take()[0]


async def test_a_refusal_for_now_is_a_warning(api: Api, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures are foreseen but for bugs."""

    async def away(self: Reader, view: object) -> None:
        raise Unavailable("store_unavailable", "The store does not answer.", 2)

    monkeypatch.setattr(Reader, "read", away)
    problem(await api.fetch("/api/leaderboard"), 503)
    assert [(line["level"], line["status"]) for line in told.take()] == [("WARNING", 503)]


async def test_what_was_left_out_is_told_of_no_request(
    start_api: StartApi, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the event loop's own clock; the line carries the id of none of the requests that it counts."""
    monkeypatch.setattr(access_log, "_RENEWED_AFTER_S", 0.05)
    seen: list[RequestContext | None] = []
    renew = AccessLog._renew

    def watched(self: AccessLog) -> None:
        from scoreboard_server.request_context import current

        seen.append(current())
        renew(self)

    monkeypatch.setattr(AccessLog, "_renew", watched)
    api = await start_api(log__access_sample=1)
    async with wire(api.server.port) as connection:
        await connection.send(request("/livez") * 3)
        for _ in range(3):
            await connection.answer()
    async with asyncio.timeout(20):
        while not seen:
            await asyncio.sleep(0.01)
    assert seen[0] is None
    assert "2 more access lines" in told.counts()


async def test_a_stopping_server_tells_what_it_left_out(start_api: StartApi, told: Told) -> None:
    """At once, as the second's end is not waited for."""
    api = await start_api(log__access_sample=1)
    for _ in range(3):
        await api.fetch("/livez")
    await api.server.stop()
    assert "2 more access lines" in told.counts()


# --- sockets --------------------------------------------------------------------------------------


async def closing(told: Told) -> dict[str, Any]:
    """The line of a socket that has opened and closed."""
    lines: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while len(lines) < 2:
            lines += [line for line in told.take() if line["message"].startswith("socket")]
            await asyncio.sleep(0.01)
    opened, closed = lines
    assert (opened["message"], opened["status"], opened["path"]) == ("socket opened", 101, "/ws")
    assert (closed["message"], closed["level"]) == ("socket closed", "INFO")
    assert opened["requestId"] == closed["requestId"]
    assert closed["durationMs"] >= opened["durationMs"]
    return closed


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1000, "good\nbye"), (4321, "x" * 123)])
async def test_a_socket_that_its_client_closes(api: Api, told: Told, code: int, reason: str) -> None:
    """With the code and the words that the client gave."""
    async with watch(api) as watcher:
        await watcher.connection.close(code, reason)
    line = await closing(told)
    assert (line["code"], line["reason"], line["by"]) == (code, reason, "client")


async def test_a_socket_that_is_gone(api: Api, told: Told) -> None:
    """Without a word: 1006. The trace of the handshake is that of the whole socket."""
    async with wire(api.server.port) as connection:
        await connection.send(request("/ws", *HANDSHAKE, *TRACED))
        assert (await connection.answer()).code == 101
    line = await closing(told)
    assert (line["code"], line["reason"], line["by"]) == (1006, "", "client")
    assert (line["requestId"], line["traceId"]) == ("r1", TRACE)


async def test_a_socket_that_the_server_closes(api: Api, told: Told) -> None:
    """Once, with the reason that its client is told."""
    async with watch(api) as watcher:
        await watcher.say(b"bytes")
        assert (await watcher.closed())[0] == 1003
    line = await closing(told)
    assert (line["code"], line["reason"], line["by"]) == (1003, "text only", "server")
    await api.fetch("/livez")
    assert told.counts() == ["answered"]


async def test_a_socket_that_ends_with_the_server(start_api: StartApi, told: Told) -> None:
    """It is told by whom and why."""
    api = await start_api()
    async with watch(api):
        await api.server.stop()
        line = await closing(told)
    assert (line["code"], line["by"]) == (1001, "server")
    assert line["reason"].startswith("stopping")


async def test_sockets_are_sampled_like_all_else(
    start_api: StartApi, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many at once few have a line, of their ends as of their beginnings."""
    monkeypatch.setattr(access_log, "_RENEWED_AFTER_S", 3600.0)
    api = await start_api(log__access_sample=3)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(watch(api))
    await api.server.stop()
    assert told.counts() == ["socket opened"] * 3 + ["7 more access lines"]
