"""One bench from warm-up to findings: which load runs when, and what is read before and after it."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .inclusion import Mark, State, seen_after
from .process_figures import cpu_seconds, resident_bytes
from .report import Findings, Load, ServerFigures
from .workers import BenchFailedError, Message, Worker

MARKER_PREFIX = "bench:m"
_WATCHERS_PER_PROCESS = 1000
_PACED_RATE = 20.0  # updates a second, twice as many as states are published
_LONGEST_SIDE_PHASE_S = 5.0
_FIRST_SOCKETS = 20
_SETTLE_S = 0.7  # until the last state has reached everybody, and the server is quiet

Progress = Callable[[str, float], None]
"""Told what goes on from now, and for how many seconds about."""


@dataclass(frozen=True, slots=True)
class Side:
    """What a load cost. cpu: seconds of the server, None where that isn't known."""

    updates: int
    frames: int
    cpu: float | None


class Bench:
    """submitters, watchers: worker processes, ready. pid: the server's, None where it can't be looked at."""

    def __init__(
        self,
        load: Load,
        *,
        submitters: Worker,
        watchers: Sequence[Worker],
        pid: int | None,
        progress: Progress,
    ) -> None:
        self._load = load
        self._submitters = submitters
        self._watchers = watchers
        self._pid = pid
        self._progress = progress

    async def run(self, software: str) -> Findings:
        """Everything in turn. Raises BenchFailedError."""
        found = Findings(self._load, software)
        memory = None if self._pid is None else await self._measure_memory()
        await self._submit("Warming up", _warm_up_seconds(self._load))
        if self._pid is None:
            found.connected = await self._connect(self._load.watchers)
        else:
            found.server = ServerFigures(memory_per_socket=memory)
            found.connected = await self._measure_sides(found.server)
        await self._measure(found)
        return found

    async def _measure_memory(self) -> float | None:
        """What a socket at rest takes, before any load has left memory behind that sockets would fill."""
        first = min(_FIRST_SOCKETS, self._load.watchers)
        await self._connect(first)  # with these the server makes what the first ones need
        await asyncio.sleep(_SETTLE_S)
        before = self._memory()
        others = await self._connect(self._load.watchers - first)
        await asyncio.sleep(_SETTLE_S)
        after = self._memory()
        await self._ask_watchers("leave")
        return _per(_less(after, before), others, 1) if others >= _FIRST_SOCKETS else None

    async def _measure_sides(self, server: ServerFigures) -> int:
        """What an update and a recipient cost: loads with and without watchers, one thing at a time.

        How many watchers there are in the end.
        """
        seconds = _side_seconds(self._load)
        alone = await self._side("Updates alone", seconds)
        unwatched = await self._side("A few updates", seconds, _PACED_RATE)
        connected = await self._connect(self._load.watchers)
        watched = await self._side("A few updates, watched", seconds, _PACED_RATE)
        server.cpu_ms_per_update = _per(alone.cpu, alone.updates, 1e3)
        server.cpu_us_per_recipient = _per(_less(watched.cpu, unwatched.cpu), watched.frames, 1e6)
        return connected

    async def _measure(self, found: Findings) -> None:
        load = self._load
        await self._ask_watchers("reset")
        cpu = self._cpu()
        answer = await self._submit("Full load", load.seconds, load.submitters, load.rate)
        used = _less(self._cpu(), cpu)
        await asyncio.sleep(_SETTLE_S)
        reports = await self._ask_watchers("report")
        if found.server is not None:
            found.server.cpu_share = _per(used, load.seconds, 1)
        _take_submitted(found, answer)
        _take_watched(found, reports)
        marks = [Mark(*mark) for mark in answer["marks"]]
        found.to_seen = [ns / 1e6 for ns in seen_after(marks, _merged(reports))]
        found.busiest_generator = max(each["cpu"] for each in [answer, *reports]) / load.seconds

    async def _side(self, words: str, seconds: float, rate: float | None = None) -> Side:
        await self._ask_watchers("reset")
        cpu = self._cpu()
        # A single submitter is a marker, at the top: each of its updates changes what is shown.
        answer = await self._submit(words, seconds, 1 if rate else self._load.submitters, rate)
        await asyncio.sleep(_SETTLE_S)
        frames = sum(report["frames"] for report in await self._ask_watchers("report"))
        return Side(len(answer["acknowledged"]), frames, _less(self._cpu(), cpu))

    async def _submit(
        self, words: str, seconds: float, connections: int | None = None, rate: float | None = None
    ) -> Message:
        self._progress(words, seconds)
        count = connections or self._load.submitters
        answer = await self._submitters.ask("run", connections=count, seconds=seconds, rate=rate)
        if not answer["acknowledged"]:
            refused = ", ".join(f"{count} × {what}" for what, count in answer["errors"].items())
            raise BenchFailedError(f"The server acknowledges nothing ({refused or 'no answers'}).")
        return answer

    async def _connect(self, count: int) -> int:
        """Have so many more watchers; how many the server lets in."""
        self._progress("Watchers take their seats", count / 1000)
        shares = zip(self._watchers, _shares(count, len(self._watchers)), strict=True)
        answers = await asyncio.gather(*(worker.ask("connect", count=share) for worker, share in shares))
        connected = sum(int(answer["connected"]) for answer in answers)
        if count and not connected:
            raise BenchFailedError("The server lets nobody watch.")
        return connected

    async def _ask_watchers(self, verb: str) -> list[Message]:
        return list(await asyncio.gather(*(worker.ask(verb) for worker in self._watchers)))

    def _cpu(self) -> float | None:
        return None if self._pid is None else cpu_seconds(self._pid)

    def _memory(self) -> float | None:
        return None if self._pid is None else resident_bytes(self._pid)


def planned_seconds(load: Load, *, is_measured: bool) -> float:
    """How long a bench takes, about. is_measured: whether the server's process is looked at."""
    sides = 3 * _side_seconds(load) if is_measured else 0.0
    return _warm_up_seconds(load) + sides + 2 * load.watchers / 1000 + load.seconds


def _warm_up_seconds(load: Load) -> float:
    return min(2.0, max(0.5, load.seconds / 5))


def _side_seconds(load: Load) -> float:
    return min(_LONGEST_SIDE_PHASE_S, load.seconds / 2)


def watching_processes(watchers: int) -> int:
    """Over how many processes so many watchers are spread."""
    return min(-(-watchers // _WATCHERS_PER_PROCESS), os.cpu_count() or 1)


def _shares(count: int, processes: int) -> list[int]:
    return [count // processes + (i < count % processes) for i in range(processes)]


def _take_submitted(found: Findings, answer: Message) -> None:
    sent, acknowledged = answer["sent"], answer["acknowledged"]
    found.to_acknowledged = [(end - start) / 1e6 for start, end in zip(sent, acknowledged, strict=True)]
    start = min(sent)
    found.moments = [(moment - start) / 1e9 for moment in acknowledged]
    found.errors = dict(Counter(answer["errors"]))


def _take_watched(found: Findings, reports: list[Message]) -> None:
    found.bytes = sum(report["bytes"] for report in reports)
    found.frames = sum(report["frames"] for report in reports)
    found.lost = sum(report["lost"] for report in reports)


def _merged(reports: list[Message]) -> list[State]:
    """The states of all processes, in order; each seen by all when the last process says so."""
    scores: dict[tuple[str, int], dict[str, int]] = {}
    for report in reports:
        scores |= {(epoch, version): shown for epoch, version, shown in report["states"]}
    seen = [{(epoch, version): moment for epoch, version, moment in report["seen"]} for report in reports]
    epochs = list(dict.fromkeys(epoch for epoch, _ in scores))
    ordered = sorted(scores, key=lambda state: (epochs.index(state[0]), state[1]))
    return [State(scores[state], _last([each.get(state) for each in seen])) for state in ordered]


def _last(moments: list[int | None]) -> int | None:
    known = [moment for moment in moments if moment is not None]
    return max(known) if len(known) == len(moments) else None


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def _per(amount: float | None, count: float, scale: float) -> float | None:
    """None also where a difference is too small for the clock that it was measured with."""
    return amount / count * scale if amount is not None and amount > 0 and count else None
