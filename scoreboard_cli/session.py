"""What commands share: the four options, the settings, an open store, and exit codes."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar

import click

from scoreboard_server.clock import now_us
from scoreboard_server.settings import Settings, SettingsError, load_settings
from scoreboard_server.unusable import DataDirUnusable

from . import console

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from scoreboard_server.store.opening import Store

REFUSED, USAGE, NOT_FOUND, UNREACHABLE = 1, 2, 3, 4

# An embedded MongoDB ends with the command that started it, and takes from one that came later what it was
# reading. Commands take two seconds, so this is time for a few of them to get out of each other's way.
_TAKE_TURNS_S = 15.0
_TURN_PAUSE_S = 0.2

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """One invocation: how to answer, and what the options, the environment and the file say."""

    as_json: bool
    flags: dict[str, object]
    config: Path | None

    def settings(self, **flags: object) -> Settings:
        """The settings; `flags` are further ones by key, dots written as `__`."""
        with exit_codes():
            return self.reread(**flags)

    def reread(self, **flags: object) -> Settings:
        """As `settings`, for who goes on when they are refused. Raises SettingsError."""
        more = {key.replace("__", "."): value for key, value in flags.items()}
        return load_settings({**self.flags, **more}, environ=os.environ, config=self.config)

    def command(self, name: str, *words: str) -> str:
        """A command to be run next, for a shell: it looks where this one was told to, and answers as it does.

        A password in it is for whoever runs it to fill in, as the line is shown.
        """
        where = {
            "--store": self.flags.get("store.uri"),
            "--data-dir": self.flags.get("store.data_dir"),
            "--config": self.config,
        }
        given = [
            each for option, value in where.items() if value is not None for each in (option, str(value))
        ]
        given += ["--json"] if self.as_json else []
        shown = [console.without_password(each) for each in given]
        return console.printable(shlex.join(["scoreboard", *name.split(), *shown, *words]))


def _offer_stores(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return [store for store in ("embedded", "memory") if store.startswith(incomplete)]


def _offer_folders(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem  # noqa: PLC0415 -- only a shell that completes needs it

    return [CompletionItem(incomplete, type="dir")]


def command_options(command: Callable[Concatenate[Session, P], T]) -> Callable[P, T]:
    """Give a command the options that every command has, as its first argument."""

    @click.option("--json", "as_json", is_flag=True, help="Print data as JSON.")
    @click.option(
        "--store", metavar="URI", shell_complete=_offer_stores, help="embedded, memory, or mongodb://…"
    )
    @click.option(
        "--data-dir",
        metavar="DIR",
        shell_complete=_offer_folders,
        help="Where the embedded store and secrets are.",
    )
    @click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="A settings file (TOML).")
    @wraps(command)
    def with_session(*args: P.args, **kwargs: P.kwargs) -> T:
        options: dict[str, Any] = kwargs
        flags = {"store.uri": options.pop("store"), "store.data_dir": options.pop("data_dir")}
        session = Session(options.pop("as_json"), flags, options.pop("config"))
        return command(session, *args, **kwargs)

    return with_session


def fail(code: int, words: str) -> NoReturn:
    """End the command: one clear line on stderr and an exit code."""
    console.say_error(words)
    raise SystemExit(code)


def no_season(name: str | None) -> NoReturn:
    """End the command: there is no season of that name."""
    fail(NOT_FOUND, f"There is no season named {name}. `scoreboard season list` shows all.")


@contextmanager
def exit_codes() -> Iterator[None]:
    """Failures that have a name leave as one line and an exit code."""
    try:
        yield
    except DataDirUnusable as error:
        fail(REFUSED, str(error))
    except SettingsError as error:
        fail(USAGE, str(error))


def with_store(settings: Settings, work: Callable[[Store], Awaitable[T]], *, whole: bool = False) -> T:
    """Run `work` on the store, beside a running server or without one.

    whole: refuse a store into which an import has brought only a part so far.

    `work` runs again from the start when another command has ended the embedded MongoDB under it, so it must
    bear that. Ends the command with 4 when the store can't be reached, with 1 when it can't be used.
    """
    from scoreboard_server.store.embedded import EmbeddedError  # noqa: PLC0415 -- the driver takes 300 ms
    from scoreboard_server.store.opening import (  # noqa: PLC0415 -- as above
        StoreRefusedError,
        StoreUnavailable,
        open_for_command,
        refuse_partial,
    )

    async def run() -> T:
        store = settings.store
        now = now_us()
        opened = await open_for_command(store.uri, store.database, store.data_dir, now_us=now)
        try:
            if whole:
                await refuse_partial(opened)
            return await work(opened)
        finally:
            await opened.close()

    try:
        return asyncio.run(taking_turns(settings.store.uri, run))
    except (StoreRefusedError, EmbeddedError) as error:
        fail(REFUSED, str(error))
    except StoreUnavailable as error:
        fail(UNREACHABLE, f"The store can't be reached: {error}")


def server_beside(settings: Settings) -> str | None:
    """The URL of the server that owns the data directory. Ends the command with 1 where nobody may look."""
    from scoreboard_server.store.data_dir import EmbeddedError, server_url  # noqa: PLC0415 -- as above

    if settings.store.uri != "embedded":
        return None
    try:
        return server_url(settings.store.data_dir)
    except EmbeddedError as error:
        fail(REFUSED, str(error))


async def taking_turns(uri: str, run: Callable[[], Awaitable[T]]) -> T:
    """What `run` gives, again from the start while commands get into each other's way.

    Raises StoreRefusedError or StoreUnavailable, as `run` does.
    """
    from scoreboard_server.store.embedded import DataDirInUse  # noqa: PLC0415 -- as above
    from scoreboard_server.store.opening import (  # noqa: PLC0415 -- as above
        StoreRefusedError,
        StoreUnavailable,
    )

    give_up = time.monotonic() + _TAKE_TURNS_S
    while True:
        try:
            return await run()
        except (StoreUnavailable, StoreRefusedError) as error:
            met_another = isinstance(error, StoreUnavailable) or isinstance(error.__cause__, DataDirInUse)
            if not met_another or uri != "embedded" or time.monotonic() > give_up:
                raise
        await asyncio.sleep(_TURN_PAUSE_S)
