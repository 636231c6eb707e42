"""What a bench has found: figures from measurements, and the JSON that other programs rely on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .quantiles import Spread, rates, spread

SCHEMA = 1  # rises when a field changes its meaning or goes; fields may come without that
_WINDOW_S = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """What was asked for. server: None for one of our own; rate: updates/s, None for all it takes."""

    server: str | None
    store: str | None
    watchers: int
    submitters: int
    seconds: float
    rate: float | None


@dataclass(slots=True)
class ServerFigures:
    """The server process; None where it couldn't be measured. cpu_share: of one processor, under the load."""

    cpu_ms_per_update: float | None = None
    cpu_us_per_recipient: float | None = None
    memory_per_socket: float | None = None
    cpu_share: float | None = None


@dataclass(slots=True)
class Findings:
    """Everything measured. Latencies in ms; moments: of acknowledgements, in seconds since the start."""

    load: Load
    software: str
    to_acknowledged: list[float] = field(default_factory=list)
    to_seen: list[float] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    connected: int = 0
    lost: int = 0
    frames: int = 0
    bytes: int = 0
    server: ServerFigures | None = None
    busiest_generator: float = 0.0

    @property
    def updates_per_second(self) -> float:
        """Acknowledged updates, over the time of the load."""
        return sum(0 <= moment < self.load.seconds for moment in self.moments) / self.load.seconds

    @property
    def bytes_per_watcher(self) -> float | None:
        """What one watcher was sent in that time, on average."""
        return self.bytes / self.connected if self.connected else None

    @property
    def frames_per_watcher(self) -> float | None:
        """How many messages that was."""
        return self.frames / self.connected if self.connected else None

    def throughput(self) -> list[tuple[float, float]]:
        """Updates per second over time: (second, rate)."""
        return rates(self.moments, self.load.seconds, min(_WINDOW_S, self.load.seconds / 2))


def as_json(found: Findings) -> dict[str, Any]:
    """The document of `scoreboard bench --json`: see docs/bench.md."""
    load = found.load
    return {
        "schema": SCHEMA,
        "scoreboard": found.software,
        "load": {
            "server": load.server,
            "store": load.store,
            "watchers": load.watchers,
            "submitters": load.submitters,
            "seconds": load.seconds,
            "rate": load.rate,
        },
        "updatesPerSecond": _rounded(found.updates_per_second, 1),
        "acknowledged": len(found.moments),
        "errors": found.errors,
        "submitToAcknowledgedMs": _spread(found.to_acknowledged),
        "submitToSeenMs": _spread(found.to_seen),
        "watchers": {
            "connected": found.connected,
            "lost": found.lost,
            "framesPerWatcher": _rounded(found.frames_per_watcher, 1),
            "bytesPerWatcher": _rounded(found.bytes_per_watcher, 0),
        },
        "server": _server(found.server),
        "busiestGenerator": _rounded(found.busiest_generator, 3),
        "throughput": [[_rounded(second, 2), _rounded(rate, 1)] for second, rate in found.throughput()],
    }


def _server(server: ServerFigures | None) -> dict[str, float | None] | None:
    if server is None:
        return None
    return {
        "cpuMsPerUpdate": _rounded(server.cpu_ms_per_update, 4),
        "cpuUsPerRecipient": _rounded(server.cpu_us_per_recipient, 2),
        "memoryPerSocket": _rounded(server.memory_per_socket, 0),
        "cpuShare": _rounded(server.cpu_share, 3),
    }


def _spread(values: list[float]) -> dict[str, float | int | None] | None:
    found: Spread | None = spread(values)
    if found is None:
        return None
    times = {"p50": found.p50, "p95": found.p95, "p99": found.p99, "max": found.most}
    return {"count": found.count, **{name: _rounded(value, 3) for name, value in times.items()}}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
