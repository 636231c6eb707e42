"""Submitting: one action, many actions, tickets and captchas."""

from __future__ import annotations

from .shapes import BEARER, Json, answer, body, operation, problems, schema

_TAG = "submitting"
_LIMITS = ["RateLimit", "RateLimit-Policy"]

_SUBMIT = operation(
    "submit",
    "Count an action, once, however often it is repeated.",
    {
        "200": answer(
            "It is counted, now or before.",
            schema("Counted"),
            optional_headers=["Idempotent-Replayed", *_LIMITS],
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
    {"200": answer("A result per item.", schema("BatchResults"))}
    | problems(400, 401, 403, 413, 415, 422, 429, 503),
    tag=_TAG,
    security=BEARER,
    request=body(schema("Batch")),
)

_TICKET = operation(
    "takeTicket",
    "A signed leave to claim one action, once.",
    {
        "201": answer(
            "The ticket; claim the action with its id.",
            schema("Ticket"),
            headers=["Cache-Control"],
            optional_headers=_LIMITS,
        )
    }
    | problems(400, 401, 403, 413, 415, 422, 429, 503),
    tag=_TAG,
    security=BEARER,
    request=body(schema("TicketWish")),
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
    "/api/actions": {"post": _TICKET},
    "/api/captcha": {"get": _CAPTCHA},
}
