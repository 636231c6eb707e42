"""What each type of action is worth and what proof it takes. Points never come from a client."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from .refusals import Unacceptable


class Proof(StrEnum):
    """What, beside a valid token, shows that an action was done."""

    NONE = "none"
    TICKET = "ticket"
    TRUSTED = "trusted"


class Asked(StrEnum):
    """When actions of a type take a captcha, if there is one."""

    NEVER = "never"
    SUSPICIOUS = "suspicious"
    ALWAYS = "always"


class ActionType(Struct, frozen=True):
    """One type of action. `points` is added to the score of who did it.

    per_minute, per_day (of UTC): how often it counts for one user, 0 for no cap. min_seconds: the least time
    it takes, so between two of one user, and from a ticket to its claim. ticket_ttl: seconds a ticket is good
    for.
    """

    name: str
    points: int
    proof: Proof = Proof.NONE
    per_minute: int = 0
    per_day: int = 0
    min_seconds: float = 0.0
    ticket_ttl: float = 600.0
    captcha: Asked = Asked.SUSPICIOUS

    @property
    def is_capped(self) -> bool:
        """Whether it matters what a user had counted before."""
        return bool(self.per_minute or self.per_day or self.min_seconds)


class Catalogue:
    """All action types on offer, by name. It can be exchanged as a whole while it is in use."""

    def __init__(self, types: Iterable[ActionType]) -> None:
        self._types = {each.name: each for each in types}

    def replace(self, types: Iterable[ActionType]) -> None:
        """Offer these from now on."""
        self._types = {each.name: each for each in types}

    def get(self, name: str) -> ActionType | None:
        """The type of that name, None when it isn't on offer (any more)."""
        return self._types.get(name)

    def is_capped(self, name: str) -> bool:
        """Whether there is a type of that name for which it matters what a user had counted before."""
        found = self._types.get(name)
        return found is not None and found.is_capped

    def find(self, name: str) -> ActionType:
        """The type of that name.

        Raises UnknownActionType.
        """
        found = self._types.get(name)
        if found is None:
            raise UnknownActionType
        return found


class UnknownActionType(Unacceptable):
    """It is not on offer. What was counted of it while it was stays counted."""

    def __init__(self) -> None:
        super().__init__("unknown_action_type", "There is no action type of that name.")
