"""Looking at a board once, without a server: the same order and rows, from a snapshot or an archive."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

import msgspec

from ..live.frames import row
from ..live.reader import View
from ..rules.board import Standing
from ..rules.instants import timestamp
from ..rules.profiles import Profile
from ..rules.seasons import Season
from .editions import read_part
from .loading import Loaded, load_board
from .past_boards import recall, told
from .ports import Archives, ProfileStore, Seasons, Snapshots
from .season_keeping import named


class BoardStore(Protocol):
    """What a look takes."""

    @property
    def snapshots(self) -> Snapshots:
        """Where the current board is read from."""
        ...

    @property
    def seasons(self) -> Seasons:
        """Which there are."""
        ...

    @property
    def archives(self) -> Archives:
        """Where the others are read from."""
        ...

    @property
    def profiles(self) -> ProfileStore:
        """How users are shown."""
        ...


async def look(store: BoardStore, view: View, now_us: int) -> dict[str, Any]:
    """What `GET /api/leaderboard` would say of this view, less epoch and version.

    Raises NotFound `season_not_found`, Unavailable `season_closing`; StoreUnavailable.
    """
    season = named(await store.seasons.all(), view.season) if view.season is not None else None
    if season is not None and not season.is_current:
        past = await recall(partial(read_part, store.archives), season, view, lambda _: store.seasons.all())
        names = await store.profiles.load([s.user for s in past.rows])
        answer: dict[str, Any] = msgspec.to_builtins(told(past, view, names))
        return {name: value for name, value in answer.items() if name not in ("epoch", "version")}
    loaded = await load_board(store.snapshots, now_us)
    standings = view.select(loaded.board)
    return _of_now(loaded, view, await store.profiles.load([s.user for s in standings]))


async def find_standing(
    store: BoardStore, user: str, season: str | None, now_us: int
) -> tuple[Season, Standing | None]:
    """The season of that name, the current one for None, and the user's place in it as it is now.

    Raises NotFound `season_not_found`, Unavailable `season_closing`; StoreUnavailable.
    """
    if season is not None:
        chosen = named(await store.seasons.all(), season)
        if not chosen.is_current:
            read = partial(read_part, store.archives)
            past = await recall(read, chosen, View(1, users=(user,)), lambda _: store.seasons.all())
            return chosen, past.rows[0] if past.rows else None
    loaded = await load_board(store.snapshots, now_us)
    return loaded.season, loaded.board.standing(user)


def _of_now(loaded: Loaded, view: View, names: Mapping[str, Profile]) -> dict[str, Any]:
    last_at = loaded.board.last_at
    rows = [msgspec.to_builtins(row(s, names.get(s.user))) for s in view.select(loaded.board)]
    return {
        "leaderboard": rows,
        "totalUsers": len(loaded.board),
        "lastUpdated": timestamp(last_at) if last_at else None,
        "season": loaded.season.name,
    }
