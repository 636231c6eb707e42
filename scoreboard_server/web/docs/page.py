"""The page: operations, schemas, messages, close codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .markup import Markup, code, element, joined, link, table
from .schemas import bounds, fields, kind

Json = dict[str, Any]


def page(openapi: Json, asyncapi: Json) -> bytes:
    """A whole page that needs one style sheet of this server, and nothing else."""
    operations = list(_operations(openapi))
    messages = asyncapi["components"]["messages"]
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        element("title", f"{openapi['info']['title']} {openapi['info']['version']}: interface"),
        Markup('<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">'),
        Markup('<link rel="stylesheet" href="/static/docs.css">'),
    )
    body = element(
        "body",
        element("nav", *_contents(operations, messages), aria_label="Contents"),
        element(
            "main",
            *_opening(openapi),
            *(_operation(openapi, *each) for each in operations),
            element("h2", "Schemas", id="schemas"),
            *(_schema(name, told) for name, told in openapi["components"]["schemas"].items()),
            *_socket(asyncapi, messages),
        ),
    )
    return f'<!doctype html>\n<html lang="en">{head}{body}</html>\n'.encode()


def _operations(openapi: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in openapi["paths"].items():
        for method, told in methods.items():
            yield method.upper(), path, told


def _opening(openapi: Json) -> Iterator[Markup]:
    info = openapi["info"]
    yield element("h1", f"{info['title']} {info['version']}")
    yield element("p", info["summary"])
    yield element("p", info["description"])
    machine = [link("/openapi.json", "/openapi.json"), " and ", link("/asyncapi.json", "/asyncapi.json")]
    yield element("p", "For programs: ", *machine, ".")
    yield element("h2", "HTTP", id="http")


def _contents(operations: list[tuple[str, str, Json]], messages: Json) -> Iterator[Markup]:
    yield element("p", element("a", "HTTP", href="#http"))
    yield element("ul", *(_entry(told["operationId"], f"{m} {path}") for m, path, told in operations))
    yield element("p", element("a", "Schemas", href="#schemas"))
    yield element("p", element("a", "WebSocket", href="#websocket"))
    yield element("ul", *(_entry(f"message-{name}", told["name"]) for name, told in messages.items()))


def _entry(target: str, words: str) -> Markup:
    return element("li", link(f"#{target}", words))


def _operation(openapi: Json, method: str, path: str, told: Json) -> Markup:
    rows = [
        (
            joined([code(p["name"]), f" ({p['in']}{', required' if p.get('required') else ''})"]),
            joined([kind(p["schema"]), " ", bounds(p["schema"])]),
            p["schema"].get("description", ""),
        )
        for p in told.get("parameters", [])
    ]
    name = told["operationId"]
    return element(
        "section",
        element("h3", element("span", method, class_="method"), " ", code(path)),
        element("p", told["summary"]),
        *_who(told),
        table(("Parameter", "Type", "Meaning"), rows, f"Parameters of {name}"),
        *_body(told),
        table(("Status", "Answer", "Meaning"), _answers(openapi, told), f"Answers of {name}"),
        id=name,
    )


def _who(told: Json) -> Iterator[Markup]:
    asked = told.get("security")
    if asked is not None:
        yield element("p", "A bearer token is optional." if {} in asked else "Takes a bearer token.")


def _body(told: Json) -> Iterator[Markup]:
    for media, content in told.get("requestBody", {}).get("content", {}).items():
        yield element("p", "Body: ", kind(content["schema"]), f", `{media}`.")


def _answers(openapi: Json, told: Json) -> Iterator[tuple[str, Markup, str]]:
    for status, answer in told["responses"].items():
        whole = _resolved(openapi, answer)
        shapes = [content.get("schema", {}) for content in whole.get("content", {}).values()]
        yield status, joined(kind(shape) for shape in shapes if shape), whole["description"]


def _resolved(openapi: Json, told: Json) -> Json:
    found = openapi
    for name in told.get("$ref", "#/").removeprefix("#/").split("/"):
        found = found[name] if name else told
    return found


def _schema(name: str, told: Json) -> Markup:
    words = element("p", told.get("description", ""))
    return element("section", element("h3", code(name)), words, fields(told, name), id=name)


def _socket(asyncapi: Json, messages: Json) -> Iterator[Markup]:
    board = asyncapi["channels"]["board"]
    yield element("h2", "WebSocket ", code(board["address"]), id="websocket")
    yield element("p", asyncapi["info"]["description"])
    yield element("p", board["description"])
    for name, told in messages.items():
        yield element(
            "section",
            element("h3", code(told["name"]), " ", element("small", _direction(asyncapi, name))),
            element("p", told["summary"]),
            fields(told["payload"], told["name"]),
            id=f"message-{name}",
        )
    rows = [(str(e["code"]), code(e["reason"]), e["when"]) for e in board["x-close-codes"]]
    yield element("h3", "How a socket ends", id="close-codes")
    yield table(("Code", "Reason", "When"), rows, "Close codes")
    limits = [(code(name), f"{value:g}") for name, value in board["x-limits"].items()]
    yield table(("Limit", "Value"), limits, "Limits of a socket")


def _direction(asyncapi: Json, name: str) -> str:
    heard = [each["$ref"] for each in asyncapi["operations"]["listen"]["messages"]]
    return "to the server" if f"#/channels/board/messages/{name}" in heard else "from the server"
