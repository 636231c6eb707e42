"""`GET /` and `/static/…`: the live board page and the client module.

A page of another site imports the module with CORS, as all modules are, and so under the same rule as it
reads the board: its origin has to be a trusted one. For any other the module would be of no use, as
neither the socket nor the API would answer it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tornado.web import HTTPError, RequestHandler, StaticFileHandler

from .base_handler import BaseHandler

STATIC = Path(__file__).parent / "static"

# The page needs nothing from anywhere but its own server, save the avatars that players bring.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' https:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def protect(handler: RequestHandler) -> None:
    """Let what is shown reach nothing but this server, save avatars."""
    handler.set_header("Content-Security-Policy", _POLICY)
    # Revalidate: an upgrade of the server is an upgrade of the page.
    handler.set_header("Cache-Control", "no-cache")


class PageHandler(BaseHandler):
    """The page; it shows its own connecting state, so it is served before the board is ready."""

    needs_ready = False
    _page = (STATIC / "index.html").read_bytes()

    def get(self) -> None:
        """Answer 200 with the page."""
        protect(self)
        self.answer(self._page, "text/html; charset=utf-8")

    def head(self) -> None:
        """As GET, without the body."""
        self.get()


class AssetHandler(StaticFileHandler, BaseHandler):
    """The page's parts. Tornado's handler keeps to its folder; refusals are answered like everywhere."""

    needs_ready = False

    def initialize(self, lifecycle: Any, route: str) -> None:  # type: ignore[override]  # the folder is always ours
        """Serve the static folder."""
        BaseHandler.initialize(self, lifecycle, route)
        StaticFileHandler.initialize(self, path=str(STATIC))

    def set_extra_headers(self, path: str) -> None:
        """The same as the page has, which can be had here as well."""
        protect(self)

    def compute_etag(self) -> str | None:
        """A hash of the file, computed once."""
        return StaticFileHandler.compute_etag(self)

    async def get(self, path: str, include_body: bool = True) -> None:
        """404 for whatever is no file of the folder, also what is outside it: it tells nothing."""
        # No file system takes a NUL, and Python's refuses it with a ValueError.
        if "\0" in path or path.endswith("/"):
            raise HTTPError(404)
        try:
            await super().get(path, include_body)
        except HTTPError:
            raise HTTPError(404) from None
        if self.get_status() == 416:
            raise HTTPError(416)
