"""The worth of verifiers: estimates against known truth, and which verifiers can go."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import Floats, LabelModel
from assay.aggregation.evaluation.measures import auc
from assay.aggregation.evaluation.verifier_value import (
    VerifierValues,
    expected_auc,
    verifier_values,
)
from tests.support.samples.synthetic import Sample, Scenario, kinds, make

STRENGTHS = (1.6, 1.2, 0.8, 0.4, 0.0, 0.0)


def planted(queries: int = 400, seed: int = 0, missing: float = 0.0) -> Sample:
    """Six verifiers from good to useless, independent given the truth."""
    return make(
        Scenario(
            "planted", kinds(cont=6), queries=queries, size=8, strength=STRENGTHS, missing=missing
        ),
        seed,
    )


def learned(sample: Sample, scores: Floats | None = None) -> LabelModel:
    """A model that knows the truth of all rows."""
    matrix = sample.scores if scores is None else scores
    return LabelModel(families=sample.families).fit(
        matrix, sample.query_id, sample.labels, verifier_names=sample.names
    )


def found(sample: Sample, costs: list[float] | None = None) -> VerifierValues:
    """Return the worth of a sample's verifiers."""
    return verifier_values(
        learned(sample), sample.scores, sample.query_id, costs or [1.0] * len(sample.names)
    )


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_expected_accuracy_is_the_true_one(missing: float) -> None:
    """By the model's probabilities alone; a score that is missing is not a low one."""
    sample = planted(missing=missing)

    estimated = found(sample).accuracy

    true = [
        auc(sample.scores[:, column].astype(float), sample.labels.astype(float))
        for column in range(6)
    ]
    assert estimated == pytest.approx(true, abs=0.03)


def test_expected_auc_of_certain_chances_is_the_auc() -> None:
    """Ties count half; a verifier that says nothing has none, nor one where all is certain."""
    scores, labels = np.array([3.0, 1.0, 2.0, 2.0, np.nan]), np.array([1.0, 0.0, 1.0, 0.0, 1.0])

    assert expected_auc(scores, labels) == auc(scores, labels) == 0.875
    assert np.isnan(expected_auc(np.full(5, np.nan), labels))
    assert np.isnan(expected_auc(scores, np.ones(5)))


def test_the_better_a_verifier_the_dearer_it_is_to_drop() -> None:
    """Useless verifiers cost nothing and go first; the best stays to the end."""
    sample = planted()

    worth = found(sample)

    assert np.argsort(-worth.loss)[:2].tolist() == [0, 1]
    assert np.abs(worth.loss[4:]).max() < 0.003
    assert {step.dropped for step in worth.path[:2]} == {sample.names[4], sample.names[5]}
    assert worth.path[-1].dropped != sample.names[0]
    assert [step.cost for step in worth.path] == pytest.approx([5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])
    assert set(sample.names[:2]) <= set(worth.sufficient)
    assert not {sample.names[4], sample.names[5]} & set(worth.sufficient)


def test_what_is_dear_goes_before_what_is_cheap() -> None:
    """Of two verifiers of equal worth, the dearer goes first; a free one stays longest."""
    sample = planted()
    twins = np.column_stack(
        [sample.scores, sample.scores[:, 1] + 1e-9 * np.arange(len(sample.scores))]
    )
    names = [*sample.names, "twin"]
    model = LabelModel().fit(twins, sample.query_id, sample.labels, verifier_names=names)

    dear = verifier_values(model, twins, sample.query_id, [1, 1, 1, 1, 0, 1, 10])
    cheap = verifier_values(model, twins, sample.query_id, [1, 10, 1, 1, 0, 1, 1])

    assert [step.dropped for step in dear.path].index("twin") < [
        step.dropped for step in dear.path
    ].index(names[1])
    assert [step.dropped for step in cheap.path].index(names[1]) < [
        step.dropped for step in cheap.path
    ].index("twin")
    assert names[4] in dear.sufficient  # free
    assert dear.correlations[1, 6] == pytest.approx(1.0, abs=1e-3)


def test_the_order_of_rows_and_columns_changes_nothing() -> None:
    """Values go with the verifier's name."""
    sample = planted(queries=100)
    rows = np.random.default_rng(1).permutation(len(sample.scores))
    columns = [3, 0, 5, 1, 4, 2]
    other = LabelModel(families=sample.families).fit(
        sample.scores[:, columns],
        sample.query_id,
        sample.labels,
        verifier_names=[sample.names[place] for place in columns],
    )

    one = found(sample)
    two = verifier_values(other, sample.scores[rows][:, columns], sample.query_id[rows], [1.0] * 6)

    assert two.accuracy == pytest.approx(one.accuracy[columns])
    assert two.loss == pytest.approx(one.loss[columns], abs=1e-9)
    assert set(two.sufficient) == set(one.sufficient)


def test_many_rows_are_sampled_by_query() -> None:
    """The expected selection is that of all rows, nearly."""
    sample = planted(queries=6000)

    few, many = found(planted(queries=2000)), found(sample)

    assert len(few.selection) == 2000
    assert len(many.selection) < 2600
    assert many.selection.mean() == pytest.approx(few.selection.mean(), abs=0.02)


def test_a_verifier_that_says_one_thing_has_no_value() -> None:
    """NaN, not 0; the others are measured, and lone candidates are left out."""
    sample = planted(queries=60)
    scores = np.column_stack([sample.scores, np.ones(len(sample.scores))])
    query = np.where(np.arange(len(scores)) == 0, -1, sample.query_id)
    model = LabelModel().fit(
        scores, query, sample.labels, verifier_names=[*sample.names, "constant"]
    )

    worth = verifier_values(model, scores, query, [1.0] * 7)

    assert np.isnan(worth.accuracy[6])
    assert np.isnan(worth.loss[6])
    assert np.isnan(worth.correlations[6]).all()
    assert np.isfinite(worth.accuracy[:6]).all()
    assert len(worth.selection) == 60
    with pytest.raises(ValueError, match="no query has two candidates"):
        verifier_values(model, scores, np.arange(len(scores)), [1.0] * 7)
