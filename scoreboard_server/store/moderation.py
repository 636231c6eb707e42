"""What admins have decided, and the corrections that follow from it."""

from __future__ import annotations

from collections.abc import Sequence

from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorDatabase

from ..flow.ports import Batch, ToCorrect
from ..rules.acts import Act
from ..rules.bans import Ban, earliest
from ..rules.entry import CORRECTION_MARK, Correction
from ..rules.revocations import Revocation
from .documents import (
    BANS,
    ENTRIES,
    REVOKED,
    SEASONS,
    STANDINGS,
    Document,
    ban,
    ban_document,
    entry_documents,
    first_behind,
    late_documents,
    revocation,
    revocation_document,
    revocation_id,
    standing_id,
)
from .reaching import reaching
from .standings import season_number, touch_season
from .transactions import at_once, note

_CORRECTIONS = {"$gte": CORRECTION_MARK, "$lt": first_behind(CORRECTION_MARK)}
_OF_AN_ACTION = {"action": _CORRECTIONS, "of": {"$exists": True}}  # a range of `user_action`


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
            touched = await self._seasons_touched(ban, session)
            await self._put(BANS, ban_document(ban), session)
            await touch_sealed(self._database, touched, session)
            await note(self._database, act, session)

        await at_once(self._database, both)

    async def _seasons_touched(self, ban: Ban, session: AsyncIOMotorClientSession) -> list[int]:
        """Sealed seasons whose corrected board may change as this ban takes the place of the one before."""
        found = self._database[SEASONS].find({"state": "sealed"}, {"sealed_at": 1}, session=session)
        sealed_at = {d["_id"]: d["sealed_at"] async for d in found}
        which = {"_id": {"$in": [standing_id(number, ban.user) for number in sealed_at]}}
        standings = self._database[STANDINGS].find(which, {"hidden": 1}, session=session)
        hidden = {d["_id"]["season"]: d.get("hidden", False) async for d in standings}
        before = await self._database[BANS].find_one({"_id": ban.user}, session=session) or {}
        since = earliest(ban.taken_back_from, before.get("taken_back_from"), before.get("reached_from"))
        return [
            n for n, is_hidden in hidden.items() if is_hidden or (since is not None and since < sealed_at[n])
        ]

    async def revocations_of(self, token_id: str, user: str) -> list[Revocation]:
        """See `Moderation.revocations_of`."""
        which = {"_id": {"$in": [revocation_id(token_id, None), revocation_id(None, user)]}}
        with reaching():
            return [revocation(document) async for document in self._database[REVOKED].find(which)]

    async def revoke(self, revocation: Revocation, act: Act) -> None:
        """See `Moderation.revoke`."""

        async def both(session: AsyncIOMotorClientSession) -> None:
            await put_revocation(self._database, revocation, session)
            await note(self._database, act, session)

        await at_once(self._database, both)

    async def _put(self, collection: str, document: Document, session: AsyncIOMotorClientSession) -> None:
        which = {"_id": document["_id"]}
        await self._database[collection].replace_one(which, document, upsert=True, session=session)

    async def adjust(self, adjustment: Correction, season: int, act: Act, writer: str) -> bool:
        """See `Moderation.adjust`."""
        was_missing = False

        async def both(session: AsyncIOMotorClientSession) -> None:
            nonlocal was_missing
            current = await touch_season(self._database[SEASONS], session)
            late = season if season != current else None
            was_missing = await self._append_missing([adjustment], late, writer, session) > 0
            if was_missing:
                await note(self._database, act, session)

        await at_once(self._database, both)
        return was_missing

    async def season_of(self, user: str, action: str) -> int | None:
        """See `Moderation.season_of`."""
        with reaching():
            current = season_number(await self._database[SEASONS].find_one({"state": "current"}))
            entry = await self._database[ENTRIES].find_one({"user": user, "action": action}, {"season": 1})
        return None if entry is None else int(entry.get("season", current))

    async def to_take_back(self, ban: Ban, limit: int) -> list[ToCorrect]:
        """See `Moderation.to_take_back`."""
        actions = {"type": {"$not": _CORRECTIONS}, "at": {"$gte": ban.taken_back_from}}
        return await self._unbalanced(ban.user, {"$or": [actions, _OF_AN_ACTION]}, {"is_action": True}, limit)

    async def to_give_back(self, ban: Ban, limit: int) -> list[ToCorrect]:
        """See `Moderation.to_give_back`."""
        return await self._unbalanced(ban.user, _OF_AN_ACTION, {}, limit)

    async def _unbalanced(self, user: str, entries: Document, sums: Document, limit: int) -> list[ToCorrect]:
        """Actions of the user's that don't add up to nothing among such entries.

        sums: which sums are meant, by whether the action itself is in them (`is_action`).
        """
        by_action = {
            "_id": {"$ifNull": ["$of", "$action"]},
            "points": {"$sum": "$points"},
            "is_action": {"$max": {"$eq": [{"$type": "$of"}, "missing"]}},
        }
        with reaching():
            found = self._database[ENTRIES].aggregate(
                [
                    {"$match": {"$and": [{"user": user}, entries]}},
                    {"$group": by_action},
                    {"$match": {"points": {"$ne": 0}} | sums},
                    {"$limit": limit},
                ]
            )
            return [ToCorrect(d["_id"], -int(d["points"])) async for d in found]

    async def count_named(self, user: str, prefix: str) -> int:
        """See `Moderation.count_named`."""
        begins_so = {"$gte": prefix, "$lt": first_behind(prefix)}
        with reaching():
            return await self._database[ENTRIES].count_documents({"user": user, "action": begins_so})

    async def correct(self, ban: Ban, corrections: Sequence[Correction], writer: str) -> bool:
        """See `Moderation.correct`."""
        newest = {"_id": ban.user, "id": ban.id, "lifted_at": ban.lifted_at}
        still = False

        async def if_still(session: AsyncIOMotorClientSession) -> None:
            nonlocal still
            for season, some in (await self._by_season(ban.user, corrections, session)).items():
                await self._append_missing(some, season, writer, session)
            # Writes, not reads: this must conflict with sealing the season, and with lifting the ban. Last,
            # as a process that is killed before leaves them unlocked.
            await touch_season(self._database[SEASONS], session)
            told = await self._database[BANS].update_one(newest, {"$inc": {"sweeps": 1}}, session=session)
            still = told.matched_count > 0
            if not still:
                await session.abort_transaction()

        await at_once(self._database, if_still)
        return still

    async def _by_season(
        self, user: str, corrections: Sequence[Correction], session: AsyncIOMotorClientSession
    ) -> dict[int | None, list[Correction]]:
        """The corrections by the sealed season of the action, None for the current one."""
        current = season_number(await self._database[SEASONS].find_one({"state": "current"}, session=session))
        wanted = {"user": user, "action": {"$in": [c.of for c in corrections]}}
        found = self._database[ENTRIES].find(wanted, {"action": 1, "season": 1}, session=session)
        seasons = {d["action"]: d.get("season", current) async for d in found}
        sorted_out: dict[int | None, list[Correction]] = {}
        for correction in corrections:
            if correction.of in seasons:
                season = seasons[correction.of]
                sorted_out.setdefault(None if season == current else season, []).append(correction)
        return sorted_out

    async def _append_missing(
        self,
        corrections: Sequence[Correction],
        season: int | None,
        writer: str,
        session: AsyncIOMotorClientSession,
    ) -> int:
        """How many were missing. season: a sealed one that they are of, None for the current one."""
        # Looked up first: a duplicate would abort the transaction.
        entries = self._database[ENTRIES]
        names = [correction.action for correction in corrections]
        wanted = {"user": corrections[0].user, "action": {"$in": names}}
        there = {d["action"] async for d in entries.find(wanted, {"action": 1}, session=session)}
        missing = Batch(writer, 1, [c for c in corrections if c.action not in there])
        if not missing.entries:
            return 0
        if season is None:
            await entries.insert_many(entry_documents(missing), session=session)
        else:
            await entries.insert_many(late_documents(missing, season), session=session)
            await touch_sealed(self._database, [season], session)
        return len(missing.entries)


async def put_revocation(
    database: AsyncIOMotorDatabase[Document], revocation: Revocation, session: AsyncIOMotorClientSession
) -> None:
    """Keep of it and the one before whatever reaches further: the clock of who revoked may be ahead."""
    document = revocation_document(revocation)
    which = {"_id": document["_id"]}
    known = await database[REVOKED].find_one(which, session=session) or {}
    latest = {name: max(document[name], known.get(name, document[name])) for name in ("at", "until")}
    await database[REVOKED].replace_one(which, document | latest, upsert=True, session=session)


async def touch_sealed(
    database: AsyncIOMotorDatabase[Document], seasons: Sequence[int], session: AsyncIOMotorClientSession
) -> None:
    """The corrected boards of these sealed seasons are to be written anew."""
    if seasons:
        await database[SEASONS].update_many(
            {"_id": {"$in": seasons}, "state": "sealed"}, {"$inc": {"corrections": 1}}, session=session
        )
