"""Quantiles, distributions and rates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scoreboard_cli.bench.quantiles import Spread, distribution, quantile, rates, spread

times = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


def test_a_spread_is_of_real_measurements() -> None:
    """Of 1 to 100 the quantiles are 50, 95 and 99: measured values, nothing between them."""
    assert spread(list(range(100, 0, -1))) == Spread(100, 50, 95, 99, 100)


def test_one_measurement_is_every_quantile() -> None:
    """A single one is the median and the worst, and none at all has no spread."""
    assert spread([7.0]) == Spread(1, 7, 7, 7, 7)
    assert spread([]) is None


@given(times, st.floats(0.01, 1))
def test_so_large_a_share_is_not_above_a_quantile(values: list[float], share: float) -> None:
    """By definition: at least that share is not above it, and of anything smaller less is."""
    ordered = sorted(values)
    found = quantile(ordered, share)
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert sum(value < found for value in values) < share * len(values) + 1e-6


@given(times, st.integers(2, 50))
def test_a_distribution_rises_from_the_least_to_the_most(values: list[float], points: int) -> None:
    """The curve begins at the least value, ends at the greatest with a share of 1, and never falls."""
    curve = distribution(values, points)
    assert curve[0][0] == min(values)
    assert curve[-1] == (max(values), 1.0)
    assert curve == sorted(curve)
    assert len(curve) <= points + 1


def test_rates_count_by_windows() -> None:
    """Moments count in their window and nowhere else; those outside the time don't count."""
    assert rates([-0.1, 0.0, 0.4, 0.5, 1.9, 2.0], 2.0, 0.5) == [
        (0.25, 4.0),
        (0.75, 2.0),
        (1.25, 0.0),
        (1.75, 2.0),
    ]


def test_no_distribution_of_nothing() -> None:
    """Without values there is no curve, and without time no rate."""
    assert distribution([], 10) == []
    assert rates([0.1], 0.0, 0.5) == []
