"""Times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from scoreboard_cli import times
from scoreboard_cli.times import Instant, readable

NOW_US = 1_790_000_000_000_000
HOUR_US = 3_600_000_000


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "now_us", lambda: NOW_US)


def at(*moment: int) -> int:
    """That instant of UTC in µs."""
    return round(datetime(*moment, tzinfo=UTC).timestamp() * 1e6)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(("ahead", "sign"), [(True, 1), (False, -1)])
def test_a_span_is_from_now(ahead: bool, sign: int) -> None:
    """Ahead of it, or before it."""
    kind = Instant(ahead=ahead)
    assert kind.convert("2h", None, None) == NOW_US + sign * 2 * HOUR_US
    assert kind.convert("90m", None, None) == NOW_US + sign * 3 * HOUR_US // 2


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-25T18:00Z", at(2026, 11, 25, 18)),
        ("2026-11-25 18:00", at(2026, 11, 25, 18)),
        ("2026-11-25T18:00+02:00", at(2026, 11, 25, 16)),
        ("2026-11-25", at(2026, 11, 25)),
        ("20261125", at(2026, 11, 25)),
        ("1970-01-01", 0),
    ],
)
def test_an_instant_is_of_utc(text: str, moment: int) -> None:
    """Unless it says otherwise, whatever the machine's own zone is."""
    assert Instant(ahead=True).convert(text, None, None) == moment
    assert datetime.fromisoformat(readable(moment)).timestamp() * 1e6 == moment


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "soon", "0s", "-2h", "2026", "12", "1e9d", "99999999d", "nan", "2026-13-01", "2026-02-30"),
        *("25:00", "2026-11-25T25:00", "2h ago", "٢h", "\udcff"),
    ],
)
def test_what_is_no_time_is_told(text: str) -> None:
    """With the forms that are; a bare number could be a year as well as seconds."""
    with pytest.raises(click.BadParameter, match="is no time: 2026-11-25T18:00Z, 2026-11-25 or a span"):
        Instant(ahead=True).convert(text, None, None)


def test_what_can_be_typed_can_be_read() -> None:
    """To the second; nothing has words of its own."""
    assert readable(at(2026, 11, 25, 18) + 999_999) == "2026-11-25 18:00:00Z"
    assert (readable(None), readable(None, "for good")) == ("", "for good")
    assert readable(Instant(ahead=True).convert("2255-06-05T23:47:34Z", None, None)) == "2255-06-05 23:47:34Z"


@pytest.mark.parametrize("text", ["1969-12-31", "0001-01-01T00:00+05:00", "36500d"])
def test_nothing_is_before_the_epoch(text: str) -> None:
    """Neither an export nor a client has a number for it."""
    assert Instant(ahead=False).convert(text, None, None) == 0


@pytest.mark.parametrize("text", ["2255-06-06", "9999-12-31T23:59:59.999999", "9999-12-31T23:59-05:00"])
def test_nothing_is_later_than_can_be_told(text: str) -> None:
    """An export couldn't hold it, and some of it no calendar."""
    with pytest.raises(click.BadParameter, match="is too far ahead: until 2255-06-05 23:47:34Z at most"):
        Instant(ahead=True).convert(text, None, None)
