"""Real servers on one replica set behind a real nginx, and those who use them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from ..chaos.checking import shown_board
from ..chaos.chronicle import ACTION_TYPE, POINTS
from ..chaos.http_client import Answer, Connection, NoAnswer
from ..chaos.server_process import ServerProcess
from ..cli.invoking import run
from ..conftest import SECRET, token
from ..deploy.nginx import HOST, Nginx
from ..mongod import Mongod
from .watchers import Watched

PATH = "/api/scores/update"
# To be filled with the name of a database.
SETTINGS = f"""
[server]
trusted_proxies = ["127.0.0.1"]
[store]
database = "%s"
[limits]
updates_per_minute = 0
per_ip_per_minute = 0
[actions."{ACTION_TYPE}"]
points = {POINTS}
"""

Row = dict[str, Any]


# --- the place ------------------------------------------------------------------------------------


@dataclass
class Place:
    """Servers on one database, an nginx before them, and a terminal beside them."""

    mongod: Mongod
    database: str
    folder: Path
    servers: list[ServerProcess]
    nginx: Nginx

    def command(self, *arguments: str) -> Any:
        """Run a command; what it answers as JSON."""
        environ = {
            "SCOREBOARD_STORE": self.mongod.uri,
            "SCOREBOARD_STORE_DATABASE": self.database,
            "SCOREBOARD_JWT_SECRET": SECRET,
        }
        ended = run(*arguments, "--json", cwd=self.folder, environ=environ, timeout=60)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def documents(self, collection: str, **wanted: object) -> list[dict[str, Any]]:
        """What is stored."""
        with self.mongod.client() as client:
            return list(client[self.database][collection].find(wanted))

    def season(self) -> int:
        """The current one's number."""
        (current,) = self.documents("seasons", state="current")
        number: int = current["_id"]
        return number

    def fold(self) -> list[tuple[str, int, int]]:
        """User, score and rank of everybody by the current season's entries alone, best first."""
        season = self.season()
        totals: dict[str, tuple[int, int]] = {}
        banned = {ban["_id"] for ban in self.documents("bans", lifted_at=None)}
        for entry in self.documents("entries"):
            if (entry.get("pending") or entry.get("season") == season) and entry["user"] not in banned:
                score, reached_at = totals.get(entry["user"], (0, 0))
                totals[entry["user"]] = (score + entry["points"], max(reached_at, entry["at"]))
        order = sorted(totals, key=lambda user: (-totals[user][0], totals[user][1], user))
        return [(user, totals[user][0], rank) for rank, user in enumerate(order, 1)]

    def boards(self) -> list[list[tuple[str, int, int]]]:
        """What each server shows; none while they show another season than the current one."""
        shown = [shown_board(server.address) for server in self.servers]
        if any(each.seasons != {f"season-{self.season()}"} for each in shown):
            return []
        return [[told(row) for row in each.rows] for each in shown]

    def all_show_the_fold(self) -> bool:
        """Whether every server's whole board is what the entries add up to."""
        return self.boards() == [self.fold()] * len(self.servers)


def told(row: Row) -> tuple[str, int, int]:
    """User, score and rank."""
    return row["userId"], row["score"], row["rank"]


# --- those who use it -----------------------------------------------------------------------------


@dataclass
class Viewer:
    """One socket through nginx, from an address of its own; it comes back whenever it is hung up on."""

    nginx: Nginx
    address: str
    watched: Watched = field(default_factory=Watched)
    epochs: list[str] = field(default_factory=list)

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                async with self.nginx.socket(self.address) as socket:
                    first = json.loads(await socket.recv())
                    assert first["snapshot"], "a connection begins with a whole board"
                    self.epochs.append(first["epoch"])
                    self.watched.take(first)
                    async for text in socket:
                        self.watched.take(json.loads(text))
            await asyncio.sleep(0.1)

    def rows(self) -> list[tuple[str, int, int]]:
        """What it shows."""
        return [told(row) for row in self.watched.board()]


class Door(Connection):
    """A connection through nginx, from an address of its own."""

    def __init__(self, nginx: Nginx, address: str) -> None:
        super().__init__(nginx.port)
        self.host = f"{HOST}:{nginx.port}"
        self._nginx = nginx
        self._address = address

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            "127.0.0.1",
            self.port,
            ssl=self._nginx.trust,
            server_hostname=HOST,
            local_addr=(self._address, 0),
        )


@dataclass
class Player:
    """A user who insists on each action, by this connection."""

    name: str
    connection: Connection
    counted: int = 0
    asked: int = 0

    async def play(self, over: asyncio.Event) -> None:
        """Act until it is over; the last one is insisted on, too."""
        while not over.is_set():
            await self.act(f"a{self.counted}")
            await asyncio.sleep(0.01)
        self.connection.close()

    async def act(self, action: str) -> Answer:
        """One action, asked for until it is counted."""
        body = json.dumps({"actionId": action, "actionType": ACTION_TYPE}).encode()
        while True:
            self.asked += 1
            with contextlib.suppress(NoAnswer):
                answer = await self.connection.post(PATH, token(self.name), body, 30)
                if answer.status == 200:
                    self.counted += 1
                    return answer
                assert answer.status == 503, answer
            await asyncio.sleep(0.1)


@asynccontextmanager
async def running(*work: Any) -> AsyncIterator[list[asyncio.Task[None]]]:
    """These tasks for the length of the block; one that fails makes it fail."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [each for each in ended if isinstance(each, Exception)] == []


async def becomes(check: Callable[[], Any], patience: float = 30) -> Any:
    """What `check` gives as soon as it is true of anything."""
    async with asyncio.timeout(patience):
        while not (result := check()):
            await asyncio.sleep(0.05)
    return result


def read(url: str) -> bytes:
    """What is answered to a GET."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        body: bytes = answer.read()
    return body


def get(url: str) -> Any:
    """The same, of JSON."""
    return json.loads(read(url))
