"""Who asks, by an `Authorization` header (RFC 6750), and how often they may."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from ..flow.tokens import TokenVerifier
from ..flow.turnstile import Turnstile
from ..rules.claims import Identity
from ..rules.rate_limit import Allowance
from ..rules.refusals import Unauthenticated, Unavailable


class Limits(NamedTuple):
    """What a policy leaves to who asks."""

    policy: str
    allowance: Allowance

    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-10."""
        policy, allowance = self
        return {
            "RateLimit-Policy": f'"{policy}";q={allowance.limit};w=60',
            "RateLimit": f'"{policy}";r={allowance.remaining};t={ceil(allowance.reset)}',
        }


async def identify(verifier: TokenVerifier, authorization: str | None) -> Identity:
    """Who the bearer token speaks for; waits only for a key that has to be fetched.

    authorization: the header, None without one. Raises Unauthenticated, and Unavailable when no keys could be
    fetched.
    """
    if authorization is None:
        raise Unauthenticated("token_missing", "This needs an `Authorization: Bearer` header.")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("token_invalid", "The `Authorization` header holds no bearer token.")
    return await verifier.identify(token.strip())


async def let_in(
    verifier: TokenVerifier, turnstile: Turnstile, authorization: str | None, address: str
) -> tuple[Identity, Limits | None]:
    """As `identify`, for what nobody may do too often; what that leaves, None without limits.

    address: where it comes from. Raises what `identify` raises, and RateLimited.
    """
    try:
        identity = await identify(verifier, authorization)
    except (Unauthenticated, Unavailable):
        turnstile.pass_stranger(address)
        raise
    left = turnstile.pass_user(identity, address)
    return identity, None if left is None else Limits(*left)
