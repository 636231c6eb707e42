"""What commands say, and what they keep to themselves."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import Any

import pytest

from scoreboard_cli import console

from .conftest import Stage
from .invoking import SCOREBOARD, environment


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [b]text[/b]", "plain [b]text[/b]"),
        ("a\x1b[31mb", "a�[31mb"),
        ("c1 \x9b31m", "c1 �31m"),
        ("a\nb\tc\r", "a�b�c�"),
        ("x\u202ey\u2066z", "x�y�z"),
        ("lone \udcff", "lone �"),
        ("👩‍👧 é ŝ", "👩‍👧 é ŝ"),
        ("tag \U000e0041", "tag �"),
    ],
)
def test_printable_keeps_letters_and_drops_commands(text: str, shown: str) -> None:
    """Whatever a terminal would act on is replaced; letters, emoji and brackets stay."""
    assert console.printable(text) == shown


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\x9b1m", "\x7f", "\u202e", "\u2028", "\U000e0041", "\udcff", "é\u200d👧"]
)
def test_json_escapes_what_a_terminal_would_act_on(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON says the same with escapes, and reading it gives the same text."""
    console.data_json({"name": text})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"name": text}
    assert console.printable(printed.replace("\n", "")) == printed.replace("\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("at mongodb://ann:hunter2@db.test/x", "at mongodb://ann:***@db.test/x"),
        ("at mongodb+srv://:p@ss@db.test", "at mongodb+srv://:***@db.test"),
        (
            "at mongodb://db.test/?w=1&tlsCertificateKeyFilePassword=p",
            "at mongodb://db.test/?w=1&tlsCertificateKeyFilePassword=***",
        ),
        (
            "at mongodb://d/?authMechanismProperties=AWS_SESSION_TOKEN:t&w=1",
            "at mongodb://d/?authMechanismProperties=***&w=1",
        ),
        ("at http://127.0.0.1:8080 there", "at http://127.0.0.1:8080 there"),
    ],
)
def test_errors_hold_no_password(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A password that stands in a URI stays out of what is said."""
    console.say_error(words)
    assert capsys.readouterr().err == f"Error: {said}\n"


def test_a_title_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets in a table's title and headings are shown as they are."""
    console.data_table([("[b]key[/b]", "left")], [["[i]x[/i]"]], "[red]season[/red]")
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("[red]season[/red]", "[b]key[/b]", "[i]x[/i]"))


@pytest.mark.database
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("season reset --dry-run 2>&-", 0),
        ("verify 2>&-", 0),
        ("export - >&-", 0),
        ("token inspect - <&-", 1),
        ("import - <&-", 2),
        ("explain $'\\xff'", 3),
        ("audit --what $'\\xff'", 2),
        ("verify --export /proc/self/mem", 2),
    ],
)
def test_closed_streams_and_foreign_bytes_end_nothing_in_pythons_words(
    stage: Stage, line: str, code: int
) -> None:
    """A stream that is closed leads nowhere; bytes that are no text are a usage error."""
    command = f"{shlex.join(SCOREBOARD)} {line}"
    where: Any = {"cwd": stage.folder, "env": environment()}
    ended = subprocess.run(["bash", "-c", command], capture_output=True, timeout=30, check=False, **where)
    assert ended.returncode == code, ended.stderr
    assert b"Traceback" not in ended.stderr and b"Error: " + b"Attribute" not in ended.stderr
