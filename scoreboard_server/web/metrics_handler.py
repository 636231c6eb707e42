"""`GET /metrics`: what the server counts, for a Prometheus to read."""

from __future__ import annotations

from collections.abc import Callable

from .base_handler import BaseHandler
from .services import Lifecycle

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


class MetricsHandler(BaseHandler):
    """Open to whoever reaches it, from the first moment to the last; a proxy keeps the public away."""

    needs_ready = False
    is_probe = True

    def initialize(self, lifecycle: Lifecycle, route: str, expose: Callable[[], bytes]) -> None:  # type: ignore[override]  # as routes.py makes it
        """Called by Tornado with what the route was made with."""
        super().initialize(lifecycle, route)
        self._expose = expose

    def get(self) -> None:
        """Answer 200 with all samples of this moment."""
        self.set_header("Cache-Control", "no-store")
        self.answer(self._expose(), TEXT_FORMAT)

    def head(self) -> None:
        """As GET, without the body."""
        self.get()
