"""The secret that signs tokens: given by the settings, or made and kept beside a private store."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from .rules.signing import MIN_SECRET_BYTES, is_strong
from .settings import Settings, SettingsError

FILE_NAME = "jwt.secret"


def signing_secret(settings: Settings) -> bytes:
    """The secret, at least 32 bytes.

    Without one in the settings, `embedded` and `memory` make one and keep it (mode 0600) in the data
    directory. Raises SettingsError where that won't do.
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
    """Whether the next `signing_secret` would make a new one, which no token was signed with."""
    auth = settings.auth
    return (
        auth.secret is None
        and auth.secret_file is None
        and settings.store.uri in ("embedded", "memory")
        and not (settings.store.data_dir / FILE_NAME).exists()
    )


def _strong(secret: bytes, origin: str) -> bytes:
    if not is_strong(secret):
        raise SettingsError(f"The secret of {origin} is shorter than {MIN_SECRET_BYTES} bytes.")
    return secret


def read_secret(path: Path) -> bytes:
    """What a secret file holds, without the line's end. Raises SettingsError."""
    try:
        return path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise SettingsError(f"The secret file {path} can't be read: {error.strerror}.") from None


def _kept(data_dir: Path) -> bytes:
    path = data_dir / FILE_NAME
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(path)
    except FileExistsError:
        pass  # made by an earlier start, or by another process just now
    except OSError as error:
        raise SettingsError(f"The data directory {data_dir} can't be used: {error.strerror}.") from None
    return _strong(read_secret(path), str(path))


def _make(path: Path) -> None:
    if path.exists():
        return
    # Written whole under another name first: whoever reads the final name reads all of it.
    draft = path.with_name(f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
        os.link(draft, path)
    finally:
        draft.unlink()
