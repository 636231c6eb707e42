"""The board as a watcher knows it: a snapshot, and every update in its order."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from scoreboard_server.live.frames import Row


class Changes(msgspec.Struct, frozen=True, rename="camel"):
    """What an update says about the rows."""

    updated_positions: list[Row]
    removed: list[str]
    total_users: int


class Update(msgspec.Struct, frozen=True):
    """A message of the type `leaderboard.update`."""

    epoch: str
    version: int
    snapshot: bool
    data: Changes


class _Message(msgspec.Struct):
    type: str


@dataclass(frozen=True, slots=True)
class Board:
    """One published state. rows: by rank."""

    epoch: str
    version: int
    total: int
    rows: tuple[Row, ...]


def read_update(message: bytes) -> Update | None:
    """The update that a message is; None for any other message. Raises ValueError for what is none at all."""
    if msgspec.json.decode(message, type=_Message).type != "leaderboard.update":
        return None
    return msgspec.json.decode(message, type=Update)


def apply(board: Board | None, update: Update) -> Board | None:
    """The board after an update; None when the two are out of step."""
    if not update.snapshot and (board is None or not _follows(board, update)):
        return None
    known = board.rows if board is not None and not update.snapshot else ()
    rows = {row.user_id: row for row in known}
    for user in update.data.removed:
        rows.pop(user, None)
    rows |= {row.user_id: row for row in update.data.updated_positions}
    ranked = tuple(sorted(rows.values(), key=lambda row: row.rank))
    return Board(update.epoch, update.version, update.data.total_users, ranked)


def _follows(board: Board, update: Update) -> bool:
    return board.epoch == update.epoch and board.version + 1 == update.version
