"""Rows and queries that stand in the data twice."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.evaluation.evaluate import evaluate
from assay.aggregation.evaluation.method_measures import SUPERVISED
from assay.aggregation.statistics.duplicates import distinct, distinct_rows
from assay.aggregation.statistics.queries import Queries
from tests.support.samples.noise import noise
from tests.support.samples.synthetic import Sample, Scenario, kinds, make


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


@pytest.mark.parametrize("shuffled", [False, True])
def test_each_row_counts_as_one_with_the_same_scores(shuffled: bool) -> None:
    """Rows twice in their query and queries twice, in any order of the rows."""
    random = np.random.default_rng(1)
    scores, query = noise("independent", 4, 40, 0)
    scores = np.concatenate([scores, scores[::5], scores[::-1]])
    query = np.concatenate([query, query[::5], 1000 + query[::-1]])
    if shuffled:
        order = random.permutation(len(scores))
        scores, query = scores[order], query[order]

    counted = distinct_rows(scores, Queries.of(query))
    of_query = (query % 1000).astype(np.float64)

    assert counted is not None
    assert np.array_equal(scores[counted.rows][counted.counts_as], scores)
    assert len(np.unique(query[counted.rows] % 1000)) == len(counted.queries) == 40
    assert (query[counted.rows][counted.counts_as] % 1000 == query % 1000).all()
    assert counted.means(of_query).tolist() == of_query[counted.rows].tolist()


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


def sample_of(size: int, seed: int) -> Sample:
    """Return queries of verdicts and of fine scores."""
    return make(Scenario("fine", kinds(binary=2, cont=4), queries=120, size=size), seed)


@pytest.mark.parametrize("copies", [2, 3])
@pytest.mark.parametrize(("size", "seed"), [(6, 0), (3, 1)])
def test_labels_of_duplicates_count_once(copies: int, size: int, seed: int) -> None:
    """Rows that stand in their query several times, and queries under several names."""
    sample = sample_of(size, seed)
    labels = np.where(np.random.default_rng(0).random(len(sample.labels)) < 0.5, sample.labels, -1)
    plain = LabelModel().fit(sample.scores, sample.query_id, labels)
    rows = np.tile(np.arange(len(labels)), copies)
    names = sample.query_id[rows] + 1000 * np.repeat(np.arange(copies), len(labels))

    repeated = LabelModel().fit(sample.scores[rows], sample.query_id[rows], labels[rows])
    renamed = LabelModel().fit(sample.scores[rows], names, labels[rows])

    assert repeated.check_ is not None
    for model in (repeated, renamed):
        assert model.counts_ == plain.counts_
        assert model.weights_ == pytest.approx(plain.weights_, rel=1e-6)
        assert model.head_.covariance == pytest.approx(plain.head_.covariance, rel=1e-6)
    assert repeated.check_ == plain.check_


def test_an_evaluation_counts_duplicates_once() -> None:
    """A copy of a query in another fold would make every method look better than it is."""
    sample = sample_of(5, 2)
    rows = np.tile(np.arange(len(sample.labels)), 2)
    names = sample.query_id[rows] + 1000 * np.repeat(np.arange(2), len(sample.labels))
    plain, repeated = (
        evaluate(
            sample.scores[some], query[: len(some)], sample.labels[some], sample.names, budgets=()
        )
        for some, query in ((np.arange(len(sample.labels)), names), (rows, names))
    )

    assert (repeated.queries, repeated.rows) == (plain.queries, plain.rows) == (120, 600)
    supervised = [
        next(method for method in found.methods if method.name == SUPERVISED)
        for found in (plain, repeated)
    ]
    assert supervised[0].brier is not None
    assert supervised[1].brier is not None
    assert supervised[1].brier.value == pytest.approx(supervised[0].brier.value, abs=0.01)
