"""Which version of the documents a store holds: older ones are read, a newer one is left alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .documents import SHAPE


class StoreRefusedError(Exception):
    """This store can't be used as it is; the message says what to do."""


def newest_shape(seasons: Iterable[Mapping[str, Any]]) -> int:
    """The newest shape that these seasons' documents tell of; 0 when there are none."""
    return max((int(season.get("v", 0)) for season in seasons), default=0)


def refuse_newer(shape: int) -> None:
    """Raises StoreRefusedError where a store's documents are newer than what this version understands."""
    if shape > SHAPE:
        raise StoreRefusedError(why_newer(shape))


def why_newer(shape: int) -> str:
    """What is told of such a store, with the remedy."""
    return (
        f"This store was opened by a newer version of scoreboard: its documents have shape {shape}, and this "
        f"version reads up to {SHAPE}. Nothing was changed. Upgrade this installation, or restore a back-up "
        "from before the upgrade."
    )
