"""What tests of the page share."""

from __future__ import annotations

from .seasons import start_season

__all__ = ["start_season"]
