"""Who owns what a file stands for: a lock of the operating system, which ends with its process, anyhow."""

import asyncio
import fcntl
import os
from pathlib import Path
from typing import NamedTuple

# All in seconds.
_PATIENCE = 0.3  # someone asking `is_locked` holds the lock for microseconds
_BRIEF_PATIENCE = 5.0  # a command is done soon, and whoever comes after it needn't fail
_PAUSE = 0.03

_BRIEFLY = "command"


class Holder(NamedTuple):
    """Who has written itself into the lock. As a string: for people."""

    pid: str
    brief: bool

    def __str__(self) -> str:
        return f"scoreboard {'command' if self.brief else 'server'} (pid {self.pid})"


class LockHeld(Exception):  # noqa: N818 - a state of the lock
    """Another process has it."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(f"held by another {holder}")
        self.holder = holder


def is_locked(path: Path) -> bool:
    """Say whether some process holds `flock` on this file; a file that isn't there is not locked."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


class FileLock:
    """One such file and, once taken, the lock on it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def is_mine(self) -> bool:
        """Whether this object holds it."""
        return self._descriptor is not None

    def is_held(self) -> bool:
        """Whether any process, this one included, holds it."""
        return is_locked(self._path)

    def is_gone(self) -> bool:
        """Whether what this object holds was removed; what is there now is somebody else's."""
        if self._descriptor is None:
            return False
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return True
        return not os.path.samestat(there, os.fstat(self._descriptor))

    def holder(self) -> Holder | None:
        """Say who holds it; None when nobody does."""
        if not self.is_held():
            return None
        with self._path.open("rb") as lock:
            return _read_holder(lock.fileno())

    async def take(self, *, briefly: bool) -> None:
        """Become the holder.

        briefly: for the length of one command; then others wait some seconds for it instead of giving up.
        Raises LockHeld, and OSError when the file can't be written.
        """
        # O_CLOEXEC: a child that inherited the lock would keep it after this process was killed.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            await _lock_soon(descriptor)
        except BaseException as error:
            holder = _read_holder(descriptor)
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise LockHeld(holder) from None
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {_BRIEFLY if briefly else ''}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give it up; nothing happens to one who hasn't got it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


async def _lock_soon(descriptor: int) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            patience = _BRIEF_PATIENCE if _read_holder(descriptor).brief else _PATIENCE
            if clock() - began > patience:
                raise
        await asyncio.sleep(_PAUSE)


def _read_holder(descriptor: int) -> Holder:
    pid, *kind = os.pread(descriptor, 40, 0).decode(errors="replace").split() or ["unknown"]
    return Holder(pid, kind == [_BRIEFLY])
