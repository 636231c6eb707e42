"""Reading the board: pages, neighbourhoods and chosen users, each agreeing with a published version."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ..rules.board import Board, Standing
from ..rules.instants import timestamp
from ..rules.refusals import NotFound
from .frames import Published, Row, row
from .hub import Hub, Names
from .live_board import LiveBoard

_encode = msgspec.json.Encoder().encode
_CACHED_VIEWS = 256


class View(Struct, frozen=True):
    """What part of the board to read.

    Ranks `offset + 1` to `offset + limit`, or `limit` rows with the user `around` in the middle, or just
    `users`. season: its name, None for the current one. announced: of a sealed one, the board that was
    announced instead of the one that was corrected since. asker: whose own rank is wanted beside it.
    """

    limit: int
    offset: int = 0
    around: str | None = None
    users: tuple[str, ...] = ()
    season: str | None = None
    announced: bool = False
    asker: str | None = None

    @property
    def size(self) -> int:
        """How many rows it may have."""
        return len(self.users) or self.limit

    def select(self, board: Board) -> list[Standing]:
        """The standings of this view, by rank."""
        if self.around is not None:
            return board.around(self.around, self.limit)
        if self.users:
            chosen = (board.standing(user) for user in set(self.users))
            return sorted((s for s in chosen if s is not None), key=lambda s: s.rank)
        return board.page(self.offset, self.limit)


class OwnRank(Struct, frozen=True):
    """The asker's place."""

    rank: int
    score: int


class Leaderboard(Struct, frozen=True, rename="camel"):
    """The answer to a view. `last_updated` is RFC 3339 in UTC, None while nothing has been counted."""

    leaderboard: list[Row]
    total_users: int
    last_updated: str | None
    season: str
    epoch: str
    version: int
    user_rank: OwnRank | UnsetType | None = UNSET


class Reading(Struct, frozen=True):
    """The answer as bytes of JSON, and the strong validator that goes with it (RFC 9110, section 8.8.3).

    etag: None when names are missing because the store is away: the same state will read differently soon.
    """

    body: bytes
    etag: str | None


class Reader:
    """Reads views; the bytes of each are built once per publication."""

    def __init__(self, live: LiveBoard, hub: Hub, names: Names) -> None:
        self._live = live
        self._hub = hub
        self._names = names
        self._readings: dict[View, Reading] = {}
        self._readings_of: Published | None = None

    async def read(self, view: View) -> Reading:
        """The view's current reading.

        Raises NotFound `season_not_found` and Unavailable `overloaded`.
        """
        if view.season is not None and view.season != self._live.season.name:
            raise _no_such_season()
        kept = self._readings.get(view)
        if kept is not None and self._readings_of is self._hub.published and self._hub.is_published():
            return kept
        state, (standings, own, season) = await self._hub.look(
            lambda board: (view.select(board), _own(board, view), self._live.season.name),
            key=view,
            rows=view.size,
        )
        if self._readings_of is state and view in self._readings:  # another has asked for it, too
            return self._readings[view]
        if view.season not in (None, season):  # another has begun meanwhile
            raise _no_such_season()
        rows, complete = await self._rows(standings, state)
        answer = Leaderboard(
            leaderboard=rows,
            total_users=state.total,
            last_updated=timestamp(state.last_at) if state.last_at else None,
            season=season,
            epoch=state.epoch,
            version=state.version,
            user_rank=own,
        )
        if not complete:
            return Reading(_encode(answer), None)
        return self._keep(view, state, Reading(_encode(answer), _etag(state, view)))

    async def user(self, user: str) -> Row:
        """One user's row. Raises NotFound `user_not_found` and Unavailable `overloaded`."""
        state, standing = await self._hub.look(lambda board: board.standing(user), key=user)
        if standing is None:
            raise NotFound("user_not_found", "No user of that id is on the board.")
        rows, _ = await self._rows([standing], state)
        return rows[0]

    async def _rows(self, standings: list[Standing], state: Published) -> tuple[list[Row], bool]:
        """The rows, and whether each has the name that it should have."""
        # The published rows are what the sockets have; a name that was learnt since then must wait.
        published = {r.user_id: r for r in state.rows}
        unknown = [s.user for s in standings if s.user not in published and self._names.known(s.user) is None]
        if unknown:
            await self._names.fetch(unknown)
        rows = [published.get(s.user) or row(s, self._names.shown(s.user)) for s in standings]
        return rows, all(self._names.known(user) is not None for user in unknown)

    def _keep(self, view: View, state: Published, reading: Reading) -> Reading:
        if self._readings_of is not state:
            self._readings = {}
            self._readings_of = state
        if len(self._readings) < _CACHED_VIEWS and view.asker is None:
            self._readings[view] = reading
        return reading


def _no_such_season() -> NotFound:
    return NotFound("season_not_found", "There is no season of that name.")


def _own(board: Board, view: View) -> OwnRank | UnsetType | None:
    if view.asker is None:
        return UNSET
    standing = board.standing(view.asker)
    return OwnRank(standing.rank, standing.score) if standing else None


def _etag(state: Published, view: View) -> str:
    # The view is hashed by its own text: `hash()` of strings differs between processes, but so do epochs.
    return f'"{state.epoch}-{state.revision}-{hash(view) & 0xFFFFFFFF:x}"'
