"""The short form of chaos: every kind of fault once, in the normal run of the tests."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest

from .chronicle import Chronicle
from .faults import FAULTS
from .rounds import play_round
from .stage import OpenStage, balanced_stage, embedded_stage, proxied_stage, replicated_stage
from .submitters import Crowd

FAULTS_A_ROUND = 3  # one after the other; all must agree when they are over

pytestmark = [pytest.mark.database, pytest.mark.timeout(600)]


@pytest.mark.parametrize("open_stage", [embedded_stage, proxied_stage, replicated_stage, balanced_stage])
async def test_what_was_acknowledged_counts_once_whatever_happens(open_stage: OpenStage) -> None:
    """Acknowledged actions are in the ledger, each once, and every board is the fold of it."""
    rng = random.Random(7)
    chronicle = Chronicle()
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        async with open_stage(Path(folder), rng) as stage:
            crowd = Crowd(stage, chronicle, seed="short", users=8)
            faults = FAULTS[stage.name]
            for i in range(0, len(faults), FAULTS_A_ROUND):
                strikes = [[fault] for fault in faults[i : i + FAULTS_A_ROUND]]
                assert not await play_round(stage, crowd, strikes, chronicle, rng), chronicle.violations
    assert not [*chronicle.violations, *stage.take_surprises()]
    assert chronicle.acknowledged > 100
