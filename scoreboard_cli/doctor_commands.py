"""`scoreboard doctor`: is everything as it should be, and if not, what is to do?"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from scoreboard_server.settings import SettingsError

from . import console
from .session import REFUSED, UNREACHABLE, Session, command_options

if TYPE_CHECKING:
    from scoreboard_server.rules.checkup.finding import Finding

    from .doctor.checkup import Checkup

_HEADINGS = [("check", "left"), ("state", "left"), ("found", "left")]
_WIDEST = 100  # columns; longer lines are hard to read, however wide the terminal is
_UNFOLDED = 10_000


@click.command()
@click.option("--quick", is_flag=True, help="Leave the ledger out, which takes up to 20 s to fold.")
@command_options
def doctor(session: Session, quick: bool) -> None:
    """Check the installation, the settings and the store.

    Nothing is changed. Each finding says what to do.
    Exits 1 when something is wrong, 4 when the store can't be reached;
    hints alone are 0.

    \b
    Example:  scoreboard doctor
    """
    checkup = _check_up(session, is_quick=quick)
    if session.as_json:
        console.data_json(_as_json(checkup))
    else:
        _show(checkup)
    if checkup.is_reached is False:
        raise SystemExit(UNREACHABLE)
    if _count(checkup, "wrong"):
        raise SystemExit(REFUSED)


def _check_up(session: Session, *, is_quick: bool) -> Checkup:
    from .doctor.checkup import check_up, without_settings  # noqa: PLC0415 -- what --help needn't wait for

    try:
        settings = session.reread()
    except SettingsError as error:
        return without_settings(str(error))
    file = str(session.config) if session.config else os.environ.get("SCOREBOARD_CONFIG")
    return check_up(settings, file, is_quick=is_quick)


def _count(checkup: Checkup, state: str) -> int:
    return sum(finding.state == state for finding in checkup.findings)


def _show(checkup: Checkup) -> None:
    rows = [
        (each.name, each.state.upper() if each.state == "wrong" else each.state, each.found)
        for each in checkup.findings
    ]
    console.data_table(_HEADINGS, rows, "Check-up")
    remedies = [each for each in checkup.findings if each.remedy is not None]
    if remedies:
        console.data("\nWhat to do")
    for finding in remedies:
        console.data(_remedy(finding))
    console.data(f"\n{_verdict(checkup)}")


def _remedy(finding: Finding) -> str:
    """One paragraph, its words kept whole so that a command can be copied."""
    fits_terminal = sys.stdout is None or sys.stdout.isatty() or "COLUMNS" in os.environ
    width = min(shutil.get_terminal_size().columns, _WIDEST) if fits_terminal else _UNFOLDED
    text = console.printable(f"{finding.name}: {finding.remedy}")
    return textwrap.fill(
        text,
        width,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _verdict(checkup: Checkup) -> str:
    counts = {state: _count(checkup, state) for state in ("ok", "hint", "wrong", "skipped")}
    told = [
        f"{counts['ok']} ok",
        f"{counts['hint']} hint{'' if counts['hint'] == 1 else 's'}",
        f"{counts['wrong']} wrong",
        f"{counts['skipped']} skipped",
    ]
    return f"{len(checkup.findings)} checks: {', '.join(told)}."


def _as_json(checkup: Checkup) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415 -- as in console

    summary: dict[str, Any] = {state: _count(checkup, state) for state in ("ok", "hint", "wrong", "skipped")}
    summary["storeReached"] = checkup.is_reached
    return {"findings": msgspec.to_builtins(checkup.findings), "summary": summary}
