"""What a JSON Web Key says it is good for."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.rules.jwk import ALGORITHMS, UnfitKey, algorithm_of, kid_of, may_sign, public_part

RSA = {"kty": "RSA", "n": "…", "e": "AQAB"}
EC = {"kty": "EC", "crv": "P-256", "x": "…", "y": "…"}
ED = {"kty": "OKP", "crv": "Ed25519", "x": "…"}
OCT = {"kty": "oct", "k": "…"}


@pytest.mark.parametrize(("jwk", "algorithm"), [(OCT, "HS256"), (RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")])
def test_a_type_has_one_algorithm(jwk: dict[str, object], algorithm: str) -> None:
    """Told or not, and no other: each of the other three is a contradiction."""
    assert algorithm_of(jwk) == algorithm_of(jwk | {"alg": algorithm}) == algorithm
    for other in set(ALGORITHMS) - {algorithm}:
        with pytest.raises(UnfitKey, match=f"says it is for {other}"):
            algorithm_of(jwk | {"alg": other})


@pytest.mark.parametrize(
    "jwk",
    [
        RSA | {"alg": "PS256"},
        RSA | {"alg": "RSA-OAEP"},
        RSA | {"alg": "none"},
        OCT | {"alg": "HS512"},
        EC | {"crv": "P-384"},
        EC | {"crv": "secp256k1", "alg": "ES256K"},
        {"kty": "OKP", "crv": "Ed448"},
        {"kty": "OKP", "crv": "X25519"},
        {"kty": "rsa"},
        {"kty": "AKP"},
        RSA | {"use": "enc"},
        RSA | {"use": ["sig"]},
        RSA | {"key_ops": ["encrypt"]},
        RSA | {"key_ops": ["sign"]},  # without its private part, nothing that it says of itself
        RSA | {"key_ops": []},
        RSA | {"d": "…", "key_ops": ["decrypt"]},
    ],
)
def test_a_key_for_something_else_is_nobodys_business(jwk: dict[str, object]) -> None:
    """Other algorithms, curves, uses and operations are passed over, for a set may serve many."""
    assert algorithm_of(jwk) is None


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": None},
        {"kty": 7},
        {"kty": ["RSA"]},
        EC | {"crv": ["P-256"]},
        RSA | {"alg": 256},
        RSA | {"key_ops": "verify"},
        EC | {"crv": "P-384", "alg": "ES256"},
    ],
)
def test_a_key_that_makes_no_sense_is_unfit(jwk: dict[str, object]) -> None:
    """A contradiction is said, not guessed around."""
    with pytest.raises(UnfitKey):
        algorithm_of(jwk)


def test_a_private_key_signs_unless_it_says_otherwise() -> None:
    """A private part is needed, and `key_ops`, where told, with `sign` in it; what signs also verifies."""
    private = RSA | {"d": "…"}
    assert not may_sign(RSA)
    assert may_sign(OCT) and may_sign(private) and may_sign(private | {"key_ops": ["sign"]})
    assert not may_sign(private | {"key_ops": ["verify"]})
    assert algorithm_of(private | {"key_ops": ["sign"]}) == "RS256"
    assert algorithm_of(private | {"key_ops": ["verify"]}) == "RS256"


def test_the_public_part_is_all_but_the_private_members() -> None:
    """Nothing that only the owner may know stays."""
    private: dict[str, object] = {"d": "1", "p": "2", "q": "3", "dp": "4", "dq": "5", "qi": "6", "oth": []}
    assert public_part(RSA | private) == RSA


def test_an_id_is_a_short_text() -> None:
    """Absent is allowed, empty, long or no text is not; what it spells means nothing."""
    assert kid_of({}) is None
    assert kid_of({"kid": "../../etc/passwd"}) == "../../etc/passwd"
    unfit: list[object] = ["", "x" * 129, 7, ["a"], {}]
    for kid in unfit:
        with pytest.raises(UnfitKey, match="kid"):
            kid_of({"kid": kid})


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from([*ALGORITHMS, "RSA", "EC", "sig"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["kty", "crv", "alg", "use", "key_ops", "kid", "d"]), json_values))
def test_no_key_breaks_the_reading(jwk: dict[str, object]) -> None:
    """Whatever it says, the answer is an algorithm, none, or UnfitKey."""
    with contextlib.suppress(UnfitKey):
        assert algorithm_of(jwk) in (*ALGORITHMS, None)
