"""Ledger and standings side by side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from msgspec import Struct

from ...rules import books
from ...rules.acts import Act
from ...rules.bans import Ban


class Span(Struct):
    """Ledger and standings of some users, all as of one instant.

    last: the last of them, None when there are no more. entries: how many were folded. season: of now. bans:
    of all users.
    """

    season: int
    last: str | None
    entries: int
    folded: dict[books.Account, books.Total]
    pending: dict[str, books.Total]
    standings: dict[books.Account, books.Total]
    bans: Sequence[Ban] = ()


class Books(Protocol):
    """Ledger and standings side by side."""

    async def entries(self) -> int:
        """About how many entries there are. Raises StoreUnavailable."""
        ...

    async def span(self, after: str, least: int) -> Span:
        """The users behind `after`, in order, until so many entries are read. Raises StoreUnavailable."""
        ...

    async def without_standing(self, users: Collection[str]) -> set[str]:
        """Those of these users of whom nothing is folded this season. Raises StoreUnavailable."""
        ...

    async def has_others_than(self, prefix: str) -> bool:
        """Whether there are entries of any season of a user whose id begins otherwise.

        Raises StoreUnavailable.
        """
        ...

    async def repair(self, season: int, user: str, told: Callable[[books.Difference], Act]) -> bool:
        """Make the standing what its entries add up to; whether it wasn't.

        In one transaction, with what is `told` of the difference in the audit trail. Raises StoreUnavailable.
        """
        ...

    async def repaired(self, now_us: int) -> None:
        """Let every server read its board again. Raises StoreUnavailable."""
        ...
