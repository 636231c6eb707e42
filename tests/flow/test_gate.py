"""The gate: may this identity have this action counted?"""

from __future__ import annotations

import pytest

from scoreboard_server.flow.gate import Gate
from scoreboard_server.rules.action_types import ActionType, Catalogue, Proof
from scoreboard_server.rules.claims import READ, WRITE, WRITE_ANY, Identity
from scoreboard_server.rules.entry import Submission
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.refusals import Forbidden, Unacceptable

GATE = Gate(
    Catalogue(
        {
            "open": ActionType("open", 10),
            "match": ActionType("match", 100, Proof.TRUSTED),
        }
    )
)


def identity(*scopes: str) -> Identity:
    """Ann, with these scopes."""
    return Identity("ann", "t1", 1e12, frozenset(scopes), Profile())


def test_a_user_claims_for_herself() -> None:
    """The submission is hers, and the points are the catalogue's."""
    admitted = GATE.admit(identity(WRITE), "a1", "open")
    assert admitted.submission == Submission("ann", "a1", "open")
    assert admitted.points == 10


def test_a_trusted_server_claims_for_anyone() -> None:
    """With `score:write:any`, for a user it names or for itself."""
    assert GATE.admit(identity(WRITE_ANY), "a1", "match", "ben").submission.user == "ben"
    assert GATE.admit(identity(WRITE_ANY), "a1", "open").submission.user == "ann"


@pytest.mark.parametrize(
    ("scope", "action_type", "user"),
    [(READ, "open", None), (WRITE, "open", "ben"), (WRITE, "open", "ann"), (WRITE, "match", None)],
)
def test_who_may_not_is_forbidden(scope: str, action_type: str, user: str | None) -> None:
    """Reading is not writing, and only a trusted server names a user or claims a trusted type."""
    with pytest.raises(Forbidden) as refused:
        GATE.admit(identity(scope), "a1", action_type, user)
    assert refused.value.code == "scope_missing"


@pytest.mark.parametrize("action", ["", "x" * 65, "a\x00", 'a"', "$where", "🙂", "a/b", "a\n"])
def test_odd_ids_are_refused(action: str) -> None:
    """An action id is of its alphabet and length."""
    with pytest.raises(Unacceptable) as refused:
        GATE.admit(identity(WRITE), action, "open")
    assert refused.value.code == "invalid_request"


def test_an_odd_user_is_refused() -> None:
    """So is a user id that a trusted server names."""
    with pytest.raises(Unacceptable):
        GATE.admit(identity(WRITE_ANY), "a1", "open", "$ne")
