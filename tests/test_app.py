"""The composition root: what a failing part does to the whole."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from scoreboard_server import app, waiting
from scoreboard_server.app import ServerFailedError
from scoreboard_server.flow.loading import Loaded, load_board
from scoreboard_server.flow.ports import Snapshots, StoreUnavailable
from scoreboard_server.live.live_board import LiveBoard
from scoreboard_server.settings import load_settings
from scoreboard_server.store import embedded
from scoreboard_server.store.file_lock import is_locked
from scoreboard_server.store.memory import MemoryStandings
from scoreboard_server.store.standings import MongoStandings

from .cli.invoking import Running, until
from .conftest import SECRET, Api, StartServer, need_mongod, token
from .end_to_end.test_keys import signed
from .jwks import ec_jwk, rsa_jwk, write_jwks
from .web.wire import problem

ACTION = {"actionId": "a1", "actionType": "task.completed"}


def failing(error: Exception) -> Callable[..., Any]:
    """A function that raises this."""

    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


async def test_a_dead_part_ends_the_server_with_one_clear_word(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect in the writer ends the process, naming the part and the reason; its caller is told 503."""
    api = Api(await start_server())
    monkeypatch.setattr(LiveBoard, "apply", failing(RuntimeError("out of order")))
    running = asyncio.create_task(api.server.run_until(asyncio.Event()))
    problem(await api.post(ACTION, token()), 503, "store_unavailable")
    async with asyncio.timeout(20):
        with pytest.raises(ServerFailedError, match="because the writer failed: RuntimeError: out of order"):
            await running


@pytest.mark.database
async def test_a_server_that_failed_leaves_nothing_behind(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What makes folding fail makes the last fold fail, too; its MongoDB is stopped, its tasks are over."""
    need_mongod()
    server = await start_server(store__uri="embedded")
    folder = server._settings.store.data_dir
    refuse = failing(OperationFailure("not authorized", 13))
    monkeypatch.setattr(MongoStandings, "pending", refuse)
    with pytest.raises(ServerFailedError, match="because folding failed"):
        async with asyncio.timeout(20):
            await server.run_until(asyncio.Event())
    await server.stop()
    assert "not authorized" in caplog.text
    assert not (folder / "mongod.json").exists() and not (folder / "server.json").exists()
    assert not is_locked(folder / "mongo" / "mongod.lock")
    assert not server._tasks


@pytest.mark.parametrize("part", ["folding", "the hub", "profiles", "the store", "watching for slow senders"])
async def test_no_part_dies_alone(start_server: StartServer, part: str) -> None:
    """Whichever background task ends, the server stops serving and says which it was."""
    server = await start_server()
    running = asyncio.create_task(server.run_until(asyncio.Event()))
    await asyncio.sleep(0)
    next(task for task, name in server._tasks.items() if name == part).cancel()
    async with asyncio.timeout(20):
        with pytest.raises(ServerFailedError, match=f"because {part} failed"):
            await running


@pytest.mark.database
async def test_a_private_mongodb_that_is_lost_for_good_ends_the_server(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dead and not to be started again: the server says so instead of refusing everything for ever."""
    need_mongod()
    server = await start_server(store__uri="embedded")
    running = asyncio.create_task(server.run_until(asyncio.Event()))
    monkeypatch.setattr(embedded, "RESTART_PAUSES", ())
    announced = json.loads((server._settings.store.data_dir / "mongod.json").read_text())
    os.kill(announced["pid"], signal.SIGKILL)
    async with asyncio.timeout(10):
        with pytest.raises(ServerFailedError, match=r"the store failed: .*could not be started again"):
            await running


async def test_a_server_that_only_folds_learns_that_its_store_is_away(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody submits, and readiness still tells."""
    monkeypatch.setattr(MemoryStandings, "pending", failing(StoreUnavailable("away")))
    api = Api(await start_server())
    problem(await api.fetch("/readyz"), 503, "store_unavailable")


async def test_a_store_that_fails_the_first_read_is_asked_again(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when another server is just making the collections: the start takes longer, and that is all."""
    monkeypatch.setattr(waiting, "_STORE_PAUSE_S", 0.01)
    reads = 0

    async def fail_once(snapshots: Snapshots, now_us: int) -> Loaded:
        nonlocal reads
        reads += 1
        if reads == 1:
            raise StoreUnavailable("not now")
        return await load_board(snapshots, now_us)

    monkeypatch.setattr(app, "load_board", fail_once)
    api = Api(await start_server())
    assert (await api.fetch("/readyz")).code == 200
    assert reads == 2


# --- taking up what has changed -------------------------------------------------------------------

ONE_TYPE = '[actions."task.completed"]\npoints = {}\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file with keys and one type of ten points."""
    keys = write_jwks(tmp_path / "keys.json", rsa_jwk("old"))
    path = tmp_path / "config.toml"
    path.write_text(f'[auth]\nalgorithms = ["HS256", "RS256", "ES256"]\njwks_file = "{keys}"\n')
    with path.open("a") as file:
        file.write(ONE_TYPE.format(10))
    return path


def serving(config: Path) -> Running:
    """The real command, with this file."""
    arguments = ("serve", "--json", "--port", "0", "--store", "memory", "--config", str(config))
    return Running(*arguments, cwd=config.parent, environ={"SCOREBOARD_JWT_SECRET": SECRET})


def hang_up(server: Running, words: str) -> None:
    """SIGHUP, and wait until the server has said this once more."""
    before = server.words.count(words)
    server.signal(signal.SIGHUP)
    until(lambda: server.words.count(words) > before)


def test_sighup_takes_up_points_and_keys(config: Path) -> None:
    """Without a restart: what is counted from now on is worth the new points, and new keys are believed."""
    with serving(config) as server:
        bearer, new = token(), signed(ec_jwk("new"))
        assert server.act(bearer, "a1")[1]["newScore"] == 10
        assert (server.act(signed(rsa_jwk("old")), "k1")[0], server.act(new, "k2")[0]) == (200, 401)
        config.write_text(config.read_text().replace("points = 10", "points = 25"))
        write_jwks(config.parent / "keys.json", ec_jwk("new"))
        hang_up(server, "keys.json are read again")
        assert "offering 1 action types from now on" in server.words
        assert server.act(bearer, "a2")[1]["newScore"] == 45
        assert (server.act(signed(rsa_jwk("old")), "k3")[0], server.act(new, "k2")[0]) == (401, 200)
        assert server.act(bearer, "a1")[1]["newScore"] == 70, "a repeat adds nothing"
        server.signal(signal.SIGTERM)
        assert server.ended() == 0


NONSENSE = {
    "no TOML": "[actions",
    "no points": '[actions."x"]\nproof = "none"\n',
    "points of nothing": ONE_TYPE.format(0),
    "points without end": ONE_TYPE.format("1" + "0" * 400),
    "a cap without end": ONE_TYPE.format(10) + "per_minute = 1" + "0" * 400 + "\n",
    "no proof": ONE_TYPE.format(10) + 'proof = "oath"\n',
    "no name": '[actions."a b"]\npoints = 1\n',
    "a correction's name": '[actions."!adjusted"]\npoints = 1\n',
    "a spelling": ONE_TYPE.format(10) + "per_dya = 3\n",
    "a type twice": ONE_TYPE.format(10) * 2,
    "no ticket in time": ONE_TYPE.format(10) + 'proof = "ticket"\nmin_seconds = 60\nticket_ttl = 60\n',
    "depth": f"x = {'[' * 5_000}",
    "bytes": "\udcff",
}


def test_sighup_refuses_nonsense(config: Path) -> None:
    """Each is told in one line of the log, and what was on offer stays so; so does a file that is gone."""
    with serving(config) as server:
        server.ready()
        bearer, told = token(), "the action types of before stay"
        for number, nonsense in enumerate(NONSENSE.values(), 1):
            config.write_text(nonsense, errors="surrogateescape")
            hang_up(server, told)
            assert server.act(bearer, f"a{number}")[1]["newScore"] == 10 * number
        config.unlink()
        hang_up(server, told)
        assert server.act(bearer, "last")[0] == 200
        assert server.words.count(told) == len(NONSENSE) + 1
        assert "offering" not in server.words
        server.signal(signal.SIGTERM)
        assert server.ended() == 0


async def test_reloading_while_claims_are_under_way_confuses_none_of_them(
    start_server: StartServer, tmp_path: Path
) -> None:
    """Each counts with the points of one catalogue or the other, caps hold in both, and nothing breaks."""
    files = [tmp_path / f"{points}.toml" for points in (10, 7)]
    for file in files:
        file.write_text(
            f"[actions.t]\npoints = {file.stem}\nper_day = 60\n[limits]\nupdates_per_minute = 0\n"
        )
    api = Api(await start_server(config=files[0], limits__per_ip_per_minute=0))
    catalogues = [load_settings(environ={}, config=file) for file in files]

    async def reload() -> None:
        for i in range(200):
            api.server.reload(partial(catalogues.__getitem__, i % 2))
            await asyncio.sleep(0)

    claims = [api.post({"actionId": f"a{i}", "actionType": "t"}, token()) for i in range(100)]
    answers, _ = await asyncio.gather(asyncio.gather(*claims), reload())
    told = [json.loads(answer.body) for answer in answers]
    points = [int(each["message"].split()[0]) for each in told if each["success"]]
    assert len(points) == 60 and set(points) <= {10, 7}
    assert {each.get("code") for each in told} == {None, "cap_reached"}
    assert (await api.board())["leaderboard"][0]["score"] == sum(points)


async def test_what_is_reloaded_during_the_start_holds(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal that comes before the board is there is not forgotten."""
    file = tmp_path / "new.toml"
    file.write_text(ONE_TYPE.format(25))

    async def reload_meanwhile(snapshots: Snapshots, now_us: int) -> Loaded:
        starting.pop().reload(lambda: load_settings(environ={}, config=file))
        return await load_board(snapshots, now_us)

    starting: list[app.Server] = []
    open_store = app.Server._open_store

    async def remember(self: app.Server) -> Any:
        starting.append(self)
        return await open_store(self)

    monkeypatch.setattr(app.Server, "_open_store", remember)
    monkeypatch.setattr(app, "load_board", reload_meanwhile)
    api = Api(await start_server())
    assert (await api.act("ann", "a1"))["newScore"] == 25
