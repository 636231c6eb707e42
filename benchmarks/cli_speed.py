"""How long the command line lets one wait: every help, TAB, and queries of a store that runs.

    python -m benchmarks.cli_speed [RUNS]

Each is called RUNS times, by turns, so that what else the machine does meets all of them alike. Prints the
median in ms, and as a ratio to `python -c 'import click, rich'`, which no command of this kind can undercut
by much. The budget is 300 ms for help and TAB, and 800 ms for a query.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from scoreboard_cli.bench.own_server import OwnServer, own_server
from scoreboard_cli.main import scoreboard

_SCOREBOARD = [sys.executable, "-m", "scoreboard_cli.main"]
_HELP_MS, _QUERY_MS = 300, 800
_QUERIES = (
    "leaderboard",
    "leaderboard --json",
    "leaderboard user bench:m1",
    "explain bench:m1",
    "season list",
)
_FILLING = "--seconds 2 --submitters 8 --watchers 0 --json --yes"


def _call(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 -- all of them ours


@dataclass
class Measured:
    """A command, what it may take (ms), and what it took (s), run by run."""

    name: str
    command: list[str]
    budget: int | None = None
    took: list[float] = field(default_factory=list)

    def run(self, folder: Path) -> None:
        """Call it once more."""
        began = time.perf_counter()
        _call(self.command, folder)
        self.took.append(time.perf_counter() - began)

    @property
    def median_ms(self) -> float:
        """Half of the runs took longer."""
        return median(self.took) * 1000


def _paths(command: dict[str, Any], path: str = "") -> Iterator[str]:
    yield path
    for name, inner in command.get("commands", {}).items():
        yield from _paths(inner, f"{path} {name}".strip())


def _to_measure(own: OwnServer) -> list[Measured]:
    """The measure of all first."""
    base = Measured("import click, rich", [sys.executable, "-c", "import click, rich"])
    helps = [
        Measured(f"{path} --help".strip(), [*_SCOREBOARD, *path.split(), "--help"], _HELP_MS)
        for path in _paths(scoreboard.to_info_dict(click.Context(scoreboard)))
    ]
    store = ["--data-dir", str(own.data_dir)]
    queries = [Measured(query, [*_SCOREBOARD, *query.split(), *store], _QUERY_MS) for query in _QUERIES]
    completions = [_completing(line) for line in ("scoreboard le", "scoreboard leaderboard --")]
    return [base, *helps, *completions, *queries]


def _completing(line: str) -> Measured:
    """What a shell calls when TAB is pressed behind this."""
    asked = ["_SCOREBOARD_COMPLETE=bash_complete", f"COMP_WORDS={line}", f"COMP_CWORD={line.count(' ')}"]
    return Measured(f"{line}<TAB>", ["env", *asked, *_SCOREBOARD], _HELP_MS)


def _fill(own: OwnServer, folder: Path) -> None:
    """Let a short load put a few hundred users on the board."""
    where = ["--server", own.url, "--data-dir", str(own.data_dir)]
    _call([*_SCOREBOARD, "bench", *_FILLING.split(), *where], folder)


def _measure(own: OwnServer, runs: int) -> list[Measured]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _fill(own, folder)
        measured = _to_measure(own)
        for _ in range(runs):
            for each in measured:
                each.run(folder)
    return measured


def _table(measured: list[Measured]) -> Table:
    table = Table("command", box=None)
    for heading in ("median ms", "ratio", "budget ms", ""):
        table.add_column(heading, justify="right")
    base = measured[0].median_ms
    for each in measured:
        over = each.budget is not None and each.median_ms > each.budget
        budget = "" if each.budget is None else str(each.budget)
        figures = (f"{each.median_ms:.0f}", f"{each.median_ms / base:.2f}", budget, "over" if over else "")
        table.add_row(each.name, *figures)
    return table


async def main(runs: int) -> None:
    """Measure, and print the table."""
    async with own_server("embedded", "task.completed", 10, 100) as own:
        measured = await asyncio.to_thread(_measure, own, runs)
    Console().print(_table(measured))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
