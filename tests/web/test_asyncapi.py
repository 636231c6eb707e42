"""The description of the socket, against the standard, what is taken, and what is really sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker, ValidationError
from websockets.frames import Frame, Opcode

from scoreboard_server import parts as parts_module
from scoreboard_server.flow.ports import BanChanged, TokensRevoked
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.refusals import Refusal
from scoreboard_server.rules.revocations import Revocation
from scoreboard_server.web.asyncapi.document import document
from scoreboard_server.web.asyncapi.messages import FROM_CLIENTS, FROM_SERVER
from scoreboard_server.web.live_messages import Message, decode
from scoreboard_server.web.live_socket import MESSAGE_LIMIT

from ..conftest import Api, not_here, token
from .conftest import StartApi
from .insides import parts, services
from .watching import Watcher, watch

DOCUMENT = document()
SPECS = Path(__file__).parents[1] / "node/node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
BOARD = DOCUMENT["channels"]["board"]


def all_messages() -> list[tuple[str, dict[str, Any]]]:
    """(type, message) of all that are described."""
    return [(message["name"], message) for message in (FROM_CLIENTS | FROM_SERVER).values()]


def closed(value: Any) -> Any:
    """The schema with every object closed, so that a field that is not described is noticed."""
    if isinstance(value, list):
        return [closed(each) for each in value]
    if not isinstance(value, dict):
        return value
    told = {key: closed(each) for key, each in value.items()}
    return told | ({"additionalProperties": False} if isinstance(value.get("properties"), dict) else {})


def check(described: dict[str, Any], message: object) -> None:
    """The message fits its description. Raises ValidationError."""
    schema = closed(described["payload"] | {"components": DOCUMENT["components"]})
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(message)


# --- the document ---------------------------------------------------------------------------------


@pytest.mark.node
def test_it_is_valid() -> None:
    """By the standard's own schema."""
    if not SPECS.is_file():
        not_here("the schema of AsyncAPI (run: npm install --prefix tests/node)")
    Draft7Validator(json.loads(SPECS.read_text())).validate(DOCUMENT)


@pytest.mark.node
def test_the_standards_schema_sees_what_is_wrong() -> None:
    """A negative control: it is not one that takes everything."""
    if not SPECS.is_file():
        not_here("the schema of AsyncAPI (run: npm install --prefix tests/node)")
    validator = Draft7Validator(json.loads(SPECS.read_text()))
    wrongs: list[dict[str, object]] = [
        {"asyncapi": "2.6.0"},
        {"operations": {"x": {"action": "shout"}}},
        {"paths": {}},
    ]
    for wrong in wrongs:
        assert not validator.is_valid(DOCUMENT | wrong), wrong


def references(value: Any) -> Iterator[str]:
    """Every reference in it."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    elif isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for each in value.values():
            yield from references(each)


def test_every_reference_leads_somewhere() -> None:
    """And everything that stands in the components is referred to."""
    told = set(references(DOCUMENT))
    for each in told:
        found: Any = DOCUMENT
        for name in each.removeprefix("#/").split("/"):
            found = found[name]
    for kind, named in DOCUMENT["components"].items():
        for name in named:
            assert f"#/components/{kind}/{name}" in told


def test_each_message_goes_one_way() -> None:
    """The server receives what clients say and sends the rest."""
    ways = {
        operation["action"]: {each["$ref"].rpartition("/")[2] for each in operation["messages"]}
        for operation in DOCUMENT["operations"].values()
    }
    assert ways == {"receive": set(FROM_CLIENTS), "send": set(FROM_SERVER)}
    names = [name for name, _ in all_messages()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("name", "message"), all_messages(), ids=[name for name, _ in all_messages()])
def test_examples_are_good_ones(name: str, message: dict[str, Any]) -> None:
    """Each message has one, and it fits; with a field more it doesn't."""
    assert message["examples"]
    for example in message["examples"]:
        check(message, example["payload"])
        with pytest.raises(ValidationError):
            check(message, example["payload"] | {"surplus": 1})


async def test_it_is_served_and_kept(api: Api) -> None:
    """As the description of HTTP is, and it is another one."""
    response = await api.fetch("/asyncapi.json")
    assert json.loads(response.body) == DOCUMENT
    again = await api.fetch("/asyncapi.json", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.code, again.body) == (304, b"")
    assert (await api.fetch("/openapi.json")).headers["ETag"] != response.headers["ETag"]


# --- what is taken --------------------------------------------------------------------------------


def test_what_is_described_is_what_is_taken() -> None:
    """Type by type and field by field."""
    taken = {
        struct.__struct_config__.tag: {
            (field.encode_name, field.required) for field in msgspec.structs.fields(struct)
        }
        for struct in get_args(Message)
    }
    described = {}
    for message in FROM_CLIENTS.values():
        payload = message["payload"]
        names = set(payload["properties"]) - {"type"}
        described[message["name"]] = {(name, name in payload["required"]) for name in names}
    assert described == taken


VALUES: list[Any] = [None, True, 0, 1.5, "", "x", "a b", [], {}, "x" * 64]


@pytest.mark.parametrize("message", FROM_CLIENTS.values(), ids=list(FROM_CLIENTS))
def test_what_is_not_described_is_not_taken(message: dict[str, Any]) -> None:
    """With any field left out or changed: what the decoder takes fits, but for ids that the gate refuses."""
    gates = {"actionId", "actionType"}
    for example in (each["payload"] for each in message["examples"]):
        for name in example:
            without = {key: value for key, value in example.items() if key != name}
            for value in VALUES:
                if name in gates and isinstance(value, str):
                    continue
                agree(message, example | {name: value})
            agree(message, without)
        agree(message, example | {"surplus": "x"})


def agree(message: dict[str, Any], said: object) -> None:
    """Decoder and description say the same."""
    try:
        decode(json.dumps(said))
        takes = True
    except Refusal:
        takes = False
    try:
        check(message, said)
        fits = True
    except ValidationError:
        fits = False
    assert takes == fits, said


# --- what is sent ---------------------------------------------------------------------------------


class Script:
    """Watchers whose every frame is held to the description; `told` is what kinds there were."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[tuple[str, bool]] = []
        original = Watcher.frame

        async def frame(watcher: Watcher) -> dict[str, Any]:
            message = await original(watcher)
            described = {each["name"]: each for each in FROM_SERVER.values()}
            check(described[message["type"]], message)
            self.told.append((message["type"], bool(message.get("success", message.get("snapshot")))))
            return message

        monkeypatch.setattr(Watcher, "frame", frame)


async def test_real_frames_are_those_that_are_described(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session in which each kind of message comes up, in each of its forms."""
    script = Script(monkeypatch)
    named = token("ann", name="Ann", picture="https://a.example/ann")
    async with watch(api) as watcher:
        await watcher.say({"type": "ping"})
        await watcher.next("pong")
        await watcher.say({"type": "auth", "token": named})
        await watcher.next("auth.ok")
        for number, kind in enumerate(("task.completed", "task.completed", "nope")):
            await watcher.say({"type": "action", "id": "c", "actionId": f"a{number}", "actionType": kind})
            await watcher.next_of("action.result")
        while ("user.scoreUpdate", False) not in script.told:  # it may have come between the results
            await watcher.frame()
        await api.act("ben", "b1")
        await watcher.next_of("leaderboard.update")
        await watcher.say("nonsense")
        await watcher.next_of("error")
    async with watch(api):
        pass
    forms = {("action.result", False), ("action.result", True)}
    forms |= {("leaderboard.update", False), ("leaderboard.update", True)}
    plain = {(each["name"], False) for each in FROM_SERVER.values()}
    assert set(script.told) == plain | forms


# --- how it ends ----------------------------------------------------------------------------------

End = Callable[[Api, Watcher], Any]


async def stop(api: Api, _: Watcher) -> None:
    """The server stops."""
    await api.server.stop()


async def say_bytes(_: Api, watcher: Watcher) -> None:
    """A binary message."""
    await watcher.say(b"x")


async def say_too_much(_: Api, watcher: Watcher) -> None:
    """A message over the limit that is described."""
    assert BOARD["x-limits"]["messageBytes"] == MESSAGE_LIMIT
    await watcher.say("x" * (BOARD["x-limits"]["messageBytes"] + 1))


async def let_it_expire(_: Api, watcher: Watcher) -> None:
    """A token that ends soon."""
    await watcher.say({"type": "auth", "token": token("ann", ttl=1)})


async def be_banned(api: Api, watcher: Watcher) -> None:
    """An admin has decided so."""
    await watcher.prove("ann")
    parts(api).moderating.changed(BanChanged(Ban("ann", "b1", "cheats", "admin", 1)))


async def be_revoked(api: Api, watcher: Watcher) -> None:
    """An admin has logged the user out."""
    await watcher.prove("ann")
    now = datetime.now(UTC).timestamp()
    parts(api).moderating.changed(TokensRevoked(Revocation(now + 1, now + 1e6, user="ann")))


async def lose_the_key(api: Api, watcher: Watcher) -> None:
    """The key that the token was signed with is taken out."""
    await watcher.prove("ann")
    api.server.keys._secret = None
    api.server.keys.replace(())


async def be_silent(_: Api, watcher: Watcher) -> None:
    """A client that answers no ping of the protocol."""
    receive = watcher.connection.protocol.recv_frame

    def ignore_pings(frame: Frame) -> None:
        if frame.opcode is not Opcode.PING:
            receive(frame)

    watcher.connection.protocol.recv_frame = ignore_pings  # type: ignore[method-assign]


async def fail(api: Api, watcher: Watcher) -> None:
    """Something unforeseen in the server."""

    async def submit(*_: object, **__: object) -> None:
        raise RuntimeError("this is a test")

    services(api).submitting.submit = submit  # type: ignore[method-assign,assignment]
    await watcher.prove("ann")
    await watcher.say({"type": "action", "id": "c", "actionId": "a", "actionType": "task.completed"})


ENDS: dict[tuple[int, str], End] = {
    (1000, "ping timed out"): be_silent,
    (1001, "stopping; retry in 1000 ms"): stop,
    (1003, "text only"): say_bytes,
    (1009, "message too big"): say_too_much,
    (1011, "internal_error"): fail,
    (4401, "token_expired"): let_it_expire,
    (4401, "token_revoked"): be_revoked,
    (4401, "token_invalid"): lose_the_key,
    (4403, "banned"): be_banned,
}


@pytest.mark.parametrize(("ending", "bring_about"), ENDS.items(), ids=[end.__name__ for end in ENDS.values()])
async def test_a_socket_ends_as_described(
    start_api: StartApi,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    ending: tuple[int, str],
    bring_about: End,
) -> None:
    """With the code and the reason, which is counted; an error before it says the same; nothing follows."""
    if bring_about is be_silent:
        monkeypatch.setattr(parts_module, "PING_INTERVAL_S", 0.1)
        monkeypatch.setattr(parts_module, "PING_PATIENCE_S", 0.05)
    api = await start_api()
    closings = services(api).closings.by_reason
    async with watch(api) as watcher:
        await bring_about(api, watcher)
        code, last = await watcher.closed()
        assert (code, watcher.connection.close_reason) == ending
        errors = [frame["code"] for frame in last if frame["type"] == "error"]
        code, reason = ending
        assert errors == {1003: ["unsupported_data"]}.get(code, [reason] if code > 4000 else [])
    too_much = bring_about is say_too_much  # which the library closes by itself
    assert closings == ({} if too_much else {ending[1]: 1})
    if bring_about is fail:
        assert "this is a test" in caplog.text
        caplog.clear()


def test_every_ending_that_is_described_is_brought_about() -> None:
    """By the test above, and no other."""
    assert [(each["code"], each["reason"]) for each in BOARD["x-close-codes"]] == list(ENDS)
