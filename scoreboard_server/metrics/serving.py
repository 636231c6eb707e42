"""Samples of what is asked over HTTP, batches and sockets, and of the process itself."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from ..rules.spread import SECONDS, Spread
from ..web.openapi.document import package_version
from ..web.traffic import Traffic
from .families import PREFIX, counter, counters, gauge, histograms

_VERSIONS = {"version": package_version(), "python": platform.python_version()}


def of_process(*, is_ready: bool) -> Iterator[Metric]:
    """What runs, and whether it serves."""
    build = GaugeMetricFamily(PREFIX + "build_info", "Always 1; what runs.", labels=list(_VERSIONS))
    build.add_metric(list(_VERSIONS.values()), 1.0)
    yield build
    yield gauge("ready", "1 while the server serves, 0 while it starts or stops.", is_ready)


def of_traffic(traffic: Traffic) -> Iterator[Metric]:
    """What is there from the first moment."""
    requests: dict[tuple[str, ...], int] = {}
    by_route: dict[tuple[str, ...], Spread] = {}
    for (route, method, status), spread in traffic.answered.items():
        place = route, str(method)
        requests[*place, str(status)] = len(spread)
        by_route.setdefault(place, Spread(SECONDS)).merge(spread)
    yield counters(
        "http_requests",
        "Requests answered. An upgrade to a WebSocket has status 101.",
        ("route", "method", "status"),
        requests.items(),
    )
    yield histograms(
        "http_request_seconds",
        "From a request's headers to its answer.",
        ("route", "method"),
        by_route.items(),
    )
    yield counters(
        "refusals",
        "Refusals by the code that clients are told, and the road: http, an item of a batch, or a socket.",
        ("road", "code"),
        traffic.refusals.items(),
    )
    yield counter("frames_sent", "Frames handed to sockets.", traffic.frames)
    yield counter("sent_bytes", "Bytes of these frames.", traffic.frame_bytes)
