"""The commands there are, found in the command itself."""

from __future__ import annotations

from collections.abc import Iterator

import click

from scoreboard_cli.main import scoreboard

Path = tuple[str, ...]


def _all(command: click.Command, *path: str) -> Iterator[tuple[Path, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _all(inner, *path, name)


_FOUND = dict(_all(scoreboard))
COMMANDS = list(_FOUND)
LEAVES = {path: command for path, command in _FOUND.items() if not isinstance(command, click.Group)}
"""Those that do something."""


def leaf_of(words: list[str]) -> Path:
    """The command that a command line calls."""
    return max((path for path in LEAVES if tuple(words[: len(path)]) == path), key=len)
