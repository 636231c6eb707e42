"""Reading from the store for clients: a few at a time, and nobody for long."""

from __future__ import annotations

import asyncio

from .few_at_once import FewAtOnce, NotReached

PATIENCE_S = 5.0
_AT_ONCE = 2


def few_readers(at_once: int = _AT_ONCE) -> FewAtOnce:
    """Lets in so many readers at once."""
    return FewAtOnce(at_once, PATIENCE_S, away=_away, crowded=_crowded)


def patience_ends() -> float:
    """When somebody who asks now has waited long enough, in the loop's time."""
    return asyncio.get_running_loop().time() + PATIENCE_S


def _away() -> NotReached:
    return NotReached("store_unavailable", "The store does not answer.", 2)


def _crowded() -> NotReached:
    return NotReached("overloaded", "More is asked for than can be read; try again in a moment.")
