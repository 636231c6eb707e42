"""The board against the most naive thing that could be right: sort everything, every time."""

from __future__ import annotations

import random
from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from scoreboard_server.rules.board import Board

USERS = st.sampled_from(["ann", "ben", "Cem", "dora", "eve", "f", "g", "h:1", "Z", "a"])
# Few different values, so that ties in score and in time are the rule. At 0: corrections.
POINTS = st.sampled_from([-10, 1, 5, 10, 10, 10])
INSTANTS = st.integers(0, 6)


def naive_totals(entries: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Fold from scratch."""
    users = {user for user, _, _ in entries}
    return [
        (u, sum(p for v, p, _ in entries if v == u), max(at for v, _, at in entries if v == u)) for u in users
    ]


def naive_order(
    entries: list[tuple[str, int, int]], hidden: Collection[str] = ()
) -> list[tuple[str, int, int]]:
    """Fold and sort from scratch, without those who are hidden or have nothing but corrections."""
    shown = [total for total in naive_totals(entries) if total[2] and total[0] not in hidden]
    return sorted(shown, key=lambda t: (-t[1], t[2], t[0]))


class BoardAgainstNaiveSort(RuleBasedStateMachine):
    """Any sequence of entries, any question, after every step."""

    @initialize(start=st.lists(st.tuples(USERS, POINTS, INSTANTS), max_size=8), hidden=st.sets(USERS))
    def begin(self, start: list[tuple[str, int, int]], hidden: set[str]) -> None:
        self.entries = list(start)
        self.hidden = hidden
        self.board = Board(naive_totals(start), hidden)

    @rule(user=USERS, points=POINTS, at=INSTANTS)
    def apply(self, user: str, points: int, at: int) -> None:
        self.entries.append((user, points, at))
        score, rank = self.board.apply(user, points, at)
        assert score == next(total for u, total, _ in naive_totals(self.entries) if u == user)
        order = [u for u, _, _ in naive_order(self.entries, self.hidden)]
        assert rank == (order.index(user) + 1 if user in order else None)

    @rule(user=USERS)
    def hide(self, user: str) -> None:
        had_place = user in [u for u, _, _ in naive_order(self.entries, self.hidden)]
        assert self.board.hide(user) == had_place
        self.hidden.add(user)

    @rule(user=USERS)
    def show(self, user: str) -> None:
        was_hidden = user in self.hidden
        self.hidden.discard(user)
        has_place = user in [u for u, _, _ in naive_order(self.entries, self.hidden)]
        assert self.board.show(user) == (was_hidden and has_place)

    @rule(offset=st.integers(0, 12), limit=st.integers(1, 12))
    def page(self, offset: int, limit: int) -> None:
        expected = naive_order(self.entries, self.hidden)[offset : offset + limit]
        page = self.board.page(offset, limit)
        assert [(s.user, s.score, s.reached_at) for s in page] == expected
        assert [s.rank for s in page] == list(range(offset + 1, offset + 1 + len(page)))

    @rule(user=USERS, limit=st.integers(1, 12))
    def around(self, user: str, limit: int) -> None:
        order = [u for u, _, _ in naive_order(self.entries, self.hidden)]
        near = [s.user for s in self.board.around(user, limit)]
        if user not in order:
            assert near == []
            return
        assert user in near
        assert len(near) == min(limit, len(order))
        first = order.index(near[0])
        assert near == order[first : first + len(near)]
        middle = order.index(user) - first
        assert abs(middle - limit // 2) == 0 or first == 0 or first + len(near) == len(order)

    @invariant()
    def same_as_naive(self) -> None:
        if not hasattr(self, "board"):
            return
        self.board.check()
        expected = naive_order(self.entries, self.hidden)
        assert [(s.user, s.score, s.reached_at) for s in self.board] == expected
        assert self.board.hidden == self.hidden
        assert len(self.board) == len(expected)
        assert self.board.last_at == max((at for _, _, at in self.entries), default=0)
        for place, (user, score, at) in enumerate(expected):
            standing = self.board.standing(user)
            assert standing is not None
            assert (standing.score, standing.reached_at, standing.rank) == (score, at, place + 1)


TestBoardAgainstNaiveSort = BoardAgainstNaiveSort.TestCase
TestBoardAgainstNaiveSort.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


@given(st.lists(st.tuples(USERS, POINTS, INSTANTS), max_size=20), st.randoms(use_true_random=False))
def test_entries_may_arrive_in_any_order(entries: list[tuple[str, int, int]], chance: random.Random) -> None:
    """Two processes that see the same entries in different orders end with the same board."""
    shuffled = list(entries)
    chance.shuffle(shuffled)
    one, other = Board(), Board()
    for entry in entries:
        one.apply(*entry)
    for entry in shuffled:
        other.apply(*entry)
    assert list(one) == list(other)


def test_who_reached_a_score_first_stays_ahead() -> None:
    """A tie goes to the earlier one, and to the smaller id only when even the microsecond is the same."""
    board = Board()
    board.apply("zoe", 10, at=1)
    board.apply("ann", 10, at=2)
    board.apply("bob", 10, at=2)
    assert [s.user for s in board] == ["zoe", "ann", "bob"]


def test_hiding_and_showing_leaves_no_trace() -> None:
    """Those behind close up and make room again; what came in meanwhile is there."""
    board = Board([("ann", 10, 1), ("ben", 9, 1)])
    assert board.hide("ann")
    assert [(s.user, s.rank) for s in board] == [("ben", 1)]
    assert board.apply("ann", 5, at=2) == (15, None)
    assert board.standing("ann") is None and board.around("ann", 3) == []
    assert board.show("ann")
    assert [(s.user, s.score, s.rank) for s in board] == [("ann", 15, 1), ("ben", 9, 2)]


def test_a_correction_moves_no_instant() -> None:
    """Taken and given back, a score is as old as it was; who has only corrections is not on the board."""
    board = Board([("ann", 10, 5), ("ben", 10, 6)])
    board.apply("ann", -10, at=0)
    board.apply("ann", 10, at=0)
    assert [s.user for s in board] == ["ann", "ben"]
    assert board.apply("eve", 100, at=0) == (100, None)
    assert len(board) == 2


def test_an_unknown_user_has_no_standing() -> None:
    """Asking for who isn't there is answered, not guessed."""
    assert Board().standing("nobody") is None
    assert Board().around("nobody", 5) == []


def test_check_notices_a_broken_order() -> None:
    """The check that the other tests lean on does go red."""
    board = Board([("ann", 1, 1), ("ben", 2, 1)])
    board._totals["ann"] = (5, 1, "ann")
    with pytest.raises(AssertionError, match="differ"):
        board.check()


def test_a_dissolved_board_is_an_empty_one() -> None:
    """Nothing of it is kept, and nothing breaks that still holds it."""
    board = Board([("ann", 10, 5), ("ben", 10, 6), ("eve", 1, 1)], hidden=["eve"])
    board.dissolve()
    board.check()
    assert len(board) == 0 and not board.hidden and board.page(0, 10) == []
    assert board.apply("ann", 1, at=9) == (1, 1)
