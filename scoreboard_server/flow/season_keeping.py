"""Keeping seasons: one is closed and the next begins, by an admin's wish or by its own end.

    the wish is written down           so that who asks again finishes it, and does not close the next one
    what is pending is folded          into the season that ends
    one transaction moves the pointer  sealed and current at one instant; every server reads its board anew
    the archive is written             and its digest
    the wish is struck out             when whoever wished it has been told

Interrupted anywhere, doing it again goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from msgspec import structs

from ..rules.refusals import NotFound, Unacceptable
from ..rules.schedules import Schedule
from ..rules.seasons import Closing, Seal, Season, next_end, next_name, season_after
from .archiving import Progress, archive, untold
from .deciding import Admin
from .folding import FOREIGN_AGE_US, Folding
from .ports import Archives, SeasonReset, Seasons, Standings, StillPending, StoreUnavailable

# Without getting on; a process that was killed within a transaction stands in the way for a minute or so.
_PATIENCE_S = 150.0
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class SeasonStore:
    """What closing a season needs of a store."""

    seasons: Seasons
    archives: Archives
    standings: Standings


@dataclass(frozen=True, slots=True)
class Closed:
    """A sealed season with its archive, and the one after it. by: whose wish it was."""

    sealed: Season
    following: Season
    by: str


# --- an admin's wishes --------------------------------------------------------------------------------


async def reset(
    store: SeasonStore,
    admin: Admin,
    *,
    number: int | None = None,
    name: str | None = None,
    ends_at: int | None = None,
    progress: Progress = untold,
) -> Closed:
    """Close the current season. Call `reported` when whoever wished it knows; until then this finishes it.

    number: the season to close, None for the current one; one that was closed before stays as it is, and so
    does everything when the current one has that name already. What was begun with a season before that is
    finished instead, so look at which one was closed. name, ends_at: of the next one. Raises
    Unacceptable `season_name_taken`, NotFound `season_not_found`, SeasonEnded or StoreUnavailable.
    """
    closing = await store.seasons.closing()
    if closing is None or number not in (None, closing.number):
        seasons = await store.seasons.all()
        season = numbered(seasons, number) if number is not None else to_close(seasons, name)
        following = name_after(seasons, name) if season.is_current else ""
        closing = Closing(season.number, following, ends_at, admin.by, admin.now_us())
        if season.is_current:
            closing = await store.seasons.begin_closing(closing)
    return await close(store, admin, closing, progress)


async def close(store: SeasonStore, admin: Admin, closing: Closing, progress: Progress = untold) -> Closed:
    """Do what a wish says, or what is left to do of it. Raises StoreUnavailable."""
    await seal(store, admin, closing, progress)
    seasons = await store.seasons.all()
    await archive(store.archives, numbered(seasons, closing.number), progress)
    seasons = await store.seasons.all()
    sealed, following = numbered(seasons, closing.number), numbered(seasons, closing.number + 1)
    return Closed(sealed, following, sealed.seal.by if sealed.seal else closing.by)


async def seal(
    store: SeasonStore,
    admin: Admin,
    closing: Closing,
    progress: Progress = untold,
    *,
    is_due: Callable[[Season], bool] = lambda season: True,
) -> bool:
    """Move the pointer; False when somebody else has, or the season is not due. Raises StoreUnavailable."""
    folding = Folding(
        store.standings,
        writer=admin.writer,
        now_us=lambda: admin.now_us() + FOREIGN_AGE_US,  # everybody's, however young
        is_capped=lambda action_type: True,  # the servers know; other counts are forgotten
    )
    folded = 0
    try:
        async with asyncio.timeout(_PATIENCE_S) as patience:
            while True:
                season = numbered(await store.seasons.all(), closing.number)
                if not (season.is_current and is_due(season)):
                    return False
                now = admin.now_us()
                sealed = structs.replace(season, seal=Seal(now, closing.by))
                following = season_after(season, closing.name, closing.ends_at, now)
                details = {"season": season.name, "next": following.name, "nextEndsAt": following.ends_at}
                act = admin.act("season reset", None, "", details)
                try:
                    return await store.seasons.seal(sealed, following, act)
                except StillPending:
                    if some := await folding.fold_all():
                        patience.reschedule(asyncio.get_running_loop().time() + _PATIENCE_S)
                        folded += some
                        progress("pending", folded)
                    await asyncio.sleep(_PAUSE_S)
                except SeasonReset:
                    await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        raise StoreUnavailable("what is pending can't be folded now; nothing was closed") from None


async def set_end(seasons: Seasons, admin: Admin, ends_at: int | None) -> Season:
    """Have the current season close by itself then, or not at all; the season as it was.

    Raises SeasonEnded when it has closed meanwhile, and StoreUnavailable.
    """
    current = (await seasons.all())[0]
    details = {"season": current.name, "before": current.ends_at, "after": ends_at}
    await seasons.set_end(current.number, ends_at, admin.act("season ends", None, "", details))
    return current


async def set_schedule(seasons: Seasons, admin: Admin, schedule: Schedule | None) -> Season:
    """Have this season and those after it close by schedule, or not at all; the season as it is now.

    Raises SeasonEnded when it has closed meanwhile, and StoreUnavailable.
    """
    current = (await seasons.all())[0]
    ends_at = next_end(schedule, admin.now_us())
    details = {
        "season": current.name,
        "before": structs.asdict(current.schedule) if current.schedule else None,
        "after": structs.asdict(schedule) if schedule else None,
    }
    act = admin.act("season schedule", None, "", details)
    await seasons.set_schedule(current.number, schedule, ends_at, act)
    return structs.replace(current, schedule=schedule, ends_at=ends_at)


# --- finding one --------------------------------------------------------------------------------------


def numbered(seasons: Collection[Season], number: int) -> Season:
    """The season of this number. Raises NotFound `season_not_found`."""
    for season in seasons:
        if season.number == number:
            return season
    raise no_such_season()


def named(seasons: Collection[Season], name: str) -> Season:
    """The season of this name. Raises NotFound `season_not_found`."""
    for season in seasons:
        if season.name == name:
            return season
    raise no_such_season()


def no_such_season() -> NotFound:
    """The no to a name that no season has."""
    return NotFound("season_not_found", "There is no season of that name.")


def to_close(seasons: Sequence[Season], following: str | None) -> Season:
    """Which season is meant when it is not named: the current one, unless that has the following one's name.

    Then somebody has closed the one before, and did not hear of it. seasons: newest first.
    """
    already = following == seasons[0].name and len(seasons) > 1
    return seasons[1] if already else seasons[0]


def name_after(seasons: Collection[Season], name: str | None) -> str:
    """What the next season is called. Raises Unacceptable `season_name_taken`."""
    taken = {season.name for season in seasons}
    if name is None:
        return next_name(max(season.number for season in seasons), taken)
    if name in taken:
        raise Unacceptable("season_name_taken", f"There is a season named {name} already.")
    return name
