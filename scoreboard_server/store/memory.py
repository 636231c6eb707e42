"""The `memory` store: a MongoDB mock inside this process. Gone when it stops; for tests and a quick look.

It has neither transactions nor change streams: folding runs without the one, and without the other there
is nothing to follow, as no other process can write to it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from mongomock_motor import AsyncMongoMockClient

from ..flow.ports import NO_DAYS, Day, Past, PendingEntry, Sum
from ..rules.bans import Ban
from ..rules.history import Place
from ..rules.profiles import Profile
from ..rules.revocations import Revocation
from ..rules.seasons import Season, first_season
from ..rules.tallies import Account, DayCount
from .documents import ENTRIES, INDEXES, SEASONS, STANDINGS, Document, entry, profile_fields, standing_id
from .history import entries_before
from .mongo import Database
from .season_documents import season, season_document
from .standings import addition, pending_entry, season_number
from .users import MongoUsers

_NOTHING: tuple[Any, ...] = ()


async def open_memory(now_us: int) -> Database:
    """An empty database of its own, with indexes and a first season. `now_us`: µs since the Unix epoch."""
    database: Database = AsyncMongoMockClient()["scoreboard"]
    for name, indexes in INDEXES.items():
        if indexes:
            await database[name].create_indexes(indexes)
    await database[SEASONS].insert_one(season_document(first_season(now_us)))
    return database


class MemoryStandings:
    """Fits `flow.ports.Standings`, without a transaction: the mock never lets anyone else run in between."""

    def __init__(self, database: Database) -> None:
        self._entries = database[ENTRIES]
        self._standings = database[STANDINGS]
        self._seasons = database[SEASONS]

    async def pending(self, writer: str, limit: int) -> list[PendingEntry]:
        """See `Standings.pending`."""
        found = self._entries.find({"pending": True, "writer": writer}, limit=limit)
        return [pending_entry(document) async for document in found]

    async def left_behind(self, writer: str, before: int, limit: int) -> list[PendingEntry]:
        """See `Standings.left_behind`: nothing, as there is no other process."""
        return []

    async def fold(
        self, ids: Sequence[object], sums: Mapping[str, Sum], days: Mapping[Day, DayCount] = NO_DAYS
    ) -> bool:
        """See `Standings.fold`."""
        number = season_number(await self._seasons.find_one({"state": "current"}))
        whole = {"_id": {"$in": list(ids)}, "pending": True}
        if await self._entries.count_documents(whole) != len(ids):
            return False
        await self._entries.update_many(whole, {"$set": {"season": number}, "$unset": {"pending": ""}})
        for user, told in sums.items():
            await self._standings.update_one({"_id": standing_id(number, user)}, addition(told), upsert=True)
        return True  # nobody reads the counts of days: they are for the start after this one, which has none


class MemoryHistory:
    """Fits `flow.ports.History`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def past(self, user: str, before: Place | None, limit: int, season: int | None = None) -> Past:
        """See `History.past`; there is no other season than the first."""
        if season is None:
            season = season_number(await self._database[SEASONS].find_one({"state": "current"}))
        total = before.total if before else await self._score(user, season)
        wanted = entries_before(user, season, before, with_pending=True)
        found = self._database[ENTRIES].find(wanted, sort=[("at", -1), ("action", -1)], limit=limit)
        return Past(total, [entry(document) async for document in found])

    async def _score(self, user: str, season: int) -> int:
        standing = await self._database[STANDINGS].find_one({"_id": standing_id(season, user)})
        pending = self._database[ENTRIES].find({"pending": True, "user": user})
        folded: int = standing["score"] if standing else 0
        waiting: int = sum([document["points"] async for document in pending])
        return folded + waiting


class MemoryUsers(MongoUsers):
    """Fits `flow.ports.ProfileStore`; the mock's bulk writes don't work with current drivers."""

    async def save(self, profiles: Mapping[str, Profile]) -> None:
        """See `ProfileStore.save`."""
        for user, told in profiles.items():
            await self._users.update_one({"_id": user}, {"$set": profile_fields(told)}, upsert=True)


class MemorySnapshot:
    """Fits `flow.ports.Snapshot`."""

    position: object = None

    def __init__(self, current: Season, standings: list[Document], pending: list[Document]) -> None:
        self.season = current
        self._standings = standings
        self._pending = pending

    async def seasons(self) -> AsyncIterator[Season]:
        """See `Snapshot.seasons`: no other, as nothing can close the first."""
        yield self.season

    async def size(self) -> int:
        """See `Snapshot.size`."""
        return len(self._standings)

    async def standings(self) -> AsyncIterator[tuple[str, int, int]]:
        """See `Snapshot.standings`."""
        for d in self._standings:
            yield d["_id"]["user"], d["score"], d["reached_at"]

    async def pending(self) -> AsyncIterator[tuple[str, int, int, str]]:
        """See `Snapshot.pending`."""
        for d in self._pending:
            yield d["user"], d["points"], d["at"], d["type"]

    # Nobody reads a board of this store but at its start, and no command can reach it.

    async def days(self, day: int) -> AsyncIterator[tuple[Account, DayCount]]:
        """See `Snapshot.days`: none."""
        for each in _NOTHING:
            yield each

    async def bans(self) -> AsyncIterator[Ban]:
        """See `Snapshot.bans`: none."""
        for each in _NOTHING:
            yield each

    async def revocations(self) -> AsyncIterator[Revocation]:
        """See `Snapshot.revocations`: none."""
        for each in _NOTHING:
            yield each


class MemorySnapshots:
    """Fits `flow.ports.Snapshots`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[MemorySnapshot]:
        """See `Snapshots.snapshot`."""
        current = await self._database[SEASONS].find_one({"state": "current"})
        number = season_number(current)
        assert current is not None  # noqa: S101 -- just checked
        # Not by range of `_id`, as the real store does: the mock can't compare with MinKey.
        standings = await self._database[STANDINGS].find({"_id.season": number}).to_list(None)
        pending = await self._database[ENTRIES].find({"pending": True}).to_list(None)
        yield MemorySnapshot(season(current), standings, pending)
