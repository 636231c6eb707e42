"""The README's reference, held to the code: what stands there is there, and what is there stands there."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import shlex
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import scoreboard_server
from scoreboard_server.flow.pipeline import PATIENCE_S, QUEUE_SIZE
from scoreboard_server.rules.refusals import Refusal
from scoreboard_server.setting_rules import Rule
from scoreboard_server.setting_tables import ActionTypeSettings, Settings
from scoreboard_server.store.documents import INDEXES
from scoreboard_server.web import long_bodies
from scoreboard_server.web.asyncapi.document import document as asyncapi
from scoreboard_server.web.asyncapi.endings import CLOSE_CODES
from scoreboard_server.web.base_handler import BODY_LIMIT
from scoreboard_server.web.batch_handler import ITEMS
from scoreboard_server.web.live_socket import MESSAGE_LIMIT
from scoreboard_server.web.openapi.document import document as openapi
from scoreboard_server.web.refusal_status import _CODES, status_of

from .cli.tree import LEAVES, leaf_of

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCS = {path.name: path.read_text() for path in (ROOT / "docs").glob("*.md")}

# Told at the terminal alone.
_OF_COMMANDS = {"adjusted_otherwise", "not_banned", "season_name_taken", "bad_schedule", "unknown_zone"}
_IN_CODE = re.compile(r"```sh\n(.*?)```|`(scoreboard [a-z][^`]*)`", re.DOTALL)


def rows(section: str, header: str) -> list[list[str]]:
    """The cells of the table with that header in a section of the README."""
    text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    assert text is not None, section
    table = re.search(rf"^\| {re.escape(header)} \|.*\n\| ---.*\n((?:\|.*\n)+)", text[1], re.MULTILINE)
    assert table is not None, (section, header)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]


def names(section: str, header: str) -> list[str]:
    """What its first column names."""
    return [row[0].strip("`") for row in rows(section, header)]


# --- HTTP and its errors --------------------------------------------------------------------------


def test_every_route_stands_there_and_no_other() -> None:
    """Method by method; the OpenAPI document is held to the routes by its own test."""
    described = [f"{m.upper()} {path}" for path, methods in openapi()["paths"].items() for m in methods]
    assert sorted(names("HTTP", "route")) == sorted(described)


def modules() -> Iterator[ModuleType]:
    """All of the server's, so that every kind of refusal is known."""
    for found in pkgutil.walk_packages(scoreboard_server.__path__, "scoreboard_server."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def kinds(of: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """Refusal and all that inherit from it."""
    yield of
    for each in of.__subclasses__():
        yield from kinds(each)


@cache
def codes() -> dict[str, set[int]]:
    """Every code that a refusal is made with in the server's text, and the statuses it is told with."""
    assert len(list(modules())) > 100
    known = {kind.__name__: kind for kind in kinds()}
    found: defaultdict[str, set[int]] = defaultdict(set)
    for path in (ROOT / "scoreboard_server").rglob("*.py"):
        for name, code in _made_in(ast.parse(path.read_text()), set(known)):
            found[code].add(status_of(known[name].__new__(known[name])))
    for status, (code, _) in _CODES.items():
        found[code].add(status)
    return found


def _made_in(tree: ast.Module, known: set[str]) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in known:
            yield from ((node.name, code) for code in _codes_of(node, "super().__init__"))
    for name in known:
        yield from ((name, code) for code in _codes_of(tree, name))


def _codes_of(tree: ast.AST, function: str) -> Iterator[str]:
    """The codes in calls of that function; `Malformed` also takes plain words, of files."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == function and node.args:
            match node.args[0]:
                case ast.Constant(value=str(code)) if re.fullmatch(r"[a-z]+(_[a-z]+)*", code):
                    yield code


def test_every_code_stands_there_with_its_status() -> None:
    """Those that a client can be told."""
    told = {row[0].strip("`"): {int(each) for each in row[1].split(", ")} for row in rows("Errors", "code")}
    expected = {code: statuses for code, statuses in codes().items() if code not in _OF_COMMANDS}
    assert told == expected


def test_codes_are_found_where_they_are_made() -> None:
    """The search sees each of the ways in which a refusal is written."""
    found = codes()
    assert found["banned"] == {403}, "in the class itself"
    assert found["too_many_sockets"] == {429, 503}, "of two kinds"
    assert found["body_too_large"] == {413}, "what HTTP refuses"


# What only an action or a request meets, and never a token that is shown on a socket.
_NOT_OF_TOKENS = {
    *("cap_reached", "captcha_unavailable", "overloaded", "season_closing", "store_unavailable", "too_soon"),
    *("starting", "stopping"),  # there is no socket then
}


def test_the_client_module_knows_which_refusals_say_nothing_against_a_token() -> None:
    """It keeps the token for every code of 429 and 503 that a socket's token can meet, and for no other."""
    module = (ROOT / "scoreboard_server/web/static/scoreboard.js").read_text()
    found = re.search(r"^const PASSING = /(.+)/;$", module, re.MULTILINE)
    assert found
    kept = {code for code in codes() if re.match(found[1], code)}
    assert kept == {code for code, told in codes().items() if told <= {429, 503}} - _NOT_OF_TOKENS


# --- the socket -----------------------------------------------------------------------------------


def test_every_message_stands_there_with_who_sends_it() -> None:
    """By its `type`; the AsyncAPI document is held to the code by its own test."""
    told = {(row[0].strip("`"), row[1]) for row in rows("WebSocket", "message")}
    document = asyncapi()
    expected = set()
    for operation in document["operations"].values():
        sender = {"send": "server", "receive": "client"}[operation["action"]]
        for reference in operation["messages"]:
            message = document["components"]["messages"][reference["$ref"].rsplit("/", 1)[1]]
            expected.add((message["name"], sender))
    assert told == expected


def test_every_close_code_stands_there_with_its_reason() -> None:
    """In their order."""
    told = [(int(row[0]), row[1].strip("`")) for row in rows("WebSocket", "close code")]
    assert told == [(each["code"], each["reason"]) for each in CLOSE_CODES]


# --- commands, settings, collections --------------------------------------------------------------


def test_every_command_stands_there_and_no_other() -> None:
    """In the words that are typed, arguments left out."""
    told = {tuple(re.sub(r"\[?[A-Z]+\]?", "", name).split()[1:]) for name in names("Command line", "command")}
    assert told == set(LEAVES)


def command_lines() -> Iterator[str]:
    """Every use of a command in the README and in docs/, from blocks and from running text."""
    for text in (README, *DOCS.values()):
        for block, inline in _IN_CODE.findall(text):
            for line in (block or inline).replace("\\\n", " ").splitlines():
                yield from re.findall(r"(?:^|[\s(/])scoreboard ([a-z][^|;&)#]*)", line)


def test_every_command_line_is_one_that_exists() -> None:
    """Names and options, in the reference, the examples and the documents."""
    found = 0
    for line in command_lines():
        words = shlex.split(line.replace("…", "x"))
        path = leaf_of(words) if any(tuple(words[: len(path)]) == path for path in LEAVES) else None
        if path is None:
            # `scoreboard leaderboard` is its `top`; other groups stand in running text by their name alone.
            assert words[0] == "leaderboard" or words in [list(each[:1]) for each in LEAVES], line
            path = ("leaderboard", "top") if words[0] == "leaderboard" else None
        if path is not None:
            options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
            known = {option for each in LEAVES[path].params for option in (*each.opts, *each.secondary_opts)}
            assert options <= known | {"--help"}, line
            found += 1
    assert found > 40


TABLES: dict[str, Any] = {each.name: each.type for each in fields(Settings) if is_dataclass(each.type)}
TABLES |= {"actions.NAME": ActionTypeSettings}


def settings() -> Iterator[tuple[str, Any, Rule]]:
    """Every setting's dotted name, its default (None without one) and its rule."""
    for table, kind in TABLES.items():
        for key in fields(kind):
            default = None if key.default is MISSING else key.default
            yield f"{table}.{key.name}", default, kind.__annotations__[key.name].__metadata__[0]


def test_every_setting_stands_there_with_its_default() -> None:
    """In their order; written as in TOML it is what the server keeps when nothing is said."""
    told = {row[0].strip("`"): row[1].strip("`") for row in rows("Configuration", "setting")}
    assert list(told) == [name for name, _, _ in settings()]
    for name, default, rule in settings():
        given = tomllib.loads(f"value = {told[name]}")["value"] if told[name] else None
        assert (None if given is None else rule.check(given)) == default, name


def test_every_collection_stands_there() -> None:
    """Those that the store makes at its start."""
    assert sorted(names("What is stored", "collection")) == sorted(INDEXES)


def test_variables_that_it_names_are_read() -> None:
    """An environment variable that nothing knows would be set in vain."""
    read = [*(ROOT / "scoreboard_server").rglob("*.py"), *(ROOT / "tests" / "end_to_end").glob("*.py")]
    text = "".join(path.read_text() for path in read)
    of_settings = {f"SCOREBOARD_{name.replace('.', '_').upper()}" for name, _, _ in settings()}
    found = set(re.findall(r"SCOREBOARD_[A-Z_]+", README))
    assert found
    for name in found - of_settings:
        assert f'"{name}"' in text, name


@pytest.mark.parametrize("name", ["README.md", *sorted(f"docs/{name}" for name in DOCS)])
def test_every_anchor_leads_somewhere(name: str) -> None:
    """Links within a document."""
    text = (ROOT / name).read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_every_module_that_it_runs_is_there() -> None:
    """`python -m` of the README and the documents."""
    found = {name for text in (README, *DOCS.values()) for name in re.findall(r"python -m ([\w.]+)", text)}
    assert len(found) > 3
    for name in found:
        path = ROOT / name.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), name


def test_sequence_diagrams_have_no_semicolon() -> None:
    """To Mermaid it ends a statement, and the whole diagram is a red box."""
    diagrams = re.findall(r"```mermaid\nsequenceDiagram\n(.*?)```", README, re.DOTALL)
    assert len(diagrams) >= 3
    assert not [each for each in diagrams if ";" in each]


def test_limits_are_those_of_the_code() -> None:
    """The numbers that stand in its table."""
    told = " ".join(row[1] for row in rows("Limits", "what"))
    for number in (
        QUEUE_SIZE,
        ITEMS,
        *(limit // 1024 for limit in (long_bodies.BODY_LIMIT, BODY_LIMIT, MESSAGE_LIMIT)),
    ):
        assert re.search(rf"\b{number:,}\b", told), number
    assert f"{PATIENCE_S:g} s" in told
