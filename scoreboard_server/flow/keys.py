"""The keys that tokens are signed and verified with: each of one algorithm, found by its id."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

import jwt

from ..rules.signing import MIN_SECRET_BYTES, is_strong

_KID_LABEL = b"scoreboard: the id of this secret"


class WeakSecretError(ValueError):
    """The secret is shorter than the hash it feeds (RFC 7518, section 3.2), or is a key file."""


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key. kid: None for the one key of a set without ids. signing: None where we can only verify."""

    kid: str | None
    algorithm: str
    verifying: jwt.PyJWK = field(repr=False)
    signing: jwt.PyJWK | None = field(default=None, repr=False)

    def is_same(self, other: Key | None) -> bool:
        """Whether a token that one of the two verifies is verified by the other."""
        if self is other:  # asked at each update
            return True
        return (
            other is not None
            and (self.kid, self.algorithm) == (other.kid, other.algorithm)
            and bool(self.verifying.key == other.verifying.key)
        )


def secret_key(secret: bytes) -> Key:
    """The HS256 key that a configured secret is; its id tells nothing about it. Raises WeakSecretError."""
    if not is_strong(secret):
        raise WeakSecretError(f"The signing secret is shorter than {MIN_SECRET_BYTES} bytes.")
    encoded = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    material = jwt.PyJWK({"kty": "oct", "k": encoded}, "HS256")
    try:
        material.Algorithm.prepare_key(material.key)
    except jwt.InvalidKeyError:  # as it would with every token, for it suspects a public key
        raise WeakSecretError("The signing secret looks like a key file or a certificate.") from None
    kid = hmac.new(secret, _KID_LABEL, hashlib.sha256).hexdigest()[:16]
    return Key(kid, "HS256", material, material)


class KeyRing:
    """The keys that are trusted now. Tokens with an id are for the key of that id and no other.

    when_lost: called whenever a key is no longer trusted, so that what it verified is forgotten.
    """

    def __init__(
        self,
        algorithms: Collection[str] = ("HS256",),
        *,
        secret: bytes | None = None,
        keys: Iterable[Key] = (),
    ) -> None:
        """algorithms: those accepted; keys of others are left out. Raises WeakSecretError."""
        self.algorithms = frozenset(algorithms)
        self.when_lost: list[Callable[[], None]] = []
        self._secret = None if secret is None else secret_key(secret)
        self._arrange(keys)

    def replace(self, keys: Iterable[Key]) -> None:
        """Trust these from now on, and the secret as before."""
        before = [*self._named.values(), *self._nameless.values()]
        self._arrange(keys)
        if not all(self.trusts(key) for key in before):
            for tell in self.when_lost:
                tell()

    def trusts(self, key: Key) -> bool:
        """Whether what this key has verified would be verified now."""
        return key.is_same(self.find(key.kid, key.algorithm))

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The only key that may verify a token with this header; without an id in it that is the secret,
        or the one key that has none either.
        """
        return self._nameless.get(algorithm) if kid is None else self._named.get(kid)

    @property
    def signer(self) -> Key | None:
        """The key for new tokens: the first that can sign, the secret only if no other can."""
        return self._signer

    def _arrange(self, keys: Iterable[Key]) -> None:
        own = [] if self._secret is None else [self._secret]
        # The secret comes last: no key from elsewhere takes its place.
        mine = [key for key in (*keys, *own) if key.algorithm in self.algorithms]
        self._named = {key.kid: key for key in mine if key.kid is not None}
        self._nameless = {key.algorithm: key for key in mine if key.kid is None or key is self._secret}
        self._signer = next((key for key in mine if key.signing is not None), None)
