"""What it costs a server to follow what others count: µs of its processor for each entry.

    python -m benchmarks.following [--entries 4000] [--rounds 3] [--against FOLDER] [--json]

A server that nobody asks anything follows entries that are written beside it, in two ways: all as fast as can
be, and a few at a time for as long as it takes, as by several busy servers. The same entries in each round,
by seed. With FOLDER, another checkout of this project, its server takes turns with this one's, so that both
have met the same neighbours on the machine. The least of the rounds is told, and MongoDB's own part beside
it, which has the writing in it. Linux only: the kernel is asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from scoreboard_server.clock import now_us
from scoreboard_server.flow.ports import Batch
from scoreboard_server.rules.entry import Entry
from scoreboard_server.store.opening import open_for_command

from .farm import HERE, KIND, POINTS, Farm, FarmServer, farm

SEED = 20
_USERS = 1_000
LAST = "last"
_FOLLOWED_WITHIN_S = 60.0
_LOOK_S = 0.1
# Later than any server folds them: folding is not what is measured.
_AHEAD_US = 600_000_000


@dataclass(frozen=True, slots=True)
class Way:
    """How entries come: from so many writers, `batch` with each write, `pause` seconds between two."""

    name: str
    batch: int
    pause: float
    writers: int


WAYS = (Way("all at once", 250, 0.0, 1), Way("a few at a time", 5, 0.015, 3))


@dataclass(frozen=True, slots=True)
class Cost:
    """µs of processor for each entry. mongod: with writing them."""

    checkout: str
    way: str
    server: float
    mongod: float


def entries(count: int, salt: str) -> Iterator[Entry]:
    """The same for the same seed, but for their ids and times."""
    dice = random.Random(SEED)  # noqa: S311 -- a crowd, not a secret
    start = now_us() + _AHEAD_US
    for number in range(count):
        yield Entry(f"u{dice.randrange(_USERS)}", f"{salt}-{number}", KIND, POINTS, start + number)


async def write(place: Farm, database: str, way: Way, count: int) -> None:
    """Have so many appended, as other servers would, and one of LAST's behind them."""
    store = await open_for_command(place.uri, database, place.folder, now_us=now_us())
    all_of_them = entries(count, way.name.replace(" ", ""))

    async def one(writer: int) -> None:
        number = 0
        while some := list(islice(all_of_them, way.batch)):
            number += 1
            await store.ledger.append(Batch(f"writer-{writer}", number, some))
            await asyncio.sleep(way.pause)

    try:
        await asyncio.gather(*(one(writer) for writer in range(way.writers)))
        await store.ledger.append(
            Batch("writer", 1, [Entry(LAST, "last", KIND, POINTS, now_us() + _AHEAD_US)])
        )
    finally:
        await store.close()


async def shows_last(server: FarmServer) -> None:
    """Wait until the server has followed everything."""
    ends = time.monotonic() + _FOLLOWED_WITHIN_S
    while await asyncio.to_thread(server.status, f"/api/users/{LAST}") != 200:
        if time.monotonic() > ends:
            raise TimeoutError("the server does not follow")
        await asyncio.sleep(_LOOK_S)


async def measure(place: Farm, checkout: Path, way: Way, count: int, database: str) -> Cost:
    """One round on a database of its own."""
    async with place.servers(1, database, checkout) as (server,):
        await asyncio.sleep(0.5)  # what a start leaves to do
        idle, began = server.cpu, time.monotonic()
        await asyncio.sleep(1)
        at_rest = (server.cpu - idle) / (time.monotonic() - began)
        before, mongod_before, began = server.cpu, place.mongod_cpu, time.monotonic()
        await write(place, database, way, count)
        await shows_last(server)
        used, mongod_used = server.cpu - before, place.mongod_cpu - mongod_before
        used -= at_rest * (time.monotonic() - began)
        total = sum(row["score"] for row in await asyncio.to_thread(server.board))
    if total != (count + 1) * POINTS:
        raise RuntimeError(f"the board has {total} points and not {(count + 1) * POINTS}")
    return Cost(str(checkout), way.name, used * 1e6 / count, mongod_used * 1e6 / count)


async def measure_all(checkouts: list[Path], count: int, rounds: int) -> list[Cost]:
    """The least of all rounds, by checkout and way."""
    found: dict[tuple[str, str], Cost] = {}
    async with farm() as place:
        for number in range(rounds):
            for way in WAYS:
                for i, checkout in enumerate(checkouts):
                    told = await measure(place, checkout, way, count, f"r{number}{way.batch}c{i}")
                    best = found.get((told.checkout, told.way), told)
                    found[told.checkout, told.way] = min(told, best, key=lambda cost: cost.server)
    return list(found.values())


def table(found: list[Cost]) -> str:
    """In Markdown."""
    rows = [
        ["entries come", "whose server", "the server, µs an entry", "MongoDB, µs an entry"],
        ["---", "---", "---:", "---:"],
    ]
    for cost in sorted(found, key=lambda cost: cost.way):
        whose = "this one" if cost.checkout == str(HERE) else Path(cost.checkout).name
        rows.append([cost.way, whose, f"{cost.server:.0f}", f"{cost.mongod:.0f}"])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.following")
    parser.add_argument("--entries", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="another checkout of this project")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    checkouts = [HERE, *([given.against.resolve()] if given.against else [])]
    found = asyncio.run(measure_all(checkouts, given.entries, given.rounds))
    print(json.dumps([asdict(cost) for cost in found]) if given.json else table(found))  # noqa: T201 -- what it is for


if __name__ == "__main__":
    main()
