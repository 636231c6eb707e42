"""The folded part of the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct

from ...rules.tallies import DayCount


class PendingEntry(Struct, frozen=True, gc=False):
    """An entry that no standing contains yet. `id` is the store's own."""

    id: object
    user: str
    points: int
    at: int
    type: str = ""


class Sum(Struct):
    """What one fold adds to one standing.

    actions, reached_at: how many actions there are among the entries, and the newest `at` of them (µs since
    the Unix epoch).
    """

    points: int
    actions: int
    reached_at: int


Day = tuple[int, str, str]
"""(day since the Unix epoch, user, action type)."""


NO_DAYS: Mapping[Day, DayCount] = MappingProxyType({})


class Standings(Protocol):
    """The folded part of the ledger."""

    async def pending(self, writer: str, limit: int) -> list[PendingEntry]:
        """Up to `limit` pending entries of this writer, oldest first. Raises StoreUnavailable."""
        ...

    async def left_behind(self, writer: str, before: int, limit: int) -> list[PendingEntry]:
        """Up to `limit` pending ones of other writers, older than `before` (µs). Raises StoreUnavailable."""
        ...

    async def fold(
        self, ids: Sequence[object], sums: Mapping[str, Sum], days: Mapping[Day, DayCount] = NO_DAYS
    ) -> bool:
        """In one transaction: stamp exactly these entries with the current season and add the sums to it.

        days: what the entries add to the counts of users' days, beside it.

        False when somebody else has folded some of them (or is doing so): look again. Raises
        StoreUnavailable.
        """
        ...
