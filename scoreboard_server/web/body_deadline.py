"""Cutting off who sends a body too slowly.

Tornado's own `body_timeout` makes a task and a timer for every request, a tenth of a small request's cost.
Here one sweep a second looks at the few requests whose body has not arrived whole yet.
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


class BodyDeadline(HTTPServerConnectionDelegate):
    """Wraps an application; requests reach it unchanged, if their body arrives in time.

    patience: seconds from the end of the headers to the end of the body. clock: seconds, monotonic.
    """

    def __init__(
        self, application: HTTPServerConnectionDelegate, *, patience: float, clock: Callable[[], float]
    ) -> None:
        self._application = application
        self._patience = patience
        self._clock = clock
        self._awaited: dict[_Request, float] = {}

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Called by Tornado for each request of a connection."""
        return _Request(self, request_conn, self._application.start_request(server_conn, request_conn))

    def on_close(self, server_conn: object) -> None:
        """Called by Tornado when a connection has gone."""
        self._application.on_close(server_conn)

    def expect(self, request: _Request) -> None:
        """The request's headers are there; its body is awaited from now on."""
        self._awaited[request] = self._clock()

    def forget(self, request: _Request) -> None:
        """The request's body is there, or will never be."""
        self._awaited.pop(request, None)

    async def run(self) -> None:
        """Sweep for ever. To be supervised."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep()

    def sweep(self) -> None:
        """Close the connections that have been waited for long enough."""
        too_early = self._clock() - self._patience
        # In the order of arrival: behind the first that is in time there is nobody late.
        for request, since in list(self._awaited.items()):
            if since > too_early:
                return
            self.forget(request)
            request.give_up()


class _Request(HTTPMessageDelegate):
    """One request on its way to the application."""

    def __init__(self, deadline: BodyDeadline, connection: HTTPConnection, rest: HTTPMessageDelegate) -> None:
        self._deadline = deadline
        self._connection = connection
        self._rest = rest
        self.data_received = rest.data_received  # type: ignore[method-assign]  # one call less per chunk

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._deadline.expect(self)
        return self._rest.headers_received(start_line, headers)

    def finish(self) -> None:
        self._deadline.forget(self)
        self._rest.finish()

    def on_connection_close(self) -> None:
        self._deadline.forget(self)
        self._rest.on_connection_close()

    def give_up(self) -> None:
        """Cut the connection: a slow sender gets no answer, as it has not asked anything yet."""
        # Every connection of Tornado's HTTP server can be closed; the interface forgets to say so.
        cast("_Closable", self._connection).close()
