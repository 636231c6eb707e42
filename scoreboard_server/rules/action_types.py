"""What each type of action is worth and what proof it takes. Points never come from a client."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from .refusals import Forbidden, Unacceptable


class Proof(StrEnum):
    """What, beside a valid token, shows that an action was done."""

    NONE = "none"
    TICKET = "ticket"
    TRUSTED = "trusted"


class ActionType(Struct, frozen=True):
    """One type of action. `points` is added to the score of who did it."""

    name: str
    points: int
    proof: Proof = Proof.NONE


class Catalogue:
    """All action types on offer, by name."""

    def __init__(self, types: Mapping[str, ActionType]) -> None:
        self._types = dict(types)

    def find(self, name: str) -> ActionType:
        """The type of that name.

        Raises Unacceptable `unknown_action_type`.
        """
        found = self._types.get(name)
        if found is None:
            raise Unacceptable("unknown_action_type", "There is no action type of that name.")
        return found

    def claimable(self, name: str, *, trusted: bool) -> ActionType:
        """The type of that name, if its proof is given. `trusted`: a trusted server claims it.

        Raises Unacceptable `unknown_action_type` or `proof_not_offered`, Forbidden `scope_missing`.
        """
        action_type = self.find(name)
        if action_type.proof is Proof.TRUSTED and not trusted:
            raise Forbidden("scope_missing", "Only a trusted server may claim this action type.")
        if action_type.proof is Proof.TICKET:
            raise Unacceptable(
                "proof_not_offered", "This action type needs a ticket; tickets are not offered yet."
            )
        return action_type
