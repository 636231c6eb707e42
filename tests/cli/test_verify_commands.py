"""`scoreboard verify`: do the books add up?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from scoreboard_server.store.data_dir import running_uri

from ..conftest import need_mongod
from .conftest import Board
from .invoking import Running, in_terminal, run, until

pytestmark = pytest.mark.database


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """A server whose store a test may damage, with three users on its board."""
    need_mongod()
    with Running("serve", "--port", "0", "--json", cwd=tmp_path) as running:
        running.ready()
        for user, count in (("ann", 3), ("ben", 2), ("cem", 1)):
            token = run("token", "issue", user, cwd=tmp_path).stdout.strip()
            for number in range(count):
                assert running.act(token, f"a{number}")[0] == 200
        yield running


def wait_until_folded(folder: Path) -> None:
    """Return when nothing is pending."""
    with MongoClient[dict[str, object]](running_uri(folder / ".scoreboard")) as client:
        entries = client["scoreboard"]["entries"]
        until(lambda: entries.count_documents({"pending": True}) == 0)


def damage(folder: Path, user: str) -> None:
    """Give the user 1,000 points that no entry explains."""
    with MongoClient[dict[str, object]](running_uri(folder / ".scoreboard")) as client:
        which = {"_id": {"season": 1, "user": user}}
        assert client["scoreboard"]["standings"].update_one(which, {"$inc": {"score": 1_000}}).modified_count


def test_a_sound_store_is_0(board: Board) -> None:
    """Beside a server its live board is compared too, found by the folder alone."""
    ended = run("verify", "--json", cwd=board.folder)
    told = json.loads(ended.stdout)
    assert (ended.returncode, told["addsUp"], told["standings"], told["board"]) == (0, True, [], [])
    assert (told["users"], told["entries"]) == (len(board.scores), sum(board.scores.values()) // 10)
    assert told["server"] == board.server.url
    assert "ledger, standings and live board agree." in run("verify", cwd=board.folder).stdout


def test_in_a_terminal_there_is_a_bar_and_a_verdict(board: Board) -> None:
    """And no line is longer than the terminal."""
    shown = in_terminal("verify", cwd=board.folder, environ={"NO_COLOR": "1"})
    assert "agree." in shown.replace("\n", " ")


def test_damage_is_1_and_repaired_is_0(server: Running, tmp_path: Path) -> None:
    """Points that no entry explains are shown by user; repaired, they are gone, also from the board."""
    wait_until_folded(tmp_path)
    damage(tmp_path, "ben")
    found = run("verify", cwd=tmp_path)
    assert found.returncode == 1
    assert "20 by 2   1,020 by 2   standing   ben" in " ".join(found.stdout.split("\n"))
    assert "1 difference between" in found.stdout
    epoch = server.board()["epoch"]
    repaired = run("verify", "--repair", "--json", cwd=tmp_path)
    assert (repaired.returncode, json.loads(repaired.stdout)["repaired"]) == (0, 1)
    until(lambda: server.board()["epoch"] != epoch)  # it has read its board again
    assert run("verify", "--json", cwd=tmp_path).returncode == 0
    assert {row["userId"]: row["score"] for row in server.board()["leaderboard"]}["ben"] == 20


def test_a_live_board_that_is_wrong_is_found(server: Running, tmp_path: Path) -> None:
    """An entry taken out of the ledger behind the server's back is on its board, and told."""
    wait_until_folded(tmp_path)
    with MongoClient[dict[str, object]](running_uri(tmp_path / ".scoreboard")) as client:
        database = client["scoreboard"]
        assert database["entries"].delete_one({"user": "ann", "action": "a1"}).deleted_count
    began = time.monotonic()
    ended = run("verify", "--json", cwd=tmp_path)
    told = json.loads(ended.stdout)
    assert ended.returncode == 1
    assert [wrong["user"] for wrong in told["standings"]] == ["ann"]
    fixed = json.loads(run("verify", "--repair", "--json", cwd=tmp_path).stdout)
    assert fixed["repaired"] == 1
    assert time.monotonic() - began < 30


def test_whom_only_the_live_board_knows_is_found(server: Running, tmp_path: Path) -> None:
    """A user whose entries and standing are taken out of the store stays on the board, and is told."""
    wait_until_folded(tmp_path)
    with MongoClient[dict[str, object]](running_uri(tmp_path / ".scoreboard")) as client:
        database = client["scoreboard"]
        database["entries"].delete_many({"user": "ben"})
        database["standings"].delete_one({"_id": {"season": 1, "user": "ben"}})
    ended = run("verify", "--json", cwd=tmp_path)
    told = json.loads(ended.stdout)
    assert (ended.returncode, told["standings"]) == (1, [])
    assert told["board"] == [{"user": "ben", "stored": None, "shown": 20}]


def test_a_server_that_does_not_answer_is_4(board: Board) -> None:
    """Asked for by name, its board is not silently left out."""
    ended = run("verify", "--server", "http://127.0.0.1:9", cwd=board.folder)
    assert (ended.returncode, ended.stdout) == (4, "")
    assert "can't be asked" in ended.stderr


def test_without_a_server_the_store_is_verified_alone(server: Running, tmp_path: Path) -> None:
    """After the server has stopped, its announcement is gone with it."""
    server.process.terminate()
    assert server.ended() == 0
    ended = run("verify", "--json", cwd=tmp_path)
    assert (ended.returncode, json.loads(ended.stdout)["server"]) == (0, None)
    assert json.loads(ended.stdout)["entries"] == 6
