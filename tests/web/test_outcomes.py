"""Outcomes: the fields of a single answer, or of a problem, and none besides."""

from __future__ import annotations

import msgspec
import pytest

from scoreboard_server.rules.entry import Receipt
from scoreboard_server.rules.refusals import Forbidden, Refusal, TooMany, Unacceptable, Unavailable
from scoreboard_server.web.outcomes import counted, refused


def test_a_yes() -> None:
    """Score and rank; nothing that only a problem has."""
    assert msgspec.to_builtins(counted(Receipt(60, 2, 10))) == {
        "success": True,
        "message": "+10 points",
        "newScore": 60,
        "leaderboardPosition": 2,
        "replayed": False,
    }


def test_a_repeat() -> None:
    """Says so, in a field and in words."""
    told = msgspec.to_builtins(counted(Receipt(60, 2, 10, replayed=True)))
    assert (told["replayed"], told["message"]) == (True, "Counted before; nothing was added.")


@pytest.mark.parametrize(("points", "words"), [(10, "+10 points"), (-5, "-5 points"), (0, "+0 points")])
def test_points_have_a_sign(points: int, words: str) -> None:
    """A type may take points away."""
    assert counted(Receipt(0, 1, points)).message == words


def test_who_has_no_place_is_told_so() -> None:
    """The rank is null then, and not left out; a score of 0 isn't, either."""
    told = msgspec.to_builtins(counted(Receipt(0, None, 10)))
    assert (told["leaderboardPosition"], told["newScore"]) == (None, 0)
    assert "leaderboardPosition" in told


@pytest.mark.parametrize(
    ("refusal", "status", "retry_after"),
    [
        (Unacceptable("x", "y"), 422, None),
        (Forbidden("x", "y"), 403, None),
        (TooMany("x", "y", 2.5), 429, 3),
        (Unavailable("x", "y", 7), 503, 7),
    ],
)
def test_a_no(refusal: Refusal, status: int, retry_after: int | None) -> None:
    """Status, code and words; when to try again where that helps."""
    told = {"success": False, "message": "y", "status": status, "code": "x"}
    waits = {} if retry_after is None else {"retryAfter": retry_after}
    assert msgspec.to_builtins(refused(refusal)) == told | waits
