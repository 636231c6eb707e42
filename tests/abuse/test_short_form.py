"""The short form of abuse, in the normal run of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from .attack import Plan, attack
from .findings import Findings
from .target import Target

pytestmark = pytest.mark.timeout(600)


async def test_nothing_that_is_sent_breaks_the_server_or_moves_the_board(tmp_path: Path) -> None:
    """No 500, no undescribed answer, nothing in the log, no growth, and no score without a right to it."""
    findings = Findings()
    with Target(tmp_path, "memory") as target:
        await attack(target, findings, Plan(examples=5, frames=900, requests=200, seed=7))
    assert findings.violations == []
    assert findings.total > 1_200
    assert {"200", "401", "404", "422", "socket pong", "raw 400"} <= set(findings.answers)
    assert {"socket auth.ok", "socket action.result", "socket user.scoreUpdate"} <= set(findings.answers)
    assert "socket action.result token_missing" in findings.answers
