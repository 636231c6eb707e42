"""`scoreboard ban`, `unban`, `bans`, `adjust`: what an admin decides about users."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import click

from scoreboard_server.clock import now_us
from scoreboard_server.rules.identifiers import is_action_id
from scoreboard_server.rules.refusals import NotFound, Unacceptable, Unavailable

from . import console
from .admin import admin, moderation_of, reason, user_id
from .session import NOT_FOUND, REFUSED, Session, command_options, fail, no_season, with_store
from .times import FORMS, Instant, as_told, readable

if TYPE_CHECKING:
    from scoreboard_server.flow.deciding import Adjusted, Banned, Unbanned
    from scoreboard_server.rules.board import Board, Standing
    from scoreboard_server.store.opening import Store

_MOST_POINTS = 1_000_000_000
_SHOWN = 10
_MOST_TOLD = 1_000_000
_BANS = [("user", "left"), ("since", "left"), ("until", "left"), ("by", "left"), ("reason", "left")]
_TOP = [("rank", "right"), ("before", "left"), ("score", "right"), ("after", "left"), ("score", "right")]


async def _board(store: Store) -> Board:
    from scoreboard_server.flow.loading import load_board  # noqa: PLC0415 -- as in session

    return (await load_board(store.snapshots, now_us())).board


async def _catch_up(store: Store) -> None:
    """Sealed seasons show the correction when the command is done, not only when a server gets to it."""
    from scoreboard_server.flow.archiving import catch_up  # noqa: PLC0415 -- as in session

    await catch_up(store.seasons, store.archives)


def _standing(board: Board, user: str) -> Standing | None:
    standing = board.standing(user)
    if standing is None:
        console.say(f"Note: {user} is not on the board now.")
    return standing


@click.command()
@click.argument("user", callback=user_id)
@click.option(
    "--reason",
    required=True,
    callback=reason,
    metavar="TEXT",
    help="Why, for admins; with --from the user reads it.",
)
@click.option("--until", type=Instant(ahead=True), metavar="TIME", help="When it ends.  [default: never]")
@click.option("--from", "since", type=Instant(ahead=False), metavar="TIME", help="Take back points since.")
@click.option("--dry-run", is_flag=True, help="Only show what it would do.")
@command_options
def ban(
    session: Session, *, user: str, reason: str, until: int | None, since: int | None, dry_run: bool
) -> None:
    """Take USER off the board and refuse what USER submits.

    Every running server follows within a second: the ranks below close up,
    and the user's sockets are closed. TIME is an instant (UTC), a day, or a
    span: ahead of now for --until, before it for --from. Points are taken
    back by entries of their own, also those of sealed seasons, whose boards
    are corrected; `scoreboard unban` gives them back.

    \b
    Example:  scoreboard ban demo:1 --reason "a script" --from 2h --dry-run
    """
    now = now_us()
    if until is not None and until <= now:
        raise click.BadParameter(f"is over already; {FORMS}", param_hint="--until")
    if since is not None and since > now:
        raise click.BadParameter(f"is still to come; {FORMS}", param_hint="--from")
    if dry_run:
        _show_rehearsal(session, *_rehearse(session, user, since))
        return
    done = _ban(session, user, reason, until, since)
    if session.as_json:
        console.data_json(_ban_as_json(done))
        return
    console.data(f"{user} is banned {'until ' + readable(until) if until else 'for good'}.")
    if since is not None:
        console.data(f"Took back the points of {done.taken_back:,} actions since {readable(since)}.")


def _ban(session: Session, user: str, reason: str, until: int | None, since: int | None) -> Banned:
    async def work(store: Store) -> Banned:
        from scoreboard_server.flow.deciding import ban as decide  # noqa: PLC0415 -- as in session

        standing = _standing(await _board(store), user)
        done = await decide(
            moderation_of(store),
            admin(),
            user,
            reason=reason,
            until=until,
            taken_back_from=since,
            standing=standing,
        )
        await _catch_up(store)
        return done

    return with_store(session.settings(), work, whole=True)


def _ban_as_json(done: Banned) -> dict[str, Any]:
    told = done.ban
    return {
        "userId": told.user,
        "reason": told.reason,
        "by": told.by,
        "since": as_told(told.since),
        "until": as_told(told.until),
        "takenBackFrom": as_told(told.taken_back_from),
        "takenBack": done.taken_back,
    }


_Rehearsal = tuple["list[Standing]", "list[Standing]", int, int]
"""The top before and after, and how many actions of how many points would be taken back."""


def _rehearse(session: Session, user: str, since: int | None) -> _Rehearsal:
    async def work(store: Store) -> _Rehearsal:
        from scoreboard_server.rules.bans import Ban  # noqa: PLC0415 -- as in session

        board = await _board(store)
        _standing(board, user)
        before = board.page(0, _SHOWN)
        board.hide(user)
        found = []
        if since is not None:
            would_be = Ban(user, "", "", "", now_us(), None, since)
            found = await moderation_of(store).to_take_back(would_be, _MOST_TOLD)
        return before, board.page(0, _SHOWN), len(found), -sum(each.points for each in found)

    return with_store(session.settings(), work, whole=True)


def _show_rehearsal(
    session: Session, before: list[Standing], after: list[Standing], actions: int, points: int
) -> None:
    if session.as_json:
        tops = {"before": before, "after": after}
        rows = {
            name: [{"userId": s.user, "score": s.score, "rank": s.rank} for s in top]
            for name, top in tops.items()
        }
        console.data_json({"dryRun": True, **rows, "actions": actions, "points": points})
        return
    console.data_table(_TOP, list(_side_by_side(before, after)), "Dry run: nothing was changed")
    console.data(f"Would take back {points:,} points of {actions:,} actions.")


def _side_by_side(before: list[Standing], after: list[Standing]) -> list[tuple[str, str, str, str, str]]:
    rows = []
    for place in range(max(len(before), len(after))):
        old, new = (_cells(top, place) for top in (before, after))
        rows.append((str(place + 1), *old, *new))
    return rows


def _cells(top: list[Standing], place: int) -> tuple[str, str]:
    return (top[place].user, f"{top[place].score:,}") if place < len(top) else ("", "")


@click.command()
@click.argument("user", callback=user_id)
@click.option("--reason", default="lifted", callback=reason, metavar="TEXT", help="Why, for other admins.")
@command_options
def unban(session: Session, *, user: str, reason: str) -> None:
    """Lift the ban of USER and give back what bans took.

    \b
    Example:  scoreboard unban demo:2 --reason "was a mistake"
    """

    async def work(store: Store) -> Unbanned:
        from scoreboard_server.flow.deciding import unban as decide  # noqa: PLC0415 -- as in session

        done = await decide(moderation_of(store), admin(), user, reason=reason)
        await _catch_up(store)
        return done

    try:
        done = with_store(session.settings(), work, whole=True)
    except NotFound as refusal:
        fail(NOT_FOUND, refusal.detail)
    if session.as_json:
        told = {"userId": user, "wasInForce": done.was_in_force, "givenBack": done.given_back}
        console.data_json(told)
        return
    console.data(f"{user} is banned no longer." if done.was_in_force else f"{user} was not banned any more.")
    if done.given_back:
        console.data(f"Gave back the points of {done.given_back:,} actions.")


@click.command()
@command_options
def bans(session: Session) -> None:
    """List who is banned now.

    \b
    Example:  scoreboard bans
    """

    async def work(store: Store) -> list[Any]:
        now = now_us()
        return [each for each in await moderation_of(store).bans() if each.is_in_force(now)]

    found = with_store(session.settings(), work, whole=True)
    if session.as_json:
        from scoreboard_server.flow.deciding import Banned  # noqa: PLC0415 -- as in session

        told = [_ban_as_json(Banned(each, 0)) for each in found]
        console.data_json([{k: v for k, v in each.items() if k != "takenBack"} for each in told])
        return
    rows = [(b.user, readable(b.since), readable(b.until, "for good"), b.by, b.reason) for b in found]
    console.data_table(_BANS, rows, f"{len(found):,} banned")


def _key(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_action_id(value):
        raise click.BadParameter("must be 1-64 characters of A-Za-z0-9_.:~-")
    return value


# A negative number is no option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("user", callback=user_id)
@click.argument("points", type=click.IntRange(-_MOST_POINTS, _MOST_POINTS))
@click.option("--reason", required=True, callback=reason, metavar="TEXT", help="Why; the user can read it.")
@click.option("--season", metavar="NAME", help="A sealed season, corrected afterwards.  [default: now's]")
@click.option("--once", metavar="KEY", callback=_key, help="Run again with the same KEY, it adds nothing.")
@command_options
def adjust(
    session: Session, *, user: str, points: int, reason: str, season: str | None, once: str | None
) -> None:
    """Add POINTS to the score of USER, or take them when negative.

    It is an entry of the ledger like any other, with its reason. Of a sealed
    season it changes the board as corrected; what was announced stays. With a
    KEY of yours (a ticket's number) it is made once, however often it is run.

    \b
    Example:  scoreboard adjust demo:1 -50 --reason "a broken client" --once t-17
    """
    if points == 0:
        raise click.BadParameter("must not be 0", param_hint="POINTS")
    name = once or secrets.token_hex(8)  # here, as the work may be begun again

    async def work(store: Store) -> tuple[str, Adjusted | None]:
        from scoreboard_server.flow.deciding import adjust as decide  # noqa: PLC0415 -- as in session
        from scoreboard_server.flow.looking import find_standing  # noqa: PLC0415 -- as in session

        found, standing = await find_standing(store, user, season, now_us())
        if standing is None:
            return found.name, None
        to = moderation_of(store), store.ledger, admin(), standing, points
        made = await decide(*to, season=found, name=name, reason=reason)
        await _catch_up(store)
        return found.name, made

    try:
        which, made = with_store(session.settings(), work, whole=True)
    except NotFound:
        no_season(season)
    except (Unavailable, Unacceptable) as refusal:
        fail(REFUSED, refusal.detail)
    if made is None:
        fail(NOT_FOUND, f"{user} is not on the board of {which}.")
    if made.is_elsewhere and season is not None:
        fail(REFUSED, f"{once} stands for an adjustment of {user}'s in another season already.")
    was_added = made.was_added or once is None  # without a key only this command itself can have been before
    if session.as_json:
        told = {"userId": user, "season": which, "points": points, "reason": reason, "score": made.score}
        console.data_json(told | {"added": was_added})
    elif was_added:
        console.data(f"{user}: {made.score - points:,} {points:+,} = {made.score:,} points in {which}.")
    else:
        console.data(f"{user}: {made.score:,} points in {which}; {once} {_made_before(made)}")


def _made_before(made: Adjusted) -> str:
    where = ", in another season" if made.is_elsewhere else ""
    return f"was made before{where}, nothing is added."
