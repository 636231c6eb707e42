"""`scoreboard verify`: do the books add up?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from scoreboard_server.clock import now_us

from . import console
from .admin import admin
from .live_server import LiveServer, ServerUnreachable
from .progress import progress_bar
from .server_address import ServerAddress
from .session import REFUSED, UNREACHABLE, USAGE, Session, command_options, fail, server_beside, with_store

if TYPE_CHECKING:
    from scoreboard_server.flow.checking_archives import CheckedArchive, WrongArchive
    from scoreboard_server.flow.verifying import BoardDifference, Checked
    from scoreboard_server.rules.books import Difference, Total
    from scoreboard_server.store.opening import Store

_HEADINGS = [
    ("season", "right"),
    ("ledger", "right"),
    ("found", "right"),
    ("where", "left"),
    ("user", "left"),
]


class Tally:
    """What all spans came to."""

    def __init__(self) -> None:
        self.entries = 0
        self.users = 0
        self.standings: list[Difference] = []
        self.board: list[BoardDifference] = []
        self.archives: list[CheckedArchive] = []
        self.repaired = 0

    def add(self, checked: Checked) -> None:
        """Count a span in."""
        self.entries += checked.entries
        self.users += checked.users
        self.standings += checked.standings
        self.board += checked.board

    @property
    def adds_up(self) -> bool:
        """Whether nothing is wrong, or nothing any more."""
        return len(self.standings) == self.repaired and not self.board and not self.wrong_archives

    @property
    def wrong_archives(self) -> list[WrongArchive]:
        """What is wrong with any of them."""
        return [wrong for checked in self.archives for wrong in checked.wrong]


@click.command()
@click.option("--repair", is_flag=True, help="Rebuild the standings that differ from their entries.")
@click.option("--server", metavar="URL", help="Also compare its board.  [default: the one in this folder]")
@click.option("--export", type=click.File("rb"), metavar="FILE", help="Check an export, without any store.")
@command_options
def verify(session: Session, repair: bool, server: str | None, export: BinaryIO | None) -> None:
    """Check that ledger, standings, live board and archives agree.

    The ledger is folded again, and compared with what is kept and shown; the
    digests of sealed seasons are made again. Exits 1 when anything differs and
    was not repaired. Repairs are in the audit trail, with each standing before
    and after. With --export it checks a file instead, and needs nothing else.

    \b
    Example:  scoreboard verify
    """
    if export is not None:
        if repair or server:
            raise click.UsageError("--export checks a file, and nothing else.")
        from .export_checks import verify_export  # noqa: PLC0415 -- as in session

        verify_export(session, export)
        return
    settings = session.settings()
    url = server_beside(settings) if server is None else _checked(server)
    try:
        tally = with_store(settings, lambda store: _check(store, url, repair=repair), whole=True)
    except ServerUnreachable as error:
        fail(UNREACHABLE, str(error))
    if session.as_json:
        console.data_json(_as_json(tally, url))
    else:
        if tally.standings or tally.board:
            console.data_table(_HEADINGS, list(_rows(tally)), "Differences")
        for wrong in tally.wrong_archives:
            console.data(console.printable(f"{wrong.season}: {wrong.what}"))
        console.data(_verdict(tally, url))
        if tally.archives:
            console.data(_archive_verdict(tally))
    if not tally.adds_up:
        raise SystemExit(REFUSED)


def _checked(server: str) -> str:
    try:
        ServerAddress.of(server)
    except ValueError as error:
        fail(USAGE, f"--server: {error}.")
    return server


async def _check(store: Store, url: str | None, *, repair: bool) -> Tally:
    from scoreboard_server.flow.repairing import repair as set_right  # noqa: PLC0415 -- as in session
    from scoreboard_server.flow.verifying import verify as spans_of  # noqa: PLC0415 -- as in session

    assert store.books is not None  # noqa: S101 -- only a store in another process has none
    tally = Tally()
    live = LiveServer(url) if url else None
    with progress_bar("Folding the ledger", await store.books.entries()) as advance:
        async for checked in spans_of(store.books, store.history, live, now_us=now_us):
            tally.add(checked)
            if repair:
                tally.repaired += await set_right(store.books, admin(), checked.standings)
            advance(checked.entries)
    if tally.repaired:
        await store.books.repaired(now_us())
    await _check_archives(store, tally)
    return tally


async def _check_archives(store: Store, tally: Tally) -> None:
    from scoreboard_server.flow.checking_archives import check_archives  # noqa: PLC0415 -- as in session

    kept = [each.seal.archive for each in await store.seasons.all() if each.seal is not None]
    total = sum(archive.entries for archive in kept if archive is not None)
    with progress_bar("Checking archives", total) as advance:
        async for checked in check_archives(store.seasons, store.archives, advance):
            tally.archives.append(checked)


def _rows(tally: Tally) -> Iterator[tuple[str, str, str, str, str]]:
    for wrong in tally.standings:
        yield str(wrong.season), _text(wrong.ledger), _text(wrong.standing), "standing", wrong.user
    for shown in tally.board:
        yield "now", _score(shown.stored), _score(shown.shown), "live board", shown.user


def _text(total: Total | None) -> str:
    if total is None:
        return "nothing"
    return f"{total.score:,} by {total.actions:,}"


def _score(score: int | None) -> str:
    return "nothing" if score is None else f"{score:,}"


def _verdict(tally: Tally, url: str | None) -> str:
    what = "ledger, standings and live board" if url else "ledger and standings"
    read = f"{tally.entries:,} entries of {tally.users:,} users"
    if not tally.standings and not tally.board:
        return f"{read}: {what} agree."
    count = len(tally.standings) + len(tally.board)
    done = f", {tally.repaired:,} repaired" if tally.repaired else ""
    return f"{read}: {count:,} difference{'' if count == 1 else 's'} between {what}{done}."


def _archive_verdict(tally: Tally) -> str:
    count, wrong = len(tally.archives), len(tally.wrong_archives)
    read = f"{count:,} sealed season{'' if count == 1 else 's'}"
    if not wrong:
        return f"{read}: archives, digests and corrections agree."
    return f"{read}: {wrong:,} difference{'' if wrong == 1 else 's'} in archives."


def _as_json(tally: Tally, url: str | None) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415 -- as in console

    return {
        "entries": tally.entries,
        "users": tally.users,
        "server": url,
        "standings": msgspec.to_builtins(tally.standings),
        "board": msgspec.to_builtins(tally.board),
        "repaired": tally.repaired,
        "archives": msgspec.to_builtins(tally.archives),
        "addsUp": tally.adds_up,
    }
