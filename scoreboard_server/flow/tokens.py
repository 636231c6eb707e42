"""Tokens: issuing and verifying (JWT, RFC 7519; best practices of RFC 8725)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import jwt

from ..rules.claims import WRITE, Identity, check_claims
from ..rules.refusals import Unauthenticated
from ..rules.signing import MIN_SECRET_BYTES, is_strong

ALGORITHM = "HS256"
TOKEN_LENGTH = 4096
_REQUIRED = ["iss", "aud", "sub", "jti", "iat", "exp"]


class WeakSecretError(ValueError):
    """The signing secret is shorter than the hash it feeds (RFC 7518, section 3.2)."""

    def __init__(self) -> None:
        super().__init__(f"The signing secret is shorter than {MIN_SECRET_BYTES} bytes.")


class TokenIssuer:
    """Signs tokens with HS256.

    secret: at least 32 bytes, else WeakSecretError. clock: seconds since the Unix epoch.
    """

    def __init__(self, secret: bytes, *, issuer: str, audience: str, clock: Callable[[], float]) -> None:
        if not is_strong(secret):
            raise WeakSecretError
        self._secret = secret
        self._issuer = issuer
        self._audience = audience
        self._clock = clock

    def issue(
        self,
        user: str,
        *,
        ttl: float,
        name: str | None = None,
        picture: str | None = None,
        scopes: Sequence[str] = (WRITE,),
    ) -> str:
        """A signed token for `user` that lives `ttl` seconds."""
        now = int(self._clock())
        claims: dict[str, object] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": user,
            "jti": secrets.token_hex(16),
            "iat": now,
            "exp": now + int(ttl),
            "scope": " ".join(scopes),
        }
        claims |= {k: v for k, v in (("name", name), ("picture", picture)) if v is not None}
        return jwt.encode(claims, self._secret, ALGORITHM)


class TokenVerifier:
    """Tells who a token speaks for, and remembers: a signature is checked once per token, its expiry always.

    secret: at least 32 bytes, else WeakSecretError. max_ttl: seconds. clock: seconds since the Unix epoch.
    remembered: how many verified tokens are kept.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        issuer: str,
        audience: str,
        max_ttl: float,
        clock: Callable[[], float],
        remembered: int = 20_000,
    ) -> None:
        if not is_strong(secret):
            raise WeakSecretError
        self._secret = secret
        self._issuer = issuer
        self._audience = audience
        self._max_ttl = max_ttl
        self._clock = clock
        self._remembered = remembered
        self._verified: dict[str, Identity] = {}

    def verify(self, token: str) -> Identity:
        """The identity a token speaks for.

        Raises Unauthenticated `token_expired` or `token_invalid`.
        """
        known = self._verified.get(token)
        if known is None:
            return self._remember(token, self._check(token))
        if known.expires_at <= self._clock():
            del self._verified[token]
            raise Unauthenticated("token_expired", "The token has expired.")
        return known

    def _remember(self, token: str, identity: Identity) -> Identity:
        if len(self._verified) >= self._remembered:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = identity
        return identity

    def _check(self, token: str) -> Identity:
        return check_claims(self.claims(token), now=self._clock(), max_ttl=self._max_ttl)

    def claims(self, token: str) -> dict[str, object]:
        """The claims of a token whose signature, type, issuer and audience are right; times are unchecked.

        Raises Unauthenticated `token_invalid`.
        """
        if len(token) > TOKEN_LENGTH:
            raise Unauthenticated("token_invalid", "The token is too long.")
        try:
            decoded = jwt.decode_complete(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                # Times are checked by our own rule, with our own clock and a cap on the lifetime.
                options={
                    "require": _REQUIRED,
                    "strict_aud": True,
                    "enforce_minimum_key_length": True,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.InvalidTokenError, RecursionError) as error:  # JSON in a header may be nested without end
            raise Unauthenticated("token_invalid", _explain(error)) from None
        if decoded["header"].get("typ") != "JWT":
            raise Unauthenticated("token_invalid", "The token is not of type JWT.")
        claims: dict[str, object] = decoded["payload"]
        return claims


def peek(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Header and claims of a token, whoever signed it: to look at, never to trust.

    Raises Unauthenticated `token_invalid`.
    """
    try:
        decoded = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, RecursionError):
        raise Unauthenticated("token_invalid", "This is not a token.") from None
    return decoded["header"], decoded["payload"]


def _explain(error: Exception) -> str:
    """A sentence that helps an honest client and tells a forger nothing new."""
    match error:
        case jwt.InvalidAudienceError():
            return "The token is for another audience."
        case jwt.InvalidIssuerError():
            return "The token is from another issuer."
        case jwt.MissingRequiredClaimError():
            return f"The token has no `{error.claim}` claim."
        case jwt.InvalidAlgorithmError():
            return "The token's algorithm is not accepted."
        case jwt.InvalidSignatureError():
            return "The token's signature does not match."
        case _:
            return "The token can't be read."
