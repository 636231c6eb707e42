"""Checking an export file, as `verify --export` and `import` do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO

from . import console
from .progress import progress_bar
from .session import REFUSED, USAGE, Session, fail

if TYPE_CHECKING:
    from scoreboard_server.flow.checking_exports import CheckedExport

_MOST_SHOWN = 100
_HEADINGS = [("line", "right"), ("season", "left"), ("user", "left"), ("what is wrong", "left")]


def checked_export(file: BinaryIO) -> CheckedExport:
    """What it comes to. Ends the command with 2 when it can't be read."""
    from scoreboard_server.flow.checking_exports import (  # noqa: PLC0415 -- as in session
        Unreadable,
        check_export,
        lines_of,
    )

    size = os.fstat(file.fileno()).st_size
    try:
        with progress_bar("Checking the export", size) as advance:
            return check_export(lines_of(file), advance)
    except Unreadable as error:
        fail(USAGE, str(error))
    except OSError as error:
        fail(USAGE, f"The file can't be read: {error.strerror}.")


def verify_export(session: Session, file: BinaryIO) -> None:
    """Check it and say what is wrong with it, and where."""
    checked = checked_export(file)
    if session.as_json:
        console.data_json(_as_json(checked))
    else:
        _show(checked)
    if checked.differences:
        raise SystemExit(REFUSED)


def _show(checked: CheckedExport) -> None:
    if checked.wrong:
        rows = [(f"{w.line:,}", w.season or "", w.user or "", w.what) for w in checked.wrong[:_MOST_SHOWN]]
        console.data_table(_HEADINGS, rows, "Differences")
    for season in checked.seasons:
        entries = "1 entry" if season.entries == 1 else f"{season.entries:,} entries"
        console.data(f"{season.name}: {entries} of {season.users:,} user{'' if season.users == 1 else 's'}.")
        if season.digest is not None:
            console.data(f"SHA-256 {season.digest}")
    count = checked.differences
    read = f"{checked.end.lines + 1:,} lines"
    if not count:
        console.data(f"{read}: ledger, standings, boards and digests agree.")
    else:
        console.data(f"{read}: {count:,} difference{'' if count == 1 else 's'}.")


def _as_json(checked: CheckedExport) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415 -- as in session

    end = checked.end
    return {
        "lines": end.lines,
        "entries": end.entries,
        "users": end.users,
        "bans": end.bans,
        "acts": end.acts,
        "sha256": end.sha256,
        "seasons": msgspec.to_builtins(checked.seasons),
        "differences": checked.differences,
        "wrong": msgspec.to_builtins(checked.wrong),
        "addsUp": checked.differences == 0,
    }
