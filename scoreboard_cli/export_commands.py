"""`scoreboard export`: all that a store has, as a file that anybody can check."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scoreboard_server.clock import now_us

from . import console
from .progress import progress_bar
from .session import REFUSED, UNREACHABLE, Session, command_options, fail, with_store
from .times import readable

if TYPE_CHECKING:
    from scoreboard_server.flow.exporting import Exported, ExportStore
    from scoreboard_server.rules.exports.order import Progress
    from scoreboard_server.store.opening import Store

_STDOUT = "-"
_ENTRY = b'"kind":"entry"'


@click.command()
@click.argument("file")
@command_options
def export(session: Session, file: str) -> None:
    """Write all that is stored to FILE, `-` for stdout.

    Ledger, users, seasons, bans and audit trail, but no secret: one JSON
    object a line, as of one instant, with a SHA-256 at the end, and for each
    sealed season the lines that its digest is of. Interrupted, it goes on
    where it was when it is run again.

    \b
    Example:  scoreboard export scores.ndjson
    """
    exported = _to_stdout(session) if file == _STDOUT else _to_file(session, Path(file))
    if session.as_json and file != _STDOUT:
        console.data_json(_as_json(exported, file))
    else:
        for words in _words(exported, file):
            (console.say if file == _STDOUT else console.data)(console.printable(words))
    if exported.wrong:
        names = ", ".join(exported.wrong)
        fail(REFUSED, f"what the store has of {names} is not what its digest is of; see `scoreboard verify`")


def _to_file(session: Session, target: Path) -> Exported:
    from scoreboard_server.flow.exporting import BeginAnew  # noqa: PLC0415 -- as in session

    from .part_file import PartFileError, part_file  # noqa: PLC0415 -- as in session

    async def work(store: Store) -> Exported:
        with part_file(target) as part:
            progress = part.written()
            if progress.lines:
                begun = f", as of {readable(progress.header.at)}" if progress.header is not None else ""
                console.say(f"Going on behind line {progress.lines:,} of {target}.part{begun}.")
            try:
                exported = await _write(store, progress, part.put)
            except BeginAnew as why:
                console.say(f"Begun anew: {why}.")
                exported = await _write(store, part.begin_anew(), part.put)
            part.finish()
            return exported

    try:
        return with_store(session.settings(), work, whole=True)
    except PartFileError as error:
        fail(REFUSED, str(error))


def _to_stdout(session: Session) -> Exported:
    from scoreboard_server.flow.ports import StoreUnavailable  # noqa: PLC0415 -- as in session
    from scoreboard_server.rules.exports.order import Progress  # noqa: PLC0415 -- as in session

    async def work(store: Store) -> Exported:
        progress = Progress()
        try:
            exported = await _write(store, progress, sys.stdout.buffer.write)
        except StoreUnavailable as error:
            if progress.lines:  # it can't be written again from the start
                words = "The store can't be reached any more, and what was written is cut"
                fail(UNREACHABLE, f"{words}: {error}")
            raise
        sys.stdout.buffer.flush()
        return exported

    return with_store(session.settings(), work, whole=True)


async def _write(store: Store, progress: Progress, put: Callable[[bytes], object]) -> Exported:
    from scoreboard_server.flow.exporting import CannotExport, export  # noqa: PLC0415 -- as in session

    assert store.books is not None  # noqa: S101 -- only a store in another process has none
    entries = await store.books.entries()
    with progress_bar("Exporting", entries) as advance:
        advance(progress.counted["entry"])

        def counting(raw: bytes) -> None:
            put(raw)
            advance(_ENTRY in raw)

        try:
            return await export(_export_store(store), progress, counting, now_us=now_us())
        except CannotExport as error:
            fail(REFUSED, str(error))


def _export_store(store: Store) -> ExportStore:
    from scoreboard_server.flow.exporting import ExportStore  # noqa: PLC0415 -- as in session

    assert store.originals is not None  # noqa: S101 -- as above
    return ExportStore(store.originals, store.seasons, store.archives)


def _words(exported: Exported, file: str) -> list[str]:
    end = exported.end
    where = "" if file == _STDOUT else f"{file}: "
    seasons = f"{end.seasons:,} season{'' if end.seasons == 1 else 's'}"
    read = f"{end.entries:,} entries, {seasons}, {end.users:,} users, {end.bans:,} bans"
    return [f"{where}{read}.", f"SHA-256 {end.sha256}"]


def _as_json(exported: Exported, file: str) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415 -- as in session

    told: dict[str, Any] = msgspec.to_builtins(exported.end)
    return (
        {"file": file} | {k: v for k, v in told.items() if k != "kind"} | {"digests": dict(exported.digests)}
    )
