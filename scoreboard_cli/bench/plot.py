"""The findings of a bench as one picture: a self-contained SVG for an issue or a page."""

from __future__ import annotations

from .axes import Axis, linear, logarithmic
from .quantiles import Spread, distribution, spread
from .report import Findings, ServerFigures
from .svg import Frame, element, line, text
from .tables import many

_WIDTH, _HEIGHT = 960, 484
_PAPER, _INK, _MUTED = "#ffffff", "#1f2328", "#59636e"
_BLUE, _ORANGE, _GREEN = "#0969da", "#bc4c00", "#1a7f37"
_POINTS = 300
_LEGEND = 436  # the baseline of its first line
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_LATENCY = Frame(left=64, top=110, width=468, height=262)
_THROUGHPUT = Frame(left=622, top=110, width=306, height=262)


def svg(found: Findings) -> str:
    """Draw it."""
    label = f"{found.updates_per_second:,.0f} updates per second; latencies and throughput"
    return element(
        "svg",
        element("title", label),
        element("rect", width=_WIDTH, height=_HEIGHT, rx=6, fill=_PAPER, stroke="#d1d9e0"),
        *_headline(found),
        *_latency_panel(found),
        *_throughput_panel(found),
        *_server_lines(found.server),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        width=_WIDTH,
        height=_HEIGHT,
        role="img",
        font_family=_FONT,
        font_size=12,
    )


def _headline(found: Findings) -> list[str]:
    load = found.load
    seen = f", seen live by {many(found.connected, 'watcher')}" if found.connected else ""
    pace = "as fast as it takes them" if load.rate is None else f"at {load.rate:,.10g} updates/s"
    where = f"{load.store} store" if load.store else "a running server"
    who = f"{many(load.submitters, 'submitter')} for {load.seconds:g} s, {pace}"
    below = f"Scoreboard {found.software}, {where}; {who}"
    return [
        text(
            32,
            38,
            f"{found.updates_per_second:,.0f} updates/s{seen}",
            fill=_INK,
            font_size=20,
            font_weight=600,
        ),
        text(32, 60, below, fill=_MUTED),
    ]


def _latency_panel(found: Findings) -> list[str]:
    series = [
        ("submit → acknowledged", _BLUE, found.to_acknowledged),
        ("submit → seen by all", _ORANGE, found.to_seen),
    ]
    series = [each for each in series if each[2]]
    values = [value for _, _, some in series for value in some]
    if not values:
        return []
    across = logarithmic(max(min(values), 0.01), max(values))
    up = Axis(0.0, 1.0, ((0.0, "0"), (0.25, "25"), (0.5, "50"), (0.75, "75"), (0.95, "95"), (1.0, "100")))
    drawn = _panel(
        _LATENCY,
        across,
        up,
        "Latency: share of updates in % (rings: p50, p95, p99)",
        "milliseconds, logarithmic",
    )
    for row, (name, color, some) in enumerate(series):
        drawn += _curve(across, up, some, color)
        drawn += _legend(row, name, color, spread(some))
    return drawn


def _curve(across: Axis, up: Axis, values: list[float], color: str) -> list[str]:
    points = [(across.at(value), up.at(share)) for value, share in distribution(values, _POINTS)]
    drawn = [line(_LATENCY.place(points), stroke=color, stroke_width=2)]
    known = spread(values)
    for value, share in ((known.p50, 0.50), (known.p95, 0.95), (known.p99, 0.99)) if known else ():
        ((x, y),) = _LATENCY.place([(across.at(value), up.at(share))])
        drawn.append(element("circle", cx=x, cy=y, r=3.5, fill=_PAPER, stroke=color, stroke_width=2))
    return drawn


def _legend(row: int, name: str, color: str, known: Spread | None) -> list[str]:
    y = _LEGEND + row * 20
    if known is None:
        return []
    figures = f"p50 {_ms(known.p50)} · p95 {_ms(known.p95)} · p99 {_ms(known.p99)} ms"
    return [
        line([(64, y - 4), (88, y - 4)], stroke=color, stroke_width=3),
        text(96, y, name, fill=_INK, font_weight=600),
        text(276, y, figures, fill=_MUTED),
    ]


def _ms(value: float) -> str:
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _throughput_panel(found: Findings) -> list[str]:
    points = found.throughput()
    if not points:
        return []
    across, up = linear(found.load.seconds), linear(max(rate for _, rate in points) * 1.1)
    heading = f"Throughput: updates/s (dashed: mean {found.updates_per_second:,.0f})"
    drawn = _panel(_THROUGHPUT, across, up, heading, "seconds")
    placed = _THROUGHPUT.place([(across.at(second), up.at(rate)) for second, rate in points])
    ground = _THROUGHPUT.top + _THROUGHPUT.height
    outline = [(placed[0][0], ground), *placed, (placed[-1][0], ground)]
    drawn.append(line(outline, fill=_GREEN, fill_opacity=0.12, stroke="none"))
    drawn.append(line(placed, stroke=_GREEN, stroke_width=2))
    mean = up.at(found.updates_per_second)
    level = _THROUGHPUT.place([(0.0, mean), (1.0, mean)])
    drawn.append(line(level, stroke=_MUTED, stroke_dasharray="4 4"))
    return drawn


def _server_lines(server: ServerFigures | None) -> list[str]:
    """What it cost the server, as far as that is known."""
    if server is None:
        return []
    cpu = [
        _cost(server.cpu_ms_per_update, "ms per update"),
        _cost(server.cpu_us_per_recipient, "µs per recipient"),
    ]
    memory = [_cost(server.memory_per_socket and server.memory_per_socket / 1024, "KiB per socket")]
    lines = []
    for name, costs in (("CPU", cpu), ("Memory", memory)):
        if known := [cost for cost in costs if cost]:
            lines.append(f"{name}: {' · '.join(known)}")
    return [text(_THROUGHPUT.left, _LEGEND + row * 20, words, fill=_MUTED) for row, words in enumerate(lines)]


def _cost(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{_ms(value)} {unit}"


def _panel(frame: Frame, across: Axis, up: Axis, heading: str, unit: str) -> list[str]:
    """A panel's heading, grid, ticks and the unit below."""
    bottom, right = frame.top + frame.height, frame.left + frame.width
    drawn = [text(frame.left, frame.top - 16, heading, fill=_INK, font_weight=600)]
    for value, label in up.ticks:
        ((_, y),) = frame.place([(0.0, up.at(value))])
        drawn.append(line([(frame.left, y), (right, y)], stroke="#e6eaef"))
        drawn.append(text(frame.left - 8, y + 4, label, fill=_MUTED, text_anchor="end"))
    for value, label in across.ticks:
        ((x, _),) = frame.place([(across.at(value), 0.0)])
        drawn.append(line([(x, frame.top), (x, bottom)], stroke="#e6eaef"))
        drawn.append(text(x, bottom + 18, label, fill=_MUTED, text_anchor="middle"))
    drawn.append(line([(frame.left, bottom), (right, bottom)], stroke="#818b98"))
    drawn.append(text(right, bottom + 36, unit, fill=_MUTED, text_anchor="end"))
    return drawn
