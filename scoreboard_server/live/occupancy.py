"""Occupancy: how many sockets are open, in all and from each address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ..rules.refusals import TooMany, Unavailable

_RETRY_AFTER_S = 5


class Occupancy:
    """Counts the places that are taken.

    in_all, per_address, per_user: the most there may be; 0 for no limit.
    """

    def __init__(self, *, in_all: int, per_address: int, per_user: int) -> None:
        self._in_all = in_all
        self._per_address = per_address
        self._per_user = per_user
        self._taken = 0
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many are taken."""
        return self._taken

    @contextmanager
    def place(self, address: str) -> Iterator[None]:
        """Hold a place. Raises Unavailable or TooMany `too_many_sockets`."""
        if self._in_all and self._taken >= self._in_all:
            raise Unavailable("too_many_sockets", "This server has no place left.", _RETRY_AFTER_S)
        if self._per_address and self._by_address[address] >= self._per_address:
            raise too_many_sockets("There are too many open sockets from this address.")
        self._taken += 1
        self._by_address[address] += 1
        try:
            yield
        finally:
            self._taken -= 1
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def check_user(self, others: int) -> None:
        """Whether a user who has so many others may have one more. Raises TooMany `too_many_sockets`."""
        if self._per_user and others >= self._per_user:
            raise too_many_sockets("You have too many open sockets.")


def too_many_sockets(detail: str) -> TooMany:
    """The no to one more."""
    return TooMany("too_many_sockets", detail, _RETRY_AFTER_S)
