"""What an evaluation found, in sentences."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.evaluation.estimates import Interval
from assay.aggregation.evaluation.evaluate import Evaluation, evaluate
from assay.service.cli.evaluation.summary import (
    best_sentence,
    estimator_sentences,
    gain_sentences,
    half_width,
)
from tests.support.samples.ensembles import small

SAMPLE = small(queries=60)


def evaluation(labelled: int, *, answers: bool = False, random: bool = False) -> Evaluation:
    """Return an evaluation of the first labelled candidates of each query."""
    labels = np.where(np.arange(360) % 6 < labelled, SAMPLE.labels, -1)
    return evaluate(
        SAMPLE.scores,
        SAMPLE.query_id,
        labels,
        SAMPLE.names,
        budgets=(100,),
        draws=1,
        answers=np.tile([0, 0, 1, 2, 3, 4], 60) if answers else None,
        label_random=np.arange(360) % 6 < 1 if random else None,
    )


def test_gains_are_stated_for_100_labels_and_for_all() -> None:
    """With intervals, over what people do without verifiers."""
    measured = evaluation(6, answers=True)
    hundred, every = gain_sentences(measured, "not known")
    by_name = {method.name: method for method in measured.methods}

    share = by_name["Assay, 100 labels"].selection
    ahead = by_name["Assay, 100 labels"].ahead_of["first sample"]
    assert hundred.startswith(
        f"Assay with 100 labels picks a correct answer for {share.value:.3f} ± {half_width(share)}"
        " of the queries: "
    )
    assert f"{ahead.value:+.3f} ± {half_width(ahead)} over the first sample" in hundred
    for part in ("over the first sample", "over a random candidate", "over the majority answer"):
        assert part in hundred
        assert part in every
    assert every.startswith("Assay with all labels (288 of 360 in each fold) picks")


def test_an_unknown_majority_has_its_reason() -> None:
    """In its own sentence; few labels have a headline of all labels only."""
    every, majority = gain_sentences(evaluation(1), "not known, the file has no answers")

    assert every.startswith("Assay with all labels (48 of 60 in each fold)")
    assert "majority answer" not in every
    assert majority == "majority: not known, the file has no answers"


def test_the_best_verifier_is_named_with_the_folds_choices() -> None:
    """The choices add up to the folds."""
    measured = evaluation(6)
    sentence = best_sentence(measured)

    assert sentence.startswith(f"best single verifier: {measured.best} (by all labels)")
    counts = [int(part.rsplit(" in ", 1)[1]) for part in sentence.split("folds: ")[1].split(", ")]
    assert sum(counts) == 5


def test_the_estimator_and_its_assumption_are_stated() -> None:
    """Where labels are partial; stated ones are not assumed, and others are counted."""
    assert estimator_sentences(evaluation(6), random_stated=False) == []
    assumed, choices = estimator_sentences(evaluation(2), random_stated=False)
    stated, _, chosen = estimator_sentences(evaluation(2, random=True), random_stated=True)

    assert "each labelled candidate counts for n/k candidates of its query" in assumed
    assert "assumes that labelled candidates were drawn at random" in assumed
    assert "which the file does not state" in assumed
    assert f"the {evaluation(2).choices:.0f} of 60 choices that are labelled" in choices
    assert "the file states that they were drawn at random" in stated
    assert chosen.startswith("60 labels of candidates that were not drawn at random teach")


@pytest.mark.parametrize(
    ("low", "high", "shown"), [(0.6, 0.7, ".050"), (np.nan, np.nan, "?"), (-1, 1.5, "1.250")]
)
def test_a_half_width_is_short(low: float, high: float, shown: str) -> None:
    """And a question mark where it is not known."""
    assert half_width(Interval(0.65, low, high)) == shown
