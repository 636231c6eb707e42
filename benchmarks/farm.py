"""Servers for a benchmark, on one private MongoDB: each a process of its own, gone without a trace."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoreboard_cli.bench.process_figures import cpu_seconds
from scoreboard_server.store.embedded import EmbeddedMongo

SECRET = "of no other servers than these, for an hour"  # noqa: S105 -- it guards made-up users
KIND, POINTS = "task.completed", 10
HERE = Path(__file__).parents[1]
_READY_WITHIN_S = 60.0
_MODULE = "scoreboard_cli.bench.tied_server"  # ends with this process
# Who benches is faster than any honest user.
_SETTINGS = f"""
[limits]
updates_per_minute = 0
per_ip_per_minute = 0
[actions."{KIND}"]
points = {POINTS}
captcha = "never"
"""
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class FarmServer:
    """A server that is ready."""

    url: str
    pid: int

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    @property
    def cpu(self) -> float:
        """Seconds on a processor so far."""
        return cpu_seconds(self.pid) or 0.0

    def ask(self, path: str) -> Any:
        """What it answers to a GET."""
        with _direct.open(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def status(self, path: str) -> int:
        """How it answers a GET."""
        try:
            with _direct.open(self.url + path, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def board(self) -> list[dict[str, Any]]:
        """All rows, page by page; it must be at rest."""
        rows: list[dict[str, Any]] = []
        while page := self.ask(f"/api/leaderboard?limit=1000&offset={len(rows)}")["leaderboard"]:
            rows += page
        return rows


class Farm:
    """A private MongoDB, and as many servers on as many databases of it as one asks for."""

    def __init__(self, folder: Path, mongod: EmbeddedMongo, uri: str) -> None:
        self.folder = folder
        self._mongod = mongod
        self.uri = uri

    @property
    def mongod_cpu(self) -> float:
        """Seconds that MongoDB has been on a processor so far."""
        return cpu_seconds(self._mongod.pid or 0) or 0.0

    @asynccontextmanager
    async def servers(
        self, count: int, database: str, checkout: Path = HERE
    ) -> AsyncIterator[list[FarmServer]]:
        """So many servers on this database. checkout: of which copy of this project."""
        async with AsyncExitStack() as stack:
            opening = [self._server(number, database, checkout) for number in range(count)]
            yield [await stack.enter_async_context(each) for each in opening]

    @asynccontextmanager
    async def _server(self, number: int, database: str, checkout: Path) -> AsyncIterator[FarmServer]:
        foreign = ("SCOREBOARD_", "http_proxy", "HTTP_PROXY")
        environ = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        environ |= {"SCOREBOARD_JWT_SECRET": SECRET, "PYTHONPATH": str(checkout)}
        settings = self.folder / "settings.toml"
        settings.write_text(_SETTINGS)
        environ["SCOREBOARD_STORE_DATABASE"] = database
        with (self.folder / f"{database}-{number}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", _MODULE, "serve", "--port", "0", "--json", "--config", str(settings),
                "--store", self.uri,
                cwd=self.folder, env=environ,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        try:
            assert process.stdout is not None and process.stdin is not None  # noqa: S101 -- both are pipes
            async with asyncio.timeout(_READY_WITHIN_S):
                line = await process.stdout.readline()
            yield FarmServer(str(json.loads(line)["url"]), process.pid)
            process.stdin.close()
            async with asyncio.timeout(_READY_WITHIN_S):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@asynccontextmanager
async def farm() -> AsyncIterator[Farm]:
    """For the length of the block."""
    with tempfile.TemporaryDirectory(prefix="scoreboard-farm-", ignore_cleanup_errors=True) as name:
        mongod = EmbeddedMongo(Path(name) / "data")
        uri = await mongod.start()
        try:
            yield Farm(Path(name), mongod, uri)
        finally:
            await mongod.stop()
