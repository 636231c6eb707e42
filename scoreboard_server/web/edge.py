"""Whom the server trusts around it: pages of other sites (CORS), and the proxies in front of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from tornado.httputil import HTTPHeaders

from ..rules.client_address import client_address, networks
from ..rules.unnamed_proxy import ENOUGH, UnnamedProxyWatch

log = logging.getLogger("scoreboard.edge")

PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match, Traceparent, X-Request-Id",
    "Access-Control-Max-Age": "7200",  # browsers keep it no longer
}
_EXPOSED = "Retry-After, RateLimit, RateLimit-Policy, Idempotent-Replayed, ETag, X-Request-Id"


class Edge:
    """What is known of the world around the server.

    trusted_origins: pages of other sites that may read the answers, as browsers write them. trusted_proxies:
    addresses and networks. Raises ValueError for what is none.
    """

    def __init__(self, trusted_origins: Sequence[str] = (), trusted_proxies: Sequence[str] = ()) -> None:
        self._origins = frozenset(trusted_origins)
        self._proxies = networks(trusted_proxies)
        self._watch = None if trusted_proxies else UnnamedProxyWatch()

    # --- pages of other sites ---------------------------------------------------------------------

    def trusts_page_of(self, headers: HTTPHeaders) -> bool:
        """Whether a request with these headers comes from a page of a trusted origin."""
        return bool(self._origins) and headers.get("Origin") in self._origins

    def cors_headers(self, headers: HTTPHeaders) -> dict[str, str]:
        """What an answer to such a request says to a browser; nothing of credentials, as no cookie exists."""
        if not self._origins:
            return {}
        if not self.trusts_page_of(headers):
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": headers["Origin"],
            "Access-Control-Expose-Headers": _EXPOSED,
        }

    # --- proxies ----------------------------------------------------------------------------------

    def client_address(self, peer: str, headers: HTTPHeaders) -> str:
        """Who asks, behind the named proxies. peer: the address that the connection comes from."""
        return client_address(peer, headers.get_list("X-Forwarded-For"), self._proxies)

    def look_out(self, peer: str, headers: HTTPHeaders) -> None:
        """Warn once, when everything seems to come through a proxy that has not been named."""
        if self._watch is None:
            return
        is_forwarded = "X-Forwarded-For" in headers or "Forwarded" in headers
        if self._watch.saw(peer, is_forwarded=is_forwarded):
            self._watch = None
            log.warning(
                "ALL CLIENTS LOOK LIKE ONE: the last %d requests came from %s and carry forwarding headers, "
                "which count from a named proxy only; if that is yours, name it in server.trusted_proxies",
                ENOUGH,
                peer,
                extra={"proxy": peer},
            )
