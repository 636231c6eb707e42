"""The few elements that the page is made of. All text is escaped where it comes in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

_CODE = re.compile(r"`([^`]+)`")


class Markup(str):
    """HTML that needs no more escaping."""

    __slots__ = ()


def text(words: str) -> Markup:
    """Words in which `this` is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", escape(words)))


def element(name: str, *inner: str, **attributes: str) -> Markup:
    """One element; what is no markup among its contents is text."""
    names = {key: key.rstrip("_").replace("_", "-") for key in attributes}
    told = "".join(f' {names[key]}="{escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{told}>{joined(inner)}</{name}>")


def joined(parts: Iterable[str]) -> Markup:
    """One after the other."""
    return Markup("".join(part if isinstance(part, Markup) else text(part) for part in parts))


def code(words: str) -> Markup:
    """As it is written by programs."""
    return element("code", Markup(escape(words)))


def link(target: str, words: str) -> Markup:
    """To another place of the page, or to another address."""
    return element("a", code(words), href=target)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], label: str) -> Markup:
    """A table that scrolls by itself where a screen is narrow; nothing when there are no rows."""
    body = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    if not body:
        return Markup("")
    head = element("thead", element("tr", *(element("th", words, scope="col") for words in headings)))
    grid = element("table", head, element("tbody", *body))
    return element("div", grid, class_="wide", tabindex="0", role="region", aria_label=label)
