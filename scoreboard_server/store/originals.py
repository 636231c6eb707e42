"""Reading a store for an export: what changes as of one instant, and what does not by plain cursors."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bson.timestamp import Timestamp
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ASCENDING
from pymongo.errors import OperationFailure

from ..flow.ports import InstantLost, StoreUnavailable
from ..rules.acts import Act
from ..rules.bans import Ban
from ..rules.books import Total
from ..rules.entry import Correction, Entry
from ..rules.profiles import Profile
from ..rules.revocations import Revocation
from ..rules.seasons import Season
from .documents import (
    AUDIT,
    BANS,
    ENTRIES,
    REVOKED,
    SEASONS,
    STANDINGS,
    USERS,
    Document,
    act,
    ban,
    entry,
    profile,
    revocation,
    standings_of,
)
from .reaching import reaching
from .season_documents import season
from .season_entries import in_order
from .snapshots import MongoSnapshot, MongoSnapshots

_INSTANT = re.compile(r"([0-9]{1,10})\.([0-9]{1,10})")
# SnapshotTooOld, SnapshotUnavailable; InvalidOptions: an instant that is still to come, so of another store.
_LOST_CODES = frozenset({239, 246, 72})
_BATCH = 1_000


class MongoOriginals:
    """Fits `flow.ports.Originals`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], snapshots: MongoSnapshots) -> None:
        self._database = database
        self._snapshots = snapshots

    @asynccontextmanager
    async def as_of(self, instant: str | None) -> AsyncIterator[MongoOriginal]:
        """See `Originals.as_of`."""
        if instant is None:
            async with self._snapshots.snapshot() as snapshot:
                yield MongoOriginal(snapshot)
            return
        at = _instant(instant)
        with reaching():
            session = await self._database.client.start_session(causal_consistency=False)
        async with session:
            yield MongoOriginal(MongoSnapshot(self._database, session, at))

    async def totals(self, number: int) -> AsyncIterator[tuple[str, Total]]:
        """See `Originals.totals`."""
        found = self._database[STANDINGS].find(standings_of(number), sort=[("_id", 1)], batch_size=_BATCH)
        with reaching():
            async for document in found:
                yield document["_id"]["user"], _total(document)


class MongoOriginal:
    """Fits `flow.ports.Original`."""

    def __init__(self, snapshot: MongoSnapshot) -> None:
        self._snapshot = snapshot

    @property
    def instant(self) -> str:
        """See `Original.instant`."""
        at = self._snapshot.position
        assert at is not None  # noqa: S101 -- something was read by now
        return f"{at.time}.{at.inc}"

    async def seasons(self) -> list[Season]:
        """See `Original.seasons`."""
        return [season(document) async for document in self._scan(SEASONS, {}, sort={"_id": 1})]

    async def profiles(self, skip: int) -> AsyncIterator[tuple[str, Profile]]:
        """See `Original.profiles`."""
        async for document in self._scan(USERS, {}, sort={"_id": 1}, skip=skip):
            yield document["_id"], profile(document)

    async def bans(self, skip: int) -> AsyncIterator[Ban]:
        """See `Original.bans`."""
        async for document in self._scan(BANS, {}, sort={"_id": 1}, skip=skip):
            yield ban(document)

    async def revocations(self, skip: int) -> AsyncIterator[Revocation]:
        """See `Original.revocations`."""
        order = {"token": 1, "user": 1}
        async for document in self._scan(REVOKED, {}, sort=order, skip=skip, allowDiskUse=True):
            yield revocation(document)

    async def acts(self, skip: int) -> AsyncIterator[Act]:
        """See `Original.acts`."""
        order = {"at": 1, "_id": 1}
        async for document in self._scan(AUDIT, {}, sort=order, skip=skip, allowDiskUse=True):
            yield act(document)

    async def late(self, skip: int) -> AsyncIterator[tuple[int, Correction]]:
        """See `Original.late`."""
        order = {"season": 1, "user": 1, "action": 1}
        all_late = {"late": True, "season": {"$exists": True}}
        how = {"sort": order, "hint": "of_season", "skip": skip, "allowDiskUse": True}
        async for document in self._scan(ENTRIES, all_late, **how):
            correction = entry(document)
            assert isinstance(correction, Correction)  # noqa: S101 -- nothing else comes late
            yield int(document["season"]), correction

    async def entries(self, number: int) -> AsyncIterator[Entry]:
        """See `Original.entries`."""
        waiting = [entry(each) async for each in self._scan(ENTRIES, {"pending": True}, hint="pending")]
        async for each in _merged(self._folded(number), waiting):
            yield each

    async def _folded(self, number: int) -> AsyncIterator[Entry]:
        def scan(
            wanted: Document, *, sort: Sequence[str], hint: str, limit: int = 0
        ) -> AsyncIterator[Document]:
            order = dict.fromkeys(sort, ASCENDING)
            return self._scan(ENTRIES, wanted, sort=order, hint=hint, limit=limit)

        async for document in in_order(scan, number):
            yield entry(document)

    async def totals(self, number: int) -> AsyncIterator[tuple[str, Total]]:
        """See `Original.totals`."""
        async for document in self._scan(STANDINGS, standings_of(number), sort={"_id": 1}):
            yield document["_id"]["user"], _total(document)

    async def pending(self) -> Mapping[str, Total]:
        """See `Original.pending`."""
        totals: dict[str, Total] = {}
        async for document in self._scan(ENTRIES, {"pending": True}, hint="pending"):
            total = totals.setdefault(document["user"], Total())
            total.add(document["type"], int(document["points"]), int(document["at"]))
        return totals

    async def _scan(
        self, collection: str, wanted: Mapping[str, Any], **options: object
    ) -> AsyncGenerator[Document, None]:
        try:
            async for document in self._snapshot.scan(collection, wanted, **options):
                yield document
        except StoreUnavailable as error:
            if _is_lost(error.__cause__):
                raise InstantLost from error
            raise
        except OperationFailure as error:
            if _is_lost(error):
                raise InstantLost from error
            raise


async def _merged(entries: AsyncIterator[Entry], others: Iterable[Entry]) -> AsyncIterator[Entry]:
    """Both by user and action, of which the former are sorted."""
    waiting = sorted(others, key=_place, reverse=True)
    async for each in entries:
        while waiting and _place(waiting[-1]) < _place(each):
            yield waiting.pop()
        yield each
    while waiting:
        yield waiting.pop()


def _place(entry: Entry) -> tuple[str, str]:
    return entry.user, entry.action


def _instant(text: str) -> Timestamp:
    told = _INSTANT.fullmatch(text)
    try:
        if told is not None:
            return Timestamp(int(told[1]), int(told[2]))
    except ValueError:  # beyond 32 bits
        pass
    raise InstantLost


def _is_lost(error: BaseException | None) -> bool:
    return isinstance(error, OperationFailure) and error.code in _LOST_CODES


def _total(standing: Document) -> Total:
    return Total(int(standing["score"]), int(standing["actions"]), int(standing["reached_at"]))
