"""A user's entries of the current season, newest first."""

from __future__ import annotations

from typing import Any

from ..flow.ports import Past
from ..rules.history import Place
from .documents import ENTRIES, STANDINGS, Document, entry, standing_id
from .snapshots import MongoSnapshot, MongoSnapshots


class MongoHistory:
    """Fits `flow.ports.History`."""

    def __init__(self, snapshots: MongoSnapshots) -> None:
        self._snapshots = snapshots

    async def past(self, user: str, before: Place | None, limit: int) -> Past:
        """See `History.past`."""
        async with self._snapshots.snapshot() as snapshot:
            total = await _score(snapshot, user) if before is None else before.total
            wanted = entries_before(user, snapshot.season.number, before)
            newest_first = {"at": -1, "action": -1}
            found = snapshot.scan(ENTRIES, wanted, sort=newest_first, limit=limit, hint="user_at")
            return Past(total, [entry(document) async for document in found])


async def _score(snapshot: MongoSnapshot, user: str) -> int:
    standing = snapshot.scan(STANDINGS, {"_id": standing_id(snapshot.season.number, user)})
    pending = snapshot.scan(ENTRIES, {"pending": True, "user": user}, hint="pending")
    folded = sum([int(document["score"]) async for document in standing])
    waiting = sum([int(document["points"]) async for document in pending])
    return folded + waiting


def entries_before(user: str, season: int, before: Place | None) -> Document:
    """A filter for the user's entries of the season, pending ones included, that are older than the place."""
    of_season: list[dict[str, Any]] = [{"season": season}, {"pending": True}]
    wanted: Document = {"user": user, "$or": of_season}
    if before is None:
        return wanted
    older = [{"at": {"$lt": before.at}}, {"at": before.at, "action": {"$lt": before.action}}]
    return {"user": user, "at": {"$lte": before.at}, "$and": [{"$or": of_season}, {"$or": older}]}
