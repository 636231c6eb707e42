"""Checking the books: what the ledger adds up to, against what the standings say."""

from __future__ import annotations

from scoreboard_server.rules.books import Difference, Total, differences

ANN, BEN = (1, "ann"), (1, "ben")


def test_a_total_is_a_fold_in_any_order() -> None:
    """Points add up, entries are counted, and the newest instant stays."""
    total = Total()
    for points, at in ((5, 30), (-2, 10), (7, 20)):
        total.add(points, at)
    assert total == Total(10, 3, 30)


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
