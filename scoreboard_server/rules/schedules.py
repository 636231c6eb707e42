"""Schedules: when a season closes by itself, again and again, told as a cron line in a time zone.

Clocks that are put forward skip a time: it then counts as the first minute after the gap. Clocks that are put
back show one twice: it counts when it is shown first. Only in a line for every hour does each hour that
passes count, also the one that has the same name as that before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from msgspec import Struct

from .refusals import Unacceptable

_EXAMPLE = '"0 0 * * MON" for every Monday at midnight'
_LONGEST_LINE = 200
_LONGEST_ZONE = 64
_FIELDS = (
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of the month", "1-31, L for the last, LW for the last weekday"),
    ("month", "1-12 or JAN-DEC"),
    ("day of the week", "0-7 or SUN-SAT, MON#1 for the first Monday, 5L for the last Friday"),
)
# Where a machine's own list has a name for whatever that machine is set to.
_NO_ZONES = frozenset({"localtime", "Factory"})
_ANY_YEAR = datetime(2000, 1, 1)  # noqa: DTZ001 -- of the calendar alone, in no zone


class Schedule(Struct, frozen=True):
    """cron: minute, hour, day of the month, month, day of the week. zone: whose clocks show them."""

    cron: str
    zone: str

    def next_after(self, now_us: int) -> int:
        """The next instant, later than this one; both in µs since the Unix epoch."""
        now = datetime.fromtimestamp(now_us // 1_000_000, ZoneInfo(self.zone))
        # What is next by the hands of the clock may be over, while they show an hour again.
        return next(at for at in _instants(self.cron, now) if at > now_us)

    def describe(self) -> str:
        """In words: "at 00:00 on Monday, Europe/Berlin"."""
        words = CronSim(self.cron, _ANY_YEAR).explain()
        return f"{words[0].lower()}{words[1:]}, {self.zone}"


def parse_schedule(cron: str, zone: str) -> Schedule:
    """What an admin has typed, when it makes a schedule.

    Raises Unacceptable `bad_schedule`, which tells the field that is wrong, and `unknown_zone`.
    """
    fields = cron.split()
    line = " ".join(fields)
    if len(line) > _LONGEST_LINE:
        raise _bad(f"A cron line has {_LONGEST_LINE} characters at most.")
    if len(fields) != len(_FIELDS):
        names = ", ".join(name for name, _ in _FIELDS)
        raise _bad(f"A cron line has five fields ({names}), such as {_EXAMPLE}; this one has {len(fields)}.")
    for place, ((name, takes), field) in enumerate(zip(_FIELDS, fields, strict=True)):
        if not _is_field(place, field):
            raise _bad(f"The {name} can't be {field!r}: field {place + 1} of a cron line takes {takes}.")
    if not _ever_fires(line):
        raise _bad(f"There is no such day: {line!r} would never close a season.")
    _check_zone(zone)
    return Schedule(line, zone)


def _instants(cron: str, after: datetime) -> Iterator[int]:
    minute, hour, *days = cron.split()
    if hour != "*":
        # As cronsim reads it, a star goes by the time that passes and a range by what clocks show.
        cron = " ".join((minute.replace("*", "0-59"), hour.replace("*", "0-23"), *days))
    for at in CronSim(cron, after):
        yield int(at.astimezone(UTC).timestamp()) * 1_000_000


def _is_field(place: int, field: str) -> bool:
    alone = ["*"] * len(_FIELDS)
    alone[place] = field
    try:
        CronSim(" ".join(alone), _ANY_YEAR)
    except CronSimError:
        return False
    return True


def _ever_fires(line: str) -> bool:
    try:
        return next(CronSim(line, _ANY_YEAR), None) is not None
    except CronSimError:
        return False


def _check_zone(zone: str) -> None:
    known = available_timezones() - _NO_ZONES
    if zone in known:
        return
    nearest = _nearest(zone[:_LONGEST_ZONE], known)
    hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ", such as Europe/Berlin or UTC."
    raise Unacceptable("unknown_zone", f"There is no time zone {zone[:_LONGEST_ZONE]!r}{hint}")


def _nearest(zone: str, known: set[str]) -> list[str]:
    """The names that are most like this one, or whose city is."""
    spellings: dict[str, str] = {}
    for name in sorted(known):
        spellings.setdefault(name.rpartition("/")[2].lower(), name)
    spellings |= {name.lower(): name for name in known}
    wanted = zone.strip().lower().replace(" ", "_")
    alike = get_close_matches(wanted, spellings, n=3, cutoff=0.7)
    return list(dict.fromkeys(spellings[each] for each in alike))


def _bad(detail: str) -> Unacceptable:
    return Unacceptable("bad_schedule", detail)
