"""`scoreboard leaderboard --watch`, in a terminal, in a pipe, and while the server comes and goes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Board
from .invoking import SCOREBOARD, Running, Terminal, environment, in_process, run, until

ROWS = 8


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A demo whose scores rise by themselves."""
    folder = tmp_path_factory.mktemp("moving")
    with Running("demo", "--store", "memory", "--port", "0", "--json", "--players", "12", cwd=folder) as demo:
        until(lambda: demo.board()["totalUsers"] >= ROWS)
        yield demo


def _watch(*more: str, url: str) -> list[str]:
    return ["leaderboard", "--watch", "--server", url, *more]


def test_the_screen_shows_the_board_and_moves(moving: Running, tmp_path: Path) -> None:
    """80 columns and 12 lines hold title, head, eight rows and status; the version rises, arrows appear."""
    with Terminal(*_watch(url=moving.url), cwd=tmp_path, size=(12, 80)) as terminal:
        until(lambda: terminal.screen)
        screen = terminal.screen
        assert screen[0].startswith(f"{moving.url}: ")
        assert screen[1].split() == ["#", "score", "user", "name"]
        assert [line.split()[0] for line in screen[3:11]] == [str(rank) for rank in range(1, 9)]
        assert screen[11].startswith("● live, version ")
        until(lambda: terminal.screen[11].split()[3] != screen[11].split()[3])
        until(lambda: any(arrow in line for line in terminal.screen for arrow in "▲▼"))
        os.kill(terminal.process.pid, signal.SIGINT)
        assert terminal.ended() == 0


def test_ctrl_c_leaves_the_last_board(moving: Running, tmp_path: Path) -> None:
    """Ctrl-C goes back to the usual screen, cursor and all, prints the board there, and is no failure."""
    with Terminal(*_watch("-n", "3", url=moving.url), cwd=tmp_path) as terminal:
        until(lambda: terminal.screen)
        os.killpg(terminal.process.pid, signal.SIGINT)
        assert terminal.ended() == 0
        left = terminal.output.rpartition("\x1b[?1049l")[2]
        assert moving.url in left
        assert left.count("demo:") == 3
        assert "Ctrl-C" not in left
        assert "\x1b[?25h" in terminal.output[-len(left) - 20 :]


def test_another_size_is_another_picture(moving: Running, tmp_path: Path) -> None:
    """When the window shrinks the board follows: fewer rows, and the id makes room for the name."""
    with Terminal(*_watch(url=moving.url), cwd=tmp_path) as terminal:
        until(lambda: terminal.screen[1:2] and "user" in terminal.screen[1])
        terminal.resize(6, 30)
        os.killpg(terminal.process.pid, signal.SIGWINCH)
        until(lambda: len(terminal.screen) == 6)
        assert terminal.screen[1].split() == ["#", "score", "name"]
        assert max(map(len, terminal.screen)) <= 30


def test_no_color_means_none(moving: Running, tmp_path: Path) -> None:
    """With NO_COLOR no colour is written, while the leader is still in bold."""
    with Terminal(*_watch(url=moving.url), cwd=tmp_path, environ={"NO_COLOR": "1"}) as terminal:
        until(lambda: "▲" in terminal.output)
        assert re.search(r"\x1b\[1m *1", terminal.output)
        assert set(re.findall(r"\x1b\[([0-9;]*)m", terminal.output)) <= {"0", "1", "2"}


def test_a_pipe_gets_a_line_per_version(moving: Running, tmp_path: Path) -> None:
    """`--json` prints one JSON object for each published version, in order and without a gap."""
    with Running(*_watch("--json", "-n", "2", url=moving.url), cwd=tmp_path) as watching:
        until(lambda: len(watching.lines) >= 4)
        boards = [json.loads(line) for line in watching.lines[:4]]
        watching.signal(signal.SIGTERM)
        assert watching.ended() == 0
    versions = [board["version"] for board in boards]
    assert versions == list(range(versions[0], versions[0] + 4))
    assert set(boards[0]) == {"epoch", "version", "totalUsers", "leaderboard"}
    assert [row["rank"] for row in boards[0]["leaderboard"]] == [1, 2]


def test_a_pipe_without_json_gets_tables(moving: Running, tmp_path: Path) -> None:
    """Each version is a table under a title, and nothing in it moves a cursor."""
    with Running(*_watch("-n", "2", url=moving.url), cwd=tmp_path) as watching:
        until(lambda: len(watching.lines) >= 10)
        assert watching.lines[0].startswith("Version ")
        assert watching.lines[1].split() == ["#", "score", "user", "name"]
        assert "\x1b" not in "".join(watching.lines)


def test_a_reader_that_leaves_is_no_failure(moving: Running, tmp_path: Path) -> None:
    """`| head -1` ends it without a word."""
    command = subprocess.Popen(
        [*SCOREBOARD, *_watch("--json", url=moving.url)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    with command:
        assert command.stdout is not None and command.stderr is not None
        command.stdout.readline()
        command.stdout.close()
        assert command.stderr.read() == b""


def test_hostile_names_reach_no_terminal(board: Board) -> None:
    """Beside a server in this folder none needs to be named, and names are text."""
    with Terminal("leaderboard", "--watch", cwd=board.folder) as terminal:
        until(lambda: terminal.screen)
        shown = "\n".join(terminal.screen)
    assert "\x1b]0;" not in terminal.output
    assert "\x1b[2J\x1b[31m" not in terminal.output
    assert "\u202e" not in shown
    assert "[red]x[/red]" in shown or "markup" in shown


@pytest.mark.database
def test_it_finds_a_server_that_comes_back(tmp_path: Path) -> None:
    """A server that is gone is said to be; when it is back, on another port, it is found in the folder."""
    with Running("serve", "--port", "0", "--json", cwd=tmp_path) as server:
        server.ready()
        terminal = Terminal("leaderboard", "--watch", cwd=tmp_path)
        until(lambda: terminal.screen)
        server.signal(signal.SIGTERM)
        server.ended()
    with terminal:
        until(lambda: any("reconnecting in" in line for line in terminal.screen))
        with Running("serve", "--port", "0", "--json", cwd=tmp_path) as server:
            token = run("token", "issue", "ann", cwd=tmp_path).stdout.strip()
            server.ready()
            assert server.act(token, "a1")[0] == 200
            until(lambda: any("ann" in line for line in terminal.screen))


def test_without_a_server_it_is_4(tmp_path: Path) -> None:
    """Neither one in this folder nor one at the address: one line on stderr and 4, in a terminal as well."""
    nobody = run("leaderboard", "--watch", cwd=tmp_path)
    assert (nobody.returncode, nobody.stdout) == (4, "")
    assert "No server runs here." in nobody.stderr
    gone = run(*_watch(url="http://127.0.0.1:9"), cwd=tmp_path)
    assert (gone.returncode, gone.stdout) == (4, "")
    assert gone.stderr == "Error: http://127.0.0.1:9 can't be watched: nobody listens there.\n"
    with Terminal(*_watch(url="http://127.0.0.1:9"), cwd=tmp_path) as terminal:
        assert terminal.ended() == 4
        assert "\x1b[?1049h" not in terminal.output
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_socket_is_4(moving: Running, tmp_path: Path) -> None:
    """A server that has no board there says so."""
    ended = run(*_watch(url=f"{moving.url}/elsewhere"), cwd=tmp_path)
    assert ended.returncode == 4
    assert "it answers 404" in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--watch", "--season", "x"], ["--server", "http://a"], ["--watch", "--server", "a"]],
    ids=["a season", "a server without --watch", "no URL"],
)
def test_what_makes_no_sense_is_2(arguments: list[str]) -> None:
    """Options that contradict each other are usage errors."""
    assert in_process("leaderboard", *arguments).returncode == 2
