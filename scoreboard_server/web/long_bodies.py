"""Bodies that are longer than anything takes: read to their end, and not kept.

Tornado has one limit, and over it a bare 400 and a closed connection while the client is still sending; many
clients then see the connection break, and no answer. So that limit is wide, and here is the narrow one: what
is beyond is thrown away as it arrives, and the handler says 413 to somebody who listens. How long that may
take is bounded as for every body.
"""

from __future__ import annotations

from collections.abc import Awaitable

from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine

# The longest that any handler takes, and the longest whose end is waited for; bytes.
BODY_LIMIT = 256 * 1024
DISCARDED_LIMIT = 16 * 1024 * 1024


class Bounded(HTTPMessageDelegate):
    """Passes a request on, and of its body as much as shows that it is too long."""

    def __init__(self, rest: HTTPMessageDelegate) -> None:
        self._rest = rest
        self._room = BODY_LIMIT

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        return self._rest.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        if self._room < 0:
            return None
        self._room -= len(chunk)
        return self._rest.data_received(chunk)

    def finish(self) -> None:
        self._rest.finish()

    def on_connection_close(self) -> None:
        self._rest.on_connection_close()
