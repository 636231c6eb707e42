"""Closing a season by hand: what it would do, whether that is meant, and doing it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from scoreboard_server.clock import now_us
from scoreboard_server.rules.refusals import NotFound, Refusal

from . import console
from .admin import admin
from .leaderboard_commands import HEADINGS
from .season_views import closed_as_json, counted, show_closed
from .session import NOT_FOUND, REFUSED, USAGE, Session, fail, with_store
from .times import as_told, exactly, readable

if TYPE_CHECKING:
    from scoreboard_server.flow.season_keeping import Closed, SeasonStore
    from scoreboard_server.rules.seasons import Closing, Season
    from scoreboard_server.store.opening import Store

_TOP = 10
# Who was not told asks again within this.
_ONE_SITTING_US = 600 * 1_000_000

T = TypeVar("T")


def with_seasons(session: Session, work: Callable[[Store], Awaitable[T]], *, whole: bool = False) -> T:
    """As `with_store`; a refusal is told and ends the command."""
    from scoreboard_server.flow.ports import SeasonEnded  # noqa: PLC0415 -- as in session

    try:
        return with_store(session.settings(), work, whole=whole)
    except NotFound as refusal:
        fail(NOT_FOUND, f"{refusal.detail} `scoreboard season list` shows all.")
    except Refusal as refusal:
        fail(REFUSED, refusal.detail)
    except SeasonEnded:
        fail(REFUSED, "The season has ended meanwhile; look at `scoreboard season list`.")


class Next(NamedTuple):
    """What is wished of the next season. ends_at: µs since the Unix epoch."""

    name: str | None
    ends_at: int | None


class Plan:
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

    def was_done_long_ago(self, now_us: int) -> bool:
        """Whether what this ends was wished for and done at another time, and it may be another wish now."""
        seal, closing = self.season.seal, self.closing
        done = seal is not None and seal.archive is not None
        return done and closing is not None and closing.at < now_us - _ONE_SITTING_US


async def plan_reset(store: Store, name: str | None, closes: str | None, *, is_shown: bool) -> Plan:
    """What a reset would do. is_shown: with the board that would be final; reading it takes a while."""
    from scoreboard_server.flow.looking import look  # noqa: PLC0415 -- as in session
    from scoreboard_server.flow.season_keeping import (  # noqa: PLC0415 -- as above
        name_after,
        named,
        numbered,
        to_close,
    )
    from scoreboard_server.live.reader import View  # noqa: PLC0415 -- as in session

    seasons, closing = await store.seasons.all(), await store.seasons.closing()
    chosen = named(seasons, closes) if closes is not None else to_close(seasons, name)
    if closing is not None and (closes is None or chosen.is_current or chosen.number == closing.number):
        return Plan(numbered(seasons, closing.number), closing.name, None, closing)
    if not chosen.is_current:
        return Plan(chosen, numbered(seasons, chosen.number + 1).name, None, None)
    board = await look(store, View(_TOP, season=chosen.name), now_us()) if is_shown else None
    return Plan(chosen, name_after(seasons, name), board, None)


def show_plan(session: Session, plan: Plan, wanted: Next) -> None:
    """What a reset would do, and the command that does it."""
    end = _next_end(plan.season, wanted.ends_at)
    if session.as_json:
        told = {
            "dryRun": True,
            "closes": plan.season.name,
            "isClosed": not plan.season.is_current,
            "opens": plan.next_name,
            "opensEndsAt": as_told(end),
            "leaderboard": plan.board["leaderboard"] if plan.board else [],
        }
        console.data_json(told)
        return
    if plan.board is None:
        what = "is closed already; nothing would change" if plan.closing is None else "would be closed wholly"
        console.data(f"Dry run: {plan.season.name} {what}.")
        return
    _show_final(plan, "Dry run: nothing was changed")
    console.data(f"Would open {plan.next_name}, {_ending(end)}.")
    console.say("To do it, once however often it is run:")
    console.say(f"  {_command(session, plan, wanted)}")


def _command(session: Session, plan: Plan, wanted: Next) -> str:
    """What does exactly this. A span is told as the instant that it came to: it would come to a later one."""
    words = ["--name", wanted.name] if wanted.name is not None else []
    words += ["--ends", exactly(wanted.ends_at)] if wanted.ends_at is not None else []
    return session.command("season reset", "--closes", plan.season.name, *words, "--yes")


def _show_final(plan: Plan, title: str) -> None:
    assert plan.board is not None  # noqa: S101 -- the season is open
    rows = [
        (str(r["rank"]), f"{r['score']:,}", r["userId"], r["username"]) for r in plan.board["leaderboard"]
    ]
    users = plan.board["totalUsers"]
    console.data_table(HEADINGS, rows, f"{title}. Would close {plan.season.name}, {counted(users, 'user')}:")


def ask(session: Session, plan: Plan, ends: int | None) -> None:
    """Let the admin look at what is about to end."""
    if session.as_json or sys.stdin is None or not sys.stdin.isatty():
        fail(USAGE, "Closing a season takes a yes: run it in a terminal, or with --yes.")
    board = plan.board or {"leaderboard": [], "totalUsers": 0}
    for row in board["leaderboard"]:
        console.say(console.printable(f"  {row['rank']:>4}  {row['score']:>12,}  {row['userId']}"))
    users = counted(board["totalUsers"], "user")
    words = f"{plan.season.name}, {users}: close it and open {plan.next_name}"
    if not click.confirm(f"{words} ({_ending(_next_end(plan.season, ends))})?", err=True):
        fail(REFUSED, "Nothing was changed.")


def _next_end(season: Season, ends: int | None) -> int | None:
    from scoreboard_server.rules.seasons import next_end  # noqa: PLC0415 -- as in session

    return ends if ends is not None else next_end(season.schedule, now_us())


def _ending(ends_at: int | None) -> str:
    return "without an end" if ends_at is None else f"until {readable(ends_at)}"


def finish(session: Session, seen: Plan | None, wanted: Next, closes: str | None) -> None:
    """Do it, tell it, and only then strike out the wish: who was not told can ask again.

    seen: what was shown and agreed to; None where nobody was asked.
    """
    planned, is_told = seen, False

    async def work(store: Store) -> tuple[Plan, Closed]:
        from scoreboard_server.flow.season_keeping import reset as decide  # noqa: PLC0415 -- as in session

        nonlocal planned, is_told
        # Once, as this may be begun again when all of it is done: the current season is another one then.
        plan = planned = planned or await plan_reset(store, wanted.name, closes, is_shown=False)
        with console.working() as progress:
            closed = await decide(
                _season_store(store),
                admin(),
                number=plan.season.number,
                name=wanted.name,
                ends_at=wanted.ends_at,
                progress=lambda words, done: progress(f"{words}: {done:,}"),
            )
        if not is_told:
            _tell(session, closed)
            is_told = True
        await store.seasons.reported(closed.sealed.number)
        return plan, closed

    plan, closed = with_seasons(session, work, whole=True)
    is_named = closes is not None or wanted.name is not None  # then it can't be another one
    if not is_named and plan.was_done_long_ago(now_us()):
        words = f"{closed.sealed.name} had been closed before, though nobody was told"
        fail(REFUSED, f"{words}; run it again to close {closed.following.name}, too.")
    was_meant = closes in (None, closed.sealed.name) and wanted.name in (None, closed.following.name)
    if plan.closing is not None and not was_meant:
        words = f"closing {closed.sealed.name} had been begun before and is finished now"
        fail(REFUSED, f"{words}; run it again to close {closed.following.name}, too.")


def _tell(session: Session, closed: Closed) -> None:
    if session.as_json:
        console.data_json(closed_as_json(closed))
    else:
        show_closed(closed)


def _season_store(store: Store) -> SeasonStore:
    from scoreboard_server.flow.season_keeping import SeasonStore  # noqa: PLC0415 -- as in session

    return SeasonStore(store.seasons, store.archives, store.standings)
