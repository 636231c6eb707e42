"""`scoreboard config`: what the server would run with."""

from __future__ import annotations

import click

from scoreboard_server.settings import describe

from . import console
from .session import Session, command_options


@click.group()
def config() -> None:
    """Show the settings: flags over environment over file.

    \b
    Example:  scoreboard config show
    """


@config.command()
@click.option("--origin", is_flag=True, help="Also show where each value comes from.")
@command_options
def show(session: Session, origin: bool) -> None:
    """Show every setting; secrets only as set or not.

    \b
    Example:  scoreboard config show --origin
    """
    rows = describe(session.settings())
    if session.as_json:
        console.data_json(
            {key: {"value": value, "origin": source} if origin else value for key, value, source in rows}
        )
        return
    headings = [("key", "left"), ("value", "left")] + ([("origin", "left")] if origin else [])
    cells = [(key, _text(value), source)[: len(headings)] for key, value, source in rows]
    console.data_table(headings, cells, "Settings")


def _text(value: object) -> str:
    if value is None:
        return "-"
    return ", ".join(map(str, value)) or "-" if isinstance(value, list | tuple) else str(value)
