"""A store that is exported, and one that an export is imported into."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct

from ...rules.acts import Act
from ...rules.bans import Ban
from ...rules.books import Total
from ...rules.entry import Correction, Entry
from ...rules.profiles import Profile
from ...rules.revocations import Revocation
from ...rules.seasons import Season


class InstantLost(Exception):  # noqa: N818 -- a state of the world
    """The store does not know any more what it was like at that instant."""


class CopyRefused(Exception):  # noqa: N818 -- as above
    """The store has something that the export does not know of; the message says what."""


class Original(Protocol):
    """What changes in a store, all as of one instant, each in order. `skip`: so many are known already.

    Every method raises StoreUnavailable and InstantLost.
    """

    @property
    def instant(self) -> str:
        """The instant, in the store's own words."""
        ...

    async def seasons(self) -> list[Season]:
        """All of them, by number."""
        ...

    def profiles(self, skip: int) -> AsyncIterator[tuple[str, Profile]]:
        """By user."""
        ...

    def bans(self, skip: int) -> AsyncIterator[Ban]:
        """Each user's newest, lifted or not, by user."""
        ...

    def revocations(self, skip: int) -> AsyncIterator[Revocation]:
        """By token, those of users first."""
        ...

    def acts(self, skip: int) -> AsyncIterator[Act]:
        """The audit trail, oldest first."""
        ...

    def late(self, skip: int) -> AsyncIterator[tuple[int, Correction]]:
        """Corrections to sealed seasons, by season's number, user and action."""
        ...

    def entries(self, number: int) -> AsyncIterator[Entry]:
        """Those of the current season, folded or not, by user and action."""
        ...

    def totals(self, number: int) -> AsyncIterator[tuple[str, Total]]:
        """The current season's standings, by user."""
        ...

    async def pending(self) -> Mapping[str, Total]:
        """What no standing contains yet, by user."""
        ...


class Originals(Protocol):
    """A store that is exported."""

    def as_of(self, instant: str | None) -> AbstractAsyncContextManager[Original]:
        """The store as of that instant, None for now. Raises InstantLost and StoreUnavailable."""
        ...

    def totals(self, number: int) -> AsyncIterator[tuple[str, Total]]:
        """The standings of a sealed season, by user. Raises StoreUnavailable."""
        ...


class Claim(Struct, frozen=True):
    """How far an import has come. is_done: nothing is left to do. lines: so many are kept for sure."""

    is_done: bool
    lines: int


class Copies(Protocol):
    """A store that an export is imported into. What is put there is seen by nobody until it is activated.

    sha256: of the export's lines, by which it is known again. Putting something again changes nothing. Every
    method raises StoreUnavailable.
    """

    async def are_partial(self) -> bool:
        """Whether an import was begun and is not activated yet."""
        ...

    async def claim(self, sha256: str) -> Claim:
        """Have the store wait for this import and nothing else. Raises CopyRefused."""
        ...

    async def put_profiles(self, profiles: Mapping[str, Profile]) -> None:
        """Keep them, unless something newer is known of these users."""
        ...

    async def put_acts(self, sha256: str, acts: Mapping[int, Act]) -> None:
        """Add them to the audit trail, by the lines that they come from."""
        ...

    async def put_entries(self, sha256: str, number: int, entries: Sequence[Entry], *, late: bool) -> None:
        """Append them as of this season. late: they came after its seal. Raises CopyRefused."""
        ...

    async def put_totals(self, number: int, totals: Mapping[str, Total], hidden: Set[str]) -> None:
        """Standings of a season. hidden: who was banned when it was sealed."""
        ...

    async def note(self, sha256: str, lines: int) -> None:
        """So many lines are kept for sure."""
        ...

    async def activate(
        self,
        sha256: str,
        seasons: Sequence[Season],
        bans: Sequence[Ban],
        revocations: Sequence[Revocation],
        act: Act,
    ) -> bool:
        """In one transaction: these are the seasons, so every server shows them; whether it was this call.

        Raises CopyRefused when somebody has acted meanwhile.
        """
        ...
