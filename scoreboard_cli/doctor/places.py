"""The data directory and every file that holds a secret."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from scoreboard_server.rules.checkup import files, machine
from scoreboard_server.rules.checkup.finding import Finding, skipped, wrong
from scoreboard_server.settings import Settings, SettingsError
from scoreboard_server.signing_secret import FILE_NAME, is_still_to_be_made, read_secret
from scoreboard_server.store.data_dir import DataDir
from scoreboard_server.unusable import DataDirUnusable

_PRIVATE_STORES = ("embedded", "memory")


def data_directory(path: Path) -> Finding:
    """Whether it can be used, whose it is and who uses it now."""
    return files.data_directory(_folder(path))


def is_ours(path: Path) -> bool:
    """Whether a command of this user leaves it as the server that works there needs it."""
    folder = _folder(path)
    return folder.why_not is None and folder.owner is None


def _folder(path: Path) -> files.Folder:
    shown = str(path)
    try:
        told = path.stat()
    except FileNotFoundError:
        above = next(parent for parent in path.absolute().parents if parent.exists())
        fits = above.is_dir() and os.access(above, os.W_OK | os.X_OK)
        return files.Folder(shown, exists=False, why_not=None if fits else f"{above} can't be written to")
    except OSError as error:
        return files.Folder(shown, exists=False, why_not=error.strerror or str(error))
    if not path.is_dir():
        return files.Folder(shown, exists=True, why_not="is no directory")
    if not os.access(path, os.W_OK | os.X_OK):
        return files.Folder(
            shown, exists=True, why_not=f"can't be written to, it belongs to {_name(told.st_uid)}"
        )
    process = None
    with suppress(OSError):  # a lock file that only its owner can read
        process = DataDir(path).owner()
    owner = None if told.st_uid == os.getuid() else _name(told.st_uid)
    return files.Folder(shown, exists=True, mode=told.st_mode & 0o777, owner=owner, process=process)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # no such user in this container
        return f"uid {uid}"


def disk(path: Path) -> Finding:
    """The file system that the data directory is on, or would be."""
    existing = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
    usage = shutil.disk_usage(existing)
    return machine.disk(machine.Disk(usage.free, usage.total), "the data directory's")


def signing_secret(settings: Settings) -> Finding:
    """What signs tokens, read from where a server would read it, and not made."""
    auth = settings.auth
    try:
        if is_still_to_be_made(settings):
            return files.signing_secret(None, str(settings.store.data_dir / FILE_NAME))
    except DataDirUnusable as error:
        return skipped("secret", str(error))  # told of as the data directory's
    if auth.secret is not None:
        return files.signing_secret(auth.secret.encode(), settings.origins["auth.secret"])
    path = auth.secret_file
    if path is None and settings.store.uri in _PRIVATE_STORES:
        path = settings.store.data_dir / FILE_NAME
    if path is None:
        return wrong(
            "secret",
            "auth.secret is not set, and a MongoDB of your own brings none",
            "Name one: SCOREBOARD_JWT_SECRET_FILE=/path/to/a/file with at least 32 random bytes.",
        )
    try:
        return files.signing_secret(read_secret(path), str(path))
    except SettingsError as error:
        return wrong("secret", str(error), "Let the user of the server read that file, and nobody else.")


def file_modes(settings: Settings) -> Finding:
    """Who can read the files in which something secret is."""
    found = []
    for path in dict.fromkeys(_secret_files(settings)):
        with suppress(OSError):  # not there yet, or told of as what it is for
            found.append(files.SecretFile(str(path), path.stat().st_mode & 0o777))
    return files.file_modes(found)


def _secret_files(settings: Settings) -> Iterator[Path]:
    for given in (settings.auth.secret_file, settings.captcha.secret_file):
        if given is not None:
            yield given
    if settings.store.uri in _PRIVATE_STORES:
        folder = DataDir(settings.store.data_dir)
        yield from (settings.store.data_dir / FILE_NAME, folder.key_file, folder.password_file)
    yield from _files_of_settings(settings)


def _files_of_settings(settings: Settings) -> Iterator[Path]:
    """Settings files that hold a secret themselves."""
    held = {
        "auth.secret": settings.auth.secret is not None,
        "captcha.secret": settings.captcha.secret is not None,
        "store.uri": "@" in settings.store.uri,
    }
    for key, is_held in held.items():
        origin = settings.origins[key]
        if is_held and origin != "default" and not origin.startswith(("--", "SCOREBOARD_")):
            yield Path(origin)
