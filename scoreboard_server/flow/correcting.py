"""Correcting: a banned user's points are taken back, or given back when the ban is lifted.

Nothing is deleted: each action whose points go gets an entry that takes them, and each of those one that
gives them back. Their ids follow from the action's, so doing it again, or twice at once, adds nothing; it is
begun again until nothing is missing, so it does not matter where it was interrupted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ..rules.bans import Ban
from ..rules.entry import GIVEN_BACK, TAKEN_BACK, Correction
from .ports import Moderation, ToCorrect

_LOOK = 10_000  # looking takes a walk through all that the user has
_BITE = 500  # a transaction of so many takes a tenth of a second

_LookUp = Callable[[Ban, int], Awaitable[list[ToCorrect]]]


async def take_back(moderation: Moderation, ban: Ban, *, writer: str, now_us: Callable[[], int]) -> int:
    """Take back what the ban says, until none is missing; how many were missing. Raises StoreUnavailable.

    Ends at once when the ban is not the user's newest any more.
    """
    return await _Correcting(moderation, ban, TAKEN_BACK, writer, now_us).all_of(moderation.to_take_back)


async def count_taken_back(moderation: Moderation, ban: Ban) -> int:
    """How many actions' points this ban has taken back, here or in any server. Raises StoreUnavailable."""
    return await moderation.count_named(ban.user, _prefix(TAKEN_BACK, ban))


async def give_back(moderation: Moderation, ban: Ban, *, writer: str, now_us: Callable[[], int]) -> int:
    """Give back all that was taken back; how many it were. `ban` has been lifted. Raises StoreUnavailable."""
    return await _Correcting(moderation, ban, GIVEN_BACK, writer, now_us).all_of(moderation.to_give_back)


def _prefix(kind: str, ban: Ban) -> str:
    """How the ids of the ban's corrections begin, and those of no client's action."""
    return f"{kind}/{ban.id}/"


class _Correcting:
    """One run through what is missing. kind: of the corrections."""

    def __init__(
        self, moderation: Moderation, ban: Ban, kind: str, writer: str, now_us: Callable[[], int]
    ) -> None:
        self._moderation = moderation
        self._ban = ban
        self._kind = kind
        self._writer = writer
        self._now_us = now_us

    async def all_of(self, missing: _LookUp) -> int:
        corrected = 0
        while found := await missing(self._ban, _LOOK):
            for start in range(0, len(found), _BITE):
                bite = found[start : start + _BITE]
                if not await self._correct(bite):
                    return corrected
                corrected += len(bite)
        return corrected

    async def _correct(self, bite: Sequence[ToCorrect]) -> bool:
        ban, at = self._ban, self._now_us()
        prefix = _prefix(self._kind, ban)
        corrections = [
            Correction(ban.user, prefix + each.action, self._kind, each.points, at, ban.reason, each.action)
            for each in bite
        ]
        return await self._moderation.correct(ban, corrections, self._writer)
