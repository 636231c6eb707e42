"""Noticing a proxy that nobody has named: behind it all clients look like one."""

from __future__ import annotations

ENOUGH = 200


class UnnamedProxyWatch:
    """Counts requests in a row that came from one address and carried forwarding headers.

    enough: how many of them are no coincidence.
    """

    def __init__(self, enough: int = ENOUGH) -> None:
        self._enough = enough
        self._peer = ""
        self._row = 0

    def saw(self, peer: str, *, is_forwarded: bool) -> bool:
        """A request. True when it makes the row long enough, once for each row."""
        if not is_forwarded:
            self._row = 0
            return False
        if peer != self._peer:
            self._peer, self._row = peer, 0
        self._row += 1
        return self._row == self._enough
