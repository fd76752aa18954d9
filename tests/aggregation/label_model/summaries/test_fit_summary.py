"""The warnings after a fit."""

from __future__ import annotations

import numpy as np

from assay.aggregation.label_model.summaries.fit_summary import fit_report
from tests.support.samples.ensembles import fit, named, small


def test_one_candidate_a_query() -> None:
    """The model has no query columns, and the report explains the consequence."""
    sample = named("19")
    model = fit(
        sample.scores,
        sample.query_id,
        np.where(sample.query_id < 200, sample.labels, -1),
        verifier_names=sample.names,
    )

    assert not model.grouped_
    assert model.head_ is model.lone_head_
    assert any(
        "about one candidate a query" in warning for warning in fit_report(model)["warnings"]
    )
    assert np.isfinite(model.score_samples(sample.scores, sample.query_id)).all()


def test_labels_that_were_not_random_are_told() -> None:
    """Half must be, for calibrated probabilities."""
    sample = small()
    model = fit(
        sample.scores,
        sample.query_id,
        sample.labels,
        label_random=np.arange(len(sample.labels)) % 3 == 0,
    )

    assert not model.calibrated_
    assert any("fewer than half" in warning for warning in fit_report(model)["warnings"])
