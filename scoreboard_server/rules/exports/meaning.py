"""What the lines of an export mean: from what the rules know to a line, and back."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from ..acts import Act
from ..bans import Ban
from ..board import Standing
from ..books import Total
from ..entry import Correction, Entry
from ..profiles import Profile, clean_profile
from ..revocations import Revocation
from ..schedules import Schedule
from ..seasons import Archive, Seal, Season
from .lines import (
    About,
    ActLine,
    BanLine,
    EntryLine,
    LateLine,
    RevocationLine,
    ScheduleLine,
    SealLine,
    StandingLine,
    TotalLine,
    UserLine,
)


def about(season: Season) -> About:
    """The line of a season; if it is sealed, its archive is written."""
    seal = season.seal
    schedule = ScheduleLine(season.schedule.cron, season.schedule.zone) if season.schedule else None
    told = (season.number, season.name, season.started_at, season.ends_at, schedule)
    if seal is None:
        return About(*told, None)
    kept = seal.archive
    assert kept is not None  # noqa: S101 -- as above
    return About(
        *told,
        SealLine(seal.at, seal.by, seal.corrections, kept.users, kept.entries, kept.last_at, kept.digest),
    )


def season_of(line: About, corrected_users: int) -> Season:
    """The season that the line is about. corrected_users: on its board as corrected."""
    schedule = Schedule(line.schedule.cron, line.schedule.zone) if line.schedule else None
    told = line.seal
    if told is None:
        return Season(line.number, line.name, line.started_at, line.ends_at, schedule)
    kept = Archive(told.users, told.entries, told.digest, told.last_at, told.corrections, corrected_users)
    seal = Seal(told.at, told.by, told.corrections, kept)
    return Season(line.number, line.name, line.started_at, line.ends_at, schedule, seal)


def ban_line(ban: Ban) -> BanLine:
    """The line of a ban."""
    return BanLine(**msgspec.to_builtins(ban))


def ban_of(line: BanLine) -> Ban:
    """The ban of a line."""
    return Ban(
        line.user,
        line.id,
        line.reason,
        line.by,
        line.since,
        line.until,
        line.taken_back_from,
        line.lifted_at,
        line.reached_from,
        line.pardoned_at,
    )


def revocation_line(told: Revocation) -> RevocationLine:
    """The line of a revocation, which counts in seconds."""
    return RevocationLine(round(told.at * 1e6), round(told.until * 1e6), told.token_id, told.user)


def revocation_of(line: RevocationLine) -> Revocation:
    """The revocation of a line."""
    return Revocation(line.at / 1e6, line.until / 1e6, line.token, line.user)


def act_line(act: Act) -> ActLine:
    """The line of an act."""
    return ActLine(act.at, act.by, act.what, act.user, act.reason, dict(act.details))


def act_of(line: ActLine) -> Act:
    """The act of a line."""
    return Act(line.at, line.by, line.what, line.user, line.reason, line.details)


def late_line(season: int, entry: Correction) -> LateLine:
    """The line of a correction to a sealed season."""
    of = UNSET if entry.of is None else entry.of
    return LateLine(season, entry.user, entry.action, entry.type, entry.points, entry.at, entry.reason, of)


def entry_of(line: EntryLine | LateLine) -> Entry:
    """The entry of a line."""
    told = (line.user, line.action, line.type, line.points, line.at)
    if line.reason is UNSET:
        return Entry(*told)
    return Correction(*told, line.reason, None if line.of is UNSET else line.of)


def user_line(user: str, profile: Profile) -> UserLine:
    """The line of a user."""
    return UserLine(user, profile.name, profile.avatar)


def profile_of(line: UserLine) -> Profile:
    """How the user is shown, made fit for everyone's eyes as if it came with a token."""
    return clean_profile(line.name, line.avatar)


def total_line(user: str, total: Total) -> TotalLine:
    """The line of a standing."""
    return TotalLine(user, total.score, total.actions, total.reached_at)


def standing_of(line: StandingLine) -> Standing:
    """The row of a line."""
    return Standing(line.user, line.score, line.reached_at, line.rank)
