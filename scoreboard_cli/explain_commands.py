"""`scoreboard explain`: why a score is what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from scoreboard_server.clock import now_us
from scoreboard_server.rules.entry import Correction, Entry
from scoreboard_server.rules.history import Line, Place, read_place
from scoreboard_server.rules.identifiers import is_user_id
from scoreboard_server.rules.instants import timestamp
from scoreboard_server.rules.refusals import Refusal

from . import console
from .session import NOT_FOUND, REFUSED, Session, command_options, fail, no_season, with_store

if TYPE_CHECKING:
    from scoreboard_server.flow.explaining import Page
    from scoreboard_server.store.opening import Store

# Ids and reasons come last: they may be long, and nothing stands after them that could move.
_HEADINGS = [
    ("when (UTC)", "left"),
    ("points", "right"),
    ("score", "right"),
    ("type", "left"),
    ("id, or why", "left"),
]


def _place(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Place | None:
    try:
        return read_place(value) if value is not None else None
    except Refusal:
        raise click.BadParameter("must be the one that the page before ended with") from None


@click.command()
@click.argument("user")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, 1000),
    metavar="ROWS",
    default=20,
    show_default=True,
    help="How many actions.",
)
@click.option("--cursor", "place", metavar="CURSOR", callback=_place, help="Go on behind the page before.")
@click.option("--season", metavar="NAME", help="Another season than the current one.")
@command_options
def explain(session: Session, user: str, limit: int, place: Place | None, season: str | None) -> None:
    """Show where each point of USER came from, newest first.

    Of a sealed season also what was corrected since.

    \b
    Example:  scoreboard explain demo:1 -n 5
    """
    nothing = f"{user} has no actions in {season or 'this season'}."
    if not is_user_id(user):  # and perhaps no text at all
        fail(NOT_FOUND, nothing)
    page, board = _read(session, user, limit, place, season)
    if not page.lines and place is None:
        fail(NOT_FOUND, nothing)
    standing = board["leaderboard"][0] if board["leaderboard"] else None
    if session.as_json:
        console.data_json(_as_json(user, page, standing))
        return
    console.data_table(_HEADINGS, [_cells(line) for line in page.lines], _title(user, standing))
    if page.next:
        console.say(f"Older ones:\n{_next_page(session, user, limit, page.next, season)}")


def _next_page(session: Session, user: str, limit: int, place: Place, season: str | None) -> str:
    """The command that shows it."""
    words = ["-n", str(limit), "--cursor", str(place)]
    if season is not None:
        words += ["--season", season]
    # A user's id may begin like an option, which only behind the double dash is none.
    return session.command("explain", *words, *(["--"] if user.startswith("-") else []), user)


def _read(
    session: Session, user: str, limit: int, place: Place | None, season: str | None
) -> tuple[Page, dict[str, Any]]:
    from scoreboard_server.rules.refusals import NotFound, Unavailable  # noqa: PLC0415 -- as in session

    async def work(store: Store) -> tuple[Page, dict[str, Any]]:
        from scoreboard_server.flow.explaining import explain as pages_of  # noqa: PLC0415 -- as in session
        from scoreboard_server.flow.looking import look  # noqa: PLC0415 -- as in session
        from scoreboard_server.flow.season_keeping import named  # noqa: PLC0415 -- as in session
        from scoreboard_server.live.reader import View  # noqa: PLC0415 -- as in session

        number = named(await store.seasons.all(), season).number if season is not None else None
        page = await pages_of(store.history, user, place, limit, number)
        return page, await look(store, View(1, users=(user,), season=season), now_us())

    try:
        return with_store(session.settings(), work)
    except NotFound:
        no_season(season)
    except Unavailable as refusal:
        fail(REFUSED, refusal.detail)


def _as_json(user: str, page: Page, standing: dict[str, Any] | None) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415 -- as in session

    from scoreboard_server.flow.explaining import action  # noqa: PLC0415 -- as in session

    return {
        "userId": user,
        "score": standing["score"] if standing else None,
        "rank": standing["rank"] if standing else None,
        "actions": [msgspec.to_builtins(action(line)) for line in page.lines],
        "next": str(page.next) if page.next else None,
    }


def _cells(line: Line) -> tuple[str, str, str, str, str]:
    entry = line.entry
    when = _when(line).replace("T", " ").removesuffix("Z")
    return when, f"{entry.points:+,}", f"{line.total:,}", entry.type, _about(entry)


def _about(entry: Entry) -> str:
    """What somebody who reads it can place: a correction's own id is in the JSON."""
    if not isinstance(entry, Correction):
        return entry.action
    return entry.reason if entry.of is None else f"{entry.of}: {entry.reason}"


def _when(line: Line) -> str:
    return timestamp(line.entry.at, "seconds")


def _title(user: str, standing: dict[str, Any] | None) -> str:
    if standing is None:
        return f"{user}: not on the board"
    return f"{user}: {standing['score']:,} points, rank {standing['rank']:,}"
