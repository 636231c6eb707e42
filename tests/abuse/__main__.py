"""The long form of abuse: `python -m tests.abuse`, over 20,000 inputs, and 500 slow clients of each kind."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path

from ..mongod import why_no_mongod
from .attack import Plan, attack
from .findings import Findings
from .slow_clients import CONNECTIONS, MODES, measure, slowhttptest, under
from .target import Target

_WARM_UP_S = 5.0


def main() -> int:
    """Attack, tell what was sent and answered; 0 when nothing was wrong."""
    options = _options()
    findings = Findings()
    say(f"seed {options.seed}")
    with tempfile.TemporaryDirectory(prefix="abuse-", ignore_cleanup_errors=True) as folder:
        asyncio.run(_play(Path(folder), options, findings))
    summarise(findings)
    return 1 if findings.violations else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.abuse", description=__doc__)
    parser.add_argument("--examples", type=int, default=150, help="cases of a kind for an operation")
    parser.add_argument("--frames", type=int, default=14_000, help="inputs to the socket")
    parser.add_argument("--requests", type=int, default=4_000, help="requests as bytes")
    parser.add_argument("--seconds", type=float, default=25, help="measure so long under slow clients")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    return parser.parse_args()


async def _play(folder: Path, options: argparse.Namespace, findings: Findings) -> None:
    plan = Plan(options.examples, options.frames, options.requests, options.seed)
    await _attack(folder / "memory", "memory", plan, findings)
    reason, slow_store = why_no_mongod(), "memory"
    if reason is None:
        slow_store = "embedded"
        part = Plan(plan.examples // 5, plan.frames // 10, plan.requests // 10, plan.seed + 2)
        await _attack(folder / "embedded", "embedded", part, findings)
    else:
        say(f"not on the embedded store: {reason}")
    if slowhttptest() is None:
        say("no slow clients: slowhttptest is not installed")
    elif options.seconds > 0:
        await _be_slow(folder / "slow", slow_store, options.seconds, findings)


async def _attack(folder: Path, store: str, plan: Plan, findings: Findings) -> None:
    began, before = time.monotonic(), findings.total
    with Target(folder, store) as target:
        grown = await attack(target, findings, plan)
        resident = target.resident_mb()
    seconds = time.monotonic() - began
    sent = findings.total - before
    say(f"{store}: {sent:,} inputs in {seconds:.0f} s; {resident:.0f} MB resident, {grown:+.1f} since warm")


async def _be_slow(folder: Path, store: str, seconds: float, findings: Findings) -> None:
    with Target(folder, store) as target:
        for number in range(996):
            target.submit(f"user-{number}", "a1")  # a board that is slow to read
        await measure(target.port, _WARM_UP_S, "warm")
        say(f"{'quiet':12} {await measure(target.port, seconds, 'quiet')}")
        for mode in MODES:
            waits = await under(mode, target, seconds, findings)
            say(f"{mode:12} {waits}  under {CONNECTIONS} clients")
        target.check_log(findings)


def summarise(findings: Findings) -> None:
    """Tell what was sent, how it was answered and what was wrong."""
    for kind, count in sorted(findings.inputs.items()):
        say(f"  {count:7,} {kind}")
    say(f"  {findings.total:7,} in all")
    say(", ".join(f"{answer}: {count}" for answer, count in sorted(findings.answers.items())))
    say(f"violations: {len(findings.violations)}")
    for words in findings.violations:
        say(f"  {words}")


def say(words: str) -> None:
    """A line on stdout, at once."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
