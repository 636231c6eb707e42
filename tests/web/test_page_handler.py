"""The page and its parts: only from here, and only what is meant to be read."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from scoreboard_server.web.page_handler import STATIC

from ..conftest import Api
from .wire import ask, problem, request

PARTS = sorted(path.name for path in STATIC.iterdir() if path.is_file())
_REFERRING = {"src", "href", "srcset", "action", "formaction", "data", "poster", "ping"}


class Page(HTMLParser):
    """Collects what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.inline: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.references += [value or "" for name, value in attrs if name in _REFERRING]
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        self.inline += ["<style>"] if tag == "style" else []
        self._in_script = tag == "script"
        if "http-equiv" in given or tag in ("base", "iframe", "object", "embed"):
            self.inline.append(f"<{tag}>")

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False


@pytest.mark.parametrize("path", ["/", "/static/index.html"])
async def test_the_page_has_a_strict_policy(api: Api, path: str) -> None:
    """Nothing runs or loads but what this server gives, and nobody frames it, whichever way it is had."""
    response = await api.fetch(path)
    assert response.code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    policy = dict(
        part.strip().partition(" ")[::2] for part in response.headers["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' https:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_page_loads_nothing_from_outside_and_has_nothing_inline(api: Api) -> None:
    """Every address in it is one of this server's that exists, and no script or style stands in the page."""
    page = Page()
    page.feed((await api.fetch("/")).body.decode())
    assert page.inline == []
    assert len(page.references) >= 3
    for reference in page.references:
        assert reference.startswith("/") and not reference.startswith("//"), reference
        assert (await api.fetch(reference)).code == 200, reference


@pytest.mark.parametrize("name", PARTS)
async def test_the_parts_load_nothing_from_outside(api: Api, name: str) -> None:
    """Style sheets and scripts name no other host; an avatar comes as data, not as code."""
    text = (await api.fetch(f"/static/{name}")).body.decode()
    loads = re.findall(r"""(?:import\s*\(?|from|url\(|fetch\(|@import)\s*["']?([^"')\s;]+)""", text)
    assert not [target for target in loads if re.match(r"(?:https?:)?//", target)]


@pytest.mark.parametrize("name", PARTS)
async def test_each_part_has_its_type(api: Api, name: str) -> None:
    """With `nosniff` a wrong type would be no script at all."""
    response = await api.fetch(f"/static/{name}")
    suffix = name.rpartition(".")[2]
    types = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "html": "text/html"}
    assert response.code == 200
    assert response.headers["Content-Type"].partition(";")[0] in (types[suffix], "application/javascript")
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_client_module_is_small(api: Api) -> None:
    """Under 5 KB as served, and it imports nothing."""
    module = (await api.fetch("/static/scoreboard.js")).body
    assert len(module) < 5000
    assert b"import " not in module and b"import(" not in module


async def test_a_part_is_revalidated(api: Api) -> None:
    """An unchanged one costs 304, and an upgrade of the server is seen at the next load."""
    first = await api.fetch("/static/page.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again = await api.fetch("/static/page.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.code, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "../base_handler.py",
        "%2e%2e/base_handler.py",
        "..%2fbase_handler.py",
        "%2e%2e%2f%2e%2e%2fapp.py",
        "x/../../base_handler.py",
        "....//base_handler.py",
        "..%5cbase_handler.py",
        "/etc/passwd",
        "//etc/passwd",
        "%2fetc%2fpasswd",
        "../static_other/x",
        "..",
        ".",
        "",
        "/",
        "%00",
        "page.js%00.png",
        "../%00",
        "page.js/x",
        "page.js/",
        "nope.js",
        "a" * 5000,
    ],
)
async def test_only_files_of_the_folder_are_given(api: Api, path: str) -> None:
    """Outside, above, a folder, a NUL or nothing at all: 404, which tells nothing."""
    problem(await ask(api, request(f"/static/{path}")), 404, "not_found")
    assert (await ask(api, request(f"/static/{path}", method="HEAD"))).code == 404


@pytest.mark.parametrize("path", ["%FF", "%ED%A0%80", "%C0%AE%C0%AE/base_handler.py"])
async def test_an_address_that_is_no_text_is_refused(api: Api, path: str) -> None:
    """400, also for the overlong spelling of dots."""
    problem(await ask(api, request(f"/static/{path}")), 400, "bad_request")


@pytest.mark.parametrize("wanted", ["bytes=0-3", "bytes=-4"])
async def test_a_range_is_given(api: Api, wanted: str) -> None:
    """Four bytes of the file."""
    response = await api.fetch("/static/board.css", headers={"Range": wanted})
    assert (response.code, len(response.body)) == (206, 4)


@pytest.mark.parametrize("wanted", ["bytes=99999999999999999999-", "bytes=5-2"])
async def test_a_range_outside_of_the_file_is_refused(api: Api, wanted: str) -> None:
    """416 as a problem, like every refusal."""
    problem(await api.fetch("/static/board.css", headers={"Range": wanted}), 416, "range_not_satisfiable")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Range", "bytes=x-y"),
        ("Range", "lines=1-2"),
        ("Range", "bytes=0-1,3-4"),
        ("Range", "bytes=-"),
        ("If-Modified-Since", "yesterday"),
        ("If-Modified-Since", "Mon, 01 Jan 0001 00:00:00 +2359"),
        ("If-Modified-Since", "Mon, 01 Jan 99999 00:00:00 +9999"),
        ("If-None-Match", "é"),
    ],
)
async def test_conditions_that_mean_nothing_are_ignored(api: Api, name: str, value: str) -> None:
    """The whole file."""
    response = await ask(api, request("/static/board.css", f"{name}: {value}"))
    assert (response.code, response.body) == (200, (STATIC / "board.css").read_bytes())
