"""`scoreboard completion`: what a shell needs to complete a command line."""

from __future__ import annotations

import click

from . import console
from .session import Session, command_options

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@command_options
def completion(session: Session, shell: str) -> None:
    """Print what lets SHELL complete this command.

    Commands, options and choices are completed. Keep what it prints where
    your shell looks, and start a new one:

    \b
    bash  ~/.local/share/bash-completion/completions/scoreboard
          (for the package bash-completion; else `source` it in ~/.bashrc)
    zsh   _scoreboard, in a folder of $fpath; or `source` it behind compinit
    fish  ~/.config/fish/completions/scoreboard.fish

    \b
    Example:  scoreboard completion bash
    """
    script = _script(click.get_current_context().find_root().command, shell)
    if session.as_json:
        console.data_json({"shell": shell, "script": script})
    else:
        console.data(script.rstrip("\n"))


def _script(root: click.Command, shell: str) -> str:
    from click.shell_completion import get_completion_class  # noqa: PLC0415 -- no other command needs it

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 -- click has one for each of SHELLS
    # The variable's name is the one that click looks for when the script calls.
    return kind(root, {}, "scoreboard", "_SCOREBOARD_COMPLETE").source()
