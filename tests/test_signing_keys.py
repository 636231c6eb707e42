"""The keys that the settings name, and what is said of a file that holds none."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from scoreboard_server.settings import AuthSettings, SettingsError
from scoreboard_server.signing_keys import key_ring, keys_of_file

from .jwks import ec_jwk, ed_jwk, oct_jwk, public, rsa_jwk, write_jwks

SECRET = b"0123456789abcdef0123456789abcdef"
AUTH = AuthSettings(algorithms=("HS256", "RS256", "ES256", "EdDSA"))


def auth(file: Path, *algorithms: str) -> AuthSettings:
    """Settings with this file."""
    return dataclasses.replace(AUTH, jwks_file=file, algorithms=algorithms or AUTH.algorithms)


def refusal(settings: AuthSettings) -> str:
    """The words with which the file is refused."""
    with pytest.raises(SettingsError) as refused:
        key_ring(settings, SECRET)
    # A traceback may quote a key.
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return str(refused.value)


def test_without_a_file_there_is_the_secret() -> None:
    """Alone, or nothing at all."""
    assert keys_of_file(AUTH) == ()
    assert key_ring(AUTH, SECRET).find(None, "HS256") is not None
    assert key_ring(AUTH, None).signer is None


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    """In its order, for the accepted algorithms."""
    path = write_jwks(tmp_path / "keys.json", ed_jwk(), public(rsa_jwk()), ec_jwk())
    assert [key.kid for key in keys_of_file(auth(path))] == ["ed-1", "rsa-1", "ec-1"]
    assert [key.kid for key in keys_of_file(auth(path, "RS256"))] == ["rsa-1"]
    write_jwks(path, oct_jwk())
    signer = key_ring(auth(path), SECRET).signer
    assert signer is not None and signer.kid == "oct-1"


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """Missing, a folder, or nothing that holds keys."""
    assert f"The key file {tmp_path / 'none'} can't be read: No such file" in refusal(auth(tmp_path / "none"))
    assert f"The key file {tmp_path} can't be read: " in refusal(auth(tmp_path))
    path = tmp_path / "keys.json"
    for content, words in (("{", "is not a JSON object"), ("{}", "has no list"), (" " * 70_000, "64 KiB")):
        path.write_text(content)
        assert f"The key file {path} " in refusal(auth(path))
        assert words in refusal(auth(path))


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    """A device is as good as too large a file."""
    assert "is larger than 64 KiB" in refusal(auth(Path(os.devnull).with_name("zero")))


def test_a_bad_key_refuses_the_file_and_stays_secret(tmp_path: Path) -> None:
    """All that is wrong is told at once, by kid, with nothing of the keys themselves."""
    bad = [rsa_jwk(bits=1024), oct_jwk(size=16), ed_jwk(alg="RS256"), ec_jwk("twice"), ed_jwk("twice")]
    words = refusal(auth(write_jwks(tmp_path / "keys.json", *bad, public(ec_jwk()))))
    for told in ("'rsa-1' is shorter", "'oct-1' is shorter", "'ed-1' says it is for RS256", "'twice' stands"):
        assert told in words
    values = {str(value) for jwk in bad for value in jwk.values() if len(str(value)) > 12}
    assert len(values) > 8 and not [value for value in values if value in words]


def test_a_file_without_a_key_for_us_is_refused(tmp_path: Path) -> None:
    """It would be a mistake in one of the two settings, which are both named."""
    path = write_jwks(tmp_path / "keys.json", rsa_jwk(), ed_jwk(use="enc"))
    words = refusal(auth(path, "HS256", "EdDSA"))
    assert words == f"The key file {path} has no key for auth.algorithms (HS256, EdDSA)."
    path.write_text(json.dumps({"keys": []}))
    assert "has no key for" in refusal(auth(path))


def test_a_key_file_in_the_place_of_the_secret_is_refused() -> None:
    """At start, not with the first token."""
    with pytest.raises(SettingsError, match="looks like a key file"):
        key_ring(AUTH, json.dumps(oct_jwk()).encode())
