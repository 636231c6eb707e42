"""What `docs/deploy.md` tells to type works as printed, and names nothing that isn't there."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks import growth
from scoreboard_server.settings import describe, load_settings

from ..cli.invoking import environment, in_process
from ..conftest import Api, StartServer, need_mongod
from ..mongod import Mongod

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "deploy.md"
TEXT = DOCS.read_text()
EVERYWHERE = {
    path: path.read_text() for path in (DOCS, *sorted((ROOT / "deploy").iterdir())) if path.is_file()
}


def walk(name: str) -> str:
    """The lines under that mark."""
    found = re.search(rf"<!-- {name}: .*?-->\n+```sh\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


async def typed(lines: str, folder: Path, environ: Mapping[str, str] | None = None) -> None:
    """In a shell that has the command."""
    command = f'scoreboard() {{ {shlex.quote(sys.executable)} -m scoreboard_cli.main "$@"; }}\n'
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-euo", "pipefail", "-c", command + lines],
        cwd=folder,
        env=environment(NO_COLOR="1", **(environ or {})),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def boards(api: Api) -> list[dict[str, Any]]:
    """The live board and that of the season that is over, but for what is a server's own."""
    told = [await api.board(), await api.board("?season=season-1")]
    del told[0]["epoch"], told[0]["version"]
    return told


@pytest.mark.database
async def test_a_back_up_restores_the_same_boards(
    replica_set: Mongod, database: str, start_server: StartServer, tmp_path: Path
) -> None:
    """Exported beside a server, imported into another database: whole, with the boards of both seasons."""
    api = Api(await start_server(store__uri=replica_set.uri, store__database=database))
    environ = {"SCOREBOARD_STORE": replica_set.uri, "SCOREBOARD_STORE_DATABASE": database}
    for season in (1, 2):
        for count, user in enumerate(("ann", "ben", "cem"), 1):
            for number in range(count):
                await api.act(user, f"{season}-{number}")
        if season == 1:
            await typed("scoreboard season reset --yes", tmp_path, environ)
            await shows(api, lambda board: board["season"] == "season-2")
    await typed("scoreboard ban cem --reason 'a script'", tmp_path, environ)
    await shows(api, lambda board: board["totalUsers"] == 2)
    before = await boards(api)
    try:
        await typed(walk("backup") + walk("restore"), tmp_path, environ)
        restored = Api(await start_server(store__uri=replica_set.uri, store__database="restored"))
        assert await boards(restored) == before
        assert [row["userId"] for row in before[0]["leaderboard"]] == ["ben", "ann"]
        assert [row["userId"] for row in before[1]["leaderboard"]] == ["cem", "ben", "ann"]
        await restored.server.stop()
    finally:
        with replica_set.client() as client:
            client.drop_database("restored")


async def shows(api: Api, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Wait until its board is so."""
    async with asyncio.timeout(30):
        while not wanted(await api.board()):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("path", EVERYWHERE, ids=lambda path: path.name)
def test_every_setting_that_is_named_is_one(path: Path) -> None:
    """Variables and keys alike."""
    variables = set(re.findall(r"\bSCOREBOARD_[A-Z_]+\b", EVERYWHERE[path])) - {"SCOREBOARD_CONFIG"}
    secrets = {name for name in variables if "SECRET" in name}
    values = dict.fromkeys(variables - secrets, "1") | {"SCOREBOARD_STORE": "memory"}
    values |= {"SCOREBOARD_SERVER_TRUSTED_PROXIES": "127.0.0.1"}
    load_settings({}, environ=values)  # which knows its own, and no other
    assert secrets <= {"SCOREBOARD_JWT_SECRET_FILE"}
    known = {key for key, _, _ in describe(load_settings({}, environ={}))}
    tables = "|".join({key.partition(".")[0] for key in known})
    named = set(re.findall(rf"`?\b((?:{tables})\.[a-z_]+)\b", EVERYWHERE[path]))
    files = {name for name in named if name.endswith((".py", ".toml", ".conf", ".service", ".env", ".md"))}
    assert named - files <= known


def test_every_command_that_is_named_is_one() -> None:
    """In what is to be typed, and in sentences."""
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
    commands = re.findall(r"(?<![.\w])(?:scoreboard|sb) ([a-z]+)", lines) + re.findall(
        r"`scoreboard ([a-z]+)", TEXT
    )
    assert len(commands) > 15
    assert {name for name in commands if in_process(name, "--help").returncode != 0} == set()


def test_every_file_that_is_named_is_there() -> None:
    """No link leads nowhere, and what is copied can be."""
    links = re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", TEXT)
    assert len(links) > 5
    for link, section in links:
        there = DOCS.parent / (link or DOCS.name)
        assert there.exists(), link
        headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE) if section else []
        assert not section or section in {
            re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings
        }
    named = re.findall(r"(?:cp|-f) ((?:deploy|config)/\S+)", TEXT)
    assert len(named) > 3
    assert [name for name in named if not (ROOT / name).exists()] == []


async def test_a_cold_copy_is_a_whole_store(tmp_path: Path) -> None:
    """Of what the benchmark of growth has made: each action is there, and ledger and standings agree."""
    need_mongod()
    data = tmp_path / ".scoreboard"
    await growth.fill(data, 600, 50, seed=1)
    measured = await growth.measure(data)
    assert (measured["entries"]["documents"], measured["standings"]["documents"]) == (600, 12)
    assert all(size > 0 for size in measured["entries"].values())
    await typed(walk("copy"), tmp_path)
