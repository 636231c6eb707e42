"""An act in words: before and after, whatever it was."""

from __future__ import annotations

import pytest

from scoreboard_cli.act_words import change
from scoreboard_server.rules.acts import Act

AT = 1_790_000_000_000_000
BAN = {"user": "ann", "until": None, "taken_back_from": None}


@pytest.mark.parametrize(
    ("what", "details", "words"),
    [
        ("ban", {"ban": BAN, "before": None}, "for good"),
        ("ban", {"ban": BAN, "before": {"score": 1_020, "rank": 1}}, "for good; was score 1,020, rank 1"),
        (
            "ban",
            {"ban": BAN | {"until": AT, "taken_back_from": AT - 1_000_000}},
            "until 2026-09-21 14:13:20Z, points since 2026-09-21 14:13:19Z taken back",
        ),
        ("unban", {"ban": BAN}, ""),
        (
            "adjust",
            {"points": -50, "before": {"score": 30, "rank": 2}, "after": {"score": -20}},
            "score 30, rank 2 → score -20",
        ),
        (
            "repair",
            {"before": {"score": 1_020, "reached_at": AT}, "after": None},
            "score 1,020, reached at 2026-09-21 14:13:20Z → nothing",
        ),
        (
            "repair",
            {"before": {"score": 9, "actions": 2}, "after": {"score": 7, "actions": 2}},
            "score 9 → score 7",
        ),
        ("either", {"before": {"a": 1}, "after": {"a": 1, "b": 2}}, "nothing → b 2"),
        ("either", {"before": {"a": 1}, "after": {"a": 1}}, "a 1 → a 1"),
        ("revoke", {"tokenId": "t1", "user": None}, "token t1"),
        (
            "adjust",
            {"season": "s1", "before": {"score": 30}, "after": {"score": -20}},
            "s1: score 30 → score -20",
        ),
        ("season ends", {"season": "s1", "before": None, "after": AT}, "s1: nothing → 2026-09-21 14:13:20Z"),
        (
            "season schedule",
            {"before": None, "after": {"cron": "0 0 * * MON", "zone": "UTC"}},
            "nothing → cron 0 0 * * MON, zone UTC",
        ),
        (
            "season reset",
            {"season": "season-1", "next": "season-2", "nextEndsAt": None},
            "season-1 → season-2",
        ),
        ("whatever comes", {"a": [1], "b": {"c": None}}, ""),
        ("whatever comes", {}, ""),
        ("ban", {"ban": "garbled", "before": [1]}, "was [1]"),
    ],
)
def test_it_tells_what_changed(what: str, details: dict[str, object], words: str) -> None:
    """And nothing where the details don't."""
    assert change(Act(AT, "aylin", what, "ann", "why", details)) == words
