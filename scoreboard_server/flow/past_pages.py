"""Past pages: parts of past boards that were read, kept while there is room, for all who ask for them.

An edition doesn't change: a correction writes another one, and the season book knows which one is shown as
soon as the feed has told it. So rows that were read stay right. What was made of them stays right while the
names and what else is told of the season are the same, which is looked at in memory each time: so renaming
shows at once, and a client that has the page already (304) costs the store nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from msgspec import Struct

from ..live.reader import Reading
from ..rules.board import Standing
from ..rules.profiles import Profile
from ..rules.seasons import Season
from .editions import Edition, EditionGone, Part, read_part
from .few_at_once import FewAtOnce, NotReached, timed_out
from .few_readers import few_readers
from .ports import Archives

ROOM_BYTES = 8 << 20
# About what a standing takes, with its user's id and its places in lists.
_ROW_BYTES = 300
# Whoever wants a screenful goes beside those who want a thousand rows, not behind them.
_SMALL_ROWS = 100

_Key = tuple[Edition, Part]
_Reading = asyncio.Task[list[Standing] | None]


class Told(Struct, frozen=True):
    """What was made of the rows: right for as long as the season and the shown names are these."""

    season: Season
    names: list[Profile | None]
    reading: Reading


class _Page:
    """The rows of a part, and what was told of them last."""

    __slots__ = ("rows", "told", "weight")

    def __init__(self, part: Part, rows: list[Standing]) -> None:
        self.rows = rows
        self.told: Told | None = None
        self.weight = _ROW_BYTES * (1 + len(rows) + len(part.users))


class PastPages:
    """Reads each part once, a few at a time, and keeps those that were asked for last.

    room: how many bytes it may keep.
    """

    def __init__(self, archives: Archives, room: int = ROOM_BYTES) -> None:
        self._archives = archives
        self._room = room
        self._small, self._large = few_readers(), few_readers(1)
        self._under_way: dict[_Key, _Reading] = {}
        self._kept: OrderedDict[_Key, _Page] = OrderedDict()
        self.bytes = 0

    async def rows(self, edition: Edition, part: Part, deadline: float) -> list[Standing]:
        """The rows of that part. Raises EditionGone, NotReached."""
        key = (edition, part)
        if (page := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return page.rows
        readers = self._small if part.size <= _SMALL_ROWS else self._large
        while True:
            reading = self._reading(readers, key, deadline)
            try:
                rows = await readers.result(reading, deadline)
            except NotReached:
                # It has waited for a place for as long as another wanted to; there may be more time now.
                if not timed_out(reading) or asyncio.get_running_loop().time() >= deadline:
                    raise
                continue
            if rows is None:
                raise EditionGone
            return rows

    def _reading(self, readers: FewAtOnce, key: _Key, deadline: float) -> _Reading:
        """The one under way, or a new one. Raises NotReached."""
        reading = self._under_way.get(key)
        if reading is None or reading.done():
            reading = self._under_way[key] = readers.start(lambda: self._read(key), deadline)
            reading.add_done_callback(lambda done: self._forget(key, done))
        return reading

    def _forget(self, key: _Key, reading: _Reading) -> None:
        if self._under_way.get(key) is reading:
            del self._under_way[key]

    def told(self, edition: Edition, part: Part) -> Told | None:
        """What was told of it last, if that is still kept."""
        page = self._kept.get((edition, part))
        return page.told if page is not None else None

    def tell(self, edition: Edition, part: Part, told: Told) -> None:
        """Keep what is told of it, if it has its room still."""
        page = self._kept.get((edition, part))
        if page is None:
            return
        before = len(page.told.reading.body) if page.told is not None else 0
        grown = 2 * (len(told.reading.body) - before)  # the names are kept as well
        page.told = told
        page.weight += grown
        self._make_room(grown)

    async def _read(self, key: _Key) -> list[Standing] | None:
        """None when the edition is gone, which is no fault also when nobody waits any more."""
        edition, part = key
        try:
            rows = await read_part(self._archives, edition, part)
        except EditionGone:
            return None
        page = self._kept[key] = _Page(part, rows)
        self._make_room(page.weight)
        return rows

    def _make_room(self, grown: int) -> None:
        self.bytes += grown
        while self.bytes > self._room:
            _, oldest = self._kept.popitem(last=False)
            self.bytes -= oldest.weight
