"""The check itself: it finds what is wrong, each kind by its name."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ..mongod import Mongod
from .checking import Findings, check
from .chronicle import POINTS, Record

pytestmark = pytest.mark.database


def entry(action: str, *, at: int, pending: bool = False) -> dict[str, object]:
    """An entry of ann's as the ledger has it."""
    told: dict[str, object] = {"user": "ann", "action": action, "points": POINTS, "at": at}
    return told | ({"pending": True} if pending else {"season": 1})


def standing(score: int, reached_at: int) -> dict[str, object]:
    """Ann's standing."""
    return {"_id": {"season": 1, "user": "ann"}, "score": score, "reached_at": reached_at}


def ann(*actions: str) -> Record:
    """Ann, who was told that these were counted."""
    told = {action: POINTS * count for count, action in enumerate(actions, 1)}
    return Record("ann", set(actions), told)


GOOD = [entry("a1", at=1), entry("a2", at=2), entry("a3", at=3, pending=True)]


def findings(
    replica_set: Mongod, database: str, entries: list[dict[str, object]], folded: Mapping[str, object]
) -> Findings:
    """What the check finds where ann was told of a1, a2 and a3."""
    with replica_set.client() as client:
        client[database]["entries"].insert_many([dict(told) for told in entries])
        client[database]["standings"].insert_one(dict(folded))
        return check(client, database, [], [ann("a1", "a2", "a3")])


def test_nothing_is_found_where_all_agrees(replica_set: Mongod, database: str) -> None:
    """Two folded entries and a pending one, all acknowledged."""
    assert not findings(replica_set, database, GOOD, standing(20, 2))


def test_a_lost_action_is_found(replica_set: Mongod, database: str) -> None:
    """Acknowledged, but not in the ledger; the user's total is wrong by it."""
    found = findings(replica_set, database, GOOD[:2], standing(20, 2))
    assert (found.lost, set(found.wrong), found.unfolded) == ({("ann", "a3")}, {"ann"}, set())


def test_a_doubled_action_is_found(replica_set: Mongod, database: str) -> None:
    """In the ledger twice."""
    found = findings(replica_set, database, [*GOOD, entry("a1", at=1, pending=True)], standing(20, 2))
    assert (found.doubled, set(found.wrong)) == ({("ann", "a1")}, {"ann"})


def test_an_action_that_nobody_asked_for_is_found(replica_set: Mongod, database: str) -> None:
    """In the ledger, but never sent."""
    found = findings(replica_set, database, [*GOOD, entry("a9", at=4, pending=True)], standing(20, 2))
    assert found.unasked == {("ann", "a9")}


@pytest.mark.parametrize("folded", [standing(30, 3), standing(20, 9)])
def test_a_standing_that_is_not_its_ledger_is_found(
    replica_set: Mongod, database: str, folded: Mapping[str, object]
) -> None:
    """A score folded twice, an instant of no entry."""
    assert findings(replica_set, database, GOOD, folded).unfolded == {"ann"}
