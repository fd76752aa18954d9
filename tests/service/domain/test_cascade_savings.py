"""The savings and losses of a cascade."""

from __future__ import annotations

import pytest

from assay.service.domain.cascade_savings import CascadeSavings

ONE = CascadeSavings(version=1, queries=1, cost=0.3, agreed=1)
OTHER = CascadeSavings(version=1, queries=1, cost=0.5, loss=0.1, squares=0.01)


def test_savings_of_one_version_add_up() -> None:
    """An answer has their means, and an interval of the loss."""
    assert (ONE + OTHER).summary() == {
        "queries": 2,
        "loss": 0.05,
        "loss_interval": pytest.approx([-0.048, 0.148]),
        "cost": 0.4,
        "agree": 0.5,
    }


def test_a_newer_versions_savings_take_the_place_of_an_older_ones() -> None:
    """Whichever is added to the other."""
    newer = CascadeSavings(version=2, queries=5)

    assert ONE + newer == newer + ONE == newer


def test_one_query_has_no_interval_and_none_has_no_mean() -> None:
    """A missing number is null, never 0."""
    nothing = CascadeSavings().summary()

    assert ONE.interval is None
    assert ONE.summary()["loss"] == 0.0
    assert nothing == {
        "queries": 0,
        "loss": None,
        "loss_interval": None,
        "cost": None,
        "agree": None,
    }


def test_an_interval_narrows_with_the_queries() -> None:
    """A hundred times as many are ten times as exact; losses that never differ are known exactly."""
    few = CascadeSavings(queries=100, loss=1.0, squares=0.1)
    many = CascadeSavings(queries=10_000, loss=100.0, squares=10.0)
    constant = CascadeSavings(queries=10, loss=1.0, squares=0.1)
    widths = []
    for savings in (few, many):
        assert savings.interval is not None
        low, high = savings.interval
        assert low + high == pytest.approx(0.02)
        widths.append(high - low)

    assert widths[0] / widths[1] == pytest.approx(10, rel=0.01)
    assert constant.interval == pytest.approx((0.1, 0.1))
