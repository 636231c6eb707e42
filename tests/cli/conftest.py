"""What tests of the command share: one running server with a board on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from scoreboard_server.store.data_dir import running_uri

from ..conftest import UNLIMITED, need_mongod, token
from .invoking import Running, run, until

# Names as a store could hold them that was written to by somebody else than this server.
HOSTILE = {
    "markup": "[red]x[/red] [link=https://evil.test]y",
    "escapes": "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "rtl": "שלום\u202eevil",
    "emoji": "👩‍👩‍👧 🇩🇪 é",
    "lines": "a\r\nrank 1\u2028b\tc",
    "w" * 64: "W" * 32,
}


@dataclass
class Board:
    """A running server with an embedded MongoDB, and the folder in which commands find it."""

    folder: Path
    server: Running
    scores: dict[str, int]


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """One server for all tests of commands beside a server; its board stays as it is."""
    need_mongod()
    folder = tmp_path_factory.mktemp("beside")
    with Running("serve", "--port", "0", "--json", cwd=folder) as server:
        server.ready()
        yield Board(folder, server, _fill(folder, server, [*HOSTILE, "ann", "bob"]))


@dataclass
class Stage:
    """A running server on whose board commands may do what they like. words: see `Case`."""

    folder: Path
    server: Running
    words: dict[str, str]


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One server for the tests that call every command, in its second season."""
    need_mongod()
    folder = tmp_path_factory.mktemp("stage")
    (folder / "unlimited.toml").write_text(UNLIMITED)
    with Running("serve", "--port", "0", "--json", "--config", "unlimited.toml", cwd=folder) as server:
        server.ready()
        _fill(folder, server, ["demo:1", "demo:2"])
        assert run("season", "reset", "--yes", cwd=folder).returncode == 0
        until(lambda: not server.board()["totalUsers"])
        _fill(folder, server, [*HOSTILE, "demo:1", "demo:2"], "b")
        for user in ("demo:3", "cheat"):  # one ban stays, so that there is one to be listed
            assert run("ban", user, "--reason", "plays at night, too", cwd=folder).returncode == 0
        issued = run("token", "issue", "ann", cwd=folder).stdout.strip()
        assert run("export", "kept.ndjson", cwd=folder).returncode == 0
        words = {"token": issued, "foreign_token": token(), "url": server.url, "export": "kept.ndjson"}
        yield Stage(folder, server, words)


def _fill(folder: Path, server: Running, users: list[str], prefix: str = "a") -> dict[str, int]:
    scores: dict[str, int] = {}
    for place, user in enumerate(users):
        issued = run("token", "issue", user, "--username", f"Name {place}", cwd=folder).stdout.strip()
        for number in range(9 - place):
            status, answer = server.act(issued, f"{prefix}{number}")
            assert status == 200, answer
            scores[user] = answer["newScore"]
    uri = running_uri(folder / ".scoreboard")
    with MongoClient[dict[str, object]](uri) as client:
        stored = client["scoreboard"]["users"]
        until(lambda: stored.count_documents({}) == len(scores))  # or the server would write its names later
        hostile = {user: name for user, name in HOSTILE.items() if user in scores}
        until(lambda: _are_called(stored, hostile, server))
    return scores


def _are_called(stored: Collection[dict[str, object]], names: dict[str, str], server: Running) -> bool:
    """Whether the server shows these names; written once more if not, as it may just have saved its own."""
    shown = {row["userId"]: row["username"] for row in server.board()["leaderboard"]}
    if shown.items() >= names.items():
        return True
    for user, name in names.items():
        stored.update_one({"_id": user}, {"$set": {"name": name}})
    return False
