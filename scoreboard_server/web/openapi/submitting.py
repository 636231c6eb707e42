"""Submitting: one action, many actions, and tickets."""

from __future__ import annotations

from .schemas import ACTION, ACTION_TYPE
from .shapes import BEARER, Json, answer, body, operation, problems, record, schema, text

_TAG = "submitting"

_SUBMIT = operation(
    "submit",
    "Count an action, once, however often it is repeated.",
    {
        "200": answer(
            "It is counted, now or before.", schema("Counted"), optional_headers=["Idempotent-Replayed"]
        )
    }
    | problems(400, 401, 403, 413, 415, 422, 429, 503),
    tag=_TAG,
    security=BEARER,
    request=body(schema("Claim")),
)

_SUBMIT_BATCH = operation(
    "submitBatch",
    "Count actions of any users, each for itself; for trusted servers.",
    # Never 413: over a batch's limit the connection ends.
    {"200": answer("A result per item.", schema("BatchResults"))}
    | problems(400, 401, 403, 415, 422, 429, 503),
    tag=_TAG,
    security=BEARER,
    request=body(schema("Batch")),
)

_CAPTCHA = operation(
    "offerCaptcha",
    "What to solve when an action is refused with `captcha_required`.",
    {"200": answer("A captcha, or that there is none.", schema("CaptchaOffer"), headers=["Cache-Control"])}
    | problems(413, 503),
    tag=_TAG,
)

PATHS: Json = {
    "/api/scores/update": {"post": _SUBMIT},
    "/api/scores/batch": {"post": _SUBMIT_BATCH},
    "/api/captcha": {"get": _CAPTCHA},
}


# --- not served yet -------------------------------------------------------------------------------
# Whoever adds the route moves the path into PATHS and the schemas to the others; the tests ask for the rest.

_TICKET = operation(
    "takeTicket",
    "A signed leave to claim one action, once.",
    {"201": answer("The ticket; claim the action with its id.", schema("Ticket"))}
    | problems(400, 401, 403, 413, 415, 422, 429, 503),
    tag=_TAG,
    security=BEARER,
    request=body(schema("TicketWish")),
)

TICKET_PATHS: Json = {"/api/actions": {"post": _TICKET}}
TICKET_SCHEMAS: Json = {
    "TicketWish": record(
        "Which type of action is begun.", {"actionType": ACTION_TYPE}, additionalProperties=False
    ),
    "Ticket": record(
        "A ticket.",
        {
            "actionId": ACTION,
            "actionType": ACTION_TYPE,
            "notBefore": text("It can't be claimed before.", format="date-time"),
            "expiresAt": text("It can't be claimed after.", format="date-time"),
        },
    ),
}
