"""What admins have done, as it was written down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Protocol

from msgspec import Struct

from ...rules.acts import Act


class Wanted(Struct, frozen=True):
    """Which acts. since, until: from that instant on, and before that one (µs since the Unix epoch).

    user: whom they were about. kinds: what was done, empty for anything.
    """

    since: int | None = None
    until: int | None = None
    user: str | None = None
    kinds: Collection[str] = ()


class Trail(Protocol):
    """The audit trail: added to in the transaction of what it tells, and never changed."""

    def acts(self, wanted: Wanted, limit: int) -> AsyncIterator[Act]:
        """Up to `limit` of them, newest first. Raises StoreUnavailable."""
        ...
