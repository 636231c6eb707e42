"""The description of the HTTP interface, against the routes and against what is really answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate
from tornado.routing import PathMatches

from scoreboard_server.web import long_bodies
from scoreboard_server.web.base_handler import BODY_LIMIT, BaseHandler
from scoreboard_server.web.openapi.document import document

from ..conftest import Api, token
from .conftest import StartApi
from .openapi_routes import rules
from .watching import watch
from .wire import HANDSHAKE, Answer, ask, request

DOCUMENT = document()
JSON_BODY = "Content-Type: application/json"
# Where there can be too much.
_LIMITED = {(name, "429") for name in ("submit", "submitBatch", "takeTicket", "watch")}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of all that is described."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


# --- the document ---------------------------------------------------------------------------------


def test_it_is_valid() -> None:
    """By the standard's own schema."""
    validate(document())


def test_names_are_there_once_and_used() -> None:
    """Each operation has a name of its own, and no component stands there for nothing."""
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    text = json.dumps(DOCUMENT)
    for kind in ("schemas", "responses"):
        for name in DOCUMENT["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, name


def test_errors_have_the_code_that_a_problem_has() -> None:
    """Every response of an error is a problem document."""
    for _, _, operation in operations():
        for status, response in operation["responses"].items():
            assert (status >= "400") == ("$ref" in response), (operation["operationId"], status)


async def test_it_describes_every_route_and_no_other(api: Api) -> None:
    """Path by path, method by method."""
    served: dict[str, set[str]] = {}
    for rule in rules(api):
        assert isinstance(rule.matcher, PathMatches)
        served[rule.matcher.regex.pattern] = methods_of(rule.target)
    described: dict[str, set[str]] = {}
    for path, method, _ in operations():
        example = re.sub(r"\{\w+\}", "x", path)
        [pattern] = [each for each in served if re.fullmatch(each, example)]
        described.setdefault(pattern, set()).add(method.upper())
    assert described == served


def methods_of(handler: type[BaseHandler]) -> set[str]:
    """What a handler takes, but for HEAD, which goes with GET."""
    return {
        method
        for method in handler.SUPPORTED_METHODS
        if getattr(handler, method.lower()) is not getattr(BaseHandler, method.lower()) and method != "HEAD"
    }


async def test_it_is_served_and_kept(api: Api) -> None:
    """With a validator, so that who has it need not take it again; also before the server is ready."""
    response = await api.fetch("/openapi.json")
    assert json.loads(response.body) == DOCUMENT
    assert response.headers["Cache-Control"] == "no-cache"
    again = await api.fetch("/openapi.json", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.code, again.body) == (304, b"")
    api.server._lifecycle.services = None
    assert (await api.fetch("/openapi.json")).code == 200


# --- real answers ---------------------------------------------------------------------------------


def strict(value: Any) -> Any:
    """The schema with every object closed, so that a field that is not described is noticed."""
    if isinstance(value, list):
        return [strict(each) for each in value]
    if not isinstance(value, dict):
        return value
    closed = {key: strict(each) for key, each in value.items()}
    is_object = isinstance(value.get("properties"), dict) and "type" in value
    return closed | ({"additionalProperties": False} if is_object else {})


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """What a reference stands for."""
    if "$ref" not in part:
        return part
    found: Any = DOCUMENT
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def conform(operation: dict[str, Any], answer: Answer, *, head: bool = False) -> None:
    """The answer is one of those described: status, headers, media type, body."""
    name, status = operation["operationId"], str(answer.code)
    assert status in operation["responses"], (name, status, answer.body)
    response = resolved(operation["responses"][status])
    for header, spec in response.get("headers", {}).items():
        assert header.lower() in answer.headers or not resolved(spec).get("required"), (name, status, header)
    if "content" not in response:
        assert answer.body == b""
        return
    [(media_type, content)] = response["content"].items()
    assert media_type in ("*/*", answer.headers["content-type"].partition(";")[0])
    if media_type.endswith("json") and not head:
        schema = strict({**content["schema"], "components": DOCUMENT["components"]})
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(json.loads(answer.body))


def post(path: str, body: bytes | object, *headers: str, bearer: str | None = None) -> bytes:
    """A submission, good or bad."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = [JSON_BODY, *headers] + ([f"Authorization: Bearer {bearer}"] if bearer else [])
    return request(path, *given, method="POST", body=raw)


def submissions(path: str, good: object, bearer: str) -> dict[str, list[bytes]]:
    """Requests by the status that answers them, for an address that takes a body."""
    return {
        "200": [post(path, good, bearer=bearer), post(path, good, bearer=bearer)],
        "400": [post(path, b"{", bearer=bearer)],
        "401": [post(path, good), post(path, good, bearer="x")],
        "403": [post(path, good, bearer=token("ann", scopes=["board:read"]))],
        "415": [post(path, good, "Content-Type: text/plain", bearer=bearer)],
        "422": [post(path, 7, bearer=bearer)],
    }


Requests = dict[str, dict[str, list[bytes]]]


def requests() -> Requests:
    """operation -> status -> the requests that are answered so. The board has `ann` and `ben` by then."""
    return submitting() | reading() | readings_of_a_user() | assets() | around()


def submitting() -> Requests:
    """One action, and many."""
    claim = {"actionId": "a1", "actionType": "task.completed"}
    items = [claim | {"userId": "ben"}, claim | {"userId": "ann"}, {"userId": 7}, claim | {"userId": "b d"}]
    trusted = token("game", scopes=["score:write:any"])
    return {
        "submit": submissions("/api/scores/update", claim, token("ann"))
        | {"413": [post("/api/scores/update", b" " * (BODY_LIMIT + 1), bearer=token("ann"))]},
        "submitBatch": submissions("/api/scores/batch", items, trusted)
        | {"413": [post("/api/scores/batch", b" " * (long_bodies.BODY_LIMIT + 1), bearer=trusted)]},
        "takeTicket": tickets(),
        "offerCaptcha": {"200": [request("/api/captcha")], "413": too_large("/api/captcha")},
    }


def tickets() -> dict[str, list[bytes]]:
    """Leave to begin an action."""
    told = submissions("/api/actions", {"actionType": "quiz.completed"}, token("ann"))
    told["201"] = told.pop("200")
    return told | {"413": [post("/api/actions", b" " * (BODY_LIMIT + 1), bearer=token("ann"))]}


def reading() -> Requests:
    """The board."""
    board = "/api/leaderboard"
    bearers = [f"Authorization: Bearer {token(user)}" for user in ("ann", "nobody")]
    return {
        "readSeasons": {
            "200": [request("/api/seasons")],
            "413": too_large("/api/seasons"),
        },
        "readBoard": {
            "200": [
                *(
                    request(board + query)
                    for query in ("", "?around=ann&limit=3", "?users=ann,ben", "?users=zoe")
                ),
                *(request(f"{board}?offset=1&season=season-1", bearer) for bearer in bearers),
            ],
            "304": [request(board, "If-None-Match: *")],
            "401": [request(board, "Authorization: x")],
            "404": [request(f"{board}?season=nope")],
            "413": too_large(board),
            "422": [request(f"{board}?limit=0")],
        },
    }


def readings_of_a_user() -> Requests:
    """A user's row and actions."""
    user, actions = "/api/users/ann", "/api/users/ann/actions"
    bearer = f"Authorization: Bearer {token('ann')}"
    return {
        "readUser": {
            "200": [request(user), request("/api/users/ben")],
            "400": [request("/api/users/%FF")],
            "404": [request("/api/users/zoe")],
            "413": too_large(user),
        },
        "readActions": {
            "200": [request(actions + query, bearer) for query in ("?limit=1", "", "?season=season-1")],
            "400": [request("/api/users/%FF/actions", bearer)],
            "401": [request(actions)],
            "403": [request("/api/users/ben/actions", bearer)],
            "404": [request(f"{actions}?season=nope", bearer)],
            "413": too_large(actions),
            "422": [request(f"{actions}?cursor=x", bearer)],
        },
    }


def assets() -> Requests:
    """What is read from files, and the descriptions."""
    script = "/static/page.js"
    return {
        "readAsset": {
            "200": [request("/static/scoreboard.js"), request("/static/index.html")],
            "206": [request(script, "Range: bytes=0-3")],
            "304": [request(script, "If-None-Match: *")],
            "400": [request("/static/%FF")],
            "404": [request("/static/nope")],
            "413": too_large(script),
            "416": [request(script, "Range: bytes=9999999-")],
        },
        "describe": description("/openapi.json"),
        "describeSocket": description("/asyncapi.json"),
    }


def description(path: str) -> dict[str, list[bytes]]:
    """A description, whole and as it is known."""
    known = [request(path, "If-None-Match: *")]
    return {"200": [request(path)], "304": known, "413": too_large(path)}


def around() -> Requests:
    """Health, the page and the socket."""
    plain = {
        "isAlive": "/livez",
        "isReady": "/readyz",
        "isHealthy": "/healthz",
        "showPage": "/",
        "showDocs": "/docs",
        "readMetrics": "/metrics",
    }
    told: Requests = {name: {"200": [request(path)], "413": too_large(path)} for name, path in plain.items()}
    told["watch"] = {
        "101": [request("/ws", *HANDSHAKE)],
        "400": [request("/ws")],
        "403": [request("/ws", *HANDSHAKE, "Origin: https://evil.example")],
        "413": too_large("/ws"),
        "426": [request("/ws", *HANDSHAKE[:3])],
    }
    return told


def too_large(path: str) -> list[bytes]:
    """A request with a body that nobody reads."""
    return [request(path, body=b" " * (BODY_LIMIT + 1))]


async def test_real_answers_are_those_that_are_described(api: Api) -> None:
    """Every operation with every status that a client can bring about: headers, media type and body."""
    for user in ("ann", "ben"):
        await api.act(user, "a0")
    prepared = requests()
    for path, method, operation in operations():
        name = operation["operationId"]
        for status, each in prepared[name].items():
            for raw in each:
                answer = await ask(api, raw)
                assert str(answer.code) == status, (name, status, answer)
                conform(operation, answer)
                if method == "get" and path != "/ws":
                    conform(operation, await ask(api, raw.replace(b"GET", b"HEAD", 1)), head=True)


async def test_too_much_is_answered_as_described(start_api: StartApi) -> None:
    """429 where it is described, and nowhere else."""
    api = await start_api(limits__per_ip_per_minute=1, limits__sockets_per_ip=1)
    await api.act("ann", "a1")
    requested = requests()
    async with watch(api):
        for path, _, operation in operations():
            name = operation["operationId"]
            good = next(some[-1] for status, some in requested[name].items() if status < "300")
            of_a_stranger = requested[name].get("401", [good])[-1]  # trusted servers are not limited
            answer = await ask(api, of_a_stranger)
            assert (answer.code == 429) == ((name, "429") in _LIMITED), (path, answer)
            conform(operation, answer)


async def test_a_server_that_is_not_ready_answers_as_described(api: Api) -> None:
    """503 where it is described, and nowhere else."""
    api.server._lifecycle.services = None
    for path, method, operation in operations():
        answer = await ask(api, request(path.replace("{file}", "page.js"), method=method.upper()))
        assert (answer.code == 503) == ("503" in operation["responses"]), path
        if answer.code == 503:
            conform(operation, answer)


def test_no_described_status_is_left_out() -> None:
    """What the three tests above provoke is all that is described."""
    described = {(o["operationId"], status) for _, _, o in operations() for status in o["responses"]}
    provoked = {(name, status) for name, each in requests().items() for status in each}
    ready = {(name, status) for name, status in described if status == "503"}
    assert described - provoked - ready == _LIMITED
    assert provoked <= described
