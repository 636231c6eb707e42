"""Importing into a store: under numbers of seasons that nobody knows of until the last transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from bson import Int64
from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from ..flow.ports import Batch, Claim, CopyRefused
from ..rules.acts import Act
from ..rules.bans import Ban
from ..rules.books import Total
from ..rules.entry import Entry
from ..rules.profiles import Profile
from ..rules.revocations import Revocation
from ..rules.seasons import Season
from .documents import (
    ARCHIVE,
    AUDIT,
    BANS,
    ENTRIES,
    SEASONS,
    SHAPE,
    STANDINGS,
    USERS,
    Document,
    act_document,
    ban_document,
    entry_documents,
    late_documents,
    profile_fields,
    standing_id,
    standings_of,
)
from .moderation import put_revocation
from .reaching import reaching
from .season_documents import sealed_document, season_document
from .transactions import at_once, note

# The season that is current until the import is done. No import brings one of this number, and closing it
# by hand meanwhile makes none that one brings.
STAGING = -1_000_000
# Batches of writers are counted from 1.
_NO_BATCH = 0
_DUPLICATE_KEY = 11000
_KEYS_AT_ONCE = 200


class MongoCopies:
    """Fits `flow.ports.Copies`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._database = database
        self._seasons = database[SEASONS]

    async def are_partial(self) -> bool:
        """See `Copies.are_partial`."""
        with reaching():
            return await self._seasons.find_one({"_id": STAGING, "import": {"$exists": True}}) is not None

    async def claim(self, sha256: str) -> Claim:
        """See `Copies.claim`."""
        claimed = Claim(is_done=False, lines=0)

        async def look(session: AsyncIOMotorClientSession) -> None:
            nonlocal claimed
            if await self._seasons.find_one({"imported": sha256}, session=session) is not None:
                claimed = Claim(is_done=True, lines=0)
                return
            current = await self._seasons.find_one({"state": "current"}, session=session) or {}
            under_way = current.get("import")
            if under_way is None:
                await self._check_empty(session)
                await self._make_way(current, sha256, session)
            elif under_way["sha256"] != sha256:
                raise CopyRefused("another import was begun here; finish that one, with its own file")
            else:
                claimed = Claim(is_done=False, lines=int(under_way["lines"]))

        await at_once(self._database, look)
        return claimed

    async def _check_empty(self, session: AsyncIOMotorClientSession) -> None:
        for name, what in (
            (ENTRIES, "entries"),
            (STANDINGS, "standings"),
            (BANS, "bans"),
            (ARCHIVE, "archives"),
        ):
            if await self._database[name].find_one({}, {"_id": 1}, session=session) is not None:
                raise CopyRefused(f"this store has {what} already; import into one that has none")
        if await self._seasons.find_one({"state": "sealed"}, {"_id": 1}, session=session) is not None:
            raise CopyRefused("this store has sealed seasons already; import into one that has none")

    async def _make_way(self, current: Document, sha256: str, session: AsyncIOMotorClientSession) -> None:
        staging = Season(STAGING, current["name"], int(current["started_at"]))
        begun = {"import": {"sha256": sha256, "lines": Int64(0)}}
        await self._seasons.delete_one({"_id": current["_id"]}, session=session)
        await self._seasons.insert_one(season_document(staging) | begun, session=session)

    async def put_profiles(self, profiles: Mapping[str, Profile]) -> None:
        """See `Copies.put_profiles`."""
        told = [(user, profile_fields(profile)) for user, profile in profiles.items()]
        await self._put_missing(USERS, told)

    async def put_acts(self, sha256: str, acts: Mapping[int, Act]) -> None:
        """See `Copies.put_acts`."""
        documents = [{"_id": f"{_writer(sha256)}/{n:012}"} | act_document(act) for n, act in acts.items()]
        with reaching():
            await _insert_missing(self._database[AUDIT], documents)

    async def put_entries(self, sha256: str, number: int, entries: Sequence[Entry], *, late: bool) -> None:
        """See `Copies.put_entries`."""
        batch = Batch(_writer(sha256), _NO_BATCH, entries)
        documents = late_documents(batch, number) if late else _folded_documents(batch, number)
        with reaching():
            if await _insert_missing(self._database[ENTRIES], documents):
                await self._check_same(documents)

    async def _check_same(self, documents: Sequence[Document]) -> None:
        """What was there already is what would have been put there."""
        for start in range(0, len(documents), _KEYS_AT_ONCE):
            some = {(d["user"], d["action"]): d for d in documents[start : start + _KEYS_AT_ONCE]}
            wanted = {"$or": [{"user": user, "action": action} for user, action in some]}
            async for found in self._database[ENTRIES].find(wanted, {"_id": 0}):
                ours = some[found["user"], found["action"]]
                if found != {name: value for name, value in ours.items() if name != "_id"}:
                    words = f"{found['user']} has an action {found['action']} already, and it is another one"
                    raise CopyRefused(words)

    async def put_totals(self, number: int, totals: Mapping[str, Total], hidden: Set[str]) -> None:
        """See `Copies.put_totals`."""
        told = [(standing_id(number, user), _standing(each, user in hidden)) for user, each in totals.items()]
        await self._put_missing(STANDINGS, told)

    async def _put_missing(self, collection: str, told: Sequence[tuple[Any, Document]]) -> None:
        """Never replace: another process may have imported the same already, and servers be at work."""
        with reaching():
            await self._database[collection].bulk_write(
                [UpdateOne({"_id": which}, {"$setOnInsert": d}, upsert=True) for which, d in told],
                ordered=False,
            )

    async def note(self, sha256: str, lines: int) -> None:
        """See `Copies.note`."""
        with reaching():
            await self._seasons.update_one(_under_way(sha256), {"$max": {"import.lines": Int64(lines)}})

    async def activate(
        self,
        sha256: str,
        seasons: Sequence[Season],
        bans: Sequence[Ban],
        revocations: Sequence[Revocation],
        act: Act,
    ) -> bool:
        """See `Copies.activate`."""
        was_waiting = False

        async def show(session: AsyncIOMotorClientSession) -> None:
            nonlocal was_waiting
            # A write, not a read: this conflicts with every fold.
            told = await self._seasons.delete_one(_under_way(sha256), session=session)
            was_waiting = told.deleted_count > 0
            if not was_waiting:
                return
            await self._check_quiet(session)
            documents = [sealed_document(each) if each.seal else season_document(each) for each in seasons]
            documents[-1]["imported"] = sha256
            await self._seasons.insert_many(documents, session=session)
            if bans:
                await self._database[BANS].insert_many([ban_document(each) for each in bans], session=session)
            for each in revocations:
                await put_revocation(self._database, each, session)
            await note(self._database, act, session)

        await at_once(self._database, show)
        if not was_waiting and not (await self.claim(sha256)).is_done:
            raise CopyRefused("the season was closed while this was imported; begin with an empty store")
        return was_waiting

    async def _check_quiet(self, session: AsyncIOMotorClientSession) -> None:
        pending = await self._database[ENTRIES].find_one(
            {"pending": True}, {"_id": 1}, hint="pending", session=session
        )
        folded = await self._database[STANDINGS].find_one(standings_of(STAGING), {"_id": 1}, session=session)
        banned = await self._database[BANS].find_one({}, {"_id": 1}, session=session)
        if pending or folded or banned:
            words = "users have acted, or were banned, while this was imported"
            raise CopyRefused(f"{words}; begin with an empty store, and no server on it")


def _writer(sha256: str) -> str:
    """No server and no command calls itself so."""
    return f"import/{sha256[:16]}"


def _under_way(sha256: str) -> Document:
    return {"_id": STAGING, "state": "current", "import.sha256": sha256}


def _folded_documents(batch: Batch, number: int) -> list[Document]:
    told = {"season": number}
    return [{k: v for k, v in d.items() if k != "pending"} | told for d in entry_documents(batch)]


def _standing(total: Total, is_hidden: bool) -> dict[str, Any]:
    told = {
        "v": SHAPE,
        "score": Int64(total.score),
        "actions": total.actions,
        "reached_at": Int64(total.reached_at),
    }
    return told | ({"hidden": True} if is_hidden else {})


async def _insert_missing(
    collection: AsyncIOMotorCollection[Document], documents: Sequence[Document]
) -> bool:
    """Whether some of them were there already."""
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        told = error.details or {}
        refused = {each["code"] for each in told.get("writeErrors", [])}
        if told.get("writeConcernErrors") or refused != {_DUPLICATE_KEY}:
            raise
        return True
    return False
