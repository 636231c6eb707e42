"""Instants as they are told."""

from __future__ import annotations

from scoreboard_server.rules.instants import timestamp


def test_they_are_rfc_3339_in_utc() -> None:
    """Milliseconds and a Z, also for whole seconds; microseconds where every one of them counts."""
    assert timestamp(1_700_000_000_000_000) == "2023-11-14T22:13:20.000Z"
    assert timestamp(1_700_000_000_123_456, "microseconds") == "2023-11-14T22:13:20.123456Z"
