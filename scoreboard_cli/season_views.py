"""How commands show seasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import console
from .leaderboard_commands import HEADINGS
from .times import readable

if TYPE_CHECKING:
    from scoreboard_server.flow.season_keeping import Closed
    from scoreboard_server.rules.seasons import Season

_NEVER = "never"


def counted(number: int, what: str) -> str:
    """So many of them, in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def season_as_json(season: Season, live_users: int) -> dict[str, Any]:
    """As `GET /api/seasons` tells it, with its schedule and who sealed it."""
    import msgspec  # noqa: PLC0415 -- as in session

    from scoreboard_server.flow.season_rows import season_row  # noqa: PLC0415 -- as in session

    told: dict[str, Any] = msgspec.to_builtins(season_row(season, live_users))
    schedule = {"cron": season.schedule.cron, "zone": season.schedule.zone} if season.schedule else None
    kept = season.seal.archive if season.seal is not None else None
    return told | {
        "schedule": schedule,
        "sealedBy": season.seal.by if season.seal is not None else None,
        "entries": kept.entries if kept is not None else None,
    }


def closed_as_json(closed: Closed) -> dict[str, Any]:
    """What a reset has done."""
    return {"closed": season_as_json(closed.sealed, 0), "opened": season_as_json(closed.following, 0)}


def show_closed(closed: Closed) -> None:
    """What a reset has done, for people."""
    sealed, following = closed.sealed, closed.following
    assert sealed.seal is not None and sealed.seal.archive is not None  # noqa: S101 -- it was written
    kept = sealed.seal.archive
    entries = "1 entry" if kept.entries == 1 else f"{kept.entries:,} entries"
    console.data(f"{sealed.name} is sealed: {counted(kept.users, 'user')}, {entries}.")
    console.data(f"SHA-256 {kept.digest}")
    ends = f"; it ends {readable(following.ends_at)}" if following.ends_at is not None else ""
    console.data(f"{following.name} is open{ends}.")


def show_season(season: Season, board: dict[str, Any], announced: dict[str, Any] | None) -> None:
    """A season and its top; what was announced beside it where that was corrected since."""
    for words in _facts(season):
        console.data(words)
    title = f"{season.name}: {counted(board['totalUsers'], 'user')}"
    if announced is None:
        console.data_table(HEADINGS, _cells(board), title)
        return
    console.data_table(
        HEADINGS, _cells(announced), f"As announced: {counted(announced['totalUsers'], 'user')}"
    )
    console.data_table(HEADINGS, _cells(board), f"As corrected: {counted(board['totalUsers'], 'user')}")


def _facts(season: Season) -> list[str]:
    started = f"started {readable(season.started_at)}"
    if season.seal is None:
        facts = [f"{started}, ends {readable(season.ends_at, _NEVER)}"]
        return facts + ([f"schedule: {season.schedule.describe()}"] if season.schedule is not None else [])
    seal, kept = season.seal, season.seal.archive
    facts = [f"{started}, sealed {readable(seal.at)} by {console.printable(seal.by)}"]
    if kept is not None:
        corrected = ", corrected since" if seal.corrections else ""
        facts += [f"{kept.entries:,} entries{corrected}", f"SHA-256 {kept.digest}"]
    return facts


def _cells(board: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(str(r["rank"]), f"{r['score']:,}", r["userId"], r["username"]) for r in board["leaderboard"]]
