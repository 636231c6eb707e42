"""Whether the model would notice: with any one rule taken out, it must go red."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from scoreboard_server.flow import flights as flights_module
from scoreboard_server.flow.flights import Flight, Flights
from scoreboard_server.flow.following import MarkFence
from scoreboard_server.flow.pipeline import Pipeline
from scoreboard_server.flow.ports import Batch, Key, Recorded
from scoreboard_server.rules.entry import Entry

from .disk import StoreRules
from .machine import ScoreBoard
from .verdict import Untrue

# Ends with the first example that is found, mostly after a few dozen. The bound is far above what the rarest
# took (some 500), so that a change elsewhere, which shuffles all examples, turns no control red by luck.
SEARCH = settings(
    max_examples=6000,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


# Which promise is seen to be broken. The search stops at the first one, so a control may name several.
LEDGER_IS_WRONG = "twice|adds up to|is not in the ledger"
BOARD_IS_WRONG = "is shown|was shown|but the board is"


def must_go_red(rules: StoreRules | None = None, *, saying: str) -> None:
    """The model finds an example in which something is untrue, and it is what the missing rule is for."""

    class Sabotaged(ScoreBoard):
        """The model over a store that keeps `rules`."""

        rules_of_the_store = rules or StoreRules()

    with pytest.raises(Untrue, match=saying):
        run_state_machine_as_test(Sabotaged, settings=SEARCH)


@pytest.mark.parametrize(
    ("rule", "saying"),
    [
        ("unique_keys", LEDGER_IS_WRONG),
        ("guarded_folds", LEDGER_IS_WRONG),
        ("majority_writes", f"{LEDGER_IS_WRONG}|{BOARD_IS_WRONG}"),
        ("majority_reads", f"{LEDGER_IS_WRONG}|{BOARD_IS_WRONG}"),
        ("feed_skips_own", BOARD_IS_WRONG),
        ("snapshots_of_one_instant", BOARD_IS_WRONG),
    ],
    ids=lambda value: value if value.isidentifier() else "",
)
def test_a_store_without_one_of_its_rules_is_noticed(rule: str, saying: str) -> None:
    """Each thing that the score board asks of its store is needed."""
    must_go_red(replace(StoreRules(), **{rule: False}), saying=saying)


def test_own_batches_that_are_not_recognised_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes an own entry, written by an attempt whose answer was lost, for a repeat, leaves it out."""

    async def without_recognising(pipeline: Pipeline, batch: Batch) -> Mapping[int, Recorded]:
        duplicates = await pipeline._ledger.append(batch)
        keys = {i: (batch.entries[i].user, batch.entries[i].action) for i in duplicates}
        found = await pipeline._ledger.look_up(keys.values())
        return {i: found[key] for i, key in keys.items() if key in found}

    monkeypatch.setattr(Pipeline, "_append", without_recognising)
    must_go_red(saying=BOARD_IS_WRONG)


def test_unknown_outcomes_taken_for_failures_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lets go of a batch when its answer is lost shows a board without what it had written."""

    async def once(pipeline: Pipeline, batch: Batch) -> Mapping[int, Recorded]:
        try:
            return await pipeline._append(batch)
        except Exception:
            return {i: Recorded("", 0, pipeline._writer, 0) for i in range(len(batch.entries))}

    monkeypatch.setattr(Pipeline, "_persist", once)
    must_go_red(saying=f"{LEDGER_IS_WRONG}|{BOARD_IS_WRONG}|refused type")


def test_a_503_that_promises_too_much_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who says "this request has added nothing" of what is being written is found out when it lands."""
    monkeypatch.setattr(flights_module, "unknown", flights_module.not_added)
    must_go_red(saying="was said to have added nothing")


def test_repeats_in_flight_that_share_nothing_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two flights of one action are one entry, which the board counts twice."""

    def finds_nothing(flights: Flights, key: Key) -> Flight | None:
        return None

    monkeypatch.setattr(Flights, "find", finds_nothing)
    # Or the batch with one key twice looks up two and finds one, for ever.
    must_go_red(saying=f"{LEDGER_IS_WRONG}|{BOARD_IS_WRONG}|never comes to rest")


def test_answers_before_following_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the fence a repeat is shown a score from before what it repeats."""

    async def at_once(fence: MarkFence, patience: float) -> bool:
        await asyncio.sleep(0)
        return True

    monkeypatch.setattr(MarkFence, "passed", at_once)
    must_go_red(saying=BOARD_IS_WRONG)


def test_reading_the_board_again_beside_batches_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch under way is then in the new board and is applied to it once more."""

    async def right_now(pipeline: Pipeline, action: Callable[[], Awaitable[object]]) -> object:
        return await action()

    monkeypatch.setattr(Pipeline, "between_batches", right_now)
    must_go_red(saying=BOARD_IS_WRONG)


def test_a_board_read_again_without_what_was_counted_meanwhile_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Submissions go on beside the reading, and what they add is in no snapshot."""

    @contextmanager
    def forgetting(pipeline: Pipeline) -> Iterator[list[Entry]]:
        yield []

    monkeypatch.setattr(Pipeline, "noting", forgetting)
    must_go_red(saying=BOARD_IS_WRONG)
