"""A small ensemble and its cascade."""

from __future__ import annotations

from functools import cache

import numpy as np

from assay.aggregation import Floats, LabelModel
from assay.aggregation.cascade.cascade import Cascade
from assay.aggregation.cascade.tiers import Calls
from assay.aggregation.evaluation.label_sampling import draw_labels
from assay.aggregation.statistics.queries import Queries
from tests.support.samples.ensembles import small
from tests.support.samples.synthetic import Sample

COSTS = (0.0, 0.1, 1.0, 2.0, 10.0, 30.0)


@cache
def sample() -> Sample:
    """Return 200 queries of 6 candidates and 6 verifiers."""
    return small(3, queries=200)


@cache
def model(labels: int = 0) -> LabelModel:
    """Return a model of it."""
    data = sample()
    queries = Queries.of(data.query_id)
    known = None
    if labels:
        known = np.full(len(data.labels), np.nan)
        rows = draw_labels(queries, data.labels.astype(float), labels, np.random.default_rng(0))
        known[rows] = data.labels[rows]
    return LabelModel(families=data.families).fit(
        data.scores, data.query_id, known, verifier_names=data.names
    )


def cascade(
    labels: int = 0, price: float | None = None, costs: tuple[float, ...] = COSTS
) -> Cascade:
    """Return its cascade."""
    found = Cascade.of(model(labels), Calls.of(costs), price)
    assert found is not None
    return found


def query(number: int) -> Floats:
    """Return a query's scores."""
    data = sample()
    return np.array(data.scores[data.query_id == np.unique(data.query_id)[number]])
