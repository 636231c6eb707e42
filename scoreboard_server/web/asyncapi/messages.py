"""What is said over the socket, in both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...flow.tokens import TOKEN_LENGTH
from ..openapi.schemas import (
    ACTION,
    ACTION_TYPE,
    CAPTCHA,
    CODE,
    EPOCH,
    OUTCOME,
    OUTCOME_OPTIONAL,
    POSITION,
    SCORE,
    TOTAL_USERS,
    USER,
    VERSION,
    WORDS,
)
from ..openapi.shapes import Json, listing, maybe, record, schema, text, whole

_ID = text("The client's own, of any kind; comes back with the result.", examples=["c1"])
_ANN = {"userId": "ann", "username": "Ann", "avatarUrl": None, "score": 60, "rank": 1}


def _message(
    kind: str,
    summary: str,
    fields: Mapping[str, Json],
    *examples: Json,
    optional: Sequence[str] = (),
) -> Json:
    """One type of message; examples lack only the type."""
    told = {"type": {"const": kind}, **fields}
    return {
        "name": kind,
        "title": kind,
        "summary": summary,
        "payload": record(summary, told, optional=optional, additionalProperties=False),
        "examples": [{"payload": {"type": kind} | example} for example in examples],
    }


# --- from clients ---------------------------------------------------------------------------------

AUTH = _message(
    "auth",
    "Who watches. A newer token of the same user keeps the socket open beyond the older one's end.",
    {"token": text("A JWT, which never goes into an address.", maxLength=TOKEN_LENGTH)},
    {"token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.signature"},
)

ACTING = _message(
    "action",
    "As `POST /api/scores/update`; needs an `auth` before it.",
    {"id": _ID, "actionId": ACTION, "actionType": ACTION_TYPE, "captcha": CAPTCHA},
    {"id": "c1", "actionId": "match-17.round-3", "actionType": "task.completed"},
    optional=["captcha"],
)

PING = _message("ping", "Whether the server is there.", {}, {})

# --- from the server ------------------------------------------------------------------------------

_UPDATE = record(
    "In a snapshot the whole state, else what has changed since the version before.",
    {
        "updatedPositions": listing(schema("Row"), "Rows that are new or have changed."),
        "removed": listing(USER, "Who has left the top."),
        "totalUsers": TOTAL_USERS,
    },
    additionalProperties=False,
)

UPDATE = _message(
    "leaderboard.update",
    "A version of the board. Rows by id, less `removed`, ordered by `rank`, are the top.",
    {
        "epoch": EPOCH,
        "version": VERSION,
        "snapshot": {
            "type": "boolean",
            "description": "Forget what was known: when the socket opens, after a lag, in a new epoch.",
        },
        "data": _UPDATE,
    },
    {
        "epoch": "3f1c",
        "version": 12,
        "snapshot": True,
        "data": {"updatedPositions": [_ANN], "removed": [], "totalUsers": 1},
    },
    {
        "epoch": "3f1c",
        "version": 13,
        "snapshot": False,
        "data": {"updatedPositions": [], "removed": ["ann"], "totalUsers": 1},
    },
)

WELCOME = _message(
    "auth.ok",
    "The proof counts.",
    {"userId": USER, "expiresAt": text("The socket is closed then.", format="date-time")},
    {"userId": "ann", "expiresAt": "2030-01-01T00:00:00.000Z"},
)

RESULT = _message(
    "action.result",
    "What became of one action: the fields of the POST's answer, or of a problem.",
    {"id": text("Of the action.")} | OUTCOME,
    {
        "id": "c1",
        "success": True,
        "message": "+10 points",
        "newScore": 60,
        "leaderboardPosition": 1,
        "replayed": False,
    },
    {
        "id": "c2",
        "success": False,
        "message": "Too many requests; slow down.",
        "status": 429,
        "code": "rate_limited",
        "retryAfter": 3,
    },
    optional=OUTCOME_OPTIONAL,
)

OWN_SCORE = _message(
    "user.scoreUpdate",
    "To the user's own sockets: the score has moved since the last such message, or since the proof.",
    {
        "data": record(
            "The score of now.",
            {
                "newScore": SCORE,
                "leaderboardPosition": maybe(POSITION),
                "change": whole("What was added since then; never 0."),
            },
            additionalProperties=False,
        )
    },
    {"data": {"newScore": 60, "leaderboardPosition": 1, "change": 10}},
)

PONG = _message("pong", "The server is there.", {}, {})

ERROR = _message(
    "error",
    "A message was refused; the socket stays open, unless a close frame follows.",
    {"code": CODE, "message": WORDS},
    {"code": "token_expired", "message": "The token has expired."},
)

FROM_CLIENTS: Json = {"auth": AUTH, "action": ACTING, "ping": PING}
FROM_SERVER: Json = {
    "update": UPDATE,
    "welcome": WELCOME,
    "result": RESULT,
    "ownScore": OWN_SCORE,
    "pong": PONG,
    "error": ERROR,
}
