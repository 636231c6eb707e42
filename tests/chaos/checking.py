"""The check after each round: what users were told, the ledger, the standings and every board agree."""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count, zip_longest
from typing import Any

from pymongo.errors import PyMongoError

from scoreboard_server.rules.seasons import FIRST_NUMBER

from .chronicle import POINTS
from .memory import Record
from .replica_set import Client
from .seasons import Seasons, name_of

Key = tuple[str, str]
Account = tuple[int, str]
"""(season's number, user)."""
Total = tuple[int, int]
"""(score, reached_at)."""

_PATIENCE_S = 60.0
_PAGE = 1000
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Findings:
    """What does not agree; false when everything does.

    lost: acknowledged, but not in the ledger. doubled: there more than once, in one season or in several.
    unasked: there, but never asked for. adrift: neither pending nor of a season, or both. reopened: in a
    sealed season, but not when it was sealed, or the other way round. unfolded: users whose standings of a
    season are not their entries of it. wrong: users of whom somebody says something else than the ledger.
    seasons: what is wrong with the seasons themselves, and who shows another one.
    """

    lost: set[Key] = field(default_factory=set)
    doubled: set[Key] = field(default_factory=set)
    unasked: set[Key] = field(default_factory=set)
    adrift: set[Key] = field(default_factory=set)
    reopened: set[Key] = field(default_factory=set)
    unfolded: set[Account] = field(default_factory=set)
    wrong: dict[str, str] = field(default_factory=dict)
    seasons: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.is_final or any((self.lost, self.doubled, self.unasked, self.wrong, self.seasons))

    @property
    def is_final(self) -> bool:
        """Whether something is wrong that must hold at every instant: having seen it once is enough."""
        return any((self.adrift, self.reopened, self.unfolded))


@dataclass(frozen=True)
class Stored:
    """What the store says, all of one instant. seasons: number → state."""

    entries: list[dict[str, Any]]
    standings: dict[Account, Total]
    seasons: dict[int, str]


@dataclass(frozen=True)
class Shown:
    """A whole board. seasons: the name that each page had; rows: best first."""

    seasons: set[str]
    rows: list[dict[str, Any]]


def check(
    client: Client,
    database: str,
    addresses: Iterable[str],
    records: Collection[Record],
    seasons: Seasons,
    *,
    boards: Iterable[tuple[str, Mapping[str, int]]] = (),
) -> Findings:
    """Compare once. No user may have anything under way, and no season may be changing.

    What is stored is of one instant, so servers may fold meanwhile. Boards are asked for at the addresses;
    `boards` are those of this process, as a name and the scores shown.
    """
    stored = _read(client, database)
    found = Findings()
    _check_actions(stored, records, found)
    _check_seasons(stored, seasons, found)
    of_all = _fold(stored.entries)
    told = {r.user: POINTS * len(r.acknowledged) for r in records}
    _compare("the users", told, of_all, found)
    of_now = _fold(e for e in stored.entries if e.get("pending") or e.get("season") == seasons.done)
    for address in addresses:
        _compare_board(address, seasons.done, of_now, found)
    for who, shown in boards:
        _compare(who, shown, of_now, found)
    return found


def _read(client: Client, database: str) -> Stored:
    told = {"_id": 0, "user": 1, "action": 1, "points": 1, "at": 1, "pending": 1, "season": 1}
    store: Any = client[database]
    with client.start_session(snapshot=True) as session:
        entries = list(store["entries"].find({}, told, session=session))
        standings = {
            (d["_id"]["season"], d["_id"]["user"]): (d["score"], d["reached_at"])
            for d in store["standings"].find({}, session=session)
        }
        seasons = {d["_id"]: d["state"] for d in store["seasons"].find({}, session=session)}
    return Stored(entries, standings, seasons)


def _check_actions(stored: Stored, records: Collection[Record], found: Findings) -> None:
    """Each acknowledged action is there, each once over all seasons, and nothing else."""
    times = Counter(map(_key, stored.entries))
    acknowledged = {(record.user, action) for record in records for action in record.acknowledged}
    asked = {(record.user, action) for record in records for action in record.asked}
    found.lost = acknowledged - times.keys()
    found.unasked = times.keys() - asked
    found.doubled = {key for key, count in times.items() if count > 1}


def _check_seasons(stored: Stored, seasons: Seasons, found: Findings) -> None:
    """Each season's standings are its own entries, and a sealed one stays as it was."""
    expected = dict.fromkeys(range(FIRST_NUMBER, seasons.done), "sealed") | {seasons.done: "current"}
    if stored.seasons != expected:
        found.seasons.append(f"stored are {stored.seasons}")
    found.adrift = {_key(e) for e in stored.entries if bool(e.get("pending")) == ("season" in e)}
    of_season: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for entry in stored.entries:
        if not entry.get("pending"):
            of_season[entry.get("season", 0)].append(entry)
    folded = {(n, user): total for n, of in of_season.items() for user, total in _fold(of).items()}
    found.unfolded = {
        account
        for account in folded.keys() | stored.standings.keys()
        if folded.get(account) != stored.standings.get(account)
    }
    for number, sealed in seasons.sealed.items():
        as_sealed = {(user, action) for user, actions in sealed.items() for action in actions}
        found.reopened |= as_sealed ^ set(map(_key, of_season[number]))


def _key(entry: Mapping[str, Any]) -> Key:
    return entry["user"], entry["action"]


def _fold(entries: Iterable[Mapping[str, Any]]) -> dict[str, Total]:
    totals: dict[str, Total] = {}
    for entry in entries:
        score, reached_at = totals.get(entry["user"], (0, 0))
        totals[entry["user"]] = (score + entry["points"], max(reached_at, entry["at"]))
    return totals


def _compare(who: str, told: Mapping[str, int], fold: Mapping[str, Total], found: Findings) -> None:
    for user in told.keys() | fold.keys():
        ledger = fold.get(user, (0, 0))[0]
        if told.get(user, 0) != ledger:
            found.wrong[user] = f"{ledger} by the ledger, {told.get(user, 0)} by {who}"


def _compare_board(address: str, season: int, fold: Mapping[str, Total], found: Findings) -> None:
    shown = shown_board(address)
    if shown.seasons != {name_of(season)}:
        found.seasons.append(f"{address} shows {', '.join(shown.seasons)}, not {name_of(season)}")
    _compare(address, {row["userId"]: row["score"] for row in shown.rows}, fold, found)
    order = sorted(fold, key=lambda user: (-fold[user][0], fold[user][1], user))
    ranks = [(row["userId"], row["rank"]) for row in shown.rows]
    for right, is_shown in zip_longest(zip(order, count(1), strict=False), ranks):
        if right != is_shown:
            user, rank = right or is_shown
            found.wrong.setdefault(user, f"rank {rank} by {'the ledger' if right else address} alone")


def shown_board(address: str) -> Shown:
    """The whole board, page by page; it must be at rest."""
    shown = Shown(set(), [])
    while True:
        url = f"{address}/api/leaderboard?limit={_PAGE}&offset={len(shown.rows)}"
        with _direct.open(url, timeout=30) as answer:
            page = json.load(answer)
        shown.seasons.add(page["season"])
        shown.rows.extend(page["leaderboard"])
        if len(page["leaderboard"]) < _PAGE:
            return shown


def settled(look: Callable[[], Findings], patience: float = _PATIENCE_S) -> Findings:
    """The findings of `look` once there are none, else the last ones.

    Boards of other processes follow a moment later, and a set may be electing.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            found = look()
            if not found or found.is_final or time.monotonic() > deadline:
                return found
        except (PyMongoError, OSError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)
