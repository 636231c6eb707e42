"""The board as a watcher knows it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scoreboard_cli.watched_board import Board, apply, read_update
from scoreboard_server.live.frames import Published, Row

scores = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-50, 50), max_size=8)


def _published(version: int, scores_now: dict[str, int], top: int, epoch: str = "e") -> Published:
    ranked = sorted(scores_now, key=lambda user: (-scores_now[user], user))[:top]
    rows = tuple(Row(user, user.upper(), None, scores_now[user], rank) for rank, user in enumerate(ranked, 1))
    return Published(
        epoch=epoch, version=version, revision=version, rows=rows, total=len(scores_now), last_at=0
    )


def _apply(board: Board | None, frame: bytes) -> Board | None:
    update = read_update(frame[frame.index(b"{") :])
    assert update is not None
    return apply(board, update)


@given(st.lists(scores, min_size=1, max_size=12), st.integers(1, 8))
def test_snapshot_and_updates_are_the_board(history: list[dict[str, int]], top: int) -> None:
    """Whatever the server publishes, the watcher's board is the published state, at each version."""
    states = [_published(version, now, top) for version, now in enumerate(history, 1)]
    board = _apply(None, states[0].snapshot)
    for before, state in zip([None, *states], states, strict=False):
        if before is not None:
            board = _apply(board, state.since(before))
        assert board == Board("e", state.version, state.total, state.rows)


def test_a_gap_or_another_epoch_is_out_of_step() -> None:
    """An update that doesn't follow is refused; a snapshot never is."""
    first, third = _published(1, {"a": 1}, 3), _published(3, {"a": 3}, 3)
    board = _apply(None, first.snapshot)
    assert _apply(board, third.since(first)) is None
    assert _apply(None, third.since(first)) is None
    other = _published(2, {"a": 2}, 3, epoch="f")
    assert _apply(board, _published(2, {"a": 2}, 3).since(first)) is not None
    assert _apply(board, other.since(_published(1, {"a": 1}, 3, epoch="f"))) is None
    assert _apply(board, other.snapshot) == Board("f", 2, 1, other.rows)


def test_other_messages_are_no_updates() -> None:
    """A pong is a message and no update."""
    assert read_update(b'{"type":"pong"}') is None
