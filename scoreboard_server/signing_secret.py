"""The secret that signs tokens: given by the settings, or made and kept beside a private store."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from .rules.signing import MIN_SECRET_BYTES, is_strong
from .settings import Settings, SettingsError
from .unusable import DataDirUnusable

FILE_NAME = "jwt.secret"


def signing_secret(settings: Settings) -> bytes:
    """The secret, at least 32 bytes.

    Without one in the settings, `embedded` and `memory` make one and keep it (mode 0600) in the data
    directory. Raises SettingsError where that won't do, of the kind DataDirUnusable where it can't be kept.
    """
    auth = settings.auth
    if auth.secret is not None:
        return _strong(auth.secret.encode(), "auth.secret")
    if auth.secret_file is not None:
        return _strong(read_secret(auth.secret_file), str(auth.secret_file))
    if settings.store.uri in ("embedded", "memory"):
        return _kept(settings.store.data_dir)
    raise SettingsError(
        "auth.secret is not set. With a MongoDB of your own, name the secret that signs tokens: "
        "SCOREBOARD_JWT_SECRET_FILE=/path/to/a/file with at least 32 bytes."
    )


def is_still_to_be_made(settings: Settings) -> bool:
    """Whether the next `signing_secret` would make a new one, which no token was signed with.

    Raises DataDirUnusable where nobody can look.
    """
    auth, store = settings.auth, settings.store
    if auth.secret is not None or auth.secret_file is not None or store.uri not in ("embedded", "memory"):
        return False
    try:
        (store.data_dir / FILE_NAME).stat()
    except FileNotFoundError:
        return True
    except OSError as error:
        raise DataDirUnusable(store.data_dir, error) from None
    return False


def _strong(secret: bytes, origin: str) -> bytes:
    if not is_strong(secret):
        raise SettingsError(f"The secret of {origin} is shorter than {MIN_SECRET_BYTES} bytes.")
    return secret


def read_secret(path: Path) -> bytes:
    """What a secret file holds, without the line's end. Raises SettingsError."""
    try:
        return _read(path)
    except OSError as error:
        raise SettingsError(f"The secret file {path} can't be read: {error.strerror}.") from None


def _kept(data_dir: Path) -> bytes:
    path = data_dir / FILE_NAME
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        secret = _read(path)
    except OSError as error:
        raise DataDirUnusable(data_dir, error) from None
    return _strong(secret, str(path))


def _read(path: Path) -> bytes:
    return path.read_bytes().rstrip(b"\r\n")


def _make(path: Path) -> None:
    # Written whole under another name first: whoever reads the final name reads all of it.
    draft = path.with_name(f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
        with suppress(FileExistsError):  # another process was quicker; its secret is the one
            os.link(draft, path)
    finally:
        draft.unlink()
