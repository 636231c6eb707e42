"""`scoreboard season`: which seasons there are, closing one, and when the next is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from scoreboard_server.clock import now_us
from scoreboard_server.rules.refusals import Unacceptable

from . import console
from .admin import admin
from .season_resetting import Next, ask, finish, plan_reset, show_plan, with_seasons
from .season_views import counted, season_as_json, show_season
from .session import Session, command_options
from .times import FORMS, Instant, as_told, readable

if TYPE_CHECKING:
    from scoreboard_server.rules.seasons import Season
    from scoreboard_server.store.opening import Store

_TOP = 10
_NEVER = "never"
_NONE = "none"
_FORESEEN = 3
_LIST = [
    ("season", "left"),
    ("state", "left"),
    ("started", "left"),
    ("ended, or ends", "left"),
    ("users", "right"),
]

T = TypeVar("T")


@click.group()
def season() -> None:
    """Close the season and open the next; look at past ones.

    \b
    Example:  scoreboard season list
    """


# --- looking ------------------------------------------------------------------------------------------


@season.command(name="list")
@command_options
def list_(session: Session) -> None:
    """List all seasons, the current one first.

    \b
    Example:  scoreboard season list
    """

    async def work(store: Store) -> tuple[list[Season], int]:
        from scoreboard_server.flow.loading import load_board  # noqa: PLC0415 -- as in session

        loaded = await load_board(store.snapshots, now_us())
        return list(loaded.seasons), len(loaded.board)

    seasons, users = with_seasons(session, work)
    if session.as_json:
        console.data_json([season_as_json(each, users) for each in seasons])
        return
    console.data_table(_LIST, [_row(each, users) for each in seasons], counted(len(seasons), "season"))


def _row(season: Season, live_users: int) -> tuple[str, ...]:
    if season.seal is None:
        told = ("current", readable(season.ends_at, _NEVER), f"{live_users:,}")
    else:
        kept = season.seal.archive
        told = ("sealed", readable(season.seal.at), f"{kept.users:,}" if kept else "…")
    return season.name, told[0], readable(season.started_at), told[1], told[2]


@season.command()
@click.argument("name", metavar="[SEASON]", required=False)
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=_TOP, show_default=True, help="Rows.")
@command_options
def show(session: Session, name: str | None, limit: int) -> None:
    """Show a season and its top: the current one, or SEASON.

    Of a sealed one it tells the digest of its canonical export, by which
    anybody can prove the final board, and whether that was corrected since.

    \b
    Example:  scoreboard season show
    """

    async def work(store: Store) -> tuple[Season, dict[str, Any], dict[str, Any] | None]:
        from scoreboard_server.flow.looking import look  # noqa: PLC0415 -- as in session
        from scoreboard_server.flow.season_keeping import named  # noqa: PLC0415 -- as in session
        from scoreboard_server.live.reader import View  # noqa: PLC0415 -- as in session

        seasons = await store.seasons.all()
        chosen = named(seasons, name) if name is not None else seasons[0]
        board = await look(store, View(limit, season=chosen.name), now_us())
        announced = None
        if chosen.seal is not None and chosen.seal.corrections:
            announced = await look(store, View(limit, season=chosen.name, announced=True), now_us())
        return chosen, board, announced

    chosen, board, announced = with_seasons(session, work)
    if session.as_json:
        shown = {"totalUsers": board["totalUsers"], "leaderboard": board["leaderboard"]}
        told = season_as_json(chosen, board["totalUsers"]) | shown
        if announced is not None:
            told |= {"announced": announced["leaderboard"], "announcedUsers": announced["totalUsers"]}
        console.data_json(told)
        return
    show_season(chosen, board, announced)


# --- closing ------------------------------------------------------------------------------------------


@season.command()
@click.option("--name", metavar="NAME", help="Of the next season.  [default: season-N]")
@click.option("--ends", type=Instant(ahead=True), metavar="TIME", help="When the next one closes by itself.")
@click.option("--closes", metavar="NAME", help="The season that is meant, for scripts: it is closed once.")
@click.option("--dry-run", is_flag=True, help="Only show what it would do.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@command_options
def reset(
    session: Session,
    *,
    name: str | None,
    ends: int | None,
    closes: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Close the season, keep its board for ever, open the next.

    Nothing is deleted and no action is lost: each is counted in one of the
    two. Live boards are empty within a second. When it is interrupted, run it
    again: it goes on where it was, and closes no second season. TIME is an
    instant (UTC), a day, or a span from now.

    \b
    Example:  scoreboard season reset --name spring --dry-run
    """
    _check_next(name, ends)
    plan = (
        None
        if yes and not dry_run
        else with_seasons(session, lambda store: plan_reset(store, name, closes, is_shown=True), whole=True)
    )
    if plan is not None and dry_run:
        show_plan(session, plan, Next(name, ends))
        return
    if plan is not None and plan.will_close:
        ask(session, plan, ends)
    finish(session, plan, Next(name, ends), closes)


def _check_next(name: str | None, ends: int | None) -> None:
    from scoreboard_server.rules.seasons import is_season_name  # noqa: PLC0415 -- as in session

    if name is not None and not is_season_name(name):
        raise click.BadParameter("must be 1-64 characters of A-Za-z0-9_.:-", param_hint="--name")
    if ends is not None and ends <= now_us():
        raise click.BadParameter(f"is over already; {FORMS}", param_hint="--ends")


# --- when -----------------------------------------------------------------------------------------------


@season.command()
@click.argument("time", metavar="TIME")
@command_options
def ends(session: Session, time: str) -> None:
    """Let the current season close by itself at TIME, or `never`.

    A running server closes it; a close that was missed while none ran happens
    when one starts. TIME is an instant (UTC), a day, or a span from now. The
    seasons after it go by the schedule, if there is one.

    \b
    Example:  scoreboard season ends 7d
    """
    at = None if time == _NEVER else Instant(ahead=True).convert(time, None, click.get_current_context())
    if at is not None and at <= now_us():
        raise click.BadParameter(f"is over already; {FORMS}, or {_NEVER}", param_hint="TIME")

    async def work(store: Store) -> Season:
        from scoreboard_server.flow.season_keeping import set_end  # noqa: PLC0415 -- as in session

        return await set_end(store.seasons, admin(), at)

    before = with_seasons(session, work, whole=True)
    if session.as_json:
        told = {"season": before.name, "endsAt": as_told(at), "before": as_told(before.ends_at)}
        console.data_json(told)
        return
    console.data(f"{before.name} ends {readable(at, _NEVER)} (before: {readable(before.ends_at, _NEVER)}).")


@season.command()
@click.argument("cron", metavar="CRON")
@click.option("--zone", default="UTC", show_default=True, metavar="ZONE", help="Whose clocks CRON means.")
@command_options
def schedule(session: Session, cron: str, zone: str) -> None:
    """Let this season and the next ones close by CRON, or `none`.

    CRON is a line of minute, hour, day of the month, month, day of the week,
    by the clocks of a time zone such as Europe/Berlin.

    \b
    Example:  scoreboard season schedule "0 0 * * MON" --zone Europe/Berlin
    """
    from scoreboard_server.rules.schedules import parse_schedule  # noqa: PLC0415 -- as in session

    try:
        wanted = None if cron == _NONE else parse_schedule(cron, zone)
    except Unacceptable as refusal:
        raise click.UsageError(refusal.detail) from None

    async def work(store: Store) -> Season:
        from scoreboard_server.flow.season_keeping import set_schedule  # noqa: PLC0415 -- as in session

        return await set_schedule(store.seasons, admin(), wanted)

    now_is = with_seasons(session, work, whole=True)
    foreseen = []
    at = now_us()
    for _ in range(_FORESEEN if wanted is not None else 0):
        assert wanted is not None  # noqa: S101 -- just looked at
        foreseen.append(at := wanted.next_after(at))
    if session.as_json:
        told = {"cron": wanted.cron, "zone": wanted.zone} if wanted else None
        console.data_json(
            {"season": now_is.name, "schedule": told, "next": [as_told(each) for each in foreseen]}
        )
        return
    if wanted is None:
        console.data(f"{now_is.name} and the seasons after it end never by themselves.")
        return
    console.data(f"{now_is.name} and the seasons after it end {wanted.describe()}:")
    for each in foreseen:
        console.data(f"  {readable(each)}")
