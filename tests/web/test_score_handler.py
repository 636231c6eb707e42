"""Submitting over HTTP: what is counted, and everything that is not."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from ..conftest import SECRET, Api, token
from .conftest import StartApi
from .wire import ask, problem, request, submission, wire

GOOD = {"actionId": "a1", "actionType": "task.completed"}


def forged(
    *, key: str | None = SECRET, algorithm: str = "HS256", header: dict[str, Any] | None = None, **claims: Any
) -> str:
    """A token whose claims, key or algorithm differ from what is right; a claim of None is left out."""
    now = int(time.time())
    right = {"iss": "scoreboard", "aud": "scoreboard", "sub": "ann", "jti": "j", "iat": now, "exp": now + 60}
    told = {name: value for name, value in (right | claims).items() if value is not None}
    return jwt.encode(told, key, algorithm, headers=header)  # type: ignore[arg-type]


BAD_BEARERS = {
    "garbage": "x",
    "three parts of garbage": "x.y.z",
    "empty parts": "..",
    "latin-1": "é.ÿ.z",
    "expired": forged(exp=int(time.time()) - 1),
    "another audience": forged(aud="other"),
    "two audiences": forged(aud=["scoreboard", "other"]),
    "another issuer": forged(iss="other"),
    "another secret": forged(key="another secret, of more than 32 bytes"),
    "no algorithm": forged(key=None, algorithm="none"),
    "another algorithm": forged(key=SECRET * 2, algorithm="HS512"),
    "another type": forged(header={"typ": "at+jwt"}),
    "unknown critical header": forged(header={"crit": ["x"], "x": 1}),
    "issued in the future": forged(iat=int(time.time()) + 3600, exp=int(time.time()) + 7200),
    "not valid yet": forged(nbf=int(time.time()) + 3600),
    "lives too long": forged(exp=int(time.time()) + 400 * 86_400),
    "no user": forged(sub=None),
    "bad user": forged(sub="a b"),
    "operator as user": forged(sub="$ne"),
    "user too long": forged(sub="a" * 65),
    "no id": forged(jti=None),
    "no expiry": forged(exp=None),
    "expiry of text": forged(exp="tomorrow"),
    "endless": forged(exp=10**400),
    "scope of a list": forged(scope=["score:write"]),
    "too long": forged(name="x" * 5000),
}


@pytest.mark.parametrize("bearer", BAD_BEARERS.values(), ids=list(BAD_BEARERS))
async def test_a_bad_token_is_refused(api: Api, bearer: str) -> None:
    """401 with a challenge that says why, and nothing is counted."""
    response = await ask(api, submission(bearer, "a1"))
    document = problem(response, 401)
    assert document["code"] in ("token_invalid", "token_expired")
    assert response.headers["www-authenticate"].startswith('Bearer realm="scoreboard", error="invalid_token"')
    assert (await api.board())["totalUsers"] == 0


def test_only_what_is_forged_is_wrong(api: Api) -> None:
    """The forgeries above fail for their own reason: without one the token is good."""
    assert api.server.secret == SECRET.encode()
    assert jwt.decode(forged(), SECRET, ["HS256"], audience="scoreboard")["sub"] == "ann"


async def test_a_token_made_by_hand_is_accepted(api: Api) -> None:
    """Any issuer that knows the secret and the claims can make one."""
    assert (await api.post(GOOD, forged())).code == 200


async def test_no_token_is_a_bare_challenge(api: Api) -> None:
    """Who has not tried gets no error code (RFC 6750, section 3.1)."""
    response = await api.post(GOOD)
    problem(response, 401, "token_missing")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="scoreboard"'


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "Bearer  "])
async def test_an_authorization_without_a_token_is_refused(api: Api, header: str) -> None:
    """Another scheme or an empty one is a bad token, not a missing one."""
    response = await api.post(GOOD, headers={"Authorization": header})
    problem(response, 401, "token_invalid")


async def test_the_scheme_is_case_insensitive(api: Api) -> None:
    """As RFC 9110 has it."""
    assert (await api.post(GOOD, headers={"Authorization": f"bEARER {token()}"})).code == 200


async def test_a_token_that_may_only_read_may_not_write(api: Api) -> None:
    """403 out of scope."""
    problem(await api.post(GOOD, token(scopes=["board:read"])), 403, "scope_missing")


async def test_an_action_is_counted(api: Api) -> None:
    """The answer has the documented four fields."""
    assert await api.act("ann", "a1") == {
        "success": True,
        "newScore": 10,
        "leaderboardPosition": 1,
        "message": "+10 points",
    }


async def test_a_type_that_takes_points_says_so(start_api: StartApi, tmp_path: Path) -> None:
    """Points may be negative; the message has one sign."""
    config = tmp_path / "config.toml"
    config.write_text('[actions."task.failed"]\npoints = -5\n')
    answer = await (await start_api(config=config)).act("ann", "a1", "task.failed")
    assert (answer["newScore"], answer["message"]) == (-5, "-5 points")


async def test_a_repeat_adds_nothing(api: Api) -> None:
    """200, the same shape, and a header that tells it."""
    await api.act("ann", "a1")
    response = await api.post(GOOD, token())
    assert (response.code, response.headers["Idempotent-Replayed"]) == (200, "true")
    assert json.loads(response.body)["newScore"] == 10


async def test_a_first_time_is_not_called_a_repeat(api: Api) -> None:
    """The header is absent where something was added."""
    assert "Idempotent-Replayed" not in (await api.post(GOOD, token())).headers


async def test_an_id_belongs_to_one_type(api: Api) -> None:
    """422 for the same id with another type, and the first still counts once."""
    trusted = token(scopes=["score:write:any"])
    assert (await api.post(GOOD, trusted)).code == 200
    problem(await api.post(GOOD | {"actionType": "match.won"}, trusted), 422, "action_id_reused")
    assert (await api.board())["leaderboard"][0]["score"] == 10


async def test_a_trusted_server_names_the_user(api: Api) -> None:
    """The points are the named user's; who isn't trusted may not name even itself."""
    claim = GOOD | {"actionType": "match.won", "userId": "ben"}
    assert (await api.post(claim, token("game", scopes=["score:write:any"]))).code == 200
    board = await api.board()
    assert [(r["userId"], r["score"]) for r in board["leaderboard"]] == [("ben", 100)]
    problem(await api.post(GOOD | {"userId": "ann"}, token("ann")), 403, "scope_missing")
    problem(
        await api.post(GOOD | {"userId": "a b"}, token("game", scopes=["score:write:any"])),
        422,
        "invalid_request",
    )


@pytest.mark.parametrize("action", ["a", "a" * 64, "A-Za.z0_9:~-"])
async def test_ids_of_the_alphabet_are_taken(api: Api, action: str) -> None:
    """From 1 to 64 characters."""
    assert (await api.act("ann", action))["newScore"] == 10


@pytest.mark.parametrize(
    "action",
    ["", "a" * 65, "a\0b", "\0", "a b", "a'b", 'a"b', "$ne", "a.$b$", "🏆", "é", "a\n", "a/b", "a@b", "١"],
)
async def test_ids_outside_of_the_alphabet_are_refused(api: Api, action: str) -> None:
    """422, and nothing of it reaches the store."""
    problem(await api.post(GOOD | {"actionId": action}, token()), 422, "invalid_request")
    assert (await api.board())["totalUsers"] == 0


@pytest.mark.parametrize("kind", ["", "nope", "$where", "task.completed\0", "TASK.COMPLETED", "x" * 10_000])
async def test_an_unknown_action_type_is_refused(api: Api, kind: str) -> None:
    """422 with a code of its own."""
    problem(await api.post(GOOD | {"actionType": kind}, token()), 422, "unknown_action_type")


async def test_a_type_that_needs_a_proof_is_not_given_without(api: Api) -> None:
    """Who isn't trusted can't claim what only a trusted server may tell."""
    assert (await api.post(GOOD | {"actionType": "match.won"}, token())).code in (403, 422)
    assert (await api.board())["totalUsers"] == 0


NOT_JSON = {
    "empty": b"",
    "white space": b" \n",
    "words": b"hello",
    "single quotes": b"{'actionId':'a1'}",
    "cut off": json.dumps(GOOD).encode()[:-1],
    "trailing words": json.dumps(GOOD).encode() + b" x",
    "trailing comma": b'{"actionId":"a1","actionType":"task.completed",}',
    "comment": b'{"actionId":"a1",/**/"actionType":"task.completed"}',
    "not a number": b'{"actionId":"a1","actionType":"task.completed","x":NaN}',
    "infinity": b'{"actionId":1,"actionType":"task.completed","x":-Infinity}',
    "byte order mark": b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "invalid UTF-8": b'{"actionId":"a\xff","actionType":"task.completed"}',
    "invalid UTF-8 in a key": b'{"\xff":"a","actionId":"a1","actionType":"task.completed"}',
    "surrogate in UTF-8": b'{"actionId":"\xed\xa0\x80","actionType":"task.completed"}',
    "lone surrogate": b'{"actionId":"\\ud800","actionType":"task.completed"}',
    "lone surrogate in a key": b'{"\\udfff":1,"actionId":"a1","actionType":"task.completed"}',
    "raw control character": b'{"actionId":"a\x01","actionType":"task.completed"}',
    "form": b"actionId=a1&actionType=task.completed",
    "deep brackets": b"[" * 8000 + b"]" * 8000,
    "deep brackets in a field": b'{"actionId":"a1","actionType":"task.completed","x":'
    + b"[" * 8000
    + b"]" * 8000
    + b"}",
    "deep braces": b'{"x":' * 2600 + b"1" + b"}" * 2600,
    "open brackets": b"[" * 16_000,
    "key twice": b'{"actionId":"a1","actionId":"a2","actionType":"task.completed"}',
    "key twice with one value": b'{"actionId":"a1","actionId":"a1","actionType":"task.completed"}',
    "key twice, once escaped": b'{"actionId":"a1","\\u0061ctionId":"a2","actionType":"task.completed"}',
    "key twice, wrong type": b'{"actionId":1,"actionId":"a1","actionType":"task.completed"}',
    "key twice, once null": b'{"actionId":"a1","actionType":"task.completed","captcha":null,"captcha":"x"}',
    "unknown key twice": b'{"x":1,"x":2,"actionId":"a1","actionType":"task.completed"}',
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=list(NOT_JSON))
async def test_what_is_not_one_json_text_is_malformed(api: Api, body: bytes) -> None:
    """400, whatever is wrong with it, and nothing is counted."""
    problem(await api.post(body, token()), 400, "invalid_json")
    assert (await api.board())["totalUsers"] == 0


WRONG_CONTENT = {
    "null": b"null",
    "true": b"true",
    "number": b"1",
    "text": b'"a1"',
    "array": b"[]",
    "array of claims": b"[" + json.dumps(GOOD).encode() + b"]",
    "nothing": b"{}",
    "no type": b'{"actionId":"a1"}',
    "no id": b'{"actionType":"task.completed"}',
    "number for an id": b'{"actionId":1,"actionType":"task.completed"}',
    "null for an id": b'{"actionId":null,"actionType":"task.completed"}',
    "object for an id": b'{"actionId":{"$ne":""},"actionType":"task.completed"}',
    "array for a type": b'{"actionId":"a1","actionType":["task.completed"]}',
    "true for a captcha": b'{"actionId":"a1","actionType":"task.completed","captcha":true}',
    "unknown field": b'{"actionId":"a1","actionType":"task.completed","points":1000000}',
    "unknown field with quotes": b'{"actionId":"a1","actionType":"task.completed","\\"\\u0000":1}',
    "snake case": b'{"action_id":"a1","action_type":"task.completed"}',
    "huge integer": b'{"actionId":' + b"9" * 10_000 + b',"actionType":"task.completed"}',
    "huge exponent": b'{"actionId":1e99999,"actionType":"task.completed"}',
    "huge unknown field": b'{"actionId":"a1","actionType":"task.completed","' + b"x" * 10_000 + b'":1}',
}


@pytest.mark.parametrize("body", WRONG_CONTENT.values(), ids=list(WRONG_CONTENT))
async def test_other_content_is_unacceptable(api: Api, body: bytes) -> None:
    """422 with a sentence that says what was expected, and nothing is counted."""
    problem(await api.post(body, token()), 422, "invalid_request")
    assert (await api.board())["totalUsers"] == 0


async def test_escapes_that_mean_plain_text_are_plain_text(api: Api) -> None:
    """JSON may spell a letter as an escape; only the meaning counts."""
    body = b' {"\\u0061ctionId" : "\\u0061\\u0031", "captcha":null,\n"actionType":"task.completed"} '
    assert (await api.post(body, token())).code == 200
    assert (await api.post(GOOD, token())).headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/jsonx",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/problem+json",
        "",
        ";",
        "é",
    ],
)
async def test_another_media_type_is_refused(api: Api, media_type: str) -> None:
    """415, also for the forms that Tornado would read by itself."""
    headers = {"Content-Type": media_type}
    problem(await api.post(GOOD, token(), headers=headers), 415, "unsupported_media_type")


async def test_a_form_that_can_not_be_read_is_refused_alike(api: Api) -> None:
    """415 before anybody tries to unpack it."""
    headers = ("Content-Type: application/x-www-form-urlencoded", "Content-Encoding: gzip")
    response = await ask(api, request("/api/scores/update", *headers, method="POST", body=b"a=1"))
    problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON; charset=utf-8", " application/json ;x"]
)
async def test_json_is_json_with_parameters(api: Api, media_type: str) -> None:
    """Case and parameters don't matter."""
    assert (await api.post(GOOD, token(), headers={"Content-Type": media_type})).code == 200


async def test_no_media_type_is_taken_for_json(api: Api) -> None:
    """A client too simple to say it is understood."""
    body = json.dumps(GOOD).encode()
    headers = (f"Authorization: Bearer {token()}",)
    assert (await ask(api, request("/api/scores/update", *headers, method="POST", body=body))).code == 200


# --- clients that leave ---------------------------------------------------------------------------


async def test_who_leaves_after_the_last_byte_is_counted(api: Api) -> None:
    """A request that was sent whole counts, also when nobody waits for the answer."""
    async with wire(api.server.port) as leaver:
        await leaver.send(submission(token("ann"), "a1"))
    while not (board := await api.board())["leaderboard"]:
        await asyncio.sleep(0.01)
    assert [(r["userId"], r["score"]) for r in board["leaderboard"]] == [("ann", 10)]
    assert (await api.post(GOOD, token("ann"))).headers["Idempotent-Replayed"] == "true"


async def test_who_leaves_before_the_last_byte_is_not_counted(api: Api) -> None:
    """Half a request is none, even if what came of it would be JSON."""
    body = json.dumps(GOOD).encode()
    whole = submission(token("ann"), "a1").replace(
        f"Content-Length: {len(body)}".encode(), b"Content-Length: 999"
    )
    async with wire(api.server.port) as leaver:
        await leaver.send(whole)
        leaver.writer.write_eof()
        assert await leaver.rest() == b""  # so the server has seen the end
    await api.act("ben", "b1")
    assert [r["userId"] for r in (await api.board())["leaderboard"]] == ["ben"]


async def test_requests_in_one_go_are_all_answered(api: Api) -> None:
    """Pipelined requests get their answers in order."""
    async with wire(api.server.port) as connection:
        await connection.send(b"".join(submission(token("ann"), f"a{i}") for i in range(5)))
        scores = [json.loads((await connection.answer()).body)["newScore"] for _ in range(5)]
    assert scores == [10, 20, 30, 40, 50]


async def test_the_same_action_many_times_at_once_counts_once(api: Api) -> None:
    """Of thirty at the same moment all are told the same score."""
    bearer = token("ann")
    answers = await asyncio.gather(*(api.post(GOOD, bearer) for _ in range(30)))
    assert {(a.code, json.loads(a.body)["newScore"]) for a in answers} == {(200, 10)}
    assert sum("Idempotent-Replayed" not in a.headers for a in answers) == 1
