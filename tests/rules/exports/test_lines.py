"""Each line of an export has one spelling, and means what it was made from."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.canonical import LARGEST, entry_fields
from scoreboard_server.rules.canonical import line as canonical_line
from scoreboard_server.rules.entry import ADJUSTED, Correction, Entry
from scoreboard_server.rules.exports.lines import About, ActLine, BanLine, EntryLine, RevocationLine, UserLine
from scoreboard_server.rules.exports.meaning import (
    about,
    act_line,
    act_of,
    ban_line,
    ban_of,
    entry_of,
    late_line,
    profile_of,
    revocation_line,
    revocation_of,
    season_of,
    user_line,
)
from scoreboard_server.rules.exports.spelling import MalformedLine, read_header, read_line, write_line
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.revocations import Revocation
from scoreboard_server.rules.schedules import Schedule
from scoreboard_server.rules.seasons import Archive, Seal, Season

from .given import an_export


@pytest.mark.parametrize("raw", an_export())
def test_a_line_is_read_and_spelled_the_same(raw: bytes) -> None:
    """As RFC 8785 would: keys in order, no space."""
    assert write_line(read_line(raw)) == raw
    told = json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert told.encode() + b"\n" == raw


SEALED = Season(1, "one", 5, 9, None, Seal(9, "root", 2, Archive(3, 4, "a" * 64, 8, 2, 1)))


@pytest.mark.parametrize(
    "season", [Season(2, "two", 9, 12, Schedule("0 0 * * 1", "UTC")), SEALED, Season(1, "one", 5)]
)
def test_a_season_comes_back(season: Season) -> None:
    """With its schedule, its end, and its seal; of the corrected board the users are counted anew."""
    line = read_line(write_line(about(season)))
    assert isinstance(line, About)
    assert season_of(line, 1) == season


@pytest.mark.parametrize(
    "ban",
    [
        Ban("ann", "b", "x", "root", 1),
        Ban("ann", "b", "x", "root", 1, until=5, taken_back_from=2, lifted_at=4),
    ],
)
def test_a_ban_comes_back(ban: Ban) -> None:
    """Whatever it says."""
    line = read_line(write_line(ban_line(ban)))
    assert isinstance(line, BanLine)
    assert ban_of(line) == ban


def test_an_act_comes_back() -> None:
    """With all its details."""
    act = Act(5, "root", "ban", None, "x", {"a": {"b": [1, None, "c", 1.5, True]}})
    line = read_line(write_line(act_line(act)))
    assert isinstance(line, ActLine)
    assert act_of(line) == act


def test_an_old_act_may_tell_of_instants_that_no_new_one_may() -> None:
    """Its line stays in the trail for good, and the store that holds it can be exported all the same."""
    act = Act(5, "root", "season ends", None, "", {"ends_at": 253_402_300_799_999_999})
    line = read_line(write_line(act_line(act)))
    assert isinstance(line, ActLine)
    assert act_of(line) == act


@given(at=st.integers(0, 4_000_000_000_000_000))
def test_a_revocation_comes_back_to_the_microsecond(at: int) -> None:
    """Although it is kept in seconds."""
    told = Revocation(at / 1e6, (at + 5) / 1e6, "jti", None)
    line = read_line(write_line(revocation_line(told)))
    assert isinstance(line, RevocationLine)
    assert revocation_of(line) == told


@given(
    reason=st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    points=st.integers(-LARGEST, LARGEST),
    of=st.none() | st.just("a1"),
)
def test_a_correction_comes_back(reason: str, points: int, of: str | None) -> None:
    """Also as one that came late; and as canonical bytes."""
    correction = Correction("ann", "!adjusted/1", ADJUSTED, points, 8, reason, of)
    raw = canonical_line(entry_fields(correction))
    line = read_line(raw)
    assert isinstance(line, EntryLine) and entry_of(line) == correction
    assert entry_of(late_line(1, correction)) == correction


def test_a_profile_comes_back_fit_for_everyones_eyes() -> None:
    """What no token could have brought is made harmless."""
    good = Profile("Ann É", "https://x.test/a.png")
    assert profile_of(user_line("ann", good)) == good
    assert profile_of(UserLine("ann", "a\x1b[2J\u202eb", "javascript:x")) == Profile("a [2J b", None)


def about_with(schedule: bytes) -> bytes:
    """The line of a season with this schedule."""
    told = b'{"endsAt":null,"kind":"about","name":"one","number":1,"schedule":%b,"seal":null,"startedAt":1}\n'
    return told % schedule


BAD = {
    b'{"kind":"hidden","user":"ann"}': "cut off",
    b'{"kind":"hidden","user":"ann"} \n': "spell",
    b'{"user":"ann","kind":"hidden"}\n': "spell",
    b'{"kind":"hidden","user":"ann","user":"ann"}\n': "spell",
    b'{"kind":"hidden","user":"\\u0061nn"}\n': "spell",
    b'{"kind":"hidden","more":1,"user":"ann"}\n': "more",
    b'{"kind":"hidden","user":"a b"}\n': "user",
    b'{"kind":"hidden","user":"ann\\n"}\n': "user",
    b'{"kind":"nonsense"}\n': "nonsense",
    b'{"kind":"hidden"}\n': "user",
    b"[]\n": "array",
    b"\n": "line",
    b"\xff\n": "byte 0",
    b'{"kind":"hidden","user":"\xff"}\n': "(?i)utf-8",
    b'{"kind":"hidden","user":' + b"[" * 100_000 + b"\n": "array",
    b'{"at":1,"by":"x","details":{"a":' + b"[" * 100_000 + b"\n": "recursion",
    b'{"actions":1,"kind":"total","reachedAt":1,"score":9007199254740992,"user":"a"}\n': "score",
    b'{"actions":1,"kind":"total","reachedAt":1,"score":1.5,"user":"a"}\n': "int",
    b'{"actions":-1,"kind":"total","reachedAt":1,"score":1,"user":"a"}\n': "actions",
    b'{"action":"a b","at":1,"kind":"entry","points":1,"type":"t","user":"a"}\n': "id",
    b'{"action":"a","at":1,"kind":"entry","points":1,"reason":"x","type":"t","user":"a"}\n': "reason",
    b'{"action":"!a","at":1,"kind":"entry","points":1,"type":"!t","user":"a"}\n': "reason",
    b'{"action":"a","at":1,"kind":"entry","points":1,"reason":"x","type":"!t","user":"a"}\n': "reason",
    b'{"action":"a","at":1,"kind":"entry","of":"b","points":1,"type":"t","user":"a"}\n': "correction",
    b'{"at":1,"by":"x","details":{"a":[{"b":%d}]},"kind":"act","reason":"","user":null,"what":"x"}\n'
    % (2**64 - 1): "large",
    about_with(b'{"cron":"at night","zone":"UTC"}'): "five fields",
    about_with(b'{"cron":"0 0 1 * *","zone":"Mars/Base"}'): "no time zone",
}


@pytest.mark.parametrize(("raw", "words"), BAD.items())
def test_what_is_no_line_is_told(raw: bytes, words: str) -> None:
    """In words that say why."""
    with pytest.raises(MalformedLine, match=words):
        read_line(raw)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "no export"),
        (b"PK\x03\x04\n", "no export"),
        (b"{}\n", "no export"),
        (b'{"kind":"other","v":1}\n', "no export"),
        (b'{"kind":"scoreboard-export","v":2,"new":[]}\n', "version 2"),
        (b'{"kind":"scoreboard-export","v":1}\n', "missing"),
    ],
)
def test_what_is_no_export_is_told_by_its_first_line(raw: bytes, words: str) -> None:
    """Also one of a later version, whatever that may hold."""
    with pytest.raises(MalformedLine, match=words):
        read_header(raw)


def test_an_entry_is_an_entry() -> None:
    """Without what only corrections have."""
    entry = Entry("ann", "a1", "t", 5, 6)
    line = read_line(canonical_line(entry_fields(entry)))
    assert isinstance(line, EntryLine) and structs.asdict(line)["user"] == "ann"
    assert entry_of(line) == entry and type(entry_of(line)) is Entry
