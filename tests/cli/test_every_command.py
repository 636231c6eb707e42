"""Every command in a real terminal of 80 columns, in a pipe, and with nobody who reads."""

from __future__ import annotations

import os
import re
import signal
import subprocess

import pytest
from rich.cells import cell_len

from .cases import CASES, Case
from .conftest import Stage
from .invoking import PATIENCE_S, SCOREBOARD, Running, Terminal, environment, run, until
from .tree import LEAVES

pytestmark = pytest.mark.database

COLUMNS = 80
LONG_S = 2 * PATIENCE_S
_STYLE = re.compile(r"\x1b\[([0-9;]*)m")
# What Rich moves a cursor with: hide, show, another screen and back, up, home, clear a line or all.
_MOVE = re.compile(r"\x1b\[(?:\?25[lh]|\?1049[lh]|\d*A|H|2K|[02]?J)")
_LOGGED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ +scoreboard")
# What parts a line of the log from its fields.
_FIELDS = re.compile(rf"^({_LOGGED.pattern}[^\t\n]*)\t", re.MULTILINE)
_COLOUR = re.compile(r"(?:^|;)(?:[34][0-9]|9[0-7]|10[0-7])(?:;|$)")


def _in_terminal(case: Case, stage: Stage, **environ: str) -> str:
    with Terminal(*case.words(stage.words), cwd=stage.folder, environ=environ) as terminal:
        if (shown := case.lasts) is not None:
            until(lambda: shown in _MOVE.sub("", _STYLE.sub("", terminal.output)))
            os.killpg(terminal.process.pid, signal.SIGINT)
        assert terminal.ended(LONG_S) == case.code, terminal.output
        return terminal.output


def _too_wide(shown: str) -> list[str]:
    """Lines that a terminal would break, but for single words, which nobody can, and those of a log."""
    lines = [line.rstrip() for line in re.split(r"[\n\r]", _MOVE.sub("\n", _STYLE.sub("", shown)))]
    wide = [line for line in lines if cell_len(line) > COLUMNS and len(line.split()) > 1]
    return [line for line in wide if not _LOGGED.match(line)]


def _colours(shown: str) -> list[str]:
    return [style for style in _STYLE.findall(shown) if _COLOUR.search(style)]


def _acted_on(shown: str) -> set[str]:
    """What is neither text nor one of the controls that we send on purpose."""
    left = _FIELDS.sub(r"\1", _MOVE.sub("", _STYLE.sub("", shown)))
    return {character for character in left if character < " " or "\x7f" <= character < "\xa0"} - {"\n", "\r"}


def test_every_command_has_a_case() -> None:
    """A command that nobody calls here fails the test, and so does a case of a command that is gone."""
    assert {case.path for case in CASES} == set(LEAVES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fits_a_terminal(stage: Stage, case: Case) -> None:
    """No line is wider than 80 cells, only styles and what moves are sent; with NO_COLOR no colours."""
    shown = _in_terminal(case, stage)
    assert case.is_verbatim or _too_wide(shown) == []
    assert _acted_on(shown) == set()
    if _colours(shown):  # what has none without NO_COLOR need not be called again
        assert _colours(_in_terminal(case, stage, NO_COLOR="1")) == []


def test_the_terminal_is_looked_at_closely() -> None:
    """What the test above looks for is found when it is there."""
    assert _too_wide("short\n" + "two words " * 9) == ["two words " * 8 + "two words"]
    assert _too_wide("x" * 81 + "\n\x1b[31m" + "y " * 40 + "\x1b[0m") == []
    assert _acted_on("\x1b[1mbold\x1b[0m\r\x1b[2K\x1b[1A\n") == set()
    assert _acted_on("\x1b]0;title\x07 \x9b2J") == {"\x1b", "\x07", "\x9b"}
    assert _acted_on("\x1b[5;7H") == {"\x1b"}
    logged = "2026-11-28T17:21:02.198Z INFO    scoreboard.app: x"
    assert (_acted_on(f"{logged}\ty=1"), _acted_on(f"{logged}\t\t"), _acted_on("x\t")) == (
        set(),
        {"\t"},
        {"\t"},
    )
    assert _colours("\x1b[1;31mred\x1b[0m \x1b[38;5;197mrose\x1b[39m \x1b[2;7mno colour") == [
        "1;31",
        "38;5;197",
        "39",
    ]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_pipe_gets_plain_whole_lines(stage: Stage, case: Case) -> None:
    """Where nobody looks there is no escape sequence, nothing is cut short, and no line ends in blanks."""
    shown = case.lasts
    if shown is None:
        ended = run(*case.words(stage.words), cwd=stage.folder, timeout=LONG_S)
        code, said = ended.returncode, ended.stdout + ended.stderr
        assert ended.stdout
    else:
        with Running(*case.words(stage.words), cwd=stage.folder) as running:
            until(lambda: shown in running.words + "".join(running.lines))
            running.signal(signal.SIGINT)
            code, said = running.ended(), running.words + "".join(running.lines)
    assert code == case.code, said
    assert "\x1b" not in said
    assert case.is_verbatim or [line for line in said.splitlines() if line != line.rstrip()] == []
    assert not re.search(r"\w…", said)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_reader_that_leaves_is_no_failure(stage: Stage, case: Case) -> None:
    """With nobody to read its first byte it says nothing of that, and ends."""
    command = subprocess.Popen(
        [*SCOREBOARD, *case.words(stage.words), *(["--json"] if case.lasts else [])],
        cwd=stage.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    with command:
        assert command.stdout is not None and command.stderr is not None
        command.stdout.close()
        words = command.stderr.read()
        assert command.wait(LONG_S) == 1
    assert [told for told in ("Traceback", "BrokenPipe", "Errno", "Exception") if told in words] == []
