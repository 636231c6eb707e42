"""Alive and ready: before the start, while stopping, and when the store is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from scoreboard_server.flow.ports import Batch
from scoreboard_server.web.routes import application
from scoreboard_server.web.services import Lifecycle

from ..conftest import Api, token
from .insides import parts
from .wire import HANDSHAKE, Answer, problem, request, submission, wire

NEEDS_READY = ["/readyz", "/api/leaderboard", "/api/leaderboard?limit=x", "/api/users/ann"]
Asks = Callable[[bytes], "asyncio.Future[Answer]"]


@pytest.fixture
async def lifecycle() -> Lifecycle:
    """Of a server that is starting."""
    return Lifecycle()


@pytest.fixture
async def unready(lifecycle: Lifecycle) -> AsyncIterator[int]:
    """The port of a server that listens but has no board yet."""
    listener, port = bind_unused_port()
    server = HTTPServer(application(lifecycle, top=10, trusted_origins=()))
    server.add_sockets([listener])
    yield port
    server.stop()
    await server.close_all_connections()


async def ask(port: int, data: bytes) -> Answer:
    """One request on a connection of its own."""
    async with wire(port) as connection:
        await connection.send(data)
        return await connection.answer(head=data.startswith(b"HEAD"))


async def test_alive_from_the_first_moment(unready: int) -> None:
    """A supervisor may kill what does not answer here, so it answers before everything else."""
    response = await ask(unready, request("/livez"))
    assert (response.code, json.loads(response.body)) == (200, {"status": "alive"})
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("target", NEEDS_READY)
async def test_not_ready_before_the_board_is(unready: int, target: str) -> None:
    """503 with the time to come back."""
    response = await ask(unready, request(target))
    problem(response, 503, "starting")
    assert int(response.headers["retry-after"]) >= 1


async def test_nothing_is_counted_before_the_board_is_ready(unready: int) -> None:
    """A submission is told to come back, whoever sends it."""
    problem(await ask(unready, submission(token(), "a1")), 503, "starting")
    problem(await ask(unready, request("/api/scores/update", method="POST", body=b"x")), 503, "starting")


async def test_no_socket_opens_before_the_board_is_ready(unready: int) -> None:
    """A watcher is told to come back, not shown an empty board."""
    problem(await ask(unready, request("/ws", *HANDSHAKE)), 503, "starting")


@pytest.mark.parametrize("target", ["/", "/static/page.js", "/static/scoreboard.js"])
async def test_the_page_is_there_before_the_board(unready: int, target: str) -> None:
    """It shows by itself that it is waiting."""
    assert (await ask(unready, request(target))).code == 200


async def test_what_is_nowhere_is_nowhere_also_before_the_start(unready: int) -> None:
    """404 does not depend on readiness."""
    problem(await ask(unready, request("/nope")), 404, "not_found")


async def test_the_reason_is_told(unready: int, lifecycle: Lifecycle) -> None:
    """Starting and stopping are different things to a client."""
    lifecycle.is_stopping = True
    response = await ask(unready, request("/readyz"))
    problem(response, 503, "stopping")
    assert response.headers["retry-after"] == "2"


@pytest.mark.parametrize("path", ["/readyz", "/healthz"])
async def test_ready_when_there_is_a_board(api: Api, path: str) -> None:
    """A started server takes traffic, and says so also to probes that ask in the older way."""
    response = await api.fetch(path)
    assert (response.code, json.loads(response.body)) == (200, {"status": "ready"})
    assert response.headers["Cache-Control"] == "no-store"


async def test_cut_off_from_the_store_is_not_ready_but_alive_and_read(api: Api) -> None:
    """A balancer sends traffic elsewhere; who is here may still look at the board."""
    api.server._lifecycle.is_cut_off = lambda: True
    problem(await api.fetch("/readyz"), 503, "store_unavailable")
    assert (await api.fetch("/livez")).code == 200
    assert (await api.fetch("/api/leaderboard")).code == 200


async def test_stopping_finishes_what_is_under_way_and_refuses_what_is_new(api: Api) -> None:
    """The action under way is counted and answered; a request on a connection still open is told 503."""
    pipeline = parts(api).pipeline
    ledger, go, writing = pipeline._ledger, asyncio.Event(), asyncio.Event()

    class SlowLedger:
        """The real one, held up."""

        look_up = staticmethod(ledger.look_up)

        async def append(self, batch: Batch) -> frozenset[int]:
            writing.set()
            await go.wait()
            return await ledger.append(batch)

    pipeline._ledger = SlowLedger()
    async with wire(api.server.port) as early, wire(api.server.port) as late:
        await late.send(request("/readyz"))
        assert (await late.answer()).code == 200
        await early.send(submission(token(), "a1"))
        await writing.wait()
        stopping = asyncio.create_task(api.server.stop())
        await asyncio.sleep(0)
        for data in (request("/readyz"), submission(token("ben"), "b1"), request("/api/leaderboard")):
            await late.send(data)
            response = await late.answer()
            problem(response, 503, "stopping")
            assert int(response.headers["retry-after"]) >= 1
        await late.send(request("/livez"))
        assert (await late.answer()).code == 200
        go.set()
        counted = await early.answer()
        assert (counted.code, json.loads(counted.body)["newScore"]) == (200, 10)
        await stopping
        assert await late.rest() == b""
