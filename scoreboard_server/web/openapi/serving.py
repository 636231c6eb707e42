"""What stands around the API: health, the page and its parts, the socket, this description."""

from __future__ import annotations

from .shapes import Json, answer, in_header, in_path, operation, problems, schema, text

_TAG = "serving"
_KNOWN = in_header("If-None-Match", text("The `ETag` of what the client has."))
_UNCHANGED = {"304": answer("As the client has it already.", headers=["ETag"])}

_LIVE = operation(
    "isAlive",
    "Whether the process lives.",
    {"200": answer("It does.", schema("Alive"), headers=["Cache-Control"])} | problems(413),
    tag=_TAG,
)


def _ready(name: str) -> Json:
    return operation(
        name,
        "Whether the server can serve.",
        {"200": answer("It can.", schema("Ready"), headers=["Cache-Control"])} | problems(413, 503),
        tag=_TAG,
    )


_METRICS = operation(
    "readMetrics",
    "What the server counts, in Prometheus's text format.",
    {"200": answer("All samples.", text("Lines."), media_type="text/plain", headers=["Cache-Control"])}
    | problems(413),
    tag=_TAG,
)

_PAGE = operation(
    "showPage",
    "The live board as a page.",
    {"200": answer("The page.", {}, media_type="text/html", headers=["Cache-Control"])} | problems(413),
    tag=_TAG,
)

_DOCS = operation(
    "showDocs",
    "This description, and that of the socket, as a page for people.",
    {"200": answer("The page.", {}, media_type="text/html", headers=["Cache-Control"])} | problems(413),
    tag=_TAG,
)

_ASSET = operation(
    "readAsset",
    "A part of the page; `scoreboard.js` is the client module.",
    {
        "200": answer("The file.", {}, media_type="*/*", headers=["Cache-Control", "ETag"]),
        "206": answer("A range of it.", {}, media_type="*/*", headers=["Cache-Control", "ETag"]),
    }
    | _UNCHANGED
    | problems(400, 404, 413, 416),
    tag=_TAG,
    parameters=[
        in_path("file", text("The file's name.", examples=["scoreboard.js"])),
        in_header("Range", text("A range of bytes.")),
        _KNOWN,
    ],
)

_SOCKET = operation(
    "watch",
    "The live board over a WebSocket (RFC 6455, version 13); its messages are in `/asyncapi.json`.",
    {"101": answer("The socket is open; a snapshot arrives.")} | problems(400, 403, 413, 426, 429, 503),
    tag=_TAG,
)


def _description(name: str, summary: str) -> Json:
    return operation(
        name,
        summary,
        {"200": answer("It.", {"type": "object"}, headers=["Cache-Control", "ETag"])}
        | _UNCHANGED
        | problems(413),
        tag=_TAG,
        parameters=[_KNOWN],
    )


PATHS: Json = {
    "/livez": {"get": _LIVE},
    "/readyz": {"get": _ready("isReady")},
    "/healthz": {"get": _ready("isHealthy")},
    "/metrics": {"get": _METRICS},
    "/openapi.json": {"get": _description("describe", "This description.")},
    "/asyncapi.json": {"get": _description("describeSocket", "The messages of `/ws` (AsyncAPI 3.0).")},
    "/ws": {"get": _SOCKET},
    "/docs": {"get": _DOCS},
    "/": {"get": _PAGE},
    "/static/{file}": {"get": _ASSET},
}
