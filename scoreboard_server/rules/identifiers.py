"""The alphabets of the identifiers that clients send."""

from __future__ import annotations

import re

USER_ID = re.compile(r"[A-Za-z0-9_.:@-]{1,64}")
ACTION_ID = re.compile(r"[A-Za-z0-9_.:~-]{1,64}")
REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_.:~-]{1,64}|![A-Za-z0-9_.:~/-]{1,127}")


def is_user_id(text: str) -> bool:
    """True for 1-64 characters of `A-Za-z0-9_.:@-`."""
    return USER_ID.fullmatch(text) is not None


def is_action_id(text: str) -> bool:
    """True for 1-64 characters of `A-Za-z0-9_.:~-`."""
    return ACTION_ID.fullmatch(text) is not None


def is_request_id(text: str) -> bool:
    """True for 1-64 characters of `A-Za-z0-9_.:-`."""
    return REQUEST_ID.fullmatch(text) is not None


def is_entry_id(text: str) -> bool:
    """True for what the ledger has as an action id: a client's, or a correction's, which begins with `!`."""
    return _ENTRY_ID.fullmatch(text) is not None
