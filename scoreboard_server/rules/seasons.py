"""A season: the span over which entries add up to one board."""

from __future__ import annotations

from msgspec import Struct

FIRST_NUMBER = 1


class Season(Struct, frozen=True):
    """number: its identity, from 1. name: how people call it. started_at: µs since the Unix epoch."""

    number: int
    name: str
    started_at: int


def first_season(now_us: int) -> Season:
    """The season that a new store begins with."""
    return Season(FIRST_NUMBER, "season-1", now_us)
