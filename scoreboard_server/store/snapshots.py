"""Reading standings and pending entries as of one instant."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from bson.timestamp import Timestamp
from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorDatabase
from pymongo.errors import PyMongoError

from ..rules.bans import Ban
from ..rules.revocations import Revocation
from ..rules.seasons import Season
from ..rules.tallies import Account, DayCount
from .documents import (
    BANS,
    DAYS,
    ENTRIES,
    REVOKED,
    SEASONS,
    STANDINGS,
    Document,
    ban,
    day_count,
    days_of,
    revocation,
    standings_of,
)
from .reaching import reaching
from .season_documents import season

# The loop stands still for as long as one takes, and the driver needs memory for two of them.
_BATCH = 2_500


class MongoSnapshot:
    """Fits `flow.ports.Snapshot`. `position` is the cluster time that everything in it is as of."""

    def __init__(
        self,
        database: AsyncIOMotorDatabase[Document],
        session: AsyncIOMotorClientSession,
        at: Timestamp | None,
    ) -> None:
        """at: the instant; None leaves the choice to the server at the first read."""
        self._database = database
        self._session = session
        self.position = at
        self.season: Season

    async def seasons(self) -> AsyncIterator[Season]:
        """See `Snapshot.seasons`."""
        async for document in self.scan(SEASONS, {}, sort={"_id": -1}):
            yield season(document)

    async def size(self) -> int:
        """See `Snapshot.size`."""
        with reaching():
            return int(await self._database[STANDINGS].estimated_document_count())

    async def standings(self) -> AsyncIterator[tuple[str, int, int]]:
        """See `Snapshot.standings`."""
        fields = {"score": 1, "reached_at": 1}
        which = standings_of(self.season.number)
        async for document in self.scan(STANDINGS, which, projection=fields):
            yield document["_id"]["user"], int(document["score"]), int(document["reached_at"])

    async def pending(self) -> AsyncIterator[tuple[str, int, int, str]]:
        """See `Snapshot.pending`."""
        async for document in self.scan(ENTRIES, {"pending": True}, hint="pending"):
            yield document["user"], int(document["points"]), int(document["at"]), document["type"]

    async def days(self, day: int) -> AsyncIterator[tuple[Account, DayCount]]:
        """See `Snapshot.days`."""
        async for document in self.scan(DAYS, days_of(day)):
            yield day_count(document)

    async def bans(self) -> AsyncIterator[Ban]:
        """See `Snapshot.bans`."""
        async for document in self.scan(BANS, {"lifted_at": None}):
            yield ban(document)

    async def revocations(self) -> AsyncIterator[Revocation]:
        """See `Snapshot.revocations`."""
        async for document in self.scan(REVOKED, {}):
            yield revocation(document)

    async def scan(
        self, collection: str, wanted: Mapping[str, Any], **options: object
    ) -> AsyncGenerator[Document, None]:
        """All documents that match, as of the snapshot. Raises StoreUnavailable.

        By raw commands, because the driver's cursors take no cluster time of the caller's choice.
        """
        concern: Document = {"level": "snapshot"}
        if self.position is not None:
            concern["atClusterTime"] = self.position
        find = {"find": collection, "filter": wanted, "batchSize": _BATCH, "readConcern": concern, **options}
        cursor = await self._command(find)
        self.position = cursor.get("atClusterTime", self.position)
        try:
            while True:
                for document in cursor.get("firstBatch") or cursor.get("nextBatch", []):
                    yield document
                if not cursor["id"]:
                    return
                cursor = await self._command(
                    {"getMore": cursor["id"], "collection": collection, "batchSize": _BATCH}
                )
        except GeneratorExit:  # nobody reads on
            await self._forget(collection, cursor["id"])
            raise

    async def _forget(self, collection: str, cursor: int) -> None:
        """End a cursor, which else holds the snapshot until it times out; its server may be gone with it."""
        if cursor:
            with contextlib.suppress(PyMongoError):
                await self._database.command({"killCursors": collection, "cursors": [cursor]})

    async def _command(self, command: Document) -> dict[str, Any]:
        with reaching():
            reply = await self._database.command(command, session=self._session)
        cursor: dict[str, Any] = reply["cursor"]
        return cursor


class MongoSnapshots:
    """Fits `flow.ports.Snapshots`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._database = database

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[MongoSnapshot]:
        """See `Snapshots.snapshot`.

        The instant is the primary's latest operation. It may not be majority-committed yet; the reads wait
        until it is, so everything that was acknowledged to anybody before this call is in the snapshot. Only
        a mongod that has just started tells no time yet; its own choice is as good, as nothing was
        acknowledged by it.
        """
        with reaching():
            session = await self._database.client.start_session(causal_consistency=False)
        async with session:
            with reaching():
                await self._database.command("ping", session=session)
            # Motor's stubs take this property for a method.
            at: Timestamp | None = session.operation_time  # type: ignore[assignment]
            snapshot = MongoSnapshot(self._database, session, at)
            snapshot.season = await _current_season(snapshot)
            yield snapshot


async def _current_season(snapshot: MongoSnapshot) -> Season:
    async for document in snapshot.scan(SEASONS, {"state": "current"}):
        return season(document)
    raise RuntimeError("The store has no current season; was its `seasons` collection changed by hand?")
