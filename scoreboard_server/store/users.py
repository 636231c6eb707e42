"""How users are shown, kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import UpdateOne

from ..rules.profiles import Profile
from .documents import Document, profile, profile_fields
from .reaching import reaching


class MongoUsers:
    """Fits `flow.ports.ProfileStore`."""

    def __init__(self, users: AsyncIOMotorCollection[Document]) -> None:
        self._users = users

    async def load(self, users: Collection[str]) -> dict[str, Profile]:
        """See `ProfileStore.load`."""
        with reaching():
            found = self._users.find({"_id": {"$in": list(users)}})
            return {document["_id"]: profile(document) async for document in found}

    async def save(self, profiles: Mapping[str, Profile]) -> None:
        """See `ProfileStore.save`."""
        if not profiles:
            return
        updates = [
            UpdateOne({"_id": user}, {"$set": profile_fields(told)}, upsert=True)
            for user, told in profiles.items()
        ]
        with reaching():
            await self._users.bulk_write(updates, ordered=False)
