"""The ordering against a list that is sorted every time, with pieces so short that they split and join."""

from __future__ import annotations

import sys
import threading
import time

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from scoreboard_server.rules import ordering
from scoreboard_server.rules.ordering import Key, Ordering

KEYS = st.tuples(st.integers(-3, 3), st.integers(1, 4), st.sampled_from("abcdefgh"))


@pytest.fixture(autouse=True, scope="module")
def short_pieces() -> object:
    """Four keys are many."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in (("_LONGEST", 4), ("_FILLED", 2), ("_SHORTEST", 2)):
            patch.setattr(ordering, name, size)
        yield patch


class OrderingAgainstSorting(RuleBasedStateMachine):
    """Any sequence of keys that come and go."""

    @initialize(start=st.sets(KEYS, max_size=60))
    def begin(self, start: set[Key]) -> None:
        self.keys = sorted(start)
        self.ordering = Ordering(list(start))

    @rule(some=st.lists(KEYS, min_size=1, max_size=12))
    def add(self, some: list[Key]) -> None:
        for key in some:
            if key not in self.keys:
                self.keys = sorted([*self.keys, key])
                assert self.ordering.add(key) == self.keys.index(key)

    @precondition(lambda self: self.keys)
    @rule(data=st.data(), count=st.integers(1, 12))
    def remove(self, data: st.DataObject, count: int) -> None:
        for _ in range(min(count, len(self.keys))):
            key = data.draw(st.sampled_from(self.keys))
            self.keys.remove(key)
            self.ordering.remove(key)

    @rule(start=st.integers(0, 70), count=st.integers(1, 20))
    def cut(self, start: int, count: int) -> None:
        assert self.ordering.cut(start, count) == self.keys[start : start + count]

    @invariant()
    def same_as_sorted(self) -> None:
        if not hasattr(self, "ordering"):
            return
        self.ordering.check()
        assert list(self.ordering) == self.keys
        assert len(self.ordering) == len(self.keys)
        assert [self.ordering.before(key) for key in self.keys] == list(range(len(self.keys)))
        # Each change costs what its piece is long, and what there are of them.
        assert all(len(piece) <= ordering._LONGEST for piece in self.ordering._pieces)
        assert len(self.ordering._pieces) <= 1 + len(self.keys) // (ordering._SHORTEST - 1)


TestOrderingAgainstSorting = OrderingAgainstSorting.TestCase


def test_who_is_far_from_where_others_are_ends_up_in_short_pieces_too() -> None:
    """The keys to deal out by are picked by position: of an order that suits none of them, it is as right."""
    keys = [(0, 1, f"{n:04}") for n in range(500)] + [(n, 1, "far") for n in range(1, 500)]
    made = Ordering(keys)
    made.check()
    assert list(made) == sorted(keys)
    assert max(len(piece) for piece in made._pieces) <= ordering._LONGEST


def test_making_a_large_one_leaves_other_threads_their_turns(short_pieces: pytest.MonkeyPatch) -> None:
    """One call that sorts them all would let nobody else run until it is done."""
    short_pieces.undo()
    keys = [((n * 7_919) % 300_007, n, str(n)) for n in range(300_000)]
    made: list[Ordering] = []
    thread = threading.Thread(target=lambda: made.append(Ordering(keys)))
    turns = 0
    thread.start()
    while thread.is_alive():
        time.sleep(sys.getswitchinterval())
        turns += 1
    assert len(made[0]) == len(keys)
    assert turns > 10, f"the others had {turns} turns"
