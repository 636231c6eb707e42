"""When was a submission seen by all? Its user's score only rises, so a board tells what it includes. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """A submission that can be recognised: after it, the user had that score. sent: ns."""

    user: str
    score: int
    sent: int


@dataclass(frozen=True, slots=True)
class State:
    """One published state. scores: of the marking users who are shown. seen: ns when the last watcher got it,
    None when not all did.
    """

    scores: Mapping[str, int]
    seen: int | None


def seen_after(marks: Iterable[Mark], states: Sequence[State]) -> list[int]:
    """For each submission that can be told: ns from being sent until all had seen a state that includes it.

    states: in their order. One whose user was not shown just before can't be told: it may have been included
    long before anybody could see so.
    """
    lines = _Lines(states)
    found = ((mark, lines.first_with(mark)) for mark in marks)
    return [seen - mark.sent for mark, seen in found if seen is not None and seen >= mark.sent]


class _Lines:
    """Each user's scores over the states."""

    def __init__(self, states: Sequence[State]) -> None:
        self._states = states
        self._places: dict[str, list[int]] = {}
        self._scores: dict[str, list[int]] = {}
        for place, state in enumerate(states):
            for user, score in state.scores.items():
                self._places.setdefault(user, []).append(place)
                self._scores.setdefault(user, []).append(score)

    def first_with(self, mark: Mark) -> int | None:
        scores, places = self._scores.get(mark.user, []), self._places.get(mark.user, [])
        at = bisect_left(scores, mark.score)
        if at in (0, len(scores)) or places[at - 1] != places[at] - 1:
            return None
        return self._states[places[at]].seen
