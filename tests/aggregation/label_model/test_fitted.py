"""Reading scores with a fitted model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from assay.aggregation import LabelModel, NotFittedError
from assay.aggregation.ranking import rank
from tests.support.samples.ensembles import SEEDS, fit, fitted, named, small


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, place=st.integers(0, 5), told=st.booleans())
def test_a_missing_score_is_the_model_without_that_verifier(
    seed: int, place: int, told: bool
) -> None:
    """A query without a verifier scores as the other verifiers give it, with the same weights (8)."""
    sample = small(seed)
    labels = (
        np.where(np.random.default_rng(seed).random(len(sample.labels)) < 0.3, sample.labels, -1)
        if told
        else None
    )
    model = LabelModel().fit(sample.scores, sample.query_id, labels, verifier_names=sample.names)
    holed = sample.scores.copy()
    holed[:, place] = np.nan
    others = [name for name in sample.names if name != sample.names[place]]

    expected = model.for_verifiers(others).score_samples(
        np.delete(sample.scores, place, axis=1), sample.query_id
    )

    assert model.score_samples(holed, sample.query_id) == pytest.approx(
        expected, abs=1e-9, nan_ok=True
    )


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, told=st.booleans())
def test_contributions_sum_to_the_log_odds(seed: int, told: bool) -> None:
    """Up to one constant a query; a verifier that is nowhere in a query contributes nothing to
    it.
    """
    sample, random = small(seed), np.random.default_rng(seed)
    scores = sample.scores.copy()
    scores[sample.query_id == 0, 2] = np.nan
    labels = np.where(random.random(len(sample.labels)) < 0.3, sample.labels, -1) if told else None
    model = LabelModel().fit(scores, sample.query_id, labels)

    rest = model.score_samples(scores, sample.query_id) - model.contributions(
        scores, sample.query_id
    ).sum(axis=1)

    for query in range(5):
        assert rest[sample.query_id == query] == pytest.approx(
            rest[sample.query_id == query][0], abs=1e-9
        )
    assert (model.contributions(scores, sample.query_id)[sample.query_id == 0, 2] == 0).all()


def test_a_candidate_alone_has_a_head_of_its_own() -> None:
    """Its score comes from a head for lone candidates, and does not depend on other lone
    candidates.
    """
    sample = small(queries=200)
    model = LabelModel().fit(
        sample.scores, sample.query_id, np.where(sample.query_id < 40, sample.labels, -1)
    )
    rows = np.arange(100)

    alone = model.score_samples(sample.scores[:100], rows)

    assert alone == pytest.approx(
        [model.score_samples(sample.scores[[row]], [0])[0] for row in rows], abs=1e-12
    )
    assert alone != pytest.approx(model.score_samples(sample.scores[:100], sample.query_id[:100]))
    assert (model.lone_head_.weights[[2, *range(9, 15)]] == 0).all()


def test_probability_orders_as_the_log_odds_within_a_query() -> None:
    """And is its logistic."""
    sample = named("20")
    model = LabelModel().fit(
        sample.scores, sample.query_id, np.where(sample.query_id < 10, sample.labels, -1)
    )

    log_odds = model.score_samples(sample.scores, sample.query_id)

    assert model.predict_proba(sample.scores, sample.query_id) == pytest.approx(expit(log_odds))


def test_it_must_be_fitted_first() -> None:
    """And says so."""
    with pytest.raises(NotFittedError, match="not fitted"):
        LabelModel().predict_proba(np.zeros((2, 2)), [0, 0])


NAN = np.nan


def test_a_row_without_a_score_has_none() -> None:
    """Not a low one; its contributions are unknown as well."""
    sample = small()
    scores = sample.scores.copy()
    scores[3] = NAN
    for labels in (None, sample.labels):
        model = fit(scores, sample.query_id, labels)
        said = model.score_samples(scores, sample.query_id)
        assert np.isnan(said).nonzero()[0].tolist() == [3]
        assert np.isnan(model.predict_proba(scores, sample.query_id)).nonzero()[0].tolist() == [3]


def test_other_columns_than_fitted_are_refused() -> None:
    """With both counts."""
    sample = small()
    with pytest.raises(ValueError, match="5 columns, but the model has 6"):
        fitted(sample).score_samples(sample.scores[:, :5], sample.query_id)


def test_a_model_goes_by_name() -> None:
    """Columns in another order, some missing; it refuses unknown names or ignores them."""
    sample = small()
    model = fit(sample.scores, sample.query_id, sample.labels, verifier_names=sample.names)
    order = [3, 0, 5]
    names = [sample.names[place] for place in order]
    holed = np.full_like(sample.scores, NAN)
    holed[:, order] = sample.scores[:, order]

    expected = model.score_samples(holed, sample.query_id)
    named_so = model.for_verifiers(names).score_samples(sample.scores[:, order], sample.query_id)
    with_new = model.for_verifiers([*names, "new"], strict=False)
    widened = np.column_stack([sample.scores[:, order], np.ones(len(holed))])

    assert named_so == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert with_new.score_samples(widened, sample.query_id) == pytest.approx(
        expected, abs=1e-12, nan_ok=True
    )
    assert (np.nan_to_num(with_new.contributions(widened, sample.query_id))[:, 3] == 0).all()
    with pytest.raises(ValueError, match="does not know 'new'"):
        model.for_verifiers([*names, "new"])
    with pytest.raises(ValueError, match="none of the model's verifiers"):
        model.for_verifiers(["new"], strict=False)


class Frame:
    """An array with names of columns, as data frames have."""

    def __init__(self, scores: npt.NDArray[Any], columns: Sequence[object]) -> None:
        self.columns = columns
        self.scores = scores

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        return np.asarray(self.scores, dtype)


def test_a_data_frames_columns_go_by_name() -> None:
    """They name the verifiers of a fit, and are found in any order; parts are in their order."""
    sample = small()
    model = fit(Frame(sample.scores, sample.names), sample.query_id)
    order = [3, 1, 5, 0, 2, 4]
    turned = Frame(sample.scores[:, order], [sample.names[place] for place in order])

    assert model.names_ == tuple(sample.names)
    assert model.score_samples(turned, sample.query_id) == pytest.approx(
        model.score_samples(sample.scores, sample.query_id), abs=1e-12, nan_ok=True
    )
    assert model.contributions(turned, sample.query_id) == pytest.approx(
        model.contributions(sample.scores, sample.query_id)[:, order], abs=1e-12, nan_ok=True
    )
    turned_rows = Frame(turned.scores[:6], turned.columns)
    assert rank(model, turned_rows) == rank(model, sample.scores[:6])


def test_unknown_and_missing_columns_are_named() -> None:
    """`for_verifiers` reads scores without some verifiers."""
    sample = small()
    model = fit(Frame(sample.scores, sample.names), sample.query_id)
    fewer = Frame(sample.scores[:, 1:], sample.names[1:])

    with pytest.raises(ValueError, match="the model does not know 'new'"):
        model.predict_proba(Frame(sample.scores, [*sample.names[:5], "new"]), sample.query_id)
    with pytest.raises(ValueError, match=f"scores: no column has the name '{sample.names[0]}'"):
        model.predict_proba(fewer, sample.query_id)
    with pytest.raises(ValueError, match="column 0 has the name 7; "):
        model.predict_proba(Frame(sample.scores, [7, *sample.names[1:]]), sample.query_id)
    assert len(model.for_verifiers(sample.names[1:]).predict_proba(fewer, sample.query_id)) == 360


def test_names_of_columns_and_stated_names_agree() -> None:
    """Else the frame that a model learned from would be unknown to it."""
    sample = small()
    frame = Frame(sample.scores, sample.names)

    assert fit(frame, sample.query_id, verifier_names=sample.names).names_ == tuple(sample.names)
    with pytest.raises(ValueError, match="verifier_names: a, b, c, d, e, f are not the names of"):
        fit(frame, sample.query_id, verifier_names=list("abcdef"))


def test_columns_without_names_are_read_by_their_place() -> None:
    """Numbered ones, and those of a model whose fit had no names."""
    sample = small()
    model = fit(Frame(sample.scores, range(6)), sample.query_id)
    expected = model.score_samples(sample.scores, sample.query_id)

    assert model.names_ == ("v0", "v1", "v2", "v3", "v4", "v5")
    for columns in (range(6), sample.names):
        assert np.array_equal(
            model.score_samples(Frame(sample.scores, list(columns)), sample.query_id),
            expected,
            equal_nan=True,
        )
