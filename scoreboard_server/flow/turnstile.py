"""The turnstile: how often anybody may knock, whatever for. Refuses at once; it is about floods, not scores.

In this process alone, and forgotten at its end: the caps of action types are what scores rely on.
"""

from __future__ import annotations

from collections.abc import Callable

from ..rules.claims import Identity
from ..rules.client_address import rate_key
from ..rules.rate_limit import Allowance, RateLimit
from ..rules.refusals import TooMany


class RateLimited(TooMany):
    """Too many requests. allowance: what the key may do, and when again."""

    def __init__(self, policy: str, allowance: Allowance) -> None:
        super().__init__("rate_limited", "Too many requests; slow down.", allowance.wait)
        self.policy = policy
        self.allowance = allowance


class Turnstile:
    """Lets requests through at the rates of users and addresses.

    per_user, per_address: None for no limit. clock: seconds, never going back. refused: told of users who
    were.
    """

    def __init__(
        self,
        per_user: RateLimit | None,
        per_address: RateLimit | None,
        clock: Callable[[], float],
        refused: Callable[[str], None] = lambda user: None,
    ) -> None:
        self._per_user = per_user
        self._per_address = per_address
        self._clock = clock
        self._refused = refused

    def pass_stranger(self, address: str) -> None:
        """Somebody without a good token. Raises RateLimited."""
        if self._per_address is not None:
            self._take("address", self._per_address, rate_key(address))

    def pass_user(self, identity: Identity, address: str) -> tuple[str, Allowance] | None:
        """Somebody known; the tighter policy's name and what it leaves, None without limits.

        Whoever is refused as a user takes nothing from others at the same address. Trusted servers speak for
        many users from one address, and are not limited. Raises RateLimited.
        """
        if identity.is_trusted:
            return None
        left = [self._pass_as_user(identity.user), self._pass_as_address(address, identity.user)]
        return min((each for each in left if each is not None), key=_room, default=None)

    def _pass_as_user(self, user: str) -> tuple[str, Allowance] | None:
        if self._per_user is None:
            return None
        try:
            return "user", self._take("user", self._per_user, user)
        except RateLimited:
            self._refused(user)
            raise

    def _pass_as_address(self, address: str, user: str) -> tuple[str, Allowance] | None:
        if self._per_address is None:
            return None
        try:
            return "address", self._take("address", self._per_address, rate_key(address))
        except RateLimited:
            if self._per_user is not None:
                self._per_user.give_back(user, self._clock())
            raise

    def _take(self, policy: str, limit: RateLimit, key: str) -> Allowance:
        allowance = limit.take(key, self._clock())
        if allowance.wait:
            raise RateLimited(policy, allowance)
        return allowance


def _room(left: tuple[str, Allowance]) -> int:
    return left[1].remaining
