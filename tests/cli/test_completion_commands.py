"""`scoreboard completion`: the real shells complete by what it prints."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scoreboard_cli.completion_commands import SHELLS

from ..conftest import not_here
from .invoking import PATIENCE_S, SCOREBOARD, environment, in_process, run

Complete = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the command in `bin`, and each shell's script."""
    home = tmp_path_factory.mktemp("home")
    command = home / "bin" / "scoreboard"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.join(SCOREBOARD)} "$@"\n')
    command.chmod(0o755)
    for shell in SHELLS:
        (home / shell).write_text(run("completion", shell, cwd=home).stdout)
    return home


def _need(shell: str) -> None:
    if shutil.which(shell) is None:
        not_here(f"what {shell} completes ({shell} is not installed)")


def _environment(home: Path) -> dict[str, str]:
    return environment(PATH=f"{home / 'bin'}:{os.environ['PATH']}", HOME=str(home), XDG_CONFIG_HOME=str(home))


def _said(command: list[str], home: Path) -> list[str]:
    ended = subprocess.run(
        command, cwd=home, env=_environment(home), capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def _in_bash(home: Path, line: str) -> list[str]:
    words = line.split(" ")
    script = f"""
        compopt() {{ echo compopt "$@"; }}  # bash has it only while somebody types
        source ./bash
        COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}
        _scoreboard_completion scoreboard
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return [line for line in _said(["bash", "--norc", "-c", script], home) if line]


def _in_fish(home: Path, line: str) -> list[str]:
    said = _said(["fish", "--no-config", "-c", f"source fish; complete -C {shlex.quote(line)}"], home)
    return [line.partition("\t")[0] for line in said]


def _typed_in_zsh(home: Path, line: str) -> str:
    """What stands in the terminal after TAB: zsh completes nowhere else."""
    terminal, theirs = pty.openpty()
    shell = subprocess.Popen(
        ["zsh", "-f", "-i"], cwd=home, stdin=theirs, stdout=theirs, stderr=theirs, env=_environment(home)
    )
    os.close(theirs)
    shown = ""

    def until(pattern: str) -> None:
        nonlocal shown
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(pattern, shown):
            assert time.monotonic() < deadline, shown
            shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]", "", os.read(terminal, 4096).decode())

    try:
        os.write(terminal, b"autoload -Uz compinit; compinit -u -D; source ./zsh; PS1='re''ady '\n")
        until("ready ")
        shown = ""
        os.write(terminal, f"{line}\t".encode())
        until(re.escape(line) + r"\S* |\n")
        return shown
    finally:
        shell.kill()
        shell.wait()
        os.close(terminal)


@pytest.fixture(params=["bash", "fish"])
def complete(request: pytest.FixtureRequest, home: Path) -> Complete:
    """What a shell offers for a line, its last word being unfinished."""
    _need(request.param)
    ask = _in_bash if request.param == "bash" else _in_fish
    return lambda line: ask(home, line)


def test_commands_are_completed(complete: Complete) -> None:
    """Of the first level and of the next."""
    assert complete("scoreboard le") == ["leaderboard"]
    assert complete("scoreboard unb") == ["unban"]
    assert {"serve", "demo", "token", "completion"} <= set(complete("scoreboard "))
    assert sorted(complete("scoreboard token ")) == ["inspect", "issue", "revoke"]


def test_the_command_that_need_not_be_named_hides_no_other(complete: Complete) -> None:
    """`leaderboard` offers its commands, and the options of `top` with its own."""
    assert {"top", "around", "user"} <= set(complete("scoreboard leaderboard "))
    assert complete("scoreboard leaderboard ar") == ["around"]
    offered = complete("scoreboard leaderboard --")
    assert {"--limit", "--watch", "--season", "--json", "--help"} <= set(offered)
    assert len(offered) == len(set(offered))
    assert complete("scoreboard leaderboard -n 3 --wa") == ["--watch"]


def test_options_and_choices_are_completed(complete: Complete) -> None:
    """Also behind arguments, and also the values that there are names for."""
    assert complete("scoreboard token issue ann --us") == ["--username"]
    assert sorted(complete("scoreboard token issue ann --scope score")) == ["score:write", "score:write:any"]
    assert sorted(complete("scoreboard completion ")) == ["bash", "fish", "zsh"]
    assert complete("scoreboard leaderboard --store m") == ["memory"]


def test_folders_and_files_are_left_to_the_shell(home: Path) -> None:
    """Where a folder or a file is wanted, the shell is told so."""
    assert _in_bash(home, "scoreboard serve --data-dir b") == ["compopt -o dirnames"]
    assert _in_bash(home, "scoreboard serve --config b") == ["compopt -o default"]


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("scoreboard le", "scoreboard leaderboard "),
        ("scoreboard leaderboard --wa", "scoreboard leaderboard --watch "),
        ("scoreboard completion fi", "scoreboard completion fish "),
    ],
)
def test_zsh_completes_what_is_typed(home: Path, line: str, whole: str) -> None:
    """TAB finishes the only command, option or choice that fits."""
    _need("zsh")
    assert whole in _typed_in_zsh(home, line)


@pytest.mark.parametrize(
    "line",
    ["scoreboard ", "scoreboard --version le", "scoreboard leaderboard around --", "scoreboard bench -"],
)
def test_completing_says_nothing_else_and_imports_nothing_heavy(tmp_path: Path, line: str) -> None:
    """Each line is one offer; neither driver nor web server nor tables are loaded, and no file is made."""
    code = (
        "import sys; from scoreboard_cli.main import scoreboard\n"
        "try: scoreboard.main(prog_name='scoreboard')\n"
        "except SystemExit: pass\n"
        "heavy = {'tornado', 'motor', 'pymongo', 'rich', 'jwt', 'mongomock'} & set(sys.modules)\n"
        "sys.exit(' '.join(heavy) or 0)"
    )
    asked = {"_SCOREBOARD_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(**asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()
    assert all(re.fullmatch(r"plain,[a-z-]+", offer) for offer in ended.stdout.splitlines())
    assert list(tmp_path.iterdir()) == []


def test_its_json_holds_the_same_script(home: Path) -> None:
    """For who wants to write it to a file by program."""
    told = json.loads(run("completion", "fish", "--json", cwd=home).stdout)
    assert told == {"shell": "fish", "script": (home / "fish").read_text()}


def test_another_shell_is_a_usage_error() -> None:
    """Told with those there are."""
    ended = in_process("completion", "tcsh")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "'bash', 'zsh', 'fish'" in ended.stderr
