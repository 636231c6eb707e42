"""The short road of a plain `POST /api/scores/update`: the same rules and words, without a `RequestHandler`.

What a handler is made of, and an answer put together from headers that are checked one by one, costs a fifth
of a small request. So what most requests are, plain and granted, is answered from here; all others go to
`ScoreHandler`, and what is refused to `RefusedHandler`, so that nothing but the yes is said in two places.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import Router

from ..request_context import RequestContext
from .base_handler import BODY_LIMIT, JSON
from .bearer import Limits, let_in
from .edge import Edge
from .every_answer import ALWAYS, date
from .refused_handler import Refused, RefusedHandler
from .score_handler import REPLAYED, count, counted
from .services import Lifecycle

# The application's: what answers a request, from a kind of handler and what it is to be made with.
Delegates = Callable[[HTTPServerRequest, type[RefusedHandler], dict[str, Any]], HTTPMessageDelegate]

_HEAD = "HTTP/1.1 200 OK\r\n" + "".join(
    f"{name}: {value}\r\n" for name, value in ({"Content-Type": JSON} | ALWAYS).items()
)


class Express(Router):
    """Takes the requests that are plain; Tornado looks for a handler for the others.

    route: its name in the description. delegates: finds who answers what is refused.
    """

    def __init__(self, lifecycle: Lifecycle, edge: Edge, route: str, delegates: Delegates) -> None:
        self.lifecycle = lifecycle
        self.edge = edge
        self.route = route
        self._delegates = delegates
        self._under_way: set[asyncio.Task[None]] = set()

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate | None:
        """Who answers this request, None when it is not plain."""
        return _Update(self, request) if _is_plain(request) else None

    def start(self, update: _Update) -> None:
        """Answer it, in a task that lives until it has."""
        task = asyncio.create_task(update.answer())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def refuse(self, request: HTTPServerRequest, refused: Refused) -> None:
        """Have what was raised answered as everywhere."""
        given = {"lifecycle": self.lifecycle, "route": self.route, "refused": refused}
        self._delegates(request, RefusedHandler, given).finish()

    def answered(self, update: _Update) -> None:
        """The yes is on its way: it is counted, and may have a line in the log."""
        seconds = update.request.request_time()
        self.lifecycle.traffic.answer(self.route, "POST", 200, seconds)
        self.lifecycle.access.answered(update, 200, seconds)


def _is_plain(request: HTTPServerRequest) -> bool:
    """Whether it is what a client of ours sends: HTTP/1.1, JSON of a small length told, a connection to keep.

    Behind a proxy these come as well; who asks otherwise is answered all the same, at more cost.
    """
    headers = request.headers
    return (
        request.method == "POST"
        and request.version == "HTTP/1.1"
        and headers.get("Content-Type") == JSON
        and len(length := headers.get("Content-Length", "")) <= 5
        and length.isdecimal()  # and no `²`, which is a digit and no number
        and int(length) <= BODY_LIMIT
        # Asked twice, as headers that lack something take several times as long to give what stands for it.
        and ("Connection" not in headers or headers["Connection"].lower() == "keep-alive")
    )


class _Update(HTTPMessageDelegate):
    """One request, from its body to its answer. Fits `access_log.Asked`."""

    def __init__(self, express: Express, request: HTTPServerRequest) -> None:
        self._express = express
        self._body = bytearray()
        self._limits: Limits | None = None
        self.request = request
        self.context = RequestContext(request.headers)

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk

    def finish(self) -> None:
        self._express.start(self)

    async def answer(self) -> None:
        """Count it, and say so."""
        self.context.enter()
        try:
            body, is_repeat = await self._count()
        except Exception as error:  # also what nobody has foreseen: the handler logs it
            self._express.refuse(self.request, Refused(error, self.context, self._limits))
        else:
            self._write(body, is_repeat=is_repeat)
            self._express.answered(self)

    async def _count(self) -> tuple[bytes, bool]:
        headers, peer = self.request.headers, self.request.remote_ip or ""
        edge, lifecycle = self._express.edge, self._express.lifecycle
        edge.look_out(peer, headers)
        services = lifecycle.services
        if services is None:
            raise lifecycle.refusal()
        address = edge.client_address(peer, headers)
        authorization = headers.get("Authorization")
        identity, self._limits = await let_in(services.verifier, services.turnstile, authorization, address)
        receipt = await count(services.submitting, identity, bytes(self._body), address)
        return counted(receipt), receipt.replayed

    def _write(self, body: bytes, *, is_repeat: bool) -> None:
        told = self._express.edge.cors_headers(self.request.headers)
        if self._limits is not None:
            told |= self._limits.headers()
        if is_repeat:
            told[REPLAYED[0]] = REPLAYED[1]
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        fresh = (
            f"Date: {date()}\r\nX-Request-Id: {self.context.request_id}\r\nContent-Length: {len(body)}\r\n"
        )
        connection = self.request.connection
        assert connection is not None  # noqa: S101 -- it has come by one
        # Tornado takes a head that is put together already as the beginning of what is written.
        connection.write(f"{_HEAD}{lines}{fresh}\r\n".encode("latin-1") + body)
        connection.finish()
