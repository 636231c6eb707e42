"""Access lines: one for each finished request, and for the end of each socket, so many a second.

It stands on the road of every request, so what isn't written costs a count: no line is put together, and no
clock is looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context
from typing import NamedTuple, Protocol

from tornado.httputil import HTTPServerRequest

from ..request_context import RequestContext
from ..rules.sampling import Budget

log = logging.getLogger("scoreboard.access")

# An outage makes every request an error, and should not fill a disk.
FAILURES_A_SECOND = 100
_RENEWED_AFTER_S = 1.0
SERVER, CLIENT = "server", "client"
# A path may be as long as all headers together, and is the client's.
_LONGEST_PATH = 256

Later = Callable[[float, Callable[[], None]], object]


def _later(seconds: float, call: Callable[[], None]) -> None:
    # In no context: what is counted of many requests is told of none of them.
    asyncio.get_running_loop().call_later(seconds, call, context=Context())


class Asked(Protocol):
    """What is told of a request: a handler has it."""

    request: HTTPServerRequest

    @property
    def context(self) -> RequestContext: ...


class Ending(NamedTuple):
    """Of a socket. code: of RFC 6455, 1006 where none came. by: SERVER or CLIENT."""

    code: int
    reason: str
    by: str


class AccessLog:
    """In each second so many lines, of failures (5xx) a hundred; one more says how many were left out."""

    def __init__(self, later: Later = _later) -> None:
        """later: calls something after so many seconds."""
        self._later = later
        self._is_awaited = False
        self._usual = Budget(0)
        self._failures = Budget(FAILURES_A_SECOND)

    def sample(self, most: int) -> None:
        """So many lines a second from now on; 0: none but failures."""
        self.settle()
        self._usual = Budget(most)

    def answered(self, asked: Asked, status: int, seconds: float) -> None:
        """A request has been answered; with 101 it is a socket from now on."""
        if status < 500:
            if self._usual.take():
                self._write(_level_of(status), asked, status, seconds)
        elif self._failures.take():
            self._write(_level_of(status), asked, status, seconds)

    def _write(self, level: int, asked: Asked, status: int, seconds: float) -> None:
        self._await_renewal()
        if not log.isEnabledFor(level):
            return
        request = asked.request
        fields = {
            "method": request.method,
            "path": request.path[:_LONGEST_PATH],  # without the query: who knows what is in it
            "status": status,
            "durationMs": _ms(seconds),
        }
        what = "socket opened" if status == 101 else "answered"
        log.log(level, what, extra=fields | asked.context.fields())

    def closed(self, asked: Asked, ending: Ending) -> None:
        """A socket is open no more."""
        if not self._usual.take():
            return
        self._await_renewal()
        if log.isEnabledFor(logging.INFO):
            fields = {**ending._asdict(), "durationMs": _ms(asked.request.request_time())}
            log.info("socket closed", extra=fields | asked.context.fields())

    def _await_renewal(self) -> None:
        if not self._is_awaited:
            self._is_awaited = True
            self._later(_RENEWED_AFTER_S, self._renew)

    def _renew(self) -> None:
        self._is_awaited = False
        self.settle()

    def settle(self) -> None:
        """Say how many were left out so far, and begin to count anew."""
        for level, what, budget in (
            (logging.INFO, "access lines", self._usual),
            (logging.WARNING, "access lines of failures", self._failures),
        ):
            left_out = budget.renew()
            if left_out and budget.most:
                log.log(level, "%d more %s", left_out, what, extra={"leftOut": left_out})


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)


def _level_of(status: int) -> int:
    """Of failures only the unforeseen is an error; the others are refusals, mostly while a store is away."""
    if status < 500:
        return logging.INFO
    return logging.ERROR if status == 500 else logging.WARNING
