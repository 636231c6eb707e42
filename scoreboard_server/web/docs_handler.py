"""`GET /docs`: both interfaces described for people."""

from __future__ import annotations

from .base_handler import BaseHandler
from .page_handler import protect
from .services import Lifecycle


class DocsHandler(BaseHandler):
    """The same page for everyone, also before the board is ready."""

    needs_ready = False

    def initialize(self, lifecycle: Lifecycle, route: str, page: bytes) -> None:  # type: ignore[override]  # as routes.py makes it
        """Called by Tornado with what the route was made with."""
        super().initialize(lifecycle, route)
        self._page = page

    def get(self) -> None:
        """Answer 200 with the page."""
        protect(self)
        self.answer(self._page, "text/html; charset=utf-8")

    def head(self) -> None:
        """As GET, without the body."""
        self.get()
