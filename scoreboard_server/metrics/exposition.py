"""The exposition: all samples of one server, made when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from ..flow.counts import Followed
from ..parts import Parts
from ..web.services import Lifecycle
from .counting import of_folding, of_following, of_pipeline, of_seasons, of_submitting
from .families import gauge
from .serving import of_process, of_traffic
from .watching import of_board, of_closings, of_hub


class Exposition(Collector):
    """Reads what the parts count; the store is not asked. `parts`: None until the server has any."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self.parts: Parts | None = None
        # Of its own, as several servers may live in one process.
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        yield from of_process(is_ready=self._lifecycle.services is not None)
        yield from of_traffic(self._lifecycle.traffic)
        if self.parts is not None:
            yield from _of_parts(self.parts)

    def describe(self) -> list[Metric]:
        """Called by the registry: nothing to reserve, as nobody else registers here."""
        return []


def _of_parts(parts: Parts) -> Iterator[Metric]:
    services, following, keeper = parts.services, parts.following, parts.season_keeper
    yield gauge("store_cut_off", "1 while the store does not answer.", parts.is_cut_off())
    yield from of_submitting(services.submitting)
    yield from of_pipeline(parts.pipeline)
    yield from of_folding(parts.folding)
    yield from of_following(following.counts if following is not None else Followed(), parts.lag)
    yield from of_seasons(services.seasons, keeper.closed if keeper is not None else 0)
    yield from of_board(parts.live)
    yield from of_hub(parts.hub, services.occupancy)
    yield from of_closings(services.closings)
