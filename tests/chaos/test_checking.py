"""The check itself: it finds what is wrong, each kind by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pytest

from ..mongod import Mongod
from . import checking
from .checking import Findings, Shown, check
from .chronicle import POINTS
from .memory import Record
from .seasons import Seasons

pytestmark = pytest.mark.database

Rows = Sequence[Mapping[str, object]]


def entry(action: str, *, at: int, season: int | None = 1) -> dict[str, object]:
    """An entry of ann's as the ledger has it; without a season it is pending."""
    told: dict[str, object] = {"user": "ann", "action": action, "points": POINTS, "at": at}
    return told | ({"pending": True} if season is None else {"season": season})


def standing(score: int, reached_at: int, *, season: int = 1) -> dict[str, object]:
    """Ann's standing."""
    return {"_id": {"season": season, "user": "ann"}, "score": score, "reached_at": reached_at}


def ann(*actions: str) -> Record:
    """Ann, who was told that these were counted."""
    return Record("ann", asked=set(actions), acknowledged=dict.fromkeys(actions, 0))


GOOD = [entry("a1", at=1), entry("a2", at=2), entry("a3", at=3, season=None)]
# The first season was sealed with a1 in it, while a2 was pending.
CHANGED = [entry("a1", at=1), entry("a2", at=2, season=2), entry("a3", at=3, season=None)]


TWO_STANDINGS = [standing(10, 1), standing(10, 2, season=2)]
ROWS_WITH_A_GHOST = [("ann", 20, 1), ("ben", 0, 2)]

Boards = dict[str, Shown]


class Look(Protocol):
    """What the check finds where ann was told of a1, a2 and a3."""

    def __call__(
        self,
        entries: Rows,
        *standings: Mapping[str, object],
        changed: bool = False,
        states: Mapping[int, str] | None = None,
        board: str | None = None,
    ) -> Findings:
        """changed: the first season was sealed with a1 in it. states: what the store says of seasons."""
        ...


@pytest.fixture
def findings(replica_set: Mongod, database: str) -> Look:
    """The check on a database that was filled by hand."""

    def look(
        entries: Rows,
        *standings: Mapping[str, object],
        changed: bool = False,
        states: Mapping[int, str] | None = None,
        board: str | None = None,
    ) -> Findings:
        seasons = Seasons()
        if changed:
            seasons.begun = seasons.done = seasons.settled = 2
            seasons.sealed[1] = {"ann": frozenset(["a1"])}
        states = states or ({1: "sealed", 2: "current"} if changed else {1: "current"})
        with replica_set.client() as client:
            client[database]["entries"].insert_many([dict(told) for told in entries])
            client[database]["standings"].insert_many([dict(told) for told in standings])
            # Not the real collection with its index: here two seasons can be current.
            client[database]["seasons"].insert_many([{"_id": n, "state": s} for n, s in states.items()])
            addresses = [] if board is None else [board]
            return check(client, database, addresses, [ann("a1", "a2", "a3")], seasons)

    return look


@pytest.fixture
def boards(monkeypatch: pytest.MonkeyPatch) -> Boards:
    """What servers show, by their address."""
    shown: Boards = {}
    monkeypatch.setattr(checking, "shown_board", shown.__getitem__)
    return shown


def test_nothing_is_found_where_all_agrees(findings: Look) -> None:
    """Two folded entries and a pending one, all acknowledged."""
    assert not findings(GOOD, standing(20, 2))


def test_a_lost_action_is_found(findings: Look) -> None:
    """Acknowledged, but not in the ledger; the user's total is wrong by it."""
    found = findings(GOOD[:2], standing(20, 2))
    assert (found.lost, set(found.wrong), found.unfolded) == ({("ann", "a3")}, {"ann"}, set())


def test_a_doubled_action_is_found(findings: Look) -> None:
    """In the ledger twice."""
    found = findings([*GOOD, entry("a1", at=1, season=None)], standing(20, 2))
    assert (found.doubled, set(found.wrong)) == ({("ann", "a1")}, {"ann"})


def test_an_action_that_nobody_asked_for_is_found(findings: Look) -> None:
    """In the ledger, but never sent."""
    found = findings([*GOOD, entry("a9", at=4, season=None)], standing(20, 2))
    assert found.unasked == {("ann", "a9")}


@pytest.mark.parametrize("folded", [standing(30, 3), standing(20, 9)])
def test_a_standing_that_is_not_its_ledger_is_found(findings: Look, folded: Mapping[str, object]) -> None:
    """A score folded twice, an instant of no entry."""
    assert findings(GOOD, folded).unfolded == {(1, "ann")}


def test_nothing_is_found_where_all_agrees_across_seasons(findings: Look, boards: Boards) -> None:
    """What was pending is in the new season, and the board shows it and nothing older."""
    boards["there"] = Shown({"season-2"}, [{"userId": "ann", "score": 20, "rank": 1}])
    assert not findings(CHANGED, *TWO_STANDINGS, changed=True, board="there")


def test_an_action_in_two_seasons_is_found(findings: Look) -> None:
    """Folded into the old season and into the new one."""
    found = findings([*CHANGED, entry("a1", at=1, season=2)], standing(10, 1), standing(20, 2, season=2))
    assert found.doubled == {("ann", "a1")}


def test_a_fold_into_the_wrong_season_is_found(findings: Look) -> None:
    """The entry names one season, its points are in another; over all seasons the sum is right."""
    found = findings(CHANGED, standing(20, 2), changed=True)
    assert (found.unfolded, found.wrong) == ({(1, "ann"), (2, "ann")}, {})


def test_an_entry_that_lands_in_a_sealed_season_is_found(findings: Look) -> None:
    """Its standing has it too, so the books add up; but it was not there when the season was sealed."""
    found = findings(GOOD, standing(20, 2), changed=True)
    assert (found.reopened, found.unfolded) == ({("ann", "a2")}, set())


def test_an_entry_that_leaves_a_sealed_season_is_found(findings: Look) -> None:
    """It was there when the season was sealed."""
    moved = [entry("a1", at=1, season=2), *CHANGED[1:]]
    assert findings(moved, standing(20, 2, season=2), changed=True).reopened == {("ann", "a1")}


@pytest.mark.parametrize("where", [{}, {"season": 2, "pending": True}])
def test_an_entry_that_is_not_in_exactly_one_place_is_found(
    findings: Look, where: Mapping[str, object]
) -> None:
    """Neither pending nor of a season, or both."""
    stray = {"user": "ann", "action": "a3", "points": POINTS, "at": 3, **where}
    assert findings([*CHANGED[:2], stray], *TWO_STANDINGS, changed=True).adrift == {("ann", "a3")}


def test_seasons_that_are_not_those_that_were_begun_are_found(findings: Look) -> None:
    """The store still has the first one as current, or has gone on by itself."""
    assert findings(GOOD, standing(20, 2), states={1: "current", 2: "current"}).seasons


@pytest.mark.parametrize(
    ("score", "season"),
    [(10, "season-2"), (30, "season-2"), (20, "season-1")],
    ids=["what was pending is missing", "the old season is still counted", "the old season's name"],
)
def test_a_board_that_is_not_of_the_current_season_is_found(
    findings: Look, boards: Boards, score: int, season: str
) -> None:
    """It must be the current season's standings and what is pending, under that season's name."""
    boards["there"] = Shown({season}, [{"userId": "ann", "score": score, "rank": 1}])
    found = findings(CHANGED, *TWO_STANDINGS, changed=True, board="there")
    assert set(found.wrong) == ({"ann"} if score != 20 else set())
    assert bool(found.seasons) == (season == "season-1")


def test_a_user_who_is_still_on_the_board_is_found(findings: Look, boards: Boards) -> None:
    """With no points even: nobody without an entry of the season has a row."""
    rows = [{"userId": user, "score": score, "rank": rank} for user, score, rank in ROWS_WITH_A_GHOST]
    boards["there"] = Shown({"season-2"}, rows)
    found = findings(CHANGED, *TWO_STANDINGS, changed=True, board="there")
    assert set(found.wrong) == {"ben"}
