"""How a season is told to clients and by commands."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from ..rules.instants import timestamp
from ..rules.seasons import Season


class SeasonRow(Struct, frozen=True, rename="camel"):
    """One season. state: "current" or "sealed". Times are RFC 3339 in UTC.

    total_users: on the board now, or on the announced one; None while that is being written. digest,
    corrections: of a sealed one.
    """

    name: str
    state: str
    started_at: str
    ends_at: str | None
    sealed_at: str | None
    total_users: int | None
    digest: str | UnsetType | None = UNSET
    corrections: int | UnsetType = UNSET


def season_row(season: Season, live_users: int) -> SeasonRow:
    """How a season is told. live_users: on the current board."""
    started, ends = timestamp(season.started_at), season.ends_at
    seal = season.seal
    if seal is None:
        ends_at = timestamp(ends) if ends is not None else None
        return SeasonRow(season.name, "current", started, ends_at, None, live_users)
    kept = seal.archive
    return SeasonRow(
        season.name,
        "sealed",
        started,
        timestamp(seal.at),
        timestamp(seal.at),
        kept.users if kept else None,
        kept.digest if kept else None,
        seal.corrections,
    )
