"""What tests of the page share."""

from __future__ import annotations

from playwright.async_api import expect

from .seasons import start_season

__all__ = ["start_season"]

expect.set_options(timeout=30_000)  # patience costs nothing where all is well, and machines are slow at times
