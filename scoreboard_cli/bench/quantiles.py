"""What many measurements come to: quantiles, a distribution's curve, a rate over time. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """How measurements are spread, in their own unit."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float


def quantile(ordered: Sequence[float], share: float) -> float:
    """The least measurement that so large a share is not above (nearest rank). ordered: rising, not empty."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> Spread | None:
    """The spread of measurements in any order, None without any."""
    if not values:
        return None
    ordered = sorted(values)
    p50, p95, p99 = (quantile(ordered, share) for share in (0.50, 0.95, 0.99))
    return Spread(len(ordered), p50, p95, p99, ordered[-1])


def distribution(values: Sequence[float], points: int) -> list[tuple[float, float]]:
    """The curve (value, share not above it) in about so many points, from the first value to the last."""
    ordered = sorted(values)
    count = len(ordered)
    steps = min(points, count)
    ranks = sorted(
        {math.ceil(count * step / steps) for step in range(1, steps + 1)} | ({1} if count else set())
    )
    return [(ordered[rank - 1], rank / count) for rank in ranks]


def rates(moments: Sequence[float], seconds: float, width: float) -> list[tuple[float, float]]:
    """How often per second things happened, by whole windows: (the window's middle, the rate).

    moments: seconds since the start; those outside 0 to `seconds` don't count.
    """
    windows = int(seconds / width + 1e-9)
    counts = [0] * windows
    for moment in moments:
        if 0 <= moment < windows * width:
            counts[min(int(moment / width), windows - 1)] += 1
    return [((i + 0.5) * width, count / width) for i, count in enumerate(counts)]
