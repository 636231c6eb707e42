"""The hub: publishes the board to every watcher, at most once per interval."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Hashable
from typing import Protocol, TypeVar

from ..rules.board import Board, Standing
from ..rules.claims import Identity
from ..rules.profiles import Profile
from ..rules.refusals import Refusal
from ..rules.seasons import Season
from .counts import Publications
from .frames import Published, row
from .live_board import LiveBoard
from .looks import Looks
from .seat import Seat

# How long until missing names are asked for again.
NAMES_PAUSE_S = 1.0
# How long at most the loop stands still for those who wait for a publication.
_ANSWERING_S = 0.1

T = TypeVar("T")


class Names(Protocol):
    """How users are shown, as far as it is known in memory."""

    def known(self, user: str) -> Profile | None:
        """The profile, None when it has to be fetched."""
        ...

    def shown(self, user: str) -> Profile | None:
        """The profile, or as much of it as is known before it is fetched; None for nothing."""
        ...

    async def fetch(self, users: Collection[str]) -> None:
        """Make these users known. May fail silently, and soon; then they stay unknown."""
        ...


class Hub:
    """Turns changes of the live board into versions, frames and consistent views.

    top: how many rows are published. interval: seconds between two publications at least.
    """

    def __init__(self, live: LiveBoard, names: Names, *, top: int, interval: float) -> None:
        self._live = live
        self._names = names
        self._top = top
        self._interval = interval
        self._answering = min(interval / 2, _ANSWERING_S)
        self._changed = asyncio.Event()
        self._seats: set[Seat] = set()
        self._owned: dict[str, set[Seat]] = {}
        self._moved: set[str] = set()
        self._looks = Looks()
        self._shown_by_id: set[str] = set()
        self.counts = Publications()
        self.published = self._state(version=1)
        live.on_change(self._announce)

    # --- what watchers do -------------------------------------------------------------------------

    def join(self, seat: Seat) -> None:
        """A new watcher: shown the published state at once, and each later one."""
        self._seats.add(seat)
        seat.show(self.published.snapshot)

    def own(self, seat: Seat, identity: Identity) -> None:
        """The watcher has proved who it is."""
        self._disown(seat)
        seat.own(identity)
        self._owned.setdefault(identity.user, set()).add(seat)

    def leave(self, seat: Seat) -> None:
        """The watcher has gone."""
        self._seats.discard(seat)
        self._disown(seat)

    def dismiss_all(self) -> None:
        """The server is stopping: send every watcher away."""
        for seat in list(self._seats):
            seat.dismiss(None)

    def dismiss(self, user: str, which: Callable[[Identity], bool], why: Refusal) -> None:
        """Send those of a user's watchers away whose identity is such a one."""
        for seat in list(self._owned.get(user, ())):
            if seat.identity is not None and which(seat.identity):
                seat.dismiss(why)

    def watches(self, user: str) -> int:
        """How many watchers the user is."""
        return len(self._owned.get(user, ()))

    def __len__(self) -> int:
        """How many watch."""
        return len(self._seats)

    def owners(self) -> list[str]:
        """The users who watch."""
        return list(self._owned)

    def _disown(self, seat: Seat) -> None:
        seats = self._owned.get(seat.user) if seat.user is not None else None
        if seats is not None and seat.user is not None:
            seats.discard(seat)
            if not seats:
                del self._owned[seat.user]

    # --- what readers do --------------------------------------------------------------------------

    @property
    def season(self) -> Season:
        """Of the board of now."""
        return self._live.season

    def standing(self, user: str) -> Standing | None:
        """The user's standing now."""
        return self._live.board.standing(user)

    def score_of(self, user: str) -> int:
        """The user's score now, 0 for who isn't on the board."""
        standing = self.standing(user)
        return standing.score if standing else 0

    async def look(
        self, query: Callable[[Board], T], *, key: Hashable = None, rows: int = 1
    ) -> tuple[Published, T]:
        """A published state and the query's answer from the very board it was published from.

        Answers at once when nothing has changed since the last publication, else at the next one.
        `query` must not await and must not fail. key: equal for equal queries, None for one of its own kind.
        rows: how large the answer may get. Raises Unavailable `overloaded` where more is asked than can be
        answered beside all else.
        """
        if self.is_published():
            return self.published, query(self._live.board)
        return await self._looks.wait(query, object() if key is None else key, rows)

    def is_published(self) -> bool:
        """Whether the board is as it was published."""
        return self.published.revision == self._live.revision

    # --- publishing -------------------------------------------------------------------------------

    def _announce(self, user: str | None) -> None:
        if user is None:
            self._moved.update(self._owned)
        elif user in self._owned:
            self._moved.add(user)
        self._changed.set()

    def begin_again(self) -> None:
        """Before anybody watches: the first state, with the names that are known by now."""
        self.published = self._state(version=1)

    async def run(self) -> None:
        """Publish for ever. To be supervised."""
        while True:
            await self._until_changed()
            await self._learn_new_names()
            self._publish()
            spent = await self._answer_looks()
            await asyncio.sleep(max(self._interval / 2, self._interval - spent))

    async def _until_changed(self) -> None:
        """Return when there is something to publish: a change, or a name that was missing."""
        while not self._changed.is_set() and (nameless := set(self._nameless())):
            if nameless <= self._shown_by_id and await self._has_changed_within(NAMES_PAUSE_S):
                return
            await self._names.fetch(nameless)
            self._shown_by_id = nameless
            for user in nameless:
                if self._names.known(user) is not None:
                    self._live.repaint(user)
        await self._changed.wait()

    async def _has_changed_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        return self._changed.is_set()

    async def _learn_new_names(self) -> None:
        """Wait a little for the name of who is new at the top, once; then the id is shown."""
        if new := set(self._nameless()) - self._shown_by_id:
            await self._names.fetch(new)
        self._shown_by_id = set(self._nameless())

    def _nameless(self) -> list[str]:
        return [s.user for s in self.leaders() if self._names.known(s.user) is None]

    def leaders(self) -> list[Standing]:
        """Who is shown."""
        return self._live.board.page(0, self._top)

    def _state(self, version: int) -> Published:
        return Published(
            epoch=self._live.epoch,
            version=version,
            revision=self._live.revision,
            rows=tuple(row(s, self._names.shown(s.user)) for s in self.leaders()),
            total=len(self._live.board),
            last_at=self._live.board.last_at,
        )

    def _publish(self) -> None:
        begun = time.perf_counter()
        self._changed.clear()
        previous = self.published
        version = previous.version if self._live.epoch == previous.epoch else 0
        state = self._state(version)
        if not state.shows_same(previous):
            state.version += 1
            self.counts.versions += 1
            self._fan_out(state.since(previous))
        self.published = state
        self._tell_owners()
        self.counts.seconds.add(time.perf_counter() - begun)

    def _fan_out(self, frame: bytes) -> None:
        for seat in self._seats:
            seat.show(frame)

    def _tell_owners(self) -> None:
        moved, self._moved = self._moved, set()
        for user in moved:
            for seat in self._owned.get(user, ()):
                seat.score_moved()

    async def _answer_looks(self) -> float:
        """Answer those who wait, turn by turn, while the board is as it was published; how long it took."""
        begun = time.perf_counter()
        while self._looks and self.is_published():
            self._looks.answer(self.published, self._live.board, self._answering)
            await asyncio.sleep(0)
        return time.perf_counter() - begun
