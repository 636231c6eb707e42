"""Reading a JWK set: what is taken, what is passed over, and what is refused in which words."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoreboard_server.flow.jwks import SIZE_LIMIT, KeySet, NotAKeySet, parse, read_keys
from scoreboard_server.rules.jwk import ALGORITHMS

from ..jwks import ALL, Jwk, ec_jwk, ed_jwk, oct_jwk, public, rsa_jwk, without


def read(*jwks: Jwk, algorithms: tuple[str, ...] = ALGORITHMS, published: bool = False) -> KeySet:
    """What comes of these keys."""
    return read_keys({"keys": list(jwks)}, algorithms, published=published)


@pytest.mark.parametrize("algorithm", ALL)
def test_what_its_private_part_signs_its_public_part_verifies(algorithm: str) -> None:
    """For each algorithm; the public half alone can't sign, and a symmetric key has none."""
    jwk = ALL[algorithm]()
    (key,), problems = read(jwk)
    assert (key.kid, key.algorithm, problems) == (jwk["kid"], algorithm, ())
    assert key.signing is not None
    token = jwt.encode({"sub": "ann"}, key.signing, algorithm)
    (public_key,) = read(public(jwk)).keys
    assert jwt.decode(token, public_key.verifying, [algorithm]) == {"sub": "ann"}
    assert (public_key.signing is None) == (algorithm != "HS256")
    assert jwk["k" if algorithm == "HS256" else "d"] not in repr(key)


def test_keys_for_others_are_passed_over() -> None:
    """In the set's order there remain those that we were asked for."""
    others = [
        rsa_jwk("enc", use="enc"),
        rsa_jwk("pss", alg="PS256"),
        ec_jwk("p384", curve=ec.SECP384R1),
        {"kty": "AKP", "kid": "quantum"},
    ]
    keys, problems = read(*others, ed_jwk(), rsa_jwk(), oct_jwk(), algorithms=("RS256", "EdDSA"))
    assert ([key.kid for key in keys], problems) == (["ed-1", "rsa-1"], ())


BAD = {
    "short RSA": (rsa_jwk(bits=1024), "the key 'rsa-1' is shorter than 2048 bits"),
    "short secret": (oct_jwk(size=31), "the key 'oct-1' is shorter than 32 bytes"),
    "no secret": (oct_jwk(k=""), "is not a valid key for HS256"),
    "secret that is no text": (oct_jwk(k=5), "is not a valid key for HS256"),
    "RSA for HS256": (rsa_jwk(alg="HS256"), "says it is for HS256, which its type is not"),
    "oct for RS256": (oct_jwk(alg="RS256"), "says it is for RS256, which its type is not"),
    "no modulus": (without(rsa_jwk(), "n"), "is not a valid key for RS256"),
    "no coordinate": (without(ec_jwk(), "y"), "is not a valid key for ES256"),
    "point off the curve": (ec_jwk(x=ec_jwk("ec-2")["x"]), "is not a valid key for ES256"),
    "half of another": (ed_jwk(d=ed_jwk("ed-2")["d"]), "is not a valid key for EdDSA"),
    "RSA half of another": (rsa_jwk(d=rsa_jwk("rsa-2")["d"]), "is not a valid key for RS256"),
    "numbers": (rsa_jwk(n=5), "is not a valid key for RS256"),
    "not base64": (ed_jwk(x="é"), "is not a valid key for EdDSA"),
    "no type": (without(rsa_jwk(), "kty"), "the key 'rsa-1' has a type"),
    "odd kid": (rsa_jwk() | {"kid": 5}, "key number 1 has a kid"),
    "long kid": (rsa_jwk() | {"kid": "x" * 200}, "has a kid that is no text of 1 to 128 characters"),
    "secret without an id": (without(oct_jwk(), "kid"), "has no kid, which a symmetric key needs"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_key_is_a_problem(case: str) -> None:
    """It is named, never quoted, and none of its neighbours suffers."""
    jwk, words = BAD[case]
    keys, (problem,) = read(jwk, ed_jwk("good"))
    assert [key.kid for key in keys] == ["good"]
    assert words in problem
    for member in ("n", "d", "k", "x"):
        assert len(str(jwk.get(member, ""))) < 8 or str(jwk[member]) not in problem


def test_an_id_that_is_there_twice_is_nobodys() -> None:
    """Neither of the two is taken, whatever their order or type."""
    keys, (problem,) = read(rsa_jwk("a"), ed_jwk("b"), ec_jwk("a"))
    assert [key.kid for key in keys] == ["b"]
    assert problem == "the kid 'a' stands there 2 times"


def test_only_a_single_key_may_be_without_an_id() -> None:
    """Beside keys for other purposes it is still the single one."""
    nameless = without(ec_jwk(), "kid")
    assert [key.kid for key in read(nameless, rsa_jwk(use="enc")).keys] == [None]
    keys, (problem,) = read(nameless, ed_jwk())
    assert [key.kid for key in keys] == ["ed-1"]
    assert problem == "a key without a kid is not the only key"
    assert read(nameless, without(ed_jwk(), "kid")).keys == ()


@pytest.mark.parametrize("algorithm", ALL)
def test_a_published_private_key_is_everybodys(algorithm: str) -> None:
    """So it is refused; a secret has no public part at all."""
    jwk = ALL[algorithm]()
    assert read(jwk, published=True) == ((), (f"the key '{jwk['kid']}' is published with its private part",))
    assert len(read(public(jwk), published=True).keys) == (algorithm != "HS256")


def test_control_characters_of_an_id_stay_out_of_the_words() -> None:
    """What a stranger calls a key is no line of a log and no colour of a terminal."""
    _, (problem,) = read(rsa_jwk("a\n\x1b[31m" + "x" * 90, alg="ES256"))
    assert problem.isprintable()
    assert len(problem) < 120


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is not a JSON object"),
        (b"[]", "is not a JSON object"),
        (b"<html>", "is not a JSON object"),
        (b'{"keys": "\xff"}', "is not a JSON object"),
        (b"[" * 60_000, "is not a JSON object"),
        (b'{"a":' * 10_000, "is not a JSON object"),
        (b" " * (SIZE_LIMIT + 1), "is larger than 64 KiB"),
        (b"{}", "has no list"),
        (b'{"keys": {}}', "has no list"),
        (b'{"keys": [1]}', "has no list"),
        (b'{"keys": null}', "has no list"),
    ],
)
def test_what_is_no_set_is_refused(raw: bytes, words: str) -> None:
    """Not JSON, not an object, nested without end, too large, or without keys: one sentence."""
    with pytest.raises(NotAKeySet, match=words):
        read_keys(parse(raw), ALGORITHMS)


def test_a_set_up_to_the_limit_is_read() -> None:
    """64 KiB are taken."""
    raw = json.dumps({"keys": [public(ed_jwk())]}).encode()
    assert read_keys(parse(raw + b" " * (SIZE_LIMIT - len(raw))), ALGORITHMS).problems == ()


members = st.sampled_from(["kty", "crv", "alg", "k", "n", "e", "d", "x", "y", "p", "q", "kid", "use", "oth"])
values: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50)
    | st.lists(st.text(max_size=3), max_size=2) | st.sampled_from(["AQAB", "AA", ""])
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from([make() for make in ALL.values()]), st.dictionaries(members, values, max_size=4))
def test_no_key_breaks_the_reading(jwk: Jwk, changes: Jwk) -> None:
    """Whatever is changed in a good key, it is a key, passed over, or a problem in words."""
    keys, problems = read(jwk | changes)
    assert len(keys) + len(problems) <= 1
