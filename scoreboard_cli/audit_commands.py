"""`scoreboard audit`: who did what, when and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import console
from .admin import user_id
from .session import Session, command_options, with_store
from .times import FORMS, Instant, exactly, readable

if TYPE_CHECKING:
    from scoreboard_server.flow.auditing import Page
    from scoreboard_server.flow.ports import Wanted
    from scoreboard_server.rules.acts import Act
    from scoreboard_server.store.opening import Store

_MOST = 100_000
_HEADINGS = [("when (UTC)", "left"), ("who", "left"), ("what", "left"), ("user", "left"), ("why", "left")]


def _kinds(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(kind.isascii() for kind in value):
        raise click.BadParameter("a kind is a word such as `ban`")
    return value


@click.command()
@click.option("--since", type=Instant(ahead=False), metavar="TIME", help="Only from then on.")
@click.option("--until", type=Instant(ahead=False), metavar="TIME", help="Only before then.")
@click.option("--user", callback=user_id, metavar="USER", help="Only what was done to USER.")
@click.option(
    "--what",
    "kinds",
    multiple=True,
    callback=_kinds,
    metavar="KIND",
    help="Only this; may be given several times.",
)
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, _MOST),
    metavar="ROWS",
    default=20,
    show_default=True,
    help="How many acts.",
)
@command_options
def audit(
    session: Session,
    *,
    since: int | None,
    until: int | None,
    user: str | None,
    kinds: tuple[str, ...],
    limit: int,
) -> None:
    """Show what admins did, newest first.

    Each act is there with who, when and why, and how things were before and
    after: ban, unban, adjust, revoke, repair and whatever else is decided.
    Nothing changes or removes a line. Issuing a token leaves none. TIME is an
    instant (UTC), a day, or a span before now; --json tells all details.

    \b
    Example:  scoreboard audit --since 7d
    """
    if since is not None and until is not None and until <= since:
        raise click.BadParameter(f"is not after --since; {FORMS}", param_hint="--until")
    from scoreboard_server.flow.ports import Wanted  # noqa: PLC0415 -- as in session

    wanted = Wanted(since, until, user, kinds)
    page = _read(session, wanted, limit)
    if session.as_json:
        import msgspec  # noqa: PLC0415 -- as in session

        from scoreboard_server.flow.auditing import told  # noqa: PLC0415 -- as in session

        console.data_json([msgspec.to_builtins(told(act)) for act in page.acts])
    else:
        console.data_table(_HEADINGS, [_cells(act) for act in page.acts], _title(page))
    if page.older is not None:
        console.say(f"Older ones:\n{_next_page(session, wanted, page.older, limit)}")


def _read(session: Session, wanted: Wanted, limit: int) -> Page:
    async def work(store: Store) -> Page:
        from scoreboard_server.flow.auditing import audit as read  # noqa: PLC0415 -- as in session

        assert store.trail is not None  # noqa: S101 -- only a store in another process has none
        return await read(store.trail, wanted, limit)

    return with_store(session.settings(), work, whole=True)


def _title(page: Page) -> str:
    more = "" if page.older is None else "the newest "
    return f"{more}{len(page.acts):,} act{'' if len(page.acts) == 1 else 's'}"


def _cells(act: Act) -> tuple[str, str, str, str, str]:
    from .act_words import change  # noqa: PLC0415 -- not for --help

    why = "; ".join(part for part in (act.reason, change(act)) if part)
    return readable(act.at).removesuffix("Z"), act.by, act.what, act.user or "", why


def _next_page(session: Session, wanted: Wanted, older: int, limit: int) -> str:
    """The command that shows it."""
    words = ["-n", str(limit), "--until", exactly(older)]
    if wanted.since is not None:
        words += ["--since", exactly(wanted.since)]
    if wanted.user is not None:
        words += ["--user", wanted.user]
    for kind in wanted.kinds:
        words += ["--what", kind]
    return session.command("audit", *words)
