"""The evaluation of every method on labelled queries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

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


def test_soft_labels_count_as_they_stand() -> None:
    """Nearer to 1/2 selects less in the mean; half of them unknown halves; none is rounded."""
    sample = small()
    measures = {}
    for share in (1.0, 0.8, 0.51):
        labels = np.where(sample.labels > 0.5, share, 1 - share)
        evaluation = evaluate(
            sample.scores, sample.query_id, labels, sample.names, budgets=(), draws=1
        )
        methods = {method.name: method for method in evaluation.methods}
        first, oracle, labelled = (
            methods[name] for name in ("first sample", "oracle", "Assay, all labels")
        )
        measures[share] = first.selection.value, oracle.selection.value
        assert evaluation.base_rate == pytest.approx(float(labels.mean()))
        assert evaluation.soft == (0 if share == 1.0 else len(labels))
        assert labelled.calibration_floor is not None
        assert np.isnan(labelled.calibration_floor) == (share < 1)
    for share in (0.8, 0.51):
        for soft, hard in zip(measures[share], measures[1.0], strict=True):
            assert soft == pytest.approx(1 - share + (2 * share - 1) * hard)


def test_labels_of_one_half_are_not_wrong() -> None:
    """Half of the candidates unsure: they count half; all of them: nothing to tell apart."""
    sample = small()
    unsure = np.where(np.arange(len(sample.labels)) % 2 == 0, 0.5, sample.labels)

    evaluation = evaluate(sample.scores, sample.query_id, unsure, sample.names, budgets=(), draws=1)

    first = {method.name: method for method in evaluation.methods}["first sample"]
    starts = np.unique(sample.query_id, return_index=True)[1]
    assert first.selection.value == pytest.approx(float(unsure[starts].mean()))
    assert evaluation.base_rate == pytest.approx(float(unsure.mean()))
    with pytest.raises(ValueError, match=r"all 360 are 0\.5: nothing to tell apart"):
        evaluate(sample.scores, sample.query_id, np.full(360, 0.5), sample.names)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_the_best_single_verifier_is_measured_in_its_own_scale(seed: int) -> None:
    """Folds choose differently between a probability and a reward about 1000, which pooled had an
    AUC of 0.70 to 0.77; by fold it is theirs.
    """
    random = np.random.default_rng(seed)
    query, labels = np.repeat(np.arange(30), 4), (random.random(120) < 0.4).astype(float)
    prob = expit(1.9 * labels - 1 + random.normal(size=120))
    reward = 1000 + 100 * (1.75 * labels + random.normal(size=120))

    found = evaluate(np.column_stack([prob, reward]), query, labels, ["prob", "reward"], budgets=())

    by_name = {method.name: method for method in found.methods}
    alone = [verifier.auc for verifier in found.verifiers]
    best = by_name["best single verifier"].auc
    assert best is not None
    assert min(alone) - 0.03 <= best.value <= max(alone) + 0.03


def test_a_method_is_compared_with_simple_ways_on_the_same_queries() -> None:
    """By paired intervals, which are narrower than those of each alone; calibration has no ECE
    interval, but a floor.
    """
    sample = named("14")
    found = evaluate(
        sample.scores, sample.query_id, sample.labels, sample.names, budgets=(25,), draws=3
    )
    by_name = {method.name: method for method in found.methods}
    ours = by_name["Assay, all labels"]

    assert set(ours.ahead_of) == {"first sample", "mean of min–max", "best single verifier"}
    ahead = ours.ahead_of["first sample"]
    assert ahead.value == pytest.approx(
        ours.selection.value - by_name["first sample"].selection.value
    )
    assert ahead.low > 0
    assert "first sample" not in by_name["first sample"].ahead_of
    assert ours.slope is not None
    assert ours.bias is not None
    assert ours.slope.low < ours.slope.value < ours.slope.high
    assert -0.2 < ours.bias.value < 0.2
    assert ours.calibration_error is not None
    assert ours.calibration_floor is not None
    assert 0 < ours.calibration_floor < ours.calibration_error + 0.1
    assert by_name["mean of z-scores"].slope is None
