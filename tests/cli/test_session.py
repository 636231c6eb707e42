"""What all commands share: where the store is, exit codes, and secrets that stay secret."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoreboard_cli.session import Session

from ..conftest import need_mongod
from ..mongod import Mongod, free_port
from .conftest import Board
from .invoking import SCOREBOARD, environment, run

SECRET = "a secret that nobody may see, of 32 bytes and more"


def test_the_memory_store_is_out_of_reach(tmp_path: Path) -> None:
    """The memory store lives in its server, so a command says that it can't be reached: 4."""
    ended = run("leaderboard", "--store", "memory", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (4, "")
    assert "can't be reached" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_mongodb_that_is_not_there_is_4(tmp_path: Path) -> None:
    """A MongoDB that doesn't answer is exit code 4 within seconds, in words without its password."""
    began = time.monotonic()
    uri = f"mongodb://ann:hunter2@127.0.0.1:{free_port()}/?bogus=1"
    ended = run("leaderboard", "--json", "--store", uri, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (4, "")
    assert time.monotonic() - began < 10
    assert "can't be reached" in ended.stderr
    assert "hunter2" not in ended.stderr
    warning, _error = ended.stderr.splitlines()
    assert warning.startswith("Warning: Unknown option")  # the driver's words, without its source line


def test_a_command_to_be_run_next_is_for_the_same_store() -> None:
    """With the options of this one, each word as a shell takes it, and no password."""
    flags: dict[str, object] = {
        "store.uri": "mongodb://ann:hunter2@db.test/?x=1",
        "store.data_dir": "my data",
    }
    line = Session(as_json=True, flags=flags, config=Path("s.toml")).command("season reset", "--name", "a!b")
    assert "hunter2" not in line
    assert shlex.split(line) == [
        *("scoreboard", "season", "reset", "--store", "mongodb://ann:***@db.test/?x=1"),
        *("--data-dir", "my data", "--config", "s.toml", "--json", "--name", "a!b"),
    ]
    assert "'a!b'" in line
    flags = {"store.uri": None, "store.data_dir": None}
    assert Session(as_json=False, flags=flags, config=None).command("audit") == "scoreboard audit"


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://ann:hunter2/x@127.0.0.1/",
        "mongodb://ann:hunter2@x@127.0.0.1/",
        "mongodb://ann:hunter2%zz@127.0.0.1/",
        "mongodb://ann:hunter2@127.0.0.1:99999/",
        "mongodb://ann:hunter2?@127.0.0.1/",
    ],
)
def test_a_uri_that_can_t_be_read_is_1(tmp_path: Path, uri: str) -> None:
    """A malformed URI is refused in one line that doesn't repeat its password."""
    ended = run("leaderboard", "--store", uri, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "URI can't be used" in ended.stderr
    assert "hunter2" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """A MongoDB that is no replica set."""
    need_mongod()
    mongod = Mongod(tmp_path_factory.mktemp("standalone"), replica_set=None)
    mongod.start()
    yield mongod
    mongod.stop()


@pytest.mark.database
def test_a_standalone_mongodb_is_refused(standalone: Mongod, tmp_path: Path) -> None:
    """A standalone server is refused with 1 and the command that turns it into a replica set."""
    ended = run("leaderboard", "--store", standalone.uri, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "standalone" in ended.stderr
    assert "rs.initiate()" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv, to give up the rights of root")
@pytest.mark.parametrize(
    "command", [["serve", "--port", "0"], ["demo", "--port", "0"], ["token", "issue", "ann"], ["leaderboard"]]
)
def test_a_data_directory_that_can_t_be_written_is_1(tmp_path: Path, command: list[str]) -> None:
    """Where nothing may be made, the same line with the system's reason, whichever command meets it."""
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o500)
    rights = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    ended = subprocess.run(
        [*rights, *SCOREBOARD, *command, "--data-dir", folder],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.endswith(f"Error: The data directory {folder} can't be used: Permission denied.\n")


@pytest.mark.parametrize(
    "command", [["serve"], ["demo"], ["token", "issue", "ann"], ["token", "inspect", "x"]]
)
def test_a_bad_setting_is_2_everywhere(tmp_path: Path, command: list[str]) -> None:
    """A bad setting is a usage error of one line, whichever command meets it."""
    for arguments in (["--store", "bogus"], ["--config", "nowhere.toml"]):
        ended = run(*command, *arguments, cwd=tmp_path)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.startswith("Error: ")
        assert len(ended.stderr.splitlines()) == 1


def test_mongodb_of_one_s_own_demands_a_secret(tmp_path: Path) -> None:
    """With a MongoDB of one's own nobody makes a secret up: 2, and how to name one."""
    ended = run("token", "issue", "ann", "--store", "mongodb://127.0.0.1:9/", cwd=tmp_path)
    assert ended.returncode == 2
    assert "SCOREBOARD_JWT_SECRET_FILE" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_printed_by_no_command(tmp_path: Path) -> None:
    """A signing secret from the environment, a file or a settings file turns up in no output at all."""
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "settings.toml").write_text(f'[auth]\nsecret = "{SECRET}"\n')
    (tmp_path / "rivals.toml").write_text(f'[auth]\nsecret = "{SECRET}"\nsecret_file = "secret"\n')
    (tmp_path / "broken.toml").write_text(f'[auth]\nsecret = "{SECRET}" x\n')
    (tmp_path / "unknown.toml").write_text(f'[auth]\nsecrets = "{SECRET}"\n')
    token = run(
        "token", "issue", "ann", cwd=tmp_path, environ={"SCOREBOARD_JWT_SECRET": SECRET}
    ).stdout.strip()
    commands = [
        ["config", "show", "--origin"],
        ["token", "issue", "ann", "--json"],
        ["token", "inspect", token],
    ]
    said = ""
    sources: list[tuple[list[str], dict[str, str]]] = [
        ([], {"SCOREBOARD_JWT_SECRET": SECRET}),
        ([], {"SCOREBOARD_JWT_SECRET_FILE": "secret"}),
        *(
            (["--config", name], {})
            for name in ("settings.toml", "rivals.toml", "broken.toml", "unknown.toml")
        ),
    ]
    for options, environ in sources[:3]:
        for command in commands:
            ended = run(*command, *options, cwd=tmp_path, environ=environ)
            assert ended.returncode == 0, ended.stderr
            said += ended.stdout + ended.stderr
    for options, environ in sources[3:]:
        ended = run("config", "show", *options, cwd=tmp_path, environ=environ)
        assert ended.returncode == 2
        said += ended.stdout + ended.stderr
    ended = run("config", "show", cwd=tmp_path, environ={"SCOREBOARD_JWT_SECRET": SECRET[:20]})
    assert ended.returncode == 2
    said += ended.stderr
    assert "(set)" in said
    assert SECRET[:20] not in said


@pytest.mark.database
def test_the_secrets_beside_the_store_are_printed_by_no_command(board: Board) -> None:
    """Neither the signing secret nor the store's keys leave the data directory, whatever is asked for."""
    folder = board.folder / ".scoreboard"
    secrets = [
        (folder / name).read_text().strip() for name in ("jwt.secret", "mongod.password", "mongod.key")
    ]
    said = board.server.words + "".join(board.server.lines)
    token = run("token", "issue", "ann", cwd=board.folder).stdout.strip()
    for command in (
        ["config", "show", "--origin"],
        ["token", "inspect", token],
        ["token", "inspect", token, "--json"],
        ["leaderboard", "--json"],
        ["serve", "--port", "0"],
    ):
        ended = run(*command, cwd=board.folder)
        said += ended.stdout + ended.stderr
    assert "issuer" in said
    assert [secret for secret in secrets if secret in said or len(secret) < 32] == []
