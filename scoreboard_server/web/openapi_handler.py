"""`GET /openapi.json`: the description of the HTTP interface."""

from __future__ import annotations

import hashlib

import msgspec

from .base_handler import BaseHandler
from .openapi.document import document


class OpenApiHandler(BaseHandler):
    """The same bytes for everyone; a client that has them is told so."""

    needs_ready = False
    _body = msgspec.json.encode(document())
    _etag = f'"{hashlib.sha256(_body).hexdigest()[:32]}"'

    def get(self) -> None:
        """Answer 200 with the description, 304 when the client has it already."""
        self.set_header("Cache-Control", "no-cache")
        self.set_header("ETag", self._etag)
        if self.check_etag_header():
            self.set_status(304)
            self.finish()
        else:
            self.answer(self._body)

    def head(self) -> None:
        """As GET, without the body."""
        self.get()
