"""The words of which samples are made: counters, gauges and histograms from plain numbers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from ..rules.spread import Spread

PREFIX = "scoreboard_"
_INFINITY = "+Inf"


def gauge(name: str, words: str, value: float) -> Metric:
    """What goes up and down."""
    return GaugeMetricFamily(PREFIX + name, words, value=float(value))


def counter(name: str, words: str, value: float) -> Metric:
    """What only rises, until the process ends; its samples are named …_total."""
    return CounterMetricFamily(PREFIX + name, words, value=float(value))


def counters(
    name: str, words: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], int]]
) -> Metric:
    """One counter for each of the labels' values."""
    family = CounterMetricFamily(PREFIX + name, words, labels=labels)
    for told, value in values:
        family.add_metric(told, float(value))
    return family


def histogram(name: str, words: str, spread: Spread) -> Metric:
    """How large values were."""
    return histograms(name, words, (), [((), spread)])


def histograms(
    name: str,
    words: str,
    labels: tuple[str, ...],
    spreads: Iterable[tuple[tuple[str, ...], Spread]],
) -> Metric:
    """One histogram for each of the labels' values."""
    family = HistogramMetricFamily(PREFIX + name, words, labels=labels)
    for told, spread in spreads:
        bounds = [*map(str, map(float, spread.bounds)), _INFINITY]
        family.add_metric(told, list(zip(bounds, accumulate(spread.counts), strict=True)), spread.total)
    return family
