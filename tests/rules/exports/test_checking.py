"""An export that was altered anywhere is noticed, with nothing but itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.flow.checking_exports import Unreadable
from scoreboard_server.rules.exports.lines import HiddenLine, StandingLine, TotalLine
from scoreboard_server.rules.exports.order import Progress
from scoreboard_server.rules.exports.spelling import MalformedLine, read_line, write_line

from .given import FIRST, Sealed, an_export, checked, sha256, with_right_end

EXPORT = an_export()
WHOLE = b"".join(EXPORT)


def is_noticed(lines: list[bytes]) -> bool:
    """Whether it can't be read, or does not agree with itself."""
    try:
        return checked(lines).differences > 0
    except Unreadable:
        return True


def split(raw: bytes) -> list[bytes]:
    """As a file is read."""
    return raw.splitlines(keepends=True) if b"\r" not in raw else re.findall(rb"[^\n]*\n|[^\n]+\Z", raw)


def index(kind: str, nth: int = 0) -> int:
    """Where the nth line of a kind is."""
    return [n for n, raw in enumerate(EXPORT) if f'"kind":"{kind}"'.encode() in raw][nth]


def test_a_sound_export_agrees() -> None:
    """And tells what is in it."""
    found = checked(EXPORT)
    assert (found.differences, found.wrong) == (0, [])
    assert [(s.name, s.entries, s.users) for s in found.seasons] == [
        ("now", 3, 2),
        ("season-1", 6, 4),
        ("season-2", 2, 2),
    ]
    assert found.seasons[0].digest is None and found.seasons[1].digest is not None
    end = found.end
    assert (end.lines, end.entries, end.users, end.bans, end.acts, end.seasons) == (
        len(EXPORT) - 1,
        12,
        3,
        2,
        2,
        3,
    )


@given(at=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255))
def test_any_byte_that_is_changed_is_noticed(at: int, byte: int) -> None:
    """Wherever it is, also in the last line."""
    altered = WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :]
    assert is_noticed(split(altered)) == (altered != WHOLE)


@given(cut=st.integers(0, len(WHOLE) - 1))
def test_a_cut_is_noticed(cut: int) -> None:
    """Behind any byte."""
    with pytest.raises(Unreadable):
        checked(split(WHOLE[:cut]))


@given(data=st.data())
def test_lines_that_are_moved_dropped_or_doubled_are_noticed(data: st.DataObject) -> None:
    """Any of them."""
    lines = list(EXPORT)
    taken = lines.pop(data.draw(st.integers(0, len(lines) - 1)))
    where = data.draw(st.none() | st.integers(0, len(lines)))
    if where is not None:
        lines[where:where] = [taken] * data.draw(st.integers(1, 2))
    assert is_noticed(lines) == (lines != EXPORT)


# When an action of the current season was counted shows elsewhere only if it was the user's newest.
NUMBERS = [
    (n, match.start(), match.end())
    for n, raw in enumerate(EXPORT)
    if re.search(rb'"kind":"(entry|standing|total|season|current)"', raw)
    for match in re.finditer(rb'(?<=":)-?[0-9]+', raw)
    if n > index("season") or not raw[: match.start()].endswith(b'"at":')
]


@given(which=st.sampled_from(NUMBERS), number=st.integers(-100, 200))
def test_who_alters_the_ledger_and_mends_the_end_is_noticed(which: tuple[int, int, int], number: int) -> None:
    """Each number of entries, rows and totals is held by another line."""
    place, start, end = which
    lines = list(EXPORT)
    lines[place] = lines[place][:start] + str(number).encode() + lines[place][end:]
    try:
        mended = with_right_end(lines)
    except MalformedLine:
        return  # nobody could take it for a line
    assert is_noticed(mended) == (lines != EXPORT)


@given(data=st.data())
def test_who_drops_an_entry_and_mends_the_end_is_noticed(data: st.DataObject) -> None:
    """Of any season; or a row, a total, or somebody hidden."""
    kinds = rb'"kind":"(entry|standing|total|hidden|digest|season|current)"'
    place = data.draw(st.sampled_from([n for n, raw in enumerate(EXPORT) if re.search(kinds, raw)]))
    assert is_noticed(with_right_end([*EXPORT[:place], *EXPORT[place + 1 :]]))


def altered(kind: str, nth: int, old: str, new: str) -> list[bytes]:
    """The export with one line altered and the end mended."""
    lines = list(EXPORT)
    place = index(kind, nth)
    assert old.encode() in lines[place]
    lines[place] = lines[place].replace(old.encode(), new.encode())
    return with_right_end(lines)


@pytest.mark.parametrize(
    ("lines", "words", "user"),
    [
        (altered("entry", 1, '"points":10', '"points":11'), "total is not what", "ann"),
        (altered("entry", 5, '"points":-10', '"points":-9'), "row is not what", "ann"),
        (altered("total", 0, '"score":0', '"score":1'), "total is not what", "ann"),
        (altered("standing", 1, '"score":20', '"score":19'), "row is not what", "ben"),
        (altered("hidden", 0, "eve", "ben"), "hidden, and on the board", "ben"),
        (altered("hidden", 0, "eve", "zoe"), "hidden, and has no entry", "zoe"),
        (altered("late", 0, '"season":1', '"season":3'), "not sealed", "ben"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(lines: list[bytes], words: str, user: str) -> None:
    """Line, season, user."""
    found = checked(lines)
    (first, *_) = [each for each in found.wrong if words in each.what]
    assert first.user == user
    assert first.line <= len(lines)


def test_what_only_the_hash_tells_is_told() -> None:
    """As a user's name: nothing else depends on it."""
    lines = list(EXPORT)
    lines[index("user")] = lines[index("user")].replace(b"Ann", b"Eve")
    (wrong,) = checked(lines).wrong
    assert "SHA-256" in wrong.what and wrong.line == len(lines)


def test_a_board_without_one_of_its_users_is_noticed() -> None:
    """Although each row, its digest and the last line agree."""
    whole = Sealed(1, 50, FIRST, {"eve"}, corrections=2)
    short = [raw for raw in whole.lines if raw != whole.lines[-1]]
    lines = b"".join(EXPORT).replace(b"".join(whole.lines), b"".join(short))
    lines = lines.replace(sha256(b"".join(whole.lines)).encode(), sha256(b"".join(short)).encode())
    lines = lines.replace(b'"lastAt":13,"users":2', b'"lastAt":12,"users":1')
    found = checked(with_right_end(lines.splitlines(keepends=True)))
    assert ["make a board of 2" in wrong.what for wrong in found.wrong] == [True]


@pytest.mark.parametrize(
    ("kind", "nth", "before"),
    [
        ("about", 0, "header"),
        ("user", 0, "about"),
        ("ban", 0, "user"),
        ("total", 0, "entry"),
        ("end", 0, "x"),
    ],
)
def test_progress_tells_where_to_go_on(kind: str, nth: int, before: str) -> None:
    """Read up to any line, what comes next has its place there, and nothing before it has."""
    progress = Progress()
    place = index(kind, nth)
    for raw in EXPORT[:place]:
        progress.read(raw)
    assert (progress.lines, progress.is_whole) == (place, False)
    if place > 1 and kind != "about":
        with pytest.raises(MalformedLine):
            progress.read(EXPORT[1])
    progress.read(EXPORT[place])


def test_lines_are_counted_by_place() -> None:
    """So that an interrupted export knows how many to leave out."""
    progress = Progress()
    for raw in EXPORT[: index("ban", 1)]:
        progress.read(raw)
    assert [progress.done((0, stage)) for stage in (2, 3, 4)] == [None, 1, 0]
    for raw in EXPORT[index("ban", 1) : index("standing", 1)]:
        progress.read(raw)
    assert (progress.done((1, 4)), progress.done_canonical(2)) == (None, 9)
    for raw in EXPORT[index("standing", 1) : index("digest")]:
        progress.read(raw)
    assert (progress.done_canonical(2), progress.done((2, 4)), progress.done_canonical(3)) == (None, 4, 0)


def test_kinds_are_what_they_say() -> None:
    """The words of the format are its classes."""
    assert isinstance(read_line(EXPORT[index("hidden")]), HiddenLine)
    assert isinstance(read_line(EXPORT[index("standing")]), StandingLine)
    assert isinstance(read_line(EXPORT[index("total")]), TotalLine)
    assert write_line(HiddenLine("ann")) == b'{"kind":"hidden","user":"ann"}\n'
