"""The canonical export of a sealed season: the same bytes wherever and whenever it is written.

One JSON object a line, in the form of RFC 8785 (keys in order, no space, UTF-8), each ended by a line feed:

    {"kind":"season", ...}      the season
    {"kind":"entry", ...}       each of its entries, by user and action
    {"kind":"hidden", ...}      each user of those who were banned when it was sealed, by user
    {"kind":"standing", ...}    the board as announced, by rank

Times are in µs since the Unix epoch. What admins corrected after the seal is no part of it. The digest of the
season is the SHA-256 of these bytes, so whoever has them can fold the entries, compare the board, and prove
that it is the one that was announced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from .board import Standing
from .entry import Correction, Entry
from .seasons import Season

_encode = msgspec.json.Encoder(order="sorted").encode

# Larger integers are not the same number to every reader of JSON (RFC 8785, section 3.2.2.3).
LARGEST = 2**53 - 1


def line(fields: Mapping[str, object]) -> bytes:
    """One object as a line."""
    return _encode(fields) + b"\n"


def season_fields(season: Season) -> dict[str, object]:
    """The first line. The season is sealed."""
    assert season.seal is not None  # noqa: S101 -- only a sealed one has a canonical export
    return {
        "kind": "season",
        "number": season.number,
        "name": season.name,
        "startedAt": season.started_at,
        "sealedAt": season.seal.at,
    }


def entry_fields(entry: Entry) -> dict[str, object]:
    """One entry; of a correction also why, and of which action."""
    fields: dict[str, object] = {
        "kind": "entry",
        "user": entry.user,
        "action": entry.action,
        "type": entry.type,
        "points": entry.points,
        "at": entry.at,
    }
    if isinstance(entry, Correction):
        fields["reason"] = entry.reason
        if entry.of is not None:
            fields["of"] = entry.of
    return fields


def hidden_fields(user: str) -> dict[str, object]:
    """A user who was banned when the season was sealed."""
    return {"kind": "hidden", "user": user}


def standing_fields(standing: Standing) -> dict[str, object]:
    """One row of the announced board."""
    return {
        "kind": "standing",
        "rank": standing.rank,
        "user": standing.user,
        "score": standing.score,
        "reachedAt": standing.reached_at,
    }


class Digest:
    """The digest of a season, fed line by line in the order above."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, fields: Mapping[str, object]) -> None:
        """The next line."""
        self._hash.update(line(fields))

    @property
    def hex(self) -> str:
        """Of all lines so far."""
        return self._hash.hexdigest()
