"""Reading a JWK set (RFC 7517): which of its keys can be trusted, and what is wrong with the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import jwt
import msgspec

from ..rules.jwk import UnfitKey, algorithm_of, is_private, kid_of, may_sign, public_part
from ..rules.signing import is_strong
from .keys import Key

SIZE_LIMIT = 64 * 1024
_MIN_RSA_BITS = 2048
# All that reading numbers of any text as a key has been seen to raise. Their words may quote the key.
_UNREADABLE = (jwt.PyJWTError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class KeySet(NamedTuple):
    """What came of a set. problems: a sentence for each key that ought to be usable and isn't."""

    keys: tuple[Key, ...]
    problems: tuple[str, ...]


class NotAKeySet(ValueError):  # noqa: N818 -- it reads as what is the case
    """These bytes are no JWK set; says why, and nothing of what is in them."""


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object of a set. Raises NotAKeySet."""
    if len(raw) > SIZE_LIMIT:
        raise NotAKeySet(f"is larger than {SIZE_LIMIT // 1024} KiB")
    try:
        document = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise NotAKeySet("is not a JSON object") from None
    return document


def read_keys(
    document: Mapping[str, object], algorithms: Collection[str], *, published: bool = False
) -> KeySet:
    """The keys for these algorithms, in the set's order; what is for another purpose is passed over.

    published: a key whose private part is in the set is then known to everybody, and so a problem.
    Raises NotAKeySet.
    """
    jwks = document.get("keys")
    if not isinstance(jwks, list) or not all(isinstance(jwk, dict) for jwk in jwks):
        raise NotAKeySet('has no list of "keys"')
    keys: list[Key] = []
    problems: list[str] = []
    for place, jwk in enumerate(jwks, 1):
        try:
            key = _read(jwk, algorithms, published=published)
        except UnfitKey as unfit:
            problems.append(f"{_name(jwk, place)} {unfit}")
        else:
            keys += [key] if key is not None else []
    return _without_ambiguous(keys, problems)


def _read(jwk: dict[str, Any], algorithms: Collection[str], *, published: bool) -> Key | None:
    algorithm = algorithm_of(jwk)
    if algorithm is None or algorithm not in algorithms:
        return None
    kid = kid_of(jwk)
    if published and is_private(jwk):
        raise UnfitKey("is published with its private part")
    if kid is None and algorithm == "HS256":  # tokens without an id are for the configured secret
        raise UnfitKey("has no kid, which a symmetric key needs")
    verifying = _material(public_part(jwk), algorithm)
    return Key(kid, algorithm, verifying, _material(jwk, algorithm) if may_sign(jwk) else None)


def _material(jwk: dict[str, Any], algorithm: str) -> jwt.PyJWK:
    try:
        material = jwt.PyJWK(jwk, algorithm)
        material.Algorithm.prepare_key(material.key)
    except _UNREADABLE:
        raise UnfitKey(f"is not a valid key for {algorithm}") from None
    if algorithm == "RS256" and material.key.key_size < _MIN_RSA_BITS:
        raise UnfitKey(f"is shorter than {_MIN_RSA_BITS} bits")
    if algorithm == "HS256" and not is_strong(material.key):
        raise UnfitKey("is shorter than 32 bytes")
    return material


def _without_ambiguous(keys: list[Key], problems: list[str]) -> KeySet:
    counts = Counter(key.kid for key in keys)
    twice: list[str | None] = [kid for kid, count in counts.items() if kid is not None and count > 1]
    problems += [f"the kid {_shown(kid)} stands there {counts[kid]} times" for kid in twice]
    if None in counts and len(keys) > 1:
        problems.append("a key without a kid is not the only key")
        twice.append(None)
    return KeySet(tuple(key for key in keys if key.kid not in twice), tuple(problems))


def _name(jwk: Mapping[str, object], place: int) -> str:
    kid = jwk.get("kid")
    return f"the key {_shown(kid)}" if isinstance(kid, str) and kid else f"key number {place}"


def _shown(kid: str | None) -> str:
    return ascii(kid)[:40]
