"""Keys that are published elsewhere: fetched from a real server, kept, and looked for again."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scoreboard_server.flow.keys import KeyRing
from scoreboard_server.outside.jwks import FetchedKeys, Pace
from scoreboard_server.request_context import RequestContext
from scoreboard_server.rules.refusals import Unavailable

from ..jwks import ec_jwk, ed_jwk, oct_jwk, public, rsa_jwk
from .publisher import Answer, Publisher, drip, keys, ok, publishing, silence

SECRET = b"0123456789abcdef0123456789abcdef"
FAST = Pace(deadline=0.3, lifespan=0.05, after_failure=0.05, until_first=0.05, between_looks=0.0)
RARELY = Pace(deadline=0.3, lifespan=60, after_failure=60, until_first=60, between_looks=60)


@pytest.fixture
def ring() -> KeyRing:
    """The secret, and whatever is fetched."""
    return KeyRing(("HS256", "RS256", "ES256", "EdDSA"), secret=SECRET)


def known(ring: KeyRing) -> set[str]:
    """The ids of the fetched keys that are trusted."""
    return {kid for kid in ("rsa-1", "ec-1", "ed-1", "oct-1") if ring.find(kid, "RS256") is not None}


@asynccontextmanager
async def fetching(publisher: Publisher, ring: KeyRing, pace: Pace = FAST) -> AsyncIterator[FetchedKeys]:
    """Fetches in the background meanwhile."""
    fetched = FetchedKeys(publisher.url, ring, pace=pace)
    running = asyncio.create_task(fetched.run())
    try:
        yield fetched
    finally:
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()
        await asyncio.sleep(0)


async def until(ring: KeyRing, *kids: str) -> None:
    """Until exactly these are trusted."""
    async with asyncio.timeout(20):
        while known(ring) != set(kids):
            await asyncio.sleep(0.01)


def words(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as a warning."""
    return [
        r.getMessage() for r in caplog.records if r.name == "scoreboard.keys" and r.levelno >= logging.WARNING
    ]


async def test_a_rotation_is_followed(ring: KeyRing) -> None:
    """A new key is there after a while, and an old one that is published no more is gone."""
    with publishing(keys(rsa_jwk())) as publisher:
        async with fetching(publisher, ring) as fetched:
            assert await fetched.first(2)
            assert known(ring) == {"rsa-1"}
            losses: list[str] = []
            ring.when_lost.append(lambda: losses.append("one"))
            publisher.answer = keys(rsa_jwk(), ed_jwk())
            await until(ring, "rsa-1", "ed-1")
            assert len(losses) == 0
            publisher.answer = keys(ed_jwk())
            await until(ring, "ed-1")
            assert len(losses) == 1
            assert ring.find(None, "HS256") is not None


@pytest.mark.parametrize(
    "bad",
    [
        ok(b"", status="503 Later"),
        ok(b"<html>"),
        ok(b'{"keys": []}'),
        ok(b'{"keys": 1}'),
        ok(b" " * 70_000),
        silence,
        drip(b"HTTP/1.1 200 OK\r\nX: "),
        lambda _: None,
    ],
)
async def test_kept_keys_survive_failures(
    ring: KeyRing, bad: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    """However it fails, it is said once, without the address's query, and once when all is well again."""
    caplog.set_level(logging.INFO)
    with publishing(keys(rsa_jwk())) as publisher:
        async with fetching(publisher, ring) as fetched:
            assert await fetched.first(2)
            publisher.answer = bad
            asked = len(publisher.requests)
            async with asyncio.timeout(20):
                while len(publisher.requests) < asked + 3:
                    await asyncio.sleep(0.01)
            assert known(ring) == {"rsa-1"}
            publisher.answer = keys(rsa_jwk(), ed_jwk())
            await until(ring, "rsa-1", "ed-1")
    (told,) = words(caplog)
    assert "those of before stay trusted" in told
    assert "hunter2" not in caplog.text
    assert [r.getMessage() for r in caplog.records][-1].endswith("are fetched: 2")


async def test_a_look_for_a_request_goes_on_in_its_trace(ring: KeyRing) -> None:
    """Also from the thread that fetches; what is fetched from time to time is of no request."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with publishing(keys(rsa_jwk())) as publisher:

        async def ask(headers: dict[str, str]) -> bytes:
            RequestContext(headers).enter()
            await FetchedKeys(publisher.url, ring, pace=FAST).look_again()
            return publisher.requests[-1]

        traced = await asyncio.create_task(ask({"Traceparent": f"00-{trace}-00f067aa0ba902b7-01"}))
        untraced = await asyncio.create_task(ask({"X-Request-Id": "r1"}))
    assert re.search(rf"(?i)\r\ntraceparent: 00-{trace}-[0-9a-f]{{16}}-01\r\n", traced.decode())
    assert b"00f067aa0ba902b7" not in traced
    assert b"traceparent" not in untraced.lower() and b"r1" not in untraced


async def test_a_slow_answer_keeps_nobody_and_no_thread(ring: KeyRing) -> None:
    """The deadline holds for the whole fetch, and its connection ends with it."""
    with publishing(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")) as publisher:
        fetched = FetchedKeys(publisher.url, ring, pace=FAST)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await fetched.look_again()
        assert 0.25 < time.monotonic() - began < 10
        async with asyncio.timeout(20):
            while not publisher.ended:
                await asyncio.sleep(0.01)


async def test_without_a_first_fetch_a_look_says_when_to_come_back(
    ring: KeyRing, caplog: pytest.LogCaptureFixture
) -> None:
    """503 and not 401: the token may be a good one. The background tries on, and then it is."""
    with publishing(ok(b"", status="500 Oops")) as publisher:
        async with fetching(publisher, ring) as fetched:
            assert not await fetched.first(0.2)
            with pytest.raises(Unavailable) as refused:
                await fetched.look_again()
            assert (refused.value.code, refused.value.retry_after) == ("keys_unavailable", 2)
            publisher.answer = keys(ec_jwk())
            assert await fetched.first(2)
            await fetched.look_again()
            assert known(ring) == {"ec-1"}
    (told,) = words(caplog)
    assert "there are none yet: it answers 500" in told


async def test_looks_share_one_fetch_and_are_rare(ring: KeyRing) -> None:
    """A hundred at once are one; the next one comes only after a while, however many ask."""
    now = 0.0
    with publishing(keys(rsa_jwk())) as publisher:
        fetched = FetchedKeys(publisher.url, ring, pace=RARELY, clock=lambda: now)
        await asyncio.gather(*(fetched.look_again() for _ in range(100)))
        assert (len(publisher.requests), known(ring)) == (1, {"rsa-1"})
        publisher.answer = keys(rsa_jwk(), ed_jwk())
        now = 59.9
        await fetched.look_again()
        assert len(publisher.requests) == 1
        now = 60.0
        await asyncio.gather(*(fetched.look_again() for _ in range(100)))
        assert (len(publisher.requests), known(ring)) == (2, {"rsa-1", "ed-1"})


async def test_one_who_leaves_takes_nobody_else_along(ring: KeyRing) -> None:
    """A shared fetch goes on when the client that caused it has gone."""
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def when_open(connection: socket.socket) -> None:
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(5)
        keys(rsa_jwk())(connection)

    with publishing(when_open) as publisher:
        fetched = FetchedKeys(publisher.url, ring, pace=RARELY._replace(deadline=3))
        leaving = asyncio.create_task(fetched.look_again())
        staying = asyncio.create_task(fetched.look_again())
        await asyncio.sleep(0.05)
        leaving.cancel()
        await asyncio.sleep(0.05)
        gate.set()
        await staying
        assert leaving.cancelled()
        assert (len(publisher.requests), known(ring)) == (1, {"rsa-1"})


async def test_a_bad_key_is_told_and_its_neighbours_are_taken(
    ring: KeyRing, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, while it stays as it is; a secret or a private key that anybody can read is never trusted."""
    published = {"keys": [public(rsa_jwk()), oct_jwk(), ec_jwk(), public(rsa_jwk("weak", bits=1024))]}
    with publishing(ok(json.dumps(published).encode())) as publisher:
        async with fetching(publisher, ring) as fetched:
            assert await fetched.first(2)
            asked = len(publisher.requests)
            async with asyncio.timeout(20):
                while len(publisher.requests) < asked + 3:
                    await asyncio.sleep(0.01)
    assert known(ring) == {"rsa-1"}
    assert [told.partition(", ")[2] for told in words(caplog)] == [
        "the key 'oct-1' is published with its private part",
        "the key 'ec-1' is published with its private part",
        "the key 'weak' is shorter than 2048 bits",
    ]


async def test_a_defect_ends_the_task(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is not taken for a server that is away."""

    def broken(*_: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(ring, "replace", broken)
    with publishing(keys(rsa_jwk())) as publisher, pytest.raises(KeyError):
        await FetchedKeys(publisher.url, ring, pace=FAST).run()
