"""Tokens and their keys: each for its own algorithm under its own name, rotated, published, and attacked."""

from __future__ import annotations

import base64
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scoreboard_server.flow.keys import KeyRing, secret_key
from scoreboard_server.flow.tokens import TokenIssuer, TokenVerifier, peek
from scoreboard_server.rules.jwk import ALGORITHMS
from scoreboard_server.rules.refusals import Unauthenticated, UnknownKey

from ..jwks import ALL, Jwk, ec_jwk, ed_jwk, keys_of, oct_jwk, public, rsa_jwk
from .test_tokens import GOOD_CLAIMS, NOW, SECRET, Clock, forged, unsigned


@pytest.fixture
def clock() -> Clock:
    """Time that stands still."""
    return Clock()


@pytest.fixture
def ring() -> KeyRing:
    """The secret and a key for each algorithm."""
    return KeyRing(ALGORITHMS, secret=SECRET, keys=keys_of(*(make() for make in ALL.values())))


@pytest.fixture
def of_ring(ring: KeyRing, clock: Clock) -> TokenVerifier:
    """Verifies with these."""
    return TokenVerifier(ring, issuer="scoreboard", audience="scoreboard", max_ttl=86_400, clock=clock)


@pytest.mark.parametrize("algorithm", ALL)
def test_each_family_signs_and_verifies(of_ring: TokenVerifier, clock: Clock, algorithm: str) -> None:
    """The header says algorithm and key, and nothing more."""
    (key,) = keys_of(ALL[algorithm]())
    token = TokenIssuer(key, issuer="scoreboard", audience="scoreboard", clock=clock).issue("ann", ttl=60)
    assert peek(token)[0] == {"alg": algorithm, "typ": "JWT", "kid": key.kid}
    assert of_ring.verify(token).user == "ann"


def by(jwk: Jwk, algorithm: str, kid: str | None, /, **headers: object) -> str:
    """A token that this key signed, under whatever key's name."""
    headers |= {} if kid is None else {"kid": kid}
    return jwt.api_jws.encode(
        json.dumps(GOOD_CLAIMS).encode(), jwt.PyJWK(jwk, algorithm), algorithm, headers=headers
    )


def confused(kid: str | None, public_key: bytes, **header: object) -> str:
    """The classic: HS256 with a public key for the secret."""
    told = {"alg": "HS256", "typ": "JWT"} | ({} if kid is None else {"kid": kid}) | header
    head, body, _ = unsigned(told, GOOD_CLAIMS).split(".")
    digest = hmac.digest(public_key, f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def pem_of(jwk: Jwk) -> bytes:
    """A public key as most libraries hold it."""
    key = jwt.PyJWK(public(jwk)).key
    pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


OWN_KID = secret_key(SECRET).kid
FORGED = {
    "RSA's name, HS256 with its PEM": confused("rsa-1", pem_of(rsa_jwk())),
    "EC's name, HS256 with its PEM": confused("ec-1", pem_of(ec_jwk())),
    "no name, HS256 with a PEM": confused(None, pem_of(rsa_jwk())),
    "RSA's name, HS256 with its JWK": confused("rsa-1", json.dumps(public(rsa_jwk())).encode()),
    "RSA's name, secret": by(oct_jwk(), "HS256", "rsa-1"),
    "secret's name, RSA": by(rsa_jwk(), "RS256", OWN_KID),
    "EC's name, Ed": by(ed_jwk(), "EdDSA", "ec-1"),
    "another RSA key": by(rsa_jwk("rsa-2"), "RS256", "rsa-1"),
    "RSA with PSS": by(rsa_jwk(), "PS256", "rsa-1"),
    "RSA with SHA-512": by(rsa_jwk(), "RS512", "rsa-1"),
    "unknown name": by(rsa_jwk(), "RS256", "rsa-2"),
    "no name, not the secret": by(rsa_jwk(), "RS256", None),
    "no name, another secret": by(oct_jwk(), "HS256", None),
    "path": by(rsa_jwk(), "RS256", "../../../dev/null"),
    "path of a secret": confused("/dev/null", b""),
    "injected": by(oct_jwk(), "HS256", "x' UNION SELECT 'secret"),
    "own key in the header": by(rsa_jwk("rsa-2"), "RS256", "rsa-2", jwk=public(rsa_jwk("rsa-2"))),
    "own key at an address": by(rsa_jwk("rsa-2"), "RS256", "rsa-1", jku="http://127.0.0.1:9/keys"),
    "own certificate": by(rsa_jwk("rsa-2"), "RS256", "rsa-1", x5u="file:///tmp/c", x5c=["AAAA"]),
    "critical": by(rsa_jwk(), "RS256", "rsa-1", crit=["exp"], exp=1),
    "critical b64": confused(None, SECRET, crit=["b64"], b64=True),
    "none": unsigned({"alg": "none", "typ": "JWT", "kid": "rsa-1"}, GOOD_CLAIMS),
    "None": unsigned({"alg": "nOnE", "typ": "JWT", "kid": "rsa-1"}, GOOD_CLAIMS),
    "no algorithm": unsigned({"typ": "JWT", "kid": "rsa-1"}, GOOD_CLAIMS),
    "algorithms": unsigned({"alg": ["RS256"], "typ": "JWT", "kid": "rsa-1"}, GOOD_CLAIMS),
    "algorithm null": unsigned({"alg": None, "typ": "JWT"}, GOOD_CLAIMS),
    "kid null": unsigned({"alg": "HS256", "typ": "JWT", "kid": None}, GOOD_CLAIMS),
    "kid number": unsigned({"alg": "HS256", "typ": "JWT", "kid": 1}, GOOD_CLAIMS),
    "kid list": unsigned({"alg": "HS256", "typ": "JWT", "kid": ["rsa-1"]}, GOOD_CLAIMS),
    "kid object": unsigned({"alg": "HS256", "typ": "JWT", "kid": {"$ne": ""}}, GOOD_CLAIMS),
    "empty EC signature": unsigned({"alg": "ES256", "typ": "JWT", "kid": "ec-1"}, GOOD_CLAIMS),
    "zero EC signature": unsigned({"alg": "ES256", "typ": "JWT", "kid": "ec-1"}, GOOD_CLAIMS) + "A" * 86,
    "header list": unsigned([], GOOD_CLAIMS),
    "nested header": unsigned('{"alg":"HS256","typ":"JWT","x":' + "[" * 1500, GOOD_CLAIMS),
    "two algorithms": unsigned('{"alg":"HS256","alg":"none","typ":"JWT"}', GOOD_CLAIMS),
    "other type": by(rsa_jwk(), "RS256", "rsa-1", typ="at+jwt"),
    "no type": by(rsa_jwk(), "RS256", "rsa-1", typ=""),
    "type null": by(rsa_jwk(), "RS256", "rsa-1", typ=None),
}


@pytest.mark.parametrize("case", FORGED)
def test_no_header_talks_a_key_into_anything(of_ring: TokenVerifier, case: str) -> None:
    """A key verifies its own algorithm under its own name; what the header says beside that is not heard."""
    with pytest.raises(Unauthenticated) as refused:
        of_ring.verify(FORGED[case])
    assert refused.value.code == "token_invalid"


def test_forging_by_hand_can_succeed(of_ring: TokenVerifier) -> None:
    """With the secret itself, so that the forgeries above fail for what is wrong with them."""
    assert of_ring.verify(confused(None, SECRET)).user == "a"
    assert of_ring.verify(by(rsa_jwk(), "RS256", "rsa-1")).user == "a"


def test_a_rightly_signed_address_is_not_followed(of_ring: TokenVerifier) -> None:
    """Nor is it a reason to refuse: some issuers put it there for others."""
    assert of_ring.verify(by(rsa_jwk(), "RS256", "rsa-1", jku="http://127.0.0.1:9/")).user == "a"


def test_an_algorithm_that_is_not_accepted_is_no_unknown_key(clock: Clock) -> None:
    """So that no forger has keys fetched for nothing."""
    verifier = TokenVerifier(
        KeyRing(["RS256"]), issuer="scoreboard", audience="scoreboard", max_ttl=86_400, clock=clock
    )
    with pytest.raises(UnknownKey):
        verifier.verify(by(rsa_jwk(), "RS256", "rsa-1"))
    with pytest.raises(Unauthenticated, match="algorithm is not accepted") as refused:
        verifier.verify(by(ec_jwk(), "ES256", "ec-1"))
    assert not isinstance(refused.value, UnknownKey)


def issue(ring: KeyRing, clock: Clock) -> str:
    """A token that the ring signs as it is now."""
    return TokenIssuer(ring.signer, issuer="scoreboard", audience="scoreboard", clock=clock).issue(
        "ann", ttl=60
    )


def test_rotation(clock: Clock) -> None:
    """The new key first, the old one still there: both verify, the new one signs. Then the old one goes."""
    ring = KeyRing(ALGORITHMS, keys=keys_of(rsa_jwk("old")))
    verifier = TokenVerifier(ring, issuer="scoreboard", audience="scoreboard", max_ttl=86_400, clock=clock)
    before = issue(ring, clock)
    ring.replace(keys_of(ed_jwk("new"), public(rsa_jwk("old"))))
    after = issue(ring, clock)
    assert [peek(token)[0]["kid"] for token in (before, after)] == ["old", "new"]
    identities = [verifier.verify(token) for token in (before, after)]
    assert [identity.user for identity in identities] == ["ann", "ann"]
    assert [verifier.still_vouched(identity) for identity in identities] == [True, True]
    lost: list[str] = []
    ring.when_lost.append(lambda: lost.append("one"))
    ring.replace(keys_of(ed_jwk("new")))
    assert lost == ["one"]
    assert [verifier.still_vouched(identity) for identity in identities] == [False, True]
    verifier.check_still_good(identities[1])
    with pytest.raises(UnknownKey):
        verifier.check_still_good(identities[0])
    assert verifier.verify(after).user == "ann"
    with pytest.raises(UnknownKey):  # though it was remembered
        verifier.verify(before)


def test_a_key_changed_under_its_id_is_another(ring: KeyRing, of_ring: TokenVerifier) -> None:
    """What the one has verified does not count for the other."""
    token = by(rsa_jwk(), "RS256", "rsa-1")
    assert of_ring.verify(token).user == "a"
    ring.replace(keys_of(rsa_jwk("rsa-2") | {"kid": "rsa-1"}))
    with pytest.raises(Unauthenticated, match="signature"):
        of_ring.verify(token)


class Elsewhere:
    """Keys that are published: each look brings the next set."""

    def __init__(self, ring: KeyRing, *sets: tuple[Jwk, ...]) -> None:
        self.ring = ring
        self.sets = list(sets)
        self.looks = 0

    async def look_again(self) -> None:
        """Bring the next set, if there is one more."""
        self.looks += 1
        if self.sets:
            self.ring.replace(keys_of(*self.sets.pop(0)))


async def test_only_an_unknown_key_is_looked_for(clock: Clock) -> None:
    """A known one is never worth a look, however bad the token; an unknown one is worth one."""
    ring = KeyRing(ALGORITHMS, secret=SECRET)
    elsewhere = Elsewhere(ring, (public(rsa_jwk()),))
    verifier = TokenVerifier(
        ring, issuer="scoreboard", audience="scoreboard", max_ttl=86_400, clock=clock, published=elsewhere
    )
    for bad in (forged(exp=NOW - 1), forged(key=b"another-secret-of-thirty-two-bytes!!"), "garbage"):
        with pytest.raises(Unauthenticated):
            await verifier.identify(bad)
    assert (await verifier.identify(forged())).user == "ann"
    assert elsewhere.looks == 0
    for _ in range(2):
        assert (await verifier.identify(by(rsa_jwk(), "RS256", "rsa-1"))).user == "a"
    assert elsewhere.looks == 1
    with pytest.raises(UnknownKey):
        await verifier.identify(by(rsa_jwk(), "RS256", "rsa-3"))
    assert elsewhere.looks == 2


async def test_nothing_is_looked_for_where_nothing_is_published(of_ring: TokenVerifier) -> None:
    """An unknown key is then a bad token."""
    with pytest.raises(UnknownKey):
        await of_ring.identify(by(rsa_jwk("rsa-2"), "RS256", "rsa-2"))
