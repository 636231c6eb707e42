"""The gate: may this identity have this action counted, and for how much? Pure decisions, no I/O."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from msgspec import Struct

from ..rules.action_types import ActionType, Catalogue, Proof
from ..rules.bans import BanList
from ..rules.claims import Identity
from ..rules.entry import Submission
from ..rules.identifiers import is_action_id, is_user_id
from ..rules.refusals import Forbidden, Unacceptable
from ..rules.tallies import Taken, Tallies
from ..rules.tickets import NONCE_BYTES, Ticket, TicketOffice
from .loading import Loaded
from .ports import Decided, EntryAppended


class Claim(Struct, frozen=True, gc=False):
    """Who wants to have what counted. The identity may claim it, if the type's proof and caps allow."""

    submission: Submission
    is_trusted: bool


class Admitted(Struct, frozen=True, gc=False):
    """A submission that may be counted, what it is worth, and what it has taken from the type's caps."""

    submission: Submission
    points: int
    taken: Taken | None = None


class Gate:
    """Every check between a claim and the ledger. Fits `flow.following.Watched`.

    now_us: µs since the Unix epoch.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        tickets: TicketOffice,
        *,
        bans: BanList,
        tallies: Tallies,
        now_us: Callable[[], int],
    ) -> None:
        self._catalogue = catalogue
        self._tickets = tickets
        self._bans = bans
        self._tallies = tallies
        self._now_us = now_us

    def check_welcome(self, user: str) -> None:
        """Raises Banned."""
        self._bans.check(user, self._now_us())

    def claim(self, identity: Identity, action: str, action_type: str, user: str | None = None) -> Claim:
        """Whether the identity may claim actions at all, and for this user.

        user: whom it is for when a trusted server submits; None for the identity's own user.
        Raises Forbidden `scope_missing` or `banned`, Unacceptable `invalid_request`.
        """
        beneficiary = self._beneficiary(identity, user)
        if not is_action_id(action):
            raise Unacceptable("invalid_request", "`actionId` must be 1-64 characters of A-Za-z0-9_.:~-")
        return Claim(Submission(beneficiary, action, action_type), identity.is_trusted)

    def _beneficiary(self, identity: Identity, user: str | None) -> str:
        if not identity.may_write:
            raise Forbidden("scope_missing", "This token may not submit actions.")
        self.check_welcome(identity.user)
        if user is None:
            return identity.user
        self.check_welcome(beneficiary := _for_another(identity, user))
        return beneficiary

    def admit(self, claim: Claim) -> Admitted:
        """The submission, if the proof that its type takes is given and no cap is in the way.

        What it takes from the caps is to be settled when it is known whether it was counted. Raises
        UnknownActionType, Forbidden `scope_missing`, Unacceptable `ticket_invalid`, TicketExpired, TooMany
        `too_soon` or CapReached. An action that was counted before may be among those that are refused.
        """
        submission, now = claim.submission, self._now_us()
        kind = self._catalogue.find(submission.type)
        if not claim.is_trusted:  # whose word is proof enough, and who has rules of its own
            self._check_proof(kind, submission, now)
        taken = self._tallies.take(submission.user, kind, now, checked=not claim.is_trusted)
        return Admitted(submission, kind.points, taken)

    def _check_proof(self, kind: ActionType, submission: Submission, now: int) -> None:
        match kind.proof:
            case Proof.TRUSTED:
                raise _for_trusted_only()
            case Proof.TICKET:
                self._tickets.check(submission.action, submission.user, kind.name, now=now // 1000)

    def settle(self, admitted: Admitted, *, counted: bool) -> None:
        """It is known whether this claim has added an action; if not, the caps are given theirs back."""
        if admitted.taken is not None:
            self._tallies.settle(admitted.taken, counted=counted)

    # --- what the feed brings ---------------------------------------------------------------------

    def appended(self, entry: EntryAppended) -> None:
        """Another process has counted one: its caps are this one's, too."""
        kind = self._catalogue.get(entry.type)
        if kind is not None:
            self._tallies.counted(entry.user, kind, entry.at, self._now_us())

    def changed(self, change: Decided) -> None:
        """Nothing: the lists are kept by `Moderating`, the seasons by `SeasonBook`."""

    def reloaded(self, loaded: Loaded) -> None:
        """Entries of others may have been missed; today's counts were read again."""
        self._tallies.replace(loaded.counts, self._now_us())

    # --- tickets ----------------------------------------------------------------------------------

    def ticket(self, identity: Identity, action_type: str) -> Ticket:
        """Leave for the identity to claim one action of that type, once its least time is over.

        Raises Forbidden `scope_missing` or `banned`, UnknownActionType, Unacceptable `ticket_not_needed`.
        """
        user = self._beneficiary(identity, None)
        kind = self._catalogue.find(action_type)
        if kind.proof is Proof.TRUSTED:
            raise _for_trusted_only()
        if kind.proof is not Proof.TICKET:
            raise Unacceptable("ticket_not_needed", "Actions of this type are claimed without a ticket.")
        now = self._now_us() // 1000
        return self._tickets.give(
            user,
            kind.name,
            not_before=now + round(kind.min_seconds * 1000),
            not_after=now + round(kind.ticket_ttl * 1000),
            nonce=secrets.token_bytes(NONCE_BYTES),
        )


def _for_another(identity: Identity, user: str) -> str:
    if not identity.is_trusted:
        raise Forbidden("scope_missing", "Only a trusted server may name a `userId`.")
    if not is_user_id(user):
        raise Unacceptable("invalid_request", "`userId` must be 1-64 characters of A-Za-z0-9_.:@-")
    return user


def _for_trusted_only() -> Forbidden:
    return Forbidden("scope_missing", "Only a trusted server may claim this action type.")
