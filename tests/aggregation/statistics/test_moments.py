"""The sums over the rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.aggregation.label_model.score_maps import ScoreMaps
from assay.aggregation.statistics.moments import Moments
from assay.aggregation.statistics.queries import Queries

NAN = np.nan


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.integers(1, 5), holes=st.booleans())
def test_statistics_are_what_they_say(seed: int, size: int, holes: bool) -> None:
    """Against the definition, pair by pair; and they add up."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(12 * size, 3))
    if holes:
        scores[random.random(scores.shape) < 0.3] = NAN
        scores[:12] = random.normal(size=(12, 3))
    query = np.repeat(np.arange(12), size)
    maps = ScoreMaps.fit(np.vstack([scores, random.normal(size=(20, 3))]))
    z, queries = maps.normals(scores), Queries.of(query)
    first = query < 5

    moments = Moments.of(scores, queries, maps)
    added = Moments.of(scores[first], Queries.of(query[first]), maps) + Moments.of(
        scores[~first], Queries.of(query[~first]), maps
    )

    centred = np.nan_to_num(z - queries.means(z))
    assert moments.within == pytest.approx(centred.T @ centred, abs=1e-9)
    assert moments.products == pytest.approx(np.nan_to_num(z).T @ np.nan_to_num(z), abs=1e-9)
    assert moments.counts.tolist() == (~np.isnan(z)).sum(axis=0).tolist()
    covariance, pairs = moments.covariance()
    if size == 1:
        both = ~np.isnan(z[:, 0]) & ~np.isnan(z[:, 1])
        means = np.nanmean(z, axis=0)
        assert pairs[0, 1] == both.sum()
        assert covariance[0, 1] == pytest.approx(
            ((z[both, 0] - means[0]) * (z[both, 1] - means[1])).mean()
        )
    for name in Moments.__dataclass_fields__:
        assert getattr(added, name) == pytest.approx(getattr(moments, name), rel=1e-12, abs=1e-12)
