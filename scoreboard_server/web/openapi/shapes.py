"""The words of which the description is made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

PROBLEM_JSON = "application/problem+json"
BEARER: list[dict[str, list[str]]] = [{"bearer": []}]
BEARER_IF_TOLD: list[dict[str, list[str]]] = [{}, {"bearer": []}]

# Problem responses that stand in the components, by status.
PROBLEMS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    413: "TooLarge",
    415: "NotJson",
    416: "NoSuchRange",
    422: "Unacceptable",
    426: "UpgradeRequired",
    429: "TooManyRequests",
    503: "Unavailable",
}


# --- values ---------------------------------------------------------------------------------------


def text(description: str, spelling: re.Pattern[str] | None = None, /, **more: Any) -> Json:
    """A text; spelling: what all of it must match."""
    anchored = {"pattern": f"^{spelling.pattern}$"} if spelling else {}
    return {"type": "string", "description": description} | anchored | more


def whole(description: str, least: int | None = None, most: int | None = None, **more: Any) -> Json:
    """A whole number."""
    bounds = {"minimum": least, "maximum": most}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"type": "integer", "description": description} | given | more


def maybe(schema: Json) -> Json:
    """The same, or null."""
    return schema | {"type": [schema["type"], "null"]}


def record(
    description: str, fields: Mapping[str, Json], *, optional: Sequence[str] = (), **more: Any
) -> Json:
    """An object with these fields, of which some may be absent."""
    required = [name for name in fields if name not in optional]
    return {
        "type": "object",
        "description": description,
        "properties": dict(fields),
        "required": required,
    } | more


def listing(items: Json, description: str = "", **more: Any) -> Json:
    """An array."""
    told = {"description": description} if description else {}
    return {"type": "array", "items": items} | told | more


def schema(name: str) -> Json:
    """One of the schemas, by name."""
    return {"$ref": f"#/components/schemas/{name}"}


# --- requests and answers -------------------------------------------------------------------------


def in_path(name: str, of: Json) -> Json:
    """A part of the address."""
    return {"name": name, "in": "path", "required": True, "schema": of}


def in_query(name: str, of: Json, **more: Any) -> Json:
    """A parameter behind the question mark."""
    return {"name": name, "in": "query", "schema": of} | more


def in_header(name: str, of: Json) -> Json:
    """A header of the request."""
    return {"name": name, "in": "header", "schema": of}


def body(of: Json) -> Json:
    """What a request carries."""
    return {"required": True, "content": {"application/json": {"schema": of}}}


def answer(
    description: str,
    of: Json | None = None,
    *,
    media_type: str = "application/json",
    headers: Sequence[str] = (),
    optional_headers: Sequence[str] = (),
) -> Json:
    """An answer; headers are named as in the components. Each names its request."""
    named = [(name, True) for name in (*headers, "X-Request-Id")]
    named += [(name, False) for name in optional_headers]
    told: Json = {"description": description}
    told["headers"] = {name: header(name, always=always) for name, always in named}
    if of is not None:
        told["content"] = {media_type: {"schema": of}}
    return told


def header(name: str, *, always: bool) -> Json:
    """A header of an answer, which is always there or not."""
    return {"$ref": f"#/components/headers/{name}{'' if always else '.optional'}"}


def problems(*statuses: int) -> Json:
    """Refusals that an operation may answer with."""
    return {str(status): {"$ref": f"#/components/responses/{PROBLEMS[status]}"} for status in statuses}


def operation(
    name: str,
    summary: str,
    responses: Json,
    *,
    tag: str,
    parameters: Sequence[Json] = (),
    request: Json | None = None,
    security: list[dict[str, list[str]]] | None = None,
) -> Json:
    """What one method at one address does."""
    told: Json = {"operationId": name, "summary": summary, "tags": [tag], "responses": responses}
    if parameters:
        told["parameters"] = list(parameters)
    if request is not None:
        told["requestBody"] = request
    return told | {"security": security or []}
