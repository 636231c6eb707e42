"""The data directory of an embedded store: its layout, its one owner, and how others find its MongoDB."""

import asyncio
import contextlib
import json
import logging
import os
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..unusable import cannot_be_used
from .file_lock import FileLock, LockHeld

log = logging.getLogger("scoreboard.embedded")

USER = "scoreboard"
_ATTACH_PAUSE_S = 0.05

# What a first start leaves behind takes 300 MB, and a supervisor starts again for ever.
_MOST_SET_ASIDE = 3


class EmbeddedError(Exception):
    """The embedded MongoDB can't be had; the message is one sentence for an administrator."""


class DataDirInUse(EmbeddedError):  # noqa: N818 - it reads as what is the case
    """Another process owns this data directory."""


@dataclass(frozen=True)
class RunningMongod:
    """The `mongod` that serves a data directory now."""

    pid: int
    port: int


class DataDir:
    """The files of one data directory and, once taken, the ownership of it."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.dbpath = self.path / "mongo"
        self.log = self.path / "mongod.log"
        self.key_file = self.path / "mongod.key"
        self.password_file = self.path / "mongod.password"
        self._port_file = self.path / "mongod.port"
        self._unfinished_file = self.path / "mongo.unfinished"
        self._running_file = self.path / "mongod.json"
        self._server_file = self.path / "server.json"
        self._lock = FileLock(self.path / "lock")

    @property
    def is_mine(self) -> bool:
        """Whether this object holds the ownership."""
        return self._lock.is_mine

    def is_owned(self) -> bool:
        """Whether any process, this one included, holds the ownership."""
        return self._lock.is_held()

    def is_gone(self) -> bool:
        """Whether what this object owns was removed; what is there now is somebody else's."""
        return self._lock.is_gone()

    def owner(self) -> str | None:
        """Say who holds the ownership, for people; None when nobody does."""
        holder = self._lock.holder()
        return None if holder is None else f"a {holder}"

    async def take(self, *, briefly: bool = False) -> None:
        """Become the owner, making the directory and its secrets where they are missing.

        briefly: for the length of one command; then others wait some seconds for it instead of giving up.
        Raises DataDirInUse when another process owns it, OSError when the directory can't be written.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            await self._lock.take(briefly=briefly)
        except LockHeld as error:
            owner = f"another {error.holder}"
            raise DataDirInUse(f"The data directory {self.path} is in use by {owner}.") from None
        _keep_secret(self.key_file, secrets.token_hex(32))  # mongod takes base64 letters only: no - and _
        _keep_secret(self.password_file, secrets.token_urlsafe(32))

    def release(self) -> None:
        """Give the ownership up; nothing happens to one who hasn't got it."""
        self._lock.release()

    def begin_dbpath(self) -> None:
        """Make the folder of the database files where it is missing or was never finished.

        A `mongod` cut short while it makes its first files can't start on them again, so they are set aside.
        Not deleted: somebody may have put a copy of finished ones there meanwhile. Raises EmbeddedError when
        that has happened too often.
        """
        if self._unfinished_file.exists() and self.dbpath.exists() and any(self.dbpath.iterdir()):
            self._set_aside()
        if not (self.dbpath.exists() and any(self.dbpath.iterdir())):
            write_private(self._unfinished_file, "mongo/ is being made; it may be no database yet\n")
            self.dbpath.mkdir(mode=0o700, exist_ok=True)

    def _set_aside(self) -> None:
        if len(list(self.path.glob("mongo.set-aside-*"))) >= _MOST_SET_ASIDE:
            raise EmbeddedError(
                f"The first start of the MongoDB in {self.path} was never finished, {_MOST_SET_ASIDE + 1} "
                "times: its log may say why. Delete or move mongo.set-aside-* there to let it try again."
            )
        aside = self.dbpath.with_name(f"mongo.set-aside-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}")
        self.dbpath.rename(aside)
        log.warning(
            "a first start was never finished; what was in mongo/ is in %s now; look at it, or delete it",
            aside.name,
            extra={"setAside": aside.name},
        )

    def finish_dbpath(self) -> None:
        """Make the database files ones to keep; before anyone is told the URI."""
        if self._unfinished_file.exists():
            self._unfinished_file.unlink()
            _make_durable(self.path)

    def password(self) -> str:
        """Read the password of the database's one user."""
        return self.password_file.read_text()

    def uri(self, port: int) -> str:
        """Make the connection string, password included, for a `mongod` on this loopback port."""
        # The driver compresses nothing unless told to, and warns about a `compressors` option that is empty.
        where = f"{USER}:{self.password()}@127.0.0.1:{port}"
        return f"mongodb://{where}/?directConnection=true&authSource=admin"

    def kept_port(self) -> int | None:
        """Read the loopback port of the last time, None before the first."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int(self._port_file.read_text())
        return None

    def keep_port(self, port: int) -> None:
        """Remember the port for the next start, so that an address once seen stays good."""
        write_private(self._port_file, str(port))

    def running(self) -> RunningMongod | None:
        """Read what the last owner announced; it says nothing about now unless `is_owned`."""
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
            return RunningMongod(**json.loads(self._running_file.read_text()))
        return None

    def announce(self, running: RunningMongod) -> None:
        """Let others find this `mongod`; only for one that is ready."""
        write_private(self._running_file, json.dumps(asdict(running)))

    def withdraw(self) -> None:
        """Take the announcement back."""
        if not self.is_gone():
            self._running_file.unlink(missing_ok=True)

    def announce_server(self, url: str) -> None:
        """Let commands find the server that owns this directory; only for one that is ready."""
        write_private(self._server_file, json.dumps({"url": url}))

    def withdraw_server(self) -> None:
        """Take that back."""
        if not self.is_gone():
            self._server_file.unlink(missing_ok=True)

    def server(self) -> str | None:
        """Read the announced server's URL; it says nothing about now unless `is_owned`."""
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
            return str(json.loads(self._server_file.read_text())["url"])
        return None


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner can read, whole or not at all, even when the power fails."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)
    _make_durable(path.parent)


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep_secret(path: Path, fresh: str) -> None:
    if path.exists():
        path.chmod(0o600)  # a copy from a backup is often wider, and mongod refuses such a keyfile
    else:
        write_private(path, fresh)


def running_uri(data_dir: Path) -> str | None:
    """Give the URI of the MongoDB that a running owner keeps in this data directory.

    None when nobody owns the directory, and while the owner's MongoDB isn't ready: see `attach`.
    Raises EmbeddedError when the directory belongs to someone else, or is none.
    """
    folder = DataDir(data_dir)
    try:
        running = folder.running() if folder.is_owned() else None
        return None if running is None else folder.uri(running.port)
    except OSError as error:
        raise EmbeddedError(cannot_be_used(folder.path, error)) from error


def server_url(data_dir: Path) -> str | None:
    """Give the URL of the server that owns this data directory, None while there is none that is ready.

    Raises EmbeddedError when nobody may look.
    """
    folder = DataDir(data_dir)
    try:
        return folder.server() if folder.is_owned() else None
    except OSError as error:
        raise EmbeddedError(cannot_be_used(folder.path, error)) from error


async def attach(data_dir: Path, deadline: float = 10.0) -> str | None:
    """Give the owner's URI as `running_uri` does, waiting up to `deadline` seconds while the owner starts.

    None when nobody owns the directory, or when its owner's MongoDB isn't ready by then.
    """
    clock = asyncio.get_running_loop().time
    ends = clock() + deadline
    folder = DataDir(data_dir)
    while (uri := running_uri(data_dir)) is None and folder.is_owned():
        if clock() >= ends:
            return None
        await asyncio.sleep(_ATTACH_PAUSE_S)
    return uri
