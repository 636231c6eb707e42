"""Every way in which the score board says no, in one place.

    Refusal
    ├── Unauthenticated   who are you?          (no, garbled, expired, foreign token)
    │   └── UnknownKey    whose signature is this?  (a key that we don't have, or not yet)
    ├── Forbidden         not you               (out of scope, banned)
    │   └── CaptchaRequired   or not yet        (no captcha, or one that is no good)
    ├── NotFound          no such thing
    ├── Malformed         not a message at all  (not JSON, a key twice)
    ├── Unacceptable      a message, wrong content
    ├── TooMany           too often, too soon   (rate, cap, cooldown)
    └── Unavailable       not now; try again    (store gone, queue full, starting, stopping)

A refusal carries a stable machine-readable `code` and a sentence for people. It knows nothing of
HTTP or WebSocket; those map the class to a status.
"""

from __future__ import annotations

from math import ceil


class Refusal(Exception):  # noqa: N818 -- a refusal is an answer, not an error
    """The no.

    code: stable identifier in snake_case, for programs.
    detail: one sentence for people; never contains a secret or a stack trace.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Unauthenticated(Refusal):
    """The bearer is missing, unreadable, expired or not for us."""


class UnknownKey(Unauthenticated):
    """The token names a key that is not at hand; where keys are published, it may be there by now."""

    def __init__(self) -> None:
        super().__init__("token_invalid", "The token's key is not known.")


class Forbidden(Refusal):
    """The bearer is known and may not do this."""


class CaptchaRequired(Forbidden):
    """The bearer may do this with a captcha: `captcha_required` for none, `captcha_failed` for a bad one."""


class NotFound(Refusal):
    """What was asked for does not exist."""


class Malformed(Refusal):
    """The bytes are not a message: not JSON, or JSON that says two things at once."""


class Unacceptable(Refusal):
    """A well-formed message whose content can't be accepted."""


class TooMany(Refusal):
    """Too often or too soon. `retry_after` is in seconds: asking again then may succeed."""

    def __init__(self, code: str, detail: str, retry_after: float) -> None:
        super().__init__(code, detail)
        self.retry_after = max(1, ceil(retry_after))


class Unavailable(Refusal):
    """Not now. `retry_after` is in seconds: repeating the same request then is safe.

    may_be_done: nobody knows whether what was asked for has happened.
    """

    def __init__(self, code: str, detail: str, retry_after: int = 1, *, may_be_done: bool = False) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after
        self.may_be_done = may_be_done
