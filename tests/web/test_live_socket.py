"""The live board over a WebSocket, seen with a client that is not the server's own library."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import socket
import struct
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from scoreboard_server.live.frames import text_frame
from scoreboard_server.rules.bans import Banned
from scoreboard_server.rules.claims import WRITE_ANY
from scoreboard_server.web import frame_writer
from scoreboard_server.web.live_socket import MESSAGE_LIMIT

from ..conftest import Api, token
from ..end_to_end.test_keys import signed
from ..jwks import rsa_jwk, write_jwks
from .conftest import StartApi
from .insides import services, stream_of
from .watching import Watcher, watch
from .wire import HANDSHAKE, ask, problem, request, wire


def ids(update: dict[str, Any]) -> list[str]:
    """Whose rows an update tells."""
    return [row["userId"] for row in update["data"]["updatedPositions"]]


# --- the board ------------------------------------------------------------------------------------


async def test_an_empty_board_is_shown_too(api: Api) -> None:
    """The opening snapshot has the documented shape, also with nobody on it."""
    async with watch(api) as watcher:
        assert (watcher.watched.version, watcher.watched.rows, watcher.watched.total) == (1, [], 0)
        assert watcher.watched.epoch == (await api.board())["epoch"]


async def test_an_opening_socket_is_shown_the_board_of_now(api: Api) -> None:
    """The snapshot is what a GET gives, at the same version."""
    for user in ("ann", "ben", "cat"):
        await api.act(user, "a1")
    board = await api.board()
    async with watch(api) as watcher:
        assert watcher.watched.rows == board["leaderboard"]
        assert (watcher.watched.epoch, watcher.watched.version) == (board["epoch"], board["version"])


async def test_an_action_is_seen_by_everyone(api: Api) -> None:
    """Each socket gets the same update, one version further, with only the row that changed."""
    await api.act("ann", "a1")
    async with watch(api) as one, watch(api) as other:
        version = one.watched.version
        await api.act("ben", "b1")
        first, second = await one.next("leaderboard.update"), await other.next("leaderboard.update")
        assert first == second
        assert (first["version"], first["snapshot"]) == (version + 1, False)
        assert (ids(first), first["data"]["totalUsers"]) == (["ben"], 2)


async def test_updates_of_one_interval_are_one(start_api: StartApi) -> None:
    """After the first, a socket hears nothing until the interval is over, however much happens."""
    api = await start_api(live__interval_ms=10_000)
    async with watch(api) as watcher:
        await api.act("ann", "a1")
        assert ids(await watcher.next("leaderboard.update")) == ["ann"]
        for n in range(10):
            await api.act("ben", f"b{n}")
        await watcher.quiet()


async def test_what_nobody_sees_sends_nothing(start_api: StartApi) -> None:
    """A score at a rank below the top is published (a GET has it) and no socket hears of it."""
    api = await start_api(live__top=2)
    for user, times in (("ann", 4), ("ben", 3), ("cat", 1)):
        for n in range(times):
            await api.act(user, f"a{n}")
    before = await api.fetch("/api/leaderboard?limit=3")
    async with watch(api) as watcher:
        await api.act("cat", "more")
        after = await api.fetch("/api/leaderboard?limit=3")
        assert json.loads(after.body)["leaderboard"][2]["score"] == 20
        assert json.loads(after.body)["version"] == json.loads(before.body)["version"]
        assert after.headers["ETag"] != before.headers["ETag"]
        await watcher.quiet()


async def test_the_total_is_seen(start_api: StartApi) -> None:
    """Somebody new below the top is a version without rows."""
    api = await start_api(live__top=1)
    for n in range(2):
        await api.act("ann", f"a{n}")
    await api.board()
    async with watch(api) as watcher:
        version = watcher.watched.version
        await api.act("ben", "b1")
        update = await watcher.next("leaderboard.update")
        assert update["version"] == version + 1
        assert update["data"] == {"updatedPositions": [], "removed": [], "totalUsers": 2}


async def test_a_new_name_is_seen(api: Api) -> None:
    """A token that tells another name changes the row, though nothing is added."""
    await api.act("ann", "a1")
    await api.board()
    async with watch(api) as watcher:
        named = token("ann", name="Ann", picture="https://a.example/ann")
        await api.post({"actionId": "a1", "actionType": "task.completed"}, named)
        update = await watcher.next("leaderboard.update")
        (row,) = update["data"]["updatedPositions"]
        assert (row["username"], row["avatarUrl"]) == ("Ann", "https://a.example/ann")


class Recording:
    """What a socket showed at each version, and what GETs said meanwhile."""

    def __init__(self, api: Api, watcher: Watcher) -> None:
        self._api = api
        self._watcher = watcher
        self.states: dict[tuple[str, int], tuple[list[dict[str, Any]], int]] = {}
        self.bodies: list[dict[str, Any]] = []
        self._note()

    def _note(self) -> None:
        watched = self._watcher.watched
        self.states[watched.epoch, watched.version] = (watched.rows, watched.total)

    async def follow(self) -> None:
        """Apply updates until cancelled."""
        while True:
            await self._watcher.next("leaderboard.update")
            self._note()

    async def read(self, limits: Iterable[int]) -> None:
        """GET, one limit after the other, until cancelled."""
        for limit in limits:
            self.bodies.append(await self._api.board(f"?limit={limit}"))

    def check(self, top: int) -> None:
        """Every body is what the socket had at the epoch and version that it names."""
        for body in self.bodies:
            rows, total = self.states[body["epoch"], body["version"]]
            assert body["leaderboard"][:top] == rows[: len(body["leaderboard"])]
            assert body["totalUsers"] == total


@pytest.mark.parametrize("seed", range(3))
async def test_get_and_socket_agree_at_every_version(start_api: StartApi, seed: int) -> None:
    """While actions and names come in, each body is what the socket had at its epoch and version."""
    chance = random.Random(seed)
    api = await start_api(live__top=4)

    async def play(player: int) -> None:
        for n in range(40):
            user = f"u{chance.randrange(9)}"
            name = f"{user} {chance.randrange(3)}" if chance.random() < 0.3 else None
            claim = {"actionId": f"{player}-{n}", "actionType": "task.completed"}
            assert (await api.post(claim, token(user, name=name))).code == 200

    async with watch(api) as watcher:
        recording = Recording(api, watcher)
        following = asyncio.create_task(recording.follow())
        readings = [asyncio.create_task(recording.read(itertools.cycle([4, 2, 9, 1000]))) for _ in range(2)]
        await asyncio.gather(*(play(player) for player in range(4)))
        last = await api.board()
        while (last["epoch"], last["version"]) not in recording.states:
            assert not following.done(), following
            await asyncio.sleep(0.01)
        for task in (following, *readings):
            assert not task.done(), task
            task.cancel()
    recording.check(top=4)
    assert len({body["version"] for body in recording.bodies}) > 3, "too little has happened to show anything"
    assert sum(row["score"] for row in (await api.board("?limit=9"))["leaderboard"]) == 4 * 40 * 10


# --- who watches ----------------------------------------------------------------------------------


async def test_a_watcher_proves_who_it_is(api: Api) -> None:
    """The answer names the user and when the proof ends, as RFC 3339 in UTC."""
    async with watch(api) as watcher:
        await watcher.say({"type": "auth", "token": token("ann", ttl=60)})
        answer = await watcher.next("auth.ok")
        assert set(answer) == {"type", "userId", "expiresAt"}
        assert answer["userId"] == "ann"
        assert answer["expiresAt"].endswith("Z")
        remaining = datetime.fromisoformat(answer["expiresAt"]) - datetime.now(UTC)
        assert 0 < remaining.total_seconds() <= 60


@pytest.mark.parametrize(
    ("bearer", "code"),
    [("", "token_invalid"), ("x", "token_invalid"), ("🏆\0", "token_invalid"), (None, "token_expired")],
)
async def test_a_bad_proof_leaves_the_socket_open(api: Api, bearer: str | None, code: str) -> None:
    """An error frame, the board goes on, and a good token is still taken."""
    async with watch(api) as watcher:
        await watcher.say({"type": "auth", "token": token(ttl=-1) if bearer is None else bearer})
        error = await watcher.next("error")
        assert (set(error), error["code"]) == ({"type", "code", "message"}, code)
        await api.act("ann", "a1")
        assert ids(await watcher.next("leaderboard.update")) == ["ann"]
        await watcher.say({"type": "auth", "token": token("ann")})
        await watcher.next("auth.ok")


async def test_a_socket_belongs_to_one_user(api: Api) -> None:
    """A second user is refused and the first one stays; a newer token of the first is welcome."""
    async with watch(api) as watcher:
        await watcher.say({"type": "auth", "token": token("ann")})
        await watcher.next("auth.ok")
        await watcher.say({"type": "auth", "token": token("ben")})
        assert (await watcher.next("error"))["code"] == "already_authenticated"
        await watcher.say({"type": "auth", "token": token("ann")})
        assert (await watcher.next("auth.ok"))["userId"] == "ann"
        await api.act("ann", "a1")
        await watcher.next("leaderboard.update")
        assert (await watcher.next("user.scoreUpdate"))["data"]["newScore"] == 10


async def test_own_scores_come_to_own_sockets_only(api: Api) -> None:
    """The changes add up to what was scored, at each socket of the user, and nobody else is told."""
    async with watch(api) as one, watch(api) as two, watch(api) as other, watch(api) as nobody:
        for watcher, user in ((one, "ann"), (two, "ann"), (other, "ben")):
            await watcher.say({"type": "auth", "token": token(user)})
            await watcher.next("auth.ok")
        await asyncio.gather(*(api.act("ann", f"a{n}") for n in range(5)))
        await api.board()  # so that all of it is published
        for watcher in (one, two):
            changes: list[int] = []
            while sum(changes) < 50:
                if (frame := await watcher.frame())["type"] == "user.scoreUpdate":
                    changes.append(frame["data"]["change"])
            assert sum(changes) == 50
            assert frame["data"]["newScore"] == 50
            assert frame["data"]["leaderboardPosition"] == 1
            await watcher.quiet()
        for watcher in (other, nobody):
            await watcher.say({"type": "ping"})
            while (frame := await watcher.frame())["type"] != "pong":
                assert frame["type"] == "leaderboard.update"


async def test_a_repeat_moves_no_own_score(api: Api) -> None:
    """Nothing was added, so nothing is told."""
    await api.act("ann", "a1")
    await api.board()
    async with watch(api) as watcher:
        await watcher.say({"type": "auth", "token": token("ann")})
        await watcher.next("auth.ok")
        await api.act("ann", "a1")
        await api.board()
        await watcher.quiet()


# --- what may be said -----------------------------------------------------------------------------


async def test_a_ping_is_answered(api: Api) -> None:
    """With exactly a pong."""
    async with watch(api) as watcher:
        await watcher.say({"type": "ping"})
        assert await watcher.next("pong") == {"type": "pong"}


async def test_a_ping_of_the_protocol_is_answered(api: Api) -> None:
    """A client library may keep its connection alive by its own means."""
    async with watch(api) as watcher:
        await (await watcher.connection.ping(b"x"))


BAD_MESSAGES = {
    "empty": ("", "invalid_json"),
    "words": ("hello", "invalid_json"),
    "cut off": ('{"type":"ping"', "invalid_json"),
    "two": ('{"type":"ping"}{"type":"ping"}', "invalid_json"),
    "key twice": ('{"type":"ping","type":"ping"}', "invalid_json"),
    "key twice, once escaped": ('{"type":"auth","token":"x","\\u0074oken":"y"}', "invalid_json"),
    "lone surrogate": ('{"type":"auth","token":"\\ud800"}', "invalid_json"),
    "not a number": ('{"type":"ping","x":NaN}', "invalid_json"),
    "deep": ("[" * 2000 + "]" * 2000, "invalid_json"),
    "deep in a field": ('{"type":"ping","x":' + "[" * 2000 + "]" * 2000 + "}", "invalid_json"),
    "null": ("null", "invalid_request"),
    "array": ("[]", "invalid_request"),
    "array of messages": ('[{"type":"ping"}]', "invalid_request"),
    "number": ("1", "invalid_request"),
    "nothing": ("{}", "invalid_request"),
    "unknown type": ('{"type":"subscribe"}', "invalid_request"),
    "type of the server": ('{"type":"auth.ok","userId":"ann"}', "invalid_request"),
    "number for a type": ('{"type":1}', "invalid_request"),
    "null for a type": ('{"type":null}', "invalid_request"),
    "no token": ('{"type":"auth"}', "invalid_request"),
    "number for a token": ('{"type":"auth","token":1}', "invalid_request"),
    "null for a token": ('{"type":"auth","token":null}', "invalid_request"),
    "object for a token": ('{"type":"auth","token":{"$ne":""}}', "invalid_request"),
    "unknown field": ('{"type":"ping","extra":"x"}', "invalid_request"),
    "huge integer": ('{"type":"ping","x":' + "9" * 4000 + "}", "invalid_request"),
    "huge type": ('{"type":"' + "x" * 4000 + '"}', "invalid_request"),
}


@pytest.mark.parametrize(("text", "code"), BAD_MESSAGES.values(), ids=list(BAD_MESSAGES))
async def test_a_bad_message_is_an_error_frame(api: Api, text: str, code: str) -> None:
    """It is told what is wrong, and the socket lives."""
    async with watch(api) as watcher:
        await watcher.say(text)
        error = await watcher.next("error")
        assert error["code"] == code
        assert error["message"]
        await watcher.quiet()


@pytest.mark.parametrize("data", [b"", b'{"type":"ping"}', b"\x00" * 100])
async def test_binary_is_refused_and_closed(api: Api, data: bytes) -> None:
    """An error frame that says it, then 1003."""
    async with watch(api) as watcher:
        await watcher.say(data)
        code, last = await watcher.closed()
        assert (code, [frame["code"] for frame in last]) == (1003, ["unsupported_data"])


async def test_nothing_is_said_after_a_close(api: Api) -> None:
    """What comes in behind a binary message is not answered."""
    async with watch(api) as watcher:
        for message in (b"x", '{"type":"ping"}', b"y", json.dumps({"type": "auth", "token": token()})):
            await watcher.say(message)
        code, last = await watcher.closed()
        assert (code, [frame["type"] for frame in last]) == (1003, ["error"])


async def test_a_message_up_to_the_limit_is_read(api: Api) -> None:
    """4096 bytes are taken; one more closes with 1009."""
    async with watch(api) as watcher:
        await watcher.say('{"type":"ping"}'.ljust(MESSAGE_LIMIT))
        await watcher.next("pong")
        await watcher.say('{"type":"ping"}'.ljust(MESSAGE_LIMIT + 1))
        assert await watcher.closed() == (1009, [])


async def test_a_message_in_fragments_has_the_same_limit(api: Api) -> None:
    """Small pieces add up, to a message or to 1009."""
    async with watch(api) as watcher:
        await watcher.connection.send(['{"type":', '"ping"}'])
        await watcher.next("pong")
        await watcher.connection.send(["x" * 2000] * 3)
        assert await watcher.closed() == (1009, [])


# --- raw frames -----------------------------------------------------------------------------------


def masked(opcode: int, payload: bytes, *, fin: bool = True, reserved: int = 0) -> bytes:
    """A client's frame, right or wrong."""
    first = (0x80 if fin else 0) | reserved | opcode
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + struct.pack("!H", size)
    mask = os.urandom(4)
    return bytes((first,)) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


@pytest.mark.parametrize(
    "frame",
    [
        masked(1, b"\xff\xfe"),
        masked(1, b"{}", reserved=0x40),
        masked(3, b""),
        masked(9, b"x" * 126),
        masked(9, b"", fin=False),
        masked(0, b"{}"),
        masked(1, b"x", fin=False) + masked(1, b"y"),
        masked(8, b"\x03"),
        masked(8, b"\x00\x00"),
        masked(8, b"\x03\xe8\xff\xfe"),
        b"\x81\xff" + b"\xff" * 8,
    ],
    ids=[
        "invalid UTF-8",
        "reserved bit",
        "unknown opcode",
        "long control frame",
        "fragmented control frame",
        "continuation of nothing",
        "message inside of a message",
        "half a close code",
        "close code 0",
        "close reason of invalid UTF-8",
        "length of 2^64",
    ],
)
async def test_what_breaks_the_protocol_ends_this_socket_only(api: Api, frame: bytes) -> None:
    """The connection is closed; nothing is logged as an error, and the others watch on."""
    async with watch(api) as other, wire(api.server.port) as broken:
        await broken.send(request("/ws", *HANDSHAKE))
        assert (await broken.answer()).code == 101
        await broken.send(frame)
        await broken.rest()
        await api.act("ann", "a1")
        assert ids(await other.next("leaderboard.update")) == ["ann"]


async def test_sockets_that_vanish_are_forgotten(api: Api) -> None:
    """A reset in the middle of the updates takes nothing along, and the hub holds no seat for it."""
    hub = services(api).hub
    async with watch(api) as stayer:
        for n in range(10):
            async with wire(api.server.port) as vanishing:
                await vanishing.send(request("/ws", *HANDSHAKE))
                await vanishing.answer()
                auth = json.dumps({"type": "auth", "token": token("ann")}).encode()
                await vanishing.send(masked(1, auth))
                raw = vanishing.writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                await api.act("ann", f"a{n}")
        board = await api.board()
        while stayer.watched.version < board["version"]:
            await stayer.next("leaderboard.update")
        while len(hub._seats) > 1 or hub._owned:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("payload", [b'{"type":"ping"}', b"nonsense"])
async def test_a_flood_without_reading_does_not_fill_the_server(api: Api, payload: bytes) -> None:
    """Answers that nobody takes hold up the reading of more messages, so the write buffer stays small."""
    hub = services(api).hub
    flood = masked(1, payload) * 1000
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", api.server.port))
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(client, request("/ws", *HANDSHAKE))
        while not hub._seats:
            await asyncio.sleep(0.01)
        stream = stream_of(next(iter(hub._seats)))
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        sent = refused = most = 0
        while sent < 16 << 20 and refused < 20:
            try:
                sent += client.send(flood)
                refused = 0
            except BlockingIOError:
                refused += 1
            most = max(most, len(stream._write_buffer))
            await asyncio.sleep(0.001)
        assert refused == 20, "the server went on reading"
        assert 0 < most < 4096
    finally:
        client.close()


# --- the handshake --------------------------------------------------------------------------------


async def test_a_page_of_another_site_may_not_connect(api: Api) -> None:
    """403 as a problem document."""
    with pytest.raises(InvalidStatus) as refused:
        async with watch(api, origin="https://evil.example"):
            pass
    response = refused.value.response
    assert response.status_code == 403
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(response.body or b"")["code"] == "forbidden_origin"


async def test_the_own_page_may_connect(api: Api) -> None:
    """The origin that is the host itself needs no configuration."""
    async with watch(api, origin=api.server.address) as watcher:
        await watcher.quiet()


async def test_a_trusted_page_may_connect(start_api: StartApi) -> None:
    """An origin of the configuration is taken, its neighbours are not."""
    api = await start_api(server__trusted_origins=["https://game.example"])
    async with watch(api, origin="https://game.example") as watcher:
        await watcher.quiet()
    for origin in ("http://game.example", "https://game.example:444", "https://game.example.evil.example"):
        response = await ask(api, request("/ws", *HANDSHAKE, f"Origin: {origin}"))
        problem(response, 403, "forbidden_origin")


@pytest.mark.parametrize(
    "origin", ["null", "http://[", "http://[::1", "http://]", "x", "http://127.0.0.1@evil.example", "//", "é"]
)
async def test_an_origin_that_makes_no_sense_is_foreign(api: Api, origin: str) -> None:
    """403, also for what can't even be read."""
    problem(await ask(api, request("/ws", *HANDSHAKE, f"Origin: {origin}")), 403, "forbidden_origin")


async def test_what_the_browser_says_counts(api: Api) -> None:
    """A browser that tells of a foreign site is believed, whatever the origin says."""
    headers = (*HANDSHAKE, "Sec-Fetch-Site: cross-site", "Origin: http://127.0.0.1")
    problem(await ask(api, request("/ws", *headers)), 403, "forbidden_origin")


async def test_a_plain_get_is_no_handshake(api: Api) -> None:
    """400 as a problem document."""
    problem(await api.fetch("/ws"), 400, "bad_request")


@pytest.mark.parametrize("left_out", ["Connection", "Upgrade", "Sec-WebSocket-Key"])
async def test_half_a_handshake_is_refused(api: Api, left_out: str) -> None:
    """400 as a problem document, whatever is missing."""
    headers = [header for header in HANDSHAKE if not header.startswith(f"{left_out}:")]
    problem(await ask(api, request("/ws", *headers)), 400, "bad_request")


@pytest.mark.parametrize("version", ["", "8", "12", "14", "x", "13, 8"])
async def test_another_version_is_told_the_right_one(api: Api, version: str) -> None:
    """426 as a problem document, with the version to use."""
    headers = (*HANDSHAKE[:3], f"Sec-WebSocket-Version: {version}")
    response = await ask(api, request("/ws", *headers))
    problem(response, 426, "upgrade_required")
    assert response.headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize(
    "header",
    [
        "Sec-WebSocket-Protocol: a, b",
        "Sec-WebSocket-Extensions: permessage-deflate",
        "Sec-WebSocket-Extensions: ;;=,",
    ],
)
async def test_offers_are_declined_in_silence(api: Api, header: str) -> None:
    """Neither a subprotocol nor an extension is agreed to."""
    response = await ask(api, request("/ws", *HANDSHAKE, header))
    assert response.code == 101
    assert not {"sec-websocket-protocol", "sec-websocket-extensions"} & set(response.headers)


async def test_a_token_in_the_address_does_nothing(api: Api) -> None:
    """Addresses end in logs, so only a message proves who one is."""
    async with wire(api.server.port) as connection:
        await connection.send(request(f"/ws?token={token('ann')}", *HANDSHAKE))
        assert (await connection.answer()).code == 101
    assert services(api).hub._owned == {}


async def test_watchers_are_sent_away_when_the_server_stops(api: Api) -> None:
    """1001, so that they come back to whoever serves next."""
    async with watch(api) as one, watch(api) as other:
        stopping = asyncio.create_task(api.server.stop())
        assert [(await watcher.closed())[0] for watcher in (one, other)] == [1001, 1001]
        await stopping


async def test_who_does_not_read_is_cut_off_though_it_answers_pings(
    start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that stays blocked ends the socket, and the small buffer of the kernel shows it soon."""
    monkeypatch.setattr(frame_writer, "WRITE_PATIENCE_S", 0.1)
    api = await start_api(live__top=1000)
    hub = services(api).hub
    async with watch(api) as reader, wire(api.server.port) as deaf:
        await deaf.send(request("/ws", *HANDSHAKE))
        assert (await deaf.answer()).code == 101
        assert isinstance(deaf.writer.transport, asyncio.Transport)
        deaf.writer.transport.pause_reading()
        assert len(hub._seats) == 2
        async with asyncio.timeout(10):
            while len(hub._seats) == 2:
                for each in list(hub._seats):
                    each.show(text_frame({"type": "x", "fill": "x" * 20_000}))
                await deaf.send(masked(10, b"pong"))
                await reader.frame()
        await reader.say({"type": "ping"})


async def test_who_is_sent_away_hears_nothing_more_and_is_not_heard(api: Api) -> None:
    """The close frame is the last one, also for a client that does not close its side and goes on talking."""
    hub = services(api).hub
    auth = json.dumps({"type": "auth", "token": token("ann")}).encode()
    async with wire(api.server.port) as stubborn:
        await stubborn.send(request("/ws", *HANDSHAKE))
        await stubborn.answer()
        await stubborn.send(masked(1, auth))
        while not hub.owners():
            await asyncio.sleep(0.01)
        hub.dismiss("ann", lambda identity: True, Banned())
        await stubborn.send(masked(1, auth) + masked(1, b'{"type":"ping"}'))
        await api.act("ben", "b1")
        told = await stubborn.rest()
    assert told.endswith(b"\x88\x08" + struct.pack("!H", 4403) + b"banned")
    assert b"pong" not in told and b"ben" not in told
    assert hub.owners() == []


# --- acting over the socket -----------------------------------------------------------------------


def action(action_id: str, kind: str = "task.completed", **more: str) -> dict[str, str]:
    """A message that claims an action."""
    return {"type": "action", "id": f"c-{action_id}", "actionId": action_id, "actionType": kind} | more


async def test_an_action_is_answered_as_the_post_is(api: Api) -> None:
    """With its own id, once counted and once repeated; the POST then knows it, too."""
    async with watch(api) as watcher:
        await watcher.prove("ann")
        await watcher.say(action("a1"))
        told = await watcher.next_of("action.result")
        assert told == {
            "type": "action.result",
            "id": "c-a1",
            "success": True,
            "message": "+10 points",
            "newScore": 10,
            "leaderboardPosition": 1,
            "replayed": False,
        }
        await watcher.say(action("a1"))
        again = await watcher.next_of("action.result")
        assert (again["replayed"], again["newScore"]) == (True, 10)
    response = await api.post({"actionId": "a1", "actionType": "task.completed"}, token("ann"))
    assert response.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        (action("a1", "match.won"), 403, "scope_missing"),
        (action("a1", "nope"), 422, "unknown_action_type"),
        (action("a1", "quiz.completed"), 422, "ticket_invalid"),
        (action("a b"), 422, "invalid_request"),
    ],
)
async def test_the_same_gate_refuses(api: Api, message: object, status: int, code: str) -> None:
    """With the POST's status and code, and the socket stays open."""
    async with watch(api) as watcher:
        await watcher.prove("ann")
        await watcher.say(message)
        told = await watcher.next_of("action.result")
        assert (told["success"], told["status"], told["code"]) == (False, status, code)
        await watcher.say({"type": "ping"})
        await watcher.next("pong")


async def test_nobody_acts_without_a_token(api: Api) -> None:
    """Before the proof an action is refused, and nothing is counted."""
    async with watch(api) as watcher:
        await watcher.say(action("a1"))
        told = await watcher.next_of("action.result")
        assert (told["status"], told["code"]) == (401, "token_missing")
    assert (await api.board())["totalUsers"] == 0


async def test_a_socket_tells_the_name_of_who_plays_elsewhere(api: Api) -> None:
    """All points come from a trusted server, which knows ids alone; the player's own token has the name."""
    claim = {"userId": "ann", "actionId": "m1", "actionType": "task.completed"}
    assert (await api.post(claim, token("game", scopes=(WRITE_ANY,)))).code == 200
    async with watch(api) as watcher:
        await watcher.say({"type": "auth", "token": token("ann", name="Ann")})
        update = await watcher.next_of("leaderboard.update")
        assert [row["username"] for row in update["data"]["updatedPositions"]] == ["Ann"]
        assert (await api.board())["leaderboard"][0]["username"] == "Ann"


async def test_floods_over_the_socket_count_with_those_over_http(start_api: StartApi) -> None:
    """One limit for the user, whichever the road; bad tokens use up the address's."""
    api = await start_api(limits__updates_per_minute=1, limits__burst=1, limits__per_ip_per_minute=3)
    async with watch(api) as watcher:
        await watcher.prove("ann")
        await watcher.say(action("a1"))
        assert (await watcher.next_of("action.result"))["success"]
        await watcher.say(action("a2"))
        told = await watcher.next_of("action.result")
        assert (told["status"], told["code"], told["retryAfter"]) == (429, "rate_limited", 60)
        codes = []
        for _ in range(3):
            await watcher.say({"type": "auth", "token": "x"})
            codes.append((await watcher.next_of("error"))["code"])
        assert codes == ["token_invalid", "token_invalid", "rate_limited"]


# --- the end of a socket --------------------------------------------------------------------------


async def test_a_socket_ends_with_its_token(api: Api) -> None:
    """Told and closed when the token expires; a newer one in time keeps it open."""
    async with watch(api) as stayer, watch(api) as leaver:
        for watcher in (stayer, leaver):
            await watcher.say({"type": "auth", "token": token("ann", ttl=2)})
            await watcher.next("auth.ok")
        await stayer.say({"type": "auth", "token": token("ann")})
        await stayer.next("auth.ok")
        assert (await leaver.next_of("error"))["code"] == "token_expired"
        code, _ = await leaver.closed()
        assert (code, leaver.connection.close_reason) == (4401, "token_expired")
        await stayer.say({"type": "ping"})
        await stayer.next("pong")


async def test_a_socket_ends_with_the_key_that_vouched_for_it(start_api: StartApi, tmp_path: Path) -> None:
    """Who has a key that leaked can't go on with what it signed; whom other keys vouch for stay."""
    keys = write_jwks(tmp_path / "keys.json", rsa_jwk("leaked"))
    api = await start_api(auth__jwks_file=keys, auth__algorithms=["HS256", "RS256"])
    async with watch(api) as honest, watch(api) as forger:
        await honest.prove("ann")
        await forger.say({"type": "auth", "token": signed(rsa_jwk("leaked"), user="eve")})
        await forger.next_of("auth.ok")
        await forger.say(action("a1"))
        assert (await forger.next_of("action.result"))["newScore"] == 10
        api.server.keys.replace(())
        await forger.say(action("a2"))
        code, last = await forger.closed()
        assert (code, forger.connection.close_reason) == (4401, "token_invalid")
        assert [each for each in last if each["type"] == "action.result"] == []
        await honest.say(action("a1"))
        assert (await honest.next_of("action.result"))["success"]
        rows = (await api.board())["leaderboard"]
        assert {row["userId"]: row["score"] for row in rows} == {"ann": 10, "eve": 10}


async def test_a_stopping_server_says_when_to_come_back(api: Api) -> None:
    """1001, with the time to wait in its reason."""
    async with watch(api) as watcher:
        await api.server.stop()
        code, _ = await watcher.closed()
        assert (code, watcher.connection.close_reason) == (1001, "stopping; retry in 1000 ms")


# --- how many there may be ------------------------------------------------------------------------


async def test_places_are_limited_and_come_free(start_api: StartApi) -> None:
    """In all and by address: the handshake is refused as a problem, until somebody has left."""
    api = await start_api(limits__sockets=2, limits__sockets_per_ip=1)
    async with watch(api):
        answer = await ask(api, request("/ws", *HANDSHAKE))
        assert (answer.code, json.loads(answer.body)["code"]) == (429, "too_many_sockets")
        assert answer.headers["retry-after"] == "5"
    hub = services(api).hub
    while hub._seats:
        await asyncio.sleep(0.01)
    async with watch(api):
        pass
    crowded = await start_api(limits__sockets=1, limits__sockets_per_ip=0)
    async with watch(crowded):
        assert (await ask(crowded, request("/ws", *HANDSHAKE))).code == 503


async def test_a_refused_handshake_holds_no_place(start_api: StartApi) -> None:
    """However many there are of them."""
    api = await start_api(limits__sockets=1)
    for _ in range(3):
        assert (await ask(api, request("/ws"))).code == 400
    async with watch(api):
        pass


async def test_a_user_has_so_many_sockets(start_api: StartApi) -> None:
    """One more is refused its proof and goes on as a stranger; proving it again is no second one."""
    api = await start_api(limits__sockets_per_user=1)
    async with watch(api) as one, watch(api) as other:
        await one.prove("ann")
        await one.prove("ann")
        await other.say({"type": "auth", "token": token("ann")})
        assert (await other.next("error"))["code"] == "too_many_sockets"
        await other.prove("ben")
