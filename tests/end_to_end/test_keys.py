"""Tokens of every family over HTTP and the socket: keys of a file and of an address, and their rotation."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path

import pytest

from scoreboard_server import app
from scoreboard_server.flow.tokens import TokenIssuer
from scoreboard_server.outside.jwks import FetchedKeys, Pace
from scoreboard_server.settings import SettingsError

from ..conftest import Api, StartServer, token
from ..jwks import ALL, Jwk, ec_jwk, ed_jwk, keys_of, public, rsa_jwk, write_jwks
from ..outside.publisher import keys, ok, publishing
from ..web.watching import watch
from ..web.wire import problem

ALGORITHMS = "HS256,RS256,ES256,EdDSA"
FAST = Pace(deadline=1, lifespan=60, after_failure=60, until_first=60, between_looks=0)


def signed(jwk: Jwk, user: str = "ann") -> str:
    """A token as this key's owner would issue it."""
    (key,) = keys_of(jwk)
    return TokenIssuer(key, issuer="scoreboard", audience="scoreboard", clock=time.time).issue(user, ttl=60)


async def act(api: Api, bearer: str, action: str) -> int:
    """The status of submitting with this token."""
    body = {"actionId": action, "actionType": "task.completed"}
    return (await api.post(body, bearer)).code


def quicken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys at an address are looked for at once."""
    defaults = FetchedKeys.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "pace", FAST)


async def test_every_family_scores(start_server: StartServer, tmp_path: Path) -> None:
    """The secret's tokens, those of before it had an id, and one of each key in the file."""
    path = write_jwks(tmp_path / "keys.json", *(make() for make in ALL.values()))
    server = await start_server(auth__algorithms=ALGORITHMS, auth__jwks_file=str(path))
    api = Api(server)
    for number, make in enumerate(ALL.values()):
        assert await act(api, signed(make()), f"a{number}") == 200
    assert await act(api, token("ann"), "secret") == 200
    (row,) = (await api.board())["leaderboard"]
    assert row["score"] == 50
    foreign = signed(rsa_jwk("rsa-2"))
    response = await api.post({"actionId": "a9", "actionType": "task.completed"}, foreign)
    problem(response, 401, "token_invalid")


async def test_rotation_of_a_file(
    start_server: StartServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The new key before the old one, read while serving; a file that is refused changes nothing."""
    path = write_jwks(tmp_path / "keys.json", rsa_jwk("old"))
    server = await start_server(auth__algorithms=ALGORITHMS, auth__jwks_file=str(path))
    api, old, new = Api(server), signed(rsa_jwk("old")), signed(ed_jwk("new"))
    assert [await act(api, bearer, "a1") for bearer in (old, new)] == [200, 401]
    write_jwks(path, ed_jwk("new"), public(rsa_jwk("old")))
    server.reload_keys()
    assert [await act(api, bearer, "a2") for bearer in (old, new)] == [200, 200]
    assert server.keys.signer is not None and server.keys.signer.kid == "new"
    path.write_text("{")
    server.reload_keys()
    assert [await act(api, bearer, "a3") for bearer in (old, new)] == [200, 200]
    write_jwks(path, ed_jwk("new"))
    server.reload_keys()
    assert [await act(api, bearer, "a4") for bearer in (old, new)] == [401, 200]
    (error,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert error == f"the keys of before stay: The key file {path} is not a JSON object."


async def test_a_bad_file_is_no_start(start_server: StartServer, tmp_path: Path) -> None:
    """It is refused before anything listens."""
    path = write_jwks(tmp_path / "keys.json", rsa_jwk(bits=1024))
    with pytest.raises(SettingsError, match="'rsa-1' is shorter than 2048 bits"):
        await start_server(auth__algorithms="RS256", auth__jwks_file=str(path))


async def test_rotation_at_an_address(start_server: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of a key that was published just now is taken at once, over HTTP and the socket alike."""
    quicken(monkeypatch)
    with publishing(keys(rsa_jwk("old"))) as publisher:
        server = await start_server(auth__algorithms="HS256,RS256,ES256", auth__jwks_url=publisher.url)
        api, old = Api(server), signed(rsa_jwk("old"))
        assert await act(api, old, "a1") == 200
        publisher.answer = keys(rsa_jwk("old"), ec_jwk("new"))
        assert await act(api, signed(ec_jwk("new"), "ben"), "a1") == 200
        publisher.answer = keys(ec_jwk("new"), ec_jwk("newer"))
        async with watch(api) as watcher:
            await watcher.say({"type": "auth", "token": signed(ec_jwk("nobody's"))})
            assert (await watcher.next_of("error"))["code"] == "token_invalid"
            await watcher.say({"type": "auth", "token": signed(ec_jwk("newer"), "cem")})
            assert (await watcher.next_of("auth.ok"))["userId"] == "cem"
        assert await act(api, old, "a2") == 401
        assert await act(api, token("dan"), "a1") == 200


async def test_a_flood_of_unknown_keys_is_one_fetch(start_server: StartServer) -> None:
    """And none of them is a 500."""
    with publishing(keys(rsa_jwk())) as publisher:
        api = Api(await start_server(auth__algorithms="RS256", auth__jwks_url=publisher.url))
        bearers = [signed(rsa_jwk("rsa-2") | {"kid": f"k{i}"}) for i in range(50)]
        assert set(await asyncio.gather(*(act(api, bearer, "a1") for bearer in bearers))) == {401}
        assert len(publisher.requests) == 1


async def test_a_start_without_the_keys(start_server: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The board is served and the secret's tokens count; those of the missing keys are told to come back."""
    monkeypatch.setattr(app, "_KEYS_PATIENCE_S", 0.2)
    quicken(monkeypatch)
    with publishing(ok(b"", status="500 Oops")) as publisher:
        api = Api(await start_server(auth__algorithms="HS256,RS256", auth__jwks_url=publisher.url))
        assert await act(api, token("ann"), "a1") == 200
        body = {"actionId": "a1", "actionType": "task.completed"}
        response = await api.post(body, signed(rsa_jwk(), "ben"))
        problem(response, 503, "keys_unavailable")
        assert response.headers["Retry-After"] == "2"
        publisher.answer = keys(rsa_jwk())
        assert json.loads((await api.post(body, signed(rsa_jwk(), "ben"))).body)["newScore"] == 10
