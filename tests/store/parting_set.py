"""A replica set of three whose primary can be left alone with what it is told, and lost with it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from pymongo import WriteConcern

from ..chaos.replica_set import ReplicaSet
from ..mongod import Mongod
from .given import FragileMongod

_PATIENCE_MS = 20_000
# A secondary that stops fetching the oplog still votes, and the primary still counts on it.
_FETCHING = "stopReplProducer"


class PartingSet(ReplicaSet):
    """Three members, of which the secondaries can be made deaf to the primary's writes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 3, FragileMongod)

    def leave_primary_alone(self) -> Mongod:
        """From now on no secondary hears of what is written; returns the primary, which stays in office.

        What was written before is everywhere.
        """
        primary = self.primary()
        with self.client() as client:
            everywhere = WriteConcern(len(self.members), wtimeout=_PATIENCE_MS)
            client["parting"].get_collection("words", write_concern=everywhere).insert_one({})
        for member in self._others(primary):
            _stop_fetching(member)
        return primary

    def lose(self, primary: Mongod) -> None:
        """Kill it, with all that only it has heard, and wait until another one is elected."""
        primary.kill()
        self.listen(self._others(primary))
        self.await_other_primary(primary)

    def listen(self, members: Collection[Mongod]) -> None:
        """Let these hear again of what is written."""
        for member in members:
            with member.client() as client:
                client.admin.command({"configureFailPoint": _FETCHING, "mode": "off"})

    def heal(self) -> None:
        """All three are there and well, whatever was done to them."""
        self.listen([member for member in self.members if member.process is not None])
        self.bring_back()

    def _others(self, primary: Mongod) -> list[Mongod]:
        return [member for member in self.members if member is not primary]


def _stop_fetching(member: Mongod) -> None:
    with member.client() as client:
        before: Any = client.admin.command({"configureFailPoint": _FETCHING, "mode": "alwaysOn"})
        # What it was about to fetch at that moment it still gets; it must have noticed.
        noticed = {"timesEntered": before["count"] + 1, "maxTimeMS": _PATIENCE_MS}
        client.admin.command({"waitForFailPoint": _FETCHING, **noticed})
