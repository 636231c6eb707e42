"""The catalogue decides what is worth how much, and what proof it takes."""

from __future__ import annotations

import pytest

from scoreboard_server.rules.action_types import ActionType, Catalogue, Proof
from scoreboard_server.rules.refusals import Forbidden, Refusal, Unacceptable

CATALOGUE = Catalogue(
    {
        "open": ActionType("open", 10),
        "quiz": ActionType("quiz", 50, Proof.TICKET),
        "match": ActionType("match", 100, Proof.TRUSTED),
    }
)


def test_an_open_type_may_be_claimed_by_anyone() -> None:
    """Its points are the catalogue's."""
    assert CATALOGUE.claimable("open", trusted=False).points == 10


def test_a_trusted_type_takes_a_trusted_server() -> None:
    """A user's own token is not enough for it."""
    assert CATALOGUE.claimable("match", trusted=True).points == 100
    with pytest.raises(Forbidden):
        CATALOGUE.claimable("match", trusted=False)


@pytest.mark.parametrize(
    ("name", "code"),
    [("quiz", "proof_not_offered"), ("nope", "unknown_action_type"), ("", "unknown_action_type")],
)
def test_what_is_not_on_offer_says_so(name: str, code: str) -> None:
    """Tickets aren't offered yet, and unknown types never: each with its own code, for anyone."""
    for trusted in (True, False):
        with pytest.raises(Unacceptable) as refused:
            CATALOGUE.claimable(name, trusted=trusted)
        refusal: Refusal = refused.value
        assert refusal.code == code
