"""The command as a whole: its help, its examples, and how it ends."""

from __future__ import annotations

import json
import re
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from scoreboard_cli import config_commands
from scoreboard_cli.main import scoreboard

from ..conftest import need_mongod
from .invoking import Running, environment, run, until
from .tree import COMMANDS, LEAVES


def _help(*path: str) -> str:
    return CliRunner().invoke(scoreboard, [*path, "--help"], prog_name="scoreboard").output


EXAMPLES = sorted({found for path in COMMANDS for found in re.findall(r"Example: +(.+)", _help(*path))})
WATCHING = [example for example in EXAMPLES if "--watch" in example.split()]
SERVING = [example for example in EXAMPLES if example.startswith(("scoreboard serve", "scoreboard demo"))]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_fits_and_shows_an_example(path: tuple[str, ...]) -> None:
    """Every command's help fits 80 columns, cuts no sentence short, and has one example of that command."""
    text = _help(*path)
    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in text.replace("[ARGS]...", "")
    (example,) = re.findall(r"^  Example:  (scoreboard .+)$", text, re.MULTILINE)
    assert f"scoreboard {' '.join(path)}".rstrip() in example


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_takes_the_common_options(path: tuple[str, ...]) -> None:
    """--json, --store, --data-dir and --config are options of every command that does something."""
    text = _help(*path)
    assert all(f"  {option}" in text for option in ("--json", "--store", "--data-dir", "--config"))


def test_every_option_is_explained() -> None:
    """No option of any command is without words."""
    for command in LEAVES.values():
        options = [option for option in command.params if isinstance(option, click.Option)]
        assert options
        assert [option.name for option in options if not option.help] == []


_ASK_FOR_HELP = """
import json, sys
from scoreboard_cli.main import scoreboard

heavy = {"tornado", "motor", "pymongo", "bson", "rich", "jwt", "mongomock"}
for path in json.loads(sys.argv[1]):
    try:
        scoreboard.main([*path, "--help"], prog_name="scoreboard")
    except SystemExit:
        pass
    if loaded := heavy & set(sys.modules):
        sys.exit(f"{path} loads {loaded}")
"""


def test_help_imports_nothing_heavy() -> None:
    """Asking any command for help loads neither the web server nor the driver nor the tables."""
    ended = subprocess.run(
        [sys.executable, "-c", _ASK_FOR_HELP, json.dumps(COMMANDS)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("Usage: scoreboard") == len(COMMANDS)


def test_nothing_is_waited_for_at_the_end(tmp_path: Path) -> None:
    """Once all is told the process is gone, whatever a library wants to wait for on its way out."""
    code = (
        "import atexit, sys, time; atexit.register(time.sleep, 60)\n"
        "from scoreboard_cli.main import main; sys.argv[1:] = ['config', 'show', '--json']; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        env=environment(),
        timeout=30,
        check=True,
    )
    assert "server.port" in json.loads(ended.stdout)


def test_a_command_s_store_brings_no_imitation() -> None:
    """What imitates MongoDB in memory is no command's to wait for."""
    code = "import sys, scoreboard_server.store.opening; sys.exit('mongomock' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_console_script_is_the_command(tmp_path: Path) -> None:
    """The installed script and the module are the same command."""
    script = Path(sys.executable).with_name("scoreboard")
    told = subprocess.run([script, "--version"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (told.returncode, told.stdout) == (0, f"scoreboard {version('scoreboard')}\n")
    assert run("--version", cwd=tmp_path).stdout == told.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["leaderboard", "bogus"],
        ["token"],
        ["--bogus"],
        ["serve", "--bogus"],
        ["token", "inspect"],
        [],
    ],
    ids=" ".join,
)
def test_usage_errors_are_2(tmp_path: Path, arguments: list[str]) -> None:
    """What is no command, no option, or too little: exit code 2, words on stderr, nothing on stdout."""
    ended = run(*arguments, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Usage: scoreboard" in ended.stderr


def _fail(*_: object) -> object:
    raise RuntimeError("first line\nsecond line \x1b[31m mongodb://ann:hunter2@db.test/")


def test_what_nobody_foresaw_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception is told with its type in one line, exit code 1, and no traceback."""
    monkeypatch.setattr(config_commands, "describe", _fail)
    result = CliRunner().invoke(scoreboard, ["config", "show"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: RuntimeError: first line\n`scoreboard --debug …` shows where.\n"


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hidden --debug adds the traceback, and nothing else changes."""
    monkeypatch.setattr(config_commands, "describe", _fail)
    result = CliRunner().invoke(scoreboard, ["--debug", "config", "show"])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("Error: RuntimeError: first line\n")
    assert "--debug" not in _help()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device on this system")
@pytest.mark.parametrize(
    ("command", "lines"),
    [("config show", 2), ("config show --json", 2), ("config --help", 2), ("--help", 1), ("--version", 1)],
)
def test_a_full_disk_is_one_line(tmp_path: Path, command: str, lines: int) -> None:
    """Data that can't be written ends the command with 1 and one clear line, also on the way out."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "scoreboard_cli.main", *command.split()],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[0] == "Error: OSError: [Errno 28] No space left on device"
    assert len(ended.stderr.splitlines()) == lines


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_closed_streams_are_no_failure(tmp_path: Path, streams: str) -> None:
    """A caller that closed stdin, stdout or stderr gets the exit code it would have got."""
    for arguments, code in (("config show", 0), ("config show --json", 0), ("token inspect x", 1)):
        command = f'"$0" -m scoreboard_cli.main {arguments} {streams}'
        ended = subprocess.run(
            ["sh", "-c", command, sys.executable],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
        assert ended.returncode == code, arguments
        assert "Traceback" not in ended.stderr
        assert "Error: " not in ended.stderr or code


# What an example takes for granted, by a word in it: what is called before.
_BEFORE = {
    "import": "export scores.ndjson",
    "unban": "ban demo:2 --reason 'to be lifted'",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running demo, in a folder with the command in `bin`."""
    need_mongod()
    folder = tmp_path_factory.mktemp("examples")
    script = folder / "bin" / "scoreboard"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m scoreboard_cli.main "$@"\n')
    script.chmod(0o755)
    with Running("demo", "--port", "0", "--json", cwd=folder) as running:
        running.ready()
        yield running


def _prepare(demo: Running, example: str) -> None:
    """Have everything there that the example takes for granted, whatever the one before has done."""
    words = example.split()
    if "demo:1" in words:  # who acts when it likes, and a season may have begun since
        token = run("token", "issue", "demo:1", cwd=demo.folder).stdout.strip()
        status, answer = demo.act(token, secrets.token_hex(4))
        assert status == 200, answer
    for word in _BEFORE.keys() & words:
        assert run(*shlex.split(_BEFORE[word]), cwd=demo.folder).returncode == 0


@pytest.mark.database
@pytest.mark.parametrize("example", [each for each in EXAMPLES if each not in SERVING + WATCHING])
def test_examples_work(demo: Running, example: str) -> None:
    """Every example that help shows runs as it stands beside a demo, and says something."""
    _prepare(demo, example)
    path = f"{demo.folder / 'bin'}:{environment()['PATH']}"
    ended = subprocess.run(
        ["sh", "-c", example],
        cwd=demo.folder,
        capture_output=True,
        text=True,
        env=environment(PATH=path, HOME=str(demo.folder)),
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout


@pytest.mark.database
@pytest.mark.parametrize("example", WATCHING)
def test_watching_examples_work(demo: Running, example: str) -> None:
    """The examples of what goes on for ever say something beside a demo, and stop when told to."""
    with Running(*example.split()[1:], cwd=demo.folder) as running:
        until(lambda: running.lines)
        running.signal(signal.SIGINT)
        assert running.ended() == 0


@pytest.mark.database
@pytest.mark.parametrize("example", SERVING)
def test_serving_examples_work(tmp_path: Path, example: str) -> None:
    """The examples of what serves start, tell where they are, and stop when told to."""
    need_mongod()
    with Running(*example.split()[1:], cwd=tmp_path) as running:
        until(lambda: "The board is live at http://127.0.0.1:" in running.words)
        running.signal(signal.SIGTERM)
        assert running.ended() == 0


def test_there_are_examples() -> None:
    """The three tests above had examples to run."""
    assert len(EXAMPLES) >= 10
    assert len(WATCHING) >= 1
    assert len(SERVING) >= 3
