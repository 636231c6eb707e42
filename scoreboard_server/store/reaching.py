"""Which failures of the driver mean "not now", and which mean that something is wrong for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from ..flow.ports import StoreUnavailable

_PASSING_LABELS = ("RetryableWriteError", "TransientTransactionError", "UnknownTransactionCommitResult")

# Error codes of a server that is stepping down, shutting down, rolling back (133, 175, 237), overloaded or
# out of time (239: a snapshot older than it keeps; the next one is young), or whose newest signing keys were
# rolled back (211: until it has made others); from the server's error_codes.yml.
_PASSING_CODES = frozenset(
    {
        6,
        7,
        43,
        50,
        64,
        89,
        91,
        133,
        134,
        175,
        189,
        202,
        211,
        234,
        237,
        239,
        246,
        251,
        262,
        290,
        358,
        9001,
        10107,
        11600,
        11602,
        13435,
        13436,
    }
)


def is_passing(error: PyMongoError) -> bool:
    """True when trying again may help."""
    if isinstance(error, BulkWriteError):
        return _is_passing_bulk(error.details or {})
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WriteConcernError):
        return True
    if is_about_sessions(error):
        return True
    if any(error.has_error_label(label) for label in _PASSING_LABELS):
        return True
    return isinstance(error, OperationFailure) and error.code in _PASSING_CODES


def is_about_sessions(error: PyMongoError) -> bool:
    """True when a connection was opened to a server that was just rolling back or recovering.

    The driver keeps what the server said of itself then for as long as the connection lives.
    """
    return isinstance(error, ConfigurationError) and "Sessions are not supported" in str(error)


def _is_passing_bulk(details: Mapping[str, Any]) -> bool:
    # Whatever else it says: without the majority even what was accepted is in doubt.
    if details.get("writeConcernErrors"):
        return True
    return any(e["code"] in _PASSING_CODES for e in details.get("writeErrors", []))


def summary(error: PyMongoError) -> str:
    """The error in one short line; the driver's own text carries the whole topology."""
    first = str(error).split(", Timeout:")[0].split(", full error:")[0]
    return f"{type(error).__name__}: {first[:200]}"


@contextmanager
def reaching() -> Iterator[None]:
    """Passing failures of the driver leave as StoreUnavailable; others stay what they are."""
    try:
        yield
    except PyMongoError as error:
        if is_passing(error):
            raise StoreUnavailable(summary(error)) from error
        raise
