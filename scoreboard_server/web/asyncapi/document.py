"""The whole description."""

from __future__ import annotations

from ..openapi.document import package_version
from ..openapi.schemas import SCHEMAS
from ..openapi.shapes import Json
from .endings import CLOSE_CODES, LIMITS
from .messages import FROM_CLIENTS, FROM_SERVER


def document() -> Json:
    """The description."""
    return {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": {protocol: _server(protocol) for protocol in ("ws", "wss")},
        "channels": {"board": _channel()},
        "operations": {
            "listen": _operation("receive", "What the server takes, one after the other.", FROM_CLIENTS),
            "tell": _operation("send", "What the server tells.", FROM_SERVER),
        },
        "components": {"messages": FROM_CLIENTS | FROM_SERVER, "schemas": {"Row": SCHEMAS["Row"]}},
    }


def _info() -> Json:
    return {
        "title": "Scoreboard",
        "version": package_version(),
        "description": "The live board over a WebSocket. Open it, and a snapshot arrives; what follows are "
        "the changes, in order and without a gap, at most one per interval. Who lags gets a snapshot of the "
        "newest state instead of what was missed. HTTP is described in `/openapi.json`.",
        "license": {"name": "MIT"},
    }


def _server(protocol: str) -> Json:
    host = {"description": "Where the server is, or the proxy before it.", "default": "127.0.0.1:8080"}
    return {"host": "{host}", "protocol": protocol, "variables": {"host": host}}


def _channel() -> Json:
    return {
        "address": "/ws",
        "description": "JSON in text frames (RFC 6455, version 13); no subprotocol, no extension.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in FROM_CLIENTS | FROM_SERVER},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
        "x-close-codes": CLOSE_CODES,
        "x-limits": LIMITS,
    }


def _operation(action: str, summary: str, messages: Json) -> Json:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/board"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/board/messages/{name}"} for name in messages],
    }
