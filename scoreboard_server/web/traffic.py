"""Traffic: what was asked and answered since the start, counted where it happens and looked at elsewhere.

It stands on the road of every request and every frame, so it is plain numbers; who wants samples of them
makes them when asked. What a client makes up is never kept: an unknown method is counted as OTHER, as is an
address that is none.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tornado.web import RequestHandler

from ..rules.spread import SECONDS, Spread

OTHER = "other"
# The roads on which something can be refused: the answer itself, an item of a batch, a message of a socket.
HTTP, BATCH, SOCKET = "http", "batch", "socket"
_METHODS = frozenset(RequestHandler.SUPPORTED_METHODS)


class Asked(NamedTuple):
    """What requests are told apart by. route: as in the description of the interface."""

    route: str
    method: str
    status: int


class Traffic:
    """answered: seconds from a request's headers to its answer. refusals: by road and code. frames,
    frame_bytes: handed to sockets.
    """

    __slots__ = ("answered", "frame_bytes", "frames", "refusals")

    def __init__(self) -> None:
        self.answered: dict[tuple[str, str | None, int], Spread] = {}
        self.refusals: Counter[tuple[str, str]] = Counter()
        self.frames = 0
        self.frame_bytes = 0

    def answer(self, route: str, method: str | None, status: int, seconds: float) -> None:
        """A request has been answered."""
        spread = self.answered.get((route, method, status))
        if spread is None:
            known = Asked(route, method if method in _METHODS else OTHER, status)
            spread = self.answered.setdefault(known, Spread(SECONDS))
        spread.add(seconds)

    def refuse(self, road: str, code: str) -> None:
        """Something was refused."""
        self.refusals[road, code] += 1
