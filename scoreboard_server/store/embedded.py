"""A private MongoDB: one `mongod` child process, kept running as long as its owner runs and never longer."""

import asyncio
import contextlib
import ctypes
import importlib.util
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, Self

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from scoreboard_server.store.data_dir import (
    USER,
    DataDir,
    DataDirInUse,
    EmbeddedError,
    RunningMongod,
    attach,
    is_locked,
    running_uri,
)

__all__ = ["DataDirInUse", "EmbeddedError", "EmbeddedMongo", "attach", "find_mongod", "running_uri"]

log = logging.getLogger("scoreboard.embedded")

REPLICA_SET = "scoreboard"
# Below the range that Linux gives to outgoing connections: a client that keeps knocking on a closed port
# of that range can be given the very port as its own end, connect to itself, and keep mongod off it.
PORTS = range(20_000, 32_000)

# All in seconds.
READY_WITHIN = 60.0  # a recovery from a long journal, or a moved port that another program keeps mute
STOP_WITHIN = 8.0
DBPATH_FREE_WITHIN = 10.0
PORT_FREE_WITHIN = 0.5
RESTART_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)
SHORT_LIFE = 5.0  # a mongod that dies sooner after being ready counts as one that didn't start
_POLL = 0.02

# Exit code and log ids are part of mongod's documented, stable surface.
_EXIT_PORT_TAKEN = 48
_EXIT_NOT_LOADED = 127  # the dynamic linker's
_LOG_WAITING_FOR_CONNECTIONS = 23016
_LOG_SAYS_ONLY_THAT_IT_ENDS = {23089, 23090, 23091, 23092, 28595, 50944, 4384300}

_UNAUTHORIZED, _AUTHENTICATION_FAILED = 13, 18
_ALREADY_INITIALIZED, _NOT_A_MEMBER, _NOT_YET_INITIALIZED = 23, 93, 94

_Admin = AsyncIOMotorDatabase[dict[str, Any]]


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


class EmbeddedMongo:
    """Owns a data directory and the `mongod` that serves it.

    Start it from the main thread's event loop: where Linux ties `mongod` to its parent, it ties it to
    the thread that made it.
    """

    def __init__(self, data_dir: Path, *, mongod: Path | None = None, briefly: bool = False) -> None:
        """briefly: for one command only; others wait for its end, as what they attach to would vanish."""
        self._folder = DataDir(data_dir)
        self._briefly = briefly
        self._binary = mongod
        self._port = 0
        self._child: _Mongod | None = None
        self._opening: asyncio.Task[str] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._failed = asyncio.Event()
        self._failure: EmbeddedError | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the running `mongod`, None while there is none."""
        return self._child.pid if self._child and self._child.is_running else None

    async def start(self) -> str:
        """Start `mongod`, wait until it is a writable primary with its user, and give its URI.

        Raises DataDirInUse or EmbeddedError; then, and when cancelled, nothing is left running or locked.
        """
        if self._opening or self._folder.is_mine:
            raise EmbeddedError("This embedded MongoDB has been started already.")
        self._failed.clear()
        self._opening = asyncio.create_task(self._open(), name="embedded-mongod-start")
        try:
            return await self._opening
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            raise EmbeddedError("The embedded MongoDB was stopped while it was starting.") from None
        except OSError as error:
            raise EmbeddedError(f"The data directory {self._folder.path} can't be used: {error}.") from error
        finally:
            self._opening = None

    async def stop(self) -> None:
        """Shut `mongod` down within 8 s and give the data directory up; again and again is fine."""
        tasks = [task for task in (self._opening, self._supervisor) if task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._supervisor = None
        await self._close()

    def announce_server(self, url: str) -> None:
        """Tell commands in the same folder where the server is that owns this MongoDB."""
        self._folder.announce_server(url)

    async def wait_failed(self) -> NoReturn:
        """Wait until `mongod` is dead and can't be started again, then raise EmbeddedError saying why."""
        await self._failed.wait()
        raise self._failure or EmbeddedError("The embedded MongoDB failed.")

    async def _open(self) -> str:
        try:
            binary = self._binary = self._binary or find_mongod()
            await self._folder.take(briefly=self._briefly)
            left_behind = self._folder.running()  # what is announced now is an owner's that was killed
            self._folder.withdraw()
            self._folder.withdraw_server()
            await _free_dbpath(self._folder, left_behind)
            self._folder.begin_dbpath()
            await self._bring_up_where_free(binary)
            uri = self._folder.uri(self._port)
        except BaseException:
            await self._close()
            raise
        self._supervisor = asyncio.create_task(self._supervise(binary), name="embedded-mongod-supervisor")
        return uri

    async def _close(self) -> None:
        if not self._folder.is_mine:
            return
        try:
            self._folder.withdraw()
            self._folder.withdraw_server()
            if self._child:
                await self._child.stop()
        finally:
            self._folder.release()

    async def _bring_up_where_free(self, binary: Path) -> None:
        for _ in range(3):
            self._port = await _choose_port(self._folder)
            try:
                return await self._bring_up(binary)
            except _PortTaken:  # by someone who was quicker than mongod; choosing again sees that
                continue
        raise EmbeddedError("mongod found no free port on 127.0.0.1 in three tries.")

    async def _bring_up(self, binary: Path) -> None:
        self._child = child = await _Mongod.spawn(binary, self._folder, self._port)
        try:
            async with asyncio.timeout(READY_WITHIN):
                await child.listening()
                await _make_ready(child, self._port, self._folder)
            self._folder.finish_dbpath()
            if not self._briefly:
                self._folder.announce(RunningMongod(child.pid, self._port))
        except BaseException as error:
            await child.stop()
            if isinstance(error, TimeoutError):
                raise child.failure(f"was not ready within {READY_WITHIN:.0f} s") from None
            raise

    async def _supervise(self, binary: Path) -> None:
        try:
            await self._keep_up(binary)
        except EmbeddedError as error:
            self._failure = error
            self._failed.set()
        except Exception as error:  # a defect here must reach `wait_failed` too, not die with this task
            log.exception("supervising mongod failed")
            self._failure = EmbeddedError(f"Supervising mongod failed: {error!r}.")
            self._failed.set()

    async def _keep_up(self, binary: Path) -> NoReturn:
        clock = asyncio.get_running_loop().time
        tries = 0
        while self._child:
            ready_at = clock()
            await self._child.ended()
            self._folder.withdraw()
            log.warning("mongod died (exit code %s); starting it again", self._child.exit_code)
            tries = tries if clock() - ready_at < SHORT_LIFE else 0
            tries = await self._start_again(binary, tries)
        raise EmbeddedError("There is no mongod to keep up.")

    async def _start_again(self, binary: Path, tries: int) -> int:
        """Try until it is up and give the number of tries so far. Raises EmbeddedError after the last."""
        reason: Exception = EmbeddedError("it kept dying soon after it was ready")
        for pause in RESTART_PAUSES[tries:]:
            tries += 1
            await asyncio.sleep(pause)
            try:
                await self._bring_up(binary)
            except (EmbeddedError, OSError) as error:
                log.error("mongod did not start again (try %d of %d): %s", tries, len(RESTART_PAUSES), error)
                reason = error
            else:
                log.info("mongod is up again on port %d (pid %s)", self._port, self.pid)
                return tries
        raise EmbeddedError(f"mongod died and could not be started again: {reason}") from reason


class _PortTaken(EmbeddedError):  # noqa: N818 - a state of the port, named like DataDirInUse
    """Another program listens on the port that `mongod` was told to use."""


class _Mongod:
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
            await asyncio.sleep(_POLL)

    def raise_if_ended(self) -> None:
        if self.exit_code == _EXIT_PORT_TAKEN:
            raise _PortTaken(str(self.failure("could not listen")))
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
            log.warning("mongod (pid %d) did not stop within %.0f s and was killed", self.pid, STOP_WITHIN)
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
    parameters = ("diagnosticDataCollectionEnabled=false", "shutdownTimeoutMillisForSignaledShutdown=100")
    settings = [part for parameter in parameters for part in ("--setParameter", parameter)]
    return [str(binary), *pairs, "--logappend", "--nounixsocket", *settings]


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


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _free_dbpath(folder: DataDir, left_behind: RunningMongod | None) -> None:
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
                log.warning("stopping a mongod (pid %d) that a killed owner left behind", pid)
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


async def _choose_port(folder: DataDir) -> int:
    """Take the port of the last time if it is free, else another one, and keep it."""
    kept = folder.kept_port()
    if kept is not None and await _becomes_free(kept):
        return kept
    port = next(port for port in iter(lambda: secrets.choice(PORTS), None) if _is_free(port))
    if kept is not None:
        log.warning("port %d is taken by another program; the embedded MongoDB moves to port %d", kept, port)
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


async def _make_ready(child: _Mongod, port: int, folder: DataDir) -> None:
    """Make it a writable primary that has its user. Raises EmbeddedError when it can't become one."""
    while True:
        try:
            return await _configure(port, folder.password())
        except ConnectionFailure:
            child.raise_if_ended()
            await asyncio.sleep(_POLL)
        except OperationFailure as error:
            if error.code == _UNAUTHORIZED:
                words = f"The password in {folder.password_file} is not the one this database was made with."
                raise EmbeddedError(words) from None
            raise child.failure(f"refused to be set up ({(error.details or {}).get('errmsg')})") from None
        except PyMongoError as error:
            raise child.failure(f"could not be set up ({type(error).__name__})") from error


async def _configure(port: int, password: str) -> None:
    """Do what is still missing; every step may have been done by a start that was cut short."""
    async with _connect(port, USER, password) as admin:
        if await _is_let_in(admin):
            await _become_primary(admin, port)
            return
    # While there is no user at all, mongod lets a local client set up the replica set and the first user.
    async with _connect(port) as admin:
        await _become_primary(admin, port)
        durably = {"w": "majority", "j": True}
        await admin.command("createUser", USER, pwd=password, roles=["root"], writeConcern=durably)


@contextlib.asynccontextmanager
async def _connect(
    port: int, username: str | None = None, password: str | None = None
) -> AsyncIterator[_Admin]:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        "127.0.0.1",
        port,
        directConnection=True,
        serverSelectionTimeoutMS=2_000,
        connectTimeoutMS=2_000,
        socketTimeoutMS=10_000,
        username=username,
        password=password,
    )
    try:
        yield client.admin
    finally:
        # It says goodbye to the server first, and would hold the event loop up when that has just died.
        await asyncio.to_thread(client.close)


async def _is_let_in(admin: _Admin) -> bool:
    try:
        await admin.command("ping")
    except OperationFailure as error:
        if error.code != _AUTHENTICATION_FAILED:
            raise
        return False
    return True


async def _become_primary(admin: _Admin, port: int) -> None:
    while not (await admin.command("hello")).get("isWritablePrimary"):
        await _repair_membership(admin, port)
        await asyncio.sleep(_POLL)


async def _repair_membership(admin: _Admin, port: int) -> None:
    """Give a node without a place in a replica set its place; leave one that is about to be elected alone."""
    config = {
        "_id": REPLICA_SET,
        "version": 1,
        "members": [{"_id": 0, "host": f"127.0.0.1:{port}"}],
        "settings": {"electionTimeoutMillis": 1_000},
    }
    try:
        await admin.command("replSetGetStatus")
    except OperationFailure as error:
        if error.code == _NOT_YET_INITIALIZED:
            await _initiate(admin, config)
        elif error.code == _NOT_A_MEMBER:  # its configuration names a port that it had to leave
            await admin.command("replSetReconfig", config, force=True)
        else:
            raise


async def _initiate(admin: _Admin, config: dict[str, Any]) -> None:
    try:
        await admin.command("replSetInitiate", config)
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:  # which also means: its configuration is still being loaded
            raise
