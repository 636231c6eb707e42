"""`scoreboard explain`: why a score is what it is."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from .conftest import Board, Stage
from .invoking import in_process, in_terminal, run

pytestmark = pytest.mark.database


def test_the_story_adds_up_to_the_board(board: Board) -> None:
    """Points and totals of the JSON end at the score that the API tells, newest first."""
    ended = run("explain", "ann", "--json", cwd=board.folder)
    told = json.loads(ended.stdout)
    assert (ended.returncode, told["userId"], told["next"]) == (0, "ann", None)
    assert told["score"] == told["actions"][0]["total"] == board.scores["ann"]
    assert sum(action["points"] for action in told["actions"]) == board.scores["ann"]
    assert told["rank"] == board.server.board("?users=ann")["leaderboard"][0]["rank"]


def test_a_page_says_how_to_go_on(board: Board) -> None:
    """The words on stderr are the command for the next page, which begins where this one ended."""
    first = run("explain", "ann", "-n", "2", cwd=board.folder)
    assert first.stdout.count("task.completed") == 2
    command = first.stderr.strip().removeprefix("Older ones:\nscoreboard ").split()
    second = run(*command, "--json", cwd=board.folder)
    assert json.loads(second.stdout)["actions"][0]["total"] == board.scores["ann"] - 20


def test_the_next_page_is_asked_for_as_this_one_was(stage: Stage, tmp_path: Path) -> None:
    """As long, of the same season and store, and a shell takes each word of the line as it stands."""
    user, where = "-ann", str(stage.folder / ".scoreboard")
    issued = run("token", "issue", "--", user, cwd=stage.folder).stdout.strip()
    assert [stage.server.act(issued, f"c{number}")[0] for number in range(2)] == [200, 200]
    adjusted = run("adjust", "--reason", "x", "--once", "t-1", "--", user, "5", cwd=stage.folder)
    assert adjusted.returncode == 0, adjusted.stderr
    first = run(
        *("explain", "-n", "1", "--season", "season-2", "--data-dir", where, "--", user), cwd=tmp_path
    )
    line = first.stderr.strip().removeprefix("Older ones:\n")
    assert re.search(r" '\d+\.20\.!adjusted/t-1' ", line), "a shell would look for `!adjusted` in its history"
    second = run(*shlex.split(line)[1:], cwd=tmp_path)
    assert (second.returncode, second.stdout.splitlines()[3:]) == (0, second.stdout.splitlines()[3:4]), second
    assert second.stdout.splitlines()[3].split()[2:] == ["+10", "20", "task.completed", "c1"]
    assert "--season season-2" in second.stderr


def test_it_fits_a_terminal(board: Board) -> None:
    """At 80 columns no line is longer, and score and rank stand above."""
    shown = in_terminal("explain", "ann", cwd=board.folder, environ={"NO_COLOR": "1"})
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert f"ann: {board.scores['ann']} points, rank" in shown


def test_who_has_done_nothing_is_3(board: Board) -> None:
    """A user without an action is not found, in words."""
    ended = run("explain", "nobody", cwd=board.folder)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "nobody has no actions in this season" in ended.stderr


def test_a_sealed_season_is_told_too(stage: Stage) -> None:
    """By its name, with the final score and rank, page by page; the current one is another story."""
    first = run("explain", "demo:1", "-n", "2", "--season", "season-1", cwd=stage.folder)
    assert (first.returncode, "demo:1: 90 points, rank 1" in first.stdout) == (0, True), first
    command = first.stderr.strip().removeprefix("Older ones:\nscoreboard ").split()
    told = json.loads(run(*command, "--json", cwd=stage.folder).stdout)
    assert (told["score"], told["rank"], told["actions"][0]["total"]) == (90, 1, 70)
    assert {action["actionId"][0] for action in told["actions"]} == {"a"}
    now = json.loads(run("explain", "demo:1", "--json", cwd=stage.folder).stdout)
    assert {action["actionId"][0] for action in now["actions"]} <= {"b", "!"}


def test_a_season_that_there_is_not_is_3(stage: Stage) -> None:
    """So is a user who did nothing in one that there is."""
    for arguments, words in (
        (["demo:1", "--season", "nope"], "There is no season named nope."),
        (["rtl", "--season", "season-1"], "rtl has no actions in season-1."),
    ):
        ended = run("explain", *arguments, cwd=stage.folder)
        assert (ended.returncode, ended.stdout) == (3, "")
        assert words in ended.stderr


def test_corrections_say_why(stage: Stage) -> None:
    """An adjustment its reason, a point that was taken back the action too; their own ids are in the JSON."""
    assert run("adjust", "demo:2", "5", "--reason", "[red]late[/red]", cwd=stage.folder).returncode == 0
    first = json.loads(run("explain", "demo:2", "--json", cwd=stage.folder).stdout)["actions"][-1]["at"]
    assert run("ban", "demo:2", "--reason", "a bot", "--from", first, cwd=stage.folder).returncode == 0
    assert run("unban", "demo:2", cwd=stage.folder).returncode == 0
    shown = run("explain", "demo:2", "-n", "100", cwd=stage.folder).stdout
    lines = {tuple(line.split()[4:6]): line for line in shown.splitlines()[3:]}
    assert lines["!adjusted", "[red]late[/red]"]
    assert lines["!taken-back", "b0:"].endswith("b0: a bot")
    assert lines["!given-back", "b0:"]
    told = json.loads(run("explain", "demo:2", "-n", "100", "--json", cwd=stage.folder).stdout)
    corrections = [a for a in told["actions"] if a["actionType"].startswith("!")]
    assert corrections and all(a["actionId"].startswith("!") and a["reason"] for a in corrections)


@pytest.mark.parametrize("arguments", [["-n", "0"], ["-n", "x"], ["--cursor", "x"], ["--cursor", "1.2.$"]])
def test_what_is_no_page_is_a_usage_error(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any store is opened."""
    monkeypatch.chdir(tmp_path)
    assert in_process("explain", "ann", *arguments).returncode == 2
    assert list(tmp_path.iterdir()) == []
