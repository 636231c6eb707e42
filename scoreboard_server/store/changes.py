"""The change feed: one change stream on the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from bson.timestamp import Timestamp
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import OperationFailure, PyMongoError

from ..flow.ports import (
    BanChanged,
    Change,
    EntryAppended,
    HistoryLost,
    MarkSeen,
    ProfileChanged,
    SeasonChanged,
    SeasonsEdited,
    TokensRevoked,
)
from .change_stream import ChangeStreams
from .documents import (
    BANS,
    ENTRIES,
    INDEXES,
    MARKS,
    REVOKED,
    SEASONS,
    USERS,
    Document,
    ban,
    profile,
    revocation,
)
from .reaching import is_passing, reaching, summary

log = logging.getLogger("scoreboard.changes")

_REOPEN_PAUSE_S = 0.5
_ANY: Document = {"$exists": True}
# What of a season's document is told to others, and what of it means that a board must be read again.
_OF_CURRENT = ("state", "repaired_at")
_TOLD = (*_OF_CURRENT, "ends_at", "schedule", "corrections", "archive", "v")  # `v`: see `shapes`
# ChangeStreamFatalError, ChangeStreamHistoryLost, and an index of the oplog that has gone (error_codes.yml).
_LOST_CODES = frozenset({136, 280, 286})
# Of what an event says nobody looks at these; reading them too would be a third of what an entry costs.
_UNREAD = (
    "clusterTime",
    "wallTime",
    *(f"fullDocument.{name}" for name in ("v", "action", "writer", "batch")),
)


class MongoFeed:
    """Fits `flow.ports.Feed`. A position is the cluster time of a snapshot."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._database = database
        self._streams = ChangeStreams(database)

    async def follow(self, position: object, writer: str) -> AsyncGenerator[Change, None]:
        """See `Feed.follow`."""
        assert isinstance(position, Timestamp)  # noqa: S101 -- positions come from MongoSnapshots alone
        place: Document = {"startAtOperationTime": Timestamp(position.time, position.inc + 1)}
        while True:
            try:
                async with aclosing(self._streams.batches(place, _wanted(writer))) as batches:
                    async for events, later in batches:
                        for event in events:
                            yield _change(event)
                        place = later
            except PyMongoError as error:
                _check_passing(error)
            await asyncio.sleep(_REOPEN_PAUSE_S)

    async def mark(self, writer: str, number: int) -> None:
        """See `Feed.mark`."""
        mark = {"n": number, "at": datetime.now(UTC)}
        with reaching():
            await self._database[MARKS].replace_one({"_id": writer}, mark, upsert=True)


def _check_passing(error: PyMongoError) -> None:
    if isinstance(error, OperationFailure) and (
        error.code in _LOST_CODES or error.has_error_label("NonResumableChangeStreamError")
    ):
        raise HistoryLost(summary(error)) from error
    if not is_passing(error) and not error.has_error_label("ResumableChangeStreamError"):
        raise error
    log.debug("the change feed is opened again: %s", summary(error))


def _wanted(writer: str) -> list[Document]:
    """What to send us. Our own entries stay out: the pipeline never lets go of a batch.

    The first stage is one that the server can look for in its oplog: 5 µs for each operation there, 50 for
    one that it has to make an event of first. After a large import or archive that is seconds or minutes.
    """
    changed_by_hand = [
        {"ns.coll": {"$in": list(INDEXES)}, "operationType": {"$in": ["drop", "rename"]}},
        {"operationType": {"$in": ["dropDatabase", "invalidate"]}},
    ]
    entry = {
        "ns.coll": ENTRIES,
        "operationType": "insert",
        "fullDocument.writer": {"$ne": writer},
        "fullDocument.pending": True,  # else it is of a season that was sealed before
    }
    few = {"ns.coll": {"$in": [USERS, SEASONS, MARKS, BANS, REVOKED]}}
    details = [
        {"ns.coll": ENTRIES},
        {"ns.coll": USERS, "operationType": {"$in": ["insert", "update"]}},
        {"ns.coll": SEASONS, "operationType": "insert"},
        *({"ns.coll": SEASONS, f"updateDescription.updatedFields.{name}": _ANY} for name in _TOLD),
        {"ns.coll": MARKS, "fullDocument._id": writer},
        # Both are written whole; the rest is bookkeeping.
        {"ns.coll": {"$in": [BANS, REVOKED]}, "operationType": {"$in": ["insert", "replace"]}},
        *changed_by_hand,
    ]
    return [
        {"$match": {"$or": [entry, few, *changed_by_hand]}},
        {"$match": {"$or": details}},
        {"$project": dict.fromkeys(_UNREAD, 0)},
    ]


def _change(event: Mapping[str, Any]) -> Change:
    collection = event.get("ns", {}).get("coll")
    document = event.get("fullDocument") or {}
    if event["operationType"] not in ("insert", "update", "replace"):
        raise HistoryLost(f"the store's data was changed by hand ({event['operationType']})")
    if collection == ENTRIES:
        return EntryAppended(document["user"], int(document["points"]), int(document["at"]), document["type"])
    if collection == BANS:
        return BanChanged(ban(document))
    if collection == REVOKED:
        return TokensRevoked(revocation(document))
    if collection == MARKS:
        return MarkSeen(document["n"])
    if collection == USERS:
        told = document or event["updateDescription"]["updatedFields"]
        return ProfileChanged(event["documentKey"]["_id"], profile(told))
    edited = (event.get("updateDescription") or {}).get("updatedFields", {})
    return SeasonsEdited() if edited and edited.keys().isdisjoint(_OF_CURRENT) else SeasonChanged()
