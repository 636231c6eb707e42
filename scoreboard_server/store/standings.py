"""The folded part of the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorDatabase
from pymongo import UpdateOne
from pymongo.errors import ConfigurationError, OperationFailure
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from ..flow.ports import PendingEntry, Sum
from .documents import ENTRIES, SEASONS, STANDINGS, Document, standing_id
from .mongo import renew_connections
from .reaching import is_about_sessions, reaching

_TOLD = {"user": 1, "points": 1, "at": 1}
_MAJORITY = WriteConcern("majority", j=True)
_WRITE_CONFLICT = 112


class MongoStandings:
    """Fits `flow.ports.Standings`, with one transaction per fold."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._client = database.client
        self._entries = database[ENTRIES]
        self._standings = database[STANDINGS]
        self._seasons = database[SEASONS]

    async def pending(self, writer: str, limit: int) -> list[PendingEntry]:
        """See `Standings.pending`."""
        return await self._some({"writer": writer}, limit)

    async def left_behind(self, writer: str, before: int, limit: int) -> list[PendingEntry]:
        """See `Standings.left_behind`."""
        return await self._some({"writer": {"$ne": writer}, "at": {"$lt": before}}, limit)

    async def _some(self, which: Document, limit: int) -> list[PendingEntry]:
        found = self._entries.find({"pending": True, **which}, _TOLD, limit=limit, hint="pending")
        with reaching():
            documents = await found.to_list(limit)  # at once: a step of the loop for each would cost more
        return [PendingEntry(d["_id"], d["user"], int(d["points"]), int(d["at"])) for d in documents]

    async def fold(self, ids: Sequence[object], sums: Mapping[str, Sum]) -> bool:
        """See `Standings.fold`."""
        with reaching():
            async with await self._client.start_session() as session:
                try:
                    return await self._fold_in(session, ids, sums)
                except OperationFailure as error:
                    if error.code == _WRITE_CONFLICT:
                        return False
                    raise
                except ConfigurationError as error:
                    if is_about_sessions(
                        error
                    ):  # folding comes by every few seconds, so it mends this for all
                        renew_connections(self._client)
                    raise

    async def _fold_in(
        self, session: AsyncIOMotorClientSession, ids: Sequence[object], sums: Mapping[str, Sum]
    ) -> bool:
        async with session.start_transaction(read_concern=ReadConcern("snapshot"), write_concern=_MAJORITY):
            season = await self._touch_season(session)
            stamp = {"$set": {"season": season}, "$unset": {"pending": ""}}
            whole = {"_id": {"$in": list(ids)}, "pending": True}
            stamped = await self._entries.update_many(whole, stamp, session=session)
            if stamped.modified_count != len(ids):
                await session.abort_transaction()
                return False
            await self._standings.bulk_write(additions(season, sums), ordered=False, session=session)
        return True

    async def _touch_season(self, session: AsyncIOMotorClientSession) -> int:
        # A write, not a read: folding and sealing a season must conflict, so that one of them starts over.
        current = await self._seasons.find_one_and_update(
            {"state": "current"}, {"$inc": {"folds": 1}}, {"_id": 1}, session=session
        )
        return season_number(current)


def season_number(current: Document | None) -> int:
    """The number of the current season, which every store has."""
    if current is None:
        raise RuntimeError("The store has no current season; was its `seasons` collection changed by hand?")
    number: int = current["_id"]
    return number


def additions(season: int, sums: Mapping[str, Sum]) -> list[UpdateOne]:
    """What a fold adds to each standing, commutative so that the order of folds does not matter."""
    return [
        UpdateOne({"_id": standing_id(season, user)}, addition(s), upsert=True) for user, s in sums.items()
    ]


def addition(told: Sum) -> dict[str, Any]:
    """One standing's part of a fold."""
    return {
        "$inc": {"score": told.points, "actions": told.actions},
        "$max": {"reached_at": told.reached_at},
        "$setOnInsert": {"v": 1},
    }
