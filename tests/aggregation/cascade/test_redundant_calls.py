"""Calls that say nothing of their own."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.cascade.cascade import Cascade
from assay.aggregation.cascade.redundant_calls import redundant_calls
from assay.aggregation.cascade.tiers import Calls
from tests.support.samples.cascades import cascade, sample


def test_advice_is_what_hardly_moves_the_score() -> None:
    """The copies of verifiers, with their share of the cost; none where all say something of
    their own.
    """
    data = sample()
    rng = np.random.default_rng(0)
    copies = data.scores[:, 3:6] + 1e-3 * rng.normal(size=(len(data.scores), 3))
    names = (*data.names, "x", "y", "z")
    doubled = LabelModel().fit(
        np.hstack([data.scores, copies]), data.query_id, verifier_names=names
    )
    found = Cascade.of(doubled, Calls.of([1.0] * 6 + [5.0] * 3))
    assert found is not None
    spare = redundant_calls(found)
    assert spare is not None
    assert set(spare.columns) >= {6, 7, 8}
    assert spare.variance_share < 0.02
    assert spare.cost_share == pytest.approx((15 + len(spare.columns) - 3) / 21)
    assert redundant_calls(cascade(), 1e-9) is None
