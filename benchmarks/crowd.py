"""A crowd of made-up users, straight into a store: the same seed is the same crowd.

    python -m benchmarks.crowd USERS --data-dir FOLDER [--seed N]

Each has one to three entries, a standing that they add up to, and a name; so `scoreboard verify` agrees, and
every command and server finds what it would find after as many real actions. The store must be empty.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from bson import Int64
from pymongo import MongoClient
from pymongo.database import Database

from scoreboard_server.clock import now_us
from scoreboard_server.rules.entry import Entry
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.store.documents import (
    ENTRIES,
    SEASONS,
    SHAPE,
    STANDINGS,
    USERS,
    Document,
    profile_fields,
    standing_id,
)
from scoreboard_server.store.embedded import EmbeddedMongo
from scoreboard_server.store.opening import open_for_server

SEED = 20
_ONE_DAY_US = 86_400_000_000
_AT_ONCE = 5_000
# An odd multiplier deals every number below 2^32 out once, so ids are distinct and come in no order.
_SCATTERED = 2_654_435_761
_FIRST = ("Ada", "Bo", "Cleo", "Dev", "Emi", "Finn", "Gus", "Hana", "Ida", "Jun", "Kofi", "Lea", "Mio", "Noa")
_LAST = ("Ash", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ironwood", "Juniper", "Kapok")


@dataclass(frozen=True, slots=True)
class Member:
    """One user of the crowd."""

    user: str
    profile: Profile
    entries: list[Entry]


def user_id(number: int) -> str:
    """Of one user of any crowd, counted from 0."""
    return f"u-{number * _SCATTERED % 2**32:08x}"


def crowd(users: int, seed: int, begins_at: int) -> Iterator[Member]:
    """The first `users` of the crowd of this seed, whose first action was after `begins_at` (µs)."""
    for number in range(users):
        dice = random.Random(f"{seed}/{number}")  # noqa: S311 -- a crowd, not a secret
        user = user_id(number)
        name = f"{dice.choice(_FIRST)} {dice.choice(_LAST)} {number}"
        avatar = f"https://avatars.example/{user}.png" if dice.random() < 0.5 else None
        entries = [
            # Many with little and few with much, as on any board.
            Entry(user, f"a{i}", "task.completed", 10 * int(dice.paretovariate(1.2)), begins_at + 1 + at)
            for i, at in enumerate(dice.sample(range(_ONE_DAY_US), dice.choice((1, 1, 2, 3))))
        ]
        yield Member(user, Profile(name, avatar), entries)


def _entry(entry: Entry, season: int, number: int) -> Document:
    told = {"user": entry.user, "action": entry.action, "type": entry.type, "points": entry.points}
    return {"v": SHAPE, **told, "at": Int64(entry.at), "writer": "crowd", "batch": number, "season": season}


def _standing(member: Member, season: int) -> Document:
    return {
        "_id": standing_id(season, member.user),
        "v": SHAPE,
        "score": sum(entry.points for entry in member.entries),
        "reached_at": Int64(max(entry.at for entry in member.entries)),
        "actions": len(member.entries),
    }


def fill(database: Database[Any], users: int, seed: int = SEED) -> None:
    """Put the crowd into a database that is prepared and empty, as if everything was folded.

    In no transaction: nobody else is to be there.
    """
    season = database[SEASONS].find_one({"state": "current"})
    if season is None or database[ENTRIES].find_one() is not None:
        raise ValueError("a crowd goes into a store that was opened once, and has no entries")
    members = crowd(users, seed, int(season["started_at"]) - 2 * _ONE_DAY_US)
    number = 0
    while some := list(islice(members, _AT_ONCE)):
        number += 1
        entries = [_entry(entry, season["_id"], number) for member in some for entry in member.entries]
        database[ENTRIES].insert_many(entries, ordered=False)
        database[STANDINGS].insert_many([_standing(m, season["_id"]) for m in some], ordered=False)
        database[USERS].insert_many(
            [{"_id": m.user, **profile_fields(m.profile)} for m in some], ordered=False
        )


async def fill_folder(data_dir: Path, users: int, seed: int = SEED, database: str = "scoreboard") -> None:
    """As `fill`, for the `embedded` store of a data directory that no server uses."""
    store = await open_for_server("embedded", database, data_dir, now_us=now_us())
    await store.close()
    mongod = EmbeddedMongo(data_dir)
    uri = await mongod.start()
    try:
        with MongoClient[Any](uri, w=1) as client:
            await asyncio.to_thread(fill, client[database], users, seed)
            client.admin.command("fsync")
    finally:
        await mongod.stop()


def main() -> None:
    """Read the arguments, and fill."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd")
    parser.add_argument("users", type=int)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    began = time.monotonic()
    asyncio.run(fill_folder(given.data_dir, given.users, given.seed))
    print(f"{given.users:,} users in {time.monotonic() - began:.1f} s")  # noqa: T201 -- what it is for


if __name__ == "__main__":
    main()
