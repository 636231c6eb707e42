"""`scoreboard season`, beside a running server and without one."""

from __future__ import annotations

import json
import shlex
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..conftest import need_mongod
from .invoking import Running, in_terminal, run, until
from .test_moderation_commands import Place

pytestmark = pytest.mark.database

KEYS = {
    "name",
    "state",
    "startedAt",
    "endsAt",
    "sealedAt",
    "totalUsers",
    "schedule",
    "sealedBy",
    "entries",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One server for all of them; each test closes what it needs to be closed."""
    need_mongod()
    folder = tmp_path_factory.mktemp("seasons")
    with Running("serve", "--port", "0", "--json", cwd=folder) as server:
        server.ready()
        yield Place(folder, server)


def seasons(place: Place) -> list[dict[str, Any]]:
    """Newest first."""
    found: list[dict[str, Any]] = place.told("season", "list")
    return found


def current(place: Place) -> str:
    """The name of the current one."""
    name: str = seasons(place)[0]["name"]
    return name


def told_end(place: Place) -> str | None:
    """When the server says that the current one ends."""
    with urllib.request.urlopen(f"{place.server.url}/api/seasons", timeout=10) as answer:
        end: str | None = json.load(answer)["seasons"][0]["endsAt"]
    return end


def actions(count: int, name: str) -> list[str]:
    """Ids that no other test uses."""
    return [f"{name}:{n}" for n in range(count)]


def test_a_reset_closes_one_season_and_opens_the_next(place: Place) -> None:
    """The server's board is empty at once, and the sealed one is there for ever."""
    before = current(place)
    place.play("ann", *actions(3, before))
    place.play("ben", *actions(2, before))
    told = place.told("season", "reset", "--yes", "--name", "spring")
    closed, opened = told["closed"], told["opened"]
    assert (closed["name"], closed["state"], closed["totalUsers"], closed["entries"]) == (
        before,
        "sealed",
        2,
        5,
    )
    assert (opened["name"], opened["state"], opened["startedAt"]) == ("spring", "current", closed["sealedAt"])
    assert len(closed["digest"]) == 64 and closed["sealedBy"]
    until(lambda: place.scores() == {})
    board = place.told("leaderboard", "--season", before)
    assert [(row["userId"], row["score"]) for row in board["leaderboard"]] == [("ann", 30), ("ben", 20)]
    assert board["archive"]["digest"] == closed["digest"]
    assert place.server.board(f"?season={before}")["leaderboard"] == board["leaderboard"]
    assert [each["name"] for each in seasons(place)[:2]] == ["spring", before]


def test_named_by_closes_it_is_done_once(place: Place) -> None:
    """A script may run it as often as it likes."""
    before = current(place)
    first = place.told("season", "reset", "--yes", "--closes", before)
    again = place.told("season", "reset", "--yes", "--closes", before)
    assert again == first
    assert current(place) == first["opened"]["name"]


def test_a_dry_run_shows_what_would_happen(place: Place) -> None:
    """The final top, the next name and end; nothing is changed."""
    before = current(place)
    place.play("ann", *actions(1, before))
    told = place.told("season", "reset", "--dry-run", "--name", "next", "--ends", "2099-01-01")
    assert (told["closes"], told["isClosed"], told["opens"]) == (before, False, "next")
    assert told["opensEndsAt"] == "2099-01-01T00:00:00.000Z"
    assert [(row["userId"], row["score"]) for row in told["leaderboard"]] == [("ann", 10)]
    said = run("season", "reset", "--dry-run", cwd=place.folder)
    assert said.returncode == 0 and "nothing was changed" in said.stdout and "ann" in said.stdout
    assert f"--closes {before} --yes" in said.stderr
    assert current(place) == before


@pytest.mark.parametrize("given", [[], ["--name", "rehearsed", "--ends", "30d"], ["--ends", "2099-01-01"]])
def test_what_was_rehearsed_is_done(place: Place, tmp_path: Path, given: list[str]) -> None:
    """The line that a dry run prints opens the very season that it told; from another folder, and once."""
    before = current(place)
    where = ["--data-dir", str(place.folder / ".scoreboard")]
    said = run("season", "reset", "--dry-run", *given, *where, cwd=tmp_path)
    line = said.stderr.splitlines()[-1].strip()
    for _ in range(2):
        ended = run(*shlex.split(line)[1:], "--json", cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
        done = json.loads(ended.stdout)
        name, end = done["opened"]["name"], done["opened"]["endsAt"]
        until_then = f"until {end[:10]} {end[11:19]}Z" if end else "without an end"
        assert (done["closed"]["name"], current(place)) == (before, name)
        assert f"Would open {name}, {until_then}.\n" in said.stdout
    place.said("season", "ends", "never")


@pytest.mark.parametrize("answer", ["y", "n"])
def test_it_asks_in_a_terminal(place: Place, answer: str) -> None:
    """With the final board in sight; a no changes nothing."""
    before = current(place)
    place.play("ann", *actions(2, before))
    code = 0 if answer == "y" else 1
    shown = in_terminal("season", "reset", cwd=place.folder, keys=f"{answer}\n", code=code)
    assert "ann" in shown and before in shown
    assert (current(place) == before) == (answer == "n")


def test_without_a_terminal_it_takes_a_yes(place: Place) -> None:
    """A script that forgot it is told, and nothing is changed."""
    before = current(place)
    ended = run("season", "reset", cwd=place.folder)
    assert ended.returncode == 2 and "--yes" in ended.stderr
    assert current(place) == before


def test_an_adjustments_key_is_of_one_season(place: Place) -> None:
    """Run again after a reset it has been made, and not here; where another season is named it is refused."""
    first = current(place)
    command = ("adjust", "ann", "5", "--reason", "a prize", "--once", "k1")
    place.play("ann", *actions(1, first))
    place.said(*command)
    place.said("season", "reset", "--yes")
    second = current(place)
    place.play("ann", *actions(1, second))
    assert "in another season, nothing is added" in place.said(*command)
    assert place.said(*command, "--season", first).endswith("k1 was made before, nothing is added.\n")
    ended = run(*command, "--season", second, cwd=place.folder)
    words = "Error: k1 stands for an adjustment of ann's in another season already.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", words)


def test_show_tells_a_corrected_season_twice(place: Place) -> None:
    """As announced and as corrected, with the digest of the announced one."""
    before = current(place)
    place.play("ann", *actions(3, before))
    place.play("ben", *actions(2, before))
    place.said("season", "reset", "--yes")
    announced = place.told("season", "show", before)
    assert place.told("adjust", "ann", "-15", "--reason", "late", "--season", before)["score"] == 15
    told = place.told("season", "show", before)
    assert [(r["userId"], r["score"]) for r in told["leaderboard"]] == [("ben", 20), ("ann", 15)]
    assert told["announced"] == announced["leaderboard"]
    assert (told["digest"], told["corrections"]) == (announced["digest"], 1)
    said = place.said("season", "show", before)
    assert "As announced" in said and "As corrected" in said and told["digest"] in said
    assert place.told("season", "show")["name"] == current(place)
    place.said("ban", "ben", "--reason", "x", "--from", "1d")
    shown = place.told("season", "show", before)
    assert (shown["totalUsers"], shown["announcedUsers"], len(shown["leaderboard"])) == (1, 2, 1)
    place.said("unban", "ben")
    corrected = place.server.board(f"?season={before}")
    kept = place.server.board(f"?season={before}&edition=announced")
    assert (corrected["archive"]["edition"], kept["archive"]["edition"]) == ("corrected", "announced")
    assert kept["leaderboard"] == announced["leaderboard"]


def test_an_end_is_set_and_taken_away(place: Place) -> None:
    """The server tells it, and closes the season by itself when it has come."""
    name = current(place)
    told = place.told("season", "ends", "2099-01-01T00:00Z")
    assert told == {"season": name, "endsAt": "2099-01-01T00:00:00.000Z", "before": None}
    until(lambda: told_end(place) == told["endsAt"])
    assert "ends never" in place.said("season", "ends", "never")
    until(lambda: told_end(place) is None)
    place.said("season", "ends", "1s")
    until(lambda: current(place) != name)
    assert seasons(place)[1]["sealedBy"] == "schedule"


def test_a_schedule_is_told_in_words(place: Place) -> None:
    """With the next ends; it sets that of the current season, and `none` takes it away."""
    said = place.said("season", "schedule", "0 0 * * MON", "--zone", "Europe/Berlin")
    assert "at 00:00 on Monday, Europe/Berlin" in said and len(said.splitlines()) == 4
    told = place.told("season", "schedule", "0 0 1 1 *")
    assert told["schedule"] == {"cron": "0 0 1 1 *", "zone": "UTC"} and len(told["next"]) == 3
    now_is = seasons(place)[0]
    assert (now_is["endsAt"], now_is["schedule"]) == (told["next"][0], told["schedule"])
    place.said("season", "schedule", "none")
    now_is = seasons(place)[0]
    assert (now_is["endsAt"], now_is["schedule"]) == (None, None)


def test_each_act_is_in_the_trail(place: Place) -> None:
    """Who, what, and what it was before."""
    name = current(place)
    place.said("season", "ends", "2099-01-01")
    place.said("season", "ends", "never")
    place.said("season", "reset", "--yes")
    acts = sorted(place.documents("audit"), key=lambda act: act["at"])[-3:]
    assert [act["what"] for act in acts] == ["season ends", "season ends", "season reset"]
    assert all(act["details"]["season"] == name and act["by"] for act in acts)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["season", "show", "nope"], 3, "season list"),
        (["season", "reset", "--yes", "--closes", "nope"], 3, "season list"),
        (["season", "reset", "--yes", "--name", "a b"], 2, "A-Za-z0-9"),
        (["season", "reset", "--yes", "--ends", "2001-01-01"], 2, "over already"),
        (["season", "ends", "2001-01-01"], 2, "over already"),
        (["season", "ends", "soon"], 2, "no time"),
        (["season", "schedule", "0 24 * * *"], 2, "hour"),
        (["season", "schedule", "0 0 * * *", "--zone", "berlin"], 2, "Europe/Berlin"),
        (["season", "list", "--store", "memory"], 4, "memory"),
        (["leaderboard", "--season", "nope"], 3, "season list"),
        (["adjust", "ann", "5", "--reason", "x", "--season", "nope"], 3, "season list"),
    ],
)
def test_what_is_wrong_is_told(place: Place, arguments: list[str], code: int, words: str) -> None:
    """In a line, with the exit code of its kind."""
    ended = run(*arguments, cwd=place.folder)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert words in ended.stderr and "Traceback" not in ended.stderr


def test_a_name_that_is_taken_is_refused(place: Place) -> None:
    """And nothing is closed."""
    name = current(place)
    ended = run("season", "reset", "--yes", "--name", "season-1", cwd=place.folder)
    assert ended.returncode == 1 and "already" in ended.stderr
    assert current(place) == name


def test_a_reset_to_the_current_name_was_done_before(place: Place) -> None:
    """As when whoever asked was killed at the very end: told again, and nothing is closed."""
    first = place.told("season", "reset", "--yes", "--name", "autumn")
    assert place.told("season", "reset", "--yes", "--name", "autumn") == first
    assert current(place) == "autumn"
    assert "closed already" in place.said("season", "reset", "--dry-run", "--name", "autumn")


def test_json_has_the_same_fields_for_each(place: Place) -> None:
    """Sealed ones have two more."""
    for each in seasons(place):
        sealed = {"digest", "corrections"} if each["state"] == "sealed" else set()
        assert set(each) == KEYS | sealed


def test_without_a_server_it_works_too(tmp_path: Path) -> None:
    """The store is started for the length of each command."""
    need_mongod()
    told = json.loads(run("season", "reset", "--yes", "--json", cwd=tmp_path).stdout)
    assert (told["closed"]["name"], told["closed"]["totalUsers"]) == ("season-1", 0)
    said = run("season", "list", cwd=tmp_path).stdout
    assert "season-2" in said and "sealed" in said
