"""Reading: the board, a user, a user's own actions."""

from __future__ import annotations

from .. import actions_handler, leaderboard_handler
from .schemas import USER
from .shapes import (
    BEARER,
    BEARER_IF_TOLD,
    Json,
    answer,
    in_header,
    in_path,
    in_query,
    listing,
    operation,
    problems,
    schema,
    text,
    whole,
)

_TAG = "reading"
_ANY_USER = in_path("userId", text("The user's id.", minLength=1))

_BOARD = operation(
    "readBoard",
    "The board: its top, a page, a user's neighbourhood, or chosen users.",
    {
        "200": answer("The view.", schema("Board"), headers=["Cache-Control"], optional_headers=["ETag"]),
        "304": answer("As the client has it already.", headers=["ETag"]),
    }
    | problems(401, 404, 413, 422, 503),
    tag=_TAG,
    security=BEARER_IF_TOLD,
    parameters=[
        in_query(
            "limit",
            whole("How many rows; by default as many as the live board shows.", 1, leaderboard_handler.LIMIT),
        ),
        in_query("offset", whole("How many to leave out before them.", 0, leaderboard_handler.OFFSET)),
        in_query("around", USER | {"description": "Rows with this user in the middle."}),
        in_query(
            "users",
            listing(USER, "Only these users.", minItems=1, maxItems=leaderboard_handler.LIMIT),
            style="form",
            explode=False,
        ),
        in_query("season", text("A season's name; the current one by default.")),
        in_query(
            "edition",
            text(
                "Of a sealed season: its board as announced, or as corrected since, which is the default.",
                enum=[leaderboard_handler.ANNOUNCED, leaderboard_handler.CORRECTED],
            ),
        ),
        in_header("If-None-Match", text("The `ETag` of what the client has.")),
    ],
)

_SEASONS = operation(
    "readSeasons",
    "All seasons, the current one first.",
    {"200": answer("All of them.", schema("Seasons"), headers=["Cache-Control"])} | problems(413, 503),
    tag=_TAG,
)

_USER = operation(
    "readUser",
    "One user's row.",
    {"200": answer("The row.", schema("Row"), headers=["Cache-Control"])} | problems(400, 404, 413, 503),
    tag=_TAG,
    parameters=[_ANY_USER],
)

_ACTIONS = operation(
    "readActions",
    "Where each point came from, newest first; for that user's own token.",
    {"200": answer("A page.", schema("History"), headers=["Cache-Control"])}
    | problems(400, 401, 403, 404, 413, 422, 503),
    tag=_TAG,
    security=BEARER,
    parameters=[
        _ANY_USER,
        in_query("limit", whole("How many; 50 by default.", 1, actions_handler.LIMIT)),
        in_query("cursor", text("The `next` of the page before.")),
        in_query("season", text("A season's name; score and rank are then its final ones.")),
    ],
)

PATHS: Json = {
    "/api/leaderboard": {"get": _BOARD},
    "/api/seasons": {"get": _SEASONS},
    "/api/users/{userId}": {"get": _USER},
    "/api/users/{userId}/actions": {"get": _ACTIONS},
}
