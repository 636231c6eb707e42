"""The board this process shows, with the epoch and the season it belongs to."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from ..rules.board import Board
from ..rules.seasons import Season


class LiveBoard:
    """The one mutable thing that everyone looks at.

    Every change is synchronous, so between two awaits the board stands still. `epoch` names one continuous
    life of the board: after a reload there is another. `revision` rises with every change that anybody
    could see, in ranks, scores or names, within one epoch.
    """

    def __init__(self, board: Board, season: Season) -> None:
        self.board = board
        self.season = season
        self.epoch = secrets.token_hex(8)
        self.revision = 0
        self._listeners: list[Callable[[str | None], None]] = []

    def on_change(self, listener: Callable[[str | None], None]) -> None:
        """Call `listener(user)` after each change; `None` for a change of everything."""
        self._listeners.append(listener)

    def apply(self, user: str, points: int, at: int) -> tuple[int, int | None]:
        """As `Board.apply`."""
        result = self.board.apply(user, points, at)
        self._changed(user)
        return result

    def repaint(self, user: str) -> None:
        """The user's name or avatar has changed."""
        self._changed(user)

    def hide(self, user: str) -> None:
        """As `Board.hide`."""
        if self.board.hide(user):
            self._changed(user)

    def show(self, user: str) -> None:
        """As `Board.show`."""
        if self.board.show(user):
            self._changed(user)

    def replace(self, board: Board, season: Season) -> None:
        """Show another board, under a new epoch."""
        self.board = board
        self.season = season
        self.epoch = secrets.token_hex(8)
        self._changed(None)

    def _changed(self, user: str | None) -> None:
        self.revision += 1
        for listener in self._listeners:
            listener(user)
