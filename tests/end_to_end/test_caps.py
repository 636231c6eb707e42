"""Caps and tickets on a real replica set: across restarts, kills and servers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from scoreboard_server.rules.tallies import DAY_US

from ..cli.invoking import Running, until
from ..conftest import SECRET, Api, StartServer, token
from ..mongod import Mongod

CONFIG = """
[limits]
updates_per_minute = 0
per_ip_per_minute = 0
[actions]
daily = {points = 10, per_day = 4}
slow = {points = 10, min_seconds = 3600}
quiz = {points = 50, proof = "ticket", min_seconds = 0.5}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Types with caps, and no rates."""
    path = tmp_path / "caps.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(autouse=True)
def _not_at_midnight() -> None:
    """A day that ends meanwhile begins anew, as it should; that is tested elsewhere."""
    left = DAY_US / 1e6 - time.time() % (DAY_US / 1e6)
    if left < 120:
        time.sleep(left + 1)


@contextmanager
def serving(replica_set: Mongod, database: str, config: Path) -> Iterator[Running]:
    """The real command; it is killed at the end, not stopped."""
    environ = {"SCOREBOARD_JWT_SECRET": SECRET, "SCOREBOARD_STORE_DATABASE": database}
    arguments = ("--config", config, "--store", replica_set.uri)
    with Running("serve", "--json", "--port", "0", *arguments, cwd=config.parent, environ=environ) as server:
        server.ready()
        try:
            yield server
        finally:
            server.process.kill()


def refusal(server: Running, action: str, kind: str) -> str | None:
    """The code with which Ann's claim is refused, None when it is counted."""
    status, told = server.act(token(), action, kind)
    assert status in (200, 429), told
    code: str | None = told.get("code")
    return code


@pytest.mark.parametrize("folded", [False, True], ids=["pending", "folded"])
def test_caps_hold_over_kill_9(replica_set: Mongod, database: str, config: Path, folded: bool) -> None:
    """Whether what was counted is still pending or in the counts of the day by then."""
    with serving(replica_set, database, config) as server:
        assert [refusal(server, f"d{i}", "daily") for i in range(3)] == [None] * 3
        assert refusal(server, "s1", "slow") is None
        if folded:
            with replica_set.client() as client:
                until(lambda: client[database]["entries"].count_documents({"pending": True}) == 0)
    with replica_set.client() as client:
        if not folded:  # else the machine was too slow to see what this is about
            assert client[database]["entries"].count_documents({"pending": True}) == 4
    with serving(replica_set, database, config) as server:
        assert [refusal(server, f"e{i}", "daily") for i in range(2)] == [None, "cap_reached"]
        assert refusal(server, "s2", "slow") == "too_soon"
        assert refusal(server, "d0", "daily") is None, "a repeat is none"
        assert [row["score"] for row in server.board()["leaderboard"]] == [50]


@pytest.fixture
def many_connections() -> Iterator[None]:
    """The client opens 200 instead of 10 at once."""
    AsyncHTTPClient.configure(None, max_clients=200)
    yield
    AsyncHTTPClient.configure(None)


async def two(replica_set: Mongod, database: str, config: Path, start_server: StartServer) -> list[Api]:
    """Two servers on one store."""
    flags = {"store__uri": replica_set.uri, "store__database": database, "config": config}
    return [Api(await start_server(**flags)) for _ in range(2)]


async def claim(api: Api, action: str, kind: str, user: str = "ann") -> HTTPResponse:
    """Submit once."""
    return await api.post({"actionId": action, "actionType": kind}, token(user), request_timeout=60)


async def shows(api: Api, score: int, user: str = "ann") -> None:
    """Wait until the server's board does."""
    async with asyncio.timeout(30):
        while {row["userId"]: row["score"] for row in (await api.board())["leaderboard"]}.get(user) != score:
            await asyncio.sleep(0.02)


async def test_servers_share_a_cap(
    replica_set: Mongod, database: str, config: Path, start_server: StartServer
) -> None:
    """Claimed at one server after the other, as soon as each shows the last one, no more count than may."""
    apis = await two(replica_set, database, config, start_server)
    for i in range(4):
        assert (await claim(apis[i % 2], f"d{i}", "daily")).code == 200
        await shows(apis[(i + 1) % 2], 10 * (i + 1))
    for i in range(4):
        assert (await claim(apis[i % 2], f"e{i}", "daily")).code == 429
    assert (await claim(apis[0], "s0", "slow")).code == 200
    await shows(apis[1], 50)
    assert (await claim(apis[1], "s1", "slow")).code == 429
    for api in apis:
        await shows(api, 50)


@pytest.mark.usefixtures("many_connections")
async def test_without_waiting_servers_share_a_cap_in_the_end(
    replica_set: Mongod, database: str, config: Path, start_server: StartServer
) -> None:
    """As many at once as there are ids: each server keeps its cap, and knows the other's a moment later."""
    apis = await two(replica_set, database, config, start_server)
    claims = [claim(apis[i % 2], f"d{i}", "daily") for i in range(40)]
    counted = sum(answer.code == 200 for answer in await asyncio.gather(*claims))
    assert 4 <= counted <= 8
    for api in apis:
        await shows(api, 10 * counted)
        assert (await claim(api, "more", "daily")).code == 429


async def told_in_the_end(api: Api, ticket: str) -> tuple[bool, int]:
    """Claim as a client should, that repeats what is 503: whether it was a repeat, and the score."""
    async with asyncio.timeout(90):
        while (answer := await claim(api, ticket, "quiz")).code == 503:
            assert int(answer.headers["Retry-After"]) > 0
            await asyncio.sleep(0.2)
    assert answer.code == 200, answer.body
    return "Idempotent-Replayed" in answer.headers, json.loads(answer.body)["newScore"]


async def given(api: Api, user: str = "ann") -> str:
    """A ticket."""
    headers = {"Content-Type": "application/json"}
    response = await api.fetch(
        "/api/actions", "POST", body='{"actionType":"quiz"}', bearer=token(user), headers=headers
    )
    text: str = json.loads(response.body)["actionId"]
    return text


@pytest.mark.usefixtures("many_connections")
async def test_a_thousand_claims_of_one_ticket_are_one(
    replica_set: Mongod, database: str, config: Path, start_server: StartServer
) -> None:
    """At once, at two servers: it counts once, and 999 are told the truth, if some only when they repeat."""
    apis = await two(replica_set, database, config, start_server)
    ticket, other = [await given(apis[0]) for _ in range(2)]
    await asyncio.sleep(0.6)
    told = await asyncio.gather(*(told_in_the_end(apis[i % 2], ticket) for i in range(1_000)))
    assert sorted(told) == [(False, 50)] + [(True, 50)] * 999
    for api in apis:
        await shows(api, 50)
    with replica_set.client() as client:
        assert client[database]["entries"].count_documents({}) == 1
    # And nobody's cap has been charged for the repeats, nor opened by them.
    assert (await told_in_the_end(apis[1], other)) == (False, 100)


async def test_a_ticket_given_at_one_server_is_good_at_the_other(
    replica_set: Mongod, database: str, config: Path, start_server: StartServer
) -> None:
    """They share the secret; a farm of tickets over both gains at most one more than at one of them."""
    apis = await two(replica_set, database, config, start_server)
    tickets = [await given(apis[i % 2]) for i in range(10)]
    await asyncio.sleep(0.6)
    answers = await asyncio.gather(*(claim(apis[(i + 1) % 2], t, "quiz") for i, t in enumerate(tickets)))
    assert {answer.code for answer in answers} == {200, 429}
    with replica_set.client() as client:
        instants = sorted(d["at"] for d in client[database]["entries"].find())
    began_within = [sum(start <= at < start + 450_000 for at in instants) for start in instants]
    assert max(began_within) <= 2


async def test_rates_are_each_servers_own(
    replica_set: Mongod, database: str, tmp_path: Path, start_server: StartServer
) -> None:
    """Who has used up a user's rate at one server still has it at the other, and then nowhere."""
    config = tmp_path / "rates.toml"
    config.write_text("[limits]\nupdates_per_minute = 1\nburst = 2\n[actions]\nopen = {points = 10}\n")
    apis = await two(replica_set, database, config, start_server)
    codes = [[(await claim(api, f"r{n}{i}", "open")).code for i in range(3)] for n, api in enumerate(apis)]
    assert codes == [[200, 200, 429]] * 2
