"""How every command ends when it can't do what it is asked for: a code for scripts, words on stderr alone."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from .cases import CASES, Case
from .conftest import Stage
from .invoking import in_process, run
from .tree import LEAVES
from .tree import Path as Command

REFUSED, USAGE, NOT_FOUND, UNREACHABLE = 1, 2, 3, 4

# What is no option of theirs, as they need no store, bring one of their own, or live by it.
_WITHOUT_STORE: set[Command] = {
    ("serve",),
    ("demo",),
    ("bench",),
    ("doctor",),
    ("token", "issue"),
    ("token", "inspect"),
    ("config", "show"),
    ("completion",),
    ("import",),  # it looks at its file first
}
_WITHOUT_DATA_DIR: set[Command] = {("bench",), ("doctor",), ("config", "show"), ("completion",), ("import",)}
# Doctor tells what is wrong with them, and import looks at its file first.
_WITHOUT_SETTINGS: set[Command] = {("doctor",), ("completion",), ("import",)}

_WITH_DATA_DIR = [
    case for case in CASES if case.path not in _WITHOUT_DATA_DIR and "--export" not in case.line
]
_FIRST = {case.path: case for case in reversed(CASES)}
_WORDS = {
    "token": "e30.e30.e30",
    "foreign_token": "e30.e30.e30",
    "url": "http://127.0.0.1:9",
    "export": "nowhere.ndjson",
}


def _ids(case: Case) -> str:
    return " ".join(case.path)


def _cases(without: set[Command]) -> list[Case]:
    return [case for path, case in _FIRST.items() if path not in without]


def _end(*words: str) -> subprocess.CompletedProcess[str]:
    """Have it called; whatever the code, there is no data, and the last line tells why."""
    ended = in_process(*words)
    assert ended.stdout == "", ended.stdout
    assert ended.stderr.splitlines()[-1].startswith("Error: "), ended.stderr
    return ended


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the command is called."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_a_bad_option_is_2(nowhere: Path, path: Command) -> None:
    """Said with the command's usage, and before anything is made."""
    ended = _end(*path, "--bogus")
    assert ended.returncode == USAGE
    assert f"Usage: scoreboard {' '.join(path)} " in ended.stderr.replace("\n", " ") + " "
    assert list(nowhere.iterdir()) == []


@pytest.mark.parametrize("case", _cases(_WITHOUT_SETTINGS), ids=_ids)
def test_bad_settings_are_2(nowhere: Path, case: Case) -> None:
    """A settings file that isn't there, and a store that is none."""
    for wrong in (["--config", "nowhere.toml"], ["--store", "bogus"]):
        ended = _end(*case.words(_WORDS), *wrong)
        assert (ended.returncode, len(ended.stderr.splitlines())) == (USAGE, 1), ended.stderr
    assert list(nowhere.iterdir()) == []


@pytest.mark.parametrize("case", _cases(_WITHOUT_STORE), ids=_ids)
def test_a_store_out_of_reach_is_4(nowhere: Path, case: Case) -> None:
    """The memory store of a server is in reach of no command, with --json as without."""
    for more in ([], ["--json"]):
        ended = _end(*case.words(_WORDS), "--store", "memory", *more)
        assert (ended.returncode, len(ended.stderr.splitlines())) == (UNREACHABLE, 1), ended.stderr
        assert "can't be reached" in ended.stderr
    assert list(nowhere.iterdir()) == []


@pytest.mark.parametrize("case", _WITH_DATA_DIR, ids=str)
def test_a_data_directory_that_is_none_is_1(nowhere: Path, case: Case) -> None:
    """A file in its place is refused in the same words, whichever command meets it."""
    (nowhere / "file").write_text("")
    store = ["--store", "embedded"]  # the last one given counts
    words = [*case.words(_WORDS), *store, "--data-dir", "file"]
    ended = run(*words, cwd=nowhere) if case.lasts else _end(*words)
    assert (ended.returncode, ended.stdout) == (REFUSED, "")
    assert ended.stderr == f"Error: The data directory {nowhere / 'file'} can't be used: Not a directory.\n"


_TABLE = [
    # Who or what is asked for is not there.
    ("leaderboard top --season nowhere", NOT_FOUND, "no season named nowhere"),
    ("leaderboard user nobody", NOT_FOUND, "nobody is not on the board"),
    ("leaderboard around nobody", NOT_FOUND, "nobody is not on the board"),
    ("explain nobody", NOT_FOUND, "nobody has no actions in this season"),
    ("adjust nobody 5 --reason x", NOT_FOUND, "nobody is not on the board"),
    ("unban nobody", NOT_FOUND, "nobody was never banned"),
    ("season show nowhere", NOT_FOUND, "`scoreboard season list` shows all"),
    ("season reset --closes nowhere --yes", NOT_FOUND, "`scoreboard season list` shows all"),
    # What is asked for is understood and not done.
    ("token issue ann --ttl 31d", REFUSED, "longer than auth.max_ttl"),
    ("token inspect nonsense", REFUSED, "not a token"),
    ("bench --server {url}", REFUSED, "holds a real board"),
    # What it makes no sense to ask for.
    ("season reset", USAGE, "takes a yes"),
    ("season ends yesterday", USAGE, "is no time"),
    ('season schedule "every day"', USAGE, "cron"),
    ("leaderboard top --server {url}", USAGE, "--server is for --watch"),
    ("bench --pid 1", USAGE, "--pid is the process of --server"),
    ("completion tcsh", USAGE, "'tcsh' is not one of"),
    # Who is asked does not answer.
    ("leaderboard top --watch --server {nobody}", UNREACHABLE, "nobody listens there"),
    ("verify --server {nobody}", UNREACHABLE, "can't be asked"),
    ("verify --server foo", USAGE, "--server: foo is no http:// or https:// address"),
    ("verify --server ''", USAGE, "--server: "),
    ("bench --server {nobody}", UNREACHABLE, "can't be asked"),
]


@pytest.mark.database
@pytest.mark.parametrize(("line", "code", "words"), _TABLE, ids=[line for line, *_ in _TABLE])
def test_each_no_has_its_code(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, line: str, code: int, words: str
) -> None:
    """Beside a running server: no data, one line that says why, and the code; with --json as without."""
    monkeypatch.chdir(stage.folder)
    asked = [word.format_map(stage.words | {"nobody": "http://127.0.0.1:9"}) for word in shlex.split(line)]
    for more in ([], ["--json"]):
        ended = _end(*asked, *more)
        assert ended.returncode == code, ended.stderr
        assert words in " ".join(ended.stderr.split())


@pytest.mark.database
def test_a_server_beside_another_is_refused(stage: Stage) -> None:
    """Neither a server nor a demo starts on a data directory that a server owns."""
    for command in ("serve", "demo"):
        ended = run(command, "--port", "0", cwd=stage.folder)
        assert (ended.returncode, ended.stdout) == (REFUSED, "")
        assert "is in use by another scoreboard server" in ended.stderr
