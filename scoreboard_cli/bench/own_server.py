"""A server for the length of a bench: a process of its own on an empty store, gone without a trace."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from .workers import BenchFailedError

_READY_WITHIN_S = 90.0
_STOPPED_WITHIN_S = 15.0
_MODULE = f"{__package__}.tied_server"

# Who benches is faster than any honest user.
_SETTINGS = """
[limits]
updates_per_minute = 0
per_ip_per_minute = 0
sockets = 0
sockets_per_user = 0
sockets_per_ip = 0
[live]
top = {top}
interval_ms = {interval_ms}
[log]
format = "text"
[actions."{kind}"]
points = 10
captcha = "never"
"""


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A server that is ready. data_dir: where its signing secret is."""

    url: str
    pid: int
    data_dir: Path


@asynccontextmanager
async def own_server(store: str, kind: str, top: int, interval_ms: int) -> AsyncIterator[OwnServer]:
    """Start one on `embedded` or `memory`; stop it and remove its folder. Raises BenchFailedError."""
    with tempfile.TemporaryDirectory(prefix="scoreboard-bench-") as name:
        folder = Path(name)
        settings = folder / "bench.toml"
        settings.write_text(_SETTINGS.format(top=top, interval_ms=interval_ms, kind=kind))
        process = await _spawn(
            folder, "--store", store, "--data-dir", str(folder / "data"), "--config", str(settings)
        )
        try:
            url = await _ready(process, folder)
            yield OwnServer(url, process.pid, folder / "data")
        finally:
            await _stop(process)


async def _spawn(folder: Path, *options: str) -> asyncio.subprocess.Process:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SCOREBOARD_")}
    with (folder / "log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", _MODULE, "serve", "--port", "0", "--json", *options,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=environ,
            start_new_session=True,  # a terminal's Ctrl-C is for the bench, who stops it
        )  # fmt: skip


async def _ready(process: asyncio.subprocess.Process, folder: Path) -> str:
    assert process.stdout is not None  # noqa: S101 -- it is a pipe
    try:
        async with asyncio.timeout(_READY_WITHIN_S):
            line = await process.stdout.readline()
        return str(json.loads(line)["url"])
    except (TimeoutError, ValueError):
        said = (folder / "log").read_text(errors="replace").strip().splitlines()
        why = said[-1] if said else "it says nothing"
        raise BenchFailedError(f"The server doesn't start: {why.removeprefix('Error: ')}") from None


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_STOPPED_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
