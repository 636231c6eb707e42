"""The interface as a page: all of both descriptions is on it, and nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from scoreboard_server.web.asyncapi import document as asyncapi
from scoreboard_server.web.docs.markup import Markup, code, element, table, text
from scoreboard_server.web.docs.page import page
from scoreboard_server.web.docs.schemas import bounds, fields, kind
from scoreboard_server.web.openapi import document as openapi

from ..conftest import Api
from .wire import ask, request

HTTP, SOCKET = openapi.document(), asyncapi.document()
PAGE = page(HTTP, SOCKET).decode()


class Reader(HTMLParser):
    """Notes ids, addresses and the words of a page; every element must be closed."""

    VOID = frozenset({"meta", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.words = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.ids += [told["id"] or ""] if "id" in told else []
        self.addresses += [told[name] or "" for name in ("href", "src") if name in told]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def read() -> Reader:
    """The page, read."""
    reader = Reader()
    reader.feed(PAGE)
    assert reader.open == []
    return reader


def test_every_operation_schema_and_message_has_its_place(read: Reader) -> None:
    """Once, with an address of its own."""
    operations = [told["operationId"] for each in HTTP["paths"].values() for told in each.values()]
    messages = [f"message-{name}" for name in SOCKET["components"]["messages"]]
    expected = [*operations, *HTTP["components"]["schemas"], *messages]
    assert len(set(read.ids)) == len(read.ids)
    assert set(expected) <= set(read.ids)


def test_no_link_leads_nowhere_or_elsewhere(read: Reader) -> None:
    """To places of the page and to this server alone."""
    places = {address[1:] for address in read.addresses if address.startswith("#")}
    assert places <= set(read.ids)
    others = {address for address in read.addresses if not address.startswith("#")}
    assert others == {"/static/favicon.svg", "/static/docs.css", "/openapi.json", "/asyncapi.json"}


def test_all_that_is_described_can_be_read(read: Reader) -> None:
    """Parameters, statuses, fields, close codes and their words."""
    plain = re.sub(r"\s+", " ", read.words)
    for path, methods in HTTP["paths"].items():
        assert path in plain
        for told in methods.values():
            assert told["summary"].replace("`", "") in plain
            for parameter in told.get("parameters", []):
                assert parameter["schema"].get("description", "").replace("`", "") in plain
    for schema in HTTP["components"]["schemas"].values():
        assert all(name in plain for name in schema.get("properties", {}))
    for ending in SOCKET["channels"]["board"]["x-close-codes"]:
        assert str(ending["code"]) in plain and ending["when"].replace("`", "") in plain


async def test_it_is_served_before_the_board_is_ready(api: Api) -> None:
    """With the page's own policy, and the style it needs."""
    api.server._lifecycle.services = None
    answer = await ask(api, request("/docs"))
    assert (answer.code, answer.body) == (200, PAGE.encode())
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert (await ask(api, request("/static/docs.css"))).code == 200


def test_text_is_escaped_wherever_it_comes_in() -> None:
    """In words, in code, in attributes and in cells."""
    assert text("a < b & `c<d`") == "a &lt; b &amp; <code>c&lt;d</code>"
    assert code("`<`") == "<code>`&lt;`</code>"
    assert element("p", "<i>", code("x"), id='"') == '<p id="&quot;">&lt;i&gt;<code>x</code></p>'
    assert "<td>&lt;</td>" in table(["H"], [["<"]], "label")
    assert table(["H"], [], "label") == Markup("")


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "#/components/schemas/Row"}, '<a href="#Row"><code>Row</code></a>'),
        ({"type": ["string", "null"]}, "string or null"),
        ({"type": "string", "format": "date-time"}, "string (date-time)"),
        ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
        ({"const": True}, "<code>true</code>"),
        ({"type": "string", "enum": ["a", "b"]}, "<code>&quot;a&quot;</code> or <code>&quot;b&quot;</code>"),
        ({"oneOf": [{"type": "null"}, {"const": 1}]}, "null or <code>1</code>"),
        ({}, "anything"),
    ],
)
def test_a_type_in_words(schema: dict[str, object], words: str) -> None:
    """With links to what has a name."""
    assert kind(schema) == words


def test_bounds_and_fields_in_words() -> None:
    """Nested objects come behind the table they are named in."""
    told = {"minimum": 1, "maximum": 9, "maxLength": 1000, "pattern": "^a$"}
    assert bounds(told).strip() == "1 … 9 at most 1,000 characters <code>^a$</code>"
    inner = {"type": "object", "properties": {"deep": {"type": "integer"}}, "required": ["deep"]}
    shown = fields({"type": "object", "properties": {"data": inner}}, "outer")
    assert "<code>data</code> (optional)" in shown and "<h4><code>data</code></h4>" in shown
    assert "<code>deep</code>" in shown
