"""The ring of trusted keys: which key a header leads to, which one signs, and what a change makes forget."""

from __future__ import annotations

import pytest

from scoreboard_server.flow.keys import KeyRing, WeakSecretError, secret_key
from scoreboard_server.rules.jwk import ALGORITHMS

from ..jwks import ALL, ec_jwk, ed_jwk, keys_of, oct_jwk, public, rsa_jwk, without

SECRET = b"0123456789abcdef0123456789abcdef"


def test_a_weak_secret_is_refused() -> None:
    """Less than 32 bytes sign and verify nothing, and neither does a key file in the place of a secret."""
    with pytest.raises(WeakSecretError, match="32 bytes"):
        secret_key(b"x" * 31)
    for odd in (
        b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----",
        b'{"kty":"oct","k":"AAAAAAAAAAAA"}',
    ):
        with pytest.raises(WeakSecretError, match="looks like a key file") as refused:
            secret_key(odd)
        assert odd.decode() not in str(refused.value)


def test_the_id_of_a_secret_is_its_own_and_tells_nothing() -> None:
    """The same for the same secret, another one for another, and no part of it."""
    one, other = secret_key(SECRET), secret_key(SECRET + b"!")
    assert one.kid == secret_key(SECRET).kid != other.kid
    assert one.kid is not None and len(one.kid) == 16
    assert SECRET.decode() not in repr(one)


def test_a_header_leads_to_one_key() -> None:
    """With an id to the key of that id, without one to the secret; never to another."""
    rsa, ec = keys_of(public(rsa_jwk()), public(ec_jwk()))
    ring = KeyRing(ALGORITHMS, secret=SECRET, keys=(rsa, ec))
    secret = ring.find(None, "HS256")
    assert secret is not None and ring.find(secret.kid, "HS256") is secret
    assert ring.find("rsa-1", "RS256") is rsa
    assert ring.find("rsa-1", "HS256") is rsa  # whose algorithm the signature then has to be of
    assert ring.find(None, "RS256") is None
    for kid in ("", "rsa-2", "../rsa-1", "RSA-1", "rsa-1\0", "%72sa-1"):
        assert ring.find(kid, "RS256") is None


def test_the_one_key_without_an_id_is_for_tokens_without_one() -> None:
    """Beside the secret, for its own algorithm."""
    (key,) = keys_of(without(public(ed_jwk()), "kid"))
    ring = KeyRing(ALGORITHMS, secret=SECRET, keys=(key,))
    assert ring.find(None, "EdDSA") is key
    assert ring.find(None, "HS256") is not key
    assert ring.find("ed-1", "EdDSA") is None


def test_only_accepted_algorithms_have_keys() -> None:
    """A key of another one is not there, be it the secret."""
    ring = KeyRing(["RS256"], secret=SECRET, keys=keys_of(*(make() for make in ALL.values())))
    assert ring.find("rsa-1", "RS256") is not None
    assert ring.find(None, "HS256") is None
    assert [ring.find(f"{name}-1", "RS256") for name in ("ec", "ed", "oct")] == [None] * 3


def test_nothing_takes_the_place_of_the_secret() -> None:
    """A key that was given the secret's id is not found under it."""
    secret = secret_key(SECRET)
    ring = KeyRing(ALGORITHMS, secret=SECRET, keys=keys_of(public(rsa_jwk(secret.kid or ""))))
    found = ring.find(secret.kid, "RS256")
    assert found is not None and found.is_same(secret)


def test_the_first_key_that_can_sign_signs() -> None:
    """In the set's order; the secret when there is no other; nothing when none can."""
    rsa, ec, ed = keys_of(public(rsa_jwk()), ec_jwk(), ed_jwk())
    assert KeyRing(ALGORITHMS, secret=SECRET, keys=(rsa, ec, ed)).signer is ec
    assert KeyRing(["EdDSA"], secret=SECRET, keys=(rsa, ec, ed)).signer is ed
    assert KeyRing(["RS256"], secret=SECRET, keys=(rsa,)).signer is None
    signer = KeyRing(ALGORITHMS, secret=SECRET, keys=(rsa,)).signer
    assert signer is not None and signer.is_same(secret_key(SECRET))


def test_only_a_loss_is_a_loss() -> None:
    """The same keys read again and one more lose nothing; one gone or another under its id does."""
    ring = KeyRing(ALGORITHMS, secret=SECRET, keys=keys_of(rsa_jwk(), ed_jwk()))
    losses: list[str] = []
    ring.when_lost.append(lambda: losses.append("one"))
    ring.replace(keys_of(public(rsa_jwk()), ed_jwk(), oct_jwk()))
    assert len(losses) == 0
    ring.replace(keys_of(public(rsa_jwk()), ed_jwk()))
    assert len(losses) == 1
    ring.replace(keys_of(rsa_jwk("other") | {"kid": "rsa-1"}, ed_jwk()))
    assert len(losses) == 2
    ring.replace(keys_of(without(ed_jwk(), "kid")))
    assert len(losses) == 3
    ring.replace(())
    assert (len(losses), ring.find(None, "HS256") is not None) == (4, True)
