"""Seasons: which there are, how one is closed, and the archives of those that are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Protocol

from ...rules.acts import Act
from ...rules.board import Standing
from ...rules.entry import Entry
from ...rules.schedules import Schedule
from ...rules.seasons import Amended, Archive, Closing, Season


class Seasons(Protocol):
    """All seasons there are, and the one pointer to the current one.

    Every method raises StoreUnavailable.
    """

    async def all(self) -> list[Season]:
        """Newest first, so the current one is the first."""
        ...

    async def closing(self) -> Closing | None:
        """The one that was begun and not reported, if there is one."""
        ...

    async def begin_closing(self, closing: Closing) -> Closing:
        """Write down that a season is to be closed; what was written before if it was. Raises SeasonEnded."""
        ...

    async def seal(self, sealed: Season, following: Season, act: Act) -> bool:
        """In one transaction: fold what is pending, seal the season, and let the following one be current.

        Whether it was this call that did; False when the season was sealed before. What is pending must be
        little; raises StillPending when it is not. Raises SeasonReset when the season has another end or
        schedule than `sealed`, from which the following one was made.
        """
        ...

    async def reported(self, number: int) -> None:
        """Whoever wished the season closed knows that it is."""
        ...

    async def set_end(self, number: int, ends_at: int | None, act: Act) -> None:
        """Have the current season close by itself then. Raises SeasonEnded."""
        ...

    async def set_schedule(
        self, number: int, schedule: Schedule | None, ends_at: int | None, act: Act
    ) -> None:
        """Have this season, and all after it, close by themselves. Raises SeasonEnded."""
        ...


class Archives(Protocol):
    """The boards of sealed seasons, and what they are made from.

    Every method raises StoreUnavailable.
    """

    def entries(self, number: int) -> AsyncIterator[Entry]:
        """What was counted in the season before it was sealed, by user and action."""
        ...

    def hidden(self, number: int) -> AsyncIterator[str]:
        """Who was banned when it was sealed, and has a standing, by user."""
        ...

    def ranked(self, number: int) -> AsyncIterator[Standing]:
        """The announced board by rank, from the standings: of who was not hidden and has an action."""
        ...

    async def amended(self, number: int) -> list[Amended]:
        """The users about whom admins have decided since."""
        ...

    async def write(self, number: int, edition: int, rows: Sequence[Standing]) -> None:
        """Keep some rows of an edition. Safe to repeat."""
        ...

    async def rows_from(self, number: int, edition: int, rank: int, limit: int) -> list[Standing]:
        """Up to `limit` rows from this rank on."""
        ...

    async def rows_of(self, number: int, edition: int, users: Collection[str]) -> list[Standing]:
        """The rows of these users, by rank; who isn't on that board is left out."""
        ...

    async def put(self, number: int, archive: Archive) -> bool:
        """This is the season's archive now, unless there is one of a later edition; whether it is.

        Nor is it when admins have decided more since: its rows may be those of two editions.
        """
        ...

    async def forget_editions(self, number: int, before: int) -> None:
        """Remove the editions between the announced one and this."""
        ...
