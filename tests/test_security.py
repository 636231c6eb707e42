"""The threat model in SECURITY.md: its tests exist, and its defences are what stops the attacks.

Each attack is tried twice: with all defences it must fail, and without the one it is about it must succeed.
Otherwise the row's tests might be green for another reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from scoreboard_server.flow import gate as gate_module
from scoreboard_server.flow import tokens as tokens_module
from scoreboard_server.flow.gate import Gate
from scoreboard_server.flow.tokens import TokenVerifier, peek
from scoreboard_server.rules import client_address as address_module
from scoreboard_server.rules import tallies as tallies_module
from scoreboard_server.rules.bans import BanList
from scoreboard_server.rules.claims import check_claims
from scoreboard_server.rules.rate_limit import Allowance, RateLimit
from scoreboard_server.rules.refusals import Refusal
from scoreboard_server.rules.revocations import RevocationList
from scoreboard_server.rules.tallies import Tallies
from scoreboard_server.rules.tickets import TicketOffice
from scoreboard_server.web import strict_json
from scoreboard_server.web.live_socket import LiveSocket
from scoreboard_server.web.score_handler import ScoreHandler

from . import attacks
from .attacks import NOW, Attack
from .conftest import StartServer
from .flow.test_captcha import FakeSpent

ROOT = Path(__file__).parent.parent

# --- the table ------------------------------------------------------------------------------------


def rows() -> dict[str, list[str]]:
    """The tests of each row, by the words in bold of its attack."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "SECURITY.md").read_text().splitlines():
        if line.startswith("| **"):
            attack, _, tests = line.strip("|").split("|")
            bold = re.findall(r"\*\*(.+?)\*\*", attack)
            found[bold[0]] = re.findall(r"`([^`]+)`", tests)
    return found


@cache
def functions(path: Path) -> set[str]:
    """The names of all functions at the top of a module."""
    body = ast.parse(path.read_text()).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_there_is_a_table() -> None:
    """With a row for every attack; none stands there twice."""
    text = (ROOT / "SECURITY.md").read_text()
    assert len(rows()) == text.count("\n| **") > 30


@pytest.mark.parametrize("attack", rows())
def test_each_row_names_tests_that_exist(attack: str) -> None:
    """At least one, as `file::function`."""
    assert rows()[attack]
    for name in rows()[attack]:
        file, _, function = name.partition("::")
        assert function in functions(ROOT / file), name


# --- the defences, each taken out -----------------------------------------------------------------


def no_caps(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks at a tally."""
    patch.setattr(tallies_module, "_check", lambda *_: None)


def no_memory_of_others(patch: pytest.MonkeyPatch) -> None:
    """What is given back is the newest there was."""
    patch.setattr(Tallies, "counted", lambda *_: None)


def no_counts_from_the_store(patch: pytest.MonkeyPatch) -> None:
    """A start begins with nothing."""
    patch.setattr(Tallies, "replace", lambda *_: None)


def no_signature(patch: pytest.MonkeyPatch) -> None:
    """Every signature is right."""
    patch.setattr("scoreboard_server.rules.tickets.hmac.compare_digest", lambda *_: True)


def no_times(patch: pytest.MonkeyPatch) -> None:
    """A ticket is good whenever it is."""
    check = TicketOffice.check
    in_between = NOW // 1000

    def at_a_good_time(self: TicketOffice, text: str, user: str, kind: str, *, now: int) -> None:
        for shift in (0, -900_000, 900_000):
            try:
                return check(self, text, user, kind, now=in_between + shift)
            except Refusal as refusal:
                told = refusal
        raise told

    patch.setattr(TicketOffice, "check", at_a_good_time)


def no_proof(patch: pytest.MonkeyPatch) -> None:
    """Every type is as good as `none`."""
    patch.setattr(Gate, "_check_proof", lambda *_: None)


def anyone_for_anyone(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks who names a user."""
    patch.setattr(gate_module, "_for_another", lambda _, user: user)


def no_bans(patch: pytest.MonkeyPatch) -> None:
    """Everyone is welcome."""
    patch.setattr(BanList, "check", lambda *_: None)


def any_id(patch: pytest.MonkeyPatch) -> None:
    """Every text is an id."""
    patch.setattr(gate_module, "is_action_id", lambda _: True)


def no_revocations(patch: pytest.MonkeyPatch) -> None:
    """No token is taken back."""
    patch.setattr(RevocationList, "check", lambda *_: None)


def no_expiry(patch: pytest.MonkeyPatch) -> None:
    """Every token is as young as on its first day."""
    patch.setattr(
        tokens_module,
        "check_claims",
        lambda c, *, now, max_ttl, vouched_by: check_claims(c, now=c["iat"], max_ttl=max_ttl),
    )


def no_verification(patch: pytest.MonkeyPatch) -> None:
    """What a token says is believed."""
    patch.setattr(TokenVerifier, "_read", lambda _, text: (None, peek(text)[1]))


def no_rates(patch: pytest.MonkeyPatch) -> None:
    """There is always room."""
    patch.setattr(RateLimit, "take", lambda *_: Allowance(1, 1, 0.0, 0.0))


def addresses_for_networks(patch: pytest.MonkeyPatch) -> None:
    """Each IPv6 address counts for itself."""
    patch.setattr("scoreboard_server.flow.turnstile.rate_key", lambda address: address)


def every_peer_a_proxy(patch: pytest.MonkeyPatch) -> None:
    """Whoever connects may write the header."""
    real = address_module._is_in
    patch.setattr(address_module, "_is_in", lambda a, nets: str(a) == "192.0.2.1" or real(a, nets))


def any_keys(patch: pytest.MonkeyPatch) -> None:
    """The last one of a key counts."""
    patch.setattr(strict_json, "_check_keys_if_doubtful", lambda *_: None)


def no_memory_of_captchas(patch: pytest.MonkeyPatch) -> None:
    """Each answer is new."""

    async def nothing(*_: object) -> None:
        return None

    async def first(*_: object) -> bool:
        return True

    patch.setattr(FakeSpent, "spent_on", nothing)
    patch.setattr(FakeSpent, "spend", first)


def any_origin(patch: pytest.MonkeyPatch) -> None:
    """Every page is ours."""
    patch.setattr(LiveSocket, "check_origin", lambda *_: True)


def any_size(patch: pytest.MonkeyPatch) -> None:
    """A body may be as large as a connection takes."""
    patch.setattr(ScoreHandler, "body_limit", 1 << 30)


class Control(NamedTuple):
    """What succeeds when what is taken out; row: the words in bold."""

    row: str
    attack: Attack
    take_out: Callable[[pytest.MonkeyPatch], None]


CONTROLS = [
    Control("Farming with own ids", attacks.farm, no_caps),
    Control("Opening a cap", attacks.give_back, no_memory_of_others),
    Control("Opening a cap with a restart", attacks.farm_over_a_restart, no_counts_from_the_store),
    Control("Forging a ticket", attacks.forge_a_ticket, no_signature),
    Control("Another's ticket", attacks.take_anothers_ticket, no_signature),
    Control("A ticket early", attacks.claim_early, no_times),
    Control("A ticket early", attacks.claim_late, no_times),
    Control("Tickets in parallel", attacks.claim_in_parallel, no_caps),
    Control("A trusted type", attacks.claim_what_is_for_trusted_servers, no_proof),
    Control("Claiming for others", attacks.claim_for_another, anyone_for_anyone),
    Control("A stolen token", attacks.use_a_revoked_token, no_revocations),
    Control("A stolen token", attacks.use_an_expired_token, no_expiry),
    Control("A token of one's own", attacks.make_a_token, no_verification),
    Control("A flood by a user", attacks.flood, no_rates),
    Control("A flood from an address", attacks.flood_from_a_network, addresses_for_networks),
    Control("Large bodies", attacks.send_a_large_body, any_size),
    Control("JSON that says two things", attacks.say_two_things, any_keys),
    Control("Operators of the database", attacks.send_an_operator, any_id),
    Control("A page of another site", attacks.connect_from_another_site, any_origin),
    Control("A forged `X-Forwarded-For`", attacks.pretend_an_address, every_peer_a_proxy),
    Control("A captcha again", attacks.replay_a_captcha, no_memory_of_captchas),
    Control("A banned user", attacks.claim_while_banned, no_bans),
]


@pytest.mark.parametrize("is_there", [True, False], ids=["kept", "taken_out"])
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.attack.__name__)
async def test_an_attack_succeeds_exactly_without_its_defence(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch, control: Control, is_there: bool
) -> None:
    """So it is the defence that stops it, and nothing else by chance."""
    assert control.row in rows()
    if not is_there:
        control.take_out(monkeypatch)
    assert await control.attack(start_server) is not is_there
