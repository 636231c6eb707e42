"""Answering what was raised before any handler was made."""

from __future__ import annotations

from typing import NamedTuple

from ..request_context import RequestContext
from .base_handler import BaseHandler
from .bearer import Limits
from .services import Lifecycle


class Refused(NamedTuple):
    """What was raised; for whom; and what the limits left to them, None when that was not told."""

    error: Exception
    context: RequestContext
    limits: Limits | None


class RefusedHandler(BaseHandler):
    """Raises it again, where refusals are answered and failures are logged."""

    def initialize(self, lifecycle: Lifecycle, route: str, refused: Refused | None = None) -> None:
        """refused: it is not asked for without."""
        super().initialize(lifecycle, route)
        assert refused is not None  # noqa: S101
        self._refused = refused
        self._limits = refused.limits
        self._context = refused.context
        self.set_header("X-Request-Id", refused.context.request_id)

    def prepare(self) -> None:
        """Whatever the method would be."""
        raise self._refused.error
