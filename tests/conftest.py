"""What tests share: a real replica set, servers on it, clients, and the rule about skipping."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse

from scoreboard_server.app import Server
from scoreboard_server.flow.keys import secret_key
from scoreboard_server.flow.tokens import TokenIssuer
from scoreboard_server.settings import load_settings

from .mongod import Mongod, why_no_mongod

_missing: set[str] = set()

# How fast a machine makes up examples, or runs one, says nothing about what is tested.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def not_here(reason: str) -> NoReturn:
    """Skip what this machine can't run, and say so at the end."""
    _missing.add(reason)
    pytest.skip(reason)


def need_mongod() -> None:
    """Skip where there is no mongod, or none that runs."""
    reason = why_no_mongod()
    if reason is not None:
        not_here(f"database tests ({reason})")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that says it needs a database is run where there can be one."""
    if item.get_closest_marker("database") is not None:
        need_mongod()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything must run (CI), a test that is skipped, for whatever reason, has failed."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"must run in CI, but: {why}"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say in one line what was skipped and why."""
    if _missing:
        terminalreporter.write_line(f"Not run on this machine: {'; '.join(sorted(_missing))}.")


@pytest.fixture(scope="session")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """A real one-node replica set, shared by all tests; each takes a database of its own."""
    need_mongod()
    mongod = Mongod(tmp_path_factory.mktemp("mongod"))
    mongod.start()
    try:
        mongod.initiate()
        yield mongod
    finally:
        mongod.stop()


@pytest.fixture
def short_transactions(replica_set: Mongod) -> Iterator[None]:
    """What a killed process has begun is given up after a second instead of a minute."""
    limit = "transactionLifetimeLimitSeconds"
    with replica_set.client() as client:
        client.admin.command({"setParameter": 1, limit: 1})
        yield
        client.admin.command({"setParameter": 1, limit: 60})


@pytest.fixture
def database(replica_set: Mongod) -> Iterator[str]:
    """The name of a database that nobody else uses."""
    name = f"t{uuid.uuid4().hex[:16]}"
    yield name
    with replica_set.client() as client:
        client.drop_database(name)


# An answer that takes longer never comes.
PATIENCE_S = 60.0
SECRET = "a secret for tests, of more than 32 bytes"


def token(user: str = "ann", *, secret: str | bytes = SECRET, ttl: float = 3600, **claims: Any) -> str:
    """A good token; claims: name, picture, scopes."""
    key = secret.encode() if isinstance(secret, str) else secret
    issuer = TokenIssuer(secret_key(key), issuer="scoreboard", audience="scoreboard", clock=time.time)
    return issuer.issue(user, ttl=ttl, **claims)


# Tests are faster than any honest user. Those of the limits bring their own settings.
UNLIMITED = """
[limits]
updates_per_minute = 0
per_ip_per_minute = 0
[actions]
"task.completed" = {points = 10}
"quiz.completed" = {points = 50, proof = "ticket", min_seconds = 3}
"match.won" = {points = 100, proof = "trusted"}
"""

StartServer = Callable[..., Coroutine[Any, Any, Server]]


@asynccontextmanager
async def servers_in(folder: Path) -> AsyncIterator[StartServer]:
    """Start servers in this process; flags by dotted key, `config`: a file instead of UNLIMITED.

    All are stopped at the end.
    """
    started: list[Server] = []
    unlimited = folder / "unlimited.toml"
    unlimited.write_text(UNLIMITED)

    async def start(**flags: object) -> Server:
        given = {"server.port": 0, "store.data_dir": str(folder / "data"), "auth.secret": SECRET}
        config = flags.pop("config", None)
        given |= {"store.uri": "memory"} | {key.replace("__", "."): value for key, value in flags.items()}
        path = Path(str(config)) if config else unlimited
        server = Server(load_settings(given, environ={}, config=path))
        started.append(server)
        await server.start()
        return server

    yield start
    for server in started:
        await server.stop()


@pytest.fixture
async def start_server(tmp_path: Path) -> AsyncIterator[StartServer]:
    """See `servers_in`."""
    async with servers_in(tmp_path) as start:
        yield start


@dataclass
class Api:
    """A client of one server."""

    server: Server

    async def fetch(self, path: str, method: str = "GET", **options: Any) -> HTTPResponse:
        """Any request; every status is an answer."""
        bearer = options.pop("bearer", None)
        headers = dict(options.pop("headers", {}))
        options = {"connect_timeout": PATIENCE_S, "request_timeout": PATIENCE_S} | options
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        request = HTTPRequest(
            self.server.address + path, method, headers, allow_nonstandard_methods=True, **options
        )
        return await AsyncHTTPClient().fetch(request, raise_error=False)

    async def post(self, body: object, bearer: str | None = None, **options: Any) -> HTTPResponse:
        """Submit; a body that is no bytes or text is sent as JSON."""
        headers = {"Content-Type": "application/json"} | options.pop("headers", {})
        raw = body if isinstance(body, bytes | str) else json.dumps(body)
        return await self.fetch(
            "/api/scores/update", "POST", body=raw, bearer=bearer, headers=headers, **options
        )

    async def act(self, user: str, action: str, kind: str = "task.completed") -> dict[str, Any]:
        """A user's action is counted; the answer."""
        response = await self.post({"actionId": action, "actionType": kind}, token(user))
        assert response.code == 200, response.body
        answer: dict[str, Any] = json.loads(response.body)
        return answer

    async def board(self, query: str = "", bearer: str | None = None) -> dict[str, Any]:
        """The leaderboard."""
        response = await self.fetch(f"/api/leaderboard{query}", bearer=bearer)
        assert response.code == 200, response.body
        answer: dict[str, Any] = json.loads(response.body)
        return answer

    def socket_url(self) -> str:
        """Where the live board is."""
        return self.server.address.replace("http", "ws") + "/ws"
