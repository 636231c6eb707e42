"""`scoreboard demo`: a server and a few simulated players who act through its public API."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import socket
import time
import urllib.error
import urllib.request
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from scoreboard_server.log_lines import log_to_stderr

from .serve_commands import announce, run_server
from .session import REFUSED, Session, command_options, fail

if TYPE_CHECKING:
    from scoreboard_server.flow.keys import Key
    from scoreboard_server.serving import Server
    from scoreboard_server.settings import Settings

PREFIX = "demo:"
_NAMES = (
    "Amara", "Björn", "Chiara", "Dmitri", "Elif", "Farah", "Goro", "Hana", "Ines", "Jomo", "Kira", "Luca",
    "Mei", "Nuria",
)  # fmt: skip
_TOKEN_TTL_S = 24 * 3600
_REQUEST_PATIENCE_S = 10.0
_PORTS_TRIED = 50
# Without this the players would go through a proxy that the environment names, and it can't reach us.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@click.command()
@click.option("--host", metavar="HOST", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, metavar="PORT", help="The port.  [default: 8080, or the next free one]")
@click.option(
    "--players",
    type=click.IntRange(1, 100),
    metavar="COUNT",
    default=14,
    show_default=True,
    help="How many players.",
)
@command_options
def demo(session: Session, host: str | None, port: int | None, players: int) -> None:
    """See it move: a server with simulated players.

    The players act through the public API, as yours would; what keeps real
    ones from farming points (rates, caps, captchas) is off for them.

    \b
    Example:  scoreboard demo --players 20
    """
    settings = session.settings(server__host=host, server__port=port)
    if settings.origins["server.port"] == "default":
        free = _free_port(settings.server.host, settings.server.port)
        settings = session.settings(server__host=host, server__port=free)
    action_type = _open_action_type(settings)
    settings = _without_limits(settings, action_type)
    # Who wants to see more than that something is wrong says so.
    level = "warning" if settings.origins["log.level"] == "default" else settings.log.level
    log_to_stderr(level, settings.log.format)
    run_server(lambda: _run(session, settings, players, action_type))


async def _run(session: Session, settings: Settings, players: int, action_type: str) -> None:
    from scoreboard_server.serving import serve  # noqa: PLC0415 -- heavy, and only needed now

    acting: list[asyncio.Task[None]] = []

    async def ready(server: Server) -> None:
        await _check_is_ours(server)
        announce(session, server)
        tokens = _tokens(settings, server.keys.signer, players)
        acting.extend(asyncio.create_task(_act(server.address, token, action_type)) for token in tokens)

    try:
        await serve(settings, ready)
    finally:
        for player in acting:
            player.cancel()


def _free_port(host: str, first: int) -> int:
    """The first free port from `first` on, so that a demo never stumbles over what runs already."""
    for port in range(first, first + _PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except (OSError, UnicodeError):
                continue
            return port
    return first


async def _check_is_ours(server: Server) -> None:
    """Simulated players have no place on a board of real ones, also where a season has just begun."""
    if await server.holds_others_than(PREFIX):
        fail(REFUSED, "This store holds a real board. Name an empty folder for the demo with --data-dir.")


def _open_action_type(settings: Settings) -> str:
    open_ones = (name for name, action_type in settings.actions.items() if action_type.proof == "none")
    name = next(open_ones, None)
    if name is None:
        fail(REFUSED, "The demo needs an action type that takes no proof; the settings offer none.")
    return name


def _without_limits(settings: Settings, action_type: str) -> Settings:
    """The players share one address, never sleep and solve no captchas."""
    limits = replace(settings.limits, updates_per_minute=0, per_ip_per_minute=0)
    kind = replace(settings.actions[action_type], per_minute=0, per_day=0, min_seconds=0.0, captcha="never")
    return replace(settings, limits=limits, actions={**settings.actions, action_type: kind})


def _tokens(settings: Settings, key: Key | None, players: int) -> list[str]:
    from scoreboard_server.flow.tokens import TokenIssuer  # noqa: PLC0415 -- as above

    if key is None:
        fail(REFUSED, "The demo needs a key that signs tokens; the settings name none.")
    auth = settings.auth
    issuer = TokenIssuer(key, issuer=auth.issuer, audience=auth.audience, clock=time.time)
    ttl = min(_TOKEN_TTL_S, auth.max_ttl)
    return [issuer.issue(f"{PREFIX}{i}", ttl=ttl, name=_name(i)) for i in range(1, players + 1)]


def _name(i: int) -> str:
    generation, which = divmod(i - 1, len(_NAMES))
    return _NAMES[which] + (f" {generation + 1}" if generation else "")


async def _act(address: str, token: str, action_type: str) -> None:
    """One player: acts, rests, acts again; a failure is repeated with the same id, as every client should."""
    pace = random.uniform(0.6, 3.0)  # noqa: S311 -- simulated play, not secrets
    url = f"{address}/api/scores/update"
    while True:
        await asyncio.sleep(random.expovariate(1 / pace))
        action = {"actionId": secrets.token_hex(8), "actionType": action_type}
        while True:
            if await asyncio.to_thread(_post, url, token, action):
                break
            await asyncio.sleep(1)


def _post(url: str, token: str, action: dict[str, str]) -> bool:
    """True when the answer is final; False when the action should be repeated."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(action).encode(), headers)  # noqa: S310 -- our own address
    try:
        with _DIRECT.open(request, timeout=_REQUEST_PATIENCE_S):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500 and error.code != 429
    except OSError:
        return False
