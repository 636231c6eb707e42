"""Frames: the bytes that every socket gets."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.live.frames import Published, Row, row, score_update, text_frame
from scoreboard_server.rules.board import Board, Standing
from scoreboard_server.rules.profiles import Profile

from .fakes import Watched, message


def state(*rows: Row, epoch: str = "e", version: int = 1, total: int | None = None) -> Published:
    """A published state of these rows."""
    return Published(
        epoch=epoch,
        version=version,
        revision=version,
        rows=rows,
        total=len(rows) if total is None else total,
        last_at=0,
    )


def line(user: str, score: int, rank: int, name: str | None = None) -> Row:
    """A row of somebody without an avatar."""
    return Row(user, name or user, None, score, rank)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_every_length_has_its_header(size: int) -> None:
    """Payloads around the borders of the three length forms arrive whole."""
    padding = size - len(json.dumps({"a": ""}, separators=(",", ":")))
    text = {"a": "x" * padding} if padding >= 0 else {}
    assert message(text_frame(text)) == text


def test_text_of_every_script_survives() -> None:
    """Names are UTF-8 on the wire, not escapes or question marks."""
    frame = text_frame({"a": "Ünï 🏆 名前"})
    assert "🏆".encode() in frame
    assert message(frame) == {"a": "Ünï 🏆 名前"}


def test_a_row_has_the_name_and_the_avatar_or_else_the_id() -> None:
    """Who has told no name is shown by id."""
    standing = Standing("ann", 10, 5, 1)
    assert row(standing, None) == row(standing, Profile()) == Row("ann", "ann", None, 10, 1)
    assert row(standing, Profile("Ann", "https://a.example/1")) == Row(
        "ann", "Ann", "https://a.example/1", 10, 1
    )


def test_a_snapshot_tells_everything() -> None:
    """The frame that opens a connection has every row with the documented field names."""
    assert message(state(line("ann", 10, 1, "Ann"), version=7, total=9).snapshot) == {
        "type": "leaderboard.update",
        "epoch": "e",
        "version": 7,
        "snapshot": True,
        "data": {
            "updatedPositions": [
                {"userId": "ann", "username": "Ann", "avatarUrl": None, "score": 10, "rank": 1}
            ],
            "removed": [],
            "totalUsers": 9,
        },
    }


def test_a_snapshot_is_encoded_once() -> None:
    """Every socket that joins gets the same bytes object."""
    published = state(line("ann", 10, 1))
    assert published.snapshot is published.snapshot


def test_an_update_tells_only_what_has_changed() -> None:
    """Rows that stand as before are left out; who fell off is named."""
    before = state(line("ann", 30, 1), line("ben", 20, 2), line("cat", 10, 3))
    after = state(line("ann", 30, 1), line("dan", 25, 2), line("ben", 20, 3), version=2)
    update = message(after.since(before))
    assert [r["userId"] for r in update["data"]["updatedPositions"]] == ["dan", "ben"]
    assert update["data"]["removed"] == ["cat"]
    assert (update["snapshot"], update["version"]) == (False, 2)


def test_a_new_name_is_a_change() -> None:
    """A row with another name or avatar is told again."""
    before = state(line("ann", 30, 1))
    after = state(line("ann", 30, 1, "Ann"), version=2)
    assert [r["username"] for r in message(after.since(before))["data"]["updatedPositions"]] == ["Ann"]


def test_a_change_of_the_total_alone_is_an_update_without_rows() -> None:
    """Somebody below the top has joined."""
    before, after = state(line("ann", 30, 1)), state(line("ann", 30, 1), version=2, total=2)
    assert not after.shows_same(before)
    assert message(after.since(before))["data"] == {"updatedPositions": [], "removed": [], "totalUsers": 2}


def test_another_epoch_is_told_as_a_snapshot() -> None:
    """What was shown before belongs to another board."""
    before, after = state(line("ann", 30, 1)), state(line("ann", 30, 1), epoch="f")
    assert not after.shows_same(before)
    assert message(after.since(before))["snapshot"] is True


def test_a_user_who_left_the_board_has_no_position() -> None:
    """The own score is told with null for the rank."""
    assert message(score_update(0, None, -10)) == {
        "type": "user.scoreUpdate",
        "data": {"newScore": 0, "leaderboardPosition": None, "change": -10},
    }


_entries = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(-3, 3)), max_size=30)


@given(batches=st.lists(_entries, max_size=8), top=st.integers(1, 6))
def test_snapshot_and_updates_give_the_board(batches: list[list[tuple[str, int]]], top: int) -> None:
    """Whatever happens between two publications, a client that applies them has the rows of the board."""
    board, watched = Board(), Watched()
    before = state()
    watched.apply(message(before.snapshot))
    at = 0
    for version, batch in enumerate(batches, 2):
        for user, points in batch:
            at += 1
            board.apply(user, points, at)
        rows = tuple(row(standing, None) for standing in board.page(0, top))
        after = state(*rows, version=version, total=len(board))
        watched.apply(message(after.since(before)))
        assert [(r["userId"], r["score"], r["rank"]) for r in watched.rows] == [
            (r.user_id, r.score, r.rank) for r in rows
        ]
        assert watched.total == len(board)
        before = after
