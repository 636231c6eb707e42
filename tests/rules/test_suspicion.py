"""When a user's rate looks wrong."""

from __future__ import annotations

import pytest

from scoreboard_server.rules.suspicion import REFUSALS, Suspicion, Tally


@pytest.mark.parametrize("start", [0.0, 7.0, 123_456.7])
def test_a_tally_forgets_what_is_older_than_its_span(start: float) -> None:
    """Everything of the last nine tenths of the span counts, and nothing from before the span."""
    tally = Tally(100.0)
    for i in range(5):
        tally.add(start + i)
    assert tally.add(start + 89) == 6
    assert tally.add(start + 115) == 2
    assert tally.add(start + 1e6) == 1


def test_a_tally_agrees_with_a_list() -> None:
    """Beside a list of all instants: never more than the span holds, never less than nine tenths of it."""
    tally, told = Tally(10.0), []
    for i in range(400):
        now = i * 0.37 + (i % 7) * 0.05 + (30 if i > 200 else 0)
        told.append(now)
        count = tally.add(now)
        assert sum(t > now - 9 for t in told) <= count <= sum(t > now - 10 for t in told)


def test_refusals_make_suspicious_when_they_come_together() -> None:
    """Five within ten minutes do; the same number over an hour does not."""
    suspicion = Suspicion()
    for i in range(REFUSALS):
        assert not suspicion.suspects("ann")
        suspicion.refused("ann", i * 60.0)
        suspicion.refused("ben", i * 900.0)
    assert suspicion.suspects("ann")
    assert not suspicion.suspects("ben")


def claims(suspicion: Suspicion, per_minute: float, minutes: float) -> None:
    """Ann claims at an even pace a type that is capped at 30 a minute."""
    for i in range(int(per_minute * minutes)):
        suspicion.claimed("ann", "task", 30, i * 60 / per_minute)


@pytest.mark.parametrize(
    ("per_minute", "minutes", "suspected"), [(29, 5, True), (29, 3, False), (20, 60, False), (1, 600, False)]
)
def test_a_pace_just_under_the_cap_makes_suspicious_after_a_while(
    per_minute: float, minutes: float, suspected: bool
) -> None:
    """Over four fifths of the cap for five minutes; a shorter burst or a calmer pace does not."""
    suspicion = Suspicion()
    claims(suspicion, per_minute, minutes)
    assert suspicion.suspects("ann") is suspected


def test_types_are_judged_each_by_its_own_cap() -> None:
    """Much of one type doesn't count against another, and one without a cap has no pace to be judged by."""
    suspicion = Suspicion()
    for i in range(100):
        suspicion.claimed("ann", f"task{i % 2}", 30, i * 1.0)
        suspicion.claimed("ann", "free", 0, i * 1.0)
    assert not suspicion.suspects("ann")


def test_a_suspicion_stays_until_it_is_lifted_and_then_starts_anew() -> None:
    """Time alone clears nobody; one passed captcha does, with all that was known."""
    suspicion = Suspicion()
    for _ in range(REFUSALS):
        suspicion.refused("ann", 0.0)
    suspicion.refused("ann", 1e6)
    assert suspicion.suspects("ann")
    suspicion.lift("ann")
    suspicion.refused("ann", 1e6)
    assert not suspicion.suspects("ann")


def test_memory_is_bounded_and_the_quiet_are_forgotten_first() -> None:
    """Who is active stays known, however many others pass by."""
    suspicion = Suspicion(users=10)
    for _ in range(REFUSALS):
        suspicion.refused("ann", 0.0)
    for i in range(1000):
        suspicion.claimed(f"u{i}", "task", 30, i * 1.0)
        if i % 5 == 0:
            suspicion.claimed("ann", "task", 30, i * 1.0)
    assert suspicion.suspects("ann")
    assert len(suspicion._users) == 10
