"""Frames against `/ws`: each connection is sent inputs until it is closed; an honest watcher looks on."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random

from websockets.asyncio.client import connect

from ..web.wire import HANDSHAKE, Wire, request, wire
from .findings import Findings
from .frames import PING, frame, some_frames

_AT_ONCE = 8
_INPUTS_A_SOCKET = 40
_PATIENCE_S = 10.0
_SENTINEL = b"are you there?"
# What who has no right may be told.
_KNOWN = {"leaderboard.update", "pong", "error"}


async def send_frames(port: int, findings: Findings, *, inputs: int, seed: int) -> None:
    """So many inputs, by a few connections at once."""
    goal = findings.total + inputs
    turns = itertools.count()

    async def attack() -> None:
        while findings.total < goal:
            await _one_socket(port, findings, random.Random(f"{seed}-{next(turns)}"))

    async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None, close_timeout=1) as honest:
        attackers = asyncio.gather(*(attack() for _ in range(_AT_ONCE)))
        try:
            while not attackers.done():
                await _is_served(honest, findings)
                await asyncio.wait([attackers], timeout=0.5)
            await attackers
        finally:
            attackers.cancel()


async def _is_served(honest: object, findings: Findings) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await honest.send('{"type":"ping"}')  # type: ignore[attr-defined]
            while json.loads(await honest.recv())["type"] != "pong":  # type: ignore[attr-defined]
                pass
    except Exception as error:  # whatever it is, an honest watcher has suffered
        findings.violation(f"an honest watcher is not served: {error!r}")
        raise


async def _one_socket(port: int, findings: Findings, rng: random.Random) -> None:
    async with wire(port) as connection:
        await connection.send(request("/ws", *HANDSHAKE))
        await connection.answer()
        seen = asyncio.create_task(_read(connection, findings))
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


async def _read(connection: Wire, findings: Findings) -> None:
    """Read until the end, or the answer to the last ping; everything must be a frame that we know."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            opcode, payload = await _next_frame(connection.reader)
            if opcode == 1:
                _judge(payload, findings)
            elif (opcode, payload) == (10, _SENTINEL):
                return


async def _next_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, size = await reader.readexactly(2)
    if size >= 126:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
    return first & 0x0F, await reader.readexactly(size)


def _judge(payload: bytes, findings: Findings) -> None:
    message = json.loads(payload)
    findings.answers[f"socket {message['type']} {message.get('code', '')}".rstrip()] += 1
    if message["type"] not in _KNOWN:
        findings.violation(f"somebody without rights was told: {message}")
