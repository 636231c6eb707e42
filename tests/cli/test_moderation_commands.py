"""`scoreboard ban`, `unban`, `bans`, `adjust`, beside a running server."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from scoreboard_server.store.data_dir import running_uri

from ..conftest import need_mongod
from .invoking import Running, in_process, in_terminal, run, until

pytestmark = pytest.mark.database


class Place:
    """A server in a folder, and the tokens of those who play there."""

    def __init__(self, folder: Path, server: Running) -> None:
        self.folder = folder
        self.server = server
        self.tokens: dict[str, str] = {}

    def play(self, user: str, *actions: str) -> None:
        """Have these actions counted, ten points each."""
        if user not in self.tokens:
            self.tokens[user] = run("token", "issue", user, cwd=self.folder).stdout.strip()
        for action in actions:
            status, answer = self.server.act(self.tokens[user], action)
            assert status == 200, answer

    def scores(self) -> dict[str, int]:
        """The server's board."""
        return {row["userId"]: row["score"] for row in self.server.board()["leaderboard"]}

    def told(self, *arguments: str) -> Any:
        """What a command answers as JSON."""
        ended = run(*arguments, "--json", cwd=self.folder)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def said(self, *arguments: str) -> str:
        """What a command answers in words."""
        ended = run(*arguments, cwd=self.folder)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def documents(self, collection: str) -> list[dict[str, Any]]:
        """What is stored."""
        with MongoClient[dict[str, Any]](running_uri(self.folder / ".scoreboard")) as client:
            return list(client["scoreboard"][collection].find())


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    need_mongod()
    folder = tmp_path_factory.mktemp("moderated")
    with Running("serve", "--port", "0", "--json", cwd=folder) as server:
        server.ready()
        yield Place(folder, server)


_counter = iter(range(1000))


@pytest.fixture
def place(_server: Place) -> Place:
    """The one server of these tests; each has users of its own."""
    return _server


@pytest.fixture
def ann(place: Place) -> str:
    """A user with 30 points."""
    user = f"ann{next(_counter)}"
    place.play(user, "a1", "a2", "a3")
    return user


# --- ban and unban --------------------------------------------------------------------------------


def test_a_ban_and_its_end(place: Place, ann: str) -> None:
    """The server refuses and hides the user, until the ban is lifted; then all is as it was."""
    before = place.server.board()["leaderboard"]
    told = place.told("ban", ann, "--reason", "a script", "--until", "2h", "--from", "1h")
    assert (told["userId"], told["reason"], told["takenBack"]) == (ann, "a script", 3)
    assert told["since"] < told["until"] and told["takenBackFrom"] < told["since"]
    until(lambda: ann not in place.scores())
    status, answer = place.server.act(place.tokens[ann], "a4")
    assert (status, answer["code"]) == (403, "banned")
    assert place.told("unban", ann) == {"userId": ann, "wasInForce": True, "givenBack": 3}
    until(lambda: place.server.board()["leaderboard"] == before)
    assert place.server.act(place.tokens[ann], "a4")[0] == 200
    assert run("verify", cwd=place.folder).returncode == 0


def test_a_ban_in_words(place: Place, ann: str) -> None:
    """For good or until when, and what was taken back; undone, what was given back."""
    assert place.said("ban", ann, "--reason", "a script") == f"{ann} is banned for good.\n"
    said = place.said("ban", ann, "--reason", "a script", "--until", "2199-12-31", "--from", "2020-01-01")
    assert said.splitlines() == [
        f"{ann} is banned until 2199-12-31 00:00:00Z.",
        "Took back the points of 3 actions since 2020-01-01 00:00:00Z.",
    ]
    assert place.said("unban", ann).splitlines() == [
        f"{ann} is banned no longer.",
        "Gave back the points of 3 actions.",
    ]
    assert place.said("unban", ann) == f"{ann} was not banned any more.\n"


def test_the_user_reads_why_only_beside_points_taken_back(place: Place, ann: str) -> None:
    """A ban alone tells the user no reason, one with --from does at each action; so says the help."""
    place.said("ban", ann, "--reason", "a script")
    until(lambda: place.server.act(place.tokens[ann], "a4")[0] == 403)
    assert "a script" not in json.dumps([place.server.act(place.tokens[ann], "a4"), _own_actions(place, ann)])
    place.said("ban", ann, "--reason", "a script", "--from", "1h")
    assert [act.get("reason") for act in _own_actions(place, ann)[:3]] == ["a script"] * 3
    help_of_ban = " ".join(in_process("ban", "--help").stdout.split())
    assert "--reason TEXT Why, for admins; with --from the user reads it." in help_of_ban
    place.said("unban", ann)


def _own_actions(place: Place, user: str) -> list[dict[str, Any]]:
    """What the user's own token is told, newest first."""
    url = f"{place.server.url}/api/users/{user}/actions"
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {place.tokens[user]}"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        actions: list[dict[str, Any]] = json.load(answer)["actions"]
    return actions


def test_a_rehearsal_changes_nothing(place: Place, ann: str) -> None:
    """It shows the top before and after, and what would be taken back; in JSON and in a terminal's width."""
    before = place.server.board()["leaderboard"]
    kept = {name: len(place.documents(name)) for name in ("bans", "audit", "entries")}
    told = place.told("ban", ann, "--reason", "a script", "--from", "1h", "--dry-run")
    assert (told["dryRun"], told["actions"], told["points"]) == (True, 3, 30)
    assert ann in [row["userId"] for row in told["before"]]
    assert ann not in [row["userId"] for row in told["after"]]
    assert [row["rank"] for row in told["after"]] == list(range(1, len(told["after"]) + 1))
    arguments = ("ban", ann, "--reason", "x", "--dry-run", "--from", "1h")
    shown = in_terminal(*arguments, cwd=place.folder, environ={"NO_COLOR": "1"})
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "nothing was changed" in shown and "30 points of 3 actions" in shown
    assert kept == {name: len(place.documents(name)) for name in kept}
    assert place.server.board()["leaderboard"] == before


def test_bans_are_listed_until_they_are_over(place: Place, ann: str) -> None:
    """Who, since and until when, by whom and why; in 80 columns."""
    place.said("ban", ann, "--reason", "a script that never sleeps", "--until", "30d")
    place.said("ban", f"{ann}-for-a-moment", "--reason", "x", "--until", "1s")
    until(lambda: [ban["userId"] for ban in place.told("bans")] == [ann])
    (ban,) = place.told("bans")
    assert set(ban) == {"userId", "reason", "by", "since", "until", "takenBackFrom"}
    shown = in_terminal("bans", cwd=place.folder, environ={"NO_COLOR": "1"})
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "1 banned" in shown and ban["by"][:8] in shown
    place.said("unban", ann)
    assert place.told("bans") == []


def test_who_is_not_on_the_board_can_be_banned(place: Place) -> None:
    """With a note, as it may be a slip of the hand."""
    ended = run("ban", "stranger", "--reason", "known from elsewhere", cwd=place.folder)
    assert (ended.returncode, ended.stderr) == (0, "Note: stranger is not on the board now.\n")
    rehearsed = run("ban", "nobody", "--reason", "x", "--dry-run", cwd=place.folder)
    assert "Note: nobody is not on the board now." in rehearsed.stderr
    place.said("unban", "stranger")


def test_an_id_may_look_like_an_option(place: Place) -> None:
    """Behind a double dash it is a user."""
    said = place.said("ban", "--reason", "x", "--", "--json")
    assert said == "--json is banned for good.\n"
    assert place.said("unban", "--", "--json").startswith("--json is banned no longer.")


def test_who_was_never_banned_is_3(place: Place) -> None:
    """Not found, in words."""
    ended = run("unban", "nobody", cwd=place.folder)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == "Error: nobody was never banned.\n"


# --- adjust ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("points", [5, -50])
def test_points_are_added_and_taken(place: Place, ann: str, points: int) -> None:
    """The server's board follows, and the user can read why."""
    told = place.told("adjust", ann, str(points), "--reason", "a broken client")
    assert told == {
        "userId": ann,
        "season": "season-1",
        "points": points,
        "reason": "a broken client",
        "score": 30 + points,
        "added": True,
    }
    until(lambda: place.scores()[ann] == 30 + points)
    newest = place.told("explain", ann, "-n", "1")["actions"][0]
    assert (newest["points"], newest["reason"]) == (points, "a broken client")
    assert place.said("adjust", ann, str(-points), "--reason", "undone") == (
        f"{ann}: {30 + points} {-points:+} = 30 points in season-1.\n"
    )


def test_an_adjustment_with_a_key_is_made_once(place: Place, ann: str) -> None:
    """Run again it adds nothing and says so; with other points it is refused; another user's is another."""
    command = ("adjust", ann, "5", "--reason", "a prize", "--once", "t-17")
    assert place.told(*command)["added"] is True
    again = place.told(*command)
    assert (again["added"], again["score"]) == (False, 35)
    assert place.said(*command) == f"{ann}: 35 points in season-1; t-17 was made before, nothing is added.\n"
    ended = run("adjust", ann, "50", "--reason", "a prize", "--once", "t-17", cwd=place.folder)
    assert (ended.returncode, ended.stderr) == (1, f"Error: t-17 stands for +5 points of {ann}'s already.\n")
    assert len([act for act in place.documents("audit") if act["user"] == ann]) == 1
    until(lambda: place.scores()[ann] == 35)


def test_who_is_not_on_the_board_has_nothing_to_adjust(place: Place) -> None:
    """That is 3, and nothing is written."""
    ended = run("adjust", "nobody", "5", "--reason", "x", cwd=place.folder)
    assert (ended.returncode, ended.stderr) == (3, "Error: nobody is not on the board of season-1.\n")
    assert not [act for act in place.documents("audit") if act["user"] == "nobody"]


# --- all of them ----------------------------------------------------------------------------------


def test_each_act_is_in_the_audit_trail(place: Place, ann: str) -> None:
    """With who, when and why, in order."""
    place.said("adjust", ann, "5", "--reason", "first")
    place.said("ban", ann, "--reason", "second")
    place.said("unban", ann, "--reason", "third")
    place.said("token", "revoke", "--user", ann, "--reason", "fourth")
    acts = sorted((a for a in place.documents("audit") if a["user"] == ann), key=lambda act: act["at"])
    assert [(a["what"], a["reason"]) for a in acts] == [
        ("adjust", "first"),
        ("ban", "second"),
        ("unban", "third"),
        ("revoke", "fourth"),
    ]
    assert all(act["by"] for act in acts)
    assert acts[1]["details"]["before"]["score"] == 35


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["ban", "ann"], "--reason"),
        (["ban", "ann", "--reason", " "], "1 to 500 characters"),
        (["ban", "ann", "--reason", "x" * 501], "1 to 500 characters"),
        (["ban", "ann", "--reason", "a\x1b[2Jb"], "characters that can be printed"),
        (["ban", "ann", "--reason", "a\u202eb"], "characters that can be printed"),
        (["ban", "ann", "--reason", "a\udcffb"], "characters that can be printed"),
        (["ban", "ann", "--reason", "x", "--until", "yesterday"], "is no time"),
        (["ban", "ann", "--reason", "x", "--until", "2020-01-01"], "is over already"),
        (["ban", "ann", "--reason", "x", "--from", "2199-01-01"], "is still to come"),
        (["ban", "ann", "--reason", "x", "--from", "-2h"], "is no time"),
        (["ban", "a b", "--reason", "x"], "1-64 characters"),
        (["ban", "", "--reason", "x"], "1-64 characters"),
        (["unban", "é"], "1-64 characters"),
        (["adjust", "ann", "0", "--reason", "x"], "must not be 0"),
        (["adjust", "ann", "1.5", "--reason", "x"], "not a valid integer"),
        (["adjust", "ann", "ten", "--reason", "x"], "not a valid integer"),
        (["adjust", "ann", "1000000001", "--reason", "x"], "not in the range"),
        (["adjust", "ann", "-1000000001", "--reason", "x"], "not in the range"),
        (["adjust", "ann", "5"], "--reason"),
        (["adjust", "ann", "5", "--reason", "x", "--once", "a b"], "1-64 characters"),
        (["token", "revoke"], "either a JTI or --user"),
        (["token", "revoke", "t1", "--user", "ann"], "either a JTI or --user"),
        (["token", "revoke", ""], "1 to 128 characters"),
        (["token", "revoke", "x" * 129], "1 to 128 characters"),
        (["token", "revoke", "\udcff"], "not text"),
        (["token", "revoke", "--user", "a b"], "1-64 characters"),
    ],
)
def test_nonsense_is_a_usage_error(
    arguments: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told before any store is opened."""
    monkeypatch.chdir(tmp_path)
    ended = in_process(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert why in " ".join(ended.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_a_stored_reason_forges_nothing(place: Place, ann: str) -> None:
    """One that somebody has written past this command is shown without what a terminal acts on."""
    place.said("ban", ann, "--reason", "x")
    forged = {"reason": "[red]x[/red]\x1b[2J\nroot is banned", "by": "\x1b]0;title\x07\u202e"}
    with MongoClient[dict[str, Any]](running_uri(place.folder / ".scoreboard")) as client:
        client["scoreboard"]["bans"].update_one({"_id": ann}, {"$set": forged})
    for arguments in (["bans"], ["bans", "--json"]):
        shown = place.said(*arguments)
        assert not set(shown) & {"\x1b", "\x07", "\u202e"}
        assert not any(line.startswith("root") for line in shown.splitlines())
        assert "[red]x[/red]" in shown
    place.said("unban", ann)


def test_a_store_without_a_server_is_moderated_too(tmp_path: Path) -> None:
    """What was decided is in force when a server starts."""
    need_mongod()
    assert run("ban", "ann", "--reason", "x", cwd=tmp_path).returncode == 0
    with Running("serve", "--port", "0", "--json", cwd=tmp_path) as server:
        token = run("token", "issue", "ann", cwd=tmp_path).stdout.strip()
        status, answer = server.act(token, "a1")
        assert (status, answer["code"]) == (403, "banned")
