"""Processes in which all that a command imports is imported already.

The interpreter and the driver take most of what a command takes. A server of processes has done that once,
and each command is a fork of it: a process of its own, with its own folder, environment and streams, that
runs the very function that the console script runs.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import BinaryIO

from scoreboard_cli.main import _MODULES, main

# Also what the tests run in, which each process would look at again.
_IMPORTED = [
    "pytest",
    "scoreboard_server.app",
    "scoreboard_cli.main",
    *(f"scoreboard_cli.{name}" for name in sorted(set(_MODULES.values()))),
    __name__,
]
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(_IMPORTED)


def fits(environ: dict[str, str]) -> bool:
    """Whether nothing is set that only the start of an interpreter takes up."""
    return not any(name.startswith("PYTHON") for name in environ.keys() - os.environ.keys())


def nothing() -> None:
    """What most do first."""


class Prepared:
    """Such a process that goes on, told as `subprocess.Popen` would; it leads a session of its own."""

    def __init__(
        self, arguments: Sequence[str], *, cwd: Path, environ: dict[str, str], stdout: Path, stderr: Path
    ) -> None:
        """stdout, stderr: files, which are there."""
        streams = [os.devnull, str(stdout), str(stderr)]
        told = (list(arguments), str(cwd), environ, streams, os.setsid)
        self._process = _processes.Process(target=_command, args=told, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; minus a signal's number when that has ended it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """As `returncode`."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing happens to one that has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def run_prepared(
    arguments: Sequence[str],
    *,
    cwd: Path,
    environ: dict[str, str],
    timeout: float,
    stdin: bytes = b"",
    first: Callable[[], None] = nothing,
) -> subprocess.CompletedProcess[bytes]:
    """As `subprocess.run`, of the command with these arguments.

    first: what its process does before; a function that can be found by its name.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        streams = [f"/proc/{os.getpid()}/fd/{stream.fileno()}" for stream in (given, out, err)]
        process = _processes.Process(
            target=_command, args=(list(arguments), str(cwd), environ, streams, first)
        )
        code = _code_of(process, timeout)
        return subprocess.CompletedProcess(arguments, code, _read(out), _read(err))


def _read(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _code_of(process: BaseProcess, timeout: float) -> int:
    process.start()
    try:
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(process.name, timeout)
        return process.exitcode
    finally:
        process.close()


def _command(
    arguments: list[str], cwd: str, environ: dict[str, str], streams: list[str], first: Callable[[], None]
) -> None:
    for descriptor, path in enumerate(streams):
        opened = os.open(path, os.O_RDWR | (os.O_APPEND if descriptor else 0))
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
        for descriptor, mode in enumerate("rww")
    )
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    os.chdir(cwd)
    sys.argv = ["scoreboard", *arguments]
    first()
    main()
