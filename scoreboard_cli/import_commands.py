"""`scoreboard import`: an export becomes the content of an empty store."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import click

from . import console
from .admin import admin
from .progress import progress_bar
from .session import REFUSED, USAGE, Session, command_options, fail, with_store

if TYPE_CHECKING:
    from scoreboard_server.flow.checking_exports import CheckedExport
    from scoreboard_server.flow.importing import Imported
    from scoreboard_server.store.opening import Store


@click.command(name="import")
@click.argument("file", type=click.File("rb"))
@command_options
def import_(session: Session, file: BinaryIO) -> None:
    """Bring what was exported to FILE into a store without entries.

    The store must have no entries. FILE is checked first; nothing of it is
    seen until all of it is there. Interrupted, it goes on where it was when it
    is run again; run twice, it does nothing the second time.

    \b
    Example:  scoreboard import scores.ndjson --data-dir ./copy
    """
    from scoreboard_server.flow.ports import CopyRefused  # noqa: PLC0415 -- as in session
    from scoreboard_server.rules.exports.spelling import MalformedLine  # noqa: PLC0415 -- as in session

    if not file.seekable():
        fail(USAGE, "FILE is read twice, so it can't be a pipe.")
    checked = _check(file)

    async def work(store: Store) -> Imported:
        from scoreboard_server.flow.checking_exports import lines_of  # noqa: PLC0415 -- as in session
        from scoreboard_server.flow.importing import ImportStore, import_lines  # noqa: PLC0415 -- as in session

        assert store.copies is not None  # noqa: S101 -- only a store in another process has none
        file.seek(0)
        with progress_bar("Importing", checked.end.lines) as advance:
            into = ImportStore(store.copies, store.archives)
            return await import_lines(into, admin(), lines_of(file), checked.end, advance)

    try:
        imported = with_store(session.settings(), work)
    except (CopyRefused, MalformedLine) as refused:
        fail(REFUSED, f"nothing of it is shown: {refused}")
    _tell(session, checked, imported)


def _check(file: BinaryIO) -> CheckedExport:
    from .export_checks import checked_export  # noqa: PLC0415 -- as in session

    checked = checked_export(file)
    if checked.differences:
        first = checked.wrong[0]
        words = f"line {first.line:,}: {first.what}"
        fail(REFUSED, f"this export does not agree with itself ({words}); see `scoreboard verify --export`")
    return checked


def _tell(session: Session, checked: CheckedExport, imported: Imported) -> None:
    end = checked.end
    if session.as_json:
        digests = {each.name: each.digest for each in checked.seasons if each.digest is not None}
        console.data_json(
            {
                "sha256": end.sha256,
                "entries": end.entries,
                "users": end.users,
                "bans": end.bans,
                "seasons": end.seasons,
                "digests": digests,
                "wasThere": imported.was_there,
                "resumedAt": imported.resumed_at,
            }
        )
        return
    seasons = f"{end.seasons:,} season{'' if end.seasons == 1 else 's'}"
    what = f"{end.entries:,} entries, {seasons}, {end.users:,} users, {end.bans:,} bans"
    console.data(f"{what}: {'were there already' if imported.was_there else 'imported'}.")
