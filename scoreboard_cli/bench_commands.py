"""`scoreboard bench`: what a server can do, measured from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import console
from .server_address import ServerAddress
from .session import REFUSED, UNREACHABLE, USAGE, Session, command_options, fail

if TYPE_CHECKING:
    from .bench.report import Findings

_BUSY = 0.85  # of a processor; what a generator measures above that may be itself


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options ask for."""

    server: str | None
    pid: int | None
    anyway: bool
    watchers: int
    submitters: int
    seconds: float
    rate: float | None
    kind: str


def _wanted(command: Callable[[Session, Wanted, Path | None], None]) -> Callable[..., None]:
    """Give the command all its options, those of the load as one value."""

    @click.option("--server", metavar="URL", help="Load this server.  [default: one of its own]")
    @click.option("--pid", type=click.IntRange(1), metavar="PID", help="Its process here, to measure it too.")
    @click.option("--yes", "anyway", is_flag=True, help="Do it though that server holds a real board.")
    @click.option(
        "--watchers", type=click.IntRange(0), metavar="N", default=100, show_default=True, help="Sockets."
    )
    @click.option(
        "--submitters",
        type=click.IntRange(1),
        metavar="M",
        default=16,
        show_default=True,
        help="Connections.",
    )
    @click.option(
        "--seconds", type=click.FloatRange(1), metavar="S", default=10, show_default=True, help="How long."
    )
    @click.option(
        "--rate", type=click.FloatRange(0.1), metavar="R", help="Updates per second.  [default: all it takes]"
    )
    @click.option(
        "--action", "kind", metavar="TYPE", default="task.completed", show_default=True, help="What they do."
    )
    @click.option(
        "--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Draw an SVG."
    )
    @command_options
    @wraps(command)
    def with_wanted(session: Session, /, plot: Path | None, **options: Any) -> None:
        command(session, Wanted(**options), plot)

    return with_wanted


@click.command()
@_wanted
def bench(session: Session, wanted: Wanted, plot: Path | None) -> None:
    """Measure a server: M submitters, N watchers.

    Without --server it starts one, without limits, on an empty store in a
    temporary folder, and removes all of it at the end. With --server the
    users bench:… stay on that board; take its limits off, and run this in its
    folder, as the tokens are signed like those of `scoreboard token issue`.

    Each submitter sends its next update when the last one is acknowledged,
    or at --rate. Seen by all: the last watcher has a board that includes the
    update. What an update and a watcher cost the server is measured in
    shorter loads before. docs/bench.md explains the figures and --json.

    \b
    Example:  scoreboard bench --seconds 3 --plot bench.svg
    """
    _check(wanted, plot)
    found = _measured(session, wanted)
    _show(session, found)
    if plot is not None:
        _draw(found, plot)


def _measured(session: Session, wanted: Wanted) -> Findings:
    from .bench.report import Load  # noqa: PLC0415 -- loads what only a bench needs
    from .bench.workers import BenchFailedError  # noqa: PLC0415 -- as above
    from .benching import measure  # noqa: PLC0415 -- as above
    from .live_server import ServerUnreachable  # noqa: PLC0415 -- as above

    store = _own_store(session) if wanted.server is None else None
    load = Load(wanted.server, store, wanted.watchers, wanted.submitters, wanted.seconds, wanted.rate)
    try:
        return measure(session, load, wanted.kind, pid=wanted.pid, anyway=wanted.anyway)
    except ServerUnreachable as error:
        fail(UNREACHABLE, str(error))
    except BenchFailedError as error:
        fail(REFUSED, str(error))


def _show(session: Session, found: Findings) -> None:
    from .bench.report import as_json  # noqa: PLC0415 -- as above

    if session.as_json:
        console.data_json(as_json(found))
    else:
        _print(found)
    if found.busiest_generator > _BUSY:
        console.say("The load generators had hardly time left: the latencies are partly their own.")


def _own_store(session: Session) -> str:
    store = session.settings().store.uri
    if store not in ("embedded", "memory"):
        fail(
            USAGE,
            "A bench fills its store. Start a server on a store of your choice, and name it with --server.",
        )
    return store


def _check(wanted: Wanted, plot: Path | None) -> None:
    server = wanted.server
    if server is None and wanted.pid is not None:
        raise click.UsageError("--pid is the process of --server; of its own server it is known.")
    if server is not None:
        try:
            ServerAddress.of(server)
        except ValueError as error:
            fail(USAGE, f"--server: {error}.")
    if plot is not None and not plot.absolute().parent.is_dir():
        fail(USAGE, f"--plot: there is no folder {plot.absolute().parent}.")


def _draw(found: Findings, plot: Path) -> None:
    from .bench.plot import svg  # noqa: PLC0415 -- as above

    try:
        plot.write_text(svg(found), encoding="utf-8")
    except OSError as error:
        fail(REFUSED, f"{plot} can't be written: {error.strerror}.")
    console.say(f"The plot is in {plot}.")


def _print(found: Findings) -> None:
    from .bench.tables import FIGURES, LATENCIES, figures, latencies, title  # noqa: PLC0415 -- as above

    console.data_table(LATENCIES, latencies(found), title(found))
    console.data("")
    console.data_table(FIGURES, figures(found), f"Scoreboard {found.software}")
