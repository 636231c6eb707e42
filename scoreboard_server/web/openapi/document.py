"""The whole description."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from . import reading, serving, submitting
from .schemas import SCHEMAS
from .shapes import PROBLEM_JSON, PROBLEMS, Json, header, schema, text, whole

_WHY = {
    400: "The request, or its body, can't be read.",
    401: "No token, or none that counts.",
    403: "Not with this token, or not from this origin.",
    404: "There is nothing of that name.",
    413: "The body is too large.",
    415: "The body says that it is no JSON.",
    416: "The file has no such range.",
    422: "It can be read, and can't be accepted.",
    426: "This address speaks version 13 of the WebSocket protocol.",
    429: "Too many; repeat it after a while.",
    503: "Not now; to repeat it is safe.",
}
_SPECIAL_HEADERS = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}
# Of rates; a cap of an action type has none.
_OPTIONAL_HEADERS = {429: ["RateLimit", "RateLimit-Policy"]}
_HEADERS = {
    "Cache-Control": text("Whether it may be kept."),
    "ETag": text("Names this state of this view."),
    "Idempotent-Replayed": text("`true`: it had been counted before, and nothing was added."),
    "RateLimit": text("What is left of the limit, and when there is more."),
    "RateLimit-Policy": text("The limit that counts this."),
    "Retry-After": whole("In seconds.", 0),
    "WWW-Authenticate": text("How to authenticate (RFC 6750)."),
    "X-Request-Id": text("The request's own, or one made for it."),
}


def document() -> Json:
    """The description."""
    return {
        "openapi": "3.1.1",
        "info": _info(),
        "servers": [{"url": "/"}],
        "tags": [{"name": "reading"}, {"name": "submitting"}, {"name": "serving"}],
        "paths": reading.PATHS | submitting.PATHS | serving.PATHS,
        "components": {
            "schemas": SCHEMAS,
            "headers": _headers(),
            "responses": {name: _problem(status) for status, name in PROBLEMS.items()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _info() -> Json:
    return {
        "title": "Scoreboard",
        "version": package_version(),
        "summary": "A live score board: every action is counted exactly once and seen everywhere at once.",
        "description": "Each address that takes GET takes HEAD. A method that an address does not take is "
        "answered with 405 and `Allow`, an address that is none with 404, both as a problem document. "
        "A request may bring an `X-Request-Id` (1 to 64 of `A-Za-z0-9_.:-`) and a `traceparent` (W3C Trace "
        "Context): the lines of the server's log name both.",
        "license": {"name": "MIT", "identifier": "MIT"},
    }


def package_version() -> str:
    """What is installed."""
    try:
        return version("scoreboard")
    except PackageNotFoundError:  # run from a folder of sources
        return "0"


def _headers() -> Json:
    told: Json = {}
    for name, of in _HEADERS.items():
        described = {"description": of["description"], "schema": of}
        told[name] = described | {"required": True}
        told[f"{name}.optional"] = described
    return told


def _problem(status: int) -> Json:
    names = ["Cache-Control", "X-Request-Id", *_SPECIAL_HEADERS.get(status, ())]
    headers = {name: header(name, always=True) for name in names}
    headers |= {name: header(name, always=False) for name in _OPTIONAL_HEADERS.get(status, ())}
    return {
        "description": _WHY[status],
        "headers": headers,
        "content": {PROBLEM_JSON: {"schema": schema("Problem")}},
    }
