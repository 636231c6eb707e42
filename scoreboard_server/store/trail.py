"""Reading the audit trail."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bson import Int64
from motor.motor_asyncio import AsyncIOMotorCollection

from ..flow.ports import Wanted
from ..rules.acts import Act
from .documents import Document, act
from .reaching import reaching


class MongoTrail:
    """Fits `flow.ports.Trail`."""

    def __init__(self, audit: AsyncIOMotorCollection[Document]) -> None:
        self._audit = audit

    async def acts(self, wanted: Wanted, limit: int) -> AsyncIterator[Act]:
        """See `Trail.acts`."""
        with reaching():
            async for document in self._audit.find(matching(wanted), sort=[("at", -1)], limit=limit):
                yield act(document)


def matching(wanted: Wanted) -> Document:
    """A filter for the documents of these acts."""
    which: Document = {}
    if wanted.since is not None:
        which["at"] = {"$gte": Int64(wanted.since)}
    if wanted.until is not None:
        which["at"] = which.get("at", {}) | {"$lt": Int64(wanted.until)}
    if wanted.user is not None:
        which["user"] = wanted.user
    if wanted.kinds:
        which["what"] = {"$in": sorted(wanted.kinds)}
    return which
