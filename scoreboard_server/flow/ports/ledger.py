"""The ledger, and what is told of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from msgspec import Struct

from ...rules.entry import Entry
from ...rules.history import Place

Key = tuple[str, str]
"""(user, action id): what an entry is unique by."""


class Batch(Struct, frozen=True):
    """Entries that one writer appends together. `number` is unique per writer."""

    writer: str
    number: int
    entries: Sequence[Entry]


class Recorded(Struct, frozen=True):
    """What the ledger says of an entry, and whose batch brought it."""

    type: str
    points: int
    writer: str
    batch: int


class Ledger(Protocol):
    """The append-only truth."""

    async def append(self, batch: Batch) -> frozenset[int]:
        """Add the entries that aren't there yet, durable on a majority when this returns.

        Returns the indexes of those that were there already. Repeating a call is safe.
        Raises StoreUnavailable when the outcome is unknown, and EntriesRefused when only some were refused.
        """
        ...

    async def look_up(self, keys: Collection[Key]) -> dict[Key, Recorded]:
        """Majority-committed entries by key; absent ones are left out. Raises StoreUnavailable."""
        ...


class Past(Struct, frozen=True):
    """Entries of one user, newest first. total: the score with the first of them and all older ones."""

    total: int
    entries: Sequence[Entry]


class History(Protocol):
    """Where a user's score came from."""

    async def past(self, user: str, before: Place | None, limit: int, season: int | None = None) -> Past:
        """Up to `limit` entries of the season, newest first, older than the place if one is given.

        season: its number; None is the current one. Of that one also those that are not folded yet, of a
        sealed one also what was corrected since. All as of one instant. Raises StoreUnavailable.
        """
        ...
