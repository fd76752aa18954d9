"""Which calls come first, and which together."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.cascade.tiers import (
    Calls,
    cut_into_tiers,
    explained,
    operator_tiers,
    order_calls,
    without,
)


def test_columns_of_one_call_are_asked_together_and_paid_once() -> None:
    """The minimum and the mean of one process reward model."""
    calls = Calls.of([1.0, 1.0, 0.0, 5.0], ["prm", "prm", "length", "judge"])
    covariance = np.diag([1.0, 1.0, 0.1, 2.0])
    order = order_calls(covariance, calls)
    tiers = cut_into_tiers(order, calls, (0.1,))

    assert calls.total == 6.0
    assert [tier.columns for tier in tiers] == [(2,), (0, 1), (3,)]
    assert [tier.cost for tier in tiers] == [0.0, 1.0, 5.0]
    assert [tier.columns for tier in operator_tiers([[0], [3, 1, 2]], calls)] == [
        (2,),
        (0, 1),
        (3,),
    ]


def test_the_order_is_by_what_a_call_explains_for_its_cost() -> None:
    """A copy of one that is known explains nothing; conditioning twice is conditioning on both."""
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(4, 4))
    covariance = factor @ factor.T
    covariance = np.block(
        [[covariance, covariance[:, :1]], [covariance[:1], covariance[:1, :1]]]
    )  # the last is the first again

    assert explained(without(covariance, [0]), [4]) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(
        without(without(covariance, [1]), [2]), without(covariance, [1, 2]), atol=1e-9
    )
    assert explained(covariance, range(5)) == pytest.approx(covariance.sum())
    assert order_calls(covariance, Calls.of([1.0] * 5))[-1] in (0, 4)
