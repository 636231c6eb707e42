"""Which failures of the driver mean "not now"."""

from __future__ import annotations

import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from scoreboard_server.flow.ports import StoreUnavailable
from scoreboard_server.store.reaching import is_passing, reaching, summary

DUPLICATE = {"index": 0, "code": 11000}


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("gone"),
        ExecutionTimeout("slow", 50),
        WTimeoutError("no majority", 64),
        OperationFailure("stepped down", 189),
        OperationFailure("the catalog was closed and reopened", 175),
        OperationFailure("snapshot too old", 239),
        OperationFailure("No keys found for HMAC that is valid for time", 211),
        ConfigurationError("Sessions are not supported by this MongoDB deployment"),
        OperationFailure("try again", 8000, {"errorLabels": ["RetryableWriteError"]}),
        BulkWriteError({"writeErrors": [DUPLICATE], "writeConcernErrors": [{"code": 64}]}),
        BulkWriteError({"writeErrors": [DUPLICATE, {"index": 1, "code": 91}]}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_leaves_as_unavailable(error: PyMongoError) -> None:
    """A server that is gone, slow, stepping down or rolling back, and a write whose majority is in doubt."""
    with pytest.raises(StoreUnavailable), reaching():
        raise error


@pytest.mark.parametrize(
    "error",
    [
        OperationFailure("no such command", 59),
        OperationFailure("not allowed", 13),
        DuplicateKeyError("there already", 11000),
        ConfigurationError("no such option"),
        BulkWriteError({"writeErrors": [DUPLICATE]}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_stays_wrong_stays_what_it_is(error: PyMongoError) -> None:
    """A defect is not waited for."""
    assert not is_passing(error)
    with pytest.raises(type(error)), reaching():
        raise error


def test_a_summary_is_short() -> None:
    """The driver's own text carries the whole topology."""
    told = summary(AutoReconnect("refused, Timeout: 3.0s, Topology Description: <a hundred lines>"))
    assert told == "AutoReconnect: refused"
