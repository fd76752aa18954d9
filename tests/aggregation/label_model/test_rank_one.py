"""The fit of one shared factor, and when it is believed."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.evaluation.measures import selection_by_query
from assay.aggregation.label_model.rank_one import fit_rank_one
from assay.aggregation.statistics.queries import Queries
from tests.support.samples.ensembles import named


def test_the_rank_one_fit_finds_the_shared_factor() -> None:
    """Exactly, also with one verifier turned round; it ignores correlation within a family."""
    d = np.array([0.5, 0.4, 0.3, -0.3, 0.45, 0.35])
    correlations = np.outer(d, d)
    correlations[0, 1] = correlations[1, 0] = 0.9
    np.fill_diagonal(correlations, 1.0)
    found, trust = fit_rank_one(correlations, np.full((6, 6), 1e6), np.array([0, 0, 1, 2, 3, 4]))

    assert found == pytest.approx(d, abs=2e-3)
    assert trust.value > 0.95


def test_one_factor_behind_everything_is_not_trusted() -> None:
    """Verifiers that agree more than truth could make them: t < 0.05, and the order is that of
    the average (6).
    """
    random = np.random.default_rng(0)
    shared = random.normal(size=(5000, 1))
    scores = 0.8 * shared + 0.6 * random.normal(size=(5000, 10))
    query = np.repeat(np.arange(500), 10)

    model = LabelModel().fit(scores, query)

    assert model.trust_.value < 0.05
    average = model.base_.terms(model.maps_.units(scores), None).sum(axis=1)
    assert np.argsort(model.score_samples(scores, query)).tolist() == np.argsort(average).tolist()


def test_with_four_families_a_fit_explains_anything() -> None:
    """Four verifiers that hardly agree, one of them with a little of each other: the average is
    kept.

    Seen on real answers: the fit took topical similarity for the truth, and explained all
    correlations.
    """
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 4000)
    checks = truth[:, None] + random.normal(size=(4000, 2)) * [0.7, 0.8]
    checks[:, 1] -= 0.85 * (
        checks[:, 0] - checks[:, 0].mean()
    )  # right as well, where the other is not
    similar = 0.25 * checks.sum(axis=1) + random.normal(size=4000)
    scores, query = (
        np.column_stack([checks, similar, random.normal(size=4000)]),
        np.repeat(np.arange(500), 8),
    )

    model = LabelModel().fit(scores, query)
    average = model.base_.terms(model.maps_.units(scores), None).sum(axis=1)

    said = model.score_samples(scores, query)
    queries = Queries.of(query)
    best, kept = (
        selection_by_query(each, truth.astype(float), queries).mean() for each in (average, said)
    )
    assert model.trust_.value < 0.25
    assert kept > best - 0.02


def test_little_data_or_few_families_are_not_trusted() -> None:
    """Fifty rows, or two families: t = 0 (7)."""
    sample = named("02")
    few = LabelModel().fit(sample.scores[:50], sample.query_id[:50])
    halves = {name: f"f{place % 2}" for place, name in enumerate(sample.names)}
    two = LabelModel(families=halves).fit(
        sample.scores, sample.query_id, verifier_names=sample.names
    )

    assert few.trust_.value == 0
    assert two.trust_.value == 0
    assert not two.trust_.identified


def test_few_rows_suffice_where_errors_are_independent() -> None:
    """Three hundred rows of twelve verifiers: with so many pairs a misfit would show."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 300)
    scores = 1.2 * truth[:, None] + random.normal(size=(300, 12))

    trust = LabelModel().fit(scores, np.arange(300) // 6).trust_

    assert trust.enough == 1
    assert trust.value > 0.5
