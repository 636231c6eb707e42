"""Commands that are killed at a chosen point, as a power cut would, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from .invoking import PATIENCE_S, environment

_ROOT = Path(__file__).parents[2]

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


def _is_killed(
    python: tuple[str, ...], arguments: tuple[str | Path, ...], cwd: Path, environ: Mapping[str, str]
) -> bool:
    ended = subprocess.run(
        [sys.executable, *python, *map(os.fspath, arguments)],
        cwd=cwd,
        env=environment(**environ) | {"PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode != 0


def killed_at_write(at: int, *arguments: str | Path, cwd: Path, environ: Mapping[str, str]) -> bool:
    """Run a command and kill it before its `at`-th write reaches the database; False when it has fewer."""
    return _is_killed(("-m", "tests.end_to_end.killing", str(at), "before"), arguments, cwd, environ)


def killed_at_line(at: int, *arguments: str | Path, cwd: Path, environ: Mapping[str, str]) -> bool:
    """Run an export and kill it within its `at`-th line, at last before the file is put in place."""
    return _is_killed(("-c", _BY_LINES.format(at=at)), arguments, cwd, environ)
