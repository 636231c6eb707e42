"""How far something has come, where somebody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EVERY = 1_000  # advances; one costs more than what is done meanwhile


@contextmanager
def progress_bar(words: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr if that is a terminal, gone at the end; what it gives is told how much more is done."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda more: None
        return
    from rich.console import Console  # noqa: PLC0415 -- as in console
    from rich.progress import Progress  # noqa: PLC0415 -- as in console

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(words, total=total)
        calls = more_done = 0

        def advance(more: int) -> None:
            nonlocal calls, more_done
            calls, more_done = calls + 1, more_done + more
            if calls % _EVERY == 0 or more >= _EVERY:
                progress.advance(task, more_done)
                more_done = 0

        yield advance
