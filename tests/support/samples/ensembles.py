"""Small ensembles that the tests of the label model share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from assay.aggregation import Floats, LabelModel
from assay.aggregation.averages.baselines import supervised
from assay.aggregation.evaluation.measures import selection_by_query
from assay.aggregation.statistics.queries import Queries, finite
from tests.support.samples.synthetic import NAMED, Sample, Scenario, make

#: Seeds of samples.
SEEDS = st.integers(0, 2**31)
BY_NAME = {scenario.name[:2]: scenario for scenario in NAMED}


@cache
def named(number: str, seed: int = 0) -> Sample:
    """Return a named scenario's data by its number."""
    return make(BY_NAME[number], seed)


def fitted(sample: Sample, scores: Floats | None = None) -> LabelModel:
    """Return a model of a sample (or of other scores for it), families given."""
    matrix = sample.scores if scores is None else scores
    return LabelModel(families=sample.families).fit(
        matrix, sample.query_id, verifier_names=sample.names
    )


def selection(sample: Sample, scores: Floats) -> float:
    """Return selection@1 of scores."""
    return float(
        selection_by_query(scores, sample.labels.astype(float), Queries.of(sample.query_id)).mean()
    )


def small(seed: int = 0, queries: int = 60, size: int = 6, verifiers: int = 6) -> Sample:
    """Return a small sample of mixed kinds with a few missing scores."""
    kinds = (("binary", "ordinal", "prob", "cont") * verifiers)[:verifiers]
    return make(
        Scenario(
            "small",
            kinds,
            queries=queries,
            size=size,
            missing=0.05,
            strength_mean=1.2,
            strength_sd=0.2,
        ),
        seed,
    )


def fit(scores: Any, query_id: Any, labels: Any = None, **options: Any) -> LabelModel:
    """Fit a model."""
    return LabelModel().fit(scores, query_id, labels, **options)


def fitted_with_labels(
    sample: Sample,
    queries: int,
    borrow: Sequence[LabelModel] = (),
    names: Sequence[str] | None = None,
) -> LabelModel:
    """Return a model fitted with the labels of the first queries."""
    labels = np.where(sample.query_id < queries, sample.labels, -1)
    return LabelModel(borrow=borrow).fit(
        sample.scores, sample.query_id, labels, verifier_names=names or sample.names
    )


def supervised_reference(sample: object) -> Floats:
    """Return supervised log-odds on the very rows that they were fitted on."""
    scores, labels, query = (
        np.asarray(getattr(sample, name)) for name in ("scores", "labels", "query_id")
    )
    queries = Queries.of(query)
    return supervised(finite(scores), labels.astype(float), queries, finite(scores), queries, True)
