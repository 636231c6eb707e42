"""The private mongod of a server with the embedded store: its process and its database, seen from here."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from pymongo import MongoClient

from scoreboard_server.store.data_dir import DataDir, running_uri

from ..cli.invoking import mongod_runs
from .replica_set import Client

_PATIENCE_S = 60.0


class EmbeddedMongod:
    """Its server starts it, starts it again, and takes it along when it dies."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._frozen: int | None = None

    def uri(self) -> str:
        """Of the database that the server announces, once it does."""
        deadline = time.monotonic() + _PATIENCE_S
        while (uri := running_uri(self._data_dir)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError("the embedded mongod is not announced")
            time.sleep(0.05)
        return uri

    def client(self) -> Client:
        """A client of it."""
        return MongoClient(self.uri(), serverSelectionTimeoutMS=5_000, socketTimeoutMS=20_000)

    def kill(self) -> None:
        """kill -9."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP."""
        self._frozen = self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self._frozen is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._frozen, signal.SIGCONT)
        self._frozen = None

    def wait_until_gone(self) -> None:
        """Wait until it runs no more: when its server was killed, the system ends it a moment later."""
        deadline = time.monotonic() + _PATIENCE_S
        while mongod_runs(self._data_dir) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _signal(self, number: signal.Signals) -> int:
        with self.client():  # waits until there is one
            running = DataDir(self._data_dir).running()
        assert running is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.pid, number)
        return running.pid
