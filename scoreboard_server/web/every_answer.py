"""What every answer says, whatever it is about."""

from __future__ import annotations

import time
from functools import lru_cache

from tornado.httputil import format_timestamp

# Also what is no page says that it is none, should anything ever show it as one.
ALWAYS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def date() -> str:
    """The time as HTTP writes it, made once a second: else it would be a twentieth of a small request."""
    return _date(int(time.time()))


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return format_timestamp(second)
