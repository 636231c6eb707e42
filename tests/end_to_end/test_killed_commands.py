"""Commands that are killed at any of their steps: run again, they leave what an undisturbed run leaves.

The steps are their writes to the database, counted by the command itself. `SCOREBOARD_ALL_STEPS=1` plays each
of them, before and after; else every fourth is played.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scoreboard_server.store.documents import STANDINGS

from ..cli.invoking import run
from ..cli.killing import killed_at_write
from ..mongod import Mongod
from ..store.conftest import Raw

pytestmark = [pytest.mark.database, pytest.mark.timeout(900)]

EACH_STEP = os.environ.get("SCOREBOARD_ALL_STEPS") == "1"
STRIDE = 1 if EACH_STEP else 4
LONGEST = 60
_OF_A_BAN = re.compile(r"^(![a-z-]+/)[0-9a-f]+/")

State = dict[str, Any]


class Scene:
    """A database with a past season and a current one, and the commands that are run on it."""

    USERS = ("ann", "ben", "cem")

    def __init__(self, mongod: Mongod, raw: Raw, folder: Path) -> None:
        self._environ = {"SCOREBOARD_STORE": mongod.uri, "SCOREBOARD_STORE_DATABASE": raw.name}
        self._folder = folder
        self.raw = raw
        self._kept: dict[str, list[dict[str, Any]]] = {}

    def run(self, *words: str) -> str:
        """What the command says; it has to end well."""
        done = run(*words, cwd=self._folder, environ=self._environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run_killed(self, step: int, when: str, *words: str) -> bool:
        """Whether the command had such a step, at which it was killed."""
        return killed_at_write(step, *words, cwd=self._folder, environ=self._environ, when=when)

    def wish(self, season: int) -> None:
        """As a reset leaves it that was killed before it could strike out its wish."""
        closing = {"name": f"season-{season + 1}", "ends_at": None, "by": "root", "at": 1}
        self.raw["seasons"].update_one({"_id": season}, {"$set": {"closing": closing}})

    def seasons(self) -> list[tuple[int, str, bool]]:
        """Each with its state, and whether somebody is yet to be told that it is closed."""
        found = self.raw["seasons"].find(sort=[("_id", 1)])
        return [(d["_id"], d["state"], "closing" in d) for d in found]

    def refusal(self, *words: str) -> str:
        """What the command says; it has to refuse."""
        done = run(*words, cwd=self._folder, environ=self._environ)
        assert done.returncode == 1, done.stderr
        return done.stderr

    def remember(self) -> None:
        """As it is now, it can be had again."""
        self._kept = {name: list(self.raw[name].find()) for name in self.raw.list_collection_names()}

    def restore(self) -> None:
        """As it was."""
        for name, documents in self._kept.items():
            self.raw[name].delete_many({})
            if documents:
                self.raw[name].insert_many(documents)

    def set_up(self) -> None:
        """Three users with actions in season-1, which is sealed, and pending ones in season-2."""
        self.run("season", "list")
        self._act(range(6))
        self.run("season", "reset", "--yes", "--name", "season-2")
        self._act(range(6, 12))

    def _act(self, numbers: range) -> None:
        self.raw["entries"].insert_many(
            {
                "v": 1,
                "user": user,
                "action": f"a{n:02}",
                "type": "task.completed",
                "points": 10 + n,
                "at": 1_790_000_000_000_000 + n,
                "writer": "gone",
                "batch": n,
                "pending": True,
            }
            for user in self.USERS
            for n in numbers
        )

    def state(self) -> State:
        """What is stored, without ids and times that are made anew by each run."""
        seasons = list(self.raw["seasons"].find(sort=[("_id", 1)]))
        return {
            "entries": sorted(map(_entry, self.raw["entries"].find()), key=str),
            "standings": sorted(map(_plain, self.raw[STANDINGS].find()), key=str),
            "seasons": [(s["_id"], s["name"], s["state"], "closing" in s) for s in seasons],
            "boards": {s["_id"]: self._boards(s) for s in seasons if s["state"] == "sealed"},
            "bans": [(b["_id"], b["reason"], b["lifted_at"] is None) for b in self.raw["bans"].find()],
        }

    def _boards(self, season: dict[str, Any]) -> dict[str, Any]:
        """The announced board and the corrected one; the digest has to be that of what is stored."""
        kept = season["archive"]
        assert kept["digest"] == self._digest(season)
        assert kept["edition"] == season["corrections"]
        rows = {edition: self._rows(season["_id"], edition) for edition in (0, kept["edition"])}
        return {"announced": rows[0], "corrected": rows[kept["edition"]], "entries": kept["entries"]}

    def _rows(self, season: int, edition: int) -> list[tuple[int, str, int]]:
        found = self.raw["archive"].find({"_id.season": season, "_id.edition": edition}, sort=[("_id", 1)])
        return [(d["_id"]["rank"], d["user"], d["score"]) for d in found]

    def _digest(self, season: dict[str, Any]) -> str:
        """By hand, from what is stored."""
        number = season["_id"]
        lines: list[dict[str, Any]] = [
            {
                "kind": "season",
                "number": number,
                "name": season["name"],
                "startedAt": season["started_at"],
                "sealedAt": season["sealed_at"],
            }
        ]
        told = ("user", "action", "type", "points", "at", "reason", "of")
        counted = {"season": number, "late": {"$exists": False}}
        for d in self.raw["entries"].find(counted, sort=[("user", 1), ("action", 1)]):
            lines.append({"kind": "entry"} | {name: d[name] for name in told if name in d})
        for d in self.raw[STANDINGS].find({"_id.season": number, "hidden": True}, sort=[("_id", 1)]):
            lines.append({"kind": "hidden", "user": d["_id"]["user"]})
        which = {"_id.season": number, "_id.edition": 0}
        for d in self.raw["archive"].find(which, sort=[("_id", 1)]):
            row = {"rank": d["_id"]["rank"], "user": d["user"], "score": d["score"]}
            lines.append({"kind": "standing"} | row | {"reachedAt": d["reached_at"]})
        text = "".join(json.dumps(each, sort_keys=True, separators=(",", ":")) + "\n" for each in lines)
        return hashlib.sha256(text.encode()).hexdigest()


def _entry(document: dict[str, Any]) -> tuple[Any, ...]:
    action = _OF_A_BAN.sub(r"\1", document["action"])
    where = (document.get("season"), document.get("late", False), document.get("pending", False))
    return document["user"], action, document["points"], document.get("of"), *where


def _plain(document: dict[str, Any]) -> tuple[Any, ...]:
    told = document["score"], document["actions"], document["reached_at"], document.get("hidden", False)
    return document["_id"]["season"], document["_id"]["user"], *told


@pytest.fixture
def scene(replica_set: Mongod, database: str, tmp_path: Path, short_transactions: None) -> Iterator[Scene]:
    """On a database of its own."""
    with replica_set.client() as client:
        yield Scene(replica_set, client[database], tmp_path)


def play(scene: Scene, before: list[list[str]], command: list[str], when: str) -> int:
    """Kill the command at each step and run it again; how many steps there were."""
    scene.set_up()
    for words in before:
        scene.run(*words)
    scene.remember()
    scene.run(*command)
    expected = scene.state()
    for played, step in enumerate(range(1 if when == "before" else 2, LONGEST, STRIDE)):
        scene.restore()
        if not scene.run_killed(step, when, *command):
            return played
        scene.run(*command)
        assert scene.state() == expected, f"killed {when} write {step}"
    raise AssertionError("it never came to its end")


BAN = ["ban", "ann", "--reason", "a script", "--from", "9999d"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reset(scene: Scene, when: str) -> None:
    """Also when it was killed after it had told: no second season is closed."""
    command = ["season", "reset", "--yes", "--name", "season-3"]
    assert play(scene, [["ban", "cem", "--reason", "x"]], command, when) >= (8 if EACH_STEP else 2)
    assert Counter(d["what"] for d in scene.raw["audit"].find())["season reset"] == 2


def test_another_season_than_the_one_that_was_left_is_not_taken_for_closed(scene: Scene) -> None:
    """What was left is finished and told; that the season that was meant is still open is told, too."""
    scene.set_up()
    scene.wish(1)
    meant = ["season", "reset", "--yes", "--closes", "season-2"]
    assert "run it again to close season-2" in scene.refusal(*meant)
    assert scene.seasons() == [(1, "sealed", False), (2, "current", False)]
    scene.run(*meant)
    scene.run(*meant)
    assert scene.seasons() == [(1, "sealed", False), (2, "sealed", False), (3, "current", False)]


def test_a_season_that_is_closed_already_brings_no_other_to_its_end(scene: Scene) -> None:
    """Who names it means that one, whatever somebody else has begun."""
    scene.set_up()
    scene.wish(2)
    told = json.loads(scene.run("season", "reset", "--yes", "--closes", "season-1", "--json"))
    assert told["closed"]["name"] == "season-1"
    assert scene.seasons() == [(1, "sealed", False), (2, "current", True)]
    scene.run("season", "reset", "--yes")
    assert scene.seasons() == [(1, "sealed", False), (2, "sealed", False), (3, "current", False)]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_ban_that_reaches_into_a_sealed_season(scene: Scene, when: str) -> None:
    """Its points are taken back in both seasons, and the sealed one's board is corrected."""
    assert play(scene, [], BAN, when) >= (8 if EACH_STEP else 2)


@pytest.mark.parametrize("when", ["before", "after"])
def test_lifting_it(scene: Scene, when: str) -> None:
    """All of it comes back."""
    command = ["unban", "ann"]
    assert play(scene, [BAN], command, when) >= (8 if EACH_STEP else 2)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_adjustment_of_a_sealed_season(scene: Scene, when: str) -> None:
    """Made wholly or not at all, with its line in the trail; whoever comes by next writes the board.

    Run again with the same key it is made once.
    """
    command = ["adjust", "ben", "7", "--reason", "x", "--season", "season-1", "--once", "t-1"]
    scene.set_up()
    scene.remember()
    for step in range(1 if when == "before" else 2, LONGEST, STRIDE):
        scene.restore()
        killed = scene.run_killed(step, when, *command)
        made = scene.raw["entries"].count_documents({"user": "ben", "late": True, "points": 7})
        assert made == scene.raw["audit"].count_documents({"what": "adjust"})
        assert made <= 1 and (made or killed)
        scene.run("adjust", "cem", "1", "--reason", "y", "--season", "season-1")
        (boards,) = scene.state()["boards"].values()
        assert {user: score for _, user, score in boards["announced"]} == dict.fromkeys(scene.USERS, 75)
        assert {user: score for _, user, score in boards["corrected"]} == {
            "ann": 75,
            "ben": 75 + 7 * made,
            "cem": 76,
        }
        scene.run(*command)
        (boards,) = scene.state()["boards"].values()
        assert {user: score for _, user, score in boards["corrected"]}["ben"] == 82
        assert scene.raw["audit"].count_documents({"what": "adjust", "user": "ben"}) == 1
        if not killed:
            return
    raise AssertionError("it never came to its end")
