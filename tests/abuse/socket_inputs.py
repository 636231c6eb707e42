"""Frames against `/ws`: each connection is sent inputs until it is closed; an honest watcher looks on.

What is told must be as it is described, and of a kind that the attacker has a right to.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from typing import Any

from jsonschema import Draft202012Validator
from websockets.asyncio.client import ClientConnection, connect

from scoreboard_server.web.asyncapi.document import document
from scoreboard_server.web.asyncapi.messages import FROM_SERVER

from ..web.wire import HANDSHAKE, Wire, request, wire
from .findings import Findings
from .frames import PING, TEXT, frame, some_frames

_AT_ONCE = 8
_INPUTS_A_SOCKET = 40
_PATIENCE_S = 10.0
_SENTINEL = b"are you there?"
_DESCRIBED = {
    message["name"]: Draft202012Validator(message["payload"] | {"components": document()["components"]})
    for message in FROM_SERVER.values()
}
# What who has no right may be told; results of actions only when they are refused.
_FOR_ANYBODY = {"leaderboard.update", "pong", "error", "action.result"}


async def send_frames(
    port: int, findings: Findings, *, inputs: int, seed: int, bearer: str | None = None
) -> None:
    """So many inputs, by a few connections at once. bearer: what each begins with; None for nobody's."""
    goal = findings.total + inputs
    turns = itertools.count()

    async def attack() -> None:
        while findings.total < goal:
            await _one_socket(port, findings, random.Random(f"{seed}-{next(turns)}"), bearer)

    async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None, close_timeout=1) as honest:
        attackers = asyncio.gather(*(attack() for _ in range(_AT_ONCE)))
        try:
            while not attackers.done():
                await _is_served(honest, findings)
                await asyncio.wait([attackers], timeout=0.5)
            await attackers
        finally:
            attackers.cancel()


async def _is_served(honest: ClientConnection, findings: Findings) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await honest.send('{"type":"ping"}')
            while json.loads(await honest.recv())["type"] != "pong":
                pass
    except Exception as error:  # whatever it is, an honest watcher has suffered
        findings.violation(f"an honest watcher is not served: {error!r}")
        raise


async def _one_socket(port: int, findings: Findings, rng: random.Random, bearer: str | None) -> None:
    async with wire(port) as connection:
        await connection.send(request("/ws", *HANDSHAKE))
        await connection.answer()
        if bearer is not None:
            await connection.send(frame(TEXT, json.dumps({"type": "auth", "token": bearer}).encode()))
        seen = asyncio.create_task(_read(connection, findings, is_user=bearer is not None))
        all_whole = await _write(connection, findings, rng, seen)
        if all_whole and not await _ends(seen):
            findings.violation("a socket neither answers nor closes")
        seen.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await seen


async def _write(connection: Wire, findings: Findings, rng: random.Random, seen: asyncio.Task[None]) -> bool:
    """Whether the server has all that the frames claimed to have."""
    all_whole, polite = True, rng.random() < 0.5
    with contextlib.suppress(ConnectionError):
        for _ in range(rng.randrange(1, _INPUTS_A_SOCKET)):
            sent = some_frames(rng, polite=polite)
            await connection.send(sent.data)
            findings.inputs[sent.kind] += 1
            all_whole = all_whole and sent.is_whole
            await asyncio.sleep(0)
            if seen.done():
                return True
        await connection.send(frame(PING, _SENTINEL))
    return all_whole


async def _ends(seen: asyncio.Task[None]) -> bool:
    done, _ = await asyncio.wait([seen], timeout=_PATIENCE_S)
    return bool(done)


async def _read(connection: Wire, findings: Findings, *, is_user: bool) -> None:
    """Read until the end, or the answer to the last ping; everything must be a frame that we know."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            opcode, payload = await _next_frame(connection.reader)
            if opcode == 1:
                _judge(json.loads(payload), findings, is_user=is_user)
            elif (opcode, payload) == (10, _SENTINEL):
                return


async def _next_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, size = await reader.readexactly(2)
    if size >= 126:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
    return first & 0x0F, await reader.readexactly(size)


def _judge(message: dict[str, Any], findings: Findings, *, is_user: bool) -> None:
    kind = message["type"]
    findings.answers[f"socket {kind} {message.get('code', '')}".rstrip()] += 1
    if not is_user and (kind not in _FOR_ANYBODY or message.get("success")):
        findings.violation(f"somebody without rights was told: {message}")
    elif kind not in _DESCRIBED or not _DESCRIBED[kind].is_valid(message):
        findings.violation(f"not as described: {message}")
