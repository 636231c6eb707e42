"""Axes of a plot: from values to shares of the axis, with ticks at round numbers. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 5.0, 10.0)
_MOST_TICKS = 6
_MOST_LOGARITHMIC_TICKS = 12  # more would touch each other


@dataclass(frozen=True, slots=True)
class Axis:
    """ticks: (value, label). A logarithmic one has only positive values."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    is_logarithmic: bool = False

    def at(self, value: float) -> float:
        """Where on the axis the value is: 0 at its beginning, 1 at its end, and never beyond."""
        low, high, value = (self._scaled(each) for each in (self.low, self.high, value))
        return min(1.0, max(0.0, (value - low) / (high - low)))

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.is_logarithmic else value


def linear(high: float) -> Axis:
    """An axis from 0 to the first tick that is not under `high`."""
    high = max(high, 1e-9)
    magnitude = 10.0 ** math.floor(math.log10(high / _MOST_TICKS))
    step = next(magnitude * factor for factor in _STEPS if high / (magnitude * factor) <= _MOST_TICKS)
    count = math.ceil(high / step - 1e-9)
    return Axis(0.0, step * count, tuple((step * i, _label(step * i)) for i in range(count + 1)))


def logarithmic(low: float, high: float) -> Axis:
    """An axis from a tick under `low` to one over `high`, with ticks at 1, 2 and 5 times powers of ten."""
    high = max(high, low)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    marks = [factor * 10.0**power for power in powers for factor in _STEPS[:3]]
    first = max((mark for mark in marks if mark <= low), default=marks[0])
    last = min((mark for mark in marks if mark >= high and mark > first), default=marks[-1])
    shown = [mark for mark in marks if first <= mark <= last]
    if len(shown) > _MOST_LOGARITHMIC_TICKS:
        shown = [mark for mark in marks[:: len(_STEPS) - 1] if first <= mark <= last]
    return Axis(first, last, tuple((mark, _label(mark)) for mark in shown), is_logarithmic=True)


def _label(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.10g}"
