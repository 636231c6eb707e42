"""A user's entries of a season, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..flow.ports import Past
from ..rules.history import Place
from .documents import ENTRIES, STANDINGS, Document, entry, late_in, standing_id
from .snapshots import MongoSnapshot, MongoSnapshots


@dataclass(frozen=True, slots=True)
class _Outside:
    """Entries that count beside the standing of a season, and the index that knows them."""

    which: Document
    index: str


_PENDING = _Outside({"pending": True}, "pending")


def _late(season: int) -> _Outside:
    return _Outside(late_in(season), "of_season")


class MongoHistory:
    """Fits `flow.ports.History`."""

    def __init__(self, snapshots: MongoSnapshots) -> None:
        self._snapshots = snapshots

    async def past(self, user: str, before: Place | None, limit: int, season: int | None = None) -> Past:
        """See `History.past`."""
        async with self._snapshots.snapshot() as snapshot:
            current = snapshot.season.number
            told = current if season is None else season
            outside = _PENDING if told == current else _late(told)
            total = await _score(snapshot, user, told, outside) if before is None else before.total
            wanted = entries_before(user, told, before, with_pending=told == current)
            newest_first = {"at": -1, "action": -1}
            found = snapshot.scan(ENTRIES, wanted, sort=newest_first, limit=limit, hint="user_at")
            return Past(total, [entry(document) async for document in found])


async def _score(snapshot: MongoSnapshot, user: str, season: int, outside: _Outside) -> int:
    standing = snapshot.scan(STANDINGS, {"_id": standing_id(season, user)})
    more = snapshot.scan(ENTRIES, outside.which | {"user": user}, hint=outside.index)
    folded = sum([int(document["score"]) async for document in standing])
    return folded + sum([int(document["points"]) async for document in more])


def entries_before(user: str, season: int, before: Place | None, *, with_pending: bool) -> Document:
    """A filter for the user's entries of the season that are older than the place."""
    of_season: list[dict[str, Any]] = [{"season": season}, *([{"pending": True}] if with_pending else [])]
    wanted: Document = {"user": user, "$or": of_season}
    if before is None:
        return wanted
    older = [{"at": {"$lt": before.at}}, {"at": before.at, "action": {"$lt": before.action}}]
    return {"user": user, "at": {"$lte": before.at}, "$and": [{"$or": of_season}, {"$or": older}]}
