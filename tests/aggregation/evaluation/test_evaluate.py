"""The evaluation of every method on labelled queries."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.evaluation.evaluate import evaluate
from tests.support.samples.ensembles import named, small


def test_evaluation_needs_labels_of_both_classes_and_enough_queries() -> None:
    """The message gives the counts."""
    sample = small()
    with pytest.raises(
        ValueError, match="3 queries have all candidates labelled; to evaluate takes 10"
    ):
        evaluate(
            sample.scores,
            sample.query_id,
            np.where(sample.query_id < 3, sample.labels, -1),
            sample.names,
        )
    with pytest.raises(ValueError, match="all 360 are wrong"):
        evaluate(sample.scores, sample.query_id, np.zeros(len(sample.labels)), sample.names)


def test_an_evaluation_measures_every_method() -> None:
    """Ours beat a plain average where the truth is a shared factor; queries not wholly labelled
    are left out.
    """
    sample = named("14")
    labels = np.where(sample.query_id == 0, -1, sample.labels)
    seen = []

    found = evaluate(
        sample.scores,
        sample.query_id,
        labels,
        sample.names,
        budgets=(25,),
        draws=2,
        progress=lambda *step: seen.append(step),
    )

    by_name = {method.name: method for method in found.methods}
    assert list(by_name) == [
        "first sample",
        "mean of z-scores",
        "mean of min–max",
        "Borda",
        "majority",
        "best single verifier",
        "Assay, no labels",
        "Assay, 25 labels",
        "Assay, all labels",
        "supervised, all labels",
        "oracle",
    ]
    assert (found.queries, found.left_out, len(found.verifiers)) == (49, 1, len(sample.names))
    assert (
        by_name["oracle"].selection.value
        >= by_name["Assay, all labels"].selection.value
        > by_name["first sample"].selection.value
    )
    assert by_name["Assay, all labels"].brier is not None
    assert by_name["Assay, all labels"].brier.value < 0.2
    assert by_name["mean of z-scores"].brier is None
    assert seen[-1][0] == seen[-1][1] == len(seen)
