"""`scoreboard demo`: something to see within seconds, and nothing left afterwards."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ..conftest import need_mongod
from .invoking import Running, mongod_runs, run, until

MEMORY = ["--store", "memory"]
USUAL_PORT = 8080


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A demo of five players, where the environment names a proxy that isn't there."""
    folder = tmp_path_factory.mktemp("demo")
    environ = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    with Running(
        "demo", *MEMORY, "--port", "0", "--json", "--players", "5", cwd=folder, environ=environ
    ) as running:
        running.ready()
        yield running


def _sum(demo: Running) -> int:
    return sum(row["score"] for row in demo.board("?limit=100")["leaderboard"])


def test_scores_rise_through_the_public_api(demo: Running) -> None:
    """Players act by themselves, past any proxy: everyone appears with a name, and the scores rise."""
    until(lambda: demo.board()["totalUsers"] == 5)
    rows = demo.board()["leaderboard"]
    assert {row["userId"] for row in rows} == {f"demo:{number}" for number in range(1, 6)}
    assert all(row["username"] != row["userId"] for row in rows)
    before = _sum(demo)
    until(lambda: _sum(demo) > before)


def test_json_is_one_ready_line(demo: Running) -> None:
    """`demo --json` prints the ready line of `serve`, and the memory store is warned of."""
    assert set(json.loads(demo.lines[0])) == {"event", "url", "port"}
    assert len(demo.lines) == 1
    assert "every score is gone" in demo.words


def test_a_busy_port_moves_it_on(tmp_path: Path) -> None:
    """When the usual port is taken the demo takes the next free one, and prints the page's address."""
    with closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", USUAL_PORT))
            taken.listen()
        except OSError:
            pass  # somebody else has it, which is just as well
        with Running("demo", *MEMORY, cwd=tmp_path) as running:
            until(lambda: "The board is live at http://127.0.0.1:" in running.words)
            port = int(running.words.partition("127.0.0.1:")[2].split()[0])
            assert USUAL_PORT < port < USUAL_PORT + 50
            running.interrupt_group()
            assert running.ended(within=10) == 0


def test_a_port_that_was_asked_for_is_kept(demo: Running, tmp_path: Path) -> None:
    """A busy port that was named is refused with 1, not swapped for another."""
    port = demo.ready()["port"]
    ended = run("demo", *MEMORY, "--port", str(port), cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"Port {port} on 127.0.0.1 is in use" in ended.stderr


@pytest.mark.database
def test_it_refuses_a_real_board_and_keeps_its_own(tmp_path: Path) -> None:
    """Ctrl-C leaves no mongod; the demo starts again on its own board, but not on one with a real user."""
    need_mongod()
    data_dir = tmp_path / ".scoreboard"
    with Running("demo", "--port", "0", "--json", "--players", "3", cwd=tmp_path) as running:
        until(lambda: running.board()["totalUsers"])
        running.interrupt_group()
        assert running.ended(within=10) in (0, 130)
        assert "rror" not in running.words
    assert not mongod_runs(data_dir)
    with Running("demo", "--port", "0", "--json", cwd=tmp_path) as running:
        token = run("token", "issue", "ann", cwd=tmp_path).stdout.strip()
        assert running.act(token, "a1")[0] == 200
    ended = run("demo", "--port", "0", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-1].startswith("Error: This store holds a real board.")
    assert not mongod_runs(data_dir)


@pytest.mark.database
def test_a_season_that_has_just_begun_makes_no_board_the_demo_s(tmp_path: Path) -> None:
    """Behind a reset it goes on with its own players, and not where anybody else was in a past season."""
    for user in ("demo:1", "ann"):
        with Running("demo", "--port", "0", "--json", "--players", "1", cwd=tmp_path) as running:
            token = run("token", "issue", user, cwd=tmp_path).stdout.strip()
            assert running.act(token, "a1")[0] == 200
            assert run("season", "reset", "--yes", cwd=tmp_path).returncode == 0
            until(lambda: {row["userId"] for row in running.board()["leaderboard"]} <= {"demo:1"})
    ended = run("demo", "--port", "0", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-1].startswith("Error: This store holds a real board.")


@pytest.mark.parametrize("count", ["0", "101", "x"])
def test_a_bad_number_of_players_is_2(tmp_path: Path, count: str) -> None:
    """A number of players outside 1 to 100 is a usage error."""
    ended = run("demo", "--players", count, cwd=tmp_path)
    assert ended.returncode == 2
    assert "--players" in ended.stderr


def test_it_needs_an_action_that_anyone_may_claim(tmp_path: Path) -> None:
    """Without an action type that takes no proof there is nothing to play: 1, before anything starts."""
    (tmp_path / "s.toml").write_text('[actions."match.won"]\npoints = 5\nproof = "trusted"\n')
    ended = run("demo", "--config", "s.toml", cwd=tmp_path)
    assert ended.returncode == 1
    assert "action type that takes no proof" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]
