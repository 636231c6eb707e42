"""What other processes have done."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from msgspec import Struct

from ...rules.bans import Ban
from ...rules.profiles import Profile
from ...rules.revocations import Revocation


class EntryAppended(Struct, frozen=True, gc=False):
    """Another process appended an entry."""

    user: str
    points: int
    at: int
    type: str = ""


class ProfileChanged(Struct, frozen=True):
    """A user is shown differently now; a None in the profile means that this part has not changed."""

    user: str
    profile: Profile


class SeasonChanged(Struct, frozen=True):
    """Another season is current, or the standings of this one were repaired."""


class MarkSeen(Struct, frozen=True):
    """Our own mark came back: everything written before it has been seen."""

    number: int


class BanChanged(Struct, frozen=True):
    """A user was banned or a ban was lifted."""

    ban: Ban


class TokensRevoked(Struct, frozen=True):
    """Some tokens are refused from now on."""

    revocation: Revocation


class SeasonsEdited(Struct, frozen=True):
    """What is told of some season has changed: its end, its schedule, or its archive."""


Decided = BanChanged | TokensRevoked | SeasonsEdited
"""What admins bring about."""

Change = EntryAppended | ProfileChanged | SeasonChanged | MarkSeen | Decided


class Feed(Protocol):
    """What other processes have done, in order."""

    def follow(self, position: object, writer: str) -> AsyncGenerator[Change, None]:
        """Every change after `position` that isn't `writer`'s own entry.

        Survives lost connections by itself; raises HistoryLost when it can't go on.
        """
        ...

    async def mark(self, writer: str, number: int) -> None:
        """Write a mark, which will come back as MarkSeen. Raises StoreUnavailable."""
        ...
