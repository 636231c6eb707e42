"""Seasons: how far their change has got, and the change itself, made by the command beside the servers."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from scoreboard_server.rules.seasons import FIRST_NUMBER
from scoreboard_server.store.documents import ENTRIES

from ..cli.invoking import run
from .replica_set import Client

Actions = Mapping[str, frozenset[str]]
"""user → ids."""

# A server that is frozen within a fold holds the season until the store ends its transaction: 60 to 90 s.
_PATIENCE_S = 100.0
# Longer than a frozen fold is waited for.
_ONE_RUN_S = 180.0
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

    def change(self, uri: Callable[[], str], open_client: Callable[[], Client], database: str) -> None:
        """Seal the current season and begin the next one, however long the store makes us wait."""
        ending = self.done
        self.begun = ending + 1
        _reset(uri, database, ending)

        def look() -> Actions:
            with open_client() as client:
                return _actions(client, database, ending)

        self.sealed[ending] = _insisting(look)
        self.done = ending + 1


def name_of(number: int) -> str:
    """How a season is called."""
    return f"season-{number}"


def _reset(uri: Callable[[], str], database: str, ending: int) -> None:
    """By the command, until it succeeds; which season is meant is named, so it is closed once."""
    following = ("--closes", name_of(ending), "--name", name_of(ending + 1))
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        environ = {"SCOREBOARD_STORE": uri(), "SCOREBOARD_STORE_DATABASE": database}
        command = ("season", "reset", "--yes", *following)
        done = run(*command, cwd=Path.cwd(), environ=environ, timeout=_ONE_RUN_S)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name_of(ending)} can't be closed: {done.stderr}")
        time.sleep(_PAUSE_S)


def _insisting(look: Callable[[], Actions]) -> Actions:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return look()
        except PyMongoError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)


def _actions(client: Client, database: str, season: int) -> Actions:
    """What is in the season. It is sealed, so this is final."""
    entries: Any = client[database].get_collection(ENTRIES, read_concern=ReadConcern("majority"))
    actions = defaultdict(set)
    for entry in entries.find({"season": season}, {"_id": 0, "user": 1, "action": 1}):
        actions[entry["user"]].add(entry["action"])
    return {user: frozenset(of_user) for user, of_user in actions.items()}
