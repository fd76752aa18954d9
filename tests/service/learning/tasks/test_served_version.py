"""The version of a model that a task serves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assay.aggregation import Column, RobustAverage, ServedModel
from assay.service.learning.tasks.served_version import ServedVersion
from tests.support.samples.replicas import COLUMNS, bare_task
from tests.support.samples.saved_versions import saved_version

SPEC = bare_task().spec


def test_before_anything_was_learned_an_average_answers() -> None:
    """Its level is the stated base rate, or even odds."""
    served = ServedVersion.untrained(SPEC)
    stated = ServedVersion.untrained(replace(SPEC, base_rate=0.9))
    nothing = np.full((1, 6), np.nan)

    assert isinstance(served.model, RobustAverage)
    assert (served.cold, served.version, served.model_version) == (True, 0, "t@0")
    assert stated.model.base_rate > served.model.base_rate  # type: ignore[attr-defined]  # an average's
    assert np.isnan(served.model.combine(nothing, False).log_odds).all()


def test_a_saved_version_comes_back_with_what_it_was_fitted_on() -> None:
    """Its number, its place in the stream, and each verifier's scores."""
    saved = saved_version(7)

    served = ServedVersion.restored(SPEC, saved)

    assert isinstance(served.model, ServedModel)
    assert (served.cold, served.version, served.model_version) == (False, 7, "t@7")
    assert served.saved is saved
    assert served.fitted_at == (40, 0)
    assert len(served.reference) == len(COLUMNS)
    assert served.model.ignored == ()


def test_a_verifier_that_changed_is_another() -> None:
    """The model does not know it, so its scores do not count."""
    changed = (Column("f" * 16, "f0", None, 1.0, "v0"), *COLUMNS[1:])
    served = ServedVersion.restored(replace(SPEC, columns=changed), saved_version())
    scores = np.random.default_rng(0).normal(size=(4, 6))
    others = scores.copy()
    others[:, 0] = -scores[:, 0]

    assert isinstance(served.model, ServedModel)
    assert served.model.ignored == ("v0 (changed)",)
    np.testing.assert_array_equal(
        served.model.combine(scores, False).log_odds, served.model.combine(others, False).log_odds
    )


def test_a_later_releases_words_are_read_past() -> None:
    """A report may say more of a verifier than this release knows."""
    reference = [{**each, "median": 0.5} for each in saved_version().report["reference"]]

    served = ServedVersion.restored(SPEC, saved_version(reference=reference))

    assert len(served.reference) == len(COLUMNS)


@pytest.mark.parametrize("damage", [{"fingerprints": None}, {"until": None}, {"reference": [{}]}])
def test_a_damaged_report_raises(damage: dict[str, Any]) -> None:
    """One of the errors that a loader takes for damage."""
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        ServedVersion.restored(SPEC, saved_version(**damage))


def test_another_ensemble_reads_the_model_by_name() -> None:
    """It keeps the version, and nothing that only a task's own ensemble has."""
    served = ServedVersion.restored(SPEC, saved_version(3))

    view = served.for_columns(COLUMNS[:2])

    assert (view.version, view.model_version) == (3, "t@3")
    assert (view.saved, view.reference) == (None, ())
    assert view.model.combine(np.zeros((2, 2)), False).log_odds.shape == (2,)


def test_an_ensemble_without_a_known_verifier_has_no_model() -> None:
    """The model could read no column."""
    served = ServedVersion.restored(SPEC, saved_version())

    with pytest.raises(ValueError, match=r"."):
        served.for_columns([Column("a" * 16, "x", None, 1.0, "unknown")])


def test_a_model_that_the_configuration_names_has_its_own_name() -> None:
    """It follows from its content."""
    model = ServedVersion.restored(SPEC, saved_version()).model
    assert isinstance(model, ServedModel)

    named = ServedVersion(task="t", model=ServedModel(model.fitted, COLUMNS))

    assert named.version == 0
    assert named.model_version not in ("t@0", "t@1")
    assert named.model_version.startswith("t@")
