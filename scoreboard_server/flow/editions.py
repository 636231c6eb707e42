"""Editions: the boards of sealed seasons, as they were announced and as they were corrected since.

An edition that is told of in its season's document is whole and changes no more; when the next one is there
it is removed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from msgspec import Struct

from ..live.reader import View
from ..rules.board import Standing
from ..rules.refusals import Unavailable
from ..rules.seasons import ANNOUNCED, Season
from .ports import Archives


class EditionGone(Exception):  # noqa: N818 -- a state of the world
    """A newer edition was written, and this one removed."""


class Edition(Struct, frozen=True):
    """One of a season's boards. users: on it."""

    season: int
    number: int
    users: int


class Part(Struct, frozen=True):
    """Which of its rows; as of a `View`, whoever asks for them."""

    limit: int
    offset: int = 0
    around: str | None = None
    users: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many rows it may have."""
        return len(self.users) or self.limit


ReadPart = Callable[[Edition, Part], Awaitable[list[Standing]]]
"""Gives the rows of a part. Raises EditionGone, StoreUnavailable."""


def edition_of(season: Season, view: View) -> Edition:
    """The one that the view is of. Raises Unavailable `season_closing` while none is written."""
    kept = season.seal.archive if season.seal is not None else None
    if kept is None:
        raise closing()
    if view.announced:
        return Edition(season.number, ANNOUNCED, kept.users)
    return Edition(season.number, kept.edition, kept.corrected_users)


def part_of(view: View) -> Part:
    """What of the view is the same for whoever asks."""
    return Part(view.limit, view.offset, view.around, view.users)


def closing() -> Unavailable:
    """The no while there is no board yet."""
    return Unavailable("season_closing", "The season has just ended; its final board is being written.")


async def read_part(archives: Archives, edition: Edition, part: Part) -> list[Standing]:
    """The rows, as they are stored. Raises EditionGone when they are not all there any more."""
    return await _Reading(archives, edition).select(part)


class _Reading:
    """One edition of a board. Every reading raises EditionGone when that is not all there any more."""

    def __init__(self, archives: Archives, edition: Edition) -> None:
        self._archives = archives
        self._edition = edition

    async def select(self, part: Part) -> list[Standing]:
        """As `View.select` of a live board."""
        if part.around is not None:
            return await self._around(part.around, part.limit)
        if part.users:
            return await self._of(part.users)
        return await self._page(part.offset, part.limit)

    async def _of(self, users: Collection[str]) -> list[Standing]:
        rows = await self._archives.rows_of(self._edition.season, self._edition.number, users)
        if len(rows) < len(users):
            await self._page(0, 1)  # which would be gone before any other
        return rows

    async def _around(self, user: str, limit: int) -> list[Standing]:
        own = await self._of([user])
        if not own:
            return []
        latest_start = max(0, self._edition.users - limit)
        return await self._page(min(max(0, own[0].rank - 1 - limit // 2), latest_start), limit)

    async def _page(self, offset: int, limit: int) -> list[Standing]:
        least = min(limit, self._edition.users - offset)
        if least <= 0:
            return []
        rows = await self._archives.rows_from(self._edition.season, self._edition.number, offset + 1, least)
        # While an edition is being removed, the rows behind those that are gone already would fill the page.
        if [row.rank for row in rows] != list(range(offset + 1, offset + 1 + least)):
            raise EditionGone
        return rows
