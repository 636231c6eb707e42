"""From refusals to HTTP: statuses, titles and problem documents (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from ..rules.refusals import (
    Forbidden,
    Malformed,
    NotFound,
    Refusal,
    TooMany,
    Unacceptable,
    Unauthenticated,
    Unavailable,
)

PROBLEM_TYPE = "application/problem+json"

_STATUS: dict[type[Refusal], HTTPStatus] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Unacceptable: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

# What HTTP itself refuses before a rule is asked.
_CODES = {
    HTTPStatus.BAD_REQUEST: ("bad_request", "The request can't be understood."),
    HTTPStatus.FORBIDDEN: ("forbidden_origin", "Requests from this origin are not accepted."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "This address does not take that method."),
    HTTPStatus(413): ("body_too_large", "The body is too large."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("unsupported_media_type", "The body must be application/json."),
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: ("range_not_satisfiable", "The file has no such range."),
    HTTPStatus.UPGRADE_REQUIRED: ("upgrade_required", "This speaks version 13 of the WebSocket protocol."),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("internal_error", "Something went wrong here; it has been logged."),
}


def status_of(refusal: Refusal) -> HTTPStatus:
    """The HTTP status of a refusal."""
    return next(status for kind, status in _STATUS.items() if isinstance(refusal, kind))


def code_of(status: int) -> tuple[str, str]:
    """The code and the sentence for a status that no refusal stands behind."""
    return _CODES.get(HTTPStatus(status), ("error", HTTPStatus(status).phrase))


def problem(status: int, code: str, detail: str, request_id: str) -> dict[str, Any]:
    """A problem document, with `success` and `message` for clients that don't know RFC 9457."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "requestId": request_id,
        "success": False,
        "message": detail,
    }
