"""A real replica set of one or three mongods, each a process that can be killed."""

from __future__ import annotations

import time
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from ..mongod import Mongod

Client = MongoClient[dict[str, object]]

_PATIENCE_S = 60.0
_ELECTION_MS = 1500
_NO_RETURN_S = 5


class ReplicaSet:
    """Members by their ports; who is primary is asked for when it matters."""

    def __init__(self, folder: Path, size: int = 3, kind: type[Mongod] = Mongod) -> None:
        self.members = [kind(folder / f"member{i}") for i in range(size)]

    @property
    def uri(self) -> str:
        """What a server is given."""
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self.members)
        return f"mongodb://{hosts}/?replicaSet={self.members[0].replica_set}"

    def client(self) -> Client:
        """A client of the whole set."""
        return MongoClient(self.uri, serverSelectionTimeoutMS=5_000, socketTimeoutMS=20_000)

    def start(self) -> None:
        """Start all members and make them a set."""
        for member in self.members:
            member.start()
        hosts = [{"_id": i, "host": f"127.0.0.1:{member.port}"} for i, member in enumerate(self.members)]
        settings = {"electionTimeoutMillis": _ELECTION_MS, "heartbeatIntervalMillis": 300}
        config = {"_id": self.members[0].replica_set, "members": hosts, "settings": settings}
        with self.members[0].client() as client:
            client.admin.command("replSetInitiate", config)
        self.bring_back()

    def bring_back(self) -> None:
        """Start what is down, and wait until every member has its place and one is primary."""
        for member in self.members:
            if member.process is None:
                member.start()
        deadline = time.monotonic() + _PATIENCE_S
        while sorted(map(_role, self.members)) != ["primary"] + ["secondary"] * (len(self.members) - 1):
            if time.monotonic() > deadline:
                raise TimeoutError("the replica set does not come together")
            time.sleep(0.05)

    def primary(self) -> Mongod:
        """The member that takes writes now, waiting for one to be elected."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            for member in self.members:
                if _role(member) == "primary":
                    return member
            time.sleep(0.02)
        raise TimeoutError("no primary is elected")

    def await_other_primary(self, former: Mongod) -> None:
        """Wait until another member takes writes; the former one may be frozen and is not asked."""
        deadline = time.monotonic() + _PATIENCE_S
        while not any(_role(member) == "primary" for member in self.members if member is not former):
            if time.monotonic() > deadline:
                raise TimeoutError("no other primary is elected")
            time.sleep(0.02)

    def step_down(self) -> bool:
        """Have the primary give way; False when no other member was ready to take over."""
        with self.primary().client() as client:
            try:
                client.admin.command("replSetStepDown", _NO_RETURN_S, secondaryCatchUpPeriodSecs=4)
            except OperationFailure:
                return False
        return True

    def stop(self) -> None:
        """End all members."""
        for member in self.members:
            member.stop()


def _role(member: Mongod) -> str:
    if member.process is None:
        return "down"
    try:
        with member.client() as client:
            hello = client.admin.command("hello")
    except PyMongoError:
        return "mute"
    return "primary" if hello.get("isWritablePrimary") else "secondary" if hello.get("secondary") else "other"
