"""`scoreboard season`: which seasons there are, closing one, and when the next is closed."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scoreboard_server.clock import now_us
from scoreboard_server.rules.refusals import NotFound, Refusal, Unacceptable

from . import console
from .admin import admin
from .leaderboard_commands import HEADINGS
from .season_views import closed_as_json, season_as_json, show_closed, show_season
from .session import NOT_FOUND, REFUSED, USAGE, Session, command_options, fail, with_store
from .times import FORMS, Instant, readable

if TYPE_CHECKING:
    from scoreboard_server.flow.season_keeping import Closed, SeasonStore
    from scoreboard_server.rules.seasons import Closing, Season
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
    """Close the season and open the next, now or by schedule; look at past ones.

    \b
    Example:  scoreboard season list
    """


def _with_store(session: Session, work: Callable[[Store], Awaitable[T]]) -> T:
    """As `with_store`; a refusal is told and ends the command."""
    from scoreboard_server.flow.ports import SeasonEnded  # noqa: PLC0415 -- as in session

    try:
        return with_store(session.settings(), work)
    except NotFound as refusal:
        fail(NOT_FOUND, f"{refusal.detail} `scoreboard season list` shows all.")
    except Refusal as refusal:
        fail(REFUSED, refusal.detail)
    except SeasonEnded:
        fail(REFUSED, "The season has ended meanwhile; look at `scoreboard season list`.")


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

    seasons, users = _with_store(session, work)
    if session.as_json:
        console.data_json([season_as_json(each, users) for each in seasons])
        return
    console.data_table(_LIST, [_row(each, users) for each in seasons], f"{len(seasons):,} seasons")


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

    chosen, board, announced = _with_store(session, work)
    if session.as_json:
        told = season_as_json(chosen, board["totalUsers"]) | {"leaderboard": board["leaderboard"]}
        if announced is not None:
            told |= {"announced": announced["leaderboard"]}
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
    """Close the current season, keep its final board for ever, open the next.

    Nothing is deleted and no action is lost: each is counted in one of the
    two. Live boards are empty within a second. When it is interrupted, run it
    again: it goes on where it was, and closes no second season. TIME is an
    instant (UTC), a day, or a span from now.

    \b
    Example:  scoreboard season reset --name spring --dry-run
    """
    _check_next(name, ends)
    plan = _with_store(session, lambda store: _plan(store, name, closes))
    if dry_run:
        _show_plan(session, plan, ends)
        return
    if not yes and plan.will_close:
        _ask(session, plan, ends)
    _finish(session, plan, name, ends)


def _check_next(name: str | None, ends: int | None) -> None:
    from scoreboard_server.rules.seasons import is_season_name  # noqa: PLC0415 -- as in session

    if name is not None and not is_season_name(name):
        raise click.BadParameter("must be 1-64 characters of A-Za-z0-9_.:-", param_hint="--name")
    if ends is not None and ends <= now_us():
        raise click.BadParameter(f"is over already; {FORMS}", param_hint="--ends")


class _Plan:
    """What a reset would do. board: of the season that it would close."""

    def __init__(
        self, season: Season, next_name: str, board: dict[str, Any] | None, closing: Closing | None
    ) -> None:
        self.season = season
        self.next_name = next_name
        self.board = board
        self.closing = closing

    @property
    def will_close(self) -> bool:
        """Whether there is anything to ask: it has not begun, and the season is open."""
        return self.closing is None and self.season.is_current


async def _plan(store: Store, name: str | None, closes: str | None) -> _Plan:
    from scoreboard_server.flow.looking import look  # noqa: PLC0415 -- as in session
    from scoreboard_server.flow.season_keeping import name_after, named, numbered  # noqa: PLC0415 -- as above
    from scoreboard_server.live.reader import View  # noqa: PLC0415 -- as in session

    seasons, closing = await store.seasons.all(), await store.seasons.closing()
    if closing is not None:
        return _Plan(numbered(seasons, closing.number), closing.name, None, closing)
    chosen = named(seasons, closes) if closes is not None else seasons[0]
    if not chosen.is_current:
        return _Plan(chosen, numbered(seasons, chosen.number + 1).name, None, None)
    board = await look(store, View(_TOP, season=chosen.name), now_us())
    return _Plan(chosen, name_after(seasons, name), board, None)


def _show_plan(session: Session, plan: _Plan, ends: int | None) -> None:
    end = _next_end(plan.season, ends)
    if session.as_json:
        told = {
            "dryRun": True,
            "closes": plan.season.name,
            "isClosed": not plan.season.is_current,
            "opens": plan.next_name,
            "opensEndsAt": _instant(end),
            "leaderboard": plan.board["leaderboard"] if plan.board else [],
        }
        console.data_json(told)
        return
    if plan.board is None:
        console.data(f"Dry run: closing {plan.season.name} was begun; it would be finished.")
        return
    _show_final(plan, "Dry run: nothing was changed")
    console.data(f"Would open {plan.next_name}, {_ending(end)}.")
    again = f"scoreboard season reset --closes {plan.season.name} --yes"
    console.say(f"To do it, once however often it is run: {again}")


def _show_final(plan: _Plan, title: str) -> None:
    assert plan.board is not None  # noqa: S101 -- the season is open
    rows = [
        (str(r["rank"]), f"{r['score']:,}", r["userId"], r["username"]) for r in plan.board["leaderboard"]
    ]
    users = plan.board["totalUsers"]
    console.data_table(HEADINGS, rows, f"{title}. Would close {plan.season.name}, {users:,} users:")


def _ask(session: Session, plan: _Plan, ends: int | None) -> None:
    """Let the admin look at what is about to end."""
    if session.as_json or sys.stdin is None or not sys.stdin.isatty():
        fail(USAGE, "Closing a season takes a yes: run it in a terminal, or with --yes.")
    board = plan.board or {"leaderboard": [], "totalUsers": 0}
    for row in board["leaderboard"]:
        console.say(console.printable(f"  {row['rank']:>4}  {row['score']:>12,}  {row['userId']}"))
    words = f"{plan.season.name}, {board['totalUsers']:,} users: close it and open {plan.next_name}"
    if not click.confirm(f"{words} ({_ending(_next_end(plan.season, ends))})?", err=True):
        fail(REFUSED, "Nothing was changed.")


def _next_end(season: Season, ends: int | None) -> int | None:
    from scoreboard_server.rules.seasons import next_end  # noqa: PLC0415 -- as in session

    return ends if ends is not None else next_end(season.schedule, now_us())


def _ending(ends_at: int | None) -> str:
    return "without an end" if ends_at is None else f"until {readable(ends_at)}"


def _instant(at: int | None) -> str | None:
    from scoreboard_server.live.reader import timestamp  # noqa: PLC0415 -- as in session

    return None if at is None else timestamp(at)


def _finish(session: Session, plan: _Plan, name: str | None, ends: int | None) -> None:
    """Do it, tell it, and only then strike out the wish: who was not told can ask again."""

    async def work(store: Store) -> Closed:
        from scoreboard_server.flow.season_keeping import reset as decide  # noqa: PLC0415 -- as in session

        with console.working() as progress:
            return await decide(
                _season_store(store),
                admin(),
                number=plan.season.number,
                name=name,
                ends_at=ends,
                progress=lambda words, done: progress(f"{words}: {done:,}"),
            )

    closed = _with_store(session, work)
    if session.as_json:
        console.data_json(closed_as_json(closed))
    else:
        show_closed(closed)
    _with_store(session, lambda store: store.seasons.reported(closed.sealed.number))
    if plan.closing is not None and name not in (None, closed.following.name):
        words = f"closing {closed.sealed.name} had been begun before and is finished now"
        fail(REFUSED, f"{words}; run it again to close {closed.following.name}, too.")


def _season_store(store: Store) -> SeasonStore:
    from scoreboard_server.flow.season_keeping import SeasonStore  # noqa: PLC0415 -- as in session

    return SeasonStore(store.seasons, store.archives, store.standings)


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

    before = _with_store(session, work)
    if session.as_json:
        told = {"season": before.name, "endsAt": _instant(at), "before": _instant(before.ends_at)}
        console.data_json(told)
        return
    console.data(f"{before.name} ends {readable(at, _NEVER)} (before: {readable(before.ends_at, _NEVER)}).")


@season.command()
@click.argument("cron", metavar="CRON")
@click.option("--zone", default="UTC", show_default=True, metavar="ZONE", help="Whose clocks CRON means.")
@command_options
def schedule(session: Session, cron: str, zone: str) -> None:
    """Let this season and those after it close by CRON, or by `none`.

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

    now_is = _with_store(session, work)
    foreseen = []
    at = now_us()
    for _ in range(_FORESEEN if wanted is not None else 0):
        assert wanted is not None  # noqa: S101 -- just looked at
        foreseen.append(at := wanted.next_after(at))
    if session.as_json:
        told = {"cron": wanted.cron, "zone": wanted.zone} if wanted else None
        console.data_json(
            {"season": now_is.name, "schedule": told, "next": [_instant(each) for each in foreseen]}
        )
        return
    if wanted is None:
        console.data(f"{now_is.name} and the seasons after it end never by themselves.")
        return
    console.data(f"{now_is.name} and the seasons after it end {wanted.describe()}:")
    for each in foreseen:
        console.data(f"  {readable(each)}")
