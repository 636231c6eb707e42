"""Looking at the board once, without a server: the same order and rows, from a snapshot."""

from __future__ import annotations

from typing import Any

import msgspec

from ..live.frames import row
from ..live.reader import View, timestamp
from .loading import load_board
from .ports import ProfileStore, Snapshots


async def look(
    snapshots: Snapshots, profiles: ProfileStore, view: View, now_us: int
) -> dict[str, Any] | None:
    """What `GET /api/leaderboard` would say of this view, less epoch and version.

    None when the view's season isn't the current one. Raises StoreUnavailable.
    """
    loaded = await load_board(snapshots, now_us)
    if view.season not in (None, loaded.season.name):
        return None
    standings = view.select(loaded.board)
    names = await profiles.load([s.user for s in standings])
    last_at = loaded.board.last_at
    return {
        "leaderboard": [msgspec.to_builtins(row(s, names.get(s.user))) for s in standings],
        "totalUsers": len(loaded.board),
        "lastUpdated": timestamp(last_at) if last_at else None,
        "season": loaded.season.name,
    }
