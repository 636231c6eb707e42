"""What a token must say to be believed, once its signature has been verified (RFC 7519, RFC 8725)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec import Struct

from .identifiers import is_user_id
from .profiles import Profile, clean_profile
from .refusals import Unauthenticated

WRITE = "score:write"
WRITE_ANY = "score:write:any"
READ = "board:read"
SCOPES = (WRITE, WRITE_ANY, READ)

# Issuers on other machines have other clocks.
CLOCK_SKEW_S = 60


class Identity(Struct, frozen=True):
    """Who a verified token speaks for. `issued_at` and `expires_at` are in seconds since the Unix epoch.

    vouched_by: the key that verified it; only who has the keys can tell what that is worth.
    """

    user: str
    token_id: str
    expires_at: float
    scopes: frozenset[str]
    profile: Profile
    issued_at: float = 0.0
    vouched_by: object = None

    @property
    def may_write(self) -> bool:
        """May claim actions of its own user."""
        return WRITE in self.scopes or WRITE_ANY in self.scopes

    @property
    def is_trusted(self) -> bool:
        """Is a game server that may claim actions for any user."""
        return WRITE_ANY in self.scopes


def check_claims(
    claims: Mapping[str, object], *, now: float, max_ttl: float, vouched_by: object = None
) -> Identity:
    """The identity in a verified token's claims.

    now: seconds since the Unix epoch. max_ttl: the longest lifetime (`exp - iat`) believed, in seconds.
    Raises Unauthenticated `token_expired` or `token_invalid`.
    """
    issued_at, expires_at = _time(claims, "iat"), _time(claims, "exp")
    if expires_at <= now:
        raise Unauthenticated("token_expired", "The token has expired.")
    if issued_at > now + CLOCK_SKEW_S or ("nbf" in claims and _time(claims, "nbf") > now + CLOCK_SKEW_S):
        raise _invalid("is not valid yet")
    if expires_at - issued_at > max_ttl:
        raise _invalid("lives longer than this server allows")
    return Identity(
        user=_user(claims),
        token_id=_token_id(claims),
        expires_at=expires_at,
        scopes=_scopes(claims),
        profile=clean_profile(claims.get("name"), claims.get("picture")),
        issued_at=issued_at,
        vouched_by=vouched_by,
    )


def _invalid(why: str) -> Unauthenticated:
    return Unauthenticated("token_invalid", f"The token {why}.")


def _time(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid(f"has no usable `{name}` claim")
    try:
        seconds = float(value)
    except OverflowError:
        raise _invalid("lives longer than this server allows") from None
    if not math.isfinite(seconds):
        raise _invalid(f"has no usable `{name}` claim")
    return seconds


def _user(claims: Mapping[str, object]) -> str:
    user = claims.get("sub")
    if not isinstance(user, str) or not is_user_id(user):
        raise _invalid("has no usable `sub` claim")
    return user


def _token_id(claims: Mapping[str, object]) -> str:
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not 1 <= len(token_id) <= 128 or not _is_unicode(token_id):
        raise _invalid("has no usable `jti` claim")
    return token_id


def _is_unicode(text: str) -> bool:
    """False for half a surrogate pair, which JSON can spell and no store can hold (RFC 8259, section 8.2)."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _scopes(claims: Mapping[str, object]) -> frozenset[str]:
    scope = claims.get("scope", WRITE)
    if not isinstance(scope, str):
        raise _invalid("has no usable `scope` claim")
    return frozenset(scope.split())
