"""A captcha over HTTP: asked for, solved, used up, and what happens when nobody can check it."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from altcha.v1 import solve_challenge

from scoreboard_server.log_lines import JsonLines

from ..conftest import Api, token
from ..log_lines.writing import Log
from ..outside.service import SECRET, SITE_KEY, running
from .conftest import StartApi
from .wire import problem

ALWAYS = '[actions."task.completed"]\npoints = 10\ncaptcha = "always"\n'
GOOD = {"actionId": "a1", "actionType": "task.completed"}

Configured = Callable[[str], Awaitable[Api]]


@pytest.fixture
def configured(start_api: StartApi, tmp_path: Path) -> Configured:
    """Start a server that always asks, with these lines in its `[captcha]`."""

    async def start(lines: str) -> Api:
        config = tmp_path / "config.toml"
        config.write_text(f"[captcha]\n{lines}\n{ALWAYS}")
        return await start_api(config=config)

    return start


async def offer(api: Api) -> dict[str, Any]:
    """What `GET /api/captcha` offers."""
    response = await api.fetch("/api/captcha")
    assert (response.code, response.headers["Cache-Control"]) == (200, "no-store")
    offered: dict[str, Any] = json.loads(response.body)
    return offered


async def solved(api: Api) -> str:
    """The answer to a fresh ALTCHA challenge."""
    offered = await offer(api)
    solution = solve_challenge(offered["challenge"], offered["salt"], "SHA-256", offered["maxNumber"])
    assert solution is not None
    answer = {k: offered[k] for k in ("algorithm", "challenge", "salt", "signature")}
    return base64.b64encode(json.dumps(answer | {"number": solution.number}).encode()).decode()


async def test_without_a_provider_nobody_is_asked(configured: Configured) -> None:
    """Whatever the types say."""
    api = await configured('provider = "none"')
    assert await offer(api) == {"provider": "none"}
    assert (await api.post(GOOD, token())).code == 200


async def test_an_action_is_counted_with_a_solved_captcha(configured: Configured) -> None:
    """403 with a code, then solved and repeated with the same id."""
    api = await configured('provider = "altcha"\ndifficulty = 300')
    problem(await api.post(GOOD, token()), 403, "captcha_required")
    problem(await api.post(GOOD | {"captcha": "x"}, token()), 403, "captcha_failed")
    assert (await api.board())["totalUsers"] == 0
    assert (await api.post(GOOD | {"captcha": await solved(api)}, token())).code == 200
    assert (await api.board())["leaderboard"][0]["score"] == 10


async def test_a_solved_captcha_is_good_for_one_action(configured: Configured) -> None:
    """A replay for another action or by another user is refused; the same action again is only a repeat."""
    api = await configured('provider = "altcha"\ndifficulty = 300')
    claim = GOOD | {"captcha": await solved(api)}
    assert (await api.post(claim, token())).code == 200
    problem(await api.post(claim | {"actionId": "a2"}, token()), 403, "captcha_failed")
    problem(await api.post(claim, token("ben")), 403, "captcha_failed")
    assert (await api.post(claim, token())).headers["Idempotent-Replayed"] == "true"
    assert [row["score"] for row in (await api.board())["leaderboard"]] == [10]


async def test_what_is_refused_for_another_reason_uses_no_captcha(configured: Configured) -> None:
    """The gate comes first, so an answer isn't lost on a mistake."""
    api = await configured('provider = "altcha"\ndifficulty = 300')
    claim = GOOD | {"captcha": await solved(api)}
    problem(await api.post(claim | {"actionType": "nope"}, token()), 422, "unknown_action_type")
    problem(await api.post(claim, token(scopes=["board:read"])), 403, "scope_missing")
    assert (await api.post(claim, token())).code == 200


async def test_a_trusted_server_is_not_asked(configured: Configured) -> None:
    """Alone or in a batch."""
    api, trusted = await configured('provider = "altcha"'), token("game", scopes=["score:write:any"])
    assert (await api.post(GOOD | {"userId": "ann"}, trusted)).code == 200
    items = json.dumps([GOOD | {"userId": "ben"}])
    headers = {"Content-Type": "application/json"}
    response = await api.fetch("/api/scores/batch", "POST", body=items, bearer=trusted, headers=headers)
    assert json.loads(response.body)["results"][0]["success"]


@pytest.mark.parametrize("provider", ["turnstile", "hcaptcha", "recaptcha"])
async def test_a_service_is_asked(configured: Configured, provider: str, tmp_path: Path) -> None:
    """By configuration alone: its key is offered, its yes counts, and without it there is none."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    async with running() as service:
        api = await configured(
            f'provider = "{provider}"\nsite_key = "{SITE_KEY}"\nsecret_file = "{tmp_path / "secret"}"\n'
            f'hostnames = ["game.example"]\nverify_url = "{service.url}"'
        )
        assert await offer(api) == {"provider": provider, "siteKey": SITE_KEY}
        problem(await api.post(GOOD, token()), 403, "captcha_required")
        assert (await api.post(GOOD | {"captcha": service.solve()}, token())).code == 200
        assert service.asked[0]["remoteip"] == "127.0.0.1"
        wrong = GOOD | {"actionId": "a2", "captcha": service.solve("evil.example")}
        problem(await api.post(wrong, token()), 403, "captcha_failed")
    away = GOOD | {"actionId": "a3", "captcha": service.solve()}
    problem(await api.post(away, token()), 503, "captcha_unavailable")


async def test_what_a_service_has_to_do_with_a_request_can_be_found(
    configured: Configured, tmp_path: Path
) -> None:
    """It is asked within the caller's trace, and what the log says of it names request and trace."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    trace, log = "4bf92f3577b34da6a3ce929d0e0e4736", Log(JsonLines())
    headers = {"X-Request-Id": "r1", "Traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    async with running() as service:
        api = await configured(
            f'provider = "turnstile"\nsite_key = "{SITE_KEY}"\nsecret_file = "{tmp_path / "secret"}"\n'
            f'hostnames = ["game.example"]\nverify_url = "{service.url}"'
        )
        claim = GOOD | {"captcha": service.solve()}
        assert (await api.post(claim, token(), headers=headers)).code == 200
        (sent,) = service.traces
    assert sent is not None and sent.startswith(f"00-{trace}-") and "00f067aa0ba902b7" not in sent
    logging.getLogger("scoreboard.captcha").addHandler(log.handler)
    try:
        away = GOOD | {"actionId": "a3", "captcha": service.solve()}
        problem(await api.post(away, token(), headers=headers), 503, "captcha_unavailable")
    finally:
        logging.getLogger("scoreboard.captcha").removeHandler(log.handler)
    (event,) = log.events
    assert "turnstile does not check captchas" in event["message"]
    assert (event["service"], event["requestId"], event["traceId"]) == ("turnstile", "r1", trace)


async def test_only_reading_is_offered(configured: Configured) -> None:
    """HEAD is as GET, and anything else is refused."""
    api = await configured('provider = "altcha"')
    assert (await api.fetch("/api/captcha", "HEAD")).code == 200
    problem(await api.fetch("/api/captcha", "POST", body=b""), 405, "method_not_allowed")
