"""Commands that are killed at a chosen point, as a power cut would, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from .invoking import PATIENCE_S, environment

# Driver commands that write, as it names them to its listeners.
WRITES = ("insert", "update", "delete", "findAndModify", "commitTransaction")

_BY_WRITES = """
import os, signal, sys
from pymongo import monitoring
from scoreboard_cli import main

class Killer(monitoring.CommandListener):
    left = {at}

    def started(self, event):
        if event.command_name in {writes!r} and event.database_name not in ("config", "local"):
            Killer.left -= 1
            if Killer.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def succeeded(self, event):
        pass

    failed = succeeded

monitoring.register(Killer())
try:
    main.main()
finally:
    print({at} - Killer.left, "writes", file=sys.stderr)
"""

_BY_LINES = """
import os, signal
from scoreboard_cli import main, part_file

left = {at}
put, finish = part_file.PartFile.put, part_file.PartFile.finish

def kill(self):
    self._file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

def counting(self, raw):
    global left
    left -= 1
    put(self, raw[: len(raw) // 2] if left == 0 else raw)
    if left == 0:
        kill(self)

def finishing(self):
    global left
    left -= 1
    finish(self) if left else kill(self)

part_file.PartFile.put, part_file.PartFile.finish = counting, finishing
main.main()
"""


def _run(
    script: str, arguments: tuple[str | Path, ...], cwd: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        [sys.executable, "-c", script, *map(os.fspath, arguments)],
        cwd=cwd,
        env=environment(**environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended


def killed_at_write(at: int, *arguments: str | Path, cwd: Path, environ: Mapping[str, str]) -> bool:
    """Run a command and kill it before its `at`-th write reaches the database; False when it has fewer."""
    ended = _run(_BY_WRITES.format(at=at, writes=WRITES), arguments, cwd, environ)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode != 0


def killed_at_line(at: int, *arguments: str | Path, cwd: Path, environ: Mapping[str, str]) -> bool:
    """Run an export and kill it within its `at`-th line, at last before the file is put in place."""
    ended = _run(_BY_LINES.format(at=at), arguments, cwd, environ)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode != 0
