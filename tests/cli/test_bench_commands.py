"""`scoreboard bench`, in runs of a second or two; what is measured is only held to be possible."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ..conftest import UNLIMITED, need_mongod
from .conftest import Board
from .invoking import PATIENCE_S, Running, in_process, in_terminal, mongod_runs, run, until

SHORT = ["--seconds", "1", "--submitters", "7", "--watchers", "45"]
DOCS = (Path(__file__).parent.parent.parent / "docs" / "bench.md").read_text()
LONG_S = 2 * PATIENCE_S


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where its own server has its folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def _bench(*arguments: str | Path, cwd: Path, temporary: Path) -> dict[str, Any]:
    ended = run("bench", *arguments, "--json", cwd=cwd, timeout=LONG_S, environ={"TMPDIR": str(temporary)})
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def _fields(value: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, inner in value.items():
        if isinstance(inner, dict) and name != "errors":
            yield from _fields(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _told() -> Iterator[str]:
    """The fields in the first column of docs/bench.md; `.p50` stands for one beside the field before it."""
    for cell in re.findall(r"^\| (`.+?) \|", DOCS.partition("| field | |")[2], re.MULTILINE):
        names = re.findall(r"`([\w.]+)`", cell)
        for name in names:
            yield f"{names[0].rpartition('.')[0]}{name}" if name.startswith(".") else name


@pytest.mark.database
def test_it_measures_a_server_of_its_own(tmp_path: Path, temporary: Path) -> None:
    """Every figure is there, possible and explained, the plot is one, and no process or file is left."""
    need_mongod()
    found = _bench(*SHORT, "--plot", "bench.svg", cwd=tmp_path, temporary=temporary)
    assert found["load"] == {
        "server": None, "store": "embedded", "watchers": 45, "submitters": 7, "seconds": 1.0, "rate": None,
    }  # fmt: skip
    assert found["errors"] == {}
    assert found["acknowledged"] > 0
    assert found["acknowledged"] >= found["updatesPerSecond"] >= 0
    assert found["watchers"]["connected"] == 45
    assert found["watchers"]["lost"] == 0
    assert found["watchers"]["bytesPerWatcher"] > 100 * found["watchers"]["framesPerWatcher"] > 0
    for name in ("submitToAcknowledgedMs", "submitToSeenMs"):
        spread = found[name]
        assert 0 < spread["p50"] <= spread["p95"] <= spread["p99"] <= spread["max"] < 1000 * LONG_S
        assert 0 < spread["count"] <= found["acknowledged"]
    assert found["server"]["cpuMsPerUpdate"] > 0
    assert found["server"]["memoryPerSocket"] >= 0
    assert ElementTree.parse(tmp_path / "bench.svg").getroot().tag.endswith("svg")
    assert [path.name for path in tmp_path.iterdir() if path != temporary] == ["bench.svg"]
    assert list(temporary.iterdir()) == []
    found["submitToSeenMs"] = None  # as without watchers: its own fields are told with those of the other one
    assert set(_told()) == set(_fields(found))


@pytest.mark.database
def test_it_fits_a_terminal(tmp_path: Path, temporary: Path) -> None:
    """At 80 columns a bar goes by, and then two tables stand there that do not fold."""
    need_mongod()
    shown = in_terminal("bench", *SHORT, cwd=tmp_path, environ={"TMPDIR": str(temporary)})
    assert "Full load" in shown
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).rpartition("\r")[2]
    lines = [line.rstrip() for line in text.splitlines()]
    assert max(map(len, lines)) <= 80
    (acknowledged,) = (line for line in lines if line.startswith("submit → acknowledged"))
    assert len(re.findall(r"[\d,.]+", acknowledged)) == 5
    assert any(re.match(r"updates +[\d,]+ +acknowledged per second", line) for line in lines)
    assert any(re.match(r"watchers connected +45 ", line) for line in lines)


@pytest.fixture
def unlimited(tmp_path: Path) -> Iterator[Running]:
    """A server without limits in a folder of its own."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "s.toml").write_text(UNLIMITED)
    options = ["--store", "memory", "--port", "0", "--config", "s.toml", "--json"]
    with Running("serve", *options, cwd=folder) as server:
        server.ready()
        yield server


def test_it_loads_a_running_server(unlimited: Running, tmp_path: Path, temporary: Path) -> None:
    """With --server its users stay there, its process is looked at only by --pid, and twice is no harm."""
    folder = tmp_path / "served"
    options = ["--store", "memory", "--server", unlimited.url, "--seconds", "1", "--watchers", "3"]
    found = _bench(*options, "--submitters", "2", "--rate", "20", cwd=folder, temporary=temporary)
    assert found["server"] is None
    assert 0 < found["acknowledged"] <= 21
    assert found["submitToSeenMs"]["count"] > 0
    assert {row["userId"] for row in unlimited.board()["leaderboard"]} == {"bench:m1", "bench:m2"}
    again = _bench(*options, "--pid", str(unlimited.process.pid), cwd=folder, temporary=temporary)
    assert again["server"]["cpuShare"] > 0
    assert again["server"]["memoryPerSocket"] is None
    assert list(temporary.iterdir()) == []


def test_without_watchers_only_updates_are_measured(tmp_path: Path, temporary: Path) -> None:
    """--watchers 0 leaves out what needs somebody to see it."""
    options = ["--store", "memory", "--watchers", "0", "--submitters", "1", "--seconds", "1"]
    found = _bench(*options, cwd=tmp_path, temporary=temporary)
    assert found["submitToSeenMs"] is None
    assert found["watchers"]["bytesPerWatcher"] is None
    assert found["server"]["cpuUsPerRecipient"] is None
    assert found["acknowledged"] > 0


def test_a_real_board_is_refused(board: Board) -> None:
    """Where others are on the board it does nothing unless told to, and exits 1."""
    before = board.server.board()
    ended = run("bench", "--server", board.server.url, *SHORT, cwd=board.folder)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "holds a real board" in ended.stderr
    assert board.server.board() == before


def test_a_server_that_refuses_everything_is_1(unlimited: Running, tmp_path: Path) -> None:
    """With tokens of another folder nothing is acknowledged: one line says what came instead."""
    ended = run("bench", "--server", unlimited.url, "--store", "memory", *SHORT, cwd=tmp_path, timeout=LONG_S)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.search(r"acknowledges nothing \(\d+ × 401\)", ended.stderr)


def test_no_server_there_is_4(tmp_path: Path) -> None:
    """An address where nobody listens is unreachable, and nothing is started for it."""
    ended = run("bench", "--server", "http://127.0.0.1:9", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (4, "")
    assert "http://127.0.0.1:9 can't be asked" in ended.stderr


@pytest.mark.database
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_bench_leaves_nothing(tmp_path: Path, temporary: Path, number: signal.Signals) -> None:
    """In the midst of the load, Ctrl-C or SIGTERM stops server and MongoDB and removes their folder: 130."""
    need_mongod()
    with Running("bench", "--seconds", "60", cwd=tmp_path, environ={"TMPDIR": str(temporary)}) as bench:
        # Others put files there, too, for a moment.
        data = until(lambda: [each for each in temporary.glob("*/data") if mongod_runs(each)])[0]
        until((data / "server.json").exists)
        if number == signal.SIGINT:
            bench.interrupt_group()
        else:
            bench.signal(number)
        assert bench.ended() == 130
        assert "rror" not in bench.words
    assert list(temporary.iterdir()) == []
    assert not data.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seconds", "0"], "--seconds"),
        (["--watchers", "-1"], "--watchers"),
        (["--pid", "1"], "--pid"),
        (["--server", "board.test"], "--server"),
        (["--plot", "nowhere/bench.svg"], "--plot"),
        (["--store", "mongodb://127.0.0.1:9"], "fills its store"),
    ],
)
def test_what_makes_no_sense_is_2(arguments: list[str], words: str) -> None:
    """Usage errors come before anything starts."""
    ended = in_process("bench", *arguments)
    assert ended.returncode == 2
    assert words in ended.stderr
