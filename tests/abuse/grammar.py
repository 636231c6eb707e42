"""Near misses: messages that are almost the ones that the socket knows."""

from __future__ import annotations

import json
import random
from typing import Any

from ..conftest import token
from .http_inputs import FOREIGN, nobody
from .target import ABUSER

_VALUES: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**400, 2**63, float("nan"), float("inf"), "", "x", [], {}, [[]],
    {"$ne": None}, {"$gt": ""}, "\x00", "\ud800", "\u202e", "forged\nINFO", "\x1b[2J", "a" * 3000, "🎉" * 200,
    '"}\n{"level":"info","logger":"scoreboard.forged"}\n',
]  # fmt: skip
_TYPES = ["auth", "ping", "action", "pong", "auth.ok", "leaderboard.update", "Auth", "auth ", "", "__proto__"]
_KEYS = [
    "type", "token", "id", "actionId", "actionType", "captcha", "userId", "data", "Type", "action_id", "",
    "__class__", "$where",
]  # fmt: skip


def near_miss(rng: random.Random) -> bytes:
    """A message in a text frame, right or wrong in one or two places, as bytes."""
    text = _spelled(_changed(_message(rng), rng), rng)
    raw = text.encode("utf-8", "surrogatepass")
    return _damaged(raw, rng) if rng.random() < 0.3 else raw


def _message(rng: random.Random) -> dict[str, Any]:
    return rng.choice(
        [
            {"type": "ping"},
            {"type": "auth", "token": _bad_token(rng)},
            _action(rng),
            _action(rng) | {"captcha": rng.choice(_VALUES)},
        ]
    )


def _action(rng: random.Random) -> dict[str, Any]:
    kind = rng.choice(["task.completed", "task.completed", "quiz.completed", "match.won", "nope"])
    # The client's own id may be anything, an action's may not; a repeat is one of a few.
    told = rng.choice(["c1", "", "i" * 3000, "\x00", "\u2028</script>", "🎉" * 100])
    return {"type": "action", "id": told, "actionId": _action_id(rng), "actionType": kind}


def _action_id(rng: random.Random) -> str:
    few = [f"w{n}" for n in range(3)]
    return rng.choice([f"w{rng.random()}", *few, "x" * 64, "x" * 65, "a b", "!w", ".", "../w", "w\n", "é"])


def _bad_token(rng: random.Random) -> str:
    written = nobody(rng) or FOREIGN
    return rng.choice([written, written.removeprefix("Bearer "), token(ABUSER)[1:]])


def _changed(message: dict[str, Any], rng: random.Random) -> Any:
    for _ in range(rng.choice([0, 1, 1, 2])):
        key = rng.choice([*message, *_KEYS])
        match rng.randrange(4):
            case 0:
                message.pop(key, None)
            case 1:
                message[key] = rng.choice(_VALUES)
            case 2:
                message["type"] = rng.choice(_TYPES)
            case _:
                message[key] = {"type": "ping"}
    return rng.choice(
        [message, message, message, message, [message], json.dumps(message), rng.choice(_VALUES)]
    )


def _spelled(value: Any, rng: random.Random) -> str:
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    wrong = [
        text[:-1] + ', "type": "ping"}',  # a key twice
        "[" * rng.choice([10, 2000]) + text,
        text.replace(":", "\uff1a", 1),
        text * 2,
        f"\ufeff{text}",
        text.replace('"', "'"),
        text + " " * rng.choice([1, 3000]),
    ]
    return text if rng.random() < 0.5 else rng.choice(wrong)


def _damaged(raw: bytes, rng: random.Random) -> bytes:
    if not raw:
        return raw
    at = rng.randrange(len(raw))
    return rng.choice(
        [raw[:at], raw[:at] + bytes([rng.randrange(256)]) + raw[at + 1 :], raw[:at] + raw[at:] * 2, raw[at:]]
    )
