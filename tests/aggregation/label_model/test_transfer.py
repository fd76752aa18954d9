"""Weights borrowed from other tasks."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from tests.support.samples.ensembles import fitted, fitted_with_labels, named, small
from tests.support.samples.synthetic import Sample


def test_borrowed_weights_help_where_tasks_are_alike() -> None:
    """With two halves of a data set as tasks, few labels and a loan beat few labels, by name."""
    whole, order = named("07"), np.arange(20)[::-1]
    here, there = (
        Sample(
            whole.name,
            whole.scores[rows],
            whole.labels[rows],
            whole.query_id[rows],
            whole.names,
            {},
            whole.strength,
        )
        for rows in (whole.query_id < 250, whole.query_id >= 250)
    )
    lender = LabelModel().fit(
        there.scores[:, order],
        there.query_id,
        there.labels,
        verifier_names=[there.names[place] for place in order],
    )

    errors = [
        ((model.predict_proba(here.scores, here.query_id) - here.labels) ** 2).mean()
        for model in (fitted_with_labels(here, 2), fitted_with_labels(here, 2, [lender]))
    ]

    assert errors[1] < 0.9 * errors[0]


def test_nothing_is_borrowed_from_a_model_that_has_nothing_to_lend() -> None:
    """Of other verifiers, or fitted without labels: the fit is the one without it."""
    sample = small()
    alone = fitted_with_labels(sample, 10).score_samples(sample.scores, sample.query_id)
    stranger = fitted_with_labels(small(1), 10, names=[f"other {place}" for place in range(6)])

    for lender in (stranger, fitted(sample)):
        assert fitted_with_labels(sample, 10, [lender]).score_samples(
            sample.scores, sample.query_id
        ) == pytest.approx(alone, abs=1e-12, nan_ok=True)


def test_weights_of_the_wrong_verifiers_do_little_harm() -> None:
    """A lender whose names were mixed up: the labels outvote it."""
    sample = named("07")
    lenders = [
        fitted_with_labels(
            sample, 100, names=np.random.default_rng(seed).permutation(sample.names).tolist()
        )
        for seed in range(3)
    ]

    def error(model: LabelModel) -> float:
        return float(
            ((model.predict_proba(sample.scores, sample.query_id) - sample.labels) ** 2).mean()
        )

    assert error(fitted_with_labels(sample, 5, lenders)) < 1.1 * error(
        fitted_with_labels(sample, 5)
    )


def test_a_lender_is_a_fitted_model() -> None:
    """Anything else is an error of its place in `borrow`; it may be fitted after it is stated."""
    sample, wrong = small(), [3, LabelModel(), None, ["judge"]]
    later = LabelModel()
    borrower = LabelModel(borrow=[later])

    for borrow in wrong:
        with pytest.raises(ValueError, match=r"borrow: (must be a list of models|entry 0 is no)"):
            LabelModel(borrow=borrow)  # type: ignore[arg-type]
    for labels in (None, sample.labels):
        with pytest.raises(ValueError, match=r"borrow: model 0 was not fitted yet"):
            borrower.fit(sample.scores, sample.query_id, labels)

    later.fit(sample.scores, sample.query_id, sample.labels)
    assert borrower.fit(sample.scores, sample.query_id, sample.labels).is_fitted
