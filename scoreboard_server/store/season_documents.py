"""The stored shapes of seasons and of their archives; see `documents`."""

from __future__ import annotations

from typing import Any

import msgspec
from bson import Int64

from ..rules.board import Standing
from ..rules.schedules import Schedule
from ..rules.seasons import Archive, Closing, Seal, Season
from .documents import SHAPE, Document
from .shapes import refuse_newer


def season(document: Document) -> Season:
    """A season's document. Raises StoreRefusedError when a newer version has been at the store."""
    refuse_newer(int(document.get("v", 0)))
    return Season(
        document["_id"],
        document["name"],
        int(document["started_at"]),
        whole(document.get("ends_at")),
        _schedule(document.get("schedule")),
        _seal(document) if document["state"] == "sealed" else None,
    )


def _schedule(told: Document | None) -> Schedule | None:
    return None if told is None else Schedule(told["cron"], told["zone"])


def _seal(document: Document) -> Seal:
    told = document.get("archive")
    archive = None if told is None else Archive(**{name: _number(value) for name, value in told.items()})
    return Seal(int(document["sealed_at"]), document["sealed_by"], document.get("corrections", 0), archive)


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, int) else value


def season_document(new: Season) -> Document:
    """A season as it begins."""
    return {
        "_id": new.number,
        "v": SHAPE,
        "name": new.name,
        "state": "current",
        "started_at": Int64(new.started_at),
        "ends_at": long(new.ends_at),
        "schedule": schedule_document(new.schedule),
        "folds": 0,
    }


def sealed_document(sealed: Season) -> Document:
    """A season that was sealed and archived elsewhere."""
    seal = sealed.seal
    assert seal is not None and seal.archive is not None  # noqa: S101 -- see above
    told = {"state": "sealed", "sealed_at": Int64(seal.at), "sealed_by": seal.by}
    told |= {"corrections": seal.corrections, "archive": archive_document(seal.archive)}
    return season_document(sealed) | told


def schedule_document(schedule: Schedule | None) -> Document | None:
    """A schedule as it is kept with a season."""
    return None if schedule is None else {"cron": schedule.cron, "zone": schedule.zone}


def closing_document(closing: Closing) -> Document:
    """The wish to close a season, as it is kept with it."""
    return {"name": closing.name, "ends_at": long(closing.ends_at), "by": closing.by, "at": Int64(closing.at)}


def closing(document: Document) -> Closing:
    """The wish that a season's document holds."""
    told = document["closing"]
    return Closing(document["_id"], told["name"], whole(told["ends_at"]), told["by"], int(told["at"]))


def archive_document(archive: Archive) -> Document:
    """An archive as it is kept with its season."""
    told: Document = msgspec.to_builtins(archive)
    return told | {"last_at": Int64(archive.last_at)}


def archive_row(season: int, edition: int, row: Standing) -> Document:
    """One row of the board of a sealed season."""
    return {
        "_id": {"season": season, "edition": edition, "rank": row.rank},
        "v": SHAPE,
        "user": row.user,
        "score": Int64(row.score),
        "reached_at": Int64(row.reached_at),
    }


def archived(document: Document) -> Standing:
    """What a row of an archive says."""
    return Standing(
        document["user"], int(document["score"]), int(document["reached_at"]), document["_id"]["rank"]
    )


def long(number: int | None) -> Int64 | None:
    """A number that may be beyond 32 bits, or none."""
    return None if number is None else Int64(number)


def whole(number: int | None) -> int | None:
    """What the driver has read as a number, or none, as Python knows it."""
    return None if number is None else int(number)
