"""What commands say: data on stdout, words on stderr, nothing that a user's name could forge."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from scoreboard_server.leaving import leave

if TYPE_CHECKING:
    from rich.table import Table

# What a terminal would act on instead of showing: control and format characters, lone surrogates.
_ACTED_ON = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINER = "\N{ZERO WIDTH JOINER}"  # part of many emoji; joins what stands beside it and moves nothing
_UNFOLDED = 10_000  # columns, where there is no terminal: one row stays one line, for grep and cut
_PADDING = re.compile(r" +((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)
_PASSWORD = re.compile(r"(://[^:/@\s]*):\S*@")
# Options of a MongoDB URI: passwords of key files, and session tokens.
_SECRET_OPTION = re.compile(r"([?&]\w*(?:password|mechanismproperties)=)[^&\s]*", re.IGNORECASE)
_LONGEST_WORDS = 500
_INTERRUPTED = 130


def open_streams() -> None:
    """Let those that the caller has closed lead nowhere, so that no file or socket takes their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 -- for as long as this process


def say(words: str) -> None:
    """Words for the person at the terminal."""
    click.echo(words, err=True)


def say_error(words: str) -> None:
    """One line that tells what went wrong; a password in a URI is left out."""
    say(f"Error: {printable(without_password(words))}")


def without_password(text: str) -> str:
    """The text, with stars for the password of a URI in it, and for what is secret in its options."""
    return _SECRET_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


def first_line(text: str) -> str:
    """So much of somebody else's text as fits a line."""
    return text.strip().partition("\n")[0][:_LONGEST_WORDS]


def data(text: str) -> None:
    """One line of data."""
    click.echo(text)


def data_json(value: object) -> None:
    """Data as JSON, indented; what a terminal would act on is escaped."""
    click.echo(_json_text(value, indent=2))


def data_json_line(value: object) -> None:
    """As `data_json`, in one line: for values that come one after the other."""
    click.echo(_json_text(value, indent=None))


def _json_text(value: object, indent: int | None) -> str:
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    text = json.dumps(value, indent=indent, ensure_ascii=not encoding.startswith("utf"))
    return re.sub(r"[^\n -~]", lambda match: _json_escaped(match[0]), text)


def _json_escaped(character: str) -> str:
    if unicodedata.category(character) not in _ACTED_ON or character == _JOINER:
        return character
    return f"\\u{ord(character):04x}" if character <= "\uffff" else json.dumps(character)[1:-1]


def data_table(headings: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]], title: str) -> None:
    """Data as a table. headings: (text, "left" | "right")."""
    from rich.console import Console  # noqa: PLC0415 -- 60 ms that --help and --json need not pay
    from rich.text import Text  # noqa: PLC0415 -- as above

    fits_terminal = sys.stdout is None or sys.stdout.isatty() or "COLUMNS" in os.environ
    console = Console(
        width=None if fits_terminal else _UNFOLDED,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    )
    with console.capture() as capture:
        console.print(Text(printable(title), "bold"))
        console.print(_table(headings, rows))
    click.echo(_PADDING.sub(r"\1", capture.get()), nl=False)


def _table(headings: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]]) -> Table:
    from rich import box  # noqa: PLC0415 -- as above
    from rich.table import Table  # noqa: PLC0415 -- as above
    from rich.text import Text  # noqa: PLC0415 -- as above

    # Text, not str: a name in [brackets] is a name, not markup.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading, side in headings:
        alignment: Any = side
        table.add_column(Text(heading), justify=alignment, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    return table


@contextmanager
def working() -> Iterator[Callable[[str], None]]:
    """Where somebody looks at stderr, a line that tells what is being done; gone at the end."""
    if not sys.stderr.isatty():
        yield lambda words: None
        return
    from rich.console import Console  # noqa: PLC0415 -- as above

    with Console(stderr=True).status("") as status:
        yield lambda words: status.update(printable(words))


def printable(text: str) -> str:
    """The text without anything that a terminal would act on."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_acted_on(c) else c for c in text)


def _is_acted_on(character: str) -> bool:
    return unicodedata.category(character) in _ACTED_ON and character != _JOINER


def abandon_stdout() -> None:
    """Drop what can't be written, so that the interpreter doesn't try once more on its way out."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def leave_interrupted() -> NoReturn:
    """End at once, as Ctrl-C asks for: no thread that still waits for a database is waited for."""
    leave(_INTERRUPTED)
