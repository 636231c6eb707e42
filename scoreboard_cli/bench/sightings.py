"""Which states the watchers of one process have seen, and when the last of them had. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..watched_board import Update, read_update

_KEPT = 64  # messages: the same bytes come to everybody, mostly while no other ones do


class Sightings:
    """markers: how the ids of the users begin whose scores are noted. clock: ns."""

    def __init__(self, markers: str, clock: Callable[[], int]) -> None:
        self._markers = markers
        self._clock = clock
        self._read: dict[bytes, Update | None] = {}
        self._latest: list[tuple[str, int] | None] = []
        self._watching = 0
        self._counts: dict[tuple[str, int], int] = {}
        self._scores: dict[str, int] = {}
        self._states: dict[tuple[str, int], dict[str, int]] = {}
        self._seen: dict[tuple[str, int], int] = {}
        self._newest: tuple[str, int] | None = None
        self.bytes = 0
        self._frames = 0
        self._lost = 0

    def new_place(self) -> int:
        """A watcher's number."""
        self._latest.append(None)
        return len(self._latest) - 1

    def come(self, place: int) -> None:
        """This watcher counts from now on."""
        self._watching += 1

    def go(self, place: int) -> None:
        """This watcher doesn't count any more."""
        self._watching -= 1
        self._lost += 1

    def see(self, place: int, message: bytes) -> None:
        """A message has come to this watcher. Raises ValueError when it is none."""
        update = self._update(message)
        if update is None:
            return
        self._frames += 1
        state = (update.epoch, update.version)
        self._note(state, update)
        before, self._latest[place] = self._latest[place], state
        # A snapshot makes up for what was missed: all states until this one count as seen.
        first = before[1] + 1 if before is not None and before[0] == update.epoch else update.version
        for version in range(first, update.version + 1):
            self._count((update.epoch, version))

    def _update(self, message: bytes) -> Update | None:
        if message not in self._read:
            if len(self._read) >= _KEPT:
                del self._read[next(iter(self._read))]
            self._read[message] = read_update(message)
        return self._read[message]

    def _note(self, state: tuple[str, int], update: Update) -> None:
        """Keep the markers' scores of a state that nobody here has seen before."""
        is_new = self._newest is None or state[0] != self._newest[0] or state[1] > self._newest[1]
        if not is_new:
            return
        follows = self._newest is not None and state == (self._newest[0], self._newest[1] + 1)
        if not update.snapshot and not follows:
            return
        if update.snapshot:
            self._scores = {}
        for user in update.data.removed:
            self._scores.pop(user, None)
        for row in update.data.updated_positions:
            if row.user_id.startswith(self._markers):
                self._scores[row.user_id] = row.score
        self._states[state] = dict(self._scores)
        self._newest = state

    def _count(self, state: tuple[str, int]) -> None:
        count = self._counts.get(state, 0) + 1
        if count >= self._watching:
            self._seen.setdefault(state, self._clock())
            self._counts.pop(state, None)
        else:
            self._counts[state] = count

    def reset(self) -> None:
        """Count anew; the watchers stay where they are."""
        self.bytes = self._frames = self._lost = 0
        newest = self._newest
        self._states = {newest: dict(self._scores)} if newest is not None else {}
        self._seen = {}

    def report(self) -> dict[str, Any]:
        """What happened since. states: [epoch, version, scores]; seen: [epoch, version, when by all here]."""
        return {
            "bytes": self.bytes,
            "frames": self._frames,
            "lost": self._lost,
            "states": [[*state, scores] for state, scores in self._states.items()],
            "seen": [[*state, moment] for state, moment in self._seen.items()],
        }
