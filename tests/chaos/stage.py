"""Stages: what runs together, and how it is brought back after a fault."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..mongod import Mongod
from ..nginx import Nginx
from .chronicle import ACTION_TYPE, POINTS
from .embedded_mongod import EmbeddedMongod
from .in_thread import in_thread
from .proxy import Proxy
from .replica_set import Client, ReplicaSet
from .seasons import Seasons, name_of
from .server_process import ServerProcess

DATABASE = "scoreboard"
_FOLLOWED_S = 60.0
# The rules that refuse a fast user are not what is looked at here.
_SETTINGS = f"""
[limits]
updates_per_minute = 0
per_ip_per_minute = 0
[actions."{ACTION_TYPE}"]
points = {POINTS}
"""


@dataclass
class Stage:
    """Servers and their one store, embedded or a replica set, with a proxy in front of it or not.

    nginx: in front of the servers, for the users; else they choose among the servers themselves.
    """

    name: str
    servers: list[ServerProcess]
    embedded: EmbeddedMongod | None = None
    replica_set: ReplicaSet | None = None
    proxy: Proxy | None = None
    nginx: Nginx | None = None
    seasons: Seasons = field(default_factory=Seasons)

    @property
    def ports(self) -> list[int]:
        """What the users are told."""
        return [server.port for server in self.servers] if self.nginx is None else [self.nginx.port]

    def mongod(self) -> Mongod | EmbeddedMongod:
        """The process that takes the writes now."""
        if self.embedded is not None:
            return self.embedded
        assert self.replica_set is not None
        return self.replica_set.primary()

    def client(self) -> Client:
        """A client past the proxy."""
        store = self.embedded or self.replica_set
        assert store is not None
        return store.client()

    def bring_back(self) -> None:
        """Start what is down and wait until everything is ready."""
        if self.replica_set is not None:
            self.replica_set.bring_back()
        for server in self.servers:
            server.start()
        for server in self.servers:
            server.wait_until_ready()

    def change_season(self) -> None:
        """Have the next season begin, by the command."""
        self.seasons.change(self._uri, self.client, DATABASE)

    def _uri(self) -> str:
        if self.embedded is not None:
            return self.embedded.uri()
        assert self.replica_set is not None
        return self.replica_set.uri

    def settle_season(self) -> None:
        """Wait until every server shows the current season."""
        current = self.seasons.done
        deadline = time.monotonic() + _FOLLOWED_S
        for server in self.servers:
            while (shown := server.season()) != name_of(current):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"a server shows {shown}, not {name_of(current)}: {server.words()}")
                time.sleep(0.02)
        self.seasons.settled = current

    def take_surprises(self) -> list[str]:
        """What servers did since the last time that no fault excuses."""
        return [f"{self.name}: {words}" for server in self.servers for words in server.take_surprises()]

    def clear_away(self) -> None:
        """End every process."""
        if self.embedded is not None:
            self.embedded.resume()
        for server in self.servers:
            server.stop()
        if self.replica_set is not None:
            self.replica_set.stop()
        if self.embedded is not None:
            self.embedded.wait_until_gone()


OpenStage = Callable[[Path, random.Random], AbstractAsyncContextManager[Stage]]


@asynccontextmanager
async def embedded_stage(folder: Path, rng: random.Random) -> AsyncIterator[Stage]:
    """One server with a private mongod."""
    data_dir = folder / "data"
    server = ServerProcess(folder / "server", "--data-dir", data_dir, "--config", _settings(folder))
    async with _running(Stage("embedded", [server], EmbeddedMongod(data_dir))) as stage:
        yield stage


@asynccontextmanager
async def proxied_stage(folder: Path, rng: random.Random) -> AsyncIterator[Stage]:
    """One server that reaches its one mongod through a proxy."""
    replica_set = ReplicaSet(folder, 1)
    proxy = Proxy(replica_set.members[0].port, rng)
    await proxy.start()
    try:
        uri = f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true"
        server = ServerProcess(folder / "server", "--store", uri, "--config", _settings(folder))
        async with _running(Stage("proxied", [server], None, replica_set, proxy)) as stage:
            yield stage
    finally:
        await proxy.stop()


@asynccontextmanager
async def replicated_stage(folder: Path, rng: random.Random) -> AsyncIterator[Stage]:
    """Two servers on a replica set of three."""
    replica_set = ReplicaSet(folder, 3)
    arguments = ("--store", replica_set.uri, "--config", _settings(folder))
    servers = [ServerProcess(folder / f"server{i}", *arguments) for i in range(2)]
    async with _running(Stage("replicated", servers, None, replica_set)) as stage:
        yield stage


@asynccontextmanager
async def balanced_stage(folder: Path, rng: random.Random) -> AsyncIterator[Stage]:
    """Two servers on one mongod, behind an nginx."""
    replica_set = ReplicaSet(folder, 1)
    arguments = ("--store", replica_set.uri, "--config", _settings(folder))
    servers = [ServerProcess(folder / f"server{i}", *arguments) for i in range(2)]
    nginx = Nginx(folder / "nginx", [server.port for server in servers])
    await in_thread(nginx.start)
    try:
        async with _running(Stage("balanced", servers, None, replica_set, None, nginx)) as stage:
            yield stage
    finally:
        await in_thread(nginx.stop)


@asynccontextmanager
async def _running(stage: Stage) -> AsyncIterator[Stage]:
    try:
        if stage.replica_set is not None:
            await in_thread(stage.replica_set.start)
        await in_thread(stage.bring_back)
        yield stage
    finally:
        await in_thread(stage.clear_away)


def _settings(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "scoreboard.toml"
    path.write_text(_SETTINGS)
    return path
