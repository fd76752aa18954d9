"""The score that needs no labels."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.label_free import fitted_weights, weights_of_followers
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


@pytest.mark.parametrize("against", [-0.3, 0.05])
def test_who_does_not_follow_is_weighed_by_nobody(against: float) -> None:
    """It gets 0 instead of a negative weight, and the others what they have without it."""
    d = np.array([0.7, 0.6, 0.5, against])
    correlations = np.outer(d, d)
    correlations[3, :3] = correlations[:3, 3] = [0.4, 0.1, 0.1]
    np.fill_diagonal(correlations, 1.0)
    alone = fitted_weights(correlations[:3, :3], d[:3], 0.1)

    assert fitted_weights(correlations, d, 0.1)[3] < 0
    weights = weights_of_followers(correlations, d, 0.1, least=0.1)
    assert weights == pytest.approx([*alone, 0])
    assert weights_of_followers(correlations, d, 0.1, least=-1.0)[3] < 0
