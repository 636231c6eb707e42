"""Seasons: how far their change has got, and the change itself, made past the servers."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from scoreboard_server.rules.seasons import FIRST_NUMBER, Season
from scoreboard_server.store.documents import ENTRIES, SEASONS
from scoreboard_server.store.season_documents import season_document

from .replica_set import Client

Actions = Mapping[str, frozenset[str]]
"""user → ids."""

# A server that is frozen within a fold holds the season until the store ends its transaction: 60 to 90 s.
_PATIENCE_S = 100.0
_PAUSE_S = 0.05


class Seasons:
    """What is known here of the seasons of one stage, by their numbers. Each number only rises.

    begun: this one may be current by now. done: this one or a later one is. settled: every server has shown
    this one or a later one. sealed: what was in each season when it ended, for all before `done`.

    One fault at a time writes this, from its thread; users and checks read it from theirs.
    """

    def __init__(self) -> None:
        self.begun = FIRST_NUMBER
        self.done = FIRST_NUMBER
        self.settled = FIRST_NUMBER
        self.sealed: dict[int, Actions] = {}

    def change(self, open_client: Callable[[], Client], database: str) -> None:
        """Seal the current season and begin the next one, however long the store makes us wait."""
        ending = self.done
        self.begun = ending + 1
        self.sealed[ending] = _insisting(lambda: _change(open_client, database, ending))
        self.done = ending + 1


def name_of(number: int) -> str:
    """How a season is called."""
    return f"season-{number}"


def _insisting(change: Callable[[], Actions]) -> Actions:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return change()
        except PyMongoError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)


def _change(open_client: Callable[[], Client], database: str, ending: int) -> Actions:
    """Safe to repeat when its outcome is unknown."""
    with open_client() as client, client.start_session() as session:
        with session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority", j=True)):
            seasons: Any = client[database][SEASONS]
            current, sealed = {"_id": ending, "state": "current"}, {"$set": {"state": "sealed"} | _sealing()}
            if seasons.update_one(current, sealed, session=session).modified_count:
                following = Season(ending + 1, name_of(ending + 1), time.time_ns() // 1000)
                seasons.insert_one(season_document(following), session=session)
        return _actions(client, database, session, ending)


def _sealing() -> dict[str, Any]:
    return {"sealed_at": time.time_ns() // 1000, "sealed_by": "chaos"}


def _actions(client: Client, database: str, session: ClientSession, season: int) -> Actions:
    """What is in the season. The session has seen it sealed, so what it reads is final."""
    entries: Any = client[database].get_collection(ENTRIES, read_concern=ReadConcern("majority"))
    actions = defaultdict(set)
    for entry in entries.find({"season": season}, {"_id": 0, "user": 1, "action": 1}, session=session):
        actions[entry["user"]].add(entry["action"])
    return {user: frozenset(of_user) for user, of_user in actions.items()}
