"""Cutting off who sends a request too slowly.

Tornado's own time-outs make a timer, and for bodies a task, for every request: a tenth of a small request's
cost each. Here one sweep a second looks at the requests that have not arrived whole yet.
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


class _Closable(Protocol):
    def close(self) -> None: ...


class SlowSenders(HTTPServerConnectionDelegate):
    """Wraps an application; requests reach it unchanged, if they arrive in time.

    header_patience: seconds from the opening of a connection, or from the end of the answer before, to the
    end of the headers. body_patience: seconds from there to the end of the body. clock: seconds, monotonic.
    """

    def __init__(
        self,
        application: HTTPServerConnectionDelegate,
        *,
        header_patience: float,
        body_patience: float,
        clock: Callable[[], float],
    ) -> None:
        self._application = application
        self._clock = clock
        self.headers = _Awaited(header_patience)
        self.bodies = _Awaited(body_patience)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Called by Tornado when a connection is ready for its next request."""
        request = _Request(self, request_conn, self._application.start_request(server_conn, request_conn))
        self.headers.since[request] = self._clock()
        return request

    def on_close(self, server_conn: object) -> None:
        """Called by Tornado when a connection has gone."""
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
            self.sweep()

    def sweep(self) -> None:
        """Close the connections that have been waited for long enough."""
        now = self._clock()
        for request in (*self.headers.take_late(now), *self.bodies.take_late(now)):
            request.give_up()


class _Awaited:
    """Requests of which the same part is awaited, in the order in which that began."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.since: dict[_Request, float] = {}

    def take_late(self, now: float) -> list[_Request]:
        late: list[_Request] = []
        for request, since in self.since.items():
            if since > now - self._patience:
                break  # behind the first that is in time there is nobody late
            late.append(request)
        for request in late:
            del self.since[request]
        return late


class _Request(HTTPMessageDelegate):
    """One request on its way to the application."""

    def __init__(self, watch: SlowSenders, connection: HTTPConnection, rest: HTTPMessageDelegate) -> None:
        self._watch = watch
        self._connection = connection
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
        # Every connection of Tornado's HTTP server can be closed; the interface forgets to say so.
        cast("_Closable", self._connection).close()
