"""What the model has found, each in its smallest form, so that it is not found again by luck alone."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator

import pytest

from scoreboard_server.rules.entry import Submission
from scoreboard_server.rules.refusals import Unavailable

from .disk import StoreRules
from .world import World


@pytest.fixture
def world() -> Iterator[World]:
    """Two processes that are up."""
    made = World(StoreRules(), 2)
    yield made
    made.close()


def ask(world: World, place: int, action: str, kind: str = "open") -> None:
    """Ann asks; the store answers, but nobody has followed anything yet."""
    world.submit(world.processes[place], Submission("ann", action, kind))
    world.all_go_through()


def follow(world: World, place: int) -> None:
    """The feed brings everything."""
    world.processes[place].feed.bring(99)
    world.run()


def test_a_repeat_is_never_shown_less_than_with_the_same_action_elsewhere(world: World) -> None:
    """One process counts an action, another shows more with its repeat, and the first then shows less."""
    ask(world, 0, "a1")
    follow(world, 1)
    ask(world, 1, "a2")
    ask(world, 1, "a1")
    follow(world, 1)  # shows 20 with a1
    ask(world, 0, "a1")  # shows 10 with a1


def test_who_joins_late_is_not_shown_less_than_with_the_same_action_elsewhere(world: World) -> None:
    """An entry is followed elsewhere before its writer hears that it is written; then somebody joins."""
    world.submit(world.processes[0], Submission("ann", "a1", "open"))
    world.run()
    (append,) = world.wire.calls
    append.happen()
    world.disk.replicate()
    world.wire.calls.remove(append)  # its answer takes long
    follow(world, 1)
    ask(world, 1, "a2")
    ask(world, 1, "a1")
    follow(world, 1)  # shows 20 with a1
    world.submit(world.processes[0], Submission("ann", "a1", "open"))
    world.run()
    world.wire.go_through(append)  # shows 10 with a1, also to whom asked after that
    world.run()


def test_who_repeats_with_another_type_is_not_told_that_it_counts(world: World) -> None:
    """While a repeat waits for the fence in vain, another type of its id is told "counted before" with it."""
    ask(world, 0, "a1")
    ask(world, 1, "a1")
    ask(world, 1, "a1", "other")
    world.run(1.1)  # nothing is followed in time


def test_a_refusal_does_not_gather_the_frames_of_everyone_who_was_told(world: World) -> None:
    """While the store is away for long, each repeat adds to the traceback that the flight keeps."""
    pipeline = world.processes[0].pipeline
    assert pipeline is not None

    async def depth() -> int:
        try:
            await pipeline.submit(Submission("ann", "a1", "open"), 10)
        except Unavailable as refusal:
            return len(traceback.extract_tb(refusal.__traceback__))
        raise AssertionError("the store is away")

    def told() -> int:
        waiting: asyncio.Task[int] = world.loop.create_task(depth())
        world.run(9.0)
        return waiting.result()

    _, *repeats = [told() for _ in range(5)]
    assert len(set(repeats)) == 1
