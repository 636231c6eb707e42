"""Times as people type them (an instant, a day, or a span from now) and as they are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from scoreboard_server.clock import now_us
from scoreboard_server.rules.canonical import LARGEST
from scoreboard_server.rules.instants import timestamp
from scoreboard_server.settings import parse_duration

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FORMS = "2026-11-25T18:00Z, 2026-11-25 or a span such as 90m, 12h, 7d"


class Instant(click.ParamType[int]):
    """An instant in µs since the Unix epoch. A bare time is UTC; a span is ahead of now, or before it.

    What is before the epoch is the epoch; nothing is later than JSON's readers can count to, the year 2255.
    """

    name = "time"

    def __init__(self, *, ahead: bool) -> None:
        self._sign = 1 if ahead else -1

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See click."""
        try:
            at = self._span(value) if value[-1:] in "smhd" else _instant(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time: {FORMS}", param, ctx)
        if at > LARGEST:
            self.fail(f"{value!r} is too far ahead: until {readable(LARGEST)} at most", param, ctx)
        return max(at, 0)

    def _span(self, text: str) -> int:
        return now_us() + self._sign * round(parse_duration(text) * 1e6)


def _instant(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)


def readable(at: int | None, nothing: str = "") -> str:
    """An instant for people, in UTC to the second."""
    if at is None:
        return nothing
    return datetime.fromtimestamp(at // 1_000_000, UTC).isoformat(" ", "seconds").replace("+00:00", "Z")


def as_told(at: int | None) -> str | None:
    """An instant as clients are told it, in JSON."""
    return None if at is None else timestamp(at)


def exactly(at: int) -> str:
    """An instant as an option takes it back."""
    return timestamp(at, "microseconds")
