"""`scoreboard audit`: the trail beside a running server, and that nothing ever changes it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from scoreboard_cli.main import scoreboard
from scoreboard_server.store.data_dir import running_uri

from ..conftest import need_mongod
from ..mongod import Mongod
from .invoking import SCOREBOARD, Running, environment, in_process, in_terminal, run, until

pytestmark = pytest.mark.database

Raw = Database[dict[str, Any]]


class Place:
    """A server with ann before ben on its board, and some acts in its trail."""

    def __init__(self, folder: Path, raw: Raw) -> None:
        self.folder = folder
        self.raw = raw

    def told(self, *arguments: str) -> list[dict[str, Any]]:
        """What `audit` answers as JSON."""
        ended = run("audit", "--json", *arguments, cwd=self.folder)
        assert ended.returncode == 0, ended.stderr
        acts: list[dict[str, Any]] = json.loads(ended.stdout)
        return acts

    def do(self, *arguments: str) -> None:
        """Run a command that is to succeed."""
        ended = run(*arguments, cwd=self.folder)
        assert ended.returncode == 0, ended.stderr

    def damage(self, user: str) -> None:
        """Give the user points that no entry explains."""
        until(lambda: self.raw["entries"].count_documents({"pending": True}) == 0)
        which = {"_id": {"season": 1, "user": user}}
        assert self.raw["standings"].update_one(which, {"$inc": {"score": 1_000}}).modified_count


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all: each act is only ever added to."""
    need_mongod()
    folder = tmp_path_factory.mktemp("audited")
    with Running("serve", "--port", "0", "--json", cwd=folder) as server:
        server.ready()
        for user, count in (("ann", 3), ("ben", 2)):
            token = run("token", "issue", user, cwd=folder).stdout.strip()
            for number in range(count):
                assert server.act(token, f"a{number}")[0] == 200
        with MongoClient[dict[str, Any]](running_uri(folder / ".scoreboard")) as client:
            place = Place(folder, client["scoreboard"])
            place.do("adjust", "ann", "5", "--reason", "a prize")
            place.do("ban", "ben", "--reason", "a script", "--until", "2199-12-31", "--from", "2020-01-01")
            place.do("unban", "ben", "--reason", "was none")
            place.do("token", "revoke", "--user", "ann", "--reason", "stolen")
            place.damage("ann")
            place.do("verify", "--repair")
            yield place


# --- reading --------------------------------------------------------------------------------------


def test_each_act_is_told_newest_first(place: Place) -> None:
    """With who, when, why, and how things were before and after."""
    acts = place.told()[-5:]
    assert [(act["what"], act["userId"]) for act in acts] == [
        ("repair", "ann"),
        ("revoke", "ann"),
        ("unban", "ben"),
        ("ban", "ben"),
        ("adjust", "ann"),
    ]
    assert all(set(act) == {"at", "by", "what", "userId", "reason", "details"} for act in acts)
    assert all(newer["at"] > older["at"] for newer, older in pairwise(acts))
    assert len({act["by"] for act in acts}) == 1 and acts[0]["by"]
    assert [act["reason"] for act in acts[1:]] == ["stolen", "was none", "a script", "a prize"]
    repair, adjust = acts[0]["details"], acts[-1]["details"]
    assert (repair["before"]["score"], repair["after"]["score"], repair["seasonNumber"]) == (1_035, 35, 1)
    assert repair["after"]["reachedAt"] == repair["before"]["reachedAt"] > 0
    assert (adjust["before"], adjust["after"]) == ({"score": 30, "rank": 1}, {"score": 35})


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--user", "ben"], ["unban", "ban"]),
        (["--what", "ban", "--what", "adjust"], ["ban", "adjust"]),
        (["--user", "ann", "--what", "repair", "--since", "1h"], ["repair"]),
        (["--until", "1d"], []),
        (["--since", "2020-01-01", "--until", "2020-01-02"], []),
        (["--user", "nobody"], []),
    ],
)
def test_it_is_searched(place: Place, arguments: list[str], found: list[str]) -> None:
    """By user, by kind and by time; finding nothing is no failure."""
    assert [act["what"] for act in place.told(*arguments)] == found


def test_a_page_says_how_to_go_on(place: Place) -> None:
    """The words on stderr are the command for what is older, which leaves nothing out."""
    everything = place.told("--user", "ben", "--what", "ban", "--what", "unban")
    first = run("audit", "-n", "1", "--user", "ben", "--what", "ban", "--what", "unban", cwd=place.folder)
    assert "the newest 1 act\n" in first.stdout
    command = first.stderr.strip().removeprefix("Older ones:\nscoreboard ").split()
    second = json.loads(run(*command, "--json", cwd=place.folder).stdout)
    assert second == everything[1:]


def test_the_next_page_is_of_the_same_store(place: Place, tmp_path: Path) -> None:
    """Asked for from another folder, and for a program, so is what is older."""
    where = ("--data-dir", str(place.folder / ".scoreboard"), "--json")
    first = run("audit", "-n", "2", "--user", "ann", *where, cwd=tmp_path)
    second = run(*shlex.split(first.stderr.partition("\n")[2])[1:], cwd=tmp_path)
    assert json.loads(first.stdout) + json.loads(second.stdout) == place.told("--user", "ann")[:4]


def test_it_fits_a_terminal(place: Place) -> None:
    """At 80 columns no line is longer, also with the longest names, and every word of why is there."""
    long = {"v": 1, "at": 1, "by": "x" * 32, "what": "season schedule", "user": "w" * 64}
    place.raw["audit"].insert_one(long | {"reason": "y" * 500, "details": {}})
    shown = in_terminal("audit", "-n", "100", cwd=place.folder, environ={"NO_COLOR": "1"})
    assert all(len(line) <= 80 for line in shown.splitlines()), shown
    (row,) = [line for line in run("audit", cwd=place.folder).stdout.splitlines() if "a prize" in line]
    assert " ".join(row.split()).endswith("adjust ann a prize; season-1: score 30, rank 1 → score 35")


def test_who_and_why_forge_nothing(place: Place) -> None:
    """Whatever a store holds that somebody else has written to."""
    hostile = "\x1b[2J[red]x[/red]\nroot"
    line = {"v": 1, "at": 2, "by": hostile, "what": hostile, "user": hostile, "reason": hostile}
    place.raw["audit"].insert_one(line | {"details": {"before": {hostile: hostile}, "after": hostile}})
    ended = run("audit", "-n", "100", cwd=place.folder)
    assert "[red]x[/red]" in ended.stdout and "\x1b" not in ended.stdout
    assert len([row for row in ended.stdout.splitlines() if "[red]" in row]) == 1
    as_json = run("audit", "-n", "100", "--json", cwd=place.folder).stdout
    assert "\x1b" not in as_json
    (found,) = [act for act in json.loads(as_json) if act["by"] == hostile]
    assert found["reason"] == hostile


@pytest.mark.parametrize(
    "arguments",
    [["-n", "0"], ["--since", "x"], ["--user", "a b"], ["--since", "1h", "--until", "2h"], ["ann"]],
)
def test_what_is_no_question_is_a_usage_error(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any store is opened."""
    monkeypatch.chdir(tmp_path)
    assert in_process("audit", *arguments).returncode == 2
    assert list(tmp_path.iterdir()) == []


# --- nothing but adding ---------------------------------------------------------------------------

# Each command with arguments that have it do what it does to a store; None for those that open none of ours.
EACH: dict[str, list[list[str]] | None] = {
    "serve": None,  # it runs beside all of them
    "demo": None,
    "bench": None,
    "completion": None,
    "config": [["config", "show"]],
    "token": [["token", "issue", "ann"], ["token", "revoke", "some-id", "--reason", "x"]],
    "leaderboard": [["leaderboard"], ["leaderboard", "user", "ann"]],
    "explain": [["explain", "ann"]],
    "verify": [["verify"], ["verify", "--repair"]],
    "ban": [["ban", "ann", "--reason", "x", "--from", "1d"], ["ban", "ann", "--reason", "y"]],
    "unban": [["unban", "ann"], ["unban", "ann"]],
    "bans": [["bans"]],
    "adjust": [["adjust", "ann", "-5", "--reason", "x"]],
    "audit": [["audit"], ["audit", "--user", "ann"]],
    "export": [["export", "scores.ndjson"]],
    "import": [["import", "scores.ndjson"]],  # which is refused; into a store without entries it adds
    "doctor": [["doctor"]],
    "season": [
        ["season", "list"],
        ["season", "ends", "30d"],
        ["season", "schedule", "0 0 1 1 *"],
        ["season", "reset", "--dry-run"],
        ["season", "reset", "--yes"],
    ],
}


def test_no_command_changes_or_removes_a_line(place: Place) -> None:
    """All there are, run twice beside a server: to the trail the database is only told to find and insert."""
    there_are = scoreboard.list_commands(click.Context(scoreboard))
    assert EACH.keys() == set(there_are), "each command has its place above"
    before = {line["_id"]: line for line in place.raw["audit"].find()}
    # By itself it would be too small, and forget the first of them.
    place.raw.create_collection("system.profile", capped=True, size=64_000_000)
    place.raw.command("profile", 2)
    try:
        for _ in range(2):
            place.damage("ann")
            for arguments in (words for each in EACH.values() for words in each or []):
                run(*arguments, cwd=place.folder)
    finally:
        place.raw.command("profile", 0)
    after = {line["_id"]: line for line in place.raw["audit"].find()}
    assert after | before == after and len(after) > len(before) + 8
    done = place.raw["system.profile"].find({"ns": "scoreboard.audit"})
    commands = {next(iter(each["command"])) for each in done}  # of an update or a removal that is "q"
    reads = {"find", "getMore", "listIndexes"}
    assert {"insert", "find"} <= commands <= reads | {"insert", "create", "createIndexes"}


# --- killed in the middle -------------------------------------------------------------------------


@pytest.mark.usefixtures("short_transactions")
@pytest.mark.parametrize("lines", [1, 7, 40])
def test_a_killed_repair_has_told_exactly_what_it_did(
    replica_set: Mongod, database: str, tmp_path: Path, lines: int
) -> None:
    """kill -9 after so many: who is right has a line, and nobody else; run again, everybody has one."""
    environ = {"SCOREBOARD_STORE": replica_set.uri, "SCOREBOARD_STORE_DATABASE": database}
    with replica_set.client() as client:
        raw: Raw = client[database]
        count = 300
        assert run("verify", cwd=tmp_path, environ=environ).returncode == 0  # it makes the collections
        _fill(raw, count)
        _kill_when(lambda: raw["audit"].count_documents({}) >= lines, environ, tmp_path)
        # What it had begun may still be committed; then both are.
        until(
            lambda: not list(client.admin.aggregate([{"$currentOp": {}}, {"$match": {"transaction": _ANY}}]))
        )
        right = {d["_id"]["user"] for d in raw["standings"].find({"score": 10})}
        told = [d["user"] for d in raw["audit"].find()]
        assert set(told) == right and len(told) == len(right)
        assert lines <= len(told) < count
        again = run("verify", "--repair", "--json", cwd=tmp_path, environ=environ, timeout=60)
        assert (again.returncode, json.loads(again.stdout)["repaired"]) == (0, count - len(told))
        told = [d["user"] for d in raw["audit"].find()]
        assert len(told) == len(set(told)) == count
        assert raw["standings"].count_documents({"score": 10}) == count


_ANY = {"$exists": True}


def _fill(raw: Raw, count: int) -> None:
    """So many users with an action each, and a standing that says something else."""
    common = {"v": 1, "action": "a", "type": "task.completed", "points": 10, "at": 5, "season": 1}
    users = [f"u{number}" for number in range(count)]
    raw["entries"].insert_many([common | {"user": user, "writer": "w", "batch": 1} for user in users])
    wrong = {"v": 1, "score": 99, "actions": 1, "reached_at": 5}
    raw["standings"].insert_many([{"_id": {"season": 1, "user": user}} | wrong for user in users])


def _kill_when(check: Callable[[], bool], environ: dict[str, str], folder: Path) -> None:
    with subprocess.Popen(
        [*SCOREBOARD, "verify", "--repair"],
        cwd=folder,
        env=environment(**environ),
        stdout=subprocess.DEVNULL,
    ) as process:
        until(check)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
