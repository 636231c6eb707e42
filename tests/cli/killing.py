"""Commands that are killed at a chosen point, as a power cut would, each in a process of its own."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NoReturn

from pymongo import monitoring

from scoreboard_cli.part_file import PartFile

from .invoking import PATIENCE_S, environment
from .prepared import run_prepared

KILLED = -signal.SIGKILL
WRITES = frozenset({"insert", "update", "delete", "findAndModify", "commitTransaction"})


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody outlives it")


class _AtWrite(monitoring.CommandListener):
    """Counts writes to the database, and kills at one of them."""

    def __init__(self, count: int, when: str) -> None:
        self._left = count
        self._when = when
        self._lock = threading.Lock()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """A command is about to be sent."""
        self._passed(event.command_name, "before")

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """A command was acknowledged."""
        self._passed(event.command_name, "after")

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """A command was refused, as in a transaction that met another."""

    def _passed(self, name: str, when: str) -> None:
        if name not in WRITES or when != self._when:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                _die()


def _kill_at_write(at: int, when: str) -> None:
    monitoring.register(_AtWrite(at, when))


def _kill_at_line(at: int) -> None:
    left = at
    put, finish = PartFile.put, PartFile.finish

    def kill(file: PartFile) -> None:
        file._file.flush()
        _die()

    def counting(file: PartFile, raw: bytes) -> None:
        nonlocal left
        left -= 1
        put(file, raw[: len(raw) // 2] if left == 0 else raw)
        if left == 0:
            kill(file)

    def finishing(file: PartFile) -> None:
        nonlocal left
        left -= 1
        finish(file) if left else kill(file)

    # For the rest of the process's life; what is called is the same, but for the name of what comes first.
    PartFile.put = counting  # type: ignore[method-assign,assignment]
    PartFile.finish = finishing  # type: ignore[method-assign,assignment]


def _is_killed(
    first: Callable[[], None], arguments: tuple[str | Path, ...], cwd: Path, environ: Mapping[str, str]
) -> bool:
    command, env = [os.fspath(argument) for argument in arguments], environment(**environ)
    ended = run_prepared(command, cwd=cwd, environ=env, timeout=PATIENCE_S, first=first)
    assert b"Traceback" not in ended.stderr, ended.stderr
    assert ended.returncode in (0, KILLED), ended.stderr
    return ended.returncode == KILLED


def killed_at_write(
    at: int, *arguments: str | Path, cwd: Path, environ: Mapping[str, str], when: str = "before"
) -> bool:
    """Run a command and kill it at its `at`-th write to the database; False when it has fewer.

    when: `before` it is sent, or `after` it was acknowledged.
    """
    return _is_killed(partial(_kill_at_write, at, when), arguments, cwd, environ)


def killed_at_line(at: int, *arguments: str | Path, cwd: Path, environ: Mapping[str, str]) -> bool:
    """Run an export and kill it within its `at`-th line, at last before the file is put in place."""
    return _is_killed(partial(_kill_at_line, at), arguments, cwd, environ)
