"""The keys that the settings name: the secret, and those of a file."""

from __future__ import annotations

from pathlib import Path

from .flow.jwks import SIZE_LIMIT, NotAKeySet, parse, read_keys
from .flow.keys import Key, KeyRing, WeakSecretError
from .settings import AuthSettings, SettingsError


def key_ring(auth: AuthSettings, secret: bytes | None) -> KeyRing:
    """The secret and the keys of `auth.jwks_file`; those of `auth.jwks_url` come when they are fetched.

    Raises SettingsError.
    """
    try:
        return KeyRing(auth.algorithms, secret=secret, keys=keys_of_file(auth))
    except WeakSecretError as error:
        raise SettingsError(str(error)) from None


def keys_of_file(auth: AuthSettings) -> tuple[Key, ...]:
    """The keys of `auth.jwks_file`, none without one; read anew by every call.

    Raises SettingsError, naming the file and what is wrong with it and never anything of a key.
    """
    if auth.jwks_file is None:
        return ()
    try:
        keys, problems = read_keys(parse(_read(auth.jwks_file)), auth.algorithms)
    except NotAKeySet as error:
        raise SettingsError(f"The key file {auth.jwks_file} {error}.") from None
    if problems:
        raise SettingsError(f"The key file {auth.jwks_file} is refused: {'; '.join(problems)}.")
    if not keys:
        accepted = ", ".join(auth.algorithms)
        raise SettingsError(f"The key file {auth.jwks_file} has no key for auth.algorithms ({accepted}).")
    return keys


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise SettingsError(f"The key file {path} can't be read: {error.strerror}.") from None
