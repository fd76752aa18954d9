"""When a task cascades."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.scoring.cascade_policy import CascadePolicy
from tests.support.cascades import model
from tests.support.ensembles import small


def test_estimates_add_up() -> None:
    """Of one version; a newer one's take the place of an older one's, and enough of them have to
    say that the loss is small.
    """
    one, other = CascadeSavings(1, 1, 0.3, 0.0, 0.0, 1), CascadeSavings(1, 1, 0.5, 0.1, 0.01, 0)
    both = one + other
    cascade_policy = CascadePolicy(
        "auto", wanted_loss=0.01, estimate=CascadeSavings(1, 60, 20.0, 0.1, 0.001, 58)
    )

    assert both.said() == {
        "queries": 2,
        "loss": 0.05,
        "loss_interval": pytest.approx([-0.048, 0.148]),
        "cost": 0.4,
        "agree": 0.5,
    }
    assert one + CascadeSavings(2, 5) == CascadeSavings(2, 5)
    assert one.interval is None
    assert cascade_policy.good_enough
    assert not CascadePolicy(
        "auto", wanted_loss=0.01, estimate=CascadeSavings(1, 49, 20.0, 0.0, 0.0, 49)
    ).good_enough
    assert not CascadePolicy(
        "auto", wanted_loss=0.001, estimate=CascadeSavings(1, 60, 20.0, 0.6, 0.01, 50)
    ).good_enough


def test_two_percent_of_the_traffic_is_asked_in_full() -> None:
    """And a model that rests on too few queries has no cascade."""
    cascade_policy = CascadePolicy("cascade", costs=(0.0, 0.1, 1.0, 2.0, 10.0, 30.0))
    cascade_policy.use_model(model(), 1)
    taken = [cascade_policy.cascade_for(None, 6, sampled=True) is None for _ in range(4000)]
    few = small(0, queries=30)
    poor = CascadePolicy("cascade", costs=cascade_policy.costs)
    poor.use_model(LabelModel().fit(few.scores, few.query_id, verifier_names=few.names), 1)

    assert 0.01 < np.mean(taken) < 0.035
    assert not any(cascade_policy.cascade_for(None, 6, sampled=False) is None for _ in range(100))
    assert cascade_policy.cascade_for(None, 1, sampled=False) is None
    assert cascade_policy.cascade_for("full", 6, sampled=False) is None
    assert poor.cascade is None
