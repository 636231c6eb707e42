"""The live board as text: at 80 columns, in small windows, with names that nobody should have."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.console import Console

from scoreboard_cli.board_view import BoardView
from scoreboard_cli.board_watcher import Lost
from scoreboard_cli.watched_board import Board
from scoreboard_server.live.frames import Row

from .conftest import HOSTILE


def _board(names: dict[str, str], version: int = 7) -> Board:
    rows = (Row(user, name, None, 10_000 - rank, rank) for rank, (user, name) in enumerate(names.items(), 1))
    return Board("e", version, 1234, tuple(rows))


def _shown(view: BoardView, width: int = 80, height: int = 24) -> list[str]:
    console = Console(width=width, height=height, force_terminal=False)
    with console.capture() as capture:
        console.print(view)
    return [line.rstrip() for line in capture.get().splitlines()]


def _view(names: dict[str, str] | None = None) -> BoardView:
    view = BoardView("http://127.0.0.1:8080", 10)
    view.see(_board(names or {"ann": "Ann", "bob": "Bob"}), 100)
    return view


def test_it_looks_like_this() -> None:
    """Title, head, rows and status; then arrows for who has moved."""
    view = _view()
    view.see(_board({"bob": "Bob", "ann": "Ann"}, 8), 101)
    view.now = 103
    assert _shown(view) == [
        "http://127.0.0.1:8080: 1,234 users",
        "#       score   user   name",
        "───────────────────────────",
        "1   ▲   9,999   bob    Bob",
        "2   ▼   9,998   ann    Ann",
        "● live, version 8, 2 s ago. Ctrl-C ends.",
    ]


def test_a_loss_is_said_and_the_board_stays() -> None:
    """The status tells since when nothing is known, why, and when it is tried again; so does what stays."""
    view = _view()
    view.see(Lost("the connection is gone\x1b[2J", 4.0, heard_ago=3), 110)
    view.now = 111.5
    assert _shown(view)[-2:] == [
        "2       9,998   bob    Bob",
        "○ as of 4 s ago, reconnecting in 2.5 s: the connection is gone\N{REPLACEMENT CHARACTER}[2J",
    ]
    view.has_ended = True
    assert _shown(view)[-1].startswith("○ as of 4 s ago, not connected: the connection is gone")


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("height", [3, 5, 8, 24])
def test_every_row_is_one_line_and_all_fit(width: int, height: int) -> None:
    """Hostile and long names neither fold nor act, and title and status are always there."""
    lines = _shown(_view(HOSTILE | {"x" * 64: "長い名前" * 8}), width, height)
    assert len(lines) <= height
    assert all(cell_len(line) <= width for line in lines)
    assert lines[0].startswith("http://127.0.0.1:80"[: width - 1])
    assert lines[-1].startswith("● live")
    assert not any(character in "".join(lines) for character in "\x1b\x07\u202e\u2028")


def test_no_more_rows_than_asked_for() -> None:
    """-n cuts the board."""
    view = _view(HOSTILE)
    view.limit = 2
    assert len(_shown(view)) == 3 + 2 + 1


def test_a_title_counts_one_user_as_one() -> None:
    """One user is no users."""
    view = BoardView("x", 10)
    view.see(Board("e", 1, 1, ()), 0)
    assert _shown(view)[0] == "x: 1 user"
