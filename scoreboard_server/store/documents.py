"""The stored shapes, in one place: collections, documents and indexes.

Each document carries `v`, the version of its shape. The driver reads large numbers as a kind of int that JSON
encoders refuse, so numbers leave this package through `int`.

    entries    {_id, v, user, action, type, points, at, writer, batch, pending: true}   until folded, then
               {… season} without `pending`
    standings  {_id: {season, user}, v, score, reached_at, actions}
    users      {_id: user, v, name?, picture?}
    seasons    {_id: number, v, name, state: "current" | "sealed", started_at, folds, repaired_at?}
    marks      {_id: writer, n, at}                                              read back by the change feed
    spent      {_id: mark, v, user, action, until}      a captcha's answer and the action that it was used for
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson import Int64, MaxKey, MinKey
from pymongo import ASCENDING, DESCENDING, IndexModel

from ..flow.ports import Batch, Recorded
from ..rules.entry import Entry
from ..rules.profiles import Profile
from ..rules.seasons import Season

Document = dict[str, Any]

SHAPE = 1

ENTRIES, STANDINGS, USERS, SEASONS, MARKS = "entries", "standings", "users", "seasons", "marks"
SPENT = "spent"

# Every collection is made at start, also those without an index: one made by the first write would be missing
# in snapshots of just before it, and the server refuses to read those.
INDEXES: Mapping[str, list[IndexModel]] = {
    ENTRIES: [
        # An action is counted once per user: this is the rule itself, not an optimisation.
        IndexModel([("user", ASCENDING), ("action", ASCENDING)], name="user_action", unique=True),
        IndexModel([("user", ASCENDING), ("at", DESCENDING), ("action", DESCENDING)], name="user_at"),
        IndexModel(
            [("writer", ASCENDING), ("at", ASCENDING)],
            name="pending",
            partialFilterExpression={"pending": True},
        ),
    ],
    STANDINGS: [],
    USERS: [],
    SEASONS: [
        IndexModel(
            [("state", ASCENDING)],
            name="one_current",
            unique=True,
            partialFilterExpression={"state": "current"},
        )
    ],
    MARKS: [IndexModel([("at", ASCENDING)], name="forgotten", expireAfterSeconds=86_400)],
    SPENT: [IndexModel([("until", ASCENDING)], name="forgotten", expireAfterSeconds=0)],
}


def entry_documents(batch: Batch) -> list[Document]:
    """A batch's entries as they are appended."""
    return [
        {
            "v": SHAPE,
            "user": entry.user,
            "action": entry.action,
            "type": entry.type,
            "points": entry.points,
            "at": Int64(entry.at),
            "writer": batch.writer,
            "batch": batch.number,
            "pending": True,
        }
        for entry in batch.entries
    ]


def entry(document: Mapping[str, Any]) -> Entry:
    """An entry's document, as it was accepted."""
    return Entry(
        document["user"],
        document["action"],
        document["type"],
        int(document["points"]),
        int(document["at"]),
    )


def recorded(document: Document) -> Recorded:
    """What an entry's document says."""
    return Recorded(document["type"], int(document["points"]), document["writer"], int(document["batch"]))


def standing_id(season: int, user: str) -> Document:
    """The `_id` of a standing; the order of its keys is the order of the index."""
    return {"season": season, "user": user}


def standings_of(season: int) -> Document:
    """A filter for all standings of a season, by range of `_id`."""
    return {
        "_id": {
            "$gt": {"season": season, "user": MinKey()},
            "$lt": {"season": season, "user": MaxKey()},
        }
    }


def profile(document: Mapping[str, Any]) -> Profile:
    """A user's document, or the part of it that a change tells."""
    return Profile(document.get("name"), document.get("picture"))


def profile_fields(told: Profile) -> Document:
    """What a profile tells, as fields to set."""
    fields = {"name": told.name, "picture": told.avatar}
    return {"v": SHAPE} | {k: v for k, v in fields.items() if v is not None}


def season(document: Document) -> Season:
    """A season's document."""
    return Season(document["_id"], document["name"], int(document["started_at"]))


def season_document(new: Season) -> Document:
    """A season as it begins."""
    return {
        "_id": new.number,
        "v": SHAPE,
        "name": new.name,
        "state": "current",
        "started_at": Int64(new.started_at),
        "folds": 0,
    }
