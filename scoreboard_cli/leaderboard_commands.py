"""`scoreboard leaderboard`: looking at the board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from scoreboard_server.clock import now_us

from . import console
from .session import NOT_FOUND, REFUSED, Session, command_options, fail, no_season, with_store

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from scoreboard_server.live.reader import View
    from scoreboard_server.store.opening import Store

# Names come last: terminals disagree about the width of emoji and the direction of some scripts, and there
# nothing stands after them that could move.
HEADINGS = [("#", "right"), ("score", "right"), ("user", "left"), ("name", "left")]


class TopByDefault(click.Group):
    """A group whose first command need not be named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `top` in front of options, and where there is nothing."""
        is_unfinished = ctx.resilient_parsing and not args  # what is being typed may become a command
        if not is_unfinished and (not args or _is_option(ctx, args[0])):
            args = ["top", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the options of `top` beside those of the group."""
        offered = super().shell_complete(ctx, incomplete)
        top = self.commands["top"]
        with top.make_context("top", [], parent=ctx, resilient_parsing=True) as inner:
            more = top.shell_complete(inner, incomplete)
        known = {item.value for item in offered}
        return offered + [item for item in more if item.value not in known]


def _is_option(ctx: click.Context, word: str) -> bool:
    return word.startswith("-") and word not in ctx.help_option_names


_limit = click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, 1000),
    metavar="ROWS",
    default=10,
    show_default=True,
    help="How many rows.",
)


@click.group(cls=TopByDefault)
def leaderboard() -> None:
    """Look at the board: the top, around a user, one user.

    Without a command it shows the top, and takes the options of `top`.

    \b
    Example:  scoreboard leaderboard -n 3
    """


@leaderboard.command()
@_limit
@click.option("--season", metavar="NAME", help="Another season than the current one.")
@click.option("--watch", is_flag=True, help="Keep showing what a running server shows, until Ctrl-C.")
@click.option("--server", metavar="URL", help="The server to watch.  [default: the one in this folder]")
@command_options
def top(session: Session, limit: int, season: str | None, watch: bool, server: str | None) -> None:
    """The first users of the board.

    With --watch it moves with a running server, which sends as many rows as
    its live.top says, and comes back when the connection is lost. Where
    stdout is no terminal there is one table for each published version, and
    with --json one line. Ctrl-C ends it with 0; exits 4 without a server.

    \b
    Example:  scoreboard leaderboard top -n 5 --watch
    """
    if watch:
        _watch(session, limit, season, server)
        return
    if server is not None:
        raise click.UsageError("--server is for --watch; without it the store is asked.")
    from scoreboard_server.live.reader import View  # noqa: PLC0415 -- as in session

    _print_board(session, _read(session, View(limit, season=season)))


@leaderboard.command()
@click.argument("user")
@_limit
@command_options
def around(session: Session, user: str, limit: int) -> None:
    """Show USER between the neighbours.

    \b
    Example:  scoreboard leaderboard around demo:1 -n 5
    """
    from scoreboard_server.live.reader import View  # noqa: PLC0415 -- as in session

    _print_board(session, _found(_read(session, View(limit, around=user)), user), marked=user)


@leaderboard.command()
@click.argument("user")
@command_options
def user(session: Session, user: str) -> None:
    """Show USER's score and rank.

    \b
    Example:  scoreboard leaderboard user demo:1
    """
    from scoreboard_server.live.reader import View  # noqa: PLC0415 -- as in session

    board = _found(_read(session, View(1, users=(user,))), user)
    if session.as_json:
        console.data_json(board["leaderboard"][0])
    else:
        _print_board(session, board)


def _watch(session: Session, limit: int, season: str | None, server: str | None) -> None:
    from .watching import watch_board  # noqa: PLC0415 -- loads what only watchers need

    if season is not None:
        raise click.UsageError("--watch shows the current season; leave --season out.")
    watch_board(session, limit, server)


def _read(session: Session, view: View) -> dict[str, Any]:
    from scoreboard_server.rules.refusals import NotFound, Unavailable  # noqa: PLC0415 -- as in session

    async def work(store: Store) -> dict[str, Any]:
        from scoreboard_server.flow.looking import look  # noqa: PLC0415 -- as in session

        return await look(store, view, now_us())

    try:
        return with_store(session.settings(), work)
    except NotFound:
        no_season(view.season)
    except Unavailable as refusal:
        fail(REFUSED, refusal.detail)


def _found(board: dict[str, Any], user: str) -> dict[str, Any]:
    if not board["leaderboard"]:
        fail(NOT_FOUND, f"{user} is not on the board.")
    return board


def _print_board(session: Session, board: dict[str, Any], marked: str | None = None) -> None:
    if session.as_json:
        console.data_json(board)
        return
    if not board["leaderboard"]:
        where = session.settings().store
        place = where.data_dir if where.uri == "embedded" else "the store"
        console.say(f"Nobody has scored in {board['season']} yet ({place}).")
        return
    rows = [_cells(row, marked) for row in board["leaderboard"]]
    console.data_table(HEADINGS, rows, _title(board))


def _cells(row: dict[str, Any], marked: str | None) -> tuple[str, str, str, str]:
    mark = "> " if row["userId"] == marked else ""
    return f"{mark}{row['rank']}", f"{row['score']:,}", row["userId"], row["username"]


def _title(board: dict[str, Any]) -> str:
    total = board["totalUsers"]
    return f"{board['season']}: {total:,} user{'' if total == 1 else 's'}, last action {board['lastUpdated']}"
