"""The check of a learned head by cross-validation."""

from __future__ import annotations

import numpy as np

from assay.aggregation import LabelModel
from tests.support.samples.ensembles import named


def test_labels_calibrate() -> None:
    """100 random labels bring the Brier score below the label-free one where the base rate is
    far from a half.
    """
    sample = named("04")
    chosen = np.random.default_rng(0).permutation(600)[:100]
    labels = np.where(np.isin(sample.query_id, chosen), sample.labels, -1)

    model = LabelModel(base_rate=0.5).fit(sample.scores, sample.query_id, labels)
    free = LabelModel(base_rate=0.5).fit(sample.scores, sample.query_id)

    errors = [
        ((each.predict_proba(sample.scores, sample.query_id) - sample.labels) ** 2).mean()
        for each in (model, free)
    ]
    assert model.calibrated_
    assert errors[0] < errors[1] / 2
    assert model.check_ is not None
    assert not model.check_.fall_back
