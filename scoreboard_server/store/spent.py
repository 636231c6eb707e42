"""Captcha answers that have been used, until nobody takes them any more."""

from __future__ import annotations

from datetime import UTC, datetime

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from ..flow.ports import Key
from .documents import SHAPE, Document
from .reaching import reaching


class MongoSpent:
    """Fits `flow.ports.Spent`.

    spent: with majority, journaled write concern and majority read concern.
    """

    def __init__(self, spent: AsyncIOMotorCollection[Document]) -> None:
        self._spent = spent

    async def spent_on(self, mark: str) -> Key | None:
        """See `Spent.spent_on`."""
        with reaching():
            found = await self._spent.find_one({"_id": mark})
        return _key(found) if found is not None else None

    async def spend(self, mark: str, key: Key, until: float) -> bool:
        """See `Spent.spend`. Insert and look in one step: whoever is first is whom everyone finds there."""
        user, action = key
        told = {"v": SHAPE, "user": user, "action": action, "until": datetime.fromtimestamp(until, UTC)}
        with reaching():
            try:
                kept = await self._insert_or_find(mark, told)
            except DuplicateKeyError:  # two inserted at once; now it is there to be found
                kept = await self._insert_or_find(mark, told)
        return _key(kept) == key

    async def _insert_or_find(self, mark: str, told: Document) -> Document:
        kept: Document = await self._spent.find_one_and_update(
            {"_id": mark}, {"$setOnInsert": told}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return kept


def _key(document: Document) -> Key:
    return document["user"], document["action"]
