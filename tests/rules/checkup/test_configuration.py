"""The settings as they are meant."""

from __future__ import annotations

import pytest

from scoreboard_server.rules.action_types import ActionType, Asked, Proof
from scoreboard_server.rules.checkup.configuration import actions, network, refused, sources
from scoreboard_server.rules.checkup.finding import State


def test_where_settings_come_from() -> None:
    """File, variables and flags, each variable counted once."""
    origins = [
        "default",
        "s.toml",
        "SCOREBOARD_STORE",
        "SCOREBOARD_SERVER_PORT",
        "SCOREBOARD_STORE",
        "--store",
    ]
    assert sources("s.toml", origins).found == "s.toml, 2 variables, 1 flag; else defaults"
    assert sources(None, ["default"]).found == "defaults"


def test_settings_that_are_refused() -> None:
    """In the words that name the key."""
    found = refused("Unknown key in s.toml: server.prot.")
    assert (found.state, found.found) == (State.WRONG, "Unknown key in s.toml: server.prot.")


@pytest.mark.parametrize("proxy", ["0.0.0.0/0", "::/0", "128.0.0.0/1"])
def test_to_trust_the_world_is_wrong(proxy: str) -> None:
    """A client could pass for any other."""
    found = network("127.0.0.1", [proxy], [])
    assert (found.state, "server.trusted_proxies" in (found.remedy or "")) == (State.WRONG, True)


def test_a_network_of_one_s_own_may_be_trusted() -> None:
    """The widest private one is fine."""
    found = network("0.0.0.0", ["10.0.0.0/8", "fd00::/16"], ["https://play.test", "http://localhost:3000"])
    assert (found.state, found.found) == (State.OK, "listens on 0.0.0.0 behind proxies")


def test_in_the_open_without_tls_is_a_hint() -> None:
    """Tokens are on the way in the clear."""
    found = network("0.0.0.0", [], [])
    assert (found.state, "TLS" in (found.remedy or "")) == (State.HINT, True)
    assert network("127.0.0.1", [], []).state is State.OK


def test_an_origin_without_tls_is_a_hint() -> None:
    """Unless it is on this machine."""
    found = network("127.0.0.1", [], ["http://play.test"])
    assert (found.state, found.found) == (State.HINT, "pages of http://play.test come without TLS")


BARE = ActionType("bare", 5)


@pytest.mark.parametrize(
    "protected",
    [
        ActionType("x", 5, proof=Proof.TICKET),
        ActionType("x", 5, proof=Proof.TRUSTED),
        ActionType("x", 5, per_minute=3),
        ActionType("x", 5, per_day=3),
        ActionType("x", 5, min_seconds=1.0),
        ActionType("x", -5),
    ],
)
def test_any_protection_will_do(protected: ActionType) -> None:
    """One that takes points away needs none."""
    assert actions([protected], has_captcha=False).state is State.OK


def test_types_without_any_protection_are_named() -> None:
    """With the line that would cap the first."""
    found = actions([BARE, ActionType("x", 5, per_day=3)], has_captcha=False)
    assert (found.state, found.found) == (State.HINT, "without proof or cap: bare")
    assert '[actions."bare"] per_day = 100' in (found.remedy or "")


def test_a_captcha_each_time_is_a_protection() -> None:
    """If there is a provider, and it isn't only asked for when something is suspicious."""
    always = ActionType("x", 5, captcha=Asked.ALWAYS)
    assert actions([always], has_captcha=True).state is State.OK
    unasked = actions([always, ActionType("y", 5, per_day=2, captcha=Asked.ALWAYS)], has_captcha=False)
    assert (unasked.state, unasked.found) == (State.HINT, "a captcha always, and none is asked for: x, y")
    assert actions([BARE], has_captcha=True).state is State.HINT
