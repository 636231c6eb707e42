"""What a watcher may say over the socket."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from . import strict_json


class Auth(Struct, tag="auth", forbid_unknown_fields=True):
    """The watcher proves who it is."""

    token: str


class Action(Struct, tag="action", forbid_unknown_fields=True, rename="camel"):
    """The watcher has done something. id: comes back with the result."""

    id: str
    action_id: str
    action_type: str
    captcha: str | None = None


class Ping(Struct, tag="ping", forbid_unknown_fields=True):
    """The watcher asks whether we are there."""


Message = Auth | Action | Ping
_decoder: msgspec.json.Decoder[Auth | Action | Ping] = msgspec.json.Decoder(Message)


def decode(text: str) -> Message:
    """The message in a text frame. Raises what `strict_json.decode` raises."""
    return strict_json.decode(text, _decoder)
