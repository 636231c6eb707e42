"""A round: users act, faults strike, everything comes back, and then all must agree."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from functools import partial

from .checking import Findings, check, settled
from .chronicle import Chronicle
from .faults import Strike
from .in_thread import in_thread
from .stage import DATABASE, Stage
from .submitters import Crowd

_PROGRESS_S = 90.0


async def play_round(
    stage: Stage, crowd: Crowd, strikes: Sequence[Strike], chronicle: Chronicle, rng: random.Random
) -> Findings:
    """Play it, and add what was wrong to the chronicle."""
    async with crowd.acting():
        for strike in strikes:
            await _progress(chronicle, stage)
            await asyncio.sleep(rng.uniform(0, 0.3))
            async with asyncio.TaskGroup() as at_once:
                for fault in strike:
                    at_once.create_task(in_thread(partial(fault, stage, rng, chronicle)))
            await in_thread(stage.bring_back)
            await in_thread(stage.settle_season)
        await _progress(chronicle, stage)
    found = await in_thread(lambda: settled(lambda: _look(stage, crowd)))
    _note(stage, strikes, found, chronicle)
    if wrong := await in_thread(stage.servers[0].verify):
        chronicle.violation(f"{stage.name} after {described(strikes)}: verify says {wrong}")
    return found


def described(strikes: Sequence[Strike]) -> str:
    """The names of what struck, in order; `+` joins what struck at once."""
    return ", ".join("+".join(fault.__name__ for fault in strike) for strike in strikes)


async def _progress(chronicle: Chronicle, stage: Stage) -> None:
    """Wait until something more is acknowledged: a fault should find work under way, and leave it going."""
    before = chronicle.acknowledged
    try:
        async with asyncio.timeout(_PROGRESS_S):
            while chronicle.acknowledged < before + 20:
                await asyncio.sleep(0.02)
    except TimeoutError:
        words = "; ".join(server.words() for server in stage.servers)
        raise TimeoutError(f"nothing is acknowledged any more; the servers say: {words}") from None


def _look(stage: Stage, crowd: Crowd) -> Findings:
    addresses = [server.address for server in stage.servers]
    with stage.client() as client:
        return check(client, DATABASE, addresses, crowd.records, stage.seasons)


def _note(stage: Stage, strikes: Sequence[Strike], found: Findings, chronicle: Chronicle) -> None:
    chronicle.lost += len(found.lost)
    chronicle.doubled += len(found.doubled)
    chronicle.users_wrong += len({user for _, user in found.unfolded} | found.wrong.keys())
    for surprise in stage.take_surprises():
        chronicle.violation(surprise)
    if found:
        chronicle.violation(f"{stage.name} after {described(strikes)}: {found}")
