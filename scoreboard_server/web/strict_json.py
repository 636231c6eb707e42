"""Reading JSON that must mean one thing only (I-JSON, RFC 7493)."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from ..rules.refusals import Malformed, Unacceptable

T = TypeVar("T", bound=msgspec.Struct)


def decode(body: bytes | str, decoder: msgspec.json.Decoder[T]) -> T:
    """The body as the decoder's type, which must be a flat object of texts.

    Raises Malformed `invalid_json` for what is not JSON or has a key twice, Unacceptable `invalid_request`
    for other content.
    """
    try:
        value = decoder.decode(body)
    except msgspec.ValidationError as error:
        check(body)
        raise Unacceptable("invalid_request", f"{error}.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed("invalid_json", "This is not valid JSON.") from None
    _check_keys_if_doubtful(body, value)
    return value


def _check_keys_if_doubtful(body: bytes | str, value: msgspec.Struct) -> None:
    # Every field is a text, so each one present takes four quotes; another count means that something
    # stands there twice, or an escaped quote or a null, which only the slower check can tell apart.
    present = sum(isinstance(getattr(value, name), str) for name in value.__struct_fields__)
    tagged = value.__struct_config__.tag is not None
    quotes = body.count(b'"') if isinstance(body, bytes) else body.count('"')
    if quotes != 4 * (present + tagged):
        check(body)


def check(body: bytes | str) -> None:
    """Raises Malformed `invalid_json` for what is not JSON or has a key twice, slowly."""
    try:
        # An integer that is too long for Python is JSON all the same, `NaN` is not.
        json.loads(body, object_pairs_hook=_unique, parse_int=str, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed("invalid_json", "This is not valid JSON.") from error


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise Malformed("invalid_json", "The same key stands there twice.")
    return dict(pairs)
