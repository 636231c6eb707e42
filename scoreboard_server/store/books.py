"""Reading ledger and standings side by side, and setting a standing right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing

from bson import Int64, MaxKey
from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorDatabase
from pymongo.errors import OperationFailure

from ..flow.ports import Span, StoreUnavailable
from ..rules.acts import Act
from ..rules.books import Difference, Total
from .documents import (
    ENTRIES,
    SEASONS,
    SHAPE,
    STANDINGS,
    Document,
    first_behind,
    folded_into,
    standing_id,
)
from .reaching import reaching
from .snapshots import MongoSnapshot, MongoSnapshots
from .standings import season_number
from .transactions import MAJORITY, SNAPSHOT, WRITE_CONFLICT, note

_TOLD = {"user": 1, "type": 1, "points": 1, "at": 1, "season": 1, "pending": 1, "late": 1}
# An entry that is neither pending nor of a season is counted nowhere; no standing is ever of this season.
_NOWHERE = 0
_DUPLICATE_KEY = 11000
_TRIES = 50
_TRY_PAUSE_S = 0.05


class MongoBooks:
    """Fits `flow.ports.Books`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], snapshots: MongoSnapshots) -> None:
        self._database = database
        self._snapshots = snapshots

    async def entries(self) -> int:
        """See `Books.entries`."""
        with reaching():
            return await self._database[ENTRIES].estimated_document_count()

    async def span(self, after: str, least: int) -> Span:
        """See `Books.span`."""
        async with self._snapshots.snapshot() as snapshot:
            bans = [ban async for ban in snapshot.bans()]
            span = Span(
                season=snapshot.season.number,
                last=None,
                entries=0,
                folded={},
                pending={},
                standings={},
                bans=bans,
            )
            await _read_ledger(snapshot, after, least, span)
            async for season in snapshot.scan(SEASONS, {}):
                await _read_standings(snapshot, season["_id"], after, span)
            return span

    async def without_standing(self, users: Collection[str]) -> set[str]:
        """See `Books.without_standing`."""
        with reaching():
            season = season_number(await self._database[SEASONS].find_one({"state": "current"}))
            wanted = {"_id": {"$in": [standing_id(season, user) for user in users]}}
            found = [d["_id"]["user"] async for d in self._database[STANDINGS].find(wanted, {"_id": 1})]
        return set(users).difference(found)

    async def has_others_than(self, prefix: str) -> bool:
        """See `Books.has_others_than`; by the two ends of an index, however many there are."""
        with reaching():
            for end in ({"$lt": prefix}, {"$gte": first_behind(prefix)}):
                if await self._database[ENTRIES].find_one({"user": end}, {"_id": 1}) is not None:
                    return True
        return False

    async def repair(self, season: int, user: str, told: Callable[[Difference], Act]) -> bool:
        """See `Books.repair`."""
        for _ in range(_TRIES):
            was_wrong = await self._try_to_repair(season, user, told)
            if was_wrong is not None:
                return was_wrong
            await asyncio.sleep(_TRY_PAUSE_S)
        raise StoreUnavailable(f"the standing of {user} is being folded all the time")

    async def _try_to_repair(self, season: int, user: str, told: Callable[[Difference], Act]) -> bool | None:
        """None when a fold has met it in the standing."""
        with reaching():
            async with await self._database.client.start_session() as session:
                try:
                    async with session.start_transaction(read_concern=SNAPSHOT, write_concern=MAJORITY):
                        found = await self._difference(session, season, user)
                        if found is None:
                            return False
                        await self._rebuild(session, found)
                        await note(self._database, told(found), session)
                except OperationFailure as error:
                    if error.code in (WRITE_CONFLICT, _DUPLICATE_KEY):
                        return None
                    raise
        return True

    async def repaired(self, now_us: int) -> None:
        """See `Books.repaired`."""
        with reaching():
            current = {"state": "current"}
            await self._database[SEASONS].update_one(current, {"$set": {"repaired_at": Int64(now_us)}})

    async def _difference(
        self, session: AsyncIOMotorClientSession, season: int, user: str
    ) -> Difference | None:
        ledger: Total | None = None
        counted = folded_into(season) | {"user": user}
        entries = self._database[ENTRIES].find(counted, _TOLD, hint="of_season", session=session)
        async for document in entries:
            ledger = ledger or Total()
            ledger.add(document["type"], int(document["points"]), int(document["at"]))
        which = {"_id": standing_id(season, user)}
        document = await self._database[STANDINGS].find_one(which, session=session)
        standing = None if document is None else _total(document)
        return None if ledger == standing else Difference(season, user, ledger, standing)

    async def _rebuild(self, session: AsyncIOMotorClientSession, found: Difference) -> None:
        standings = self._database[STANDINGS]
        which = {"_id": standing_id(found.season, found.user)}
        if found.ledger is None:
            await standings.delete_one(which, session=session)
            return
        right = {
            "v": SHAPE,
            "score": found.ledger.score,
            "actions": found.ledger.actions,
            "reached_at": Int64(found.ledger.reached_at),
        }
        await standings.update_one(which, {"$set": right}, upsert=True, session=session)


async def _read_ledger(snapshot: MongoSnapshot, after: str, least: int, span: Span) -> None:
    """Fold whole users, at least so many entries; `span.last` stays None when there are no more."""
    user = after
    async with aclosing(_entries_after(snapshot, after)) as entries:
        async for document in entries:
            if document["user"] != user and span.entries >= least:
                span.last = user
                return
            user = document["user"]
            _fold(span, document)


def _entries_after(snapshot: MongoSnapshot, after: str) -> AsyncGenerator[Document, None]:
    order = {"user": 1, "action": 1}
    return snapshot.scan(ENTRIES, {"user": {"$gt": after}}, sort=order, hint="user_action", projection=_TOLD)


def _fold(span: Span, document: Document) -> None:
    span.entries += 1
    if document.get("late"):  # it corrects a sealed season, whose standings stay as they are
        return
    user = document["user"]
    if document.get("pending"):
        total = span.pending.setdefault(user, Total())
    else:
        total = span.folded.setdefault((document.get("season", _NOWHERE), user), Total())
    total.add(document["type"], int(document["points"]), int(document["at"]))


async def _read_standings(snapshot: MongoSnapshot, season: int, after: str, span: Span) -> None:
    last = MaxKey() if span.last is None else span.last
    which = {"_id": {"$gt": {"season": season, "user": after}, "$lte": {"season": season, "user": last}}}
    async for document in snapshot.scan(STANDINGS, which):
        account = (season, document["_id"]["user"])
        span.standings[account] = _total(document)


def _total(standing: Document) -> Total:
    return Total(int(standing["score"]), int(standing["actions"]), int(standing["reached_at"]))
