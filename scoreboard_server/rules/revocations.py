"""Revocations: tokens that are refused although nothing is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from .claims import Identity
from .refusals import Unauthenticated


class Revocation(Struct, frozen=True):
    """Tokens to refuse. Times in seconds since the Unix epoch.

    token_id: the one of this `jti`; or user: all of this user that were issued until `at`. until: when the
    last token it can be about has expired anyway.
    """

    at: float
    until: float
    token_id: str | None = None
    user: str | None = None


class TokenRevoked(Unauthenticated):
    """It was good until somebody took it back."""

    def __init__(self) -> None:
        super().__init__("token_revoked", "The token was revoked.")


class RevocationList:
    """All revocations that still matter."""

    def __init__(self, revocations: Iterable[Revocation] = ()) -> None:
        self.replace(revocations)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._tokens) + len(self._users)

    def replace(self, revocations: Iterable[Revocation]) -> None:
        """These are all there are."""
        self._tokens: dict[str, float] = {}
        self._users: dict[str, Revocation] = {}
        for each in revocations:
            self.add(each)

    def add(self, revocation: Revocation) -> None:
        """One more; a later one of the same user covers an earlier one."""
        if revocation.token_id is not None:
            self._tokens[revocation.token_id] = revocation.until
        if revocation.user is not None:
            known = self._users.get(revocation.user)
            if known is None or known.at < revocation.at:
                self._users[revocation.user] = revocation

    def covers(self, identity: Identity) -> bool:
        """Whether the token that this identity comes from is revoked.

        Tokens tell when they were issued in whole seconds, so those of the very second of a revocation are
        refused with those before it.
        """
        if identity.token_id in self._tokens:
            return True
        of_user = self._users.get(identity.user)
        return of_user is not None and identity.issued_at <= of_user.at

    def check(self, identity: Identity) -> None:
        """Raises TokenRevoked."""
        if self.covers(identity):
            raise TokenRevoked

    def forget(self, now: float) -> None:
        """Drop what no token can be alive for any more. now: seconds since the Unix epoch."""
        self._tokens = {token: until for token, until in self._tokens.items() if until > now}
        self._users = {user: each for user, each in self._users.items() if each.until > now}
