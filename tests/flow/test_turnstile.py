"""The turnstile: floods are refused, by user and by address."""

from __future__ import annotations

import pytest

from scoreboard_server.flow.turnstile import RateLimited, Turnstile
from scoreboard_server.rules.claims import WRITE, WRITE_ANY, Identity
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.rate_limit import RateLimit


def identity(user: str = "ann", scope: str = WRITE) -> Identity:
    """A user, or a trusted server."""
    return Identity(user, "t1", 1e12, frozenset({scope}), Profile())


def turnstile(per_user: int | None = 2, per_address: int | None = 5) -> Turnstile:
    """One whose clock stands still."""
    return Turnstile(
        RateLimit(1, per_user) if per_user else None,
        RateLimit(1, per_address) if per_address else None,
        lambda: 0.0,
    )


def test_a_user_is_limited_wherever_from() -> None:
    """And told how much is left of which policy."""
    gate = turnstile()
    policy, allowance = gate.pass_user(identity(), "192.0.2.1") or pytest.fail("no limit")
    assert (policy, allowance.remaining) == ("user", 1)
    gate.pass_user(identity(), "192.0.2.2")
    with pytest.raises(RateLimited) as refused:
        gate.pass_user(identity(), "192.0.2.3")
    assert (refused.value.code, refused.value.policy, refused.value.retry_after) == (
        "rate_limited",
        "user",
        60,
    )


def test_an_address_is_limited_whoever_asks() -> None:
    """Many users behind one address, and strangers, use up the same; IPv6 counts by the /64."""
    gate = turnstile()
    for i in range(3):
        gate.pass_user(identity(f"u{i}"), f"2001:db8::{i:x}")
    for i in range(2):
        gate.pass_stranger(f"2001:db8::ffff:{i}")
    with pytest.raises(RateLimited) as refused:
        gate.pass_user(identity("u9"), "2001:db8::9")
    assert refused.value.policy == "address"
    gate.pass_user(identity("u9"), "2001:db8:0:1::9")


def test_a_trusted_server_is_not_limited() -> None:
    """It speaks for many users from one address."""
    gate = turnstile()
    assert all(gate.pass_user(identity("srv", WRITE_ANY), "192.0.2.1") is None for _ in range(50))


def test_a_user_who_floods_takes_nothing_from_the_neighbours() -> None:
    """Refused for her own rate, she uses up nothing of the address that she shares, nor the other way."""
    gate = turnstile(per_user=2, per_address=3)
    for _ in range(2):
        gate.pass_user(identity(), "192.0.2.1")
    for _ in range(10):
        with pytest.raises(RateLimited, match="rate_limited"):
            gate.pass_user(identity(), "192.0.2.1")
    gate.pass_user(identity("ben"), "192.0.2.1")
    for _ in range(10):
        with pytest.raises(RateLimited) as refused:
            gate.pass_user(identity("cem"), "192.0.2.1")
        assert refused.value.policy == "address"
    assert [gate.pass_user(identity("cem"), f"192.0.2.{i}") for i in (2, 3)]


def test_the_tighter_policy_is_told() -> None:
    """Of two the one with less room, of one that one."""
    assert (turnstile(4, 3).pass_user(identity(), "192.0.2.1") or pytest.fail())[0] == "address"
    assert (turnstile(3, 4).pass_user(identity(), "192.0.2.1") or pytest.fail())[0] == "user"
    policy, allowance = turnstile(None, 4).pass_user(identity(), "192.0.2.1") or pytest.fail()
    assert (policy, allowance.remaining) == ("address", 3)


def test_limits_may_be_off() -> None:
    """Each for itself."""
    gate = turnstile(per_user=None, per_address=None)
    assert all(gate.pass_user(identity(), "192.0.2.1") is None for _ in range(50))
    gate.pass_stranger("192.0.2.1")
