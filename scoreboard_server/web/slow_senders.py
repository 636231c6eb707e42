"""Cutting off who sends a request too slowly, or doesn't read the answer.

Tornado's own time-outs make a timer, and for bodies a task, for every request: a tenth of a small request's
cost each, and for answers it has none. Here one sweep a second looks at the requests that have not arrived
whole yet, and at the connections that have an answer left to write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)

SWEEP_S = 1.0
_CLOSED_AT_ONCE = 25  # about a millisecond


class _Stream(Protocol):
    def writing(self) -> bool: ...
    def closed(self) -> bool: ...


class _Connection(Protocol):
    """What every connection of Tornado's HTTP server has; the interface forgets to say so."""

    stream: _Stream | None  # None when a WebSocket has taken it

    def close(self) -> None: ...


class SlowSenders(HTTPServerConnectionDelegate):
    """Wraps an application; requests reach it unchanged, if they arrive in time.

    header_patience: seconds from the opening of a connection, or from the end of the answer before, to the
    end of the headers. body_patience: seconds from there to the end of the body. answer_patience: seconds
    that an answer may wait to be read, beyond what the kernel takes. clock: seconds, monotonic.
    """

    def __init__(
        self,
        application: HTTPServerConnectionDelegate,
        *,
        header_patience: float,
        body_patience: float,
        answer_patience: float,
        clock: Callable[[], float],
    ) -> None:
        self._application = application
        self._clock = clock
        self.headers = _Awaited(header_patience)
        self.bodies = _Awaited(body_patience)
        self.answers = _Unread(answer_patience)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Called by Tornado when a connection is ready for its next request."""
        request = _Request(self, request_conn, self._application.start_request(server_conn, request_conn))
        self.headers.since[request] = self._clock()
        self.answers.open[server_conn] = cast("_Connection", request_conn)
        return request

    def on_close(self, server_conn: object) -> None:
        """Called by who serves when a connection has gone; Tornado's server keeps that to itself."""
        self._application.on_close(server_conn)

    def headers_are_there(self, request: _Request) -> None:
        """The body is awaited from now on."""
        self.headers.since.pop(request, None)
        self.bodies.since[request] = self._clock()

    def forget(self, request: _Request) -> None:
        """The request is there whole, or will never be."""
        self.headers.since.pop(request, None)
        self.bodies.since.pop(request, None)

    async def run(self) -> None:
        """Sweep for ever. To be supervised."""
        while True:
            await asyncio.sleep(SWEEP_S)
            for number, close in enumerate(self._late(), 1):
                close()
                if number % _CLOSED_AT_ONCE == 0:
                    await asyncio.sleep(0)  # who is in time is not to wait for hundreds who are not

    def sweep(self) -> None:
        """Close the connections that have been waited for long enough."""
        for close in self._late():
            close()

    def _late(self) -> list[Callable[[], None]]:
        now = self._clock()
        requests = (*self.headers.take_late(now), *self.bodies.take_late(now))
        return [r.give_up for r in requests] + [c.close for c in self.answers.take_late(now)]


def _has_gone(connection: _Connection) -> bool:
    """Closed, or a WebSocket now; Tornado doesn't tell of either."""
    return connection.stream is None or connection.stream.closed()


class _Awaited:
    """Requests of which the same part is awaited, in the order in which that began."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.since: dict[_Request, float] = {}

    def take_late(self, now: float) -> list[_Request]:
        # Who has gone without a word is told to nobody, and would be kept until it is late.
        self.since = {request: since for request, since in self.since.items() if not request.has_gone()}
        late: list[_Request] = []
        for request, since in self.since.items():
            if since > now - self._patience:
                break  # behind the first that is in time there is nobody late
            late.append(request)
        for request in late:
            del self.since[request]
        return late


class _Unread:
    """Connections, and those among them that have been writing at every sweep for a while."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since: dict[_Connection, float] = {}
        self.open: dict[object, _Connection] = {}

    def take_late(self, now: float) -> list[_Connection]:
        self.open = {key: connection for key, connection in self.open.items() if not _has_gone(connection)}
        writing = [c for c in self.open.values() if c.stream is not None and c.stream.writing()]
        # Each request has a connection object of its own, so that one answer is not taken for another.
        self._since = {connection: self._since.get(connection, now) for connection in writing}
        return [c for c, since in self._since.items() if since <= now - self._patience]


class _Request(HTTPMessageDelegate):
    """One request on its way to the application."""

    def __init__(self, watch: SlowSenders, connection: HTTPConnection, rest: HTTPMessageDelegate) -> None:
        self._watch = watch
        self._connection = cast("_Connection", connection)
        self._rest = rest
        self.data_received = rest.data_received  # type: ignore[method-assign]  # one call less per chunk

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._watch.headers_are_there(self)
        return self._rest.headers_received(start_line, headers)

    def finish(self) -> None:
        self._watch.forget(self)
        self._rest.finish()

    def on_connection_close(self) -> None:
        self._watch.forget(self)
        self._rest.on_connection_close()

    def give_up(self) -> None:
        """Cut the connection: a slow sender gets no answer, as it has not asked anything yet."""
        self._connection.close()

    def has_gone(self) -> bool:
        """Whether nothing more can come of it."""
        return _has_gone(self._connection)
