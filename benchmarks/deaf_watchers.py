"""What watchers who stop reading cost those who read: a quarter of 2,000 goes deaf.

    python -m benchmarks.deaf_watchers [WATCHERS] [DEAF] [SECONDS]

Two loads of 100 updates a second on one server, at the product's settings: in the first all of them read, in
the second DEAF of them do not. Prints the time from submit to seen by all who read in both, the server's
memory, and when the deaf were cut (Linux only: the kernel is asked, as no close can reach who does not read).
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scoreboard_cli.bench.own_server import OwnServer, own_server
from scoreboard_cli.bench.process_figures import resident_bytes
from scoreboard_cli.socket_wire import PING, PONG, Frames, frame
from scoreboard_server.open_files import raise_open_files_limit

_HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_RATE = 100
_ESTABLISHED = "01"
_LOOK_S = 0.25


def connect(url: str) -> socket.socket:
    """One watcher, with a small buffer of its own, so that what it leaves unread piles up at the server."""
    to = urlsplit(url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((to.hostname or "", to.port or 80))
    client.sendall(_HANDSHAKE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    client.setblocking(False)
    return client


async def read_on(client: socket.socket) -> None:
    """Read, answer pings, and throw away the rest."""
    loop, frames = asyncio.get_running_loop(), Frames()
    while data := await loop.sock_recv(client, 65536):
        for opcode, payload in frames.feed(data):
            if opcode == PING:
                await loop.sock_sendall(client, frame(PONG, payload, os.urandom(4)))


async def load(own: OwnServer, watchers: int, seconds: int) -> dict[str, Any]:
    """The findings of a bench against it."""
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scoreboard_cli.main", "bench", "--server", own.url, "--json", "--yes",
            "--data-dir", str(own.data_dir), "--watchers", str(watchers),
            "--rate", str(_RATE), "--seconds", str(seconds),
            cwd=folder, env=os.environ, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        told, _ = await process.communicate()
    findings: dict[str, Any] = json.loads(told)
    return findings


def held(own: OwnServer, clients: list[socket.socket]) -> int:
    """To how many of these the server's side of the connection is open."""
    ports = {client.getsockname()[1] for client in clients}
    server = urlsplit(own.url).port
    rows = [row.split()[1:4] for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = [(int(here[-4:], 16), int(there[-4:], 16)) for here, there, state in rows if state == _ESTABLISHED]
    return sum(here == server and there in ports for here, there in ends)


async def watch_for_cuts(clients: list[socket.socket], own: OwnServer) -> tuple[list[float], float]:
    """When each was hung up on, in seconds from now, and the most memory (bytes) that the server had."""
    began, most = time.monotonic(), 0.0
    cut: list[float] = []
    try:
        while True:
            gone = len(clients) - held(own, clients)
            cut += [time.monotonic() - began] * (gone - len(cut))
            most = max(most, resident_bytes(own.pid) or 0.0)
            await asyncio.sleep(_LOOK_S)
    except asyncio.CancelledError:
        return cut, most


async def main(watchers: int, deaf: int, seconds: int) -> None:
    """Both loads, and what they show."""
    raise_open_files_limit()
    async with own_server("embedded", "task.completed", 10, 100) as own:
        clients = [connect(own.url) for _ in range(deaf)]
        readers = [asyncio.create_task(read_on(client)) for client in clients]
        hearing = await load(own, watchers - deaf, seconds)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        before = resident_bytes(own.pid) or 0.0
        watching = asyncio.create_task(watch_for_cuts(clients, own))
        not_hearing = await load(own, watchers - deaf, seconds)
        watching.cancel()
        cut, most = await watching
    show(hearing, not_hearing)
    print(f"server: {before / 2**20:.0f} MiB with all, at most {most / 2**20:.0f} MiB afterwards")  # noqa: T201 -- what it is for
    when = f"the first after {min(cut):.0f} s, the last after {max(cut):.0f} s" if cut else ""
    print(f"cut: {len(cut)} of {deaf} who did not read; {when}")  # noqa: T201 -- as above


def show(hearing: dict[str, Any], not_hearing: dict[str, Any]) -> None:
    """Both loads side by side."""
    for name in ("p50", "p95", "p99"):
        a, b = (each["submitToSeenMs"][name] for each in (hearing, not_hearing))
        print(f"seen by all, {name}: {a:.1f} ms when all read, {b:.1f} ms when not: {b / a:.2f} x")  # noqa: T201 -- as above


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    asyncio.run(main(*(given + [2000, 500, 45][len(given) :])))
