"""`/livez` and `/readyz`: is the process alive, and can it serve?"""

from __future__ import annotations

from ..rules.refusals import Unavailable
from .base_handler import BaseHandler


class LiveHandler(BaseHandler):
    """Alive from the first moment to the last."""

    needs_ready = False
    is_probe = True

    def get(self) -> None:
        """Answer 200."""
        self.set_header("Cache-Control", "no-store")
        self.answer(b'{"status":"alive"}')

    def head(self) -> None:
        """As GET, without the body."""
        self.get()


class ReadyHandler(BaseHandler):
    """Ready from when the board is built until the server stops, unless the store has gone away."""

    is_probe = True

    def get(self) -> None:
        """Answer 200, or 503 with the reason."""
        if self.lifecycle.is_cut_off():
            raise Unavailable("store_unavailable", "The store does not answer.", 2)
        self.set_header("Cache-Control", "no-store")
        self.answer(b'{"status":"ready"}')

    def head(self) -> None:
        """As GET, without the body."""
        self.get()
