"""Noticing a proxy that nobody has named."""

from __future__ import annotations

from scoreboard_server.rules.unnamed_proxy import UnnamedProxyWatch


def test_a_long_row_from_one_address_is_noticed_once() -> None:
    """At the last request of the row, and not again after it."""
    watch = UnnamedProxyWatch(enough=5)
    assert [watch.saw("10.0.0.1", is_forwarded=True) for _ in range(12)] == [n == 4 for n in range(12)]


def test_another_address_begins_the_row_anew() -> None:
    """Two that forward are no single proxy, so clients don't all look like one."""
    watch = UnnamedProxyWatch(enough=3)
    assert not any(watch.saw(f"10.0.0.{n % 2}", is_forwarded=True) for n in range(20))


def test_a_request_that_was_not_forwarded_begins_the_row_anew() -> None:
    """Clients that come by themselves are told apart."""
    watch = UnnamedProxyWatch(enough=3)
    assert not any(watch.saw("10.0.0.1", is_forwarded=n % 3 != 0) for n in range(20))
