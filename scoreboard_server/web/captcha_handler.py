"""`GET /api/captcha`: what to solve when an action is refused with `captcha_required`."""

from __future__ import annotations

import msgspec

from .base_handler import BaseHandler

_encode = msgspec.json.Encoder().encode


class CaptchaHandler(BaseHandler):
    """For everyone: a captcha that is given to one may be solved by another, once."""

    def get(self) -> None:
        """Answer 200 with `provider` and what it needs: `siteKey`, or a fresh ALTCHA challenge."""
        captcha = self.services.captcha
        self.set_header("Cache-Control", "no-store")
        self.answer(_encode(captcha.offer() if captcha is not None else {"provider": "none"}))

    def head(self) -> None:
        """As GET, without the body."""
        self.get()
