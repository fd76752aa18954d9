"""A label model in a notebook: parameters, a file, a line and a table."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from assay.aggregation import Hyperparameters, LabelModel, NotFittedError
from assay.aggregation.label_model import model as documented
from assay.aggregation.label_model.saved.serialization import ArtifactError
from tests.support.samples.ensembles import fitted, fitted_with_labels, small


def test_parameters_are_read_and_set_as_scikit_learn_does() -> None:
    """A copy made of them is unfitted and equal; a wrong name or value changes nothing."""
    model = LabelModel(
        base_rate=0.3, families={"a": "x"}, hyperparameters=Hyperparameters(ridge=0.2), seed=4
    )

    copy = LabelModel(**model.get_params())

    assert copy.get_params() == model.get_params(deep=False)
    assert list(model.get_params()) == [
        "base_rate",
        "families",
        "quality",
        "borrow",
        "hyperparameters",
        "seed",
    ]
    assert model.set_params(base_rate=0.4, seed=5) is model
    assert (model.base_rate, model.seed, model.families) == (0.4, 5, {"a": "x"})
    with pytest.raises(ValueError, match=r"no parameter has the name rate; .*base_rate"):
        model.set_params(rate=0.5, seed=6)
    with pytest.raises(ValueError, match="base_rate: must lie between"):
        model.set_params(base_rate=2.0, seed=6)
    assert (model.base_rate, model.seed) == (0.4, 5)


def test_scikit_learn_clones_a_model_without_unfitting_its_lenders() -> None:
    """The copy has the same parameters, has learned nothing, and can borrow as before."""
    sample = small()
    lender = fitted_with_labels(sample, 10)
    model = fitted_with_labels(sample, 5, [lender])

    clone = model.__sklearn_clone__()

    assert clone.get_params() == model.get_params()
    assert (model.__sklearn_is_fitted__(), clone.__sklearn_is_fitted__()) == (True, False)
    assert clone.borrow == (lender,)
    assert lender.is_fitted


def test_scikit_learns_traits_come_in_its_own_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the scikit-learn that asks: Assay works without it."""
    utils = SimpleNamespace(Tags=dict, TargetTags=dict, InputTags=dict)
    monkeypatch.setitem(sys.modules, "sklearn", ModuleType("sklearn"))
    monkeypatch.setitem(sys.modules, "sklearn.utils", utils)

    assert LabelModel().__sklearn_tags__() == {
        "estimator_type": None,
        "target_tags": {"required": False},
        "input_tags": {"allow_nan": True},
    }


def test_set_parameters_count_from_the_next_fit_on() -> None:
    """They act as constructor arguments would; the learned values stay until then."""
    sample = small()
    model = fitted(sample)
    before = model.predict_proba(sample.scores, sample.query_id)

    model.set_params(base_rate=0.9)

    assert np.array_equal(model.predict_proba(sample.scores, sample.query_id), before)
    model.fit(sample.scores, sample.query_id, verifier_names=sample.names)
    assert model.base_rate_from_ == "stated"
    assert model.predict_proba(sample.scores, sample.query_id).mean() > before.mean()


def test_a_saved_model_is_loaded_as_it_was(tmp_path: Path) -> None:
    """Its scores to the last bit, and a stated base rate, which outlasts a file."""
    sample = small()
    path = str(tmp_path / "model.json")
    model = LabelModel(base_rate=0.3).fit(sample.scores, sample.query_id)

    model.save(path)
    loaded = LabelModel.load(path)

    before, after = (m.score_samples(sample.scores, sample.query_id) for m in (model, loaded))
    assert np.array_equal(before, after, equal_nan=True)
    assert repr(loaded) == repr(model)
    with pytest.raises(ArtifactError, match=r"none\.json: cannot be read"):
        LabelModel.load(tmp_path / "none.json")


def test_a_model_that_cannot_be_saved_is_an_error_of_the_name_that_was_given(
    tmp_path: Path,
) -> None:
    """A folder, one that is missing, and a name that is too long; nothing is left beside it."""
    model = fitted(small())
    for path in (tmp_path, tmp_path / "missing" / "m.json", tmp_path / ("m" * 256)):
        with pytest.raises(OSError) as caught:  # noqa: PT011 - the name is what counts
            model.save(path)
        assert caught.value.filename == str(path)
    longest = tmp_path / ("m" * 255)

    model.save(longest)

    assert LabelModel.load(longest).names_ == model.names_
    assert list(tmp_path.iterdir()) == [longest]


def test_it_says_in_a_line_what_it_is() -> None:
    """The text shows changed defaults and the data of the fit."""
    sample = small()

    assert repr(LabelModel()) == "LabelModel()"
    assert repr(LabelModel(base_rate=0.3, seed=1)) == "LabelModel(base_rate=0.3, seed=1)"
    assert repr(LabelModel().fit(sample.scores, sample.query_id, sample.labels)) == (
        "LabelModel(fitted on 360 rows of 60 queries: 6 verifiers, 360 labels)"
    )


def test_what_needs_a_fit_says_so(tmp_path: Path) -> None:
    """Not with the name of some attribute, and without leaving a file."""
    for call in (
        lambda: LabelModel().summary(),
        lambda: LabelModel().save(tmp_path / "model.json"),
        lambda: LabelModel().for_verifiers(["a"]),
        lambda: LabelModel().with_base_rate(0.2),
        lambda: LabelModel().contributions([[1.0]], [0]),
    ):
        with pytest.raises(NotFittedError, match="not fitted yet: call fit"):
            call()
    assert list(tmp_path.iterdir()) == []


def test_the_example_runs() -> None:
    """The one in the class's docstring, as it stands there."""
    result = doctest.testmod(documented)

    assert result.attempted > 5
    assert result.failed == 0
