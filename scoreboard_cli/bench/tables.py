"""The findings of a bench as rows of tables, for 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from .quantiles import spread
from .report import Findings

LATENCIES = [
    ("latency in ms", "left"),
    *((name, "right") for name in ("p50", "p95", "p99", "max", "updates")),
]
FIGURES = [("figure", "left"), ("value", "right"), ("unit", "left")]


def title(found: Findings) -> str:
    """What was done."""
    load = found.load
    pace = "full speed" if load.rate is None else f"{load.rate:,.10g} updates/s"
    where = load.server or f"own server ({load.store})"
    who = f"{many(load.submitters, 'submitter')}, {many(load.watchers, 'watcher')}"
    return f"{who}, {load.seconds:g} s, {pace}: {where}"


def latencies(found: Findings) -> list[list[str]]:
    """Both latencies; a dash where nothing was measured."""
    rows = []
    for name, values in (
        ("submit → acknowledged", found.to_acknowledged),
        ("submit → seen by all", found.to_seen),
    ):
        known = spread(values)
        times = [known.p50, known.p95, known.p99, known.most] if known else []
        cells = [f"{time:,.1f}" for time in times] or ["-"] * 4
        rows.append([name, *cells, f"{len(values):,}"])
    return rows


def figures(found: Findings) -> list[tuple[str, str, str]]:
    """Everything else: name, figure, unit or remark."""
    return [*_load_figures(found), *_server_figures(found)]


def _load_figures(found: Findings) -> Iterator[tuple[str, str, str]]:
    yield "updates", f"{found.updates_per_second:,.0f}", "acknowledged per second"
    errors = "; ".join(f"{count:,} × {what}" for what, count in sorted(found.errors.items()))
    yield "refused or lost", f"{sum(found.errors.values()):,}", errors
    if found.load.watchers:
        lost = f"of {found.load.watchers:,}; {found.lost:,} lost on the way"
        yield "watchers connected", f"{found.connected:,}", lost
    if found.bytes_per_watcher is not None and found.frames_per_watcher is not None:
        kilobytes = found.bytes_per_watcher / 1000
        yield "sent to each watcher", f"{kilobytes:,.1f}", f"kB in {found.frames_per_watcher:,.0f} frames"
    yield "busiest generator", f"{found.busiest_generator:.0%}", "of one processor"


def _server_figures(found: Findings) -> Iterator[tuple[str, str, str]]:
    server = found.server
    if server is None:
        return
    yield "server", _figure(server.cpu_share, 100, "%"), "of one processor, under this load"
    yield "server, per update", _figure(server.cpu_ms_per_update, 1, ""), "ms of processor, nobody watching"
    yield (
        "server, per recipient",
        _figure(server.cpu_us_per_recipient, 1, ""),
        "µs of processor per frame sent",
    )
    yield "server, per socket", _figure(server.memory_per_socket, 1 / 1024, ""), "KiB of memory"


def _figure(value: float | None, scale: float, unit: str) -> str:
    if value is None:
        return "-"
    scaled = value * scale
    return f"{scaled:,.{0 if scaled >= 100 or unit else 2 if scaled < 10 else 1}f}{unit}"


def many(count: int, what: str) -> str:
    """So many of these."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
