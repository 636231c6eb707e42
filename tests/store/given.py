"""Entries, and what a store says of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from scoreboard_server.flow.folding import summed
from scoreboard_server.flow.ports import Batch, Snapshot, Snapshots, Standings
from scoreboard_server.rules.entry import Entry
from scoreboard_server.store.embedded import find_mongod

from ..mongod import Mongod

EVERYTHING = 100_000

Totals = dict[str, tuple[int, int]]
"""(score, reached_at) by user."""


def entry(user: str = "ann", action: str = "a1", points: int = 10, at: int = 1_000) -> Entry:
    """An entry of one type."""
    return Entry(user, action, "task.completed", points, at)


def entries(count: int, user: str = "ann", prefix: str = "a") -> list[Entry]:
    """Entries of one user, a point each, at 1, 2, 3, …"""
    return [entry(user, f"{prefix}{i}", 1, i) for i in range(1, count + 1)]


def batch(*some: Entry, writer: str = "me", number: int = 1) -> Batch:
    """A batch of these entries."""
    return Batch(writer, number, some)


async def fold_pending(standings: Standings, writer: str = "me", limit: int = EVERYTHING) -> bool:
    """Fold what this writer has pending, if anything."""
    pending = await standings.pending(writer, limit)
    return bool(pending) and await standings.fold([e.id for e in pending], summed(pending))


async def read(snapshot: Snapshot) -> tuple[Totals, list[tuple[str, int, int]]]:
    """Standings and pending entries of a snapshot."""
    standings = {user: (score, at) async for user, score, at in snapshot.standings()}
    return standings, sorted([row[:3] async for row in snapshot.pending()])


def together(standings: Totals, pending: list[tuple[str, int, int]]) -> Totals:
    """The board that standings and pending entries make."""
    board = dict(standings)
    for user, points, at in pending:
        score, reached = board.get(user, (0, 0))
        board[user] = score + points, max(reached, at)
    return board


async def board(snapshots: Snapshots) -> Totals:
    """The board of the store as it is now."""
    async with snapshots.snapshot() as snapshot:
        return together(*await read(snapshot))


class FragileMongod(Mongod):
    """A mongod that tests may pause and kill, and that fails on demand."""

    def start(self) -> None:
        """Start with the failures of mongod's own test suite switched on."""
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        wrapper = folder / "mongod"
        if not wrapper.exists():
            # A transaction whose client is gone blocks its documents until it expires, by default for 60 s.
            parameters = (
                "--setParameter enableTestCommands=1 --setParameter transactionLifetimeLimitSeconds=1"
            )
            wrapper.write_text(f'#!/bin/sh\nexec {find_mongod()} "$@" {parameters}\n')
            wrapper.chmod(0o700)
        path = os.environ["PATH"]
        os.environ["PATH"] = f"{folder}{os.pathsep}{path}"
        try:
            super().start()
        finally:
            os.environ["PATH"] = path

    def fail(self, command: str, times: int | None = None, **how: Any) -> None:
        """Let this command of the score board's clients fail, `times` times or until healed."""
        mode = "alwaysOn" if times is None else {"times": times}
        data = {"failCommands": [command], "appName": "scoreboard", **how}
        with self.client() as client:
            client.admin.command({"configureFailPoint": "failCommand", "mode": mode, "data": data})

    def heal(self) -> None:
        """Make it a running primary without failures, whatever was done to it."""
        if self.process is None:
            self.start()
        self.resume()
        self.wait_for_primary()
        with self.client() as client:
            client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


def mongods_on(folder: Path) -> list[int]:
    """The live processes that were told to serve this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if any(a.startswith(str(folder.resolve())) for a in arguments) and "mongod" in arguments[0]:
            found.append(int(process.name))
    return found
