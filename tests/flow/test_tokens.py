"""Tokens: what is issued verifies, and nothing else does."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import jwt
import pytest

from scoreboard_server.flow.keys import KeyRing, secret_key
from scoreboard_server.flow.tokens import NoSigningKeyError, TokenIssuer, TokenVerifier, peek
from scoreboard_server.rules.refusals import Unauthenticated

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = 1_800_000_000


class Clock:
    """Time that stands still until it is set."""

    now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(clock: Clock) -> TokenIssuer:
    return TokenIssuer(secret_key(SECRET), issuer="scoreboard", audience="scoreboard", clock=clock)


@pytest.fixture
def verifier(clock: Clock) -> TokenVerifier:
    return TokenVerifier(
        KeyRing(secret=SECRET),
        issuer="scoreboard",
        audience="scoreboard",
        max_ttl=86_400,
        clock=clock,
        remembered=3,
    )


def forged(**changes: object) -> str:
    """A rightly signed token with other claims, header, key or algorithm."""
    key, algorithm = changes.pop("key", SECRET), changes.pop("algorithm", "HS256")
    headers = changes.pop("headers", None)
    claims = {"iss": "scoreboard", "aud": "scoreboard", "sub": "ann", "jti": "1", "iat": NOW, "exp": NOW + 60}
    claims = {k: v for k, v in (claims | changes).items() if v is not None}
    return jwt.encode(claims, key, algorithm, headers=headers)  # type: ignore[arg-type]


def test_what_is_issued_verifies(issuer: TokenIssuer, verifier: TokenVerifier) -> None:
    """All that was put in comes out, the second time from memory."""
    token = issuer.issue("ann", ttl=60, name="Ann", picture="https://x.example/a", scopes=["board:read"])
    for _ in range(2):
        identity = verifier.verify(token)
        assert (identity.user, identity.expires_at) == ("ann", NOW + 60)
        assert identity.scopes == {"board:read"}
        assert identity.profile.name == "Ann"


def test_two_tokens_are_never_the_same(issuer: TokenIssuer) -> None:
    """Each has an id of its own."""
    assert issuer.issue("ann", ttl=60) != issuer.issue("ann", ttl=60)


def test_a_remembered_token_still_expires(issuer: TokenIssuer, verifier: TokenVerifier, clock: Clock) -> None:
    """Memory saves the signature, never the clock."""
    token = issuer.issue("ann", ttl=60)
    verifier.verify(token)
    clock.now += 60
    for _ in range(2):
        with pytest.raises(Unauthenticated) as refused:
            verifier.verify(token)
        assert refused.value.code == "token_expired"


def test_memory_is_bounded(issuer: TokenIssuer, verifier: TokenVerifier) -> None:
    """More tokens than are remembered all verify, again and again."""
    tokens = [issuer.issue(f"u{i}", ttl=60) for i in range(10)]
    for _ in range(2):
        assert [verifier.verify(t).user for t in tokens] == [f"u{i}" for i in range(10)]
    assert len(verifier._verified) == 3


def unsigned(header: object, payload: object) -> str:
    """A token with any header and payload, and no signature."""

    def part(value: object) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    return f"{part(header)}.{part(payload)}."


GOOD_CLAIMS = {"iss": "scoreboard", "aud": "scoreboard", "sub": "a", "jti": "1", "iat": NOW, "exp": NOW + 60}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "garbage",
        "a.b.c",
        "....",
        "é.é.é",
        "\x00",
        forged(key=b"another-secret-of-thirty-two-bytes!!"),
        forged(algorithm="HS384", key=SECRET * 2),
        forged(iss="else"),
        forged(aud="else"),
        forged(aud=["scoreboard", "else"]),
        forged(aud=None),
        forged(sub=None),
        forged(jti=None),
        forged(exp=None),
        forged(iat=None),
        forged(headers={"typ": "at+jwt"}),
        forged(exp=10**30),
        forged(exp=NOW + 86_401),
        forged(iat=NOW + 3_600, exp=NOW + 3_660),
        forged(nbf=NOW + 3_600),
        forged(sub="x" * 65),
        forged(headers={"crit": ["b64"], "b64": False}),
        unsigned({"alg": "none", "typ": "JWT"}, GOOD_CLAIMS),
        unsigned({"alg": "HS256", "typ": "JWT"}, GOOD_CLAIMS),
        unsigned("[" * 2_500, GOOD_CLAIMS),
        "x" * 100_000,
    ],
)
def test_everything_else_is_refused(verifier: TokenVerifier, token: str) -> None:
    """Garbled, foreign, unsigned, otherwise signed, too long or too long-lived: a refusal, not an error."""
    for _ in range(2):
        with pytest.raises(Unauthenticated) as refused:
            verifier.verify(token)
        assert refused.value.code == "token_invalid"
        assert token == "" or token not in refused.value.detail


@pytest.mark.parametrize("changes", [{"sub": "ben"}, {"exp": NOW + 30}])
def test_of_a_claim_told_twice_the_last_one_counts(
    verifier: TokenVerifier, changes: dict[str, object]
) -> None:
    """As RFC 7519, section 4, allows: for us and for who looks at it, so that nobody sees another token."""
    claims = json.dumps(GOOD_CLAIMS)[:-1] + ", " + json.dumps(changes)[1:]
    token = jwt.api_jws.encode(claims.encode(), SECRET, "HS256")
    assert verifier.claims(token) == peek(token)[1] == GOOD_CLAIMS | changes


def test_a_token_has_one_spelling(issuer: TokenIssuer, verifier: TokenVerifier) -> None:
    """Padding, white space, another last letter for the same bytes: none of it is the token."""
    token = issuer.issue("ann", ttl=60)
    assert verifier.verify(token).user == "ann"
    twin = token[:-1] + chr(ord(token[-1]) + 1)
    for spelling in (token + "=", token + "==", token + "\n", " " + token, token + ".", twin):
        with pytest.raises(Unauthenticated):
            verifier.verify(spelling)


def test_without_a_key_that_signs_nothing_is_issued() -> None:
    """No key, and a key that can only verify, are told apart from a bad token."""
    only_public = replace(secret_key(SECRET), signing=None)
    for key in (None, only_public):
        with pytest.raises(NoSigningKeyError):
            TokenIssuer(key, issuer="i", audience="a", clock=Clock())


def test_peeking_trusts_nothing_and_shows_everything() -> None:
    """A token of whatever key can be looked at; what is no token says so."""
    header, claims = peek(forged(key=b"another-secret-of-thirty-two-bytes!!"))
    assert (header["alg"], claims["sub"]) == ("HS256", "ann")
    with pytest.raises(Unauthenticated):
        peek("garbage")
