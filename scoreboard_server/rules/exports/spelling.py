"""How the lines of an export are spelled, and read by whoever trusts nobody."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct

from ..entry import CORRECTION_MARK
from ..identifiers import is_entry_id
from ..refusals import Unacceptable
from ..schedules import parse_schedule
from .lines import KIND, VERSION, About, ActLine, EntryLine, Header, LateLine, Line, ScheduleLine

# No line that is written comes near it; it bounds what a reader must keep.
LONGEST_LINE = 2**20


class MalformedLine(Exception):  # noqa: N818 -- what a file is
    """This is no export, or not a whole one; the message says why."""


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(Line).decode


class _Opening(Struct):
    kind: str
    v: int


_decode_opening = msgspec.json.Decoder(_Opening).decode


def write_line(line: Line) -> bytes:
    """Its one spelling."""
    return _encode(line) + b"\n"


def read_line(raw: bytes) -> Line:
    """The line that is spelled so. Raises MalformedLine."""
    if not raw.endswith(b"\n"):
        raise MalformedLine("the line is cut off" if len(raw) < LONGEST_LINE else "the line is too long")
    try:
        line: Line = _decode(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedLine(f"no line of an export: {error}") from None
    if write_line(line) != raw:
        raise MalformedLine("not spelled as an export spells it")
    if isinstance(line, EntryLine | LateLine):
        _check_entry(line)
    if isinstance(line, About) and line.schedule is not None:
        _check_schedule(line.schedule)
    if isinstance(line, ActLine):
        _check_details(line.details)
    return line


def read_header(raw: bytes) -> Header:
    """The first line. Raises MalformedLine, with words about what else the file may be."""
    try:
        opening = _decode_opening(raw)
    except (ValueError, RecursionError):
        raise MalformedLine("this is no export of a score board") from None
    if opening.kind != KIND:
        raise MalformedLine("this is no export of a score board")
    if opening.v != VERSION:
        raise MalformedLine(f"an export of version {opening.v}; this program reads version {VERSION}")
    line = read_line(raw)
    assert isinstance(line, Header)  # noqa: S101 -- by its kind
    return line


def _check_schedule(told: ScheduleLine) -> None:
    try:
        parse_schedule(told.cron, told.zone)
    except Unacceptable as refusal:
        raise MalformedLine(refusal.detail) from None


def _check_details(told: object) -> None:
    """Numbers that a store can hold, though larger than what JSON's readers can count to.

    The trail of a store keeps for good what was once allowed, and is there for people.
    """
    if isinstance(told, dict | list):
        for inner in told.values() if isinstance(told, dict) else told:
            _check_details(inner)
    elif isinstance(told, int | float) and not -(2**63) <= told < 2**63:
        raise MalformedLine("a number is too large")


def _check_entry(line: EntryLine | LateLine) -> None:
    if not is_entry_id(line.action):
        raise MalformedLine("its action is no id")
    is_correction = line.type.startswith(CORRECTION_MARK)
    if not is_correction == line.action.startswith(CORRECTION_MARK) == (line.reason is not UNSET):
        raise MalformedLine("an action has no reason, and a correction has one")
    if line.of is not UNSET and not (is_correction and is_entry_id(line.of)):
        raise MalformedLine("only a correction is of an action")
