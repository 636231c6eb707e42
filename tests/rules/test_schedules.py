"""Schedules: what a cron line means on the clocks of a zone, also where these jump."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scoreboard_server.rules.refusals import Unacceptable
from scoreboard_server.rules.schedules import Schedule, parse_schedule

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
# Those whose clocks jump at midnight, by half an hour, or by a whole day; and two where nothing jumps.
ZONES = (
    BERLIN,
    NEW_YORK,
    "America/Havana",
    "America/Santiago",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kolkata",
    "UTC",
)
MINUTE = timedelta(minutes=1)


def micros(moment: datetime) -> int:
    """An aware moment in µs since the Unix epoch."""
    return int(moment.astimezone(UTC).timestamp()) * 1_000_000


def utc(text: str) -> int:
    """A text in UTC in µs since the Unix epoch."""
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


def ends(schedule: Schedule, start: str, count: int) -> list[str]:
    """The next so many, in UTC."""
    at, found = utc(start), []
    for _ in range(count):
        at = schedule.next_after(at)
        found.append(datetime.fromtimestamp(at / 1e6, UTC).strftime("%m-%d %H:%M"))
    return found


# --- clocks that jump ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "cron", "start", "expected"),
    [
        (BERLIN, "30 2 * * *", "2026-03-28T00:00", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
        (BERLIN, "30 2 * * *", "2026-10-24T00:00", ["10-24 00:30", "10-25 00:30", "10-26 01:30"]),
        (NEW_YORK, "30 2 * * *", "2026-03-07T00:00", ["03-07 07:30", "03-08 07:00", "03-09 06:30"]),
        (NEW_YORK, "30 1 * * *", "2026-10-31T00:00", ["10-31 05:30", "11-01 05:30", "11-02 06:30"]),
    ],
    ids=["berlin forward", "berlin back", "new york forward", "new york back"],
)
def test_a_time_that_is_skipped_or_shown_twice_counts_once(
    zone: str, cron: str, start: str, expected: list[str]
) -> None:
    """The first minute after the gap, and the first of the two."""
    assert ends(Schedule(cron, zone), start, 3) == expected


@pytest.mark.parametrize("cron", ["30 2 * * *", "30 */2 * * *", "*/30 2 * * *", "* 1,2 * * *"])
def test_the_second_showing_of_an_hour_ends_nothing(cron: str) -> None:
    """Between 02:00 and 03:00 for the second time, the next is a later one, and not one of before."""
    last_of_first = utc("2026-10-25T00:59")
    for minute in range(60):
        now = utc("2026-10-25T01:00") + minute * 60_000_000
        assert Schedule(cron, BERLIN).next_after(max(now, last_of_first)) >= utc("2026-10-25T02:00")


def test_every_hour_that_passes_counts_in_an_hourly_schedule() -> None:
    """No season of it lasts two hours, nor none at all."""
    hourly = Schedule("0 * * * *", BERLIN)
    for start in ("2026-03-28T22:00", "2026-10-24T22:00"):
        at = utc(start)
        for _ in range(6):
            following = hourly.next_after(at)
            assert following == at + 3_600_000_000
            at = following


def test_the_next_is_never_now() -> None:
    """Whoever asks at the very instant gets the one after it; a microsecond before it, this one."""
    daily = Schedule("0 0 * * *", "UTC")
    midnight = utc("2026-05-02T00:00")
    assert daily.next_after(midnight - 1) == midnight
    assert daily.next_after(midnight) == utc("2026-05-03T00:00")


@given(
    st.sampled_from(ZONES),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(utc("1995-01-01"), utc("2036-01-01")),
)
@example("Pacific/Apia", 0, 0, utc("2011-12-28T00:00"))
@example("Pacific/Apia", 5, 30, utc("2011-12-28T00:00"))
@example("America/Havana", 0, 30, utc("2026-03-07T00:00"))
def test_a_daily_schedule_ends_each_day_once(zone: str, hour: int, minute: int, start: int) -> None:
    """Strictly later each time, on the next date that the calendar there has, at the time that was asked for
    unless clocks skip it.
    """
    daily, local, at = Schedule(f"{minute} {hour} * * *", zone), ZoneInfo(zone), start
    dates: list[date] = []
    for _ in range(400):
        following = daily.next_after(at)
        assert following > at
        at = following
        moment = datetime.fromtimestamp(at // 1_000_000, local)
        asked = moment.replace(hour=hour, minute=minute)
        assert (moment.hour, moment.minute) == (hour, minute) or is_skipped(asked) or zone == "Pacific/Apia"
        dates.append(moment.date())
    for before, after in pairwise(dates):
        # Once, one date did not happen at all on Samoa: its end is in the first minute of the next date.
        samoa = zone == "Pacific/Apia" and after == date(2011, 12, 31)
        assert after - before == timedelta(days=1) or samoa


def is_skipped(moment: datetime) -> bool:
    """Whether no clock there ever shows this."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) != moment.replace(
        tzinfo=None
    )


TURNS = [
    "2026-03-28T20:00",
    "2026-10-24T20:00",
    "2026-03-08T00:00",
    "2026-11-01T00:00",
    "2026-04-04T10:00",
    "2026-10-03T10:00",
    "2026-04-23T18:00",
    "2026-06-01T00:00",
]


@given(
    st.sampled_from([zone for zone in ZONES if zone != "Pacific/Apia"]),
    st.sampled_from(TURNS),
    st.integers(0, 12 * 60),
    st.sets(st.integers(0, 59), min_size=1, max_size=4),
    st.sets(st.integers(0, 23), min_size=1, max_size=5),
)
def test_it_is_what_looking_at_the_clock_each_minute_finds(
    zone: str, turn: str, offset: int, minutes: set[int], hours: set[int]
) -> None:
    """Where clocks jump, and where they don't."""
    start = datetime.fromisoformat(turn).replace(tzinfo=UTC) + offset * MINUTE
    line = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"
    assert Schedule(line, zone).next_after(micros(start)) == micros(seen(start, zone, minutes, hours))


def seen(now: datetime, zone: str, minutes: set[int], hours: set[int]) -> datetime:
    """Who looks at a clock there each minute: when it shows one of those first, or has just skipped one."""
    # The latest time that was shown; while an hour is shown again, that is ahead of the clock.
    newest = max(shown(now - back * MINUTE, zone) for back in range(3 * 60))
    while True:
        now += MINUTE
        while newest < shown(now, zone):
            newest += MINUTE
            if newest.minute in minutes and newest.hour in hours:
                return now


def shown(moment: datetime, zone: str) -> datetime:
    """What clocks there show then."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


# --- lines --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 0 * * MON", "at 00:00 on Monday, Europe/Berlin"),
        ("  30  18 *   * 5L ", "at 18:30 on the last Friday of the month, Europe/Berlin"),
        ("0 0 1 1,4,7,10 *", "at 00:00 on the first day of January, April, July, and October, Europe/Berlin"),
        ("0 */6 * * *", "at minute 0 past every sixth hour, Europe/Berlin"),
    ],
)
def test_it_is_told_in_words(cron: str, words: str) -> None:
    """As an admin would say it, who must see what has been understood."""
    schedule = parse_schedule(cron, BERLIN)
    assert schedule.describe() == words
    assert schedule.cron == " ".join(cron.split())


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("60 0 * * *", "The minute can't be '60': field 1"),
        ("0 24 * * *", "The hour can't be '24': field 2"),
        ("0 0 0 * *", "The day of the month can't be '0': field 3"),
        ("0 0 * 13 *", "The month can't be '13': field 4"),
        ("0 0 * * FOO", "The day of the week can't be 'FOO': field 5"),
        ("0 0 * * 5-1", "The day of the week can't be '5-1': field 5"),
        ("*/0 0 * * *", "The minute can't be '*/0': field 1"),
        ("0 0 * *", "five fields"),
        ("0 0 0 * * *", "this one has 6"),
        ("@daily", "this one has 1"),
        ("", "this one has 0"),
        ("0 " + "9" * 5_000 + " * * *", "characters at most"),
        ("0 \x1b[31m * * *", r"can't be '\x1b[31m'"),
    ],
)
def test_a_line_that_is_none_is_told_which_field(cron: str, says: str) -> None:
    """In words, with what the field takes."""
    with pytest.raises(Unacceptable) as refused:
        parse_schedule(cron, "UTC")
    assert refused.value.code == "bad_schedule" and says in refused.value.detail


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 LW * */7", "0 0 */10 2 MON#5"])
def test_a_day_that_never_comes_is_refused(cron: str) -> None:
    """30 February is no end of a season."""
    with pytest.raises(Unacceptable, match="would never close a season"):
        parse_schedule(cron, "UTC")


@pytest.mark.parametrize("cron", ["0 0 29 2 *", "0 0 * 2 MON#5", "0 0 30 2 MON"])
def test_a_day_that_comes_seldom_is_none_of_those(cron: str) -> None:
    """29 February comes, and so does a fifth Monday of February."""
    schedule = parse_schedule(cron, "UTC")
    for year in range(1_990, 2_400, 3):
        now = utc(f"{year}-03-01")
        assert schedule.next_after(now) > now


@pytest.mark.parametrize(
    ("zone", "nearest"),
    [
        ("berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("US/Eastren", "US/Eastern"),
    ],
)
def test_an_unknown_zone_is_told_the_nearest_names(zone: str, nearest: str) -> None:
    """Also when only the city was given."""
    with pytest.raises(Unacceptable, match="did you mean .*" + nearest) as refused:
        parse_schedule("0 0 * * *", zone)
    assert refused.value.code == "unknown_zone"


@pytest.mark.parametrize("zone", ["", "../../etc/passwd", "/etc/localtime", "localtime", "\x00", "x" * 5_000])
def test_what_is_no_zone_at_all_is_refused(zone: str) -> None:
    """No path, nor what a machine happens to be set to."""
    with pytest.raises(Unacceptable, match="There is no time zone") as refused:
        parse_schedule("0 0 * * *", zone)
    assert len(refused.value.detail) < 200
