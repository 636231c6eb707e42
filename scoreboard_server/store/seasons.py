"""The seasons, and the one pointer to the current one."""

from __future__ import annotations

from typing import Any

from bson import Int64
from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorDatabase

from ..flow.folding import counted, summed
from ..flow.ports import SeasonEnded, SeasonReset, StillPending
from ..rules.acts import Act
from ..rules.entry import is_correction
from ..rules.schedules import Schedule
from ..rules.seasons import Closing, Season
from .documents import BANS, ENTRIES, SEASONS, STANDINGS, Document, standing_id
from .reaching import reaching
from .season_documents import closing, closing_document, long, schedule_document, season, season_document
from .standings import TOLD, Fold, fold_into, pending_entry
from .transactions import at_once, note

# A transaction of so many entries takes a second.
_MOST_PENDING = 5_000


class MongoSeasons:
    """Fits `flow.ports.Seasons`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._database = database
        self._seasons = database[SEASONS]

    async def all(self) -> list[Season]:
        """See `Seasons.all`."""
        with reaching():
            return [season(document) async for document in self._seasons.find({}, sort=[("_id", -1)])]

    async def closing(self) -> Closing | None:
        """See `Seasons.closing`."""
        with reaching():
            document = await self._seasons.find_one({"closing": {"$exists": True}})
        return None if document is None else closing(document)

    async def begin_closing(self, closing: Closing) -> Closing:
        """See `Seasons.begin_closing`."""
        if (known := await self.closing()) is not None:
            return known
        current = {"_id": closing.number, "state": "current", "closing": {"$exists": False}}
        with reaching():
            wish = {"$set": {"closing": closing_document(closing)}}
            written = await self._seasons.update_one(current, wish)
        if written.matched_count:
            return closing
        if (known := await self.closing()) is not None:
            return known
        raise SeasonEnded

    async def seal(self, sealed: Season, following: Season, act: Act) -> bool:
        """See `Seasons.seal`."""
        was_current = False

        async def move_pointer(session: AsyncIOMotorClientSession) -> None:
            nonlocal was_current
            told = await self._seasons.update_one(_as_thought(sealed), _sealing(sealed), session=session)
            was_current = told.matched_count > 0
            if not was_current:
                if await self._seasons.find_one(_current(sealed.number), session=session) is not None:
                    raise SeasonReset
                return
            await self._fold_rest(sealed.number, session)
            await self._mark_hidden(sealed, session)
            await self._seasons.insert_one(season_document(following), session=session)
            await note(self._database, act, session)

        await at_once(self._database, move_pointer)
        return was_current

    async def _fold_rest(self, number: int, session: AsyncIOMotorClientSession) -> None:
        """So that whatever was acknowledged before this instant is of this season, corrections with it."""
        entries = self._database[ENTRIES].find(
            {"pending": True}, TOLD, limit=_MOST_PENDING + 1, hint="pending", session=session
        )
        pending = [pending_entry(document) async for document in entries]
        if len(pending) > _MOST_PENDING:
            raise StillPending
        if pending:
            days = counted(entry for entry in pending if not is_correction(entry.type))
            fold = Fold([entry.id for entry in pending], summed(pending), days)
            await fold_into(number, fold, self._database, session)

    async def _mark_hidden(self, sealed: Season, session: AsyncIOMotorClientSession) -> None:
        """Who is banned at this instant stays off the announced board, whatever becomes of the ban."""
        assert sealed.seal is not None  # noqa: S101 -- it is being sealed
        in_force = {"lifted_at": None, "$or": [{"until": None}, {"until": {"$gt": Int64(sealed.seal.at)}}]}
        found = self._database[BANS].find(in_force, {"_id": 1}, session=session)
        banned = [document["_id"] async for document in found]
        if banned:
            which = {"_id": {"$in": [standing_id(sealed.number, user) for user in banned]}}
            await self._database[STANDINGS].update_many(which, {"$set": {"hidden": True}}, session=session)
            # Who lifts one at this instant meets this, begins again, and sees that the season is sealed.
            still = {"_id": {"$in": banned}}
            await self._database[BANS].update_many(still, {"$inc": {"sweeps": 1}}, session=session)

    async def reported(self, number: int) -> None:
        """See `Seasons.reported`."""
        with reaching():
            await self._seasons.update_one({"_id": number, "state": "sealed"}, {"$unset": {"closing": ""}})

    async def set_end(self, number: int, ends_at: int | None, act: Act) -> None:
        """See `Seasons.set_end`."""
        await self._set(number, {"ends_at": long(ends_at)}, act)

    async def set_schedule(
        self, number: int, schedule: Schedule | None, ends_at: int | None, act: Act
    ) -> None:
        """See `Seasons.set_schedule`."""
        await self._set(number, {"schedule": schedule_document(schedule), "ends_at": long(ends_at)}, act)

    async def _set(self, number: int, fields: dict[str, Any], act: Act) -> None:
        async def both(session: AsyncIOMotorClientSession) -> None:
            told = await self._seasons.update_one(_current(number), {"$set": fields}, session=session)
            if not told.matched_count:
                raise SeasonEnded
            await note(self._database, act, session)

        await at_once(self._database, both)


def _current(number: int) -> Document:
    return {"_id": number, "state": "current"}


def _as_thought(sealed: Season) -> Document:
    known: Document = _current(sealed.number) | {"ends_at": long(sealed.ends_at)}
    if sealed.schedule is None:
        return known | {"schedule": None}
    # By its fields: as a whole it would have to be in the same order, too.
    return known | {"schedule.cron": sealed.schedule.cron, "schedule.zone": sealed.schedule.zone}


def _sealing(sealed: Season) -> Document:
    assert sealed.seal is not None  # noqa: S101 -- it is being sealed
    told = {"state": "sealed", "sealed_at": Int64(sealed.seal.at), "sealed_by": sealed.seal.by}
    return {"$set": told | {"corrections": 0}}
