"""What goes to the log, and how a line looks."""

from __future__ import annotations

import logging


def log_to_stderr() -> None:
    """One line an event, on standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Tornado tells of every malformed request there, quoting its headers: a flood for whoever wants to cause
    # one, and a place for tokens to leak to.
    logging.getLogger("tornado.general").setLevel(logging.WARNING)
