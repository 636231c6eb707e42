"""From refusals to HTTP."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from scoreboard_server.rules.refusals import Refusal, TooMany
from scoreboard_server.web.refusal_status import code_of, problem, status_of

KINDS = Refusal.__subclasses__()


def made(kind: type[Refusal]) -> Refusal:
    """One of that kind."""
    return TooMany("code", "detail", 1.5) if kind is TooMany else kind("code", "detail")


@pytest.mark.parametrize("kind", KINDS)
def test_every_refusal_has_a_status(kind: type[Refusal]) -> None:
    """A new kind of refusal can't reach a client as a 500."""
    assert 400 <= status_of(made(kind)) < 600
    assert status_of(made(kind)) != HTTPStatus.INTERNAL_SERVER_ERROR


def test_no_two_refusals_look_alike() -> None:
    """Each kind has a status of its own, so a client can tell them apart without the code."""
    assert len({status_of(made(kind)) for kind in KINDS}) == len(KINDS) == 7


@pytest.mark.parametrize("status", list(HTTPStatus))
def test_every_status_has_a_code_and_a_sentence(status: HTTPStatus) -> None:
    """Also those that only the framework would answer with."""
    code, detail = code_of(status)
    assert code.replace("_", "").isalpha()
    assert detail


def test_a_problem_document_has_both_vocabularies() -> None:
    """RFC 9457 and the fields of older clients, which say the same."""
    document = problem(422, "invalid_request", "No.", "r1")
    assert document == {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "No.",
        "code": "invalid_request",
        "requestId": "r1",
        "success": False,
        "message": "No.",
    }
    assert json.loads(json.dumps(document)) == document
