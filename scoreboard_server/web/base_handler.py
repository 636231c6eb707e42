"""What every handler does alike: readiness, limits, bearers, refusals as problems, lean responses."""

from __future__ import annotations

import logging
from asyncio import Future
from typing import Any

import msgspec
from tornado.httputil import HTTPHeaders, HTTPInputError
from tornado.web import HTTPError, RequestHandler

from ..flow.turnstile import RateLimited
from ..request_context import RequestContext
from ..rules.claims import Identity
from ..rules.refusals import Refusal, TooMany, Unacceptable, Unauthenticated, Unavailable
from .bearer import Limits, identify, let_in
from .edge import PREFLIGHT, Edge
from .every_answer import ALWAYS, date
from .refusal_status import PROBLEM_TYPE, code_of, problem, status_of
from .services import Lifecycle, Services
from .traffic import HTTP

log = logging.getLogger("scoreboard.web")

BODY_LIMIT = 16 * 1024
JSON = "application/json"
_encode = msgspec.json.Encoder().encode


class BaseHandler(RequestHandler):
    """A handler that answers refusals as problem documents."""

    services: Services
    needs_ready = True
    is_probe = False
    body_limit = BODY_LIMIT
    _limits: Limits | None = None
    _context: RequestContext | None = None

    def initialize(self, lifecycle: Lifecycle, route: str) -> None:
        """Called by Tornado with what the route was made with. route: its name in the description."""
        self.lifecycle = lifecycle
        self.route = route

    @property
    def context(self) -> RequestContext:
        """Which request this is; the same from its first answer's header to its last line in the log."""
        if self._context is None:
            self._context = RequestContext(self.request.headers)
        return self._context

    @property
    def edge(self) -> Edge:
        """Whom the server trusts around it."""
        edge: Edge = self.application.settings["edge"]
        return edge

    def prepare(self) -> None:
        """Before the method: is the server ready, and is the body of a size to be looked at?"""
        self.context.enter()
        if self.has_answered_preflight():
            return
        if not self.is_probe:  # probes come from beside the proxy
            self.edge.look_out(self.request.remote_ip or "", self.request.headers)
        services = self.lifecycle.services
        if services is not None:
            self.services = services
        elif self.needs_ready:
            raise self.lifecycle.refusal()
        if len(self.request.body) > self.body_limit:
            raise HTTPError(413)

    def check_is_json(self) -> None:
        """Refuse a body that says it is not JSON with 415; one that says nothing may be it."""
        media_type = self.request.headers.get("Content-Type", JSON)
        if media_type.partition(";")[0].strip().lower() != JSON:
            raise HTTPError(415)

    def has_answered_preflight(self) -> bool:
        """Whether this was a browser asking for a trusted page what it may send (CORS). Then it is told.

        The same for each address, ready or not, there or not: what is wrong, the real request's answer says.
        """
        if self.request.method != "OPTIONS" or "Access-Control-Request-Method" not in self.request.headers:
            return False
        if not self.edge.trusts_page_of(self.request.headers):
            return False
        self.clear_header("Content-Type")
        for name, value in PREFLIGHT.items():
            self.set_header(name, value)
        self.set_status(204)
        self.finish()
        return True

    # --- who asks ---------------------------------------------------------------------------------

    async def identity(self) -> Identity:
        """Who the bearer token speaks for (RFC 6750); waits only for a key that has to be fetched.

        Raises Unauthenticated, and Unavailable when no keys could be fetched.
        """
        return await identify(self.services.verifier, self.request.headers.get("Authorization"))

    async def identity_within_limits(self) -> Identity:
        """As `identity`, for what nobody may do too often; the answer says how much is left.

        Raises Unauthenticated or RateLimited.
        """
        authorization, services = self.request.headers.get("Authorization"), self.services
        identity, limits = await let_in(
            services.verifier, services.turnstile, authorization, self.client_address()
        )
        if limits is not None:
            self._tell_limits(limits)
        return identity

    def _tell_limits(self, limits: Limits) -> None:
        """Also on a refusal that comes later."""
        self._limits = limits
        for name, value in limits.headers().items():
            self._headers[name] = value

    async def identity_if_told(self) -> Identity | None:
        """As `identity`, None when there is no `Authorization` header at all."""
        return await self.identity() if "Authorization" in self.request.headers else None

    def client_address(self) -> str:
        """The address of who asks, behind the named proxies; worked out at each call."""
        return self.edge.client_address(self.request.remote_ip or "", self.request.headers)

    # --- what is asked ----------------------------------------------------------------------------

    def query_text(self, name: str) -> str | None:
        """The query's argument of that name, the last one if it is there several times."""
        values = self.request.query_arguments.get(name)
        return values[-1].decode("utf-8", "replace") if values else None

    def query_number(self, name: str, default: int, least: int, most: int) -> int:
        """The query's argument as a whole number. Raises Unacceptable `invalid_request`."""
        text = self.query_text(name)
        if text is None:
            return default
        # int() would take signs, underscores and the digits of every script.
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else -1
        if not least <= number <= most:
            raise Unacceptable("invalid_request", f"`{name}` must be a whole number from {least} to {most}.")
        return number

    # --- answering --------------------------------------------------------------------------------

    def answer(self, body: bytes, content_type: str = JSON) -> Future[None]:
        """Finish with these bytes."""
        self.set_header("Content-Type", content_type)
        return self.finish(body)

    def clear(self) -> None:
        """As Tornado's, but no `Server` version for the curious, and what every answer says here."""
        self._headers = HTTPHeaders(ALWAYS)
        self._headers["Content-Type"] = "text/html; charset=UTF-8"
        self._headers["Date"] = date()
        self._headers["X-Request-Id"] = self.context.request_id
        self._headers.update(self.edge.cors_headers(self.request.headers))
        self._write_buffer: list[bytes] = []
        self._status_code = 200
        self._reason = "OK"

    def compute_etag(self) -> str | None:
        """None: where a validator makes sense the handler knows a cheaper one than a hash of the body."""
        return None

    # --- refusing ---------------------------------------------------------------------------------

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer whatever was raised as a problem document."""
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        if isinstance(error, Refusal):
            self.refuse(error)
        else:
            code, detail = code_of(status_code)
            if status_code == 405:
                self.set_header("Allow", ", ".join(self._methods()))
            self._answer_problem(status_code, code, detail)

    def refuse(self, refusal: Refusal) -> None:
        """Finish with this refusal."""
        status = status_of(refusal)
        self.set_status(status)
        if isinstance(refusal, Unauthenticated):
            self.set_header("WWW-Authenticate", _challenge(refusal))
        if isinstance(refusal, Unavailable | TooMany):
            self.set_header("Retry-After", str(refusal.retry_after))
        if isinstance(refusal, RateLimited):
            self._limits = Limits(refusal.policy, refusal.allowance)
        self._answer_problem(status, refusal.code, refusal.detail)

    def _answer_problem(self, status: int, code: str, detail: str) -> Future[None]:
        self.lifecycle.traffic.refuse(HTTP, code)
        self.set_header("Cache-Control", "no-store")
        if self._limits is not None:
            self._tell_limits(self._limits)
        return self.answer(_encode(problem(status, code, detail, self.context.request_id)), PROBLEM_TYPE)

    def _methods(self) -> list[str]:
        return [
            method
            for method in self.SUPPORTED_METHODS
            if getattr(type(self), method.lower()) is not getattr(RequestHandler, method.lower())
        ]

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Refusals reach here as an unknown exception, so as 500; they know their status better."""
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        if isinstance(error, Refusal):
            status_code = status_of(error)
        elif status_code == 405 and not self._methods():
            status_code = 404  # a method nobody knows, at an address that nothing is at
        elif isinstance(error, HTTPError) and isinstance(error.__cause__, HTTPInputError):
            status_code = 415  # Tornado has refused to parse a form, before any handler was asked
        super().send_error(status_code, **kwargs)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """A refusal is an answer, not an event; anything unforeseen is logged whole."""
        if isinstance(value, Refusal | HTTPError):
            return
        asked = self.request.method, self.request.path
        fields = self.context.fields()  # also before `prepare`
        log.error("%s %s failed", *asked, exc_info=(typ, value, tb), extra=fields)


def _challenge(refusal: Unauthenticated) -> str:
    if refusal.code == "token_missing":
        return 'Bearer realm="scoreboard"'
    return f'Bearer realm="scoreboard", error="invalid_token", error_description="{refusal.detail}"'


class NotFoundHandler(BaseHandler):
    """Every address that no route is for."""

    needs_ready = False

    def prepare(self) -> None:
        """There is nothing here, whatever the method."""
        self.context.enter()
        if self.has_answered_preflight():
            return
        raise HTTPError(404)
