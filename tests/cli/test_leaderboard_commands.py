"""`scoreboard leaderboard`, beside a running server and without one."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.cells import cell_len

from ..conftest import need_mongod
from .conftest import HOSTILE, Board
from .invoking import SCOREBOARD, Running, environment, in_terminal, mongod_runs, run, until

pytestmark = pytest.mark.database

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()[3:]]


def test_it_shows_what_was_just_posted(board: Board) -> None:
    """Beside a running server the command attaches to its store and shows every acknowledged score."""
    shown = json.loads(run("leaderboard", "--json", "-n", "100", cwd=board.folder).stdout)
    assert {row["userId"]: row["score"] for row in shown["leaderboard"]} == board.scores
    assert shown["totalUsers"] == len(board.scores)


def test_its_json_is_the_api_s_without_epoch_and_version(board: Board) -> None:
    """The fields of `--json` are those of GET /api/leaderboard that don't belong to a server's epoch."""
    shown = json.loads(run("leaderboard", "--json", cwd=board.folder).stdout)
    served = board.server.board()
    assert set(shown) == set(served) - {"epoch", "version"}
    assert shown["lastUpdated"] == served["lastUpdated"]
    assert set(shown["leaderboard"][0]) == {"userId", "username", "avatarUrl", "score", "rank"}


@pytest.mark.parametrize("top", [["top"], []], ids=["top", "plain"])
def test_top_need_not_be_said(board: Board, top: list[str]) -> None:
    """`leaderboard -n 3` and `leaderboard top -n 3` both show the first three and where they stand."""
    ended = run("leaderboard", *top, "-n", "3", cwd=board.folder)
    assert ended.returncode == 0
    assert ended.stderr == ""
    rows = _rows(ended.stdout)
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [row[1] for row in rows] == ["90", "80", "70"]
    assert f"season-1: {len(board.scores)} users, last action 20" in ended.stdout.splitlines()[0]


def test_around_marks_the_user(board: Board) -> None:
    """`around USER` shows the neighbours on both sides and marks the one that was asked for."""
    rows = _rows(run("leaderboard", "around", "ann", "-n", "3", cwd=board.folder).stdout)
    assert [row[0] for row in rows] == ["6", ">", "8"]
    assert rows[1][1:] == ["7", "30", "ann", "Name", "6"]


def test_around_as_json(board: Board) -> None:
    """`around --json` has the shape of the board."""
    shown = json.loads(run("leaderboard", "around", "ann", "-n", "3", "--json", cwd=board.folder).stdout)
    assert [row["rank"] for row in shown["leaderboard"]] == [6, 7, 8]


def test_user_shows_one(board: Board) -> None:
    """`user USER` shows that user's row, as JSON the row alone."""
    assert _rows(run("leaderboard", "user", "bob", cwd=board.folder).stdout) == [
        ["8", "20", "bob", "Name", "7"]
    ]
    shown = json.loads(run("leaderboard", "user", "bob", "--json", cwd=board.folder).stdout)
    assert shown == {"userId": "bob", "username": "Name 7", "avatarUrl": None, "score": 20, "rank": 8}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["user", "nobody"], "nobody is not on the board"),
        (["around", "\x1b[31mred", "--json"], "\N{REPLACEMENT CHARACTER}[31mred is not on the board"),
        (["--season", "summer"], "no season named summer"),
    ],
)
def test_who_or_what_is_not_there_is_3(board: Board, arguments: list[str], words: str) -> None:
    """An unknown user or season is exit code 3 with one line on stderr and no data."""
    ended = run("leaderboard", *arguments, cwd=board.folder)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("limit", ["0", "1001", "x", "-1"])
def test_a_bad_limit_is_a_usage_error(tmp_path: Path, limit: str) -> None:
    """A number of rows outside 1 to 1000 is refused before any store is opened."""
    ended = run("leaderboard", "-n", limit, cwd=tmp_path)
    assert ended.returncode == 2
    assert "--limit" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_hostile_names_reach_no_terminal(board: Board) -> None:
    """Names with markup, escapes, direction marks or line breaks are text in one row each, never acted on."""
    table = run("leaderboard", cwd=board.folder).stdout
    assert HOSTILE["markup"] in table
    assert HOSTILE["emoji"] in table
    assert "\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}[31mred" in table
    assert "שלום\N{REPLACEMENT CHARACTER}evil" in table
    assert len(table.splitlines()) == 3 + len(board.scores)
    acted_on = {c for c in table if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")} - {"\n", "\u200d"}
    assert not acted_on


def test_hostile_names_are_harmless_and_whole_in_json(board: Board) -> None:
    """In JSON every name comes back letter by letter, what a terminal would act on being escaped."""
    text = run("leaderboard", "--json", cwd=board.folder).stdout
    names = {row["userId"]: row["username"] for row in json.loads(text)["leaderboard"]}
    assert HOSTILE.items() <= names.items()
    assert not set("\x1b\x07\r\t\u202e\u2028") & set(text)
    assert "שלום" in text


def test_it_fits_a_terminal_of_80_columns(board: Board) -> None:
    """In a real terminal no line is wider than 80 cells, and a long id is folded and lost nowhere."""
    lines = [_ESCAPE.sub("", line) for line in in_terminal("leaderboard", cwd=board.folder).splitlines()]
    assert max(map(cell_len, lines)) <= 80
    assert not any("\x1b" in line for line in lines)
    joined = "".join(lines)
    assert joined.count("w") >= 64
    assert joined.count("W") >= 32
    assert [line.split()[1] for line in lines if line[:1].isdigit()] == [
        str(s) for s in board.scores.values()
    ]


def test_a_pipe_is_not_folded(board: Board) -> None:
    """Without a terminal a row stays a line, whatever its width, and no line ends in blanks or colours."""
    lines = run("leaderboard", cwd=board.folder).stdout.splitlines()
    assert any("w" * 64 in line and "W" * 32 in line for line in lines)
    assert all(line == line.rstrip() and "\x1b" not in line for line in lines)


def test_no_color_is_honoured(board: Board) -> None:
    """A terminal gets a styled title, and with NO_COLOR not one escape sequence."""
    assert "\x1b[" in in_terminal("leaderboard", cwd=board.folder)
    assert "\x1b" not in in_terminal("leaderboard", cwd=board.folder, environ={"NO_COLOR": "1"})


def test_a_poorer_encoding_is_no_failure(board: Board) -> None:
    """Where stdout has no letters for a name, they are escaped instead of ending the command."""
    table = run("leaderboard", cwd=board.folder, environ={"PYTHONIOENCODING": "latin-1"}, encoding="latin-1")
    assert (table.returncode, table.stderr) == (0, "")
    assert r"\u05e9\u05dc" in table.stdout
    shown = run("leaderboard", "--json", cwd=board.folder, environ={"PYTHONIOENCODING": "ascii"}).stdout
    assert shown.isascii()
    assert HOSTILE["emoji"] in [row["username"] for row in json.loads(shown)["leaderboard"]]


def test_a_reader_that_leaves_is_no_failure(board: Board) -> None:
    """`| head -1` ends the command without a word."""
    command = subprocess.Popen(
        [*SCOREBOARD, "leaderboard", "--json"],
        cwd=board.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    with command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()  # gone before the first byte: the hardest case of all
        assert command.stderr.read() == b""


def test_without_a_server_it_starts_the_store_and_leaves_none(tmp_path: Path) -> None:
    """With nobody on the board the words are on stderr, stdout stays empty, and no mongod is left."""
    need_mongod()
    ended = run("leaderboard", cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        0,
        "",
        "Nobody has scored in season-1 yet (.scoreboard).\n",
    )
    assert not mongod_runs(tmp_path / ".scoreboard")


def test_commands_take_turns(tmp_path: Path) -> None:
    """Commands that start at once on a store without a server all succeed, whoever started its MongoDB."""
    need_mongod()
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda _: run("leaderboard", "--json", cwd=tmp_path), range(3)))
    assert [(each.returncode, each.stderr) for each in ended] == [(0, "")] * 3
    assert [json.loads(each.stdout)["leaderboard"] for each in ended] == [[]] * 3


def test_ctrl_c_while_the_store_starts(tmp_path: Path) -> None:
    """Ctrl-C gives 130 without a traceback, and leaves no mongod."""
    need_mongod()
    with Running("leaderboard", cwd=tmp_path) as command:
        until(lambda: mongod_runs(tmp_path / ".scoreboard"))
        command.interrupt_group()
        assert command.ended() == 130
        assert command.words == ""
    until(lambda: not mongod_runs(tmp_path / ".scoreboard"), 2)


def test_ctrl_c_while_it_waits_for_a_store(tmp_path: Path) -> None:
    """Ctrl-C ends a command that waits for a MongoDB which isn't there, at once."""
    with Running("leaderboard", "--store", "mongodb://127.0.0.1:9/?foo=1", cwd=tmp_path) as command:
        until(lambda: "Warning" in command.words)  # the driver has read the URI, and waits next
        command.signal(signal.SIGINT)
        assert command.ended(within=5) == 130
