"""Real mongods for tests: plain ones, without authentication, on loopback."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, PyMongoError

from scoreboard_server.store.embedded import EmbeddedError, find_mongod
from scoreboard_server.store.mongod_place import PORTS

_PATIENCE_S = 30.0


def free_port() -> int:
    """A port that nobody listens on, and that no knocking client is given as its own end (see `PORTS`)."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@cache
def why_no_mongod() -> str | None:
    """Why no mongod can run on this machine; None when one can."""
    try:
        binary = find_mongod()
    except EmbeddedError as error:
        return str(error)
    tried = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"mongod can't run: {tried.stderr.strip()}"


class Mongod:
    """One mongod. `replica_set`: its name, None for a standalone server."""

    def __init__(self, folder: Path, replica_set: str | None = "rs0") -> None:
        self.folder = folder
        self.port = free_port()
        self.replica_set = replica_set
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def uri(self) -> str:
        """What a server is given."""
        suffix = f"?replicaSet={self.replica_set}" if self.replica_set else ""
        return f"mongodb://127.0.0.1:{self.port}/{suffix}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [str(find_mongod()), "--dbpath", str(self.folder), "--port", str(self.port)]
        command += ["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"]
        command += ["--setParameter", "diagnosticDataCollectionEnabled=false", "--oplogSize", "256"]
        if self.replica_set:
            command += ["--replSet", self.replica_set]
        log = (self.folder / "mongod.out").open("ab")
        with log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self._until(lambda client: client.admin.command("ping"))

    def initiate(self) -> None:
        """Make it a replica set of one, and wait until it can be written to."""
        members = [{"_id": 0, "host": f"127.0.0.1:{self.port}"}]
        config = {"_id": self.replica_set, "members": members, "settings": {"electionTimeoutMillis": 1000}}
        with self.client() as client:
            client.admin.command("replSetInitiate", config)
        self.wait_for_primary()

    def wait_for_primary(self) -> None:
        """Wait until it can be written to."""

        def check(client: MongoClient[dict[str, object]]) -> None:
            if not client.admin.command("hello").get("isWritablePrimary"):
                raise PyMongoError("not yet")

        self._until(check)

    def client(self) -> MongoClient[dict[str, Any]]:
        """A client straight to it."""
        return MongoClient(
            f"mongodb://127.0.0.1:{self.port}/?directConnection=true", serverSelectionTimeoutMS=1000
        )

    def _until(self, check: Callable[[MongoClient[dict[str, Any]]], object]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                with self.client() as client:
                    check(client)
                    return
            except PyMongoError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        """kill -9."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: connections stay, nothing answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def shut_down(self) -> None:
        """End it as an administrator would: everything is in a checkpoint."""
        with self.client() as client, contextlib.suppress(AutoReconnect):  # it is gone before it answers
            client.admin.command("shutdown", force=True, timeoutSecs=0)
        assert self.process is not None
        self.process.wait(_PATIENCE_S)
        self.process = None

    def stop(self) -> None:
        """End it; nothing is kept of tests."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)
            self.process.wait()
            self.process = None
