"""The score that needs no labels."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from tests.support.samples.ensembles import small


def test_no_labels_are_the_label_free_order() -> None:
    """Labels all unknown are no labels (9)."""
    sample = small()

    free = LabelModel().fit(sample.scores, sample.query_id)
    unknown = LabelModel().fit(sample.scores, sample.query_id, np.full(len(sample.labels), -1))

    assert (
        unknown.score_samples(sample.scores, sample.query_id).tolist()
        == free.score_samples(sample.scores, sample.query_id).tolist()
    )
    assert not unknown.calibrated_


def test_stated_qualities_weigh_the_average() -> None:
    """A verifier stated as a coin does not count; equal statements change next to nothing: whoever
    agrees with the others by chance alone keeps its weight then.
    """
    sample = small()
    plain = LabelModel().fit(sample.scores, sample.query_id, verifier_names=sample.names)
    alike = LabelModel(quality=dict.fromkeys(sample.names, 0.7)).fit(
        sample.scores, sample.query_id, verifier_names=sample.names
    )
    useless = LabelModel(quality={sample.names[0]: 0.5, sample.names[1]: "high"}).fit(
        sample.scores, sample.query_id, verifier_names=sample.names
    )

    assert alike.base_.average == pytest.approx(plain.base_.average, rel=0.03)
    assert useless.base_.average[0] == 0
    assert (useless.base_.average[1:] > 0).all()
