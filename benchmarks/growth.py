"""What a million actions take on disk: made-up actions by the ledger's own road, then the database is asked.

    python -m benchmarks.growth ACTIONS [--each 50] [--seed N] [--data-dir FOLDER]

Appended in batches and folded, as a server does it, with action ids of 36 characters (UUIDs) and, for every
`each` actions, one more user. The same seed is the same actions.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from scoreboard_server.clock import now_us
from scoreboard_server.flow.folding import FOLD_SIZE, Folding
from scoreboard_server.flow.ports import Batch
from scoreboard_server.rules.entry import Entry
from scoreboard_server.store.embedded import EmbeddedMongo
from scoreboard_server.store.opening import open_for_server

from .crowd import SEED, user_id

_AT_ONCE = 250
_GROWING = ("entries", "standings", "days")
_MB = 1_000_000


def entries(actions: int, each: int, seed: int, begins_at: int) -> Iterator[Entry]:
    """So many actions, of users drawn evenly, a millisecond apart."""
    dice = random.Random(seed)  # noqa: S311 -- made-up actions, not a secret
    users = max(1, actions // each)
    for number in range(actions):
        action = str(uuid.UUID(int=dice.getrandbits(128), version=4))
        user = user_id(dice.randrange(users))
        yield Entry(user, action, "task.completed", 10, begins_at + 1_000 * number)


async def fill(data_dir: Path, actions: int, each: int, seed: int) -> None:
    """Append and fold them."""
    store = await open_for_server("embedded", "scoreboard", data_dir, now_us=now_us())
    writer = secrets.token_hex(8)
    folding = Folding(store.standings, writer=writer, now_us=now_us, is_capped=lambda _: True)
    try:
        some: list[Entry] = []
        batch = 0
        for number, entry in enumerate(entries(actions, each, seed, now_us()), 1):
            some.append(entry)
            if len(some) == _AT_ONCE or number == actions:
                batch += 1
                await store.ledger.append(Batch(writer, batch, some))
                some = []
            if number % FOLD_SIZE == 0:
                await folding.fold_all()
        await folding.fold_all()
    finally:
        await store.close()


async def measure(data_dir: Path) -> dict[str, dict[str, int]]:
    """Of each collection that grows: documents, bytes of data, on disk, and of its indexes."""
    mongod = EmbeddedMongo(data_dir)
    uri = await mongod.start()
    try:
        with MongoClient[Any](uri) as client:
            client.admin.command("fsync")
            told = {name: client.scoreboard.command("collStats", name) for name in _GROWING}
    finally:
        await mongod.stop()
    keys = {"documents": "count", "data": "size", "on disk": "storageSize", "indexes": "totalIndexSize"}
    return {name: {key: int(stats[of]) for key, of in keys.items()} for name, stats in told.items()}


def tell(measured: dict[str, dict[str, int]], actions: int) -> Iterator[str]:
    """A table, per million actions."""
    yield "per million actions  documents   data MB   on disk MB   indexes MB"
    for name, told in measured.items():
        each = 1_000_000 / actions
        sizes = [told[key] * each / _MB for key in ("data", "on disk", "indexes")]
        columns = [f"{size:{width}.1f}" for size, width in zip(sizes, (8, 11, 11), strict=True)]
        yield "  ".join([f"{name:19}", f"{told['documents'] * each:9,.0f}", *columns])


async def run(actions: int, each: int, seed: int, data_dir: Path) -> None:
    """Fill, measure and print."""
    await fill(data_dir, actions, each, seed)
    for line in tell(await measure(data_dir), actions):
        print(line, flush=True)  # noqa: T201 -- what it is for


def main() -> None:
    """Read the arguments, and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth")
    parser.add_argument("actions", type=int)
    parser.add_argument("--each", type=int, default=50)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--data-dir", type=Path)
    given = parser.parse_args()
    if given.data_dir is not None:
        asyncio.run(run(given.actions, given.each, given.seed, given.data_dir))
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(given.actions, given.each, given.seed, Path(folder)))


if __name__ == "__main__":
    main()
