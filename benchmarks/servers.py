"""One, two and four servers on one replica set: what they get done, and what that takes.

    python -m benchmarks.servers [--servers 1,2,4] [--seconds 8] [--rate 200] [--rounds 2] [--nginx] [--json]

For each number of servers: the same clients as fast as they are answered, and at a fixed rate. The processor
time is that of servers and MongoDB from the first action until every entry is folded and every server has
followed it; then all boards must be equal, and hold what was acknowledged and nothing else. The numbers take
turns, and the round with the least processor time is told. With --nginx the clients ask one, and it spreads
them. Linux only: the kernel is asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from pymongo import MongoClient

from scoreboard_cli.bench.workers import Worker
from scoreboard_server.flow.keys import secret_key
from scoreboard_server.flow.tokens import TokenIssuer

from .farm import KIND, POINTS, SECRET, Farm, FarmServer, farm

_USERS = 200
_CONNECTIONS = 32
_WARM_UP_S = 1.0
_QUIET_WITHIN_S = 120.0
_LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class Load:
    """What one load took. servers, mongod: seconds of processor in all."""

    updates: int
    seconds: float
    servers: float
    mongod: float

    @property
    def per_second(self) -> float:
        """Updates acknowledged."""
        return self.updates / self.seconds

    @property
    def per_update(self) -> float:
        """Processor time of servers and MongoDB together, in ms for each update."""
        return (self.servers + self.mongod) / self.updates * 1e3


@dataclass(frozen=True, slots=True)
class Point:
    """So many servers, under full load and at the fixed rate."""

    servers: int
    full: Load
    paced: Load


def crowd() -> list[list[str]]:
    """Users and their tokens."""
    issuer = TokenIssuer(
        secret_key(SECRET.encode()), issuer="scoreboard", audience="scoreboard", clock=time.time
    )
    return [[f"u{number}", issuer.issue(f"u{number}", ttl=3600)] for number in range(_USERS)]


class Run:
    """Servers on one database, with clients before each."""

    def __init__(self, place: Farm, database: str, servers: list[FarmServer], workers: list[Worker]) -> None:
        self._place = place
        self._database = database
        self._servers = servers
        self._workers = workers
        self._acknowledged = 0

    async def load(self, seconds: float, rate: float | None) -> Load:
        """So long, as fast as they are answered or at this rate in all; then until everything is quiet."""
        servers, mongod = self._cpu()
        share = len(self._workers)
        asked = [
            worker.ask(
                "run",
                connections=_CONNECTIONS // share,
                seconds=seconds,
                rate=None if rate is None else rate / share,
            )
            for worker in self._workers
        ]
        answers = await asyncio.gather(*asked)
        if wrong := [answer["errors"] for answer in answers if answer["errors"]]:
            raise RuntimeError(f"not everything was acknowledged: {wrong}")
        updates = sum(len(answer["acknowledged"]) for answer in answers)
        self._acknowledged += updates
        await self._quiet()
        servers_after, mongod_after = self._cpu()
        self._check()
        return Load(updates, seconds, servers_after - servers, mongod_after - mongod)

    def _cpu(self) -> tuple[float, float]:
        return sum(server.cpu for server in self._servers), self._place.mongod_cpu

    async def _quiet(self) -> None:
        """Wait until nothing is pending; what is folded has long been followed, which `_check` shows."""
        ends = time.monotonic() + _QUIET_WITHIN_S
        with MongoClient[Any](self._place.uri) as client:
            entries = client[self._database]["entries"]
            while await asyncio.to_thread(entries.find_one, {"pending": True}) is not None:
                if time.monotonic() > ends:
                    raise TimeoutError("folding does not come to an end")
                await asyncio.sleep(_LOOK_S)

    def _check(self) -> None:
        boards = [server.board() for server in self._servers]
        if any(board != boards[0] for board in boards):
            raise RuntimeError("the boards differ")
        shown = sum(row["score"] for row in boards[0])
        if shown != POINTS * self._acknowledged:
            raise RuntimeError(f"{self._acknowledged} were acknowledged, the boards show {shown} points")


@asynccontextmanager
async def clients(urls: Sequence[str]) -> AsyncIterator[list[Worker]]:
    """A process for each address."""
    users = crowd()
    workers: list[Worker] = []
    try:
        for i, url in enumerate(urls):
            start = i * len(users) // len(urls)
            some = users[start:] + users[:start]
            count = _CONNECTIONS // len(urls)
            workers.append(
                await Worker.start("submit_worker", url=url, markers=[], crowd=some, count=count, kind=KIND)
            )
        yield workers
    finally:
        for worker in workers:
            await worker.stop()


@asynccontextmanager
async def front(place: Farm, servers: list[FarmServer], *, nginx: bool) -> AsyncIterator[list[str]]:
    """The addresses that clients ask."""
    if not nginx:
        yield [server.url for server in servers]
        return
    # The tests' own, of whose types nobody asks.
    before = import_module("tests.nginx").Nginx(
        place.folder / f"nginx{servers[0].pid}", [server.port for server in servers]
    )
    await asyncio.to_thread(before.start)
    try:
        yield [before.address]
    finally:
        await asyncio.to_thread(before.stop)


async def measure(place: Farm, count: int, number: int, given: argparse.Namespace) -> Point:
    """One round with so many servers."""
    database = f"r{number}n{count}"
    async with (
        place.servers(count, database) as servers,
        front(place, servers, nginx=given.nginx) as urls,
        clients(urls) as workers,
    ):
        run = Run(place, database, servers, workers)
        await run.load(_WARM_UP_S, None)
        paced = await run.load(given.seconds, given.rate)
        return Point(count, await run.load(given.seconds, None), paced)


async def measure_all(given: argparse.Namespace) -> list[Point]:
    """The best round of each number of servers."""
    counts = [int(count) for count in given.servers.split(",")]
    points: dict[int, list[Point]] = {count: [] for count in counts}
    async with farm() as place:
        for number in range(given.rounds):
            for count in counts:
                points[count].append(await measure(place, count, number, given))
    return [
        Point(
            count,
            min((p.full for p in some), key=lambda load: load.per_update),
            min((p.paced for p in some), key=lambda load: load.per_update),
        )
        for count, some in points.items()
    ]


def table(points: Sequence[Point]) -> str:
    """In Markdown."""
    rows = [["", *(f"{p.servers} server{'s' * (p.servers > 1)}" for p in points)]]
    rows.append(["---", *["---:"] * len(points)])
    for name in ("full", "paced"):
        loads: list[Load] = [getattr(p, name) for p in points]
        words = "as fast as answered" if name == "full" else "at a fixed rate"
        first = loads[0].per_update
        rows += [
            [f"{words}: updates a second", *(f"{each.per_second:,.0f}" for each in loads)],
            ["… servers, processor ms an update", *(f"{e.servers / e.updates * 1e3:.2f}" for e in loads)],
            ["… MongoDB, processor ms an update", *(f"{e.mongod / e.updates * 1e3:.2f}" for e in loads)],
            ["… updates per core used, to the first's", *(f"{first / e.per_update:.2f}" for e in loads)],
        ]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.servers")
    parser.add_argument("--servers", default="1,2,4")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rate", type=float, default=200, help="updates a second in all")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--nginx", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    points = asyncio.run(measure_all(given))
    if given.json:
        told = {"processors": os.cpu_count(), "points": [asdict(point) for point in points]}
        print(json.dumps(told))  # noqa: T201 -- what it is for
    else:
        print(table(points))  # noqa: T201 -- as above


if __name__ == "__main__":
    main()
