"""What commands say, and what they keep to themselves."""

from __future__ import annotations

import json

import pytest

from scoreboard_cli import console


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
