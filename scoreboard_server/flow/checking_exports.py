"""Checking an export offline: no store, no server, nothing but the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from msgspec import Struct

from ..rules.exports.checking import Checker, SeasonFacts, Wrong
from ..rules.exports.lines import End
from ..rules.exports.spelling import LONGEST_LINE, MalformedLine


class Unreadable(Exception):  # noqa: N818 -- a state of the file
    """It is no export, or not a whole one. line: where that shows, from 1."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line:,}: {why}")
        self.line = line
        self.why = why


class CheckedExport(Struct, frozen=True):
    """What an export comes to. end: as it should be. differences: in all; wrong: the first of them."""

    end: End
    seasons: list[SeasonFacts]
    differences: int
    wrong: list[Wrong]


def _nothing(_bytes: int) -> None:
    """Nobody watches."""


def check_export(lines: Iterable[bytes], told: Callable[[int], None] = _nothing) -> CheckedExport:
    """Fold it and compare it with itself. told: how many bytes are done more. Raises Unreadable."""
    checker, number = Checker(), 0
    for number, raw in enumerate(lines, 1):
        try:
            checker.read(raw)
        except MalformedLine as error:
            raise Unreadable(number, str(error)) from None
        told(len(raw))
    if not checker.progress.is_whole:
        raise Unreadable(number + 1, "the file is cut: its last lines are missing")
    return CheckedExport(checker.progress.end(), checker.seasons, checker.differences, checker.wrong)


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, of which none is longer than one may be."""
    while raw := file.readline(LONGEST_LINE):
        yield raw
