"""Whose request it is, behind any chain of proxies."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scoreboard_server.rules.client_address import HOPS, client_address, networks, rate_key

OURS = networks(["10.0.0.0/8", "127.0.0.1", "2001:db8:1::/48", "::ffff:192.0.2.0/120"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, 10.0.0.2,10.0.0.3"], "203.0.113.9"),
        ("10.0.0.1", ["nonsense, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["x" * 15_000 + ", 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8:2::9]:4711"], "2001:db8:2::9"),
        ("10.0.0.1", ["2001:DB8:2:0:0::9"], "2001:db8:2::9"),
        ("10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("192.0.2.7", ["203.0.113.9"], "203.0.113.9"),
        ("2001:db8:1::5%eth0", ["203.0.113.9"], "203.0.113.9"),
        ("", ["203.0.113.9"], "203.0.113.9"),
        ("/run/scoreboard.sock", ["203.0.113.9"], "203.0.113.9"),
    ],
)
def test_the_rightmost_stranger_is_the_client(peer: str, forwarded: list[str], client: str) -> None:
    """What stands left of it anybody may have written; a Unix socket's peer is this machine."""
    assert client_address(peer, forwarded, OURS) == client


@pytest.mark.parametrize("peer", ["203.0.113.1", "2001:db8:2::1", "11.0.0.1"])
def test_a_stranger_forwards_for_nobody(peer: str) -> None:
    """The headers count only from a proxy that has been named."""
    assert client_address(peer, ["1.1.1.1"], OURS) == peer
    assert client_address("10.0.0.1", ["1.1.1.1"], networks([])) == "10.0.0.1"


@pytest.mark.parametrize(
    "forwarded",
    [
        [],
        [""],
        [" , "],
        ["unknown"],
        ["_hidden"],
        ["203.0.113.9, unknown"],
        ["203.0.113.9, unknown, 10.0.0.2"],
        ["203.0.113.9,"],
        ["203.0.113.999"],
        ["0x7f.1"],
        ["1"],
        ["fe80::1%eth0"],
        ["[203.0.113.9"],
        ["203.0.113.9" + " " * 100 + "x"],
        ["\x1b[31m"],
        ["203.0.113.9, " + ", ".join(["10.0.0.2"] * HOPS)],
    ],
)
def test_what_is_no_chain_of_addresses_counts_for_the_peer(forwarded: list[str]) -> None:
    """Garbage where a proxy should have written an address, nothing at all, or far too many."""
    assert client_address("10.0.0.1", forwarded, OURS) == "10.0.0.1"


@given(st.text(), st.lists(st.text(alphabet="0123456789abcdef.:,[]% x")))
def test_it_is_always_an_address(peer: str, forwarded: list[str]) -> None:
    """Whatever is written, the answer is an address in its one spelling, and has a key to count by."""
    client = client_address(peer, forwarded, OURS)
    assert str(ip_address(client)) == client
    assert rate_key(client)


@given(st.ip_addresses(), st.text(alphabet="0123456789.:, x", max_size=60))
def test_nobody_shifts_the_blame(client: object, written: str) -> None:
    """What the client itself puts into the header changes nothing: the proxy writes the address behind it."""
    honest = client_address("10.0.0.1", [str(client)], OURS)
    assume(not any(ip_address(honest) in network for network in OURS))
    assert client_address("10.0.0.1", [f"{written}, {client}"], OURS) == honest


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_a_key_is_what_one_customer_has(address: str, key: str) -> None:
    """An IPv4 address, or all the addresses of an IPv6 connection."""
    assert rate_key(address) == key
