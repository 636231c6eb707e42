"""As much SVG as a plot needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a panel is, in pixels."""

    left: float
    top: float
    width: float
    height: float

    def place(self, points: Iterable[Point]) -> list[Point]:
        """Shares of the panel, from its lower left corner, as pixels from the picture's upper left one."""
        return [(self.left + x * self.width, self.top + (1 - y) * self.height) for x, y in points]


def element(tag: str, *inner: str, **attributes: str | float) -> str:
    """One element. inner: elements, or one text. An attribute's `_` stands for `-`."""
    said = "".join(f' {name.replace("_", "-")}="{_value(value)}"' for name, value in attributes.items())
    content = "".join(part if part.startswith("<") else escape(part) for part in inner)
    return f"<{tag}{said}>{content}</{tag}>" if content else f"<{tag}{said}/>"


def text(x: float, y: float, words: str, **attributes: str | float) -> str:
    """Words, their baseline beginning at that point."""
    return element("text", words, x=x, y=y, **attributes)


def line(points: Sequence[Point], *, fill: str = "none", **attributes: str | float) -> str:
    """A line through the points."""
    path = " ".join(f"{_value(x)},{_value(y)}" for x, y in points)
    return element("polyline", points=path, fill=fill, stroke_linejoin="round", **attributes)


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
