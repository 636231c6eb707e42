"""Every address of the server, and the settings Tornado runs with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from tornado.httputil import (
    HTTPMessageDelegate,
    HTTPServerRequest,
    ParseBodyConfig,
    ParseMultipartConfig,
    set_parse_body_config,
)
from tornado.routing import PathMatches, Rule, URLSpec
from tornado.web import Application, RequestHandler

from .actions_handler import ActionsHandler
from .asyncapi import document as asyncapi
from .base_handler import BaseHandler, NotFoundHandler
from .batch_handler import BatchHandler
from .captcha_handler import CaptchaHandler
from .description_handler import Description, DescriptionHandler
from .docs import page as docs
from .docs_handler import DocsHandler
from .edge import Edge
from .express import Express
from .health_handler import LiveHandler, ReadyHandler
from .leaderboard_handler import LeaderboardHandler, UserHandler
from .live_socket import MESSAGE_LIMIT, LiveSocket
from .long_bodies import Bounded
from .metrics_handler import MetricsHandler
from .openapi import document as openapi
from .page_handler import AssetHandler, PageHandler
from .score_handler import ScoreHandler
from .seasons_handler import SeasonsHandler
from .services import Lifecycle
from .tickets_handler import TicketsHandler
from .traffic import OTHER

_UPDATE = "/api/scores/update"
_OPENAPI = Description(openapi.document())
_ASYNCAPI = Description(asyncapi.document())
_DOCS = docs.page(openapi.document(), asyncapi.document())


def application(
    lifecycle: Lifecycle,
    *,
    top: int,
    trusted_origins: Sequence[str] = (),
    trusted_proxies: Sequence[str] = (),
    expose: Callable[[], bytes] = bytes,
) -> Application:
    """The routes.

    top: how many rows the board shows by default. trusted_origins: pages of other sites that may connect.
    trusted_proxies: addresses and networks whose forwarding headers count. expose: the metrics.
    """
    # Nothing here takes a form; parsing one would be work for an attacker to order.
    set_parse_body_config(ParseBodyConfig(multipart=ParseMultipartConfig(enabled=False)))

    edge = Edge(trusted_origins, trusted_proxies)

    def delegate(
        request: HTTPServerRequest, kind: type[BaseHandler], given: dict[str, object]
    ) -> HTTPMessageDelegate:
        return whole.get_handler_delegate(request, kind, given)

    express = Express(lifecycle, edge, _UPDATE, delegate)
    whole = _Application(
        [
            Rule(PathMatches(_pattern(_UPDATE)), express),
            *_handlers(lifecycle, top, expose),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args={"lifecycle": lifecycle, "route": OTHER},
        log_function=lambda handler: _answered(lifecycle, handler),
        edge=edge,
        trusted_origins=list(trusted_origins),  # for Tornado, which asks them before a socket opens
        websocket_max_message_size=MESSAGE_LIMIT,
    )
    return whole


class _Application(Application):
    """Hands requests to handlers, and no body that is longer than any of them takes."""

    def get_handler_delegate(self, *given: Any, **named: Any) -> HTTPMessageDelegate:  # type: ignore[override]
        """As Tornado's: who answers a request."""
        return Bounded(super().get_handler_delegate(*given, **named))


def _handlers(lifecycle: Lifecycle, top: int, expose: Callable[[], bytes]) -> list[URLSpec]:
    """Every address and who answers there."""

    def at(template: str, handler: type[BaseHandler], **given: object) -> URLSpec:
        return URLSpec(_pattern(template), handler, {"lifecycle": lifecycle, "route": template, **given})

    return [
        at(_UPDATE, ScoreHandler),
        at("/api/scores/batch", BatchHandler),
        at("/api/actions", TicketsHandler),
        at("/api/captcha", CaptchaHandler),
        at("/api/leaderboard", LeaderboardHandler, top=top),
        at("/api/seasons", SeasonsHandler),
        at("/api/users/{userId}", UserHandler),
        at("/api/users/{userId}/actions", ActionsHandler),
        at("/ws", LiveSocket),
        at("/livez", LiveHandler),
        at("/readyz", ReadyHandler),
        at("/healthz", ReadyHandler),  # what older probes ask for
        at("/metrics", MetricsHandler, expose=expose),
        at("/openapi.json", DescriptionHandler, description=_OPENAPI),
        at("/asyncapi.json", DescriptionHandler, description=_ASYNCAPI),
        at("/docs", DocsHandler, page=_DOCS),
        at("/", PageHandler),
        at("/static/{file}", AssetHandler),
    ]


def _pattern(template: str) -> str:
    """What an address matches; `{file}` may be of several parts."""
    return re.sub(
        r"\\\{(\w+)\\\}", lambda place: "(.*)" if place[1] == "file" else "([^/]+)", re.escape(template)
    )


def _answered(lifecycle: Lifecycle, handler: RequestHandler) -> None:
    """Of every answer: it is counted, and some have a line in the log."""
    assert isinstance(handler, BaseHandler)  # noqa: S101 -- there is no other kind here
    request, status = handler.request, handler.get_status()
    seconds = request.request_time()
    lifecycle.traffic.answer(handler.route, request.method, status, seconds)
    lifecycle.access.answered(handler, status, seconds)
