"""Checking the books: what the ledger adds up to, against what the standings say."""

from __future__ import annotations

from scoreboard_server.rules.books import Difference, Total, differences
from scoreboard_server.rules.entry import ADJUSTED

ANN, BEN = (1, "ann"), (1, "ben")


def test_a_total_is_a_fold_in_any_order() -> None:
    """Points add up, actions are counted, and the newest instant of one stays."""
    total = Total()
    for kind, points, at in (("open", 5, 30), (ADJUSTED, -2, 40), ("open", 7, 20)):
        total.add(kind, points, at)
    assert total == Total(10, 2, 30)


def test_a_correction_is_points_alone() -> None:
    """It is no action and moves no instant."""
    total = Total(10, 1, 30)
    total.add("!taken-back", -10, 99)
    assert total == Total(0, 1, 30)


def test_what_agrees_is_no_difference() -> None:
    """Equal in score, number of actions and instant."""
    assert list(differences({ANN: Total(1, 1, 1)}, {ANN: Total(1, 1, 1)})) == []


def test_each_disagreement_is_told_in_order() -> None:
    """Another score, instant or number; a standing without entries, and entries without a standing."""
    ledger = {
        ANN: Total(1, 1, 1),
        BEN: Total(2, 1, 1),
        (2, "ann"): Total(3, 1, 1),
        (2, "cem"): Total(0, 2, 5),
    }
    standings = {ANN: Total(2, 1, 1), (1, "dan"): Total(9, 1, 1), (2, "ann"): Total(3, 2, 1)}
    standings |= {(2, "cem"): Total(0, 2, 6)}
    assert list(differences(ledger, standings)) == [
        Difference(1, "ann", Total(1, 1, 1), Total(2, 1, 1)),
        Difference(1, "ben", Total(2, 1, 1), None),
        Difference(1, "dan", None, Total(9, 1, 1)),
        Difference(2, "ann", Total(3, 1, 1), Total(3, 2, 1)),
        Difference(2, "cem", Total(0, 2, 5), Total(0, 2, 6)),
    ]
