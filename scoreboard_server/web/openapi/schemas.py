"""What is sent and answered."""

from __future__ import annotations

from ...rules.identifiers import ACTION_ID, USER_ID
from ..batch_handler import ITEMS
from .shapes import Json, listing, maybe, record, schema, text, whole

USER = text("Who: the `sub` of the user's tokens.", USER_ID, examples=["ann"])
ACTION = text(
    "Names this action for ever; a repeat counts nothing.", ACTION_ID, examples=["match-17.round-3"]
)
ACTION_TYPE = text("A type of the server's catalogue.", ACTION_ID, examples=["task.completed"])
CAPTCHA = maybe(text("The answer to a CAPTCHA, where one is asked for."))
CODE = text("Why not: stable, for programs.", pattern="^[a-z][a-z0-9_]*$", examples=["token_expired"])
WORDS = text("For people.")
POSITION = whole("From 1; the first to reach a score stays ahead.", 1)
SCORE = whole("The sum of all points; may be below 0.")
TOTAL_USERS = whole("How many are on the board.", 0)
EPOCH = text("Changes when versions begin anew; HTTP and the sockets tell the same.")
VERSION = whole("Counts the published states of the epoch.", 1)

# What became of one of several actions: the fields of a single answer, or of a problem.
OUTCOME: Json = {
    "success": {"type": "boolean"},
    "message": WORDS,
    "newScore": SCORE,
    "leaderboardPosition": maybe(POSITION),
    "replayed": {"type": "boolean", "description": "Whether it had been counted before."},
    "status": whole("The status that a request of its own would have had.", 400, 599),
    "code": CODE,
    "retryAfter": whole("Repeat it after so many seconds.", 0),
}
OUTCOME_OPTIONAL = [name for name in OUTCOME if name not in ("success", "message")]

_ROW = record(
    "A line of the board.",
    {
        "userId": USER,
        "username": text("The name to show; the id when the user has told none.", maxLength=64),
        "avatarUrl": maybe(text("An https address.", pattern="^https://", maxLength=2048)),
        "score": SCORE,
        "rank": POSITION,
    },
)

_BOARD = record(
    "A view of the board, as of one published version.",
    {
        "leaderboard": listing(schema("Row"), "By rank."),
        "totalUsers": TOTAL_USERS,
        "lastUpdated": maybe(text("The last counted action's time.", format="date-time")),
        "season": text("The season's name."),
        "epoch": EPOCH,
        "version": VERSION,
        "userRank": {
            "description": "With a bearer: that user's own place; null for who isn't on the board.",
            "oneOf": [schema("OwnRank"), {"type": "null"}],
        },
        "archive": schema("Archive"),
    },
    optional=["userRank", "archive"],
)

_CORRECTIONS = whole(
    "Rises with each correction of its board since it was sealed, by one or more; 0 for none.", 0
)
_DIGEST = text("SHA-256 of the season's canonical export.", pattern="^[0-9a-f]{64}$")

_ARCHIVE = record(
    "With the board of a sealed season: what it is.",
    {
        "sealedAt": text("When the season ended.", format="date-time"),
        "digest": _DIGEST,
        "edition": text("Which of its boards this is.", enum=["announced", "corrected"]),
        "corrections": _CORRECTIONS,
    },
)

_SEASON = record(
    "A season.",
    {
        "name": text("What it is asked for by."),
        "state": text("Whether actions are counted in it now.", enum=["current", "sealed"]),
        "startedAt": text("When it began.", format="date-time"),
        "endsAt": maybe(text("When it ends, or has ended; null for no end.", format="date-time")),
        "sealedAt": maybe(text("When it ended.", format="date-time")),
        "totalUsers": maybe(whole("On its board, as announced; null while that is being written.", 0)),
        "digest": maybe(_DIGEST),
        "corrections": _CORRECTIONS,
    },
    optional=["digest", "corrections"],
)

_HISTORY = record(
    "Some of a user's counted actions, newest first.",
    {
        "actions": listing(schema("CountedAction")),
        "next": maybe(text("The `cursor` of the next page; null behind the last.")),
        "score": maybe(SCORE),
        "rank": maybe(POSITION),
    },
)

_COUNTED_ACTION = record(
    "An action, or an admin's correction, and the score that it led to.",
    {
        "actionId": text("The action's id; a correction's begins with `!`."),
        "actionType": text(
            "Its type, which the catalogue may have lost since; `!adjusted`, `!taken-back` or `!given-back`."
        ),
        "points": whole("What it was worth."),
        "at": text("When it was counted.", format="date-time"),
        "total": SCORE,
        "reason": text("Why an admin has corrected it."),
    },
    optional=["reason"],
)

_CLAIM = record(
    "An action that is to be counted.",
    {
        "actionId": ACTION,
        "actionType": ACTION_TYPE,
        "userId": maybe(USER | {"description": "From a trusted server: whom the action is for."}),
        "captcha": CAPTCHA,
    },
    optional=["userId", "captcha"],
    additionalProperties=False,
)

_COUNTED = record(
    "The action is in the ledger.",
    {
        "success": {"const": True},
        "newScore": SCORE,
        "leaderboardPosition": maybe(POSITION),
        "message": WORDS,
    },
)

_BATCH_ITEM = record(
    "One action of one user.",
    {"userId": USER, "actionId": ACTION, "actionType": ACTION_TYPE},
    additionalProperties=False,
)

_BATCH_RESULT = record(
    "What became of one item: the fields of a single answer, or of a problem.",
    OUTCOME,
    optional=OUTCOME_OPTIONAL,
)

_TICKET = record(
    "A ticket.",
    {
        "actionId": ACTION,
        "actionType": ACTION_TYPE,
        "notBefore": text("It can't be claimed before.", format="date-time"),
        "expiresAt": text("It can't be claimed after.", format="date-time"),
    },
)

_CAPTCHA_OFFER = record(
    "What a page shows or solves; what else is in it is the provider's.",
    {
        "provider": {"enum": ["none", "altcha", "turnstile", "hcaptcha", "recaptcha"]},
        "siteKey": text("The key of a service's widget."),
        "algorithm": {"const": "SHA-256"},
        "challenge": text("The hash to find, of the salt followed by a number."),
        "maxNumber": whole("The number is at most this.", 1),
        "salt": text("Comes before the number."),
        "signature": text("Goes back with the answer."),
    },
    optional=["siteKey", "algorithm", "challenge", "maxNumber", "salt", "signature"],
)

_PROBLEM = record(
    "A refusal (RFC 9457); `success` and `message` are for clients that don't know the standard.",
    {
        "type": {"const": "about:blank"},
        "title": text("The status in words."),
        "status": whole("The HTTP status.", 400, 599),
        "detail": WORDS,
        "code": CODE,
        "requestId": text("The request's own `X-Request-Id`, or one made for it."),
        "success": {"const": False},
        "message": text("The detail once more."),
    },
)

SCHEMAS: Json = {
    "Row": _ROW,
    "Board": _BOARD,
    "Archive": _ARCHIVE,
    "Seasons": record("All seasons.", {"seasons": listing(schema("Season"), "The current one first.")}),
    "Season": _SEASON,
    "OwnRank": record("A user's own place.", {"rank": POSITION, "score": SCORE}),
    "History": _HISTORY,
    "CountedAction": _COUNTED_ACTION,
    "Claim": _CLAIM,
    "Counted": _COUNTED,
    "Batch": listing(schema("BatchItem"), maxItems=ITEMS),
    "BatchItem": _BATCH_ITEM,
    "BatchResults": record("A result per item, in order.", {"results": listing(schema("BatchResult"))}),
    "BatchResult": _BATCH_RESULT,
    "TicketWish": record(
        "Which type of action is begun.", {"actionType": ACTION_TYPE}, additionalProperties=False
    ),
    "Ticket": _TICKET,
    "CaptchaOffer": _CAPTCHA_OFFER,
    "Alive": record("The process lives.", {"status": {"const": "alive"}}),
    "Ready": record("The server serves, and its store answers.", {"status": {"const": "ready"}}),
    "Problem": _PROBLEM,
}
