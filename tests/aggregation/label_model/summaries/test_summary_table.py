"""The summary of a fit, as text."""

from __future__ import annotations

import numpy as np

from assay.aggregation import LabelModel
from tests.support.samples.ensembles import fitted, small


def test_every_verifier_has_a_line_and_the_heaviest_is_first() -> None:
    """With its family, its coverage, and why it is left out."""
    sample = small()
    scores = np.column_stack([sample.scores, np.ones(len(sample.scores))])
    names = [*sample.names, "rm:constant"]
    model = LabelModel().fit(scores, sample.query_id, sample.labels, verifier_names=names)

    lines = model.summary().splitlines()

    start = next(place for place, line in enumerate(lines) if line.startswith("verifier "))
    verifiers = {line.split()[0]: line for line in lines[start + 1 : start + 8]}
    assert set(verifiers) == set(names)
    assert lines[start + 1].split()[0] == names[int(np.abs(model.weights_).argmax())]
    assert verifiers["rm:constant"].split()[1:3] == ["rm", "+0.00"]
    assert verifiers["rm:constant"].endswith("left out: only one value")
    assert f"{model.coverage_[0]:.0%}" in verifiers[names[0]]


def test_it_says_where_the_base_rate_came_from_and_what_it_takes_to_calibrate() -> None:
    """From labels, from the caller, or from nowhere."""
    sample = small()
    few = np.where(sample.query_id < 2, sample.labels, -1)
    told = LabelModel().fit(sample.scores, sample.query_id, sample.labels)
    stated = LabelModel(base_rate=0.25).fit(sample.scores[:, :3], sample.query_id)
    dozen = LabelModel().fit(sample.scores, sample.query_id, few)

    assert "calibrated:  yes" in told.summary()
    assert f"{sample.labels.mean():.3f}, the share of labels" in told.summary()
    assert "calibrated:  no: 12 labels: it takes 25" in dozen.summary()
    assert "0.250, stated by the caller" in stated.summary()
    assert "warning: fewer than 3 families or 4 verifiers" in stated.summary()
    assert "calibrated:  no: no labels" in fitted(sample).summary()
