"""Whose request is it? The address that limits count by, behind any chain of named proxies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Networks = tuple[IPv4Network | IPv6Network, ...]

# A longer chain of proxies is no chain that anybody has built.
HOPS = 32
# [IPv6], IPv4 or IPv6; a port may follow the first two. No zone: another machine's interfaces tell nothing.
_WRITTEN = re.compile(
    r"(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9.]{7,15}))(?::[0-9]{1,5})?|([0-9a-fA-F:.]{2,45})", re.ASCII
)
_LOCAL = "127.0.0.1"
_MAPPED = 96  # the prefix of IPv4 addresses within IPv6, `::ffff:0:0/96`


def networks(texts: Iterable[str]) -> Networks:
    """Addresses and networks as they are compared, IPv4 within IPv6 as IPv4. Raises ValueError."""
    return tuple(_plain_network(ip_network(text)) for text in texts)


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Networks) -> str:
    """The client's address: the rightmost of `X-Forwarded-For` that is not a trusted proxy.

    Only what a trusted proxy has written counts, so the header counts only if the peer is one, and nothing
    left of the first stranger is looked at. Where that chain holds anything but addresses it is the peer.

    peer: who has connected; without an address (a Unix socket) it is somebody on this machine.
    forwarded_for: the values of all such headers, in their order.
    """
    address = _peer(peer)
    if not trusted or not forwarded_for or not _is_in(address, trusted):
        return str(address)
    written = ",".join(forwarded_for).rsplit(",", HOPS)
    client = address
    for text in reversed(written[-HOPS:]):
        hop = _written(text)
        if hop is None:
            return str(address)
        client = hop
        if not _is_in(hop, trusted):
            return str(client)
    # All of them are ours: the outermost one asks for itself, unless the chain is too long to tell.
    return str(client if len(written) <= HOPS else address)


def rate_key(address: str) -> str:
    """What limits count by: an IPv4 address, or the /64 that one customer has of IPv6."""
    parsed = _peer(address)
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(IPv6Network((int(parsed) >> 64 << 64, 64)))


@lru_cache(maxsize=4096)
def _peer(text: str) -> IPv4Address | IPv6Address:
    try:
        return _plain(ip_address(text.partition("%")[0]))  # a link-local peer comes with its interface
    except ValueError:
        return IPv4Address(_LOCAL)


def _written(text: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it, some with a port; None for anything else."""
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return _plain(ip_address(match[1] or match[2] or match[3]))
    except ValueError:
        return None


def _is_in(address: IPv4Address | IPv6Address, trusted: Networks) -> bool:
    return any(address in network for network in trusted)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _plain_network(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED:
        return network
    return IPv4Network((mapped, network.prefixlen - _MAPPED))
