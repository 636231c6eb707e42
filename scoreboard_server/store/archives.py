"""The boards of sealed seasons, by rank and by user, and what they are made from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence

from bson import MaxKey
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ASCENDING
from pymongo.errors import BulkWriteError

from ..rules.board import Standing
from ..rules.entry import Entry
from ..rules.seasons import ANNOUNCED, Amended, Archive
from .documents import (
    ARCHIVE,
    BANS,
    ENTRIES,
    SEASONS,
    STANDINGS,
    Document,
    ban,
    entry,
    late_in,
    standing_id,
    standings_of,
)
from .reaching import reaching
from .season_documents import archive_document, archive_row, archived
from .season_entries import in_order

# Between two of them a server does something else; the driver hands out the rows of one without a pause.
_BATCH = 500
_DUPLICATE_KEY = 11000


class MongoArchives:
    """Fits `flow.ports.Archives`.

    What is read of a sealed season does not change any more, so it needs no snapshot, which would not live
    long enough for a large one.
    """

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._database = database
        self._rows = database[ARCHIVE]
        self._seasons = database[SEASONS]

    async def entries(self, number: int) -> AsyncIterator[Entry]:
        """See `Archives.entries`."""
        with reaching():
            async for document in in_order(self._scan, number):
                yield entry(document)

    def _scan(
        self, wanted: Document, *, sort: Sequence[str], hint: str, limit: int = 0
    ) -> AsyncIterator[Document]:
        order = [(field, ASCENDING) for field in sort]
        return self._database[ENTRIES].find(wanted, sort=order, hint=hint, limit=limit, batch_size=_BATCH)

    async def hidden(self, number: int) -> AsyncIterator[str]:
        """See `Archives.hidden`."""
        which = standings_of(number) | {"hidden": True}
        with reaching():
            async for document in self._database[STANDINGS].find(which, {"_id": 1}, sort=[("_id", 1)]):
                yield document["_id"]["user"]

    async def ranked(self, number: int) -> AsyncIterator[Standing]:
        """See `Archives.ranked`."""
        shown = standings_of(number) | {"hidden": {"$ne": True}, "reached_at": {"$gt": 0}}
        order = [("score", -1), ("reached_at", 1), ("_id.user", 1)]
        found = self._database[STANDINGS].find(shown, sort=order, batch_size=_BATCH, allow_disk_use=True)
        rank = 0
        with reaching():
            async for document in found:
                rank += 1
                yield Standing(
                    document["_id"]["user"], int(document["score"]), int(document["reached_at"]), rank
                )

    async def amended(self, number: int) -> list[Amended]:
        """See `Archives.amended`."""
        with reaching():
            sealed_at = int((await self._seasons.find_one({"_id": number}) or {})["sealed_at"])
            late = await self._late_points(number)
            hidden = {user async for user in self.hidden(number)}
            bans = [ban(d) async for d in self._database[BANS].find({"lifted_at": None})]
            banned = {each.user for each in bans if each.hides(sealed_at, was_hidden=each.user in hidden)}
            users = sorted(late.keys() | banned | hidden)
            which = {"_id": {"$in": [standing_id(number, user) for user in users]}}
            standings = {d["_id"]["user"]: d async for d in self._database[STANDINGS].find(which)}
        return [_amended(standings[u], late.get(u, 0), u not in banned) for u in users if u in standings]

    async def _late_points(self, number: int) -> dict[str, int]:
        found = self._database[ENTRIES].aggregate(
            [
                {"$match": late_in(number)},
                {"$group": {"_id": "$user", "points": {"$sum": "$points"}}},
            ],
            hint="of_season",
        )
        return {d["_id"]: int(d["points"]) async for d in found}

    async def write(self, number: int, edition: int, rows: Sequence[Standing]) -> None:
        """See `Archives.write`."""
        documents = [archive_row(number, edition, row) for row in rows]
        with reaching():
            try:
                await self._rows.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                told = error.details or {}
                refused = {each["code"] for each in told.get("writeErrors", [])}
                if told.get("writeConcernErrors") or refused != {_DUPLICATE_KEY}:
                    raise  # else these rows were written before

    async def rows_from(self, number: int, edition: int, rank: int, limit: int) -> list[Standing]:
        """See `Archives.rows_from`."""
        first = {"season": number, "edition": edition, "rank": rank}
        span = {"_id": {"$gte": first, "$lt": first | {"rank": MaxKey()}}}
        with reaching():
            found = self._rows.find(span, sort=[("_id", 1)], limit=limit)
            return [archived(document) async for document in found]

    async def rows_of(self, number: int, edition: int, users: Collection[str]) -> list[Standing]:
        """See `Archives.rows_of`."""
        wanted = {"_id.season": number, "_id.edition": edition, "user": {"$in": list(users)}}
        with reaching():
            rows = [archived(document) async for document in self._rows.find(wanted, hint="users")]
        return sorted(rows, key=lambda row: row.rank)

    async def put(self, number: int, archive: Archive) -> bool:
        """See `Archives.put`."""
        older = [{"archive": {"$exists": False}}, {"archive.edition": {"$lt": archive.edition}}]
        which: Document = {"_id": number, "state": "sealed", "$or": older}
        if archive.edition != ANNOUNCED:
            which["corrections"] = archive.edition
        with reaching():
            told = await self._seasons.update_one(which, {"$set": {"archive": archive_document(archive)}})
        return told.matched_count > 0

    async def forget_editions(self, number: int, before: int) -> None:
        """See `Archives.forget_editions`."""
        between = {
            "$gt": {"season": number, "edition": ANNOUNCED, "rank": MaxKey()},
            "$lt": {"season": number, "edition": before, "rank": 0},
        }
        with reaching():
            await self._rows.delete_many({"_id": between})


def _amended(standing: Document, late: int, is_shown: bool) -> Amended:
    user, reached_at = standing["_id"]["user"], int(standing["reached_at"])
    score = int(standing["score"]) + late if is_shown and reached_at else None
    return Amended(user, score, reached_at)
