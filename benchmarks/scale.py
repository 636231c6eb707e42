"""What a board of a million costs beside one of a thousand.

    python -m benchmarks.scale [--sizes 1000,10000,100000,1000000] [--data FOLDER] [--svg FILE]

For each size a crowd is put into an `embedded` store (FOLDER keeps them for the next time) and a server is
started on it; its start, its memory, its parts and its answers over HTTP are measured. Prints one table in
Markdown, with the last size against the first. Linux only: the kernel is asked.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from scoreboard_cli.bench.process_figures import cpu_seconds
from scoreboard_server.flow.keys import secret_key
from scoreboard_server.flow.tokens import TokenIssuer

from .crowd import fill_folder, user_id
from .scale_plot import svg
from .scale_point import SECRET

_REQUESTS = 400


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: a figure by size. is_ratio: whether the last over the first says anything."""

    name: str
    values: list[float]
    digits: int = 1
    is_ratio: bool = True

    @property
    def ratio(self) -> float:
        """The last size over the first."""
        return self.values[-1] / self.values[0]


class Client:
    """One connection that asks one thing after the other."""

    def __init__(self, url: str, pid: int) -> None:
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        self._pid = pid

    def measure(self, ask: Callable[[int], tuple[str, str, str | None, dict[str, str]]]) -> dict[str, float]:
        """The median time of an answer and the server's processor time, both in µs a request."""
        took = []
        busy = cpu_seconds(self._pid) or 0.0
        for number in range(_REQUESTS):
            asked = ask(number)
            began = time.perf_counter()
            self._connection.request(asked[0], asked[1], asked[2], asked[3])
            answer = self._connection.getresponse()
            answer.read()
            took.append(time.perf_counter() - began)
            if answer.status != 200:
                raise RuntimeError(f"{asked[0]} {asked[1]} was answered {answer.status}")
        busy = (cpu_seconds(self._pid) or 0.0) - busy
        return {"median": median(took) * 1e6, "cpu": busy / _REQUESTS * 1e6}


def over_http(url: str, pid: int, users: int) -> dict[str, dict[str, float]]:
    """Reads of a quiet board, then updates."""
    dice = random.Random(2)  # noqa: S311 -- a sample, not a secret
    client = Client(url, pid)
    members = [user_id(dice.randrange(users)) for _ in range(_REQUESTS)]
    issuer = TokenIssuer(
        secret_key(SECRET.encode()), issuer="scoreboard", audience="scoreboard", clock=time.time
    )
    tokens = [issuer.issue(user, ttl=3600) for user in members]
    offsets = [dice.randrange(users) for _ in range(_REQUESTS)]

    def get(query: str) -> tuple[str, str, str | None, dict[str, str]]:
        return "GET", f"/api/leaderboard{query}", None, {}

    def update(number: int) -> tuple[str, str, str | None, dict[str, str]]:
        bearer = {
            "Authorization": f"Bearer {tokens[number % len(tokens)]}",
            "Content-Type": "application/json",
        }
        body = {"actionId": f"s{number}-{time.time_ns()}", "actionType": "task.completed"}
        return "POST", "/api/scores/update", json.dumps(body), bearer

    found = {"GET top": client.measure(lambda _: get(""))}
    for limit in (10, 9):  # the first round is for the names; of a thousand users all are soon remembered
        page, around = f"?limit={limit}&offset=", f"?limit={limit}&around="
        found["GET page"] = client.measure(lambda number: get(f"{page}{offsets[number]}"))  # noqa: B023 -- used at once
        found["GET around"] = client.measure(lambda number: get(f"{around}{members[number]}"))  # noqa: B023 -- as above
    found["POST update"] = client.measure(update)
    return found


def point(folder: Path, users: int) -> dict[str, Any]:
    """Everything of one size."""
    data = folder / str(users)
    if not data.exists():
        asyncio.run(fill_folder(data, users))
    command = [sys.executable, "-m", "benchmarks.scale_point", str(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 -- ours
        assert server.stdin is not None and server.stdout is not None  # noqa: S101 -- they are pipes
        try:
            told: dict[str, Any] = json.loads(server.stdout.readline())
            told["http"] = over_http(told["url"], told["pid"], users)
        finally:
            server.stdin.close()
            server.wait(30)
    return told


def lines(points: list[dict[str, Any]]) -> Iterator[Line]:
    """The rows of the table."""
    yield Line("start: loading the board, s", [p["loadSeconds"] for p in points], 2, is_ratio=False)
    yield Line("… the event loop's longest stall, ms", [p["stallMs"] for p in points], is_ratio=False)
    yield Line("memory a user, bytes", [p["bytesPerUser"] for p in points], 0, is_ratio=False)
    yield Line("… at the most, while loading", [p["peakBytesPerUser"] for p in points], 0, is_ratio=False)
    yield Line("reading it again while serving, s", [p["reloadSeconds"] for p in points], 2, is_ratio=False)
    yield Line("… the event loop's longest stall, ms", [p["reloadStallMs"] for p in points], is_ratio=False)
    waits = [p["reloadLongestWaitMs"] for p in points]
    yield Line("… the longest that an update waited meanwhile, ms", waits, 0, is_ratio=False)
    more = [p["reloadPeakBytesPerUser"] for p in points]
    yield Line("… more memory a user at the most, bytes", more, 0, is_ratio=False)
    for name in points[0]["inside"]:
        yield Line(f"{name}: inside, µs", [p["inside"][name] for p in points])
    for name in points[0]["http"]:
        yield Line(f"{name}: answered after, µs", [p["http"][name]["median"] for p in points], 0)
        yield Line(f"{name}: the server's processor, µs", [p["http"][name]["cpu"] for p in points], 0)


def table(points: list[dict[str, Any]]) -> str:
    """In Markdown."""
    sizes = [f"{p['users']:,}" for p in points]
    rows = [["", *sizes, f"{sizes[-1]} / {sizes[0]}"], ["---", *["---:"] * (len(sizes) + 1)]]
    for line in lines(points):
        ratio = f"{line.ratio:.2f}" if line.is_ratio else ""
        rows.append([line.name, *(f"{value:,.{line.digits}f}" for value in line.values), ratio])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--svg", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scoreboard-scale-") as temporary:
        sizes = [int(size) for size in given.sizes.split(",")]
        points = [point(given.data or Path(temporary), users) for users in sizes]
    print(table(points))  # noqa: T201 -- what it is for
    if given.svg is not None:
        given.svg.write_text(svg(points) + "\n")


if __name__ == "__main__":
    main()
