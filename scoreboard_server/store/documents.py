"""The stored shapes, in one place: collections, documents and indexes.

Each document carries `v`, the version of its shape. A season's is the newest of all shapes in the store: who
opens the store raises it, and who finds one newer than its own leaves the store alone (see `shapes`). The
driver reads large numbers as a kind of int that JSON encoders refuse, so numbers leave this package by `int`.

    entries    {_id, v, user, action, type, points, at, writer, batch, pending: true}   until folded, then
               {… season} without `pending`; a correction also has {reason, of?}, and from the start
               {season, late: true} when that season was sealed before
    standings  {_id: {season, user}, v, score, reached_at, actions, hidden?: banned when it was sealed}
    users      {_id: user, v, name?, picture?}
    seasons    {_id: number, v, name, state: "current" | "sealed", started_at, folds, repaired_at?, ends_at?,
               schedule?: {cron, zone}, closing?: {name, ends_at, by, at}, sealed_at?, sealed_by?,
               corrections?, archive?: {users, entries, digest, last_at, edition, corrected_users},
               import?: {sha256, lines} while one waits for its end, imported?: sha256 of the export}
    archive    {_id: {season, edition, rank}, v, user, score, reached_at}        the boards of sealed seasons
    marks      {_id: writer, n, at}                                              read back by the change feed
    days       {_id: {day, user, type}, v, n, last, gone_at}                     what caps ask for
    bans       {_id: user, v, id, reason, by, since, until?, taken_back_from?, lifted_at?, reached_from?,
                pardoned_at?, sweeps?}
    revoked    {_id, v, token?, user?, at, until}
    audit      {_id, v, at, by, what, user?, reason, details}                    never changed
    spent      {_id: mark, v, user, action, until}      a captcha's answer and the action that it was used for
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from bson import Int64, MaxKey, MinKey
from pymongo import ASCENDING, DESCENDING, IndexModel

from ..flow.ports import Batch, Recorded
from ..rules.acts import Act
from ..rules.bans import Ban
from ..rules.entry import Correction, Entry
from ..rules.profiles import Profile
from ..rules.revocations import Revocation
from ..rules.tallies import Account, DayCount

Document = dict[str, Any]

SHAPE = 1

ENTRIES, STANDINGS, USERS, SEASONS, MARKS = "entries", "standings", "users", "seasons", "marks"
DAYS, BANS, REVOKED, AUDIT = "days", "bans", "revoked", "audit"
SPENT, ARCHIVE = "spent", "archive"

# Every collection is made at start, also those without an index: one made by the first write would be missing
# in snapshots of just before it, and the server refuses to read those.
INDEXES: Mapping[str, list[IndexModel]] = {
    # The fewer the better: for each document that a transaction changes and for each index, MongoDB 6.0 reads
    # the specifications of all of them (`IndexCatalogEntryImpl::isReady`).
    ENTRIES: [
        # An action is counted once per user: this is the rule itself, not an optimisation.
        IndexModel([("user", ASCENDING), ("action", ASCENDING)], name="user_action", unique=True),
        IndexModel([("user", ASCENDING), ("at", DESCENDING), ("action", DESCENDING)], name="user_at"),
        IndexModel(
            [("writer", ASCENDING), ("at", ASCENDING)],
            name="pending",
            partialFilterExpression={"pending": True},
        ),
        # What a season is the sum of, and apart from it what came late.
        IndexModel(
            [("late", ASCENDING), ("season", ASCENDING), ("user", ASCENDING)],
            name="of_season",
            partialFilterExpression={"season": {"$exists": True}},
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
        ),
        IndexModel([("name", ASCENDING)], name="name", unique=True),
    ],
    ARCHIVE: [
        IndexModel(
            [("_id.season", ASCENDING), ("_id.edition", ASCENDING), ("user", ASCENDING)],
            name="users",
            unique=True,
        )
    ],
    MARKS: [IndexModel([("at", ASCENDING)], name="forgotten", expireAfterSeconds=86_400)],
    DAYS: [IndexModel([("gone_at", ASCENDING)], name="forgotten", expireAfterSeconds=0)],
    BANS: [],
    REVOKED: [IndexModel([("until", ASCENDING)], name="forgotten", expireAfterSeconds=0)],
    AUDIT: [
        IndexModel([("at", DESCENDING)], name="newest"),
        IndexModel([("user", ASCENDING), ("at", DESCENDING)], name="of_user"),
        IndexModel([("what", ASCENDING), ("at", DESCENDING)], name="of_kind"),
    ],
    SPENT: [IndexModel([("until", ASCENDING)], name="forgotten", expireAfterSeconds=0)],
}


def folded_into(season: int) -> Document:
    """A filter for the entries that a season's standings are the sum of."""
    return {"late": None, "season": season}


def late_in(season: int) -> Document:
    """A filter for the corrections to a season that came when it was sealed."""
    return {"late": True, "season": season}


def entry_documents(batch: Batch) -> list[Document]:
    """A batch's entries as they are appended."""
    return [_entry_document(entry, batch) for entry in batch.entries]


def late_documents(batch: Batch, season: int) -> list[Document]:
    """A batch's corrections to a season that is sealed: never pending, and no part of its standings."""
    told = {"season": season, "late": True}
    return [{k: v for k, v in d.items() if k != "pending"} | told for d in entry_documents(batch)]


def _entry_document(entry: Entry, batch: Batch) -> Document:
    document: Document = {
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
    if isinstance(entry, Correction):
        document["reason"] = entry.reason
        if entry.of is not None:
            document["of"] = entry.of
    return document


def entry(document: Mapping[str, Any]) -> Entry:
    """An entry's document, as it was accepted."""
    told = (
        document["user"],
        document["action"],
        document["type"],
        int(document["points"]),
        int(document["at"]),
    )
    if "reason" in document:
        return Correction(*told, document["reason"], document.get("of"))
    return Entry(*told)


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


def first_behind(prefix: str) -> str:
    """The first string that is behind all that begin like this."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def days_of(day: int) -> Document:
    """A filter for all counts of a day, by range of `_id`."""
    return {
        "_id": {
            "$gt": {"day": day, "user": MinKey(), "type": MinKey()},
            "$lt": {"day": day, "user": MaxKey(), "type": MaxKey()},
        }
    }


def day_count(document: Document) -> tuple[Account, DayCount]:
    """Whose count a document is, and what it says."""
    which = document["_id"]
    return (which["user"], which["type"]), DayCount(int(document["n"]), int(document["last"]))


_BAN_TIMES = ("until", "taken_back_from", "lifted_at", "reached_from", "pardoned_at")


def ban_document(ban: Ban) -> Document:
    """A ban as it is kept."""
    told: Document = msgspec.to_builtins(ban)
    told |= {name: Int64(told[name]) for name in ("since", *_BAN_TIMES) if told[name] is not None}
    return {"_id": told.pop("user"), "v": SHAPE} | told


def ban(document: Document) -> Ban:
    """A ban's document."""
    told = {name: document.get(name) for name in _BAN_TIMES}
    times = {name: None if at is None else int(at) for name, at in told.items()}
    return Ban(
        document["_id"],
        document["id"],
        document["reason"],
        document["by"],
        int(document["since"]),
        **times,
    )


def revocation_document(revocation: Revocation) -> Document:
    """A revocation as it is kept. Its id: the same tokens are revoked once, until the later time."""
    token = revocation.token_id
    return {
        "_id": revocation_id(token, revocation.user),
        "v": SHAPE,
        "token": token,
        "user": revocation.user,
        "at": revocation.at,
        "until": datetime.fromtimestamp(revocation.until, UTC).replace(tzinfo=None),  # as the driver reads it
    }


def revocation_id(token: str | None, user: str | None) -> str:
    """The `_id` of the revocation of this token, or of the user's where that is None."""
    return f"token/{token}" if token is not None else f"user/{user}"


def revocation(document: Document) -> Revocation:
    """A revocation's document."""
    until = document["until"].replace(tzinfo=UTC).timestamp()
    return Revocation(document["at"], until, document["token"], document["user"])


def act_document(act: Act) -> Document:
    """An act as it is kept."""
    told: Document = msgspec.to_builtins(act)
    return {"v": SHAPE} | told | {"at": Int64(act.at)}


def act(document: Document) -> Act:
    """An act's document."""
    told = (document["by"], document["what"], document["user"], document["reason"])
    return Act(int(document["at"]), *told, _plain(document["details"]))


def _plain(value: Any) -> Any:
    """What the driver reads, of the types that were written."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, Int64) else value


def profile(document: Mapping[str, Any]) -> Profile:
    """A user's document, or the part of it that a change tells."""
    return Profile(document.get("name"), document.get("picture"))


def profile_fields(told: Profile) -> Document:
    """What a profile tells, as fields to set."""
    fields = {"name": told.name, "picture": told.avatar}
    return {"v": SHAPE} | {k: v for k, v in fields.items() if v is not None}
