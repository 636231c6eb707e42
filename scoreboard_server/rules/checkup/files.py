"""Judging the data directory, and whatever is to stay secret."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from ..signing import MIN_SECRET_BYTES, is_strong
from .finding import Finding, hint, ok, skipped, together, wrong

_OTHERS, _OTHERS_AND_GROUP, _WRITE_FOR_OTHERS = 0o007, 0o077, 0o022
# Random bytes in any usual spelling have more; "changeme" four times over has not.
_LEAST_VARIETY = 8
# Where orchestrators put secrets, readable for whoever is in the container.
_MOUNTED = ("/run/secrets/", "/var/run/secrets/")


class SecretFile(Struct, frozen=True):
    """A file with something secret in it."""

    path: str
    mode: int


class Folder(Struct, frozen=True):
    """The data directory. why_not: None when it can be used. owner: None when it is the user's own.

    process: who uses it now, for people. exists: else `why_not` is about making it.
    """

    path: str
    exists: bool
    why_not: str | None = None
    mode: int = 0o700
    owner: str | None = None
    process: str | None = None


def data_directory(folder: Folder) -> Finding:
    """Whether a server and commands can work in it, and nobody else."""
    if folder.why_not is not None:
        return wrong(
            "data dir", f"{folder.path}: {folder.why_not}", "Name one that can be written with --data-dir."
        )
    if not folder.exists:
        return ok("data dir", f"{folder.path} isn't there; the first `scoreboard serve` makes it")
    if folder.owner is not None:
        return wrong(
            "data dir",
            f"{folder.path} belongs to {folder.owner}",
            f"Run commands as {folder.owner} (sudo -u {folder.owner} scoreboard …), or files in it become "
            "somebody else's.",
        )
    found = f"{folder.path}, " + (f"in use by {folder.process}" if folder.process else "in use by nobody")
    if folder.mode & _WRITE_FOR_OTHERS:
        return wrong("data dir", f"{found}, others can write to it", f"chmod 700 {shlex.quote(folder.path)}")
    if folder.mode & _OTHERS_AND_GROUP:
        return hint("data dir", f"{found}, others can look into it", f"chmod 700 {shlex.quote(folder.path)}")
    return ok("data dir", found)


def signing_secret(secret: bytes | None, origin: str) -> Finding:
    """What signs tokens. None: it is still to be made, at random, by the first start."""
    if secret is None:
        return ok("secret", f"{origin}: made at random by the first start")
    remedy = (
        f"Put a random one into {origin} (openssl rand -base64 48) and restart. "
        "Tokens that the old one signed end with it."
    )
    if not is_strong(secret):
        return wrong("secret", f"{len(secret)} bytes, fewer than {MIN_SECRET_BYTES}: refused", remedy)
    if len(set(secret)) < _LEAST_VARIETY:
        return wrong(
            "secret", f"has too few different characters ({len(set(secret))}): easy to guess", remedy
        )
    return ok("secret", f"{len(secret)} bytes ({origin})")


def file_modes(files: Sequence[SecretFile]) -> Finding:
    """Who can read what is secret."""
    if not files:
        return skipped("file modes", "no secret is in a file yet")
    remarks = [remark for file in files if (remark := _mode(file)) is not None]
    told = together("file modes", remarks, f"{_count(len(files))}, only for the owner")
    if told.remedy is None:
        return told
    return replace(told, remedy="chmod 600 " + " ".join(str(remark.remedy) for remark in remarks))


def _count(number: int) -> str:
    return f"{number} secret file" + ("" if number == 1 else "s")


def _mode(file: SecretFile) -> Finding | None:
    """The remedy is the path that is to be changed."""
    if not file.mode & _OTHERS_AND_GROUP or file.path.startswith(_MOUNTED):
        return None
    path = shlex.quote(file.path)
    if file.mode & _OTHERS:
        return wrong("file modes", f"{file.path} ({file.mode:04o}) is open to everybody here", path)
    return hint("file modes", f"{file.path} ({file.mode:04o}) is open to its group", path)
