"""The findings of `benchmarks.scale` as one picture."""

from __future__ import annotations

from typing import Any

from scoreboard_cli.bench.axes import Axis, linear, logarithmic
from scoreboard_cli.bench.svg import Frame, element, line, text

_WIDTH, _HEIGHT = 960, 440
_PAPER, _INK, _MUTED, _GRID = "#ffffff", "#1f2328", "#59636e", "#e6eaef"
_COLORS = ("#0969da", "#1a7f37", "#8250df", "#bc4c00")
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_COST = Frame(left=64, top=110, width=540, height=262)
_MEMORY = Frame(left=694, top=110, width=216, height=262)

Point = dict[str, Any]


def svg(points: list[Point]) -> str:
    """Draw what a request costs the server, and what memory the board takes, by the number of users."""
    label = f"From {points[0]['users']:,} to {points[-1]['users']:,} users"
    return element(
        "svg",
        element("title", label),
        element("rect", width=_WIDTH, height=_HEIGHT, rx=6, fill=_PAPER, stroke="#d1d9e0"),
        text(32, 38, label, fill=_INK, font_size=20, font_weight=600),
        text(32, 60, "One process, embedded store, one request after the other", fill=_MUTED),
        *_cost_panel(points),
        *_memory_panel(points),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        width=_WIDTH,
        height=_HEIGHT,
        role="img",
        font_family=_FONT,
        font_size=12,
    )


def _users(points: list[Point]) -> Axis:
    return logarithmic(points[0]["users"], points[-1]["users"])


def _cost_panel(points: list[Point]) -> list[str]:
    across = _users(points)
    costs = {name: [p["http"][name]["cpu"] for p in points] for name in points[0]["http"]}
    up = linear(max(max(values) for values in costs.values()))
    drawn = _panel(_COST, across, up, "The server's processor time a request, µs")
    for row, ((name, values), color) in enumerate(zip(costs.items(), _COLORS, strict=True)):
        shares = [(across.at(p["users"]), up.at(v)) for p, v in zip(points, values, strict=True)]
        drawn += _curve(_COST, shares, color)
        x = _COST.left + row * 136
        drawn.append(line([(x, 420 - 4), (x + 20, 420 - 4)], stroke=color, stroke_width=3))
        drawn.append(text(x + 26, 420, name, fill=_INK))
    return drawn


def _memory_panel(points: list[Point]) -> list[str]:
    across = _users(points)
    held = [p["bytesPerUser"] * p["users"] / 2**20 for p in points]
    up = linear(max(held))
    drawn = _panel(_MEMORY, across, up, "Memory of the board, MiB")
    shares = [(across.at(p["users"]), up.at(mib)) for p, mib in zip(points, held, strict=True)]
    return drawn + _curve(_MEMORY, shares, _COLORS[0])


def _curve(frame: Frame, shares: list[tuple[float, float]], color: str) -> list[str]:
    placed = frame.place(shares)
    dots = [
        element("circle", cx=x, cy=y, r=3.5, fill=_PAPER, stroke=color, stroke_width=2) for x, y in placed
    ]
    return [line(placed, stroke=color, stroke_width=2), *dots]


def _panel(frame: Frame, across: Axis, up: Axis, heading: str) -> list[str]:
    bottom, right = frame.top + frame.height, frame.left + frame.width
    drawn = [text(frame.left, frame.top - 16, heading, fill=_INK, font_weight=600)]
    for value, label in up.ticks:
        ((_, y),) = frame.place([(0.0, up.at(value))])
        drawn.append(line([(frame.left, y), (right, y)], stroke=_GRID))
        drawn.append(text(frame.left - 8, y + 4, label, fill=_MUTED, text_anchor="end"))
    for value, label in across.ticks:
        if value in (10**power for power in range(10)):
            ((x, _),) = frame.place([(across.at(value), 0.0)])
            drawn.append(line([(x, frame.top), (x, bottom)], stroke=_GRID))
            drawn.append(text(x, bottom + 18, label, fill=_MUTED, text_anchor="middle"))
    drawn.append(line([(frame.left, bottom), (right, bottom)], stroke="#818b98"))
    return drawn
