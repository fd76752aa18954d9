"""The savings and losses of a cascade on labelled queries."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.cascade.curve import CASCADE, SUBSET, Curve, Point, cascade_curve
from assay.aggregation.cascade.tiers import Calls
from assay.aggregation.matrix import Floats
from tests.support.samples.cascades import COSTS, sample


def test_on_synthetic_data_it_saves_more_than_it_loses() -> None:
    """Half the cost for two points at most, and better than a fixed subset that costs no less."""
    data = sample()
    found = cascade_curve(
        data.scores,
        data.query_id,
        data.labels,
        data.names,
        Calls.of(COSTS),
        model=LabelModel(families=data.families),
        budget=60,
    )
    point = next(each for each in found.points[CASCADE] if each.setting == found.default_price)
    everything = found.points[CASCADE][-1]

    assert everything.cost == pytest.approx(1.0)
    assert (
        everything.agree > 0.9
    )  # not 1: what is missing counts as what is expected here, and is left out there
    assert point.cost < 0.7
    assert point.loss < 0.02
    assert found.at(SUBSET, 2.0) is not None
    assert found.tiers[0] == [data.names[0]]


@pytest.mark.parametrize("share", [0.8, 0.51])
def test_soft_labels_count_as_they_stand(share: float) -> None:
    """They shrink selection towards 1/2, and a loss by as much."""
    data = sample()

    def curve(labels: Floats) -> Curve:
        return cascade_curve(
            data.scores, data.query_id, labels, data.names, Calls.of(COSTS), budget=0
        )

    hard, soft = (
        curve(data.labels.astype(float)),
        curve(np.where(data.labels > 0.5, share, 1 - share)),
    )

    assert soft.full == pytest.approx(1 - share + (2 * share - 1) * hard.full)
    for point, whole in zip(soft.points[CASCADE], hard.points[CASCADE], strict=True):
        assert point.loss == pytest.approx((2 * share - 1) * whole.loss, abs=1e-12)


def test_the_price_for_a_loss_is_the_cheapest_that_stays_within_it() -> None:
    """Also where a cheaper one happens to lose less than a dearer."""
    points = [
        Point(price, cost, 0.5, loss, 0.0, 1.0, 1.0)
        for price, cost, loss in (
            (0.2, 0.1, 0.0),
            (0.1, 0.2, 0.03),
            (0.05, 0.4, 0.01),
            (0.0, 1.0, 0.0),
        )
    ]
    found = Curve(10, 0, 0.5, 0.005, [], {CASCADE: points, SUBSET: points[1:]})

    assert found.price_for(0.02) == points[2]
    assert found.price_for(0.05) == points[0]
    assert found.price_for(-0.01) is None
    assert found.at(SUBSET, 0.15) is None
    assert found.at(SUBSET, 0.5) == points[2]
