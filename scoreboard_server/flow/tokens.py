"""Tokens: issuing and verifying (JWT, RFC 7519; best practices of RFC 8725)."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence

import jwt

from ..rules.claims import WRITE, Identity, check_claims
from ..rules.refusals import Unauthenticated, UnknownKey
from ..rules.revocations import RevocationList
from .keys import Key, KeyRing
from .ports import PublishedKeys

TOKEN_LENGTH = 4096
_REQUIRED = ["iss", "aud", "sub", "jti", "iat", "exp"]


class NoSigningKeyError(ValueError):
    """The key can verify tokens, but not sign them."""


class TokenIssuer:
    """Signs tokens.

    key: one that can sign, else NoSigningKeyError. clock: seconds since the Unix epoch.
    """

    def __init__(self, key: Key | None, *, issuer: str, audience: str, clock: Callable[[], float]) -> None:
        if key is None or key.signing is None:
            raise NoSigningKeyError("There is no key that can sign tokens.")
        self._signing = key.signing
        self._headers = {} if key.kid is None else {"kid": key.kid}
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
        return jwt.encode(claims, self._signing, self._signing.algorithm_name, self._headers)


class TokenVerifier:
    """Tells who a token speaks for, and remembers: a signature is checked once per token, its expiry always.

    published: where keys that aren't in the ring may be found. max_ttl: seconds. clock: seconds since the
    Unix epoch. revocations: asked every time. remembered: how many verified tokens are kept.
    """

    def __init__(
        self,
        keys: KeyRing,
        *,
        issuer: str,
        audience: str,
        max_ttl: float,
        clock: Callable[[], float],
        revocations: RevocationList | None = None,
        published: PublishedKeys | None = None,
        remembered: int = 20_000,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._max_ttl = max_ttl
        self._clock = clock
        self._revocations = RevocationList() if revocations is None else revocations
        self._published = published
        self._remembered = remembered
        self._verified: OrderedDict[str, Identity] = OrderedDict()
        keys.when_lost.append(self._verified.clear)  # no memory outlives the key that it rests on

    async def identify(self, token: str) -> Identity:
        """As `verify`, but where keys are published looks there for one that isn't known.

        Raises Unauthenticated, and Unavailable `keys_unavailable` when the keys could never be fetched.
        """
        try:
            return self.verify(token)
        except UnknownKey:
            if self._published is None:
                raise
        await self._published.look_again()
        return self.verify(token)

    def verify(self, token: str) -> Identity:
        """The identity a token speaks for.

        Raises Unauthenticated `token_expired`, `token_invalid` or `token_revoked`; UnknownKey is one of
        `token_invalid`.
        """
        known = self._verified.get(token)
        if known is None:
            known = self._remember(token, self._check(token))
        elif known.expires_at <= self._clock():
            del self._verified[token]
            raise Unauthenticated("token_expired", "The token has expired.")
        self._revocations.check(known)
        return known

    def _remember(self, token: str, identity: Identity) -> Identity:
        if len(self._verified) >= self._remembered:
            self._verified.popitem(last=False)
        self._verified[token] = identity
        return identity

    def _check(self, token: str) -> Identity:
        key, claims = self._read(token)
        return check_claims(claims, now=self._clock(), max_ttl=self._max_ttl, vouched_by=key)

    def check_still_good(self, identity: Identity) -> None:
        """Refuse what was verified a moment ago and would be refused now. Raises as `verify`.

        It may have expired meanwhile: it came in time.
        """
        if not self.still_vouched(identity):
            raise UnknownKey
        self._revocations.check(identity)

    def still_vouched(self, identity: Identity) -> bool:
        """Whether the key that verified its token is trusted now."""
        key = identity.vouched_by
        return isinstance(key, Key) and self._keys.trusts(key)

    def claims(self, token: str) -> dict[str, object]:
        """The claims of a token whose signature, type, issuer and audience are right; times are unchecked.

        Raises Unauthenticated `token_invalid`.
        """
        return self._read(token)[1]

    def _read(self, token: str) -> tuple[Key, dict[str, object]]:
        if len(token) > TOKEN_LENGTH:
            raise Unauthenticated("token_invalid", "The token is too long.")
        try:
            key = self._key_for(token)
            decoded = jwt.decode(
                token,
                key.verifying,
                algorithms=[key.algorithm],
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
        claims: dict[str, object] = decoded
        return key, claims

    def _key_for(self, token: str) -> Key:
        """The key that has to match. Where the header says a key is to be found (`jku`, `x5u`, `jwk`) or how
        it wants to be understood (`crit`) is never followed: it is the word of who has yet to be believed.
        """
        if "=" in token:  # which PyJWT takes, and RFC 7515 doesn't: a token has one spelling
            raise jwt.DecodeError
        header = jwt.get_unverified_header(token)
        if header.get("typ") != "JWT":
            raise Unauthenticated("token_invalid", "The token is not of type JWT.")
        if "crit" in header:
            raise Unauthenticated("token_invalid", "The token demands an extension that is not understood.")
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._keys.algorithms:
            raise jwt.InvalidAlgorithmError
        key = self._keys.find(header.get("kid"), algorithm)
        if key is None:
            raise UnknownKey
        return key


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
