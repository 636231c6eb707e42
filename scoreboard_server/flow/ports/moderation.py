"""What admins have decided about users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ...rules.acts import Act
from ...rules.bans import Ban
from ...rules.entry import Correction
from ...rules.revocations import Revocation


class ToCorrect(Struct, frozen=True):
    """An action of which not all of its points count, or not none: as it should be.

    points: what is missing.
    """

    action: str
    points: int


class Moderation(Protocol):
    """What admins have decided, each time with who, when and why in the audit trail.

    Every method raises StoreUnavailable.
    """

    async def ban_of(self, user: str) -> Ban | None:
        """The user's newest ban, lifted or not."""
        ...

    async def bans(self) -> list[Ban]:
        """All that no admin has lifted."""
        ...

    async def put_ban(self, ban: Ban, act: Act) -> None:
        """Keep this as the user's newest ban."""
        ...

    async def revocations_of(self, token_id: str, user: str) -> list[Revocation]:
        """Those of the token with this `jti`, and of all that the user had until some instant."""
        ...

    async def revoke(self, revocation: Revocation, act: Act) -> None:
        """Have these tokens refused."""
        ...

    async def adjust(self, adjustment: Correction, season: int, act: Act, writer: str) -> bool:
        """Append it to the ledger as of this season, sealed or not, if it isn't there; whether it wasn't."""
        ...

    async def season_of(self, user: str, action: str) -> int | None:
        """The number of the season that an entry is of, None when there is none."""
        ...

    async def to_take_back(self, ban: Ban, limit: int) -> list[ToCorrect]:
        """Actions since `ban.taken_back_from` of which some points count, of any season."""
        ...

    async def to_give_back(self, ban: Ban, limit: int) -> list[ToCorrect]:
        """Actions of which some points were taken back, of any season."""
        ...

    async def count_named(self, user: str, prefix: str) -> int:
        """How many entries of the user's have an action id that begins like this."""
        ...

    async def correct(self, ban: Ban, corrections: Sequence[Correction], writer: str) -> bool:
        """Append them if this ban, lifted or not as it is here, is still the user's newest; whether it was.

        In one transaction; left out are those that are there already. Each is of the season of its action;
        where that is sealed, it changes the board as corrected, never the one that was announced.
        """
        ...
