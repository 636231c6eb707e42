"""An ordering of keys that tells ranks: sorted pieces in a row, each short enough to be moved in no time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from itertools import accumulate, islice

Key = tuple[int, int, str]

# Longer pieces cost an insertion more (it moves half of one), shorter ones a rank (it counts half of them).
_LONGEST = 4096
_SHORTEST = _LONGEST // 8
_FILLED = _LONGEST // 2


class Ordering:
    """Distinct keys in ascending order. Their tuples are the caller's, so a place takes some 8 bytes.

    What it does to a million keys takes microseconds, but for making it: that takes seconds, in which other
    threads get their turns.
    """

    def __init__(self, keys: Collection[Key] = ()) -> None:
        """O(n log n)."""
        self._pieces = list(_sorted_pieces(keys))
        self._lasts = [piece[-1] for piece in self._pieces]
        self._sizes = [len(piece) for piece in self._pieces]
        self._size = sum(self._sizes)
        # At which places the pieces end; None until somebody asks, as each change moves many of them.
        self._ends: list[int] | None = None

    def __len__(self) -> int:
        """How many keys. O(1)."""
        return self._size

    def __iter__(self) -> Iterator[Key]:
        """All in order. O(n)."""
        for piece in self._pieces:
            yield from piece

    def add(self, key: Key) -> int:
        """Give the key its place; how many keys are before it."""
        if not self._pieces:
            self._pieces, self._lasts, self._sizes = [[]], [key], [0]
        which = bisect_left(self._lasts, key)
        if which == len(self._lasts):
            which -= 1
            self._lasts[which] = key
        piece = self._pieces[which]
        place = bisect_left(piece, key)
        before = sum(self._sizes[:which]) + place
        piece.insert(place, key)
        self._sizes[which] += 1
        self._size += 1
        self._ends = None
        if len(piece) > _LONGEST:
            self._set(which, which + 1, [piece[:_FILLED], piece[_FILLED:]])
        return before

    def remove(self, key: Key) -> None:
        """Take a key out that is there."""
        which, place = self._find(key)
        piece = self._pieces[which]
        del piece[place]
        self._sizes[which] -= 1
        self._size -= 1
        self._ends = None
        if len(piece) < _SHORTEST:
            self._join(which)
        elif place == len(piece):
            self._lasts[which] = piece[-1]

    def before(self, key: Key) -> int:
        """How many keys are before one that is there."""
        which, place = self._find(key)
        return sum(self._sizes[:which]) + place

    def cut(self, start: int, count: int) -> list[Key]:
        """The keys from place `start` on, counted from 0, `count` of them or as many as there are."""
        if start >= self._size:
            return []
        which, first = self._piece_at(start)
        if first + count <= self._sizes[which]:
            return self._pieces[which][first : first + count]
        behind = (key for piece in self._pieces[which:] for key in piece)
        return list(islice(behind, first, first + count))

    def dissolve(self) -> None:
        """Forget all keys, piece by piece."""
        while self._pieces:
            self._pieces.pop()
        self._lasts.clear()
        self._sizes.clear()
        self._size, self._ends = 0, None

    def check(self) -> None:
        """Raise AssertionError when the pieces contradict what is known of them. For tests."""
        assert all(self._pieces), "an empty piece"  # noqa: S101 -- what a check is for
        assert self._lasts == [piece[-1] for piece in self._pieces], "wrong ends"  # noqa: S101 -- as above
        assert self._sizes == [len(piece) for piece in self._pieces], "wrong sizes"  # noqa: S101 -- as above
        assert self._size == sum(self._sizes), "a wrong size"  # noqa: S101 -- as above

    def _piece_at(self, place: int) -> tuple[int, int]:
        """Which piece a place is in, and where there."""
        if place < self._sizes[0]:
            return 0, place
        if self._ends is None:
            self._ends = list(accumulate(self._sizes))
        which = bisect_right(self._ends, place)
        return which, place - self._ends[which - 1]

    def _find(self, key: Key) -> tuple[int, int]:
        which = bisect_left(self._lasts, key)
        return which, bisect_left(self._pieces[which], key)

    def _join(self, which: int) -> None:
        """Put a piece that has become short together with a neighbour."""
        start = max(0, min(which, len(self._pieces) - 2))
        joined = [key for piece in self._pieces[start : start + 2] for key in piece]
        self._set(start, start + 2, list(_cut_up(joined)))

    def _set(self, start: int, stop: int, pieces: list[list[Key]]) -> None:
        self._pieces[start:stop] = pieces
        self._lasts[start:stop] = [piece[-1] for piece in pieces]
        self._sizes[start:stop] = [len(piece) for piece in pieces]


def _cut_up(keys: list[Key]) -> Iterator[list[Key]]:
    """Into pieces that have room for more; none of nothing."""
    if len(keys) <= _LONGEST:
        if keys:
            yield keys
        return
    for start in range(0, len(keys), _FILLED):
        yield keys[start : start + _FILLED]


def _sorted_pieces(keys: Collection[Key]) -> Iterator[list[Key]]:
    """One call that sorts a million would keep every other thread waiting for as long as it takes.

    So they are first dealt out by size, between keys that are picked at regular distances.
    """
    picked = sorted(islice(keys, 0, None, _FILLED))
    dealt: list[list[Key]] = [[] for _ in range(len(picked) + 1)]
    for key in keys:
        dealt[bisect_right(picked, key)].append(key)
    for some in dealt:
        some.sort()
    return _evened_out(dealt)


def _evened_out(dealt: Iterable[list[Key]]) -> Iterator[list[Key]]:
    carried: list[Key] = []
    for some in dealt:
        carried += some
        if len(carried) >= _FILLED:
            yield from _cut_up(carried)
            carried = []
    yield from _cut_up(carried)
