"""The head that is learned from labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from assay.aggregation import Floats, LabelModel, OneClassError
from assay.aggregation.label_model.head import HeadRows
from assay.aggregation.statistics.queries import Queries, finite
from tests.support.samples.ensembles import named, small


@pytest.mark.parametrize("values", [[0.5], [0.45, 0.55]])
def test_labels_that_decide_nothing_do_not_calibrate_a_fit(values: list[float]) -> None:
    """They are learned as such, and say no chance."""
    sample = small()
    labels = np.resize(values, len(sample.labels) // 6)
    every = np.concatenate([labels, np.full(len(sample.labels) - len(labels), -1.0)])

    model = LabelModel().fit(sample.scores, sample.query_id, every)

    assert not model.calibrated_
    assert "0.5 decides nothing" in str(model.counts_.why_not)


@pytest.mark.parametrize("queries", [1, 4, 5])
def test_labels_of_few_queries_do_not_calibrate_a_fit(queries: int) -> None:
    """However many they are."""
    sample = small()
    of_query = np.digitize(np.arange(len(sample.labels)), np.linspace(0, 360, queries + 1)[1:-1])

    model = LabelModel().fit(sample.scores, of_query, sample.labels)

    assert model.calibrated_ is (queries == 5)


@pytest.mark.parametrize("value", [0, 1])
def test_labels_of_one_class_are_refused(value: int) -> None:
    """With a message that says which (7)."""
    sample = small()
    with pytest.raises(
        OneClassError, match="all 360 labels are " + ("correct" if value else "wrong")
    ):
        LabelModel().fit(sample.scores, sample.query_id, np.full(len(sample.labels), value))


def unpenalised(columns: Floats, labels: Floats) -> Floats:
    """Return the weights of nearly unpenalised logistic regression, by a general optimiser."""

    def loss(weights: Floats) -> tuple[float, Floats]:
        eta = columns @ weights
        value = (np.logaddexp(0, eta) - labels * eta).sum() + 5e-5 * weights @ weights
        return float(value), columns.T @ (expit(eta) - labels) + 1e-4 * weights

    return np.asarray(
        minimize(loss, np.zeros(columns.shape[1]), jac=True, options={"maxiter": 500}).x
    )


def test_many_labels_are_logistic_regression() -> None:
    """10,000 labels: within 0.001 Brier of nearly unpenalised regression on the same columns
    (9).
    """
    sample = named("03")
    rows = np.random.default_rng(0).permutation(len(sample.labels))
    train, test = rows[:10_000], rows[10_000:]
    labels = np.full(len(sample.labels), -1)
    labels[train] = sample.labels[train]

    model = LabelModel(families=sample.families).fit(
        sample.scores, sample.query_id, labels, verifier_names=sample.names
    )
    mine = model.predict_proba(sample.scores, sample.query_id)
    scores, queries = finite(sample.scores), Queries.of(sample.query_id)
    columns = HeadRows.from_scores(
        model.base_, model.maps_.units(scores), model.maps_.normals(scores), queries
    ).features
    theirs = expit(columns[test] @ unpenalised(columns[train], sample.labels[train].astype(float)))

    def brier(probability: Floats) -> float:
        return float(((probability - sample.labels[test]) ** 2).mean())

    assert brier(mine[test]) == pytest.approx(brier(theirs), abs=0.001)
