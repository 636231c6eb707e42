"""`GET /openapi.json` and `/asyncapi.json`: the descriptions of the interface."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from .base_handler import BaseHandler
from .services import Lifecycle


class Description:
    """A document as it is sent."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.body = msgspec.json.encode(document)
        self.etag = f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'


class DescriptionHandler(BaseHandler):
    """The same bytes for everyone; a client that has them is told so."""

    needs_ready = False

    def initialize(self, lifecycle: Lifecycle, route: str, description: Description) -> None:  # type: ignore[override]  # as routes.py makes it
        """Called by Tornado with what the route was made with."""
        super().initialize(lifecycle, route)
        self._description = description

    def get(self) -> None:
        """Answer 200 with the description, 304 when the client has it already."""
        self.set_header("Cache-Control", "no-cache")
        self.set_header("ETag", self._description.etag)
        if self.check_etag_header():
            self.set_status(304)
            self.finish()
        else:
            self.answer(self._description.body)

    def head(self) -> None:
        """As GET, without the body."""
        self.get()
