"""When a task cascades."""

from __future__ import annotations

import numpy as np

from assay.aggregation import LabelModel
from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.scoring.cascade_policy import CascadePolicy
from tests.support.samples.cascades import model
from tests.support.samples.ensembles import small


def test_enough_queries_have_to_say_that_a_cascade_loses_little() -> None:
    """Fifty at least, and their interval has to lie below the loss that is wanted."""
    cascade_policy = CascadePolicy(
        "auto", wanted_loss=0.01, estimate=CascadeSavings(1, 60, 20.0, 0.1, 0.001, 58)
    )

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
