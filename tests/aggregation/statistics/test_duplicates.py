"""Rows and queries that stand in the data twice."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.statistics.duplicates import distinct
from assay.aggregation.statistics.queries import Queries
from tests.support.samples.noise import noise
from tests.support.samples.synthetic import Scenario, kinds, make


def test_a_row_twice_in_its_query_counts_once() -> None:
    """Wherever it stands, with missing scores and without."""
    scores, query = noise("copies", 5, 60, 0)
    scores[::7, 2] = np.nan
    twice = np.concatenate([scores[::3], scores])
    kept, queries = distinct(twice, Queries.of(np.concatenate([query[::3], query])))

    assert len(kept) == len(scores)
    assert queries.sizes.tolist() == Queries.of(query).sizes.tolist()


def test_a_query_twice_counts_once() -> None:
    """Under another name, its rows in another order."""
    scores, query = noise("independent", 4, 60, 0)
    again = np.concatenate([scores, scores[::-1]])
    kept, queries = distinct(again, Queries.of(np.concatenate([query, 1000 + query[::-1]])))

    assert len(queries) == 60
    assert sorted(kept[:, 0]) == sorted(scores[:, 0])


@pytest.mark.parametrize("levels", [2, 5])
def test_verdicts_and_ratings_are_no_duplicates(levels: int) -> None:
    """Different candidates often have the same."""
    scores = np.random.default_rng(0).integers(0, levels, (600, 4)).astype(float)
    queries = Queries.of(np.arange(600) // 6)
    assert distinct(scores, queries)[0] is scores


def test_one_column_of_scores_tells_no_query_apart() -> None:
    """A few rows may agree by chance; whole data without duplicates stay as they are."""
    scores = np.random.default_rng(0).normal(size=(3000, 1)).round(2)
    assert distinct(scores, Queries.of(np.arange(3000)))[0] is scores


@pytest.mark.parametrize("copies", [2, 5])
def test_a_fit_on_duplicates_is_the_fit_on_the_rows(copies: int) -> None:
    """Trust, weights and base rate; rows are counted once."""
    sample = make(Scenario("fine", kinds(binary=2, cont=5), queries=200, size=6), 0)
    plain = LabelModel().fit(sample.scores, sample.query_id)
    rows = np.tile(np.arange(len(sample.scores)), copies)

    repeated = LabelModel().fit(sample.scores[rows], sample.query_id[rows])
    renamed = LabelModel().fit(
        sample.scores[rows],
        sample.query_id[rows] + 1000 * np.repeat(np.arange(copies), len(sample.scores)),
    )

    assert repeated.rows_ == plain.rows_
    assert repeated.trust_ == plain.trust_
    assert np.array_equal(repeated.weights_, plain.weights_)
    assert repeated.base_rate_ == plain.base_rate_
    assert renamed.rows_ == plain.rows_
    assert renamed.trust_.value == pytest.approx(plain.trust_.value)
