"""The command `scoreboard`: imports only the command that is called, and ends it well."""

from __future__ import annotations

import errno
import importlib
import sys
import traceback
import warnings
from keyword import iskeyword
from typing import Any

import click

from scoreboard_server.leaving import leave

from . import console

_MODULES = {
    "serve": "serve_commands",
    "demo": "demo_commands",
    "token": "token_commands",
    "leaderboard": "leaderboard_commands",
    "explain": "explain_commands",
    "verify": "verify_commands",
    "doctor": "doctor_commands",
    "season": "season_commands",
    "ban": "moderation_commands",
    "unban": "moderation_commands",
    "bans": "moderation_commands",
    "adjust": "moderation_commands",
    "audit": "audit_commands",
    "export": "export_commands",
    "import": "import_commands",
    "bench": "bench_commands",
    "config": "config_commands",
    "completion": "completion_commands",
}
_FAILED = 1


class LazyGroup(click.Group):
    """Commands by the module they live in, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer needs them."""
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None when there is none."""
        module = _MODULES.get(cmd_name)
        if module is None:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        found: click.Command = getattr(importlib.import_module(f"{__package__}.{module}"), name)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever happens in it, nobody but who asks for it sees a traceback."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            console.leave_interrupted()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # click ends quietly when the reader has gone
            if ctx.params["debug"]:
                traceback.print_exc()
            console.say_error(f"{type(error).__name__}: {console.first_line(str(error))}")
            if not ctx.params["debug"]:
                console.say("`scoreboard --debug …` shows where.")
            console.abandon_stdout()
            raise SystemExit(_FAILED) from None


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:  # a shell that completes the line wants no version
        from importlib.metadata import version  # noqa: PLC0415 -- takes longer than all the rest

        click.echo(f"scoreboard {version('scoreboard')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
@click.option("--debug", is_flag=True, hidden=True, help="Show the traceback of a failure nobody foresaw.")
def scoreboard(debug: bool) -> None:
    """A live score board: every point is a ledger entry, counted exactly once.

    \b
    Example:  scoreboard demo
    """


def main() -> None:
    """The console script."""
    warnings.showwarning = _warn
    console.open_streams()
    for stream in (sys.stdout, sys.stderr):
        # A name the terminal's encoding has no letters for is shown escaped; it must not end a command.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        scoreboard.main(prog_name="scoreboard")
    except OSError as error:  # of --help and --version, which come before any command
        console.say_error(f"{type(error).__name__}: {console.first_line(str(error))}")
        console.abandon_stdout()
        leave(_FAILED)
    except SystemExit as end:
        # All is done and told; the interpreter would wait half a second for the driver's sleeping threads.
        leave(end.code if isinstance(end.code, int) else int(end.code is not None))


def _warn(message: Warning | str, *_where: object, **_more: object) -> None:
    console.say(f"Warning: {console.first_line(str(message))}")


if __name__ == "__main__":
    main()
