"""Instants: µs since the Unix epoch, and how they are told."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(at: int, precision: str = "milliseconds") -> str:
    """Microseconds since the Unix epoch as RFC 3339 in UTC. precision: "milliseconds" or "microseconds"."""
    moment = datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
