"""What the description of the HTTP interface allows, and what it does not, sent with good and bad tokens."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from scoreboard_server.web.openapi.document import document

from ..conftest import token
from .findings import Findings
from .target import ABUSER

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_PATIENCE_S = 20.0
_LONG = 8000  # with every character escaped this may be over the limit of headers
FOREIGN = token(ABUSER, secret="another secret, as long as it has to be")


def nobody(rng: random.Random) -> str | None:
    """What stands in `Authorization` of who has no right at all."""
    good = token(ABUSER)
    header, payload, signature = good.split(".")
    return rng.choice(
        [
            None,
            "",
            "Bearer",
            "Bearer ",
            "Basic YTpi",
            f"Bearer {FOREIGN}",
            f"Bearer {token(ABUSER, ttl=-10)}",
            f"Bearer {header}.{payload}.",
            f"Bearer {header}.{payload}.{signature[::-1]}",
            f"Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.",
            f"Bearer {good[:-1]}",
            f"Digest {good}",
            "Bearer " + "x" * rng.choice([1, 100, 5000]),
        ]
    )


def abuser(rng: random.Random) -> str | None:
    """A user with a good token."""
    return f"Bearer {token(ABUSER)}"


def game_server(rng: random.Random) -> str | None:
    """A trusted server."""
    return f"Bearer {token('game', scopes=['score:write:any'])}"


AnyCase = Case[Any]
Who = Callable[[random.Random], str | None]


def send_cases(address: str, findings: Findings, who: Who, *, examples: int, seed: int) -> None:
    """`examples` cases of each kind for each operation, each answer held to the description."""
    api = schemathesis.openapi.from_dict(document())
    with requests.Session() as session:
        session.trust_env = False
        sender = _Sender(address, findings, who, random.Random(seed), session)
        for found in api.get_all_operations():
            assert isinstance(found, Ok), found.err()
            operation = found.ok()
            for mode in GenerationMode:
                _run(operation.as_strategy(generation_mode=mode), sender.send, examples, seed)


def _run(
    strategy: SearchStrategy[AnyCase], send: Callable[[AnyCase], None], examples: int, seed: int
) -> None:
    def each(case: AnyCase) -> None:
        send(case)

    test = hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )(given(strategy)(each))
    with contextlib.suppress(Unsatisfiable):  # nothing can be wrong where nothing is asked for
        hypothesis.seed(seed)(test)()


@dataclass
class _Sender:
    """Sends cases as `who`."""

    address: str
    findings: Findings
    who: Who
    rng: random.Random
    session: requests.Session

    def send(self, case: AnyCase) -> None:
        """Send it, and hold the answer to the description."""
        for claim in _claims(case.body):
            if self.rng.random() < 0.5:
                claim["actionType"] = "task.completed"
        authorization = self.who(self.rng)
        headers = {} if authorization is None else {"Authorization": authorization}
        try:
            response = self._call(case, headers)
        except (requests.exceptions.InvalidHeader, UnicodeError):
            return  # the client's library does not send that; raw requests do
        except requests.RequestException as error:
            self.findings.violation(f"{case.method} {case.formatted_path}: no answer: {error!r}")
            return
        self._judge(case, response)

    def _call(self, case: AnyCase, headers: dict[str, str]) -> Response | None:
        """The answer; None when the server must not answer, as it reads no such long address."""
        try:
            return case.call(self.address, session=self.session, headers=headers, timeout=_PATIENCE_S)
        except requests.ConnectionError:
            if len(str(case.as_transport_kwargs()["params"] or "")) > _LONG:
                return None
        # A case takes long to think up, and an idle connection is closed after fifteen seconds.
        return case.call(self.address, headers=headers, timeout=_PATIENCE_S)

    def _judge(self, case: AnyCase, response: Response | None) -> None:
        self.findings.inputs["requests by the description"] += 1
        self.findings.answers[str(response.status_code) if response else "closed"] += 1
        # A bare 400 comes from the server's reader, for which it was no HTTP.
        if response is not None and (response.status_code != 400 or response.content):
            _check(case, response, self.findings)


def _check(case: AnyCase, response: Any, findings: Findings) -> None:
    try:
        case.validate_response(response, checks=_CHECKS)
    except FailureGroup as group:
        for failure in group.exceptions:
            words = " ".join(str(failure).split())
            findings.violation(f"{case.method} {case.formatted_path}, {response.status_code}: {words}")


def _claims(body: Any) -> Iterator[dict[str, Any]]:
    claims: Sequence[Any] = body if isinstance(body, list) else [body]
    for claim in claims:
        if isinstance(claim, dict) and "actionType" in claim:
            yield claim
