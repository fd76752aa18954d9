"""The warnings after a fit."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
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


@pytest.mark.parametrize("seed", [0, 1])
def test_a_shared_style_orders_and_asks_for_labels(seed: int) -> None:
    """No trust and no base rate come from it."""
    random = np.random.default_rng(seed)
    scores = random.random((4000, 1)) * random.uniform(1, 3, 8) + random.normal(size=(4000, 8))
    model = LabelModel().fit(scores, np.arange(4000) // 8)

    report = fit_report(model)
    assert report["trust"]["value"] <= 0.25
    assert report["trust"]["fitted_share"] > 0.5
    assert report["base_rate"]["from"] == "assumed"
    assert any("could as well be a style" in warning for warning in report["warnings"])


def test_truth_is_no_style() -> None:
    """Nothing is asked for then."""
    random = np.random.default_rng(2)
    truth = random.random(4000) < 0.4
    scores = truth[:, None] * random.uniform(0.6, 1.2, 8) + random.normal(size=(4000, 8))
    report = fit_report(LabelModel().fit(scores, np.arange(4000) // 8))

    assert report["trust"]["value"] > 0.25
    assert not any("could as well be a style" in warning for warning in report["warnings"])
