"""One watcher's place: at most one write in flight, and whoever lags gets the newest state."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..rules.claims import Identity
from ..rules.refusals import Refusal
from . import frames

if TYPE_CHECKING:
    from .hub import Hub

Write = Callable[[bytes], "Future[None] | None"]
"""Hands bytes to the transport: None when they have left, else a future that is done when they have, and
fails when they never will."""


class Seat:
    """What one open socket has been shown.

    While a write is in flight nothing is queued: what was missed is made up by one snapshot of the newest
    state, and the user's own score by one message with the summed change.
    """

    def __init__(self, hub: Hub, write: Write, dismiss: Callable[[Refusal | None], None]) -> None:
        """dismiss: tells the watcher to go, and why; None when the server is stopping."""
        self._hub = hub
        self._write_bytes = write
        self._dismiss = dismiss
        self._writing = False
        self._missed_board = False
        self._missed_score = False
        self._told: int = 0
        self.identity: Identity | None = None

    @property
    def user(self) -> str | None:
        """Who the watcher has proved to be."""
        return self.identity.user if self.identity is not None else None

    def show(self, frame: bytes) -> None:
        """The next state of the board."""
        if self._writing:
            self._missed_board = True
        elif (written := self._write_bytes(frame)) is not None:
            self._wait_for(written)

    def own(self, identity: Identity) -> None:
        """This watcher is that user from now on; changes are counted from the score of this moment.

        A watcher who proves it again, with a newer token, misses nothing.
        """
        if identity.user != self.user:
            self._told = self._hub.score_of(identity.user)
        self.identity = identity

    def dismiss(self, why: Refusal | None) -> None:
        """Send the watcher away; whatever it has missed, it is shown nothing more."""
        self._hub.leave(self)
        self._missed_board = self._missed_score = False
        self._dismiss(why)

    def score_moved(self) -> None:
        """The user's own score or rank may have moved."""
        if self._writing:
            self._missed_score = True
            return
        assert self.user is not None  # noqa: S101 -- only an owned seat is told
        standing = self._hub.standing(self.user)
        score = standing.score if standing else 0
        change = score - self._told
        if change:
            self._told = score
            self._write(frames.score_update(score, standing.rank if standing else None, change))

    def _write(self, frame: bytes) -> None:
        if (written := self._write_bytes(frame)) is not None:
            self._wait_for(written)

    def _wait_for(self, written: Future[None]) -> None:
        if not written.done():
            self._writing = True
            written.add_done_callback(self._written)
        else:
            written.exception()  # a socket that has gone is noticed by its reader

    def _written(self, written: Future[None]) -> None:
        self._writing = False
        if written.cancelled() or written.exception() is not None:
            return
        if self._missed_board:
            self._missed_board = False
            self._hub.counts.catching_up += 1
            self._write(self._hub.published.snapshot)
        if self._missed_score:
            self._missed_score = False
            self.score_moved()
