"""A captcha service on this machine that speaks the documented protocol of siteverify."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

SECRET, SITE_KEY = "0xservice-secret", "site-key"

Misbehaviour = Callable[[RequestHandler], Awaitable[None]]


class Service:
    """Gives out tokens, and tells once of each whether it is right. `misbehave` answers in its place."""

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, str]] = []
        self.traces: list[str | None] = []
        self.misbehave: Misbehaviour | None = None
        self.url = ""

    def solve(self, hostname: str | None = "game.example", **more: Any) -> str:
        """What the widget of a page on that host hands to it."""
        token = secrets.token_urlsafe(24)
        host = {} if hostname is None else {"hostname": hostname}
        self.tokens[token] = {"success": True, "challenge_ts": "2026-11-25T00:00:00Z", **host, **more}
        return token

    def verdict(self, form: dict[str, str]) -> dict[str, Any]:
        """The answer to a form."""
        self.asked.append(form)
        if form.get("secret") != SECRET:
            return no("invalid-input-secret" if form.get("secret") else "missing-input-secret")
        if form.get("sitekey", SITE_KEY) != SITE_KEY:
            return no("sitekey-secret-mismatch")
        if not form.get("response"):
            return no("missing-input-response")
        found = self.tokens.get(form["response"])
        if found is None:
            return no("invalid-input-response")
        self.tokens[form["response"]] = no("timeout-or-duplicate")
        return found


def no(code: str) -> dict[str, Any]:
    """A failure, as all three write it."""
    return {"success": False, "error-codes": [code]}


class _Handler(RequestHandler):
    def initialize(self, service: Service) -> None:
        self.service = service

    async def post(self) -> None:
        if self.service.misbehave is not None:
            await self.service.misbehave(self)
            return
        assert self.request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        self.service.traces.append(self.request.headers.get("traceparent"))
        form = {name: values[-1].decode() for name, values in self.request.body_arguments.items()}
        self.finish(self.service.verdict(form))


@asynccontextmanager
async def running() -> AsyncIterator[Service]:
    """The service, on a free port."""
    service = Service()
    server = HTTPServer(Application([("/siteverify", _Handler, {"service": service})]))
    socket, port = bind_unused_port()
    server.add_socket(socket)
    service.url = f"http://127.0.0.1:{port}/siteverify"
    try:
        yield service
    finally:
        server.stop()
        await server.close_all_connections()
