"""Where a board is read from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from ...rules.bans import Ban
from ...rules.revocations import Revocation
from ...rules.seasons import Season
from ...rules.tallies import Account, DayCount


class Snapshot(Protocol):
    """The board's parts, all as of one instant."""

    @property
    def season(self) -> Season:
        """The current one."""
        ...

    def seasons(self) -> AsyncIterator[Season]:
        """All there are, newest first. Raises StoreUnavailable."""
        ...

    @property
    def position(self) -> object:
        """Opaque: where the change feed goes on from this snapshot without a gap or an overlap."""
        ...

    async def size(self) -> int:
        """About how many standings there are, of all seasons. Raises StoreUnavailable."""
        ...

    def standings(self) -> AsyncIterator[tuple[str, int, int]]:
        """`(user, score, reached_at)` of the season. Raises StoreUnavailable."""
        ...

    def pending(self) -> AsyncIterator[tuple[str, int, int, str]]:
        """`(user, points, at, type)` of the entries not folded yet. Raises StoreUnavailable."""
        ...

    def days(self, day: int) -> AsyncIterator[tuple[Account, DayCount]]:
        """What was folded of each user and type on that day (since the Unix epoch).

        Raises StoreUnavailable.
        """
        ...

    def bans(self) -> AsyncIterator[Ban]:
        """Those that no admin has lifted. Raises StoreUnavailable."""
        ...

    def revocations(self) -> AsyncIterator[Revocation]:
        """Those that may still matter. Raises StoreUnavailable."""
        ...


class Snapshots(Protocol):
    """Where a board is read from."""

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """One consistent view. Raises StoreUnavailable on entering."""
        ...
