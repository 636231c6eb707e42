"""What the watchers of one process have seen."""

from __future__ import annotations

import itertools

from scoreboard_cli.bench.sightings import Sightings
from scoreboard_server.live.frames import Published, Row


def _state(version: int, score: int, epoch: str = "e") -> Published:
    rows = (Row("bench:m1", "m", None, score, 1), Row("ann", "Ann", None, 1, 2))
    return Published(epoch=epoch, version=version, revision=version, rows=rows, total=2, last_at=0)


def _message(frame: bytes) -> bytes:
    return frame[frame.index(b"{") :]


def _watched(watchers: int) -> Sightings:
    ticks = itertools.count(1)
    sightings = Sightings("bench:m", lambda: next(ticks))
    for _ in range(watchers):
        place = sightings.new_place()
        sightings.come(place)
        sightings.see(place, _message(_state(1, 10).snapshot))
    sightings.reset()
    return sightings


def test_a_state_is_seen_when_the_last_watcher_has_it() -> None:
    """The moment is the last one's, and only the markers' scores are kept."""
    sightings = _watched(2)
    update = _message(_state(2, 20).since(_state(1, 10)))
    sightings.see(0, update)
    assert sightings.report()["seen"] == []
    sightings.see(1, update)
    report = sightings.report()
    assert [seen[:2] for seen in report["seen"]] == [["e", 2]]
    assert report["states"] == [["e", 1, {"bench:m1": 10}], ["e", 2, {"bench:m1": 20}]]
    assert report["frames"] == 2


def test_a_snapshot_makes_up_for_what_was_missed() -> None:
    """Who got one newer state instead of three has seen all three."""
    sightings = _watched(2)
    for version in (2, 3, 4):
        sightings.see(
            0, _message(_state(version, version * 10).since(_state(version - 1, version * 10 - 10)))
        )
    sightings.see(1, _message(_state(4, 40).snapshot))
    assert [version for _, version, _ in sightings.report()["seen"]] == [2, 3, 4]


def test_who_has_gone_is_not_waited_for() -> None:
    """A watcher that is lost is counted as lost, and the others alone are all."""
    sightings = _watched(2)
    sightings.go(1)
    sightings.see(0, _message(_state(2, 20).since(_state(1, 10))))
    report = sightings.report()
    assert (report["lost"], len(report["seen"])) == (1, 1)


def test_a_new_epoch_begins_anew() -> None:
    """A board that was read again is told by a snapshot, whatever its version is."""
    sightings = _watched(1)
    sightings.see(0, _message(_state(1, 70, epoch="f").snapshot))
    assert sightings.report()["states"][-1] == ["f", 1, {"bench:m1": 70}]
    assert sightings.report()["seen"][-1][:2] == ["f", 1]


def test_other_messages_are_no_frames() -> None:
    """What is no update is left out."""
    sightings = _watched(1)
    sightings.see(0, b'{"type":"pong"}')
    assert sightings.report()["frames"] == 0
