"""One run of `mongod`: which binary, how it is started, what it says, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib.util
import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from .data_dir import DataDir, EmbeddedError

log = logging.getLogger("scoreboard.embedded")

REPLICA_SET = "scoreboard"
STOP_WITHIN = 8.0  # seconds
_POLL_S = 0.02

# Exit code and log ids are part of mongod's documented, stable surface.
_EXIT_PORT_TAKEN = 48
_EXIT_NOT_LOADED = 127  # the dynamic linker's
_LOG_WAITING_FOR_CONNECTIONS = 23016
_LOG_SAYS_ONLY_THAT_IT_ENDS = {23089, 23090, 23091, 23092, 28595, 50944, 4384300}


def find_mongod() -> Path:
    """Find the `mongod` to run: the one on PATH, else the one that the `embedded` extra brings.

    Raises EmbeddedError when there is neither.
    """
    if on_path := shutil.which("mongod"):
        return Path(on_path)
    # The extra's package shares its namespace with a big application; importing that could take seconds.
    namespace = importlib.util.find_spec("fiftyone")
    for folder in (namespace and namespace.submodule_search_locations) or ():
        binary = Path(folder, "db", "bin", "mongod")
        if os.access(binary, os.X_OK):
            return binary
    raise EmbeddedError(
        "There is no mongod here: pip install 'scoreboard[embedded]', "
        "or install MongoDB so that mongod is on PATH."
    )


class PortTaken(EmbeddedError):  # noqa: N818 - a state of the port, named like DataDirInUse
    """Another program listens on the port that `mongod` was told to use."""


class MongodProcess:
    """One run of `mongod`: its process, and what it has written to its log since."""

    def __init__(self, process: asyncio.subprocess.Process, log_file: Path, log_start: int) -> None:
        self._process = process
        self._log_file = log_file
        self._log_start = log_start
        self.pid = process.pid

    @classmethod
    async def spawn(cls, binary: Path, folder: DataDir, port: int) -> Self:
        """Start it. Raises EmbeddedError when the system can't run that file."""
        # What can't reach the log because mongod never got that far (a missing library, a flag) comes
        # from stderr, so that goes to the same file.
        descriptor = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            log_start = os.fstat(descriptor).st_size
            process = await asyncio.create_subprocess_exec(
                *_command(binary, folder, port),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=descriptor,
                start_new_session=True,  # a terminal's Ctrl-C is for the owner, who drains first
                preexec_fn=_tie_to_parent(),
            )
        except OSError as error:
            raise EmbeddedError(f"{binary} can't be run: {error.strerror}.") from error
        finally:
            os.close(descriptor)
        return cls(process, folder.log, log_start)

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    async def ended(self) -> None:
        await self._process.wait()

    async def listening(self) -> None:
        """Wait until it takes connections. Raises EmbeddedError when it ends instead."""
        # Its own word in the log, and not an open port, which could be another program's.
        while not any(entry.get("id") == _LOG_WAITING_FOR_CONNECTIONS for entry in self._entries()):
            self.raise_if_ended()
            await asyncio.sleep(_POLL_S)

    def raise_if_ended(self) -> None:
        if self.exit_code == _EXIT_PORT_TAKEN:
            raise PortTaken(str(self.failure("could not listen")))
        if self.exit_code == _EXIT_NOT_LOADED:
            raise self.failure("lacks a library of the system (on Debian: apt-get install libcurl4)")
        if not self.is_running:
            raise self.failure(f"ended with exit code {self.exit_code}")

    async def stop(self) -> None:
        """End it: cleanly if it manages within 8 s, at once when the wait is cancelled."""
        if not self.is_running:
            return
        try:
            self._process.terminate()
            async with asyncio.timeout(STOP_WITHIN):
                await self._process.wait()
        except TimeoutError:
            why = "mongod (pid %d) did not stop within %.0f s and was killed"
            log.warning(why, self.pid, STOP_WITHIN, extra={"pid": self.pid})
        finally:
            if self.is_running:
                self._process.kill()
        await self._process.wait()

    def failure(self, what: str) -> EmbeddedError:
        """Put into words that it did `what`, and what it said about it."""
        return EmbeddedError(f"mongod {what}: {self._last_error()} (log: {self._log_file})")

    def _last_error(self) -> str:
        errors = [entry for entry in self._entries() if entry.get("s") in ("E", "F")]
        telling = [entry for entry in errors if entry.get("id") not in _LOG_SAYS_ONLY_THAT_IT_ENDS]
        if telling or errors:
            return _words((telling or errors)[-1])
        return next((line for line in self._lines() if not line.startswith("{")), "it gave no reason")

    def _entries(self) -> Iterator[dict[str, Any]]:
        for line in self._lines():
            with contextlib.suppress(ValueError):  # a line from stderr, or one half written
                if isinstance(entry := json.loads(line), dict):
                    yield entry

    def _lines(self) -> list[str]:
        with self._log_file.open("rb") as file:
            file.seek(self._log_start)
            return [
                line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()
            ]


def _command(binary: Path, folder: DataDir, port: int) -> list[str]:
    options = {
        "dbpath": folder.dbpath,
        "port": port,
        "bind_ip": "127.0.0.1",
        "replSet": REPLICA_SET,
        "keyFile": folder.key_file,
        "logpath": folder.log,
        "networkMessageCompressors": "disabled",
        "wiredTigerCacheSizeGB": 0.5,
        "oplogSize": 1024,  # MB
    }
    pairs = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    parameters = (
        "diagnosticDataCollectionEnabled=false",
        "shutdownTimeoutMillisForSignaledShutdown=100",
        # Whoever is frozen or killed within a fold holds the season's document for so long; else up to 90 s.
        "transactionLifetimeLimitSeconds=10",
    )
    settings = [part for parameter in parameters for part in ("--setParameter", parameter)]
    # Nothing here is JavaScript; without its engine mongod also starts where memory may not be written and
    # then executed (systemd's MemoryDenyWriteExecute).
    return [str(binary), *pairs, "--logappend", "--nounixsocket", "--noscripting", *settings]


def _words(entry: dict[str, Any]) -> str:
    attributes = entry.get("attr", {})
    for key in ("message", "error", "reason"):
        detail = attributes.get(key)
        if isinstance(detail, dict):
            detail = detail.get("errmsg") or detail.get("msg")
        if isinstance(detail, str):
            return f"{entry.get('msg')}: {detail}"
    return str(entry.get("msg"))


def _tie_to_parent() -> Callable[[], None] | None:
    """Make what a forked child does so that the system kills it when its parent dies."""
    if sys.platform != "linux":
        return None
    # Looked up here: between fork and exec a child must not wait for a lock that another thread held.
    prctl = ctypes.PyDLL(None).prctl
    prctl.argtypes = (ctypes.c_int, ctypes.c_ulong)
    parent, set_parent_death_signal = os.getpid(), 1

    def tie() -> None:
        prctl(set_parent_death_signal, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return tie
