"""What the hub has published since the start, counted: plain numbers for whoever looks at them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..rules.spread import SECONDS, Spread


@dataclass(slots=True)
class Publications:
    """versions: states published. seconds: how long handing each round to all watchers took.

    catching_up: snapshots to watchers that had missed something.
    """

    versions: int = 0
    seconds: Spread = field(default_factory=lambda: Spread(SECONDS))
    catching_up: int = 0
