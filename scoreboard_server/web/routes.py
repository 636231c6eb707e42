"""Every address of the server, and the settings Tornado runs with."""

from __future__ import annotations

from collections.abc import Sequence

from tornado.httputil import ParseBodyConfig, ParseMultipartConfig, set_parse_body_config
from tornado.web import Application, RequestHandler

from .actions_handler import ActionsHandler
from .asyncapi import document as asyncapi
from .base_handler import NotFoundHandler
from .batch_handler import BatchHandler
from .captcha_handler import CaptchaHandler
from .description_handler import Description, DescriptionHandler
from .docs import page as docs
from .docs_handler import DocsHandler
from .edge import Edge
from .health_handler import LiveHandler, ReadyHandler
from .leaderboard_handler import LeaderboardHandler, UserHandler
from .live_socket import MESSAGE_LIMIT, LiveSocket
from .openapi import document as openapi
from .page_handler import AssetHandler, PageHandler
from .score_handler import ScoreHandler
from .seasons_handler import SeasonsHandler
from .services import Lifecycle
from .tickets_handler import TicketsHandler

_OPENAPI = Description(openapi.document())
_ASYNCAPI = Description(asyncapi.document())
_DOCS = docs.page(openapi.document(), asyncapi.document())


def application(
    lifecycle: Lifecycle,
    *,
    top: int,
    trusted_origins: Sequence[str] = (),
    trusted_proxies: Sequence[str] = (),
) -> Application:
    """The routes.

    top: how many rows the board shows by default. trusted_origins: pages of other sites that may connect.
    trusted_proxies: addresses and networks whose forwarding headers count.
    """
    # Nothing here takes a form; parsing one would be work for an attacker to order.
    set_parse_body_config(ParseBodyConfig(multipart=ParseMultipartConfig(enabled=False)))
    shared = {"lifecycle": lifecycle}
    return Application(
        [
            (r"/api/scores/update", ScoreHandler, shared),
            (r"/api/scores/batch", BatchHandler, shared),
            (r"/api/actions", TicketsHandler, shared),
            (r"/api/captcha", CaptchaHandler, shared),
            (r"/api/leaderboard", LeaderboardHandler, {**shared, "top": top}),
            (r"/api/seasons", SeasonsHandler, shared),
            (r"/api/users/([^/]+)", UserHandler, shared),
            (r"/api/users/([^/]+)/actions", ActionsHandler, shared),
            (r"/ws", LiveSocket, shared),
            (r"/livez", LiveHandler, shared),
            (r"/readyz", ReadyHandler, shared),
            (r"/healthz", ReadyHandler, shared),  # what older probes ask for
            (r"/openapi\.json", DescriptionHandler, {**shared, "description": _OPENAPI}),
            (r"/asyncapi\.json", DescriptionHandler, {**shared, "description": _ASYNCAPI}),
            (r"/docs", DocsHandler, {**shared, "page": _DOCS}),
            (r"/", PageHandler, shared),
            (r"/static/(.*)", AssetHandler, shared),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args=shared,
        log_function=_no_access_log,
        edge=Edge(trusted_origins, trusted_proxies),
        trusted_origins=list(trusted_origins),  # for Tornado, which asks them before a socket opens
        websocket_max_message_size=MESSAGE_LIMIT,
    )


def _no_access_log(handler: RequestHandler) -> None:
    """A line per request would cost more than the request."""
