"""Keys for tests, as JWKs with their private part; the same name is the same key."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from scoreboard_server.flow.jwks import read_keys
from scoreboard_server.flow.keys import Key
from scoreboard_server.rules.jwk import ALGORITHMS

Jwk = dict[str, Any]


@cache
def _rsa(name: str, bits: int) -> str:
    assert name
    return RSAAlgorithm.to_jwk(rsa.generate_private_key(65_537, bits))


@cache
def _ec(name: str, curve: type[ec.EllipticCurve]) -> str:
    assert name
    return ECAlgorithm.to_jwk(ec.generate_private_key(curve()))


def rsa_jwk(kid: str = "rsa-1", *, bits: int = 2048, **more: object) -> Jwk:
    """An RSA key."""
    made: Jwk = json.loads(_rsa(kid, bits))
    del made["key_ops"]
    return made | {"kid": kid} | more


def ec_jwk(kid: str = "ec-1", *, curve: type[ec.EllipticCurve] = ec.SECP256R1, **more: object) -> Jwk:
    """A key on a curve, P-256 if not told otherwise."""
    made: Jwk = json.loads(_ec(kid, curve))
    return made | {"kid": kid} | more


def ed_jwk(kid: str = "ed-1", **more: object) -> Jwk:
    """An Ed25519 key."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(kid.encode()).digest())
    made: Jwk = json.loads(OKPAlgorithm.to_jwk(key))
    return made | {"kid": kid} | more


def oct_jwk(kid: str = "oct-1", *, size: int = 32, **more: object) -> Jwk:
    """A symmetric key."""
    secret = base64.urlsafe_b64encode(hashlib.shake_128(kid.encode()).digest(size)).rstrip(b"=").decode()
    return {"kty": "oct", "k": secret, "kid": kid} | more


ALL: dict[str, Callable[..., Jwk]] = {"HS256": oct_jwk, "RS256": rsa_jwk, "ES256": ec_jwk, "EdDSA": ed_jwk}
"""For each algorithm, what makes a key for it."""


def public(jwk: Jwk) -> Jwk:
    """What may be published of it."""
    return {name: value for name, value in jwk.items() if name not in {"d", "p", "q", "dp", "dq", "qi"}}


def without(jwk: Jwk, *names: str) -> Jwk:
    """It, less some members."""
    return {name: value for name, value in jwk.items() if name not in names}


def keys_of(*jwks: Jwk) -> tuple[Key, ...]:
    """The keys as a file would give them; none of them may be a problem."""
    keys, problems = read_keys({"keys": list(jwks)}, ALGORITHMS)
    assert problems == ()
    return keys


def write_jwks(path: Path, *jwks: Jwk) -> Path:
    """A file with this set."""
    path.write_text(json.dumps({"keys": jwks}))
    return path
