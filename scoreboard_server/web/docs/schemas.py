"""A JSON Schema in words: its type, its bounds, its fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .markup import Markup, code, element, joined, link, table

Json = dict[str, Any]


def kind(schema: Json) -> Markup:
    """What a value may be, with links to what has a name."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return link(f"#{name}", name)
    if "oneOf" in schema:
        return _either([kind(each) for each in schema["oneOf"]])
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    types = schema.get("type", "anything")
    named = [types] if isinstance(types, str) else types
    return _either([_one(each, schema) for each in named])


def _one(name: str, schema: Json) -> Markup:
    if name == "array" and "items" in schema:
        return joined(["list of ", kind(schema["items"])])
    if "enum" in schema and name != "null":
        return _either([code(json.dumps(each)) for each in schema["enum"] if each is not None])
    return joined([f"{name} ({schema['format']})" if "format" in schema and name != "null" else name])


def _either(kinds: list[Markup]) -> Markup:
    parts: list[str] = []
    for each in kinds:
        parts += [" or ", each] if parts else [each]
    return joined(parts)


def bounds(schema: Json) -> Markup:
    """What a value has to keep to, beside its type."""
    return joined([part for each in _bounds(schema) for part in (each, " ")])


def _bounds(schema: Json) -> Iterator[Markup]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None or most is not None:
        yield joined([f"{'' if least is None else least} … {'' if most is None else most}".strip()])
    for name, words in (("maxLength", "at most {} characters"), ("maxItems", "at most {} items")):
        if name in schema:
            yield joined([words.format(f"{schema[name]:,}")])
    if "pattern" in schema:
        yield code(schema["pattern"])


def fields(schema: Json, label: str) -> Markup:
    """An object's fields as a table; a list's items, or just its type."""
    if "properties" not in schema:
        return element("p", kind(schema))
    required = schema.get("required", [])
    rows = [
        (
            joined([code(name), "" if name in required else " (optional)"]),
            joined([kind(told), " ", bounds(told)]),
            told.get("description", ""),
        )
        for name, told in schema["properties"].items()
    ]
    return joined([table(("Field", "Type", "Meaning"), rows, f"Fields of {label}"), *_nested(schema, label)])


def _nested(schema: Json, label: str) -> Iterator[Markup]:
    """Objects that have no name of their own, such as the data of a message."""
    for name, told in schema["properties"].items():
        if "properties" in told:
            yield joined([element("h4", code(name)), fields(told, f"{label}.{name}")])
