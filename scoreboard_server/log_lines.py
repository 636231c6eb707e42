"""What goes to the log, and how a line looks."""

from __future__ import annotations

import logging
import re

_LEAD = "    | "
# A token as JWTs look, and what stands between a scheme and its host. Nothing logs either on purpose.
_TOKEN = re.compile(r"\beyJ[\w-]*\.[\w-]*(?:\.[\w-]*)*")
_PASSWORD = re.compile(r"(://[^\s:/@]*):[^\s/]*@")


def log_to_stderr() -> None:
    """One line an event, on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # Tornado tells of every malformed request there, quoting its headers: a flood for whoever wants to cause
    # one, and a place for tokens to leak to.
    logging.getLogger("tornado.general").setLevel(logging.WARNING)
    # The driver tells there, with a trace, that it could not end a cursor at a server that has gone with it.
    # What matters comes to us as an exception.
    logging.getLogger("pymongo.client").setLevel(logging.CRITICAL)


class LineFormatter(logging.Formatter):
    """Lines that nothing within an event can forge, and that tell no secret.

    An event is one line; a trace goes on in lines that begin with a bar, which no event does.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The event, and its trace if it has one."""
        record.exc_text = None  # another handler may have left a trace here that is not barred
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- the name is logging's
        """The event's own line."""
        return one_line(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 -- the name is logging's
        """The trace; what a raised error says is quoted in it."""
        return _barred(super().formatException(ei))  # type: ignore[arg-type]  # only handed on

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 -- the name is logging's
        """Where it was logged."""
        return _barred(stack_info)


def one_line(text: str) -> str:
    """One printable line: what ends a line or moves a terminal is escaped, secrets are left out."""
    hidden = _PASSWORD.sub(r"\1:***@", _TOKEN.sub("(a token)", text))
    return hidden if hidden.isprintable() else "".join(map(_escaped, hidden))


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def _barred(text: str) -> str:
    # Of all that would end a line only the newline is meant; the others are escaped as what they are.
    return "\n".join(_LEAD + one_line(line) for line in text.split("\n"))
