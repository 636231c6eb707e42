"""A private MongoDB: one `mongod` child process, kept running as long as its owner runs and never longer."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import NoReturn

from ..unusable import cannot_be_used
from .data_dir import DataDir, DataDirInUse, EmbeddedError, RunningMongod, attach, running_uri
from .mongod_place import choose_port, free_dbpath
from .mongod_process import MongodProcess, PortTaken, find_mongod
from .mongod_setup import make_ready

__all__ = ["DataDirInUse", "EmbeddedError", "EmbeddedMongo", "attach", "find_mongod", "running_uri"]

log = logging.getLogger("scoreboard.embedded")

# All in seconds.
READY_WITHIN = 60.0  # a recovery from a long journal, or a moved port that another program keeps mute
RESTART_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)
SHORT_LIFE = 5.0  # a mongod that dies sooner after being ready counts as one that didn't start


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
        self._child: MongodProcess | None = None
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
            raise EmbeddedError(cannot_be_used(self._folder.path, error)) from error
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
            await free_dbpath(self._folder, left_behind)
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
            self._port = await choose_port(self._folder)
            try:
                return await self._bring_up(binary)
            except PortTaken:  # by someone who was quicker than mongod; choosing again sees that
                continue
        raise EmbeddedError("mongod found no free port on 127.0.0.1 in three tries.")

    async def _bring_up(self, binary: Path) -> None:
        self._child = child = await MongodProcess.spawn(binary, self._folder, self._port)
        try:
            async with asyncio.timeout(READY_WITHIN):
                await child.listening()
                await make_ready(child, self._port, self._folder)
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
            code = self._child.exit_code
            log.warning("mongod died (exit code %s); starting it again", code, extra={"exitCode": code})
            tries = tries if clock() - ready_at < SHORT_LIFE else 0
            tries = await self._start_again(binary, tries)
        raise EmbeddedError("There is no mongod to keep up.")

    async def _start_again(self, binary: Path, tries: int) -> int:
        """Try until it is up and give the number of tries so far. Raises EmbeddedError after the last."""
        reason: Exception = EmbeddedError("it kept dying soon after it was ready")
        for pause in RESTART_PAUSES[tries:]:
            tries += 1
            await asyncio.sleep(pause)
            if self._folder.is_gone():  # on what is there by now, another server's mongod may be running
                raise EmbeddedError(f"mongod died, and the data directory {self._folder.path} was removed.")
            try:
                await self._bring_up(binary)
            except (EmbeddedError, OSError) as error:
                counts = {"try": tries, "tries": len(RESTART_PAUSES)}
                log.error(
                    "mongod did not start again (try %d of %d): %s", *counts.values(), error, extra=counts
                )
                reason = error
            else:
                place = {"port": self._port, "pid": self.pid}
                log.info("mongod is up again on port %(port)d (pid %(pid)s)", place, extra=place)
                return tries
        raise EmbeddedError(f"mongod died and could not be started again: {reason}") from reason


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
