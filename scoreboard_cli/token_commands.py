"""`scoreboard token`: issuing and inspecting tokens."""

from __future__ import annotations

import time
import unicodedata
from typing import TYPE_CHECKING

import click

from scoreboard_server.rules.claims import SCOPES, WRITE
from scoreboard_server.rules.profiles import clean_avatar, clean_name
from scoreboard_server.rules.refusals import Refusal
from scoreboard_server.settings import format_duration, parse_duration
from scoreboard_server.signing_secret import is_still_to_be_made, signing_secret

from . import console
from .admin import admin, moderation_of, reason, user_id
from .session import REFUSED, Session, command_options, exit_codes, fail, with_store
from .token_inspecting import given_token, judge, readable_time, show

if TYPE_CHECKING:
    from scoreboard_server.flow.keys import Key
    from scoreboard_server.settings import Settings
    from scoreboard_server.store.opening import Store


_LONGEST_ID = 128


@click.group()
def token() -> None:
    """Issue, inspect and revoke tokens (JWT).

    \b
    Example:  scoreboard token issue ann --ttl 2h
    """


def _username(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    name = clean_name(value)
    # Composing letters is nothing to refuse a name for: some keyboards and systems decompose them.
    if name is None or name != unicodedata.normalize("NFC", value):
        raise click.BadParameter(
            "must be 1-32 characters: no control or direction marks, spaces only one by one and inside"
        )
    return name


def _avatar(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and clean_avatar(value) is None:
        raise click.BadParameter("must be an https:// URL of at most 2048 characters, all ASCII")
    return value


def _ttl(_ctx: click.Context, _param: click.Parameter, value: str) -> float:
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if seconds < 1:  # claims hold whole seconds, so this token would never be valid
        raise click.BadParameter(f"{value!r} is less than a second")
    return seconds


@token.command()
@click.argument("user", callback=user_id)
@click.option(
    "--username", metavar="NAME", callback=_username, help="The name to show.  [default: the user id]"
)
@click.option("--avatar-url", metavar="URL", callback=_avatar, help="An https:// picture to show.")
@click.option(
    "--ttl",
    default="1h",
    show_default=True,
    callback=_ttl,
    metavar="SPAN",
    help="How long it is valid: 90s, 10m, 1h, 30d.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=(WRITE,),
    show_default=True,
    help="What it allows; may be given several times.",
)
@command_options
def issue(
    session: Session,
    *,
    user: str,
    username: str | None,
    avatar_url: str | None,
    ttl: float,
    scopes: tuple[str, ...],
) -> None:
    """Print a signed token for USER, and nothing else.

    It is signed with the first key of auth.jwks_file that can sign, without one with the secret.
    It needs no store, so it is not in the audit trail; revoking one is.

    \b
    Example:  scoreboard token issue ann --username Ann --ttl 2h
    """
    from scoreboard_server.flow.tokens import TokenIssuer, peek  # noqa: PLC0415 -- imports the JWT library

    settings = session.settings()
    auth = settings.auth
    if ttl > auth.max_ttl:
        fail(REFUSED, f"--ttl is longer than auth.max_ttl ({format_duration(auth.max_ttl)}) allows.")
    issuer = TokenIssuer(signing_key(settings), issuer=auth.issuer, audience=auth.audience, clock=time.time)
    scope = list(dict.fromkeys(scopes))
    issued = issuer.issue(user, ttl=ttl, name=username, picture=avatar_url, scopes=scope)
    if session.as_json:
        _, claims = peek(issued)
        expires_at = readable_time(claims["exp"])
        console.data_json({"token": issued, "userId": user, "scope": scope, "expiresAt": expires_at})
    else:
        console.data(issued)


@token.command()
@click.argument("given", metavar="TOKEN")
@command_options
def inspect(session: Session, given: str) -> None:
    """Show a token's claims and whether this server would take it.

    Use - as TOKEN to read it from standard input. Exits 1 when the server
    would not take it. Whether it was revoked, or its user is banned, is asked
    of the store where that runs; where none does, it says so.

    \b
    Example:  scoreboard token issue ann | scoreboard token inspect -
    """
    from scoreboard_server.flow.tokens import peek  # noqa: PLC0415 -- as above

    settings = session.settings()
    text = given_token(given)
    try:
        header, claims = peek(text)
    except Refusal as refusal:
        fail(REFUSED, refusal.detail)
    verdict = judge(settings, text)
    show(session, header, claims, verdict)
    if verdict.reason is not None:
        raise SystemExit(REFUSED)


def _token_id(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not 1 <= len(value) <= _LONGEST_ID:
        raise click.BadParameter(f"must be 1 to {_LONGEST_ID} characters")
    if value is not None and any(unicodedata.category(character) == "Cs" for character in value):
        raise click.BadParameter("is not text in this terminal's encoding")
    return value


@token.command()
@click.argument("token_id", metavar="[JTI]", required=False, callback=_token_id)
@click.option("--user", callback=user_id, metavar="USER", help="All that this user has until now.")
@click.option("--reason", "why", default="revoked", callback=reason, metavar="TEXT", help="Why, for admins.")
@command_options
def revoke(session: Session, *, token_id: str | None, user: str | None, why: str) -> None:
    """Have a token refused by its `jti`, or all of a user's.

    Running servers follow within a second, and close the sockets that were
    opened with it. `scoreboard token inspect` shows the `jti` of a token.

    \b
    Example:  scoreboard token revoke --user ann
    """
    if (token_id is None) == (user is None):
        raise click.UsageError("Name either a JTI or --user USER.")
    settings = session.settings()

    async def work(store: Store) -> None:
        from scoreboard_server.flow.deciding import revoke as decide  # noqa: PLC0415 -- as in session

        await decide(
            moderation_of(store),
            admin(),
            token_id=token_id,
            user=user,
            reason=why,
            max_ttl=settings.auth.max_ttl,
        )

    with_store(settings, work)
    if session.as_json:
        console.data_json({"tokenId": token_id, "userId": user})
    else:
        which = f"the token {console.printable(token_id)}" if token_id else f"all tokens of {user}"
        console.data(f"Revoked {which}.")


def signing_key(settings: Settings) -> Key:
    """The key that tokens are signed with. Ends the command with 1 or 2 when there is none."""
    from scoreboard_server.signing_keys import key_ring  # noqa: PLC0415 -- as above

    auth = settings.auth
    with exit_codes():
        signer = key_ring(auth, None).signer
        if signer is None and "HS256" in auth.algorithms:
            if is_still_to_be_made(settings):
                console.say(f"There is no signing secret in {settings.store.data_dir} yet; made a new one.")
            signer = key_ring(auth, signing_secret(settings)).signer
    if signer is None:
        accepted = ", ".join(auth.algorithms)
        fail(REFUSED, f"There is no key that signs tokens for auth.algorithms ({accepted}): none is private.")
    return signer
