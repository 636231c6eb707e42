"""A season: the span over which entries add up to one board.

One is current. When it is closed it is sealed: its entries and standings stay as they are for ever, and the
next begins empty. The board of a sealed one is kept twice: as announced, which never changes, and as
corrected by what admins have decided since.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator

from msgspec import Struct

from .board import Standing
from .schedules import Schedule

FIRST_NUMBER = 1
ANNOUNCED = 0
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class Archive(Struct, frozen=True):
    """The final board of a sealed season, with what it was folded from.

    users: on the announced board. entries: of the season, when it was sealed. digest: SHA-256 of its
    canonical export, in hex. last_at: when the last action of them was counted (µs since the Unix epoch, 0
    for none). edition: the newest board that was written; ANNOUNCED, or after so many corrections.
    corrected_users: on that one.
    """

    users: int
    entries: int
    digest: str
    last_at: int
    edition: int = ANNOUNCED
    corrected_users: int = 0


class Seal(Struct, frozen=True):
    """How a season ended. at: µs since the Unix epoch. by: whoever closed it.

    corrections: rises with each correction since; a large one is written in several steps. archive: None
    while it is being written.
    """

    at: int
    by: str
    corrections: int = 0
    archive: Archive | None = None


class Season(Struct, frozen=True):
    """number: its identity, from 1. name: how people call it. Times are in µs since the Unix epoch.

    ends_at: when it closes by itself, None for never. schedule: what sets that for those after it.
    """

    number: int
    name: str
    started_at: int
    ends_at: int | None = None
    schedule: Schedule | None = None
    seal: Seal | None = None

    @property
    def is_current(self) -> bool:
        """Whether actions are counted in it now."""
        return self.seal is None

    @property
    def is_behind(self) -> bool:
        """Whether its newest board does not show yet what admins have decided, or there is none."""
        return self.seal is not None and (
            self.seal.archive is None or self.seal.archive.edition < self.seal.corrections
        )


class Closing(Struct, frozen=True):
    """Somebody's wish to close a season, which is kept until they know that it came true.

    number: of the season to close. name, ends_at: of the next one. by, at: who wished it, and when.
    """

    number: int
    name: str
    ends_at: int | None
    by: str
    at: int


def first_season(now_us: int) -> Season:
    """The season that a new store begins with."""
    return Season(FIRST_NUMBER, "season-1", now_us)


def is_season_name(text: str) -> bool:
    """True for 1-64 characters of `A-Za-z0-9_.:-`."""
    return _NAME.fullmatch(text) is not None


def next_name(number: int, taken: Collection[str]) -> str:
    """What the season after this one is called when nobody gives it a name."""
    number += 1
    while (name := f"season-{number}") in taken:
        number += 1
    return name


def next_end(schedule: Schedule | None, now_us: int) -> int | None:
    """When a season that begins now closes by itself."""
    return schedule.next_after(now_us) if schedule is not None else None


def season_after(closed: Season, name: str, ends_at: int | None, now_us: int) -> Season:
    """The one that begins when this one is closed. ends_at: None for what the schedule says.

    So does one that is over by now, as when closing was begun long ago: a season of no length is not meant.
    """
    end = ends_at if ends_at is not None and ends_at > now_us else next_end(closed.schedule, now_us)
    return Season(closed.number + 1, name, now_us, end, closed.schedule)


class Amended(Struct, frozen=True):
    """A user of a sealed season whom admins have decided about since.

    score, reached_at: as announced, with what was corrected added; None for who is not to be shown.
    """

    user: str
    score: int | None
    reached_at: int

    @property
    def key(self) -> tuple[int, int, str]:
        """Where in the order it belongs."""
        return (-(self.score or 0), self.reached_at, self.user)


class Placing:
    """Puts the amended users of a board into their new places, while the others go by in order.

    Needs memory for the amended ones alone.
    """

    def __init__(self, amended: Collection[Amended]) -> None:
        self._amended = {each.user for each in amended}
        shown = [each for each in amended if each.score is not None]
        self._waiting = deque(sorted(shown, key=lambda each: each.key))
        self._rank = 0

    def before(self, announced: Standing) -> Iterator[Standing]:
        """The next rows: those who come before this one of the announced board, and it, unless amended."""
        if announced.user in self._amended:
            return
        key = (-announced.score, announced.reached_at, announced.user)
        while self._waiting and self._waiting[0].key < key:
            yield self._next()
        self._rank += 1
        yield Standing(announced.user, announced.score, announced.reached_at, self._rank)

    def rest(self) -> Iterator[Standing]:
        """Those behind the last."""
        while self._waiting:
            yield self._next()

    def _next(self) -> Standing:
        self._rank += 1
        each = self._waiting.popleft()
        return Standing(each.user, each.score or 0, each.reached_at, self._rank)
