"""The plot: one self-contained picture that says the figures."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_cli.bench.axes import linear, logarithmic
from scoreboard_cli.bench.plot import svg
from scoreboard_cli.bench.report import Findings, Load, ServerFigures

SVG = "{http://www.w3.org/2000/svg}"


def _found(**more: object) -> Findings:
    load = Load(None, "embedded", 100, 16, 4.0, None)
    moments = [i / 100 for i in range(400)]
    found = Findings(
        load, "1.2.3", [1 + m for m in moments], [50 + 9 * m for m in moments], moments, connected=100
    )
    found.server = ServerFigures(0.375, 12.5, 16_384, 0.5)
    for name, value in more.items():
        setattr(found, name, value)
    return found


def _words(picture: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_it_tells_the_figures() -> None:
    """Throughput, quantiles, costs, units and the load all stand in it as text."""
    words = "\n".join(_words(svg(_found())))
    for said in (
        "100 updates/s, seen live by 100 watchers",
        "Scoreboard 1.2.3, embedded store; 16 submitters for 4 s",
        "submit → acknowledged",
        "p50 3.0 · p95 4.8 · p99 5.0 ms",
        "submit → seen by all",
        "milliseconds",
        "seconds",
        "CPU: 0.38 ms per update · 12.5 µs per recipient",
        "Memory: 16.0 KiB per socket",
    ):
        assert said in words


def test_it_is_self_contained_and_stays_inside() -> None:
    """It names no other file, and every point of every line is within the picture."""
    root = ElementTree.fromstring(svg(_found()))
    assert "http" not in svg(_found()).replace("http://www.w3.org/2000/svg", "")
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    points = [pair for line in root.iter(f"{SVG}polyline") for pair in line.attrib["points"].split()]
    assert len(points) > 300
    for x, y in (map(float, pair.split(",")) for pair in points):
        assert 0 <= x <= width
        assert 0 <= y <= height


@pytest.mark.parametrize(
    "more",
    [
        {"to_seen": [], "connected": 0, "server": None},
        {"to_seen": [], "to_acknowledged": [0.0], "moments": [0.1]},
        {"server": ServerFigures()},
    ],
    ids=["no watchers", "one update", "an unknown server"],
)
def test_what_was_not_measured_is_not_drawn(more: dict[str, object]) -> None:
    """With parts missing it is still a picture, and says nothing of them."""
    words = "\n".join(_words(svg(_found(**more))))
    assert "updates/s" in words
    assert ("seen by all" in words) == ("to_seen" not in more)
    assert ("CPU" in words) == ("server" not in more)
    assert "None" not in words


@given(st.floats(0.001, 1e7))
def test_a_linear_axis_holds_its_values(high: float) -> None:
    """From 0 to a tick that is not under the greatest value, with at most seven ticks."""
    axis = linear(high)
    assert 0 < axis.at(high) <= 1
    assert high <= axis.high * (1 + 1e-9)
    assert len(axis.ticks) <= 7


@given(st.floats(0.01, 1e5), st.floats(1, 1e3))
def test_a_logarithmic_axis_holds_its_values(low: float, times: float) -> None:
    """It begins not after the least value and ends not before the greatest; ratios are distances."""
    axis = logarithmic(low, low * times)
    assert axis.low <= low * (1 + 1e-9)
    assert low * times <= axis.high * (1 + 1e-9)
    middle = math.sqrt(axis.low * axis.high)
    assert axis.at(middle) == pytest.approx(0.5)
