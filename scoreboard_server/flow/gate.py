"""The gate: may this identity have this action counted, and for how much? Pure decisions, no I/O."""

from __future__ import annotations

from msgspec import Struct

from ..rules.action_types import Catalogue
from ..rules.claims import Identity
from ..rules.entry import Submission
from ..rules.identifiers import is_action_id, is_user_id
from ..rules.refusals import Forbidden, Unacceptable


class Admitted(Struct, frozen=True, gc=False):
    """A submission that may be counted, and what it is worth."""

    submission: Submission
    points: int


class Gate:
    """Every check between a claim and the ledger."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def admit(self, identity: Identity, action: str, action_type: str, user: str | None = None) -> Admitted:
        """The submission, if the identity may make it.

        user: whom it is for when a trusted server submits; None for the identity's own user.
        Raises Forbidden `scope_missing`, Unacceptable `invalid_request`, `unknown_action_type` or
        `proof_not_offered`.
        """
        if not identity.may_write:
            raise Forbidden("scope_missing", "This token may not submit actions.")
        beneficiary = identity.user if user is None else _for_another(identity, user)
        if not is_action_id(action):
            raise Unacceptable("invalid_request", "`actionId` must be 1-64 characters of A-Za-z0-9_.:~-")
        offered = self._catalogue.claimable(action_type, trusted=identity.is_trusted)
        return Admitted(Submission(beneficiary, action, offered.name), offered.points)


def _for_another(identity: Identity, user: str) -> str:
    if not identity.is_trusted:
        raise Forbidden("scope_missing", "Only a trusted server may name a `userId`.")
    if not is_user_id(user):
        raise Unacceptable("invalid_request", "`userId` must be 1-64 characters of A-Za-z0-9_.:@-")
    return user
