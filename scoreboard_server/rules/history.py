"""A user's entries, newest first, each with the score that it led to."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from .entry import Entry
from .identifiers import is_entry_id
from .refusals import Unacceptable

_MOST_DIGITS = 18  # any of these fits into 64 bits


class Line(Struct, frozen=True, gc=False):
    """One entry of the story. total: the score with this entry and all older ones of the season."""

    entry: Entry
    total: int


class Place(Struct, frozen=True, gc=False):
    """Where a page ends: at the entry of this instant (µs since the Unix epoch) and action id.

    total: the score without that entry and all newer ones, from which the next page counts on.
    """

    at: int
    action: str
    total: int

    def __str__(self) -> str:
        """The place as a client carries it to the next page: opaque, printable, safe in a URL."""
        return f"{self.at}.{self.total}.{self.action}"


def read_place(text: str) -> Place:
    """The place that a client brings back. Raises Unacceptable `invalid_request`."""
    at, _, rest = text.partition(".")
    total, _, action = rest.partition(".")
    if not (_is_number(at) and _is_number(total.removeprefix("-")) and is_entry_id(action)):
        raise Unacceptable("invalid_request", "`cursor` must be the `next` of the page before.")
    return Place(int(at), action, int(total))


def _is_number(text: str) -> bool:
    # int() would take signs, underscores and the digits of every script.
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def told(entries: Iterable[Entry], total: int) -> list[Line]:
    """The entries, newest first, as lines. total: the score with the first of them."""
    lines: list[Line] = []
    for entry in entries:
        lines.append(Line(entry, total))
        total -= entry.points
    return lines


def place_behind(line: Line) -> Place:
    """Where the page after this line begins."""
    return Place(line.entry.at, line.entry.action, line.total - line.entry.points)
