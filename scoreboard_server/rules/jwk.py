"""What a JSON Web Key is good for (RFC 7517), by what it says of itself and not by its numbers."""

from __future__ import annotations

from collections.abc import Mapping

ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")

# One algorithm per type of key: one that two algorithms take can be played off against itself (RFC 8725).
_ALGORITHM_OF = {
    ("oct", None): "HS256",
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
# What a public key must not have (RFC 7518, section 6; RFC 8037, section 2).
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})
_LONGEST_KID = 128


class UnfitKey(ValueError):  # noqa: N818 -- it reads as what is the case
    """A key that would verify tokens, but must not be trusted to; says why, and nothing of the key itself."""


def algorithm_of(jwk: Mapping[str, object]) -> str | None:
    """The one algorithm that the key is for; None when verifying tokens here is none of its business.

    Raises UnfitKey when it contradicts itself.
    """
    kty, crv, alg = jwk.get("kty"), jwk.get("crv"), jwk.get("alg")
    if not isinstance(kty, str) or not isinstance(crv, str | None) or not isinstance(alg, str | None):
        raise UnfitKey("has a type, a curve or an algorithm that is no text")
    algorithm = _ALGORITHM_OF.get((kty, crv if kty in ("EC", "OKP") else None))
    if alg in ALGORITHMS and alg != algorithm:
        raise UnfitKey(f"says it is for {alg}, which its type is not")
    if algorithm is None or alg not in (None, algorithm) or not _may_verify(jwk):
        return None
    return algorithm


def may_sign(jwk: Mapping[str, object]) -> bool:
    """Whether it has a private part and nothing against signing with it."""
    ops = _ops(jwk)
    return is_private(jwk) and (ops is None or "sign" in ops)


def is_private(jwk: Mapping[str, object]) -> bool:
    """Whether it holds what only its owner may know."""
    return jwk.get("kty") == "oct" or not _PRIVATE_MEMBERS.isdisjoint(jwk)


def public_part(jwk: Mapping[str, object]) -> dict[str, object]:
    """The key without what only its owner may know; a symmetric key is all of that, and stays whole."""
    return {name: value for name, value in jwk.items() if name not in _PRIVATE_MEMBERS}


def kid_of(jwk: Mapping[str, object]) -> str | None:
    """The key's id, None without one. Raises UnfitKey."""
    kid = jwk.get("kid")
    if kid is None:
        return None
    if not isinstance(kid, str) or not 1 <= len(kid) <= _LONGEST_KID:
        raise UnfitKey(f"has a kid that is no text of 1 to {_LONGEST_KID} characters")
    return kid


def _may_verify(jwk: Mapping[str, object]) -> bool:
    """A key that signs is also verified with: who has its private part has the public one."""
    if jwk.get("use") not in (None, "sig"):
        return False
    ops = _ops(jwk)
    return ops is None or "verify" in ops or may_sign(jwk)


def _ops(jwk: Mapping[str, object]) -> list[object] | None:
    ops = jwk.get("key_ops")
    if ops is not None and not isinstance(ops, list):
        raise UnfitKey("has key_ops that are no list")
    return ops
