"""What a verified token must say to be believed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.rules.claims import CLOCK_SKEW_S, Identity, check_claims
from scoreboard_server.rules.refusals import Unauthenticated

NOW = 1_800_000_000.0
DAY = 86_400.0


def claims(**changes: object) -> dict[str, object]:
    """Good claims, changed; a change to None takes the claim out."""
    good: dict[str, object] = {"sub": "ann", "jti": "t1", "iat": NOW - 10, "exp": NOW + 60}
    return {k: v for k, v in (good | changes).items() if v is not None}


def check(**changes: object) -> Identity:
    return check_claims(claims(**changes), now=NOW, max_ttl=DAY)


def test_good_claims_are_an_identity() -> None:
    """User, token id, expiry, scopes and profile come out as they went in; the default scope is writing."""
    identity = check(name="Ann", picture="https://x.example/a.png")
    assert (identity.user, identity.token_id, identity.expires_at) == ("ann", "t1", NOW + 60)
    assert identity.scopes == {"score:write"}
    assert identity.may_write and not identity.is_trusted
    assert (identity.profile.name, identity.profile.avatar) == ("Ann", "https://x.example/a.png")


@pytest.mark.parametrize(
    ("scope", "may_write", "is_trusted"),
    [
        ("board:read", False, False),
        ("score:write:any", True, True),
        ("board:read score:write", True, False),
        ("", False, False),
        ("score:writer", False, False),
    ],
)
def test_scopes_allow_what_they_name(scope: str, may_write: bool, is_trusted: bool) -> None:
    """A scope counts whole, never by its beginning."""
    identity = check(scope=scope)
    assert (identity.may_write, identity.is_trusted) == (may_write, is_trusted)


def test_a_token_ends_at_its_expiry() -> None:
    """At `exp` itself it is over, and the code says why."""
    assert check(exp=NOW + 0.001).user == "ann"
    with pytest.raises(Unauthenticated) as refused:
        check(exp=NOW)
    assert refused.value.code == "token_expired"


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": None},
        {"sub": ""},
        {"sub": "a" * 65},
        {"sub": "a b"},
        {"sub": "ann\n"},
        {"sub": 7},
        {"sub": {"$ne": 1}},
        {"jti": None},
        {"jti": ""},
        {"jti": 5},
        {"jti": "half a pair: \ud83d"},
        {"iat": None},
        {"iat": "now"},
        {"iat": True},
        {"iat": NOW + CLOCK_SKEW_S + 1},
        {"nbf": NOW + CLOCK_SKEW_S + 1},
        {"nbf": "soon"},
        {"exp": None},
        {"exp": "never"},
        {"exp": math.inf},
        {"exp": math.nan},
        {"exp": 10**30},
        {"exp": 10**400},
        {"exp": NOW + DAY},  # with iat ten seconds ago: ten seconds too long
        {"scope": ["score:write"]},
        {"scope": 1},
    ],
)
def test_odd_claims_are_refused(changes: dict[str, object]) -> None:
    """Anything that isn't of its type, in its time or within its length is refused, never guessed at."""
    with pytest.raises(Unauthenticated) as refused:
        check(**changes)
    assert refused.value.code == "token_invalid"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(["sub", "jti", "iat", "exp", "nbf", "scope", "name", "picture"]), json_values
    )
)
def test_no_claims_break_the_check(changes: dict[str, object]) -> None:
    """Whatever a signed token says, the answer is an identity or a refusal."""
    try:
        identity = check_claims(claims() | changes, now=NOW, max_ttl=DAY)
    except Unauthenticated:
        return
    assert 1 <= len(identity.user) <= 64
    assert identity.expires_at > NOW
