"""The place a `mongod` needs: database files that nobody else has open, and a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
from pathlib import Path

from .data_dir import DataDir, EmbeddedError, RunningMongod
from .file_lock import is_locked
from .mongod_process import STOP_WITHIN

log = logging.getLogger("scoreboard.embedded")

# Below the range that Linux gives to outgoing connections: a client that keeps knocking on a closed port
# of that range can be given the very port as its own end, connect to itself, and keep mongod off it.
PORTS = range(20_000, 32_000)

# All in seconds.
DBPATH_FREE_WITHIN = 10.0
PORT_FREE_WITHIN = 0.5
_POLL = 0.02


async def free_dbpath(folder: DataDir, left_behind: RunningMongod | None) -> None:
    """Wait for the `mongod` of an owner that was killed to be gone, ending it if it doesn't know."""
    clock = asyncio.get_running_loop().time
    began = clock()
    told: set[tuple[int, signal.Signals]] = set()
    while is_locked(folder.dbpath / "mongod.lock"):
        waited = clock() - began
        if waited > DBPATH_FREE_WITHIN:
            raise EmbeddedError(f"The database files in {folder.dbpath} are in use by another mongod.")
        which = signal.SIGTERM if waited < STOP_WITHIN else signal.SIGKILL
        for pid in _strays(folder, left_behind):
            if (pid, which) not in told:
                why = "stopping a mongod (pid %d) that a killed owner left behind"
                log.warning(why, pid, extra={"pid": pid})
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, which)
            told.add((pid, which))
        await asyncio.sleep(_POLL)


def _strays(folder: DataDir, left_behind: RunningMongod | None) -> set[int]:
    pids = {left_behind.pid} if left_behind else set()
    with contextlib.suppress(OSError, ValueError):  # mongod writes its pid there itself, before it is ready
        pids.add(int((folder.dbpath / "mongod.lock").read_text()))
    return {pid for pid in pids if _serves(pid, folder)}


def _serves(pid: int, folder: DataDir) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    return Path(arguments[0]).name.startswith("mongod") and str(folder.dbpath) in arguments


async def choose_port(folder: DataDir) -> int:
    """Take the port of the last time if it is free, else another one, and keep it."""
    kept = folder.kept_port()
    if kept is not None and await _becomes_free(kept):
        return kept
    port = next(port for port in iter(lambda: secrets.choice(PORTS), None) if _is_free(port))
    if kept is not None:
        why = "port %d is taken by another program; the embedded MongoDB moves to port %d"
        log.warning(why, kept, port, extra={"port": port, "portBefore": kept})
    folder.keep_port(port)
    return port


async def _becomes_free(port: int) -> bool:
    clock = asyncio.get_running_loop().time
    ends = clock() + PORT_FREE_WITHIN  # a mongod that just died may hold it for a moment
    while not (free := _is_free(port)) and clock() < ends:  # noqa: ASYNC110 - the system tells no one
        await asyncio.sleep(_POLL)
    return free


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as mongod does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
