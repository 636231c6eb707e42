"""The check after each round: what users were told, the ledger, the standings and every board agree."""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from .chronicle import POINTS, Record
from .replica_set import Client

Key = tuple[str, str]
Totals = Mapping[str, tuple[int, int]]
"""user → (score, reached_at)."""

_PATIENCE_S = 60.0
_PAGE = 1000
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Findings:
    """What does not agree; false when everything does.

    lost: acknowledged, but not in the ledger. doubled: there more than once. unasked: there, but never asked
    for. unfolded: users whose standings and pending entries are not their ledger. wrong: users of whom
    somebody says something else than the ledger.
    """

    lost: set[Key] = field(default_factory=set)
    doubled: set[Key] = field(default_factory=set)
    unasked: set[Key] = field(default_factory=set)
    unfolded: set[str] = field(default_factory=set)
    wrong: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any((self.lost, self.doubled, self.unasked, self.unfolded, self.wrong))


def check(
    client: Client,
    database: str,
    addresses: Iterable[str],
    records: Collection[Record],
    boards: Iterable[tuple[str, Mapping[str, int]]] = (),
) -> Findings:
    """Compare once. No user may have anything under way.

    The ledger, the standings and what is pending are of one instant, so servers may fold meanwhile. Boards
    are asked for at the addresses; `boards` are those of this process, as a name and the scores shown.
    """
    with client.start_session(snapshot=True) as session:
        entries = _entries(client, database, session)
        folded = _standings(client, database, session)
    times = Counter((entry["user"], entry["action"]) for entry in entries)
    acknowledged = {(record.user, action) for record in records for action in record.acknowledged}
    asked = {(record.user, action) for record in records for action in record.asked}
    fold = _fold(entries)
    found = Findings(lost=acknowledged - times.keys(), unasked=times.keys() - asked)
    found.doubled = {key for key, count in times.items() if count > 1}
    with_pending = _fold((entry for entry in entries if entry.get("pending")), folded)
    found.unfolded = {user for user in fold.keys() | with_pending if fold.get(user) != with_pending.get(user)}
    _compare("the users", {r.user: POINTS * len(r.acknowledged) for r in records}, fold, found)
    for address in addresses:
        _compare_board(address, fold, found)
    for who, shown in boards:
        _compare(who, shown, fold, found)
    return found


def _entries(client: Client, database: str, session: ClientSession) -> list[dict[str, Any]]:
    told = {"_id": 0, "user": 1, "action": 1, "points": 1, "at": 1, "pending": 1}
    found: Any = client[database]["entries"].find({}, told, session=session)
    return list(found)


def _fold(entries: Iterable[Mapping[str, Any]], start: Totals | None = None) -> dict[str, tuple[int, int]]:
    totals = dict(start or {})
    for entry in entries:
        score, reached_at = totals.get(entry["user"], (0, 0))
        totals[entry["user"]] = (score + entry["points"], max(reached_at, entry["at"]))
    return totals


def _standings(client: Client, database: str, session: ClientSession) -> dict[str, tuple[int, int]]:
    documents: Any = client[database]["standings"].find({}, session=session)
    return {d["_id"]["user"]: (d["score"], d["reached_at"]) for d in documents}


def _compare(who: str, told: Mapping[str, int], fold: Totals, found: Findings) -> None:
    for user in told.keys() | fold.keys():
        ledger = fold.get(user, (0, 0))[0]
        if told.get(user, 0) != ledger:
            found.wrong[user] = f"{ledger} by the ledger, {told.get(user, 0)} by {who}"


def _compare_board(address: str, fold: Totals, found: Findings) -> None:
    rows = _board(address)
    _compare(address, {row["userId"]: row["score"] for row in rows}, fold, found)
    order = sorted(fold, key=lambda user: (-fold[user][0], fold[user][1], user))
    for rank, (user, row) in enumerate(zip(order, rows, strict=False), 1):
        if (row["userId"], row["rank"]) != (user, rank):
            found.wrong.setdefault(user, f"rank {rank} by the ledger, not by {address}")


def _board(address: str) -> list[dict[str, Any]]:
    """The whole board, page by page; it must be at rest."""
    rows: list[dict[str, Any]] = []
    while True:
        url = f"{address}/api/leaderboard?limit={_PAGE}&offset={len(rows)}"
        with _direct.open(url, timeout=30) as answer:
            page = json.load(answer)
        rows += page["leaderboard"]
        if len(page["leaderboard"]) < _PAGE:
            return rows


def settled(look: Callable[[], Findings], patience: float = _PATIENCE_S) -> Findings:
    """The findings of `look` once there are none, else the last ones.

    Boards of other processes follow a moment later, and a set may be electing. That the standings and what is
    pending are the ledger holds at every instant: once is enough for that to be wrong.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            found = look()
            if not found or found.unfolded or time.monotonic() > deadline:
                return found
        except (PyMongoError, OSError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)
