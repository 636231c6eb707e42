"""Samples of the board and of those who watch it."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from ..live.closings import NOT_READING, Closings
from ..live.hub import Hub
from ..live.live_board import LiveBoard
from ..live.occupancy import Occupancy
from ..web.live_socket import FAILED, SILENT, STOPPING
from .families import counter, counters, gauge, histogram


def of_board(live: LiveBoard) -> Iterator[Metric]:
    """The board."""
    yield gauge("board_users", "Users on the board.", len(live.board))


def of_hub(hub: Hub, occupancy: Occupancy) -> Iterator[Metric]:
    """Who watches, and what is published."""
    yield gauge(
        "sockets", "Places taken by sockets, also by those whose handshake is under way.", len(occupancy)
    )
    yield gauge("watchers", "Sockets that are shown the board.", len(hub))
    yield gauge("watching_users", "Users who have proved on a socket who they are.", len(hub.owners()))
    counts = hub.counts
    yield counter("published_versions", "Versions of the board that were published.", counts.versions)
    yield histogram("publish_seconds", "To hand a round of changes to all who watch.", counts.seconds)
    yield counter("catch_up_snapshots", "Snapshots to sockets that had missed something.", counts.catching_up)


def of_closings(closings: Closings) -> Iterator[Metric]:
    """Sockets that the server has ended."""
    reasons = dict.fromkeys((NOT_READING, SILENT[1], STOPPING[1], FAILED[1]), 0) | closings.by_reason
    values = {(_word(reason),): count for reason, count in reasons.items()}
    yield counters("sockets_cut", "Sockets that the server has closed.", ("reason",), values.items())


def _word(reason: str) -> str:
    """A reason without what it says to clients beyond it, as one word."""
    return reason.partition(";")[0].replace(" ", "_")
