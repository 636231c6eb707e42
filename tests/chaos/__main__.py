"""The long form of chaos: `python -m tests.chaos`, until enough was killed, failed over and acknowledged."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import random
import secrets
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from .chronicle import Chronicle
from .faults import some_strike
from .rounds import described, play_round
from .stage import OpenStage, Stage, balanced_stage, embedded_stage, proxied_stage, replicated_stage
from .submitters import Crowd

_STAGES: Mapping[str, OpenStage] = {
    "embedded": embedded_stage,
    "proxied": proxied_stage,
    "replicated": replicated_stage,
    "balanced": balanced_stage,
}
_ROUNDS_ON_A_STAGE = 6
_STRIKES_IN_A_ROUND = (1, 3)
_VIOLATED, _NOT_REACHED, _INTERRUPTED = 1, 3, 130


def main() -> int:
    """Run until the goals are reached or the time is over; 0 when they are and nothing was wrong."""
    options = _options()
    say(f"seed {options.seed}: until {options.kills} kills, {options.failovers} failovers and "
        f"{options.actions} acknowledged actions, at most {options.minutes:g} minutes")  # fmt: skip
    run = LongForm(options)
    interrupted = False
    try:
        asyncio.run(run.play())
    except asyncio.CancelledError:
        interrupted = True
    summarise(run.chronicle)
    if run.chronicle.violations:
        return _VIOLATED
    if interrupted:
        return _INTERRUPTED
    if not run.is_enough():
        say("the time was over before all goals were reached")
        return _NOT_REACHED
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kill -9 so often")
    parser.add_argument("--failovers", type=int, default=20, help="take the primary away so often")
    parser.add_argument("--actions", type=int, default=100_000, help="have so many acknowledged")
    parser.add_argument("--minutes", type=float, default=60, help="end after so long in any case")
    parser.add_argument("--users", type=int, default=40, help="how many act at once")
    parser.add_argument(
        "--seed", default=secrets.token_hex(4), help="of what is done, not of how it interleaves"
    )
    parser.add_argument(
        "--stages", nargs="+", choices=_STAGES, default=list(_STAGES), help="what is played on, in turn"
    )
    return parser.parse_args()


class LongForm:
    """One long run: stage after stage, each fresh, some rounds on each."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.chronicle = Chronicle()
        self._options = options
        self._ends = time.monotonic() + 60 * options.minutes
        self._rounds = itertools.count(1)

    def is_enough(self) -> bool:
        """Whether all goals are reached."""
        done, goal = self.chronicle, self._options
        reached = (
            done.kills >= goal.kills,
            done.failovers >= goal.failovers,
            done.acknowledged >= goal.actions,
        )
        return all(reached)

    async def play(self) -> None:
        """Play to the end. Ctrl-C and SIGTERM end it too, and nothing is left running."""
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        for turn, name in enumerate(itertools.cycle(self._options.stages)):
            if self._is_over():
                return
            try:
                await self._play_on(_STAGES[name], f"{self._options.seed}-{turn}")
            except Exception as error:  # a deadline, a server that ended: the rest is still worth running
                self.chronicle.violation(f"{type(error).__name__}: {error}")
                say(f"the stage had to be left: {self.chronicle.violations[-1]}")

    def _is_over(self) -> bool:
        return self.is_enough() or time.monotonic() > self._ends

    async def _play_on(self, open_stage: OpenStage, seed: str) -> None:
        rng = random.Random(seed)
        with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
            async with open_stage(Path(folder), rng) as stage:
                crowd = Crowd(stage, self.chronicle, seed=seed, users=self._options.users)
                for _ in range(_ROUNDS_ON_A_STAGE):
                    if not self._is_over():
                        await self._play_round(stage, crowd, rng)
            for surprise in stage.take_surprises():
                self.chronicle.violation(surprise)

    async def _play_round(self, stage: Stage, crowd: Crowd, rng: random.Random) -> None:
        strikes = [some_strike(stage.name, rng) for _ in range(rng.randint(*_STRIKES_IN_A_ROUND))]
        began, before = time.monotonic(), len(self.chronicle.violations)
        await play_round(stage, crowd, strikes, self.chronicle, rng)
        wrong = self.chronicle.violations[before:]
        done = self.chronicle
        say(
            f"round {next(self._rounds):3} {stage.name:10} {time.monotonic() - began:5.1f} s  "
            f"acknowledged {done.acknowledged:7,}  kills {done.kills:3}  failovers {done.failovers:3}  "
            f"seasons {done.seasons:3}  "
            f"{'; '.join(wrong) or 'ok'}  ({described(strikes)})"
        )


def summarise(done: Chronicle) -> None:
    """Tell what was done and what was wrong."""
    say(f"acknowledged {done.acknowledged:,} (asked again {done.asked_again:,}, repeated {done.repeated:,})")
    say(f"kills {done.kills}, failovers {done.failovers}, changes of season {done.seasons}")
    say(f"lost {done.lost}, doubled {done.doubled}, users wrong {done.users_wrong}")
    if done.recoveries:
        median, worst = statistics.median(done.recoveries), max(done.recoveries)
        say(f"from failover to the next acknowledged write: median {median:.2f} s, worst {worst:.2f} s")
    say(f"new actions told less than another server had told before: {done.behind_another}")
    say(f"violations: {len(done.violations)}")
    for words in done.violations:
        say(f"  {words}")


def say(words: str) -> None:
    """A line on stdout, at once."""
    with contextlib.suppress(BrokenPipeError):  # whoever reads may leave; what runs here must still be ended
        sys.stdout.write(words + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
