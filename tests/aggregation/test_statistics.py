"""What the rows are reduced to, and what is fitted to it without labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.aggregation.label_model.base_rate import base_rate_from_third_moments
from assay.aggregation.label_model.rank_one import fit_rank_one
from assay.aggregation.label_model.score_maps import ScoreMaps
from assay.aggregation.statistics.moments import Moments
from assay.aggregation.statistics.queries import Queries
from assay.aggregation.statistics.row_sample import LAYER, MAX_ROWS, RowSample

NAN = np.nan


def test_a_sample_is_whole_queries_up_to_a_layer() -> None:
    """20,000 rows at most; a large query gives 64 rows before any gives more; whatever the
    shards.
    """
    sizes = np.concatenate([np.full(40, 1000), np.full(2000, 5)])
    query = np.repeat(np.arange(len(sizes)), sizes)
    scores = np.random.default_rng(0).normal(size=(len(query), 2)).astype(np.float32)
    half = query < 500

    whole = RowSample.of(scores, Queries.of(query), ["a", "b"])
    merged = RowSample.of(scores[~half], Queries.of(query[~half]), ["a", "b"]).merge(
        RowSample.of(scores[half], Queries.of(query[half]), ["a", "b"])
    )

    counts = np.sort(whole.queries.sizes)
    assert MAX_ROWS - 1000 < len(whole.scores) <= MAX_ROWS
    assert len(counts) == len(sizes)  # every query is there: no large one crowded others out
    assert counts[-1] >= LAYER
    assert np.array_equal(whole.scores, merged.scores)
    assert np.array_equal(whole.query, merged.query)


@pytest.mark.parametrize("size", [20, 21, 70])
def test_a_merged_sample_is_that_of_all_rows(size: int) -> None:
    """Whether the last query just fits, is cut, or gives a second layer; in any order of
    merging.
    """
    random = np.random.default_rng(size)
    query = np.repeat(np.arange(42_000 // size), size)
    scores = random.normal(size=(len(query), 1))
    part = random.integers(0, 5, query[-1] + 1)[query]
    parts = [
        RowSample.of(scores[part == each], Queries.of(query[part == each]), ["a"])
        for each in random.permutation(5)
    ]

    whole = RowSample.of(scores, Queries.of(query), ["a"])
    merged = parts[0].merge(parts[1]).merge(parts[2].merge(parts[3]).merge(parts[4]))

    assert MAX_ROWS - LAYER < len(whole.scores) <= MAX_ROWS
    assert np.array_equal(whole.scores, merged.scores)


def test_a_small_data_set_is_its_own_sample() -> None:
    """All rows, in an order that follows from the content alone."""
    scores = np.random.default_rng(0).normal(size=(500, 2))
    query = np.repeat(np.arange(50), 10)
    mixed = np.random.default_rng(1).permutation(500)

    one = RowSample.of(scores, Queries.of(query), ["a", "b"])
    other = RowSample.of(scores[mixed], Queries.of(query[mixed]), ["a", "b"])

    assert np.array_equal(one.scores, other.scores)
    assert sorted(one.scores[:, 0].tolist()) == sorted(scores[:, 0].tolist())


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


def test_the_rank_one_fit_finds_the_shared_factor() -> None:
    """Exactly, where it is all there is, also with one verifier turned round; a family's own
    correlation is left out.
    """
    d = np.array([0.5, 0.4, 0.3, -0.3, 0.45, 0.35])
    correlations = np.outer(d, d)
    correlations[0, 1] = correlations[1, 0] = 0.9
    np.fill_diagonal(correlations, 1.0)
    found, trust = fit_rank_one(correlations, np.full((6, 6), 1e6), np.array([0, 0, 1, 2, 3, 4]))

    assert found == pytest.approx(d, abs=2e-3)
    assert trust.value > 0.95


def test_third_moments_need_three_families() -> None:
    """Else there is no estimate."""
    z = np.random.default_rng(0).normal(size=(100, 3))
    assert base_rate_from_third_moments(z, np.ones(3), np.array([0, 0, 1])) is None
