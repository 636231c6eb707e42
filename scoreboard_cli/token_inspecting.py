"""Inspecting a token: whether this server would take it, and what it says of itself."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from scoreboard_server.clock import now_us
from scoreboard_server.rules.refusals import Refusal
from scoreboard_server.signing_secret import is_still_to_be_made, signing_secret

from . import console
from .session import REFUSED, Session, exit_codes, fail

if TYPE_CHECKING:
    from scoreboard_server.rules.claims import Identity
    from scoreboard_server.setting_tables import StoreSettings
    from scoreboard_server.settings import AuthSettings, Settings

_LONGEST_READ = 65_536  # characters; the server itself takes far fewer, and says so


class Verdict(NamedTuple):
    """What a server makes of a token. reason: why it would refuse it, None when it would take it.

    is_looked_up: whether the store was asked for revocations and bans. why_not: where it should have been.
    """

    reason: str | None
    is_looked_up: bool = False
    why_not: str | None = None


def given_token(given: str) -> str:
    """The token that an argument or standard input holds. Ends the command with 1 when it is none."""
    if given == "-":
        # One byte more than any token has, so that an endless stream is not read to its end.
        given = sys.stdin.buffer.read(_LONGEST_READ + 1).decode(errors="replace")
    text = given.strip()
    if not text.isascii() or len(text) > _LONGEST_READ:
        fail(REFUSED, "This is not a token.")
    return text


def judge(settings: Settings, text: str) -> Verdict:
    """What this server would make of it. Ends the command with 1 or 2 where there are no keys to judge by."""
    auth = settings.auth
    with exit_codes():
        has_none = is_still_to_be_made(settings)
    if has_none:  # looking at a token must not make one
        secret = None
        if auth.jwks_file is None and auth.jwks_url is None:
            where = settings.store.data_dir
            return Verdict(f"there is no signing secret in {where}; is this the server's folder?")
    else:
        with exit_codes():
            secret = signing_secret(settings)
    return asyncio.run(_judge(settings, secret, text))


async def _judge(settings: Settings, secret: bytes | None, text: str) -> Verdict:
    try:
        identity = await _identify(settings.auth, secret, text)
    except Refusal as refusal:
        return Verdict(refusal.detail)
    try:
        why_not = await _look_up(settings.store, identity)
    except Refusal as refusal:
        return Verdict(refusal.detail, is_looked_up=True)
    return Verdict(None, why_not is None, why_not)


async def _identify(auth: AuthSettings, secret: bytes | None, text: str) -> Identity:
    from scoreboard_server.flow.tokens import TokenVerifier  # noqa: PLC0415 -- as in session
    from scoreboard_server.outside.jwks import FetchedKeys  # noqa: PLC0415 -- as in session
    from scoreboard_server.signing_keys import key_ring  # noqa: PLC0415 -- as in session

    with exit_codes():
        keys = key_ring(auth, secret)
    verifier = TokenVerifier(
        keys,
        issuer=auth.issuer,
        audience=auth.audience,
        max_ttl=auth.max_ttl,
        clock=time.time,
        published=FetchedKeys(auth.jwks_url, keys) if auth.jwks_url is not None else None,
    )
    return await verifier.identify(text)


async def _look_up(store: StoreSettings, identity: Identity) -> str | None:
    """Why the store could not be asked, None when it was. Raises TokenRevoked or Banned.

    A MongoDB that has to be started first is not: it would take seconds, and make a store where there is
    none.
    """
    from scoreboard_server.store.data_dir import EmbeddedError, running_uri  # noqa: PLC0415 -- as in session

    if store.uri == "memory":
        return "the `memory` store can't be reached from here."
    try:
        uri = running_uri(store.data_dir) if store.uri == "embedded" else store.uri
    except EmbeddedError as error:
        return str(error)
    if uri is None:
        return f"no server runs in {store.data_dir}."
    from scoreboard_server.flow.heeding import heed  # noqa: PLC0415 -- as in session
    from scoreboard_server.flow.ports import StoreUnavailable  # noqa: PLC0415 -- as in session
    from scoreboard_server.store.examining import decisions  # noqa: PLC0415 -- the driver takes 300 ms
    from scoreboard_server.store.shapes import StoreRefusedError  # noqa: PLC0415 -- as above

    try:
        async with decisions(uri, store.database) as moderation:
            await heed(moderation, identity, now_us())
    except StoreUnavailable as error:
        return f"the store can't be reached: {error}"
    except StoreRefusedError as error:
        return str(error)
    return None


def show(session: Session, header: dict[str, object], claims: dict[str, object], verdict: Verdict) -> None:
    """What it says of itself, and the verdict."""
    if session.as_json:
        told = {
            "valid": verdict.reason is None,
            "reason": verdict.reason,
            "revocationsChecked": verdict.is_looked_up,
        }
        console.data_json(told | {"header": header, "claims": claims})
        return
    rows = [(f"{name} (header)", str(value)) for name, value in header.items()]
    rows += [(name, _readable(name, value)) for name, value in claims.items()]
    console.data_table([("claim", "left"), ("value", "left")], rows, "Token")
    if verdict.reason is not None:
        console.say(f"This server refuses it: {verdict.reason}")
    elif verdict.why_not is None:
        console.say("This server takes it.")
    else:
        console.say("This server takes it, unless it was revoked or its user is banned.")
        why_not = console.printable(console.without_password(verdict.why_not))
        console.say(f"That was not looked at: {why_not}")


def _readable(name: str, value: object) -> str:
    if name in ("iat", "exp", "nbf"):
        return f"{value}  ({readable_time(value)})"
    return str(value)


def readable_time(seconds: object) -> str:
    """A claim that is a time, for people."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return "not a time"
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return "beyond any calendar"
