"""The catalogue decides what is worth how much, and what proof it takes."""

from __future__ import annotations

import pytest

from scoreboard_server.rules.action_types import ActionType, Catalogue, Proof, UnknownActionType


def test_a_type_is_found_by_its_name() -> None:
    """With the points and the proof that the catalogue gives it."""
    catalogue = Catalogue([ActionType("open", 10), ActionType("match", 100, Proof.TRUSTED)])
    assert (catalogue.find("match").points, catalogue.find("match").proof) == (100, Proof.TRUSTED)


@pytest.mark.parametrize("name", ["nope", "", "OPEN", "!adjusted"])
def test_what_is_not_on_offer_says_so(name: str) -> None:
    """Names are as they are spelled."""
    catalogue = Catalogue([ActionType("open", 10)])
    assert catalogue.get(name) is None and not catalogue.is_capped(name)
    with pytest.raises(UnknownActionType):
        catalogue.find(name)


def test_it_is_exchanged_as_a_whole() -> None:
    """What the new one does not offer is gone for everyone who holds it."""
    catalogue = Catalogue([ActionType("open", 10), ActionType("old", 1)])
    catalogue.replace([ActionType("open", 20)])
    assert catalogue.find("open").points == 20 and catalogue.get("old") is None


@pytest.mark.parametrize(
    ("kind", "is_capped"),
    [
        (ActionType("open", 10), False),
        (ActionType("open", 10, per_minute=1), True),
        (ActionType("open", 10, per_day=1), True),
        (ActionType("open", 10, min_seconds=0.5), True),
    ],
)
def test_a_cap_is_a_cap(kind: ActionType, is_capped: bool) -> None:
    """Any one of them makes it matter what was counted before."""
    assert kind.is_capped == Catalogue([kind]).is_capped("open") == is_capped
