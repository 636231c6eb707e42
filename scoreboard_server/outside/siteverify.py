"""Turnstile, hCaptcha and reCAPTCHA: three services, one protocol called "siteverify".

A page of yours shows the service's widget and passes on the answer; the service tells here whether it is
right. Anything but a clear yes in time is a no.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection, Mapping
from typing import NoReturn
from urllib.parse import urlencode

import msgspec
from msgspec import Struct, field
from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from ..flow.captcha import failed, unavailable
from ..request_context import outgoing_headers

log = logging.getLogger("scoreboard.captcha")

DEADLINE_S = 3.0
# A verdict is a few hundred bytes.
_RESPONSE_LIMIT = 16 * 1024
_REQUESTS_AT_ONCE = 16
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
# Longer than any of the services takes an answer (Turnstile's five minutes are the longest).
_REMEMBERED_S = 900
# reCAPTCHA v3 shows nothing: it tells from 0 to 1 how human somebody seems, for an action the page names.
_LEAST_SCORE = 0.5
ACTION = "score_update"

# These say that our request is wrong or the service unwell, whatever the user has answered.
_NOT_THE_USERS = frozenset({"missing-input-secret", "invalid-input-secret", "internal-error"})


class Service(Struct, frozen=True):
    """What differs. takes_site_key: it also checks which widget the answer is from."""

    url: str
    takes_site_key: bool = False
    tells_score: bool = False


SERVICES: Mapping[str, Service] = {
    "turnstile": Service("https://challenges.cloudflare.com/turnstile/v0/siteverify"),
    "hcaptcha": Service("https://api.hcaptcha.com/siteverify", takes_site_key=True),
    "recaptcha": Service("https://www.google.com/recaptcha/api/siteverify", tells_score=True),
}


class Verdict(Struct):
    """The part of the answer that matters. `score` means trust at reCAPTCHA and the contrary at hCaptcha."""

    success: bool
    hostname: str | None = None
    error_codes: list[str] = field(name="error-codes", default_factory=list)
    score: float | None = None
    action: str | None = None


_verdicts = msgspec.json.Decoder(Verdict)


class Siteverify:
    """Fits `flow.ports.CaptchaProvider`. Made and used on the running event loop.

    name: one of SERVICES. hostnames: the sites whose answers count; without that check an answer from any
    site that shows the same widget would do. url: another address of the service. clock: seconds since the
    Unix epoch.
    """

    def __init__(
        self,
        name: str,
        *,
        site_key: str,
        secret: str,
        hostnames: Collection[str],
        clock: Callable[[], float],
        url: str | None = None,
        deadline: float = DEADLINE_S,
    ) -> None:
        self._name = name
        self._service = SERVICES[name]
        self._url = url or self._service.url
        self._site_key = site_key
        self._secret = secret
        self._hostnames = frozenset(hostnames)
        self._clock = clock
        self._deadline = deadline
        self._is_away = False
        self._client = SimpleAsyncHTTPClient(
            force_instance=True,
            max_clients=_REQUESTS_AT_ONCE,
            max_body_size=_RESPONSE_LIMIT,
            max_header_size=_RESPONSE_LIMIT,
        )

    def offer(self) -> Mapping[str, object]:
        """Which widget to show, and the key for it."""
        return {"provider": self._name, "siteKey": self._site_key}

    def mark(self, answer: str) -> str:
        """A hash: the text is the service's and has one spelling."""
        return f"{self._name}:{hashlib.sha256(answer.encode()).hexdigest()}"

    async def verify(self, answer: str, address: str | None) -> float:
        """See `CaptchaProvider.verify`."""
        verdict = await self._ask(answer, address)
        if not verdict.success:
            if not _NOT_THE_USERS.isdisjoint(verdict.error_codes):
                self._fail(f"it says {', '.join(verdict.error_codes)}")
            raise failed()
        self._back()
        if (verdict.hostname or "").lower() not in self._hostnames or not self._is_trusting(verdict):
            raise failed()
        return self._clock() + _REMEMBERED_S

    def _is_trusting(self, verdict: Verdict) -> bool:
        if not self._service.tells_score:
            return True
        return verdict.action in (None, ACTION) and (verdict.score is None or verdict.score >= _LEAST_SCORE)

    async def _ask(self, answer: str, address: str | None) -> Verdict:
        try:
            async with asyncio.timeout(self._deadline):  # the wait for a free place included
                response = await self._client.fetch(self._request(answer, address), raise_error=False)
        except Exception as error:  # whatever it is, it is no yes
            self._fail(f"it can't be asked: {type(error).__name__}")
        return self._verdict(response)

    def _request(self, answer: str, address: str | None) -> HTTPRequest:
        form = {"secret": self._secret, "response": answer}
        if address is not None:
            form["remoteip"] = address
        if self._service.takes_site_key:
            form["sitekey"] = self._site_key
        return HTTPRequest(
            self._url,
            "POST",
            _HEADERS | outgoing_headers(),
            urlencode(form),
            connect_timeout=self._deadline,
            request_timeout=self._deadline,
            follow_redirects=False,  # the secret is for this address alone
            decompress_response=False,  # nor may a small answer become a large one
        )

    def _verdict(self, response: HTTPResponse) -> Verdict:
        if response.code not in (200, 400):  # some say with a 400 that an answer is none
            self._fail(f"it answers {response.code}")
        try:
            return _verdicts.decode(response.body)
        except (msgspec.DecodeError, RecursionError, ValueError):
            self._fail("its answer is not the protocol's")

    def _fail(self, why: str) -> NoReturn:
        # Said once until it is well again: how often it is asked is up to whoever sends answers.
        if not self._is_away:
            words = "%s does not check captchas, so actions that need one are refused: %s"
            log.warning(words, self._name, why, extra={"service": self._name})
        self._is_away = True
        raise unavailable() from None

    def _back(self) -> None:
        if self._is_away:
            log.info("%s checks captchas again", self._name, extra={"service": self._name})
        self._is_away = False
