"""The folded part of the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import Int64
from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import UpdateOne
from pymongo.errors import ConfigurationError, OperationFailure

from ..flow.ports import NO_DAYS, Day, PendingEntry, Sum
from ..rules.tallies import DayCount
from .documents import DAYS, ENTRIES, SEASONS, SHAPE, STANDINGS, Document, standing_id
from .mongo import renew_connections
from .reaching import is_about_sessions, reaching
from .transactions import MAJORITY, SNAPSHOT, WRITE_CONFLICT

TOLD = {"user": 1, "points": 1, "at": 1, "type": 1}


class MongoStandings:
    """Fits `flow.ports.Standings`, with one transaction per fold."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._database = database
        self._client = database.client
        self._entries = database[ENTRIES]
        self._seasons = database[SEASONS]

    async def pending(self, writer: str, limit: int) -> list[PendingEntry]:
        """See `Standings.pending`."""
        return await self._some({"writer": writer}, limit)

    async def left_behind(self, writer: str, before: int, limit: int) -> list[PendingEntry]:
        """See `Standings.left_behind`."""
        return await self._some({"writer": {"$ne": writer}, "at": {"$lt": before}}, limit)

    async def _some(self, which: Document, limit: int) -> list[PendingEntry]:
        found = self._entries.find({"pending": True, **which}, TOLD, limit=limit, hint="pending")
        with reaching():
            documents = await found.to_list(limit)  # at once: a step of the loop for each would cost more
        return [pending_entry(document) for document in documents]

    async def fold(
        self, ids: Sequence[object], sums: Mapping[str, Sum], days: Mapping[Day, DayCount] = NO_DAYS
    ) -> bool:
        """See `Standings.fold`."""
        with reaching():
            async with await self._client.start_session() as session:
                try:
                    return await self._fold_in(session, Fold(ids, sums, days))
                except OperationFailure as error:
                    if error.code == WRITE_CONFLICT:
                        return False
                    raise
                except ConfigurationError as error:
                    # Folding comes by every few seconds, so it mends this for all.
                    if is_about_sessions(error):
                        renew_connections(self._client)
                    raise

    async def _fold_in(self, session: AsyncIOMotorClientSession, fold: Fold) -> bool:
        async with session.start_transaction(read_concern=SNAPSHOT, write_concern=MAJORITY):
            season = await touch_season(self._seasons, session)
            if not await fold_into(season, fold, self._database, session):
                await session.abort_transaction()
                return False
        return True


@dataclass(frozen=True, slots=True)
class Fold:
    """Entries, and what they add up to; see `Standings.fold`."""

    ids: Sequence[object]
    sums: Mapping[str, Sum]
    days: Mapping[Day, DayCount]


async def fold_into(
    season: int, fold: Fold, database: AsyncIOMotorDatabase[Document], session: AsyncIOMotorClientSession
) -> bool:
    """Within a transaction: stamp the entries and add the sums; False when not all of them were pending."""
    stamp = {"$set": {"season": season}, "$unset": {"pending": ""}}
    whole = {"_id": {"$in": list(fold.ids)}, "pending": True}
    stamped = await database[ENTRIES].update_many(whole, stamp, session=session)
    if stamped.modified_count != len(fold.ids):
        return False
    await database[STANDINGS].bulk_write(additions(season, fold.sums), ordered=False, session=session)
    if fold.days:
        await database[DAYS].bulk_write(_more_of(fold.days), ordered=False, session=session)
    return True


async def touch_season(seasons: AsyncIOMotorCollection[Document], session: AsyncIOMotorClientSession) -> int:
    """The number of the current season, which nobody can seal until the session's transaction ends.

    A write, not a read: this and sealing must conflict, so that one of them starts over.
    """
    current = await seasons.find_one_and_update(
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


def pending_entry(document: Document) -> PendingEntry:
    """An entry's document, as folding needs it."""
    return PendingEntry(
        document["_id"],
        document["user"],
        int(document["points"]),
        int(document["at"]),
        document["type"],
    )


def _more_of(days: Mapping[Day, DayCount]) -> list[UpdateOne]:
    return [
        UpdateOne({"_id": day_id(day)}, day_addition(day, told), upsert=True) for day, told in days.items()
    ]


def day_id(day: Day) -> Document:
    """The `_id` of a count; the order of its keys is the order of the index."""
    return dict(zip(("day", "user", "type"), day, strict=True))


def day_addition(day: Day, told: DayCount) -> dict[str, Any]:
    """One count's part of a fold. Nobody asks for it once its day is over on every clock."""
    gone_at = datetime.fromtimestamp((day[0] + 2) * 86_400, UTC)
    return {
        "$inc": {"n": told.count},
        "$max": {"last": Int64(told.last)},
        "$setOnInsert": {"v": SHAPE, "gone_at": gone_at},
    }


def addition(told: Sum) -> dict[str, Any]:
    """One standing's part of a fold."""
    return {
        "$inc": {"score": told.points, "actions": told.actions},
        "$max": {"reached_at": told.reached_at},
        "$setOnInsert": {"v": SHAPE},
    }
