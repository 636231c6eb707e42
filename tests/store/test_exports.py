"""A store is exported, and imported into an empty one: the same boards, digests and everything else."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from scoreboard_server.flow.exporting import BeginAnew, CannotExport
from scoreboard_server.flow.ports import CopyRefused, SeasonChanged, StoreUnavailable
from scoreboard_server.flow.verifying import verify
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.books import differences
from scoreboard_server.rules.exports.spelling import MalformedLine
from scoreboard_server.rules.revocations import Revocation
from scoreboard_server.store import originals
from scoreboard_server.store.opening import Store

from ..mongod import Mongod
from .conftest import NOW_US, OpenStore, Raw
from .exporting import ACT, boards, checked, exported, fill, imported
from .given import batch, entry, fold_pending

pytestmark = pytest.mark.database


@pytest.fixture
async def full(mongo_store: Store) -> Store:
    """A store with everything in it."""
    await fill(mongo_store)
    return mongo_store


@pytest.fixture
def other(replica_set: Mongod) -> Iterator[str]:
    """The name of one more database."""
    name = f"t{uuid.uuid4().hex[:16]}"
    yield name
    with replica_set.client() as client:
        client.drop_database(name)


@pytest.fixture
async def empty(replica_set: Mongod, other: str, open_store: OpenStore) -> Store:
    """A new store beside it."""
    return await open_store(replica_set.uri, other)


@pytest.fixture
def raw_empty(replica_set: Mongod, other: str) -> Iterator[Raw]:
    """The new one past the store."""
    with replica_set.client() as client:
        yield client[other]


def body(lines: list[bytes]) -> list[bytes]:
    """An export without what tells when it was made, and without what an import adds to the trail."""
    return [raw for raw in lines[1:-1] if b'"what":"import"' not in raw]


# --- exporting ------------------------------------------------------------------------------------


async def test_an_export_agrees_and_holds_everything(full: Store, raw: Raw) -> None:
    """Pending entries too, as of the current season; and the digests are those that were announced."""
    lines = await exported(full)
    found = checked(lines)
    assert found.end.entries == raw["entries"].count_documents({})
    assert (found.end.bans, found.end.acts) == (3, raw["audit"].count_documents({}))
    digests = {s.name: s.seal.archive.digest for s in await full.seasons.all() if s.seal and s.seal.archive}
    assert {s.name: s.digest for s in found.seasons if s.digest} == digests
    assert [s.entries for s in found.seasons] == [5, 7, 2]
    pending = [each for each in lines if b'"user":"zoe"' in each]
    assert [each.split(b'"kind":"')[1].split(b'"')[0] for each in pending] == [b"entry", b"total"]


async def test_it_is_gone_on_with_behind_any_line(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the same bytes, whatever happens in the store meanwhile."""
    lines = await exported(full)
    await full.ledger.append(batch(entry("ann", "later", 9, NOW_US + 99), entry("new", "later", 9, NOW_US)))
    await fold_pending(full.standings)
    assert full.moderation is not None
    await full.moderation.put_ban(Ban("ann", "b9", "x", "root", NOW_US + 99, taken_back_from=1), ACT)
    for place in range(1, len(lines) + 1):
        assert await exported(full, lines[:place]) == lines, f"behind line {place}"


async def test_a_forgotten_instant_is_begun_anew(full: Store) -> None:
    """Unless nothing but sealed seasons is left to do."""
    lines = await exported(full)
    forgotten = [lines[0].replace(lines[0].split(b'"')[5], b"1000000000.1"), *lines[1:]]
    begins = next(n for n, each in enumerate(lines) if b'"kind":"season"' in each)
    for place in (1, 5, begins - 1):
        with pytest.raises(BeginAnew, match="forgotten"):
            await exported(full, forgotten[:place])
    assert (await exported(full, forgotten[: begins + 1]))[:-1] == forgotten[:-1]


@pytest.mark.parametrize("instant", [b"9999999999.1", b"4000000000.1", b"x", b""])
async def test_an_instant_that_is_none_is_begun_anew(full: Store, instant: bytes) -> None:
    """As one of another store's clock."""
    lines = await exported(full)
    with pytest.raises(BeginAnew):
        await exported(full, [lines[0].replace(lines[0].split(b'"')[5], instant), lines[1]])


async def test_another_stores_part_is_begun_anew(full: Store, empty: Store) -> None:
    """In any place of it."""
    lines = await exported(full)
    for place in range(2, len(lines)):
        with pytest.raises(BeginAnew):
            await exported(empty, lines[:place])


async def test_what_takes_too_long_says_what_to_do(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the store forgets the instant while it is read."""
    monkeypatch.setattr(originals, "_is_lost", lambda error: True)
    lines: list[bytes] = []

    class Failing:
        def __init__(self, *_: object) -> None:
            self.position = None

        async def scan(self, *_: object, **__: object) -> AsyncIterator[object]:
            _lose()
            yield None

    assert full.originals is not None
    monkeypatch.setattr(full.originals, "as_of", _entered(originals.MongoOriginal(Failing())))  # type: ignore[arg-type]
    with pytest.raises(CannotExport, match="minSnapshotHistoryWindowInSeconds"):
        lines += await exported(full)
    assert lines == []


def _lose() -> None:
    raise StoreUnavailable("gone") from None


def _entered(value: object) -> Callable[[object], Any]:
    class Entered:
        async def __aenter__(self) -> object:
            return value

        async def __aexit__(self, *_: object) -> None:
            pass

    return lambda instant: Entered()


async def test_what_no_export_can_hold_is_told(full: Store, raw: Raw) -> None:
    """A number that not every reader of JSON knows, as only a hand can have put it there."""
    raw["standings"].update_one({"_id": {"season": 3, "user": "ian"}}, {"$set": {"score": 2**60}})
    with pytest.raises(CannotExport, match="score"):
        await exported(full)


# --- importing ------------------------------------------------------------------------------------


async def test_a_round_trip_changes_nothing(full: Store, empty: Store) -> None:
    """Every board as announced and as corrected, every story, every season; and an export of the copy."""
    lines = await exported(full)
    assert not (await imported(empty, lines)).was_there
    assert await boards(empty) == await boards(full)
    assert await empty.seasons.all() == await full.seasons.all()
    assert body(await exported(empty)) == body(lines)
    checked(await exported(empty))


async def test_the_copys_books_add_up(full: Store, empty: Store) -> None:
    """Nothing is pending, nothing differs, and what comes next is folded on top."""
    await imported(empty, await exported(full))
    assert empty.books is not None
    await empty.ledger.append(batch(entry("ian", "i9", 1_000, NOW_US + 50)))
    assert await fold_pending(empty.standings)
    span = await empty.books.span("", 1_000)
    assert list(differences(span.folded, span.standings)) == []
    assert [c.standings async for c in verify(empty.books, empty.history, now_us=lambda: NOW_US)] == [[]]
    current = (await boards(empty))["three False"]["leaderboard"]
    assert [(row["userId"], row["score"]) for row in current[:2]] == [("ian", 1_003), ("ben", 7)]


async def test_a_repeated_action_is_known_to_the_copy(full: Store, empty: Store) -> None:
    """Its entry is there, by nobody's batch."""
    await imported(empty, await exported(full))
    assert await empty.ledger.append(batch(entry("ann", "a1", 30, 77))) == {0}
    (found,) = (await empty.ledger.look_up([("ann", "a1")])).values()
    assert found.writer.startswith("import/") and (found.batch, found.points) == (0, 30)


async def test_bans_and_corrections_go_on_in_the_copy(full: Store, empty: Store) -> None:
    """A ban is lifted there as it would be here: the corrected boards stay equal."""
    from scoreboard_server.flow.archiving import catch_up

    await imported(empty, await exported(full))
    for store in (full, empty):
        assert store.moderation is not None
        assert await store.moderation.bans() == [
            Ban("eve", "b0", "x", "root", 1),
            Ban("gus", "b1", "x", "root", NOW_US + 12, taken_back_from=1),
        ]
        lifted = Ban("gus", "b1", "x", "root", NOW_US + 12, taken_back_from=1, lifted_at=NOW_US + 60)
        await store.moderation.put_ban(lifted, ACT)
        await catch_up(store.seasons, store.archives)
    assert await boards(empty) == await boards(full)


async def test_what_was_revoked_in_the_copy_stays_revoked(full: Store, empty: Store) -> None:
    """The export knows an older revocation of the same tokens, which reaches less far."""
    assert full.moderation is not None and empty.moderation is not None
    await full.moderation.revoke(Revocation(100.0, 5_000_000_000.0, user="zed"), ACT)
    await empty.moderation.revoke(Revocation(200.0, 4_000_000_000.0, user="zed"), ACT)
    await imported(empty, await exported(full))
    async with empty.snapshots.snapshot() as snapshot:
        kept = [each async for each in snapshot.revocations() if each.user == "zed"]
    assert kept == [Revocation(200.0, 5_000_000_000.0, user="zed")]


async def test_twice_is_once(full: Store, empty: Store, raw_empty: Raw) -> None:
    """Also when it is used by then."""
    lines = await exported(full)
    await imported(empty, lines)
    await empty.ledger.append(batch(entry("ann", "new", 1, NOW_US + 51)))
    counts = {name: raw_empty[name].count_documents({}) for name in raw_empty.list_collection_names()}
    assert (await imported(empty, lines)).was_there
    assert {n: raw_empty[n].count_documents({}) for n in raw_empty.list_collection_names()} == counts


class _Interrupted(Exception):
    pass


def _up_to(lines: list[bytes], place: int) -> Iterator[bytes]:
    yield from lines[:place]
    raise _Interrupted


async def test_nothing_is_seen_before_all_is_there(full: Store, empty: Store, raw_empty: Raw) -> None:
    """Interrupted behind any line; in the end the copy is that of an undisturbed import."""
    from scoreboard_server.flow import importing
    from scoreboard_server.flow.checking_exports import check_export
    from scoreboard_server.flow.importing import ImportStore, import_lines

    from .exporting import ADMIN

    lines = await exported(full)
    before = await boards(empty)
    assert empty.copies is not None
    into, end = ImportStore(empty.copies, empty.archives), check_export(lines).end
    noted, importing._NOTED_EVERY = importing._NOTED_EVERY, 5
    try:
        for place in range(len(lines) + 1):
            with pytest.raises(_Interrupted):
                await import_lines(into, ADMIN, _up_to(lines, place), end)
            assert await boards(empty) == before
    finally:
        importing._NOTED_EVERY = noted
    assert (await imported(empty, lines)).resumed_at > 5
    assert await boards(empty) == await boards(full)
    assert body(await exported(empty)) == body(lines)


async def test_a_server_that_runs_reads_its_board_anew(full: Store, empty: Store) -> None:
    """The feed tells of seasons, once they are there, and of no entry."""
    assert empty.feed is not None
    async with empty.snapshots.snapshot() as snapshot:
        position = snapshot.position
    await imported(empty, await exported(full))
    await empty.feed.mark("me", 1)
    told = []
    async for change in empty.feed.follow(position, "me"):
        told.append(type(change).__name__)
        if told[-1] == "MarkSeen":
            break
    assert SeasonChanged.__name__ in told and "EntryAppended" not in told


async def _refused(store: Store, lines: list[bytes], words: str) -> None:
    with pytest.raises(CopyRefused, match=words):
        await imported(store, lines)


async def test_a_store_that_is_not_empty_is_refused(full: Store, empty: Store) -> None:
    """Whether its entries are folded or not; and nothing is changed."""
    lines = await exported(full)
    before = await boards(full)
    await _refused(full, lines, "entries already")
    assert await boards(full) == before
    await empty.ledger.append(batch(entry()))
    await _refused(empty, lines, "entries already")


async def test_a_store_with_bans_or_seasons_is_refused(full: Store, empty: Store) -> None:
    """They would be lost in what comes."""
    lines = await exported(full)
    assert empty.moderation is not None
    await empty.moderation.put_ban(Ban("ann", "b", "x", "root", 1), ACT)
    await _refused(empty, lines, "bans already")


async def test_two_imports_into_one_store_are_refused(full: Store, empty: Store) -> None:
    """The one that was begun is to be finished."""
    from scoreboard_server.flow.checking_exports import check_export

    lines = await exported(full)
    assert empty.copies is not None
    await empty.copies.claim("a" * 64)
    await _refused(empty, lines, "another import")
    assert check_export(lines).end.sha256 != "a" * 64


async def test_who_acts_meanwhile_loses_nothing(full: Store, empty: Store) -> None:
    """The import is refused, and the board is theirs."""
    lines = await exported(full)
    assert empty.copies is not None
    await empty.copies.claim(checked(lines).end.sha256)
    await empty.ledger.append(batch(entry("kim", "k1", 5, NOW_US)))
    await _refused(empty, lines, "acted")
    assert [row["userId"] for row in (await boards(empty))["season-1 False"]["leaderboard"]] == ["kim"]
    assert await fold_pending(empty.standings)
    await _refused(empty, lines, "acted")


async def test_an_action_that_is_another_one_is_refused(full: Store, empty: Store, raw_empty: Raw) -> None:
    """As when one of the import's entries was altered in the store."""
    lines = await exported(full)
    assert empty.copies is not None
    await empty.copies.claim(checked(lines).end.sha256)
    await empty.ledger.append(batch(entry("ann", "a1", 1, 1)))
    await _refused(empty, lines, "another one")


async def test_a_file_that_has_changed_since_is_refused(full: Store, empty: Store) -> None:
    """By its hash, before anything is shown."""
    from scoreboard_server.flow.importing import ImportStore, import_lines

    from .exporting import ADMIN

    lines = await exported(full)
    end = checked(lines).end
    altered = [each.replace(b'"name":"Ann"', b'"name":"Eve"') for each in lines]
    assert altered != lines and empty.copies is not None
    before = await boards(empty)
    for changed in (altered, lines[:-1]):
        with pytest.raises(MalformedLine):
            await import_lines(ImportStore(empty.copies, empty.archives), ADMIN, changed, end)
    assert await boards(empty) == before
