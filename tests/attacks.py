"""Attacks on the score board, each tried in a few lines; what they return is whether they succeed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf

import msgspec

from scoreboard_server.flow.captcha import Captcha
from scoreboard_server.flow.gate import Gate
from scoreboard_server.flow.keys import KeyRing
from scoreboard_server.flow.tokens import TokenVerifier
from scoreboard_server.flow.turnstile import Turnstile
from scoreboard_server.rules import client_address as address_module
from scoreboard_server.rules.action_types import ActionType, Catalogue, Proof
from scoreboard_server.rules.bans import Ban, BanList
from scoreboard_server.rules.claims import WRITE, Identity
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.rate_limit import RateLimit
from scoreboard_server.rules.refusals import Refusal
from scoreboard_server.rules.revocations import Revocation, RevocationList
from scoreboard_server.rules.tallies import DAY_US, DayCount, Tallies
from scoreboard_server.rules.tickets import TicketOffice
from scoreboard_server.web import strict_json

from .conftest import SECRET, Api, StartServer, token
from .flow.test_captcha import FakeProvider, FakeSpent
from .web.test_score_handler import forged
from .web.wire import HANDSHAKE, ask, request

NOW = 20_000 * DAY_US + DAY_US // 2
SECOND = 1_000_000

Attack = Callable[[StartServer], Awaitable[bool]]


def made_gate() -> Gate:
    """One with caps, tickets that are good at once, trusted types, and Ann banned."""
    types = [
        ActionType("daily", 1, per_day=2),
        ActionType("quiz", 1, Proof.TICKET, min_seconds=3),
        ActionType("match", 1, Proof.TRUSTED),
    ]
    bans = BanList([Ban("banned", "b1", "cheats", "admin", 0)])
    office = TicketOffice([SECRET.encode()])
    return Gate(Catalogue(types), office, bans=bans, tallies=Tallies(), now_us=lambda: NOW)


def identity(user: str = "ann") -> Identity:
    """A player."""
    return Identity(user, "t1", 1e12, frozenset({WRITE}), Profile())


def admitted(gate: Gate, action: str, kind: str, user: str = "ann", of: str | None = None) -> bool:
    """Whether a player's claim is let through."""
    try:
        gate.admit(gate.claim(identity(user), action, kind, of))
    except Refusal:
        return False
    return True


def ticket(user: str = "ann", secret: str = SECRET, after: int = 0, times: int = 1) -> list[str]:
    """Tickets for quizzes, good from ten minutes before now to ten after; after: so many µs later."""
    office, begin = TicketOffice([secret.encode()]), (NOW + after) // 1000 - 600_000
    return [
        office.give(user, "quiz", not_before=begin, not_after=begin + 1_200_000, nonce=bytes([i] * 10)).text
        for i in range(times)
    ]


async def farm(_: StartServer) -> bool:
    """More than two of a hundred own ids count."""
    gate = made_gate()
    return sum(admitted(gate, f"a{i}", "daily") for i in range(100)) > 2


async def give_back(_: StartServer) -> bool:
    """A repeat, given back, takes what another server has counted along."""
    kind, tallies = ActionType("quiz", 1, min_seconds=5), Tallies()
    repeat = tallies.take("ann", kind, NOW + 10)
    assert repeat is not None
    tallies.counted("ann", kind, NOW, NOW + 20)
    tallies.settle(repeat, counted=False)
    try:
        return tallies.take("ann", kind, NOW + SECOND) is not None
    except Refusal:
        return False


async def farm_over_a_restart(_: StartServer) -> bool:
    """What was counted before the restart is not in the way."""
    gate, tallies = made_gate(), Tallies()
    tallies.replace({("ann", "daily"): DayCount(2, NOW - 1)}, NOW)
    gate._tallies = tallies
    return admitted(gate, "a1", "daily")


async def forge_a_ticket(_: StartServer) -> bool:
    """Sign one with another secret."""
    return admitted(made_gate(), ticket(secret="x" * 32)[0], "quiz")


async def take_anothers_ticket(_: StartServer) -> bool:
    """Claim with it as oneself."""
    return admitted(made_gate(), ticket("ben")[0], "quiz")


async def claim_early(_: StartServer) -> bool:
    """Before the least time is over."""
    return admitted(made_gate(), ticket(after=900 * SECOND)[0], "quiz")


async def claim_late(_: StartServer) -> bool:
    """After it has expired."""
    return admitted(made_gate(), ticket(after=-900 * SECOND)[0], "quiz")


async def claim_in_parallel(_: StartServer) -> bool:
    """Two that were waited for together."""
    gate = made_gate()
    return all(admitted(gate, text, "quiz") for text in ticket(times=2))


async def claim_what_is_for_trusted_servers(_: StartServer) -> bool:
    """Win a match by saying so."""
    return admitted(made_gate(), "a1", "match")


async def claim_for_another(_: StartServer) -> bool:
    """Name somebody else as the user."""
    return admitted(made_gate(), "a1", "daily", of="ben")


async def claim_while_banned(_: StartServer) -> bool:
    """As if nothing were."""
    return admitted(made_gate(), "a1", "daily", user="banned")


async def send_an_operator(_: StartServer) -> bool:
    """In the place of an id."""
    return admitted(made_gate(), "$where", "daily")


def verified(bearer: str, revocations: RevocationList | None = None) -> bool:
    """Whether a token is believed."""
    verifier = TokenVerifier(
        KeyRing(secret=SECRET.encode()),
        issuer="scoreboard",
        audience="scoreboard",
        max_ttl=86_400,
        clock=lambda: 2e9,
        revocations=revocations,
    )
    try:
        verifier.verify(bearer)
    except Refusal:
        return False
    return True


async def use_a_revoked_token(_: StartServer) -> bool:
    """It is good but for that."""
    bearer = forged(iat=2_000_000_000, exp=2_000_000_060)
    return verified(bearer, RevocationList([Revocation(3e9, 4e9, user="ann")]))


async def use_an_expired_token(_: StartServer) -> bool:
    """A second too late."""
    return verified(forged(iat=1_999_999_000, exp=1_999_999_999))


async def make_a_token(_: StartServer) -> bool:
    """Signed by oneself."""
    return verified(forged(key="x" * 32, iat=2_000_000_000, exp=2_000_000_060))


def turnstile() -> Turnstile:
    """Three at once for a user and four for an address, on a clock that stands still."""
    return Turnstile(RateLimit(1, 3), RateLimit(1, 4), lambda: 0.0)


async def flood(_: StartServer) -> bool:
    """By one user, from many addresses."""
    gate = turnstile()
    try:
        return all(gate.pass_user(identity(), f"192.0.2.{i}") for i in range(50))
    except Refusal:
        return False


async def flood_from_a_network(_: StartServer) -> bool:
    """By many users, from as many addresses of one /64."""
    gate = turnstile()
    try:
        return all(gate.pass_user(identity(f"u{i}"), f"2001:db8::{i}") for i in range(50))
    except Refusal:
        return False


async def pretend_an_address(_: StartServer) -> bool:
    """Write one into a header that only a proxy of ours may write."""
    trusted = address_module.networks(["10.0.0.0/8"])
    return address_module.client_address("192.0.2.1", ["192.0.2.99"], trusted) == "192.0.2.99"


async def say_two_things(_: StartServer) -> bool:
    """An id that one reader takes for another than the next."""
    body = b'{"actionId":"a1","actionId":"a2","actionType":"x"}'
    try:
        claim: object = strict_json.decode(body, msgspec.json.Decoder(_Claim))
    except Refusal:
        return False
    return claim is not None


class _Claim(msgspec.Struct, rename="camel"):
    action_id: str
    action_type: str


async def replay_a_captcha(_: StartServer) -> bool:
    """For another action."""
    captcha = Captcha(FakeProvider(), FakeSpent(), lambda: False)
    try:
        for action in ("a1", "a2"):
            await captcha.check("good", key=("ann", action), address=None, deadline=inf)
    except Refusal:
        return False
    return True


async def connect_from_another_site(start_server: StartServer) -> bool:
    """As a page that a player has open beside the game."""
    api = Api(await start_server())
    answer = await ask(api, request("/ws", *HANDSHAKE, "Origin: https://evil.example"))
    return answer.code == 101


async def send_a_large_body(start_server: StartServer) -> bool:
    """Of nothing but white space, which is to be read."""
    api = Api(await start_server())
    body = '{"actionId":"a1","actionType":"task.completed"}' + " " * 100_000
    return (await api.post(body, token())).code == 200
