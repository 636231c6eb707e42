"""What a watcher receives: rows, published states and their bytes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import msgspec
from msgspec import Struct

from ..rules.board import Standing
from ..rules.profiles import Profile

_encode = msgspec.json.Encoder().encode


class Row(Struct, frozen=True, rename="camel"):
    """One line of the board as clients see it."""

    user_id: str
    username: str
    avatar_url: str | None
    score: int
    rank: int


def row(standing: Standing, profile: Profile | None) -> Row:
    """A standing with the name to show; a user who has told no name is shown by id."""
    name = profile.name if profile else None
    avatar = profile.avatar if profile else None
    return Row(standing.user, name or standing.user, avatar, standing.score, standing.rank)


class Published:
    """One published state of the top. Immutable but for the cached bytes.

    version: counts the published states of the epoch, from 1. revision: of the live board, when this was
    published. last_at: µs since the Unix epoch.
    """

    def __init__(
        self, *, epoch: str, version: int, revision: int, rows: tuple[Row, ...], total: int, last_at: int
    ) -> None:
        self.epoch = epoch
        self.version = version
        self.revision = revision
        self.rows = rows
        self.total = total
        self.last_at = last_at

    def shows_same(self, other: Published) -> bool:
        """True when a watcher could not tell the two apart."""
        return self.epoch == other.epoch and self.total == other.total and self.rows == other.rows

    @cached_property
    def snapshot(self) -> bytes:
        """The whole state as a text frame."""
        return self._update(self.rows, (), snapshot=True)

    def since(self, previous: Published) -> bytes:
        """What has changed since `previous`, as a text frame; the whole state when the epoch has changed."""
        if previous.epoch != self.epoch:
            return self.snapshot
        was = set(previous.rows)
        still = {r.user_id for r in self.rows}
        removed = (r.user_id for r in previous.rows if r.user_id not in still)
        return self._update((r for r in self.rows if r not in was), removed, snapshot=False)

    def _update(self, rows: Iterable[Row], removed: Iterable[str], *, snapshot: bool) -> bytes:
        return text_frame(
            {
                "type": "leaderboard.update",
                "epoch": self.epoch,
                "version": self.version,
                "snapshot": snapshot,
                "data": {
                    "updatedPositions": list(rows),
                    "removed": list(removed),
                    "totalUsers": self.total,
                },
            }
        )


def score_update(score: int, rank: int | None, change: int) -> bytes:
    """A user's own score has moved by `change` since it was last told, as a text frame."""
    data = {"newScore": score, "leaderboardPosition": rank, "change": change}
    return text_frame({"type": "user.scoreUpdate", "data": data})


def text_frame(message: object) -> bytes:
    """The message as JSON in one unmasked, final WebSocket text frame (RFC 6455, section 5.2)."""
    payload = _encode(message)
    size = len(payload)
    if size < 126:
        return b"\x81" + bytes((size,)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload
