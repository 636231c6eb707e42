"""Turnstile, hCaptcha and reCAPTCHA, against a server of this machine that speaks their protocol."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from math import inf
from typing import Any

import pytest
from tornado.web import RequestHandler

from scoreboard_server.flow.captcha import Captcha
from scoreboard_server.outside.siteverify import SERVICES, Siteverify
from scoreboard_server.request_context import RequestContext
from scoreboard_server.rules.refusals import CaptchaRequired, Refusal, Unavailable

from ..flow.test_captcha import FakeSpent
from .service import SECRET, SITE_KEY, Service, running

NOW = 1_800_000_000.0


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running() as service:
        yield service


def client(service: Service, name: str = "turnstile", **options: Any) -> Siteverify:
    """An adapter that asks this service."""
    given: dict[str, Any] = {
        "site_key": SITE_KEY,
        "secret": SECRET,
        "hostnames": ("game.example", "www.game.example"),
        "clock": lambda: NOW,
        "url": service.url,
        "deadline": 2.0,
    }
    return Siteverify(name, **given | options)


async def code(adapter: Siteverify, answer: str, address: str | None = None) -> str:
    """The code of the refusal, or an empty text."""
    try:
        assert await adapter.verify(answer, address) > NOW + 300
    except Refusal as refusal:
        assert isinstance(refusal, CaptchaRequired | Unavailable)
        return refusal.code
    return ""


@pytest.mark.parametrize("name", SERVICES)
async def test_a_right_answer_is_taken(service: Service, name: str) -> None:
    """It is sent as a form with secret and address, to hCaptcha with the site key as well."""
    token = service.solve()
    assert await code(client(service, name), token, "203.0.113.7") == ""
    expected = {"secret": SECRET, "response": token, "remoteip": "203.0.113.7"}
    assert service.asked == [expected | ({"sitekey": SITE_KEY} if name == "hcaptcha" else {})]


def test_each_service_has_its_documented_address() -> None:
    """Over TLS; the tests' own address stands in for these."""
    assert {name: service.url for name, service in SERVICES.items()} == {
        "turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        "hcaptcha": "https://api.hcaptcha.com/siteverify",
        "recaptcha": "https://www.google.com/recaptcha/api/siteverify",
    }


async def test_an_offer_names_the_widget(service: Service) -> None:
    """The public key, and never the secret."""
    assert client(service, "hcaptcha").offer() == {"provider": "hcaptcha", "siteKey": SITE_KEY}


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("answer", ["made up", "a&secret=x", "é🏆", "x" * 10_000])
async def test_a_wrong_answer_is_refused(service: Service, name: str, answer: str) -> None:
    """Whatever it is, it arrives as one field of the form."""
    assert await code(client(service, name), answer) == "captcha_failed"
    assert (service.asked[0]["secret"], service.asked[0]["response"]) == (SECRET, answer)


async def test_an_answer_is_taken_once(service: Service) -> None:
    """The service itself says so."""
    token = service.solve()
    assert [await code(client(service), token) for _ in range(2)] == ["", "captcha_failed"]


async def test_an_answer_is_good_for_one_action_and_for_its_repeat(service: Service) -> None:
    """Here it is remembered as well: the repeat passes though the service would refuse it, a replay fails."""
    captcha, token = Captcha(client(service), FakeSpent(), lambda: False), service.solve()
    assert await captcha.check(token, key=("ann", "a1"), address=None, deadline=inf)
    assert not await captcha.check(token, key=("ann", "a1"), address=None, deadline=inf)
    with pytest.raises(CaptchaRequired):
        await captcha.check(token, key=("ann", "a2"), address=None, deadline=inf)
    assert len(service.asked) == 1


@pytest.mark.parametrize("hostname", ["evil.example", "game.example.evil", "sub.game.example", "", None])
async def test_an_answer_from_another_site_is_refused(service: Service, hostname: str | None) -> None:
    """Another page may show the same widget; one that the service names no site for counts as another."""
    assert await code(client(service), service.solve(hostname)) == "captcha_failed"


async def test_every_site_of_ours_will_do(service: Service) -> None:
    """However the service spells it."""
    assert await code(client(service), service.solve("WWW.Game.Example")) == ""


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"score": 0.9, "action": "score_update"}, ""),
        ({"score": 0.5}, ""),
        ({"score": 0.4, "action": "score_update"}, "captcha_failed"),
        ({"score": 0.9, "action": "login"}, "captcha_failed"),
        ({"score": 0, "action": "score_update"}, "captcha_failed"),
        ({"score": "high"}, "captcha_unavailable"),
    ],
)
async def test_a_score_of_recaptcha_is_looked_at(
    service: Service, told: dict[str, Any], expected: str
) -> None:
    """Version 3 always says success; what it thinks of the user is in the score, for the page's action."""
    assert await code(client(service, "recaptcha"), service.solve(**told)) == expected


@pytest.mark.parametrize("name", ["turnstile", "hcaptcha"])
async def test_what_others_call_score_and_action_is_not_judged(service: Service, name: str) -> None:
    """hCaptcha's score is one of risk, and Turnstile's action is the page's own business."""
    assert await code(client(service, name), service.solve(score=0.0, action="login", cdata="x")) == ""


async def test_a_wrong_secret_is_our_fault(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """503 for the user, and one clear line for the operator, without the secret; another when it is well."""
    caplog.set_level(logging.INFO, "scoreboard.captcha")
    adapter = client(service, secret="wrong-secret")
    for _ in range(3):
        assert await code(adapter, service.solve()) == "captcha_unavailable"
    adapter._secret = SECRET
    assert await code(adapter, service.solve()) == ""
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "turnstile does not check captchas" in said[0]
    assert "invalid-input-secret" in said[0]
    assert "wrong-secret" not in caplog.text


async def test_it_is_asked_within_the_request_s_trace(service: Service) -> None:
    """From a span of its own, so that what happens there can be found; beside a trace it is told nothing."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    async def asked(headers: dict[str, str]) -> None:
        RequestContext(headers).enter()
        assert await code(client(service), service.solve()) == ""

    await asyncio.create_task(asked({"Traceparent": f"00-{trace}-00f067aa0ba902b7-01"}))
    await asyncio.create_task(asked({"X-Request-Id": "r1"}))
    traced, untraced = service.traces
    assert traced is not None and re.fullmatch(f"00-{trace}-[0-9a-f]{{16}}-01", traced)
    assert "00f067aa0ba902b7" not in traced
    assert untraced is None


# --- a service that is unwell ---------------------------------------------------------------------


def answering(body: bytes, status: int = 200) -> Callable[[RequestHandler], Awaitable[None]]:
    """A service that says this."""

    async def answer(handler: RequestHandler) -> None:
        handler.set_status(status)
        handler.finish(body)

    return answer


YES = b'{"success": true, "hostname": "game.example"}'
GARBAGE = {
    "empty": b"",
    "a page": b"<html>Sorry</html>",
    "cut off": YES[:-1],
    "two": YES * 2,
    "null": b"null",
    "list": b"[true]",
    "no success": b'{"hostname": "game.example"}',
    "success in words": b'{"success": "true", "hostname": "game.example"}',
    "success as number": b'{"success": 1, "hostname": "game.example"}',
    "host of another type": b'{"success": true, "hostname": ["game.example"]}',
    "not UTF-8": b'{"success": true, "hostname": "\xff"}',
    "deep": b'{"success": true, "x": ' + b"[" * 15_000,
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=list(GARBAGE))
async def test_garbage_is_no_yes(service: Service, body: bytes) -> None:
    """503: nobody can tell."""
    service.misbehave = answering(body)
    assert await code(client(service), "x") == "captcha_unavailable"


@pytest.mark.parametrize("status", [201, 204, 301, 302, 403, 404, 429, 500, 502, 503])
async def test_another_status_is_no_yes(service: Service, status: int) -> None:
    """Whatever the body says."""
    service.misbehave = answering(b"" if status == 204 else YES, status)
    assert await code(client(service), "x") == "captcha_unavailable"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirection_is_not_followed(service: Service, status: int) -> None:
    """The secret would go along."""
    asked = 0

    async def redirect(handler: RequestHandler) -> None:
        nonlocal asked
        asked += 1
        handler.set_status(status)
        handler.set_header("Location", f"{service.url}?again")
        handler.finish(YES)

    service.misbehave = redirect
    assert await code(client(service), "x") == "captcha_unavailable"
    assert asked == 1


async def test_a_refusal_with_status_400_is_a_refusal(service: Service) -> None:
    """Some services put it so."""
    service.misbehave = answering(b'{"success": false, "error-codes": ["bad-request"]}', 400)
    assert await code(client(service), "x") == "captcha_failed"


@pytest.mark.parametrize("size", [17_000, 5_000_000])
async def test_a_huge_answer_is_not_read(service: Service, size: int) -> None:
    """Not even if there is a yes in it."""
    service.misbehave = answering(YES[:-1] + b', "x": "' + b"x" * size + b'"}')
    assert await code(client(service), "x") == "captcha_unavailable"


async def test_an_answer_without_end_is_not_waited_for(service: Service) -> None:
    """A byte now and then keeps nobody waiting past the deadline."""

    async def drip(handler: RequestHandler) -> None:
        for _ in range(200):
            handler.write(b" ")
            await handler.flush()
            await asyncio.sleep(0.05)

    service.misbehave = drip
    started = time.monotonic()
    assert await code(client(service, deadline=0.3), "x") == "captcha_unavailable"
    assert time.monotonic() - started < 8  # of 10 s


async def test_many_who_wait_for_a_slow_service_are_all_refused_in_time(service: Service) -> None:
    """Also those who wait for a free place: the deadline is one for all of it."""
    asking = asyncio.Semaphore(0)

    async def sleep(handler: RequestHandler) -> None:
        asking.release()
        await asyncio.sleep(20)

    service.misbehave = sleep
    adapter = client(service, deadline=1.0)
    started = time.monotonic()
    told = await asyncio.gather(*(code(adapter, f"x{i}") for i in range(60)))
    assert set(told) == {"captcha_unavailable"}
    assert time.monotonic() - started < 3.5  # 16 at once: one after the other they would take 4 s
    assert asking._value <= 32  # 16 at once; some more as the first of them gave up


async def test_who_gets_a_place_late_has_less_time(service: Service) -> None:
    """The wait for it has used some of the one deadline."""
    asked = 0

    async def answer_some(handler: RequestHandler) -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(2.8 if asked <= 16 else 20)
        handler.finish(YES)

    service.misbehave = answer_some
    adapter = client(service, deadline=4.0)
    started = time.monotonic()
    told = await asyncio.gather(*(code(adapter, f"x{i}") for i in range(24)))
    assert told.count("") == 16
    assert time.monotonic() - started < 6.6  # with a deadline of their own the late ones would take 6.8 s


async def test_a_service_that_is_not_there_is_no_yes(service: Service) -> None:
    """A refused connection and a name that nobody has are the same."""
    for url in ("http://127.0.0.1:1/siteverify", "http://nobody.invalid/siteverify"):
        assert await code(client(service, url=url), "x") == "captcha_unavailable"


async def test_it_is_asked_again_when_it_is_well(service: Service) -> None:
    """One failure shuts nobody out."""
    adapter, service.misbehave = client(service), answering(b"", 500)
    assert await code(adapter, "x") == "captcha_unavailable"
    service.misbehave = None
    assert await code(adapter, service.solve()) == ""
