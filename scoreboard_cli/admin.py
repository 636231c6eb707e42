"""Who decides at this terminal, and why."""

from __future__ import annotations

import getpass
import os
import secrets
from typing import TYPE_CHECKING

import click

from scoreboard_server.clock import now_us
from scoreboard_server.rules.identifiers import is_user_id

from . import console

if TYPE_CHECKING:
    from scoreboard_server.flow.deciding import Admin
    from scoreboard_server.flow.ports import Moderation
    from scoreboard_server.store.opening import Store

_LONGEST_REASON = 500


def admin() -> Admin:
    """Whoever runs this command."""
    from scoreboard_server.flow.deciding import Admin  # noqa: PLC0415 -- as in session

    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # no such user in this container
        name = f"uid {os.getuid()}"
    return Admin(console.printable(name), f"admin-{secrets.token_hex(8)}", now_us)


def moderation_of(store: Store) -> Moderation:
    """What every store has that a command can reach."""
    assert store.moderation is not None  # noqa: S101 -- only a store in another process has none
    return store.moderation


def user_id(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """An argument or option that names a user."""
    if value is not None and not is_user_id(value):
        raise click.BadParameter("must be 1-64 characters of A-Za-z0-9_.:@-")
    return value


def reason(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """An option that says why, in one line."""
    text = " ".join(value.split())
    if not 1 <= len(text) <= _LONGEST_REASON or console.printable(text) != text:
        raise click.BadParameter(f"must be 1 to {_LONGEST_REASON} characters that can be printed")
    return text
