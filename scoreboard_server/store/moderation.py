"""What admins have decided, and the corrections that follow from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorDatabase
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from ..flow.ports import Batch, StoreUnavailable, ToCorrect
from ..rules.acts import Act
from ..rules.bans import Ban
from ..rules.entry import CORRECTION_MARK, Correction
from ..rules.revocations import Revocation
from .documents import (
    AUDIT,
    BANS,
    ENTRIES,
    REVOKED,
    SEASONS,
    Document,
    act_document,
    ban,
    ban_document,
    entry_documents,
    revocation_document,
)
from .reaching import reaching
from .standings import WRITE_CONFLICT, season_number, touch_season

_MAJORITY = WriteConcern("majority", j=True)
# Types from the mark to the first character behind it.
_CORRECTIONS = {"$gte": CORRECTION_MARK, "$lt": chr(ord(CORRECTION_MARK) + 1)}
_OF_AN_ACTION = {"of": {"$exists": True}}

Work = Callable[[AsyncIOMotorClientSession], Coroutine[Any, Any, None]]
# So long for a store that does not answer.
_PATIENCE_S = 20.0
_PAUSE_S = 0.05


class MongoModeration:
    """Fits `flow.ports.Moderation`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._database = database

    async def ban_of(self, user: str) -> Ban | None:
        """See `Moderation.ban_of`."""
        with reaching():
            document = await self._database[BANS].find_one({"_id": user})
        return None if document is None else ban(document)

    async def bans(self) -> list[Ban]:
        """See `Moderation.bans`."""
        with reaching():
            return [ban(d) async for d in self._database[BANS].find({"lifted_at": None}, sort=[("_id", 1)])]

    async def put_ban(self, ban: Ban, act: Act) -> None:
        """See `Moderation.put_ban`."""

        async def both(session: AsyncIOMotorClientSession) -> None:
            await self._put(BANS, ban_document(ban), session)
            await self._note(act, session)

        await self._at_once(both)

    async def revoke(self, revocation: Revocation, act: Act) -> None:
        """See `Moderation.revoke`."""
        document = revocation_document(revocation)

        async def both(session: AsyncIOMotorClientSession) -> None:
            # The clock of who revoked before may be ahead of this one's.
            known = await self._database[REVOKED].find_one({"_id": document["_id"]}, session=session) or {}
            latest = {name: max(document[name], known.get(name, document[name])) for name in ("at", "until")}
            await self._put(REVOKED, document | latest, session)
            await self._note(act, session)

        await self._at_once(both)

    async def _put(self, collection: str, document: Document, session: AsyncIOMotorClientSession) -> None:
        which = {"_id": document["_id"]}
        await self._database[collection].replace_one(which, document, upsert=True, session=session)

    async def adjust(self, adjustment: Correction, act: Act, writer: str) -> bool:
        """See `Moderation.adjust`."""
        was_missing = False

        async def both(session: AsyncIOMotorClientSession) -> None:
            nonlocal was_missing
            was_missing = await self._append_missing([adjustment], writer, session) > 0
            if was_missing:
                await self._note(act, session)

        await self._at_once(both)
        return was_missing

    async def _note(self, act: Act, session: AsyncIOMotorClientSession) -> None:
        await self._database[AUDIT].insert_one(act_document(act), session=session)

    async def _at_once(self, work: Work) -> None:
        """All of it or nothing; begun again by the driver when it meets another transaction.

        That of a process that was killed may stand in the way until the server gives it up, after a minute
        or so; the driver tries for two.
        """

        async def patient_work(session: AsyncIOMotorClientSession) -> None:
            try:
                await work(session)
            except OperationFailure as error:
                if error.code == WRITE_CONFLICT:  # so the store is there
                    patience.reschedule(asyncio.get_running_loop().time() + _PATIENCE_S)
                    await asyncio.sleep(_PAUSE_S)
                raise

        try:
            with reaching():
                async with (
                    asyncio.timeout(_PATIENCE_S) as patience,
                    await self._database.client.start_session() as session,
                ):
                    await session.with_transaction(
                        patient_work, read_concern=ReadConcern("snapshot"), write_concern=_MAJORITY
                    )
        except TimeoutError:
            raise StoreUnavailable("it did not get to writing it down") from None

    async def to_take_back(self, ban: Ban, limit: int) -> list[ToCorrect]:
        """See `Moderation.to_take_back`."""
        actions = {"type": {"$not": _CORRECTIONS}, "at": {"$gte": ban.taken_back_from}}
        return await self._unbalanced(ban.user, {"$or": [actions, _OF_AN_ACTION]}, {"is_action": True}, limit)

    async def to_give_back(self, ban: Ban, limit: int) -> list[ToCorrect]:
        """See `Moderation.to_give_back`."""
        return await self._unbalanced(ban.user, _OF_AN_ACTION, {}, limit)

    async def _unbalanced(self, user: str, entries: Document, sums: Document, limit: int) -> list[ToCorrect]:
        """Actions of the user's that don't add up to nothing among such entries of this season.

        sums: which sums are meant, by whether the action itself is in them (`is_action`).
        """
        by_action = {
            "_id": {"$ifNull": ["$of", "$action"]},
            "points": {"$sum": "$points"},
            "is_action": {"$max": {"$eq": [{"$type": "$of"}, "missing"]}},
        }
        with reaching():
            season = season_number(await self._database[SEASONS].find_one({"state": "current"}))
            found = self._database[ENTRIES].aggregate(
                [
                    {"$match": {"$and": [{"user": user}, _of_season(season), entries]}},
                    {"$group": by_action},
                    {"$match": {"points": {"$ne": 0}} | sums},
                    {"$limit": limit},
                ]
            )
            return [ToCorrect(d["_id"], -int(d["points"])) async for d in found]

    async def correct(self, ban: Ban, corrections: Sequence[Correction], writer: str) -> bool:
        """See `Moderation.correct`."""
        newest = {"_id": ban.user, "id": ban.id, "lifted_at": ban.lifted_at}
        still = False

        async def if_still(session: AsyncIOMotorClientSession) -> None:
            nonlocal still
            current = await self._of_current_season(ban.user, corrections, session)
            await self._append_missing(current, writer, session)
            # Writes, not reads: this must conflict with sealing the season, and with lifting the ban. Last,
            # as a process that is killed before leaves them unlocked.
            await touch_season(self._database[SEASONS], session)
            told = await self._database[BANS].update_one(newest, {"$inc": {"sweeps": 1}}, session=session)
            still = told.matched_count > 0
            if not still:
                await session.abort_transaction()

        await self._at_once(if_still)
        return still

    async def _of_current_season(
        self, user: str, corrections: Sequence[Correction], session: AsyncIOMotorClientSession
    ) -> list[Correction]:
        season = season_number(await self._database[SEASONS].find_one({"state": "current"}, session=session))
        wanted = {"user": user, "action": {"$in": [c.of for c in corrections]}} | _of_season(season)
        found = self._database[ENTRIES].find(wanted, {"action": 1}, session=session)
        actions = {d["action"] async for d in found}
        return [correction for correction in corrections if correction.of in actions]

    async def _append_missing(
        self, corrections: Sequence[Correction], writer: str, session: AsyncIOMotorClientSession
    ) -> int:
        """How many were missing."""
        if not corrections:
            return 0
        # Looked up first: a duplicate would abort the transaction.
        entries = self._database[ENTRIES]
        names = [correction.action for correction in corrections]
        wanted = {"user": corrections[0].user, "action": {"$in": names}}
        there = {d["action"] async for d in entries.find(wanted, {"action": 1}, session=session)}
        missing = [correction for correction in corrections if correction.action not in there]
        if missing:
            await entries.insert_many(entry_documents(Batch(writer, 1, missing)), session=session)
        return len(missing)


def _of_season(season: int) -> Document:
    """A filter for entries of this season; what is pending will be."""
    return {"$or": [{"season": season}, {"pending": True}]}
