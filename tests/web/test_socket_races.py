"""What happens to a socket while something else is under way, and what is left of it afterwards."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from tornado.iostream import IOStream

from scoreboard_server import parts as parts_module
from scoreboard_server.flow.ports import BanChanged
from scoreboard_server.live.seat import Seat
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.claims import Identity
from scoreboard_server.web.live_socket import LiveSocket

from ..abuse.frames import BINARY, CLOSE, TEXT, frame
from ..conftest import Api, token
from .conftest import StartApi
from .insides import parts, services, stream_of
from .watching import watch
from .wire import HANDSHAKE, Wire, ask, problem, request, wire

BANNED = b"\x88\x08" + struct.pack("!H", 4403) + b"banned"

NO_TEXT = b"\x88\x0b" + struct.pack("!H", 1003) + b"text only"


def said(message: object) -> bytes:
    """A message as a client's frame."""
    return frame(TEXT, json.dumps(message).encode())


def action(action_id: str, client_id: str = "c") -> dict[str, str]:
    """A claim."""
    return {"type": "action", "id": client_id, "actionId": action_id, "actionType": "task.completed"}


AUTH = {"type": "auth", "token": token("ann")}


def ban(api: Api, user: str = "ann") -> None:
    """An admin has decided so."""
    parts(api).moderating.changed(BanChanged(Ban(user, "b1", "cheats", "admin", 1)))


async def until(is_so: Callable[[], object]) -> None:
    """Wait, but not for ever."""
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.005)


class Held:
    """Stands before a verb: calls wait at the gate until `release`."""

    def __init__(self, verb: Callable[..., Awaitable[Any]]) -> None:
        self._verb = verb
        self._open = asyncio.Event()
        self.waiting = 0

    async def __call__(self, *args: Any, **options: Any) -> Any:
        self.waiting += 1
        await self._open.wait()
        return await self._verb(*args, **options)

    def is_met(self) -> bool:
        """Whether somebody waits there."""
        return self.waiting > 0

    def release(self) -> None:
        """Let them go on."""
        self._open.set()


def hold(of: Any, name: str) -> Held:
    """Have calls of this verb wait."""
    held = Held(getattr(of, name))
    setattr(of, name, held)
    return held


async def proved(api: Api, connection: Wire, user: str = "ann") -> None:
    """The connection is a socket of that user."""
    before = services(api).hub.watches(user)
    await connection.send(request("/ws", *HANDSHAKE) + said({"type": "auth", "token": token(user)}))
    await connection.answer()
    await until(lambda: services(api).hub.watches(user) > before)


async def last_words(connection: Wire, close: bytes) -> bytes:
    """All that the server says: its close frame, what comes behind it, and what comes of an answer to it."""
    told = b""
    async with asyncio.timeout(20):
        while close not in told:
            told += await connection.reader.read(1000)
    await asyncio.sleep(0.3)
    await connection.send(frame(CLOSE, b""))
    return told + await connection.rest()


# --- sent away meanwhile --------------------------------------------------------------------------


async def test_a_ban_while_an_action_is_under_way(api: Api) -> None:
    """The close frame is the last one: the action's result is not told behind it."""
    held = hold(services(api).submitting, "submit")
    async with wire(api.server.port) as connection:
        await proved(api, connection)
        await connection.send(said(action("a1")))
        await until(lambda: held.waiting)
        ban(api)
        held.release()
        told = await last_words(connection, BANNED)
    assert told.endswith(BANNED) and b"action.result" not in told
    assert (await api.board())["totalUsers"] == 0


async def test_a_ban_while_another_proof_is_looked_at(api: Api) -> None:
    """Neither the yes nor the no to it comes behind the close frame, and nobody owns the socket."""
    for bearer in (token("ann"), "x"):
        services(api).gate._bans.replace([])
        async with wire(api.server.port) as connection:
            await proved(api, connection)
            held = hold(services(api).verifier, "identify")
            await connection.send(said({"type": "auth", "token": bearer}))
            await until(held.is_met)
            ban(api)
            held.release()
            told = await last_words(connection, BANNED)
        del services(api).verifier.identify
        assert told.endswith(BANNED)
    assert services(api).hub.owners() == []
    assert expiries() == []


async def test_who_was_banned_may_come_back_as_a_stranger_only(api: Api) -> None:
    """The proof is refused, and without it so is the action."""
    ban(api)
    async with watch(api) as watcher:
        await watcher.say(AUTH)
        assert (await watcher.next("error"))["code"] == "banned"
        await watcher.say(action("a1"))
        assert (await watcher.next("action.result"))["code"] == "token_missing"


async def test_what_comes_in_behind_a_binary_message_counts_nothing(api: Api) -> None:
    """The socket is being closed: it acts no more, is shown no more and belongs to nobody."""
    async with wire(api.server.port) as connection:
        await proved(api, connection)
        await connection.send(frame(BINARY, b"x") + said(action("a1")) + said(AUTH))
        await until(lambda: not services(api).hub.owners())
        await api.act("ben", "b1")
        told = await last_words(connection, NO_TEXT)
    assert told.endswith(NO_TEXT)
    assert [row["userId"] for row in (await api.board())["leaderboard"]] == ["ben"]


async def test_nothing_follows_a_ping_that_timed_out(
    start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the other side has closed, too, the board goes on without this socket."""
    monkeypatch.setattr(parts_module, "PING_INTERVAL_S", 0.1)
    monkeypatch.setattr(parts_module, "PING_PATIENCE_S", 0.05)
    api = await start_api()
    async with wire(api.server.port) as connection:
        await connection.send(request("/ws", *HANDSHAKE))
        told = b""
        async with asyncio.timeout(20):
            while b"ping timed out" not in told:
                told += await connection.reader.read(1000)
        await api.act("ann", "a1")
        await api.board()
        await asyncio.sleep(0.3)
        await connection.send(frame(CLOSE, b""))
        assert (await connection.rest()) == b""
    assert told.endswith(b"ping timed out")


# --- the token's end ------------------------------------------------------------------------------


def expiries() -> list[object]:
    """The timers that would send somebody away."""
    timers = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    live = [timer for timer in timers if not timer.cancelled()]
    return [timer for timer in live if getattr(timer._callback, "__func__", None) is Seat.dismiss]


async def test_no_timer_outlives_its_socket(api: Api) -> None:
    """However often a proof was renewed there is one, and none when the socket has gone."""
    async with watch(api) as watcher:
        for _ in range(5):
            await watcher.prove("ann")
        assert len(expiries()) == 1
    await until(lambda: not services(api).hub._seats)
    assert expiries() == []


async def test_a_token_that_ends_this_very_moment(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken just before, it is welcomed and sent away at once."""
    verifier = services(api).verifier

    async def identify(bearer: str) -> Identity:
        return msgspec.structs.replace(verifier.verify(bearer), expires_at=time.time())

    monkeypatch.setattr(verifier, "identify", identify)
    async with watch(api) as watcher:
        await watcher.say(AUTH)
        code, last = await watcher.closed()
        assert (code, [frame["type"] for frame in last]) == (4401, ["auth.ok", "error"])


async def test_an_expired_token_acts_no_more_though_its_timer_is_late(api: Api) -> None:
    """As when the clock was set forward, or the machine has slept."""
    async with watch(api) as watcher:
        await watcher.prove("ann")
        [seat] = services(api).hub._owned["ann"]
        assert seat.identity is not None
        seat.identity = msgspec.structs.replace(seat.identity, expires_at=time.time())
        await watcher.say(action("a1"))
        told = await watcher.next_of("action.result")
        assert (told["status"], told["code"]) == (401, "token_expired")
    assert (await api.board())["totalUsers"] == 0


# --- what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize("told", ["", "i" * 3900, "\x00\x1f", "\u2028</script>🎉", '"\\'])
async def test_a_clients_id_comes_back_as_it_was(api: Api, told: str) -> None:
    """Whatever it is, and however long."""
    async with watch(api) as watcher:
        await watcher.prove("ann")
        await watcher.say(json.dumps(action("a1", told), ensure_ascii=False))
        assert (await watcher.next_of("action.result"))["id"] == told


async def test_actions_are_answered_in_their_order(api: Api) -> None:
    """All of a burst, repeats among them, none overtaken."""
    async with watch(api) as watcher:
        await watcher.prove("ann")
        for n in range(50):
            await watcher.say(action(f"a{n % 40}", str(n)))
        told = [await watcher.next_of("action.result") for _ in range(50)]
    assert [result["id"] for result in told] == [str(n) for n in range(50)]
    assert [result["newScore"] for result in told] == [min(n, 40) * 10 for n in range(1, 51)]


# --- who vanishes ---------------------------------------------------------------------------------


def reset(connection: Wire) -> None:
    """Vanish without a word."""
    raw = connection.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.writer.close()


async def test_who_vanishes_in_the_middle_of_an_action(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The action is counted, the place comes free, and pings that find nobody fail in silence."""
    monkeypatch.setattr(LiveSocket, "ping_interval", 0.02)
    monkeypatch.setattr(LiveSocket, "ping_timeout", 0)
    held = hold(services(api).submitting, "submit")
    async with wire(api.server.port) as connection:
        await proved(api, connection)
        await connection.send(said(action("a1")))
        await until(lambda: held.waiting)
        reset(connection)
        [seat] = services(api).hub._seats
        stream = stream_of(seat)
        while not stream.closed():
            seat.show(b"\x81\x02{}")
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        held.release()
    await until(lambda: not len(services(api).occupancy))
    assert services(api).hub._seats == set()
    await until(lambda: services(api).hub.score_of("ann") == 10)
    gc.collect()
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []


async def test_who_vanishes_before_the_socket_is_open(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is logged as an error, and neither a seat nor a place is held."""
    detach = LiveSocket._detach_stream

    def detach_closed(handler: LiveSocket) -> IOStream:
        stream = detach(handler)
        stream.close()
        return stream

    monkeypatch.setattr(LiveSocket, "_detach_stream", detach_closed)
    async with wire(api.server.port) as connection:
        await connection.send(request("/ws", *HANDSHAKE))
        await connection.rest()
    await until(lambda: not len(services(api).occupancy))
    assert services(api).hub._seats == set()


HANDSHAKES = {
    "half a request": b"GET /ws HTTP/1.1\r\nHost: x\r\n",
    "half a handshake": request("/ws", *HANDSHAKE[:2]),
    "another version": request("/ws", *HANDSHAKE[:3], "Sec-WebSocket-Version: 8"),
    "a foreign page": request("/ws", *HANDSHAKE, "Origin: https://evil.example"),
    "an origin that can't be read": request("/ws", *HANDSHAKE, "Origin: http://["),
    "an extension that can't be read": request("/ws", *HANDSHAKE, "Sec-WebSocket-Extensions: ;;=,"),
    "a body": request("/ws", *HANDSHAKE, body=b"x" * 100_000),
    "a good one": request("/ws", *HANDSHAKE),
    "a good one, and bytes that are no frame": request("/ws", *HANDSHAKE) + os.urandom(50),
}


@pytest.mark.parametrize("raw", HANDSHAKES.values(), ids=list(HANDSHAKES))
async def test_an_aborted_handshake_holds_no_place(api: Api, raw: bytes) -> None:
    """Whenever it is cut off."""
    for pause in (0, 0.001, 0.02):
        async with wire(api.server.port) as connection:
            await connection.send(raw)
            await asyncio.sleep(pause)
            reset(connection)
    async with watch(api) as watcher:
        await watcher.quiet()
        await until(lambda: len(services(api).occupancy) == 1)
    await until(lambda: not len(services(api).occupancy))
    assert not services(api).occupancy._by_address


# --- whose places ---------------------------------------------------------------------------------


async def test_a_network_of_ipv6_has_the_places_of_one_address(start_api: StartApi) -> None:
    """Who has a whole /64 is one customer; IPv4 within IPv6 is IPv4."""
    api = await start_api(limits__sockets_per_ip=1, server__trusted_proxies=["127.0.0.1"])

    def handshake(address: str) -> bytes:
        return request("/ws", *HANDSHAKE, f"X-Forwarded-For: {address}")

    async with wire(api.server.port) as one, wire(api.server.port) as two:
        for connection, address in ((one, "2001:db8::1"), (two, "::ffff:192.0.2.1")):
            await connection.send(handshake(address))
            assert (await connection.answer()).code == 101
        for taken in ("2001:db8::2", "[2001:db8:0:0:ffff::9]:443", "192.0.2.1"):
            problem(await ask(api, handshake(taken)), 429, "too_many_sockets")
        assert (await ask(api, handshake("2001:db8:0:1::1"))).code == 101


async def test_a_socket_over_ipv6(start_api: StartApi) -> None:
    """Opens, acts and is counted for its network."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 here")
    api = await start_api(server__host="::1")
    async with watch(api) as watcher:
        assert dict(services(api).occupancy._by_address) == {"::/64": 1}
        await watcher.prove("ann")
        await watcher.say(action("a1"))
        assert (await watcher.next_of("action.result"))["success"]
