"""The pipeline: each submission is counted once, whatever the store does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from scoreboard_server.flow import pipeline as pipeline_module
from scoreboard_server.flow.pipeline import BATCHES_UNDER_WAY, Pipeline
from scoreboard_server.live.live_board import LiveBoard
from scoreboard_server.rules.board import Board
from scoreboard_server.rules.entry import Entry, Receipt, Submission
from scoreboard_server.rules.refusals import Unacceptable, Unavailable

from .fakes import SEASON, FakeFence, FakeLedger


class Setup:
    """A pipeline on fakes, with its writer running."""

    def __init__(self) -> None:
        self.ledger = FakeLedger()
        self.live = LiveBoard(Board(), SEASON)
        self.fence = FakeFence()
        self.now = 1_000
        self.pipeline = Pipeline(self.ledger, self.live, self.fence, writer="me", now_us=lambda: self.now)
        self.writer = asyncio.create_task(self.pipeline.run())

    async def submit(
        self, user: str = "ann", action: str = "a1", kind: str = "open", points: int = 10
    ) -> Receipt:
        return await self.pipeline.submit(Submission(user, action, kind), points)

    def start(self, user: str = "ann", action: str = "a1", kind: str = "open") -> asyncio.Task[Receipt]:
        return asyncio.create_task(self.submit(user, action, kind))

    def is_cut_off(self) -> bool:
        return self.pipeline.is_cut_off


@pytest.fixture
async def setup() -> AsyncIterator[Setup]:
    made = Setup()
    yield made
    assert not made.writer.done(), "the writer has died"
    made.writer.cancel()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers wait for next to nothing."""
    monkeypatch.setattr(pipeline_module, "PATIENCE_S", 0.05)
    monkeypatch.setattr(pipeline_module, "SWEEP_S", 0.01)
    monkeypatch.setattr(pipeline_module, "_PAUSES_S", (0.01,))


async def test_a_submission_is_counted(setup: Setup) -> None:
    """It is in the ledger, on the board, and the receipt says score and rank."""
    receipt = await setup.submit()
    assert (receipt.score, receipt.rank, receipt.points, receipt.replayed) == (10, 1, 10, False)
    assert setup.ledger.score("ann") == 10
    standing = setup.live.board.standing("ann")
    assert standing is not None and standing.score == 10


async def test_what_gathers_is_written_as_one_batch(setup: Setup) -> None:
    """While batches are under way the next one gathers; nobody waits for a timer."""
    setup.ledger.faults = ["slow"] * BATCHES_UNDER_WAY
    first = []
    for i in range(BATCHES_UNDER_WAY):
        first.append(setup.start("ann", f"first{i}"))
        await asyncio.sleep(0.01)
    rest = [setup.start("ann", f"a{i}") for i in range(20)]
    await asyncio.sleep(0.01)
    assert len(setup.ledger.batches) == BATCHES_UNDER_WAY
    setup.ledger.go.set()
    receipts = await asyncio.gather(*first, *rest)
    assert [len(batch.entries) for batch in setup.ledger.batches] == [1] * BATCHES_UNDER_WAY + [20]
    assert sorted(r.score for r in receipts) == [10 * i for i in range(1, 21 + BATCHES_UNDER_WAY)]


async def test_a_batch_is_bounded(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much has gathered, one batch takes no more than its size, and all are counted."""
    monkeypatch.setattr(pipeline_module, "BATCH_SIZE", 8)
    await asyncio.gather(*(setup.submit("ann", f"a{i}") for i in range(20)))
    assert [len(batch.entries) for batch in setup.ledger.batches] == [8, 8, 4]
    assert setup.ledger.score("ann") == 200


async def test_entries_get_rising_instants(setup: Setup) -> None:
    """On a clock that stands still each entry is still later than the one before."""
    await asyncio.gather(*(setup.submit("ann", f"a{i}") for i in range(5)))
    instants = [entry.at for batch in setup.ledger.batches for entry in batch.entries]
    assert instants == [1_000, 1_001, 1_002, 1_003, 1_004]


async def test_repeats_in_flight_share_one_outcome(setup: Setup) -> None:
    """Of ten at once one is counted; the others get the same score and are told they repeat."""
    receipts = await asyncio.gather(*(setup.submit() for _ in range(10)))
    assert {r.score for r in receipts} == {10}
    assert [r.replayed for r in receipts].count(False) == 1
    assert sum(len(batch.entries) for batch in setup.ledger.batches) == 1


async def test_a_repeat_of_another_type_is_refused_in_flight_and_later(setup: Setup) -> None:
    """An id belongs to the type it was first used with."""
    first = setup.start("ann", "a1", "open")
    await asyncio.sleep(0)
    for _ in range(2):
        with pytest.raises(Unacceptable) as refused:
            await setup.submit("ann", "a1", "other")
        assert refused.value.code == "action_id_reused"
        await first
    assert setup.ledger.score("ann") == 10


async def test_ids_are_per_user(setup: Setup) -> None:
    """Nobody can burn another's id."""
    await setup.submit("ann", "a1")
    receipt = await setup.submit("ben", "a1")
    assert not receipt.replayed
    assert setup.ledger.score("ben") == 10


async def test_a_caller_who_leaves_takes_nothing_along(setup: Setup) -> None:
    """The action of a caller who hung up is counted, and a repeat learns it."""
    setup.ledger.faults = ["slow"]
    leaver = setup.start()
    await asyncio.sleep(0.01)
    stayer = setup.start()
    await asyncio.sleep(0)
    leaver.cancel()
    setup.ledger.go.set()
    assert (await stayer).score == 10
    assert (await setup.submit()).replayed


async def test_a_later_repeat_adds_nothing(setup: Setup) -> None:
    """A repeat is answered with the score of now."""
    await setup.submit("ann", "a1")
    await setup.submit("ann", "a2")
    receipt = await setup.submit("ann", "a1")
    assert (receipt.score, receipt.replayed) == (20, True)
    assert setup.ledger.score("ann") == 20


async def test_a_repeat_of_ones_own_waits_until_others_are_followed(setup: Setup) -> None:
    """Another process may have shown more with a repeat of it meanwhile; also to who joins it under way."""
    setup.fence.on_pass = lambda: setup.live.apply("ann", 10, 5)
    await setup.submit("ann", "a1")
    assert (await setup.submit("ann", "a1")).score == 20
    setup.ledger.faults = ["slow"]
    first = setup.start("ann", "a2")
    await asyncio.sleep(0.01)
    joined = setup.start("ann", "a2")
    await asyncio.sleep(0.01)
    setup.ledger.go.set()
    assert ((await first).score, (await joined).score) == (30, 40)


async def test_a_repeat_of_anothers_entry_waits_until_it_is_followed(setup: Setup) -> None:
    """The score told is never lower than the one another process has acknowledged."""
    setup.ledger.put(Entry("ann", "a1", "open", 10, 5), writer="other")
    setup.fence.on_pass = lambda: setup.live.apply("ann", 10, 5)
    receipt = await setup.submit("ann", "a1")
    assert (receipt.score, receipt.replayed) == (10, True)


async def test_a_repeat_that_can_not_be_followed_in_time_is_told_so(setup: Setup) -> None:
    """Rather 503 than a score that may be too low."""
    setup.ledger.put(Entry("ann", "a1", "open", 10, 5), writer="other")
    setup.fence.open = False
    with pytest.raises(Unavailable):
        await setup.submit("ann", "a1")


async def test_a_repeat_from_a_past_season_is_answered_as_counted(setup: Setup) -> None:
    """The user isn't on this season's board: no points, no rank, and nothing added."""
    setup.ledger.put(Entry("ann", "a1", "open", 10, 5), writer="other")
    receipt = await setup.submit("ann", "a1")
    assert (receipt.score, receipt.rank, receipt.replayed) == (0, None, True)
    assert len(setup.live.board) == 0


@pytest.mark.parametrize(
    "faults",
    [
        ["before"],
        ["after"],
        ["after", "after"],
        ["before", "after", "before"],
        ["after", "look up"],
        ["after", "uncommitted"],
    ],
)
@pytest.mark.usefixtures("impatient")
async def test_unknown_outcomes_are_resolved_before_the_answer(
    setup: Setup, faults: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost before or after the write, once or again: the receipt is true and everything counts once."""
    monkeypatch.setattr(pipeline_module, "PATIENCE_S", 5.0)
    setup.ledger.faults = faults
    receipts = await asyncio.gather(*(setup.submit("ann", f"a{i}") for i in range(3)))
    assert [r.score for r in receipts] == [10, 20, 30]
    assert not any(r.replayed for r in receipts)
    assert setup.ledger.score("ann") == 30
    standing = setup.live.board.standing("ann")
    assert standing is not None and standing.score == 30


@pytest.mark.usefixtures("impatient")
async def test_an_outage_is_told_in_time_and_loses_nothing(setup: Setup) -> None:
    """Callers get 503 with the truth; what was being written still counts once when the store is back."""
    setup.ledger.faults = ["after"] + ["before"] * 50
    written = []
    for i in range(BATCHES_UNDER_WAY):
        written.append(setup.start("ann", f"written{i}"))
        await asyncio.sleep(0.005)
    queued = setup.start("ann", "queued")
    for task in written:
        with pytest.raises(Unavailable, match="may or may not"):
            await task
    with pytest.raises(Unavailable, match="has added nothing"):
        await queued
    await asyncio.sleep(0.05)
    assert setup.is_cut_off()
    with pytest.raises(Unavailable):  # at once, not after a wait
        await asyncio.wait_for(setup.submit("ann", "later"), 0.01)
    setup.ledger.faults = []
    await asyncio.wait_for(setup.pipeline.drained(), 2)
    assert not setup.is_cut_off()
    repeat = await setup.submit("ann", "written0")
    assert (repeat.score, repeat.replayed) == (10 * BATCHES_UNDER_WAY, True)
    assert len(setup.ledger.entries) == BATCHES_UNDER_WAY
    standing = setup.live.board.standing("ann")
    assert standing is not None and standing.score == 10 * BATCHES_UNDER_WAY


async def test_a_bug_in_a_batch_ends_the_writer(setup: Setup) -> None:
    """What is no outage is not retried for ever: the writer dies, which its supervisor notices."""

    async def broken(batch: object) -> frozenset[int]:
        raise TypeError("a bug")

    setup.ledger.append = broken  # type: ignore[method-assign]
    waiting = setup.start()
    with pytest.raises(ExceptionGroup):
        await asyncio.wait_for(setup.writer, 1)
    with pytest.raises(Unavailable, match="may or may not"):
        await waiting
    with pytest.raises(Unavailable, match="stopping"):
        await setup.submit("ann", "a2")
    setup.writer = asyncio.create_task(asyncio.sleep(1))


@pytest.mark.usefixtures("impatient")
async def test_a_store_that_says_nothing_is_told_in_time_too(setup: Setup) -> None:
    """It need not fail for callers to be answered; when it speaks again, what it had counts once."""
    setup.ledger.faults = ["slow"] * BATCHES_UNDER_WAY
    written = []
    for i in range(BATCHES_UNDER_WAY):
        written.append(setup.start("ann", f"written{i}"))
        await asyncio.sleep(0.005)
    queued = setup.start("ann", "queued")
    async with asyncio.timeout(20):
        for task in written:
            with pytest.raises(Unavailable, match="may or may not"):
                await task
        with pytest.raises(Unavailable, match="has added nothing"):
            await queued
    await asyncio.sleep(0.02)
    assert setup.is_cut_off()
    setup.ledger.go.set()
    await asyncio.wait_for(setup.pipeline.drained(), 1)
    assert not setup.is_cut_off()
    assert (await setup.submit("ann", "written0")).score == 10 * BATCHES_UNDER_WAY


@pytest.mark.usefixtures("impatient")
async def test_a_repeat_that_waits_for_the_board_is_no_outage(setup: Setup) -> None:
    """Its caller is told in time; but the store has answered, and nobody else is refused."""
    setup.ledger.put(Entry("ann", "a1", "open", 10, 5), "another")
    setup.fence.takes = 0.2
    with pytest.raises(Unavailable, match="may or may not"):
        await setup.submit()
    assert not setup.pipeline.is_cut_off
    assert (await setup.submit("ben", "b1")).score == 10


@pytest.mark.usefixtures("impatient")
async def test_a_store_that_refuses_is_not_away(setup: Setup) -> None:
    """An outage is over when the store takes nothing of what has waited: others are not refused for it."""
    setup.ledger.poisoned.add("mal")
    setup.ledger.faults = ["before"] * 20
    with pytest.raises(Unavailable):
        await setup.submit("mal", "m1")
    async with asyncio.timeout(20):
        await setup.pipeline.drained()
    assert not setup.pipeline.is_cut_off
    assert (await setup.submit("ben", "b1")).score == 10


@pytest.mark.usefixtures("impatient")
async def test_callers_are_told_in_time_while_the_board_is_read_again(setup: Setup) -> None:
    """An interlude that takes long makes nobody wait longer than a store that does."""
    go = asyncio.Event()
    interlude = asyncio.create_task(setup.pipeline.between_batches(go.wait))
    await asyncio.sleep(0.01)
    with pytest.raises(Unavailable, match="has added nothing"):
        await asyncio.wait_for(setup.submit(), 1)
    go.set()
    await interlude
    assert (await setup.submit()).score == 10


async def test_giving_up_tells_everyone_the_truth(setup: Setup) -> None:
    """What is being written may be counted, what waits has added nothing; what lands later harms nobody."""
    setup.ledger.faults = ["slow"] * BATCHES_UNDER_WAY
    tasks = []
    for i in range(BATCHES_UNDER_WAY + 1):
        tasks.append(setup.start("ann", f"a{i}"))
        await asyncio.sleep(0.005)
    setup.pipeline.give_up()
    for task in tasks[:-1]:
        with pytest.raises(Unavailable, match="may or may not"):
            await task
    with pytest.raises(Unavailable, match="has added nothing"):
        await tasks[-1]
    setup.ledger.go.set()
    await asyncio.sleep(0.01)
    standing = setup.live.board.standing("ann")
    assert standing is not None and standing.score == setup.ledger.score("ann") == 10 * BATCHES_UNDER_WAY


async def test_a_wrong_type_under_way_does_not_stand_in_for_the_right_one(setup: Setup) -> None:
    """While another type is being refused for an id, a repeat of its own type is answered as counted."""
    setup.ledger.put(Entry("ann", "a1", "open", 10, 5), writer="other")
    setup.fence.on_pass = lambda: setup.live.apply("ann", 10, 5)
    wrong = setup.start("ann", "a1", "other")
    await asyncio.sleep(0)
    receipt = await setup.submit("ann", "a1", "open")
    assert (receipt.replayed, receipt.points) == (True, 10)
    with pytest.raises(Unacceptable):
        await wrong


async def test_a_full_queue_says_so_at_once(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its bound the queue refuses instead of growing; what is in it is counted."""
    monkeypatch.setattr(pipeline_module, "QUEUE_SIZE", 3)
    setup.ledger.faults = ["slow"]
    inside = [setup.start("ann", f"a{i}") for i in range(3)]
    await asyncio.sleep(0.01)
    with pytest.raises(Unavailable) as refused:
        await setup.submit("ann", "a9")
    assert refused.value.code == "overloaded"
    setup.ledger.go.set()
    await asyncio.gather(*inside)
    assert setup.ledger.score("ann") == 30


async def test_closing_finishes_what_is_under_way(setup: Setup) -> None:
    """After closing, new submissions are refused and old ones answered."""
    setup.ledger.faults = ["slow"]
    inside = setup.start()
    await asyncio.sleep(0.01)
    setup.pipeline.close()
    with pytest.raises(Unavailable) as refused:
        await setup.submit("ann", "a2")
    assert refused.value.code == "stopping"
    setup.ledger.go.set()
    await asyncio.wait_for(setup.pipeline.drained(), 1)
    assert (await inside).score == 10


async def test_an_interlude_runs_while_no_batch_is_under_way(setup: Setup) -> None:
    """It waits for the batch before it, and the next batch waits for it."""
    setup.ledger.faults = ["slow"]
    first = setup.start("ann", "a1")
    await asyncio.sleep(0.01)
    seen: list[int] = []

    async def look() -> str:
        seen.append(len(setup.live.board))
        await asyncio.sleep(0.01)
        seen.append(len(setup.live.board))
        return "looked"

    interlude = asyncio.create_task(setup.pipeline.between_batches(look))
    await asyncio.sleep(0.01)
    second = setup.start("ben", "b1")
    setup.ledger.go.set()
    assert await interlude == "looked"
    assert seen == [1, 1]
    await asyncio.gather(first, second)
    assert len(setup.live.board) == 2


async def test_an_interlude_that_fails_fails_its_caller_alone(setup: Setup) -> None:
    """The writer goes on."""

    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await setup.pipeline.between_batches(fail)
    assert (await setup.submit()).score == 10


@pytest.mark.parametrize("faults", [[], ["after"], ["before"]])
async def test_a_poisoned_entry_fails_alone(setup: Setup, faults: list[str]) -> None:
    """Its caller is told, each neighbour is counted once, also when answers are lost."""
    setup.ledger.poisoned = {"eve"}
    setup.ledger.put(Entry("cid", "a0", "open", 10, 1), "other")
    setup.ledger.faults = faults
    users = ["ann", "eve", "ben", "cid", "eve"]
    answers = await asyncio.gather(
        *(setup.submit(user, f"a{i % 3}") for i, user in enumerate(users)), return_exceptions=True
    )
    assert [a.score if isinstance(a, Receipt) else getattr(a, "code", a) for a in answers] == [
        10,
        "store_unavailable",
        10,
        0,
        "store_unavailable",
    ]
    assert [setup.ledger.score(user) for user in ("ann", "eve", "ben", "cid")] == [10, 0, 10, 10]


async def test_a_batch_of_nothing_but_poison_is_over(setup: Setup) -> None:
    """Nobody is left waiting, and what comes next is counted."""
    setup.ledger.poisoned = {"eve"}
    with pytest.raises(Unavailable):
        await setup.submit("eve")
    assert (await setup.submit("ann")).score == 10


async def test_who_has_spent_time_before_is_told_at_its_own_deadline(setup: Setup) -> None:
    """Whether it asks first or joins: the truth so far; the action goes on, and is counted once."""
    setup.ledger.faults = ["slow"]
    deadline = asyncio.get_running_loop().time() + 0.02
    submission = Submission("ann", "a1", "open")
    with pytest.raises(Unavailable) as unknown:
        await setup.pipeline.submit(submission, 10, deadline)
    assert (unknown.value.code, unknown.value.may_be_done) == ("store_unavailable", True)
    for road in (
        setup.pipeline.submit(submission, 10, deadline),
        setup.pipeline.recall(submission, deadline),
    ):
        with pytest.raises(Unavailable) as joined:
            await road
        assert not joined.value.may_be_done
    setup.ledger.go.set()
    assert (await setup.submit()).score == 10
    assert setup.ledger.score("ann") == 10


async def test_who_is_told_before_a_batch_has_it_has_added_nothing(setup: Setup) -> None:
    """For certain, so that no cap counts it: it is never written, and may be asked for anew."""
    setup.ledger.faults = ["slow"] * BATCHES_UNDER_WAY
    under_way = []
    for i in range(BATCHES_UNDER_WAY):
        under_way.append(setup.start("ben", f"b{i}"))
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
    deadline = asyncio.get_running_loop().time() + 0.02
    first = asyncio.create_task(setup.pipeline.submit(Submission("ann", "a1", "open"), 10, deadline))
    await asyncio.sleep(0)
    joined = setup.start()
    for waiting in (first, joined):
        with pytest.raises(Unavailable) as told:
            await waiting
        assert (told.value.code, told.value.may_be_done) == ("store_unavailable", False)
    assert (setup.pipeline.under_way, setup.pipeline.waiting) == (BATCHES_UNDER_WAY, 0)
    setup.ledger.go.set()
    await asyncio.gather(*under_way)
    assert setup.ledger.score("ann") == 0
    assert (await setup.submit()).score == 10


# --- recalling ------------------------------------------------------------------------------------


async def test_what_was_never_counted_is_not_recalled(setup: Setup) -> None:
    """And asking for it adds nothing."""
    assert await setup.pipeline.recall(Submission("ann", "a1", "open")) is None
    assert (setup.ledger.entries, setup.fence.calls) == ({}, 0)


async def test_what_anybody_has_counted_is_recalled(setup: Setup) -> None:
    """By this process or another one, with the score of now and the points of then."""
    await setup.submit("ann", "a1", points=10)
    setup.ledger.put(Entry("ann", "a2", "open", 7, 5), writer="other")
    setup.fence.on_pass = lambda: setup.live.apply("ann", 7, 5)
    receipt = await setup.pipeline.recall(Submission("ann", "a2", "open"))
    assert receipt == Receipt(17, 1, 7, replayed=True)
    setup.fence.on_pass = lambda: None
    assert await setup.pipeline.recall(Submission("ann", "a1", "open")) == Receipt(17, 1, 10, replayed=True)
    assert setup.ledger.score("ann") == 17


async def test_nothing_is_recalled_for_another_user_or_type(setup: Setup) -> None:
    """An id belongs to one user, and to the type that it was counted as."""
    await setup.submit("ann", "a1")
    assert await setup.pipeline.recall(Submission("ben", "a1", "open")) is None
    with pytest.raises(Unacceptable, match="action_id_reused"):
        await setup.pipeline.recall(Submission("ann", "a1", "other"))


async def test_what_is_under_way_is_recalled_when_it_is_counted(setup: Setup) -> None:
    """A repeat that may not be counted itself shares the answer of the first; the ledger isn't asked."""
    setup.ledger.faults = ["slow"]
    first = setup.start()
    await asyncio.sleep(0.01)
    recalls = [asyncio.create_task(setup.pipeline.recall(Submission("ann", "a1", "open"))) for _ in range(5)]
    await asyncio.sleep(0.01)
    setup.ledger.go.set()
    assert (await first).replayed is False
    assert set(await asyncio.gather(*recalls)) == {Receipt(10, 1, 10, replayed=True)}


async def test_a_recall_is_never_told_less_than_was_acknowledged(setup: Setup) -> None:
    """Where this board has not followed yet, it says so."""
    setup.ledger.put(Entry("ann", "a1", "open", 10, 5), writer="other")
    setup.fence.open = False
    with pytest.raises(Unavailable) as refused:
        await setup.pipeline.recall(Submission("ann", "a1", "open"))
    assert (refused.value.code, refused.value.may_be_done) == ("store_unavailable", False)


async def test_a_recall_has_patience_and_then_an_answer(setup: Setup, impatient: None) -> None:
    """A store that fails is told at once."""
    setup.ledger.faults = ["look up"]
    with pytest.raises(Unavailable, match="has added nothing"):
        await setup.pipeline.recall(Submission("ann", "a1", "open"))


async def test_who_is_cut_off_asks_the_store_nothing(setup: Setup, impatient: None) -> None:
    """However many ask, none of them waits."""
    setup.ledger.faults = ["before"] * 50
    with pytest.raises(Unavailable):
        await setup.submit()
    while not setup.pipeline.is_cut_off:
        await asyncio.sleep(0.01)
    setup.ledger.look_up = None  # type: ignore[assignment, method-assign]
    with pytest.raises(Unavailable, match="has added nothing"):
        await setup.pipeline.recall(Submission("ann", "a2", "open"))


async def test_only_the_first_of_an_unknown_outcome_may_have_added_it(setup: Setup, impatient: None) -> None:
    """Whoever repeats the id meanwhile is told the same, but its own request has added nothing."""
    setup.ledger.faults = ["slow"]
    first = setup.start()
    await asyncio.sleep(0)
    joined = [setup.start() for _ in range(3)]
    recall = asyncio.create_task(setup.pipeline.recall(Submission("ann", "a1", "open")))
    told = await asyncio.gather(first, *joined, recall, return_exceptions=True)
    unknown = [each for each in told if isinstance(each, Unavailable) and "may or may not" in each.detail]
    assert [each.may_be_done for each in unknown] == [True, False, False, False, False]
    setup.ledger.go.set()
