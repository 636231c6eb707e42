"""Requests that are almost HTTP, sent as bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random

from ..web.wire import HANDSHAKE, request, wire
from .findings import Findings
from .http_inputs import nobody

_AT_ONCE = 8
_PATIENCE_S = 0.2
_HEADERS = [
    "Content-Length: 5", "Content-Length: -1", "Content-Length: 9" + "9" * 30, "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip", "Expect: 100-continue", "Connection: close", "Connection: Upgrade", "Host: x",
    "Host: [::1", "Origin: http://[", "Origin: null", "X-Forwarded-For: \xff", "X-Request-Id: forged\x0bINFO",
    "Authorization: Bearer \xff\xfe", "Content-Type: multipart/form-data", "If-None-Match: " + '"a",' * 500,
    "Range: bytes=" + "0-1," * 500, "Cookie: " + "a=b;" * 500, "Content-Encoding: gzip", "Upgrade: h2c",
    "X: " + "y" * 20_000, " folded: x", "no colon", ":", "\x00: x", "If-Modified-Since: Sat, 99 Foo 0000",
]  # fmt: skip
_TARGETS = [
    "/", "/ws", "*", "?", "//evil.example/", "http://evil.example/", "/" + "a" * 9000, "/\xff",
    "/api/leaderboard?limit=%00", "/api/leaderboard?users=" + "a," * 2000, "/api/leaderboard?" + "a=b&" * 500,
    "/api/users/%ff", "/api/users/\x1b[2J/actions", "/static/../x", "/static/%2e%2e/%2e%2e/etc/passwd",
]  # fmt: skip
_METHODS = ["GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "CONNECT", "get", "G\x00T", "X" * 500]


async def send_bytes(port: int, findings: Findings, *, inputs: int, seed: int) -> None:
    """So many requests, each on a connection of its own."""
    rng = random.Random(seed)
    queue = [some_request(rng) for _ in range(inputs)]

    async def attack() -> None:
        while queue:
            await _one_request(port, queue.pop(), findings)

    await asyncio.gather(*(attack() for _ in range(_AT_ONCE)))


def some_request(rng: random.Random) -> bytes:
    """A good request with a few things wrong."""
    claim = json.dumps({"actionId": f"r{rng.random()}", "actionType": "task.completed"}).encode()
    headers = [f"Authorization: {nobody(rng)}", *rng.choice([(), HANDSHAKE])]
    headers += rng.choices(_HEADERS, k=rng.randrange(4))
    rng.shuffle(headers)
    with_body = rng.random() < 0.5
    target = rng.choice(["/api/scores/update", *_TARGETS])
    raw = request(target, *headers, method=rng.choice(_METHODS), body=claim if with_body else None)
    return _damaged(raw, rng) if rng.random() < 0.5 else raw


def _damaged(raw: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(raw) + 1)
        junk = rng.choice([b"\r\n", b"\n", b"\x00", b" ", b"\r\n\r\n", rng.randbytes(3), b""])
        raw = raw[:at] + junk + raw[at + rng.randrange(3) :]
    return raw


async def _one_request(port: int, raw: bytes, findings: Findings) -> None:
    """Send it, and see how the answer begins; for what is no whole request there is none for long."""
    findings.inputs["bytes that are almost requests"] += 1
    answer = b""
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with wire(port) as connection, asyncio.timeout(_PATIENCE_S):
            await connection.send(raw)
            answer = await connection.reader.read(1000)
    if answer.startswith(b"HTTP/1.1 5"):
        findings.violation(f"{raw[:200]!r} is answered with {answer[:200]!r}")
    findings.answers[f"raw {answer[9:12].decode('latin1') or 'none'}"] += 1
