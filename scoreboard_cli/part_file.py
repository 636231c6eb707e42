"""A file that is written over several attempts: beside its place until it is whole."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from scoreboard_server.rules.exports.order import Progress
from scoreboard_server.rules.exports.spelling import LONGEST_LINE, MalformedLine

_OWNER_ALONE = 0o600
_BUFFER = 2**16
_FIRST_BYTES = b'{"at":'  # of a header


class PartFileError(Exception):
    """It can't be written, or is not ours to write; the message says why."""


class PartFile:
    """FILE.part, which becomes FILE. Nobody but its owner may read either."""

    def __init__(self, target: Path, path: Path, file: BinaryIO) -> None:
        self._target = target
        self._path = path
        self._file = file

    def written(self) -> Progress:
        """What is there from an earlier attempt; what was being written when that ended is forgotten."""
        progress, whole_lines = Progress(), 0
        self._file.seek(0)
        try:
            while raw := self._file.readline(LONGEST_LINE):
                progress.read(raw)
                whole_lines += len(raw)
        except MalformedLine:
            if progress.header is None:
                self._check_ours()
        self._file.seek(whole_lines)
        self._file.truncate()
        return progress

    def _check_ours(self) -> None:
        self._file.seek(0)
        start = self._file.read(len(_FIRST_BYTES))
        if start != _FIRST_BYTES[: len(start)]:
            raise PartFileError(f"{self._path} is no part of an export; move it away")

    def begin_anew(self) -> Progress:
        """Forget what is there."""
        self._file.seek(0)
        self._file.truncate()
        return Progress()

    def put(self, raw: bytes) -> None:
        """One line more."""
        self._file.write(raw)

    def finish(self) -> None:
        """It is whole: durable, and then in its place."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._path.replace(self._target)
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def part_file(target: Path) -> Iterator[PartFile]:
    """The part beside the target, for one process at a time. Raises PartFileError."""
    if target.is_dir():
        raise PartFileError(f"{target} is a folder")
    if target.exists() and not target.is_file():
        raise PartFileError(f"{target} is no file that could be replaced; `-` is stdout")
    target = target.resolve()  # what a link points to, not the link
    path = target.with_name(f"{target.name}.part")
    try:
        with _locked(path) as file:
            yield PartFile(target, path, file)
    except OSError as error:
        raise PartFileError(f"{path} can't be written: {error.strerror}") from None


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _OWNER_ALONE)
        with os.fdopen(descriptor, "r+b", buffering=_BUFFER) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PartFileError(f"another export is writing {path}") from None
            if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
                os.fchmod(descriptor, _OWNER_ALONE)
                yield file
                return
        # Another one has put its own in place meanwhile.
