"""The base rate from third moments."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.base_rate import (
    base_rate_from_third_moments,
    label_free_base_rate,
)
from assay.aggregation.label_model.rank_one import NO_TRUST
from assay.aggregation.label_model.summaries.fit_summary import fit_report
from tests.support.samples.ensembles import fitted, selection, small, supervised_reference
from tests.support.samples.synthetic import Scenario, kinds, make


def test_third_moments_need_three_families() -> None:
    """With fewer families the function makes no estimate."""
    z = np.random.default_rng(0).normal(size=(100, 3))
    assert base_rate_from_third_moments(z, np.ones(3), np.array([0, 0, 1])) is None


def test_a_stated_base_rate_wins_and_an_estimate_counts_as_far_as_it_is_trusted() -> None:
    """The rest is 1/2, and half a trust is no source."""
    assert label_free_base_rate(0.2, 0.4, 1.0) == (0.2, "stated")
    assert label_free_base_rate(None, None, 0.0) == (0.5, "assumed")
    assert label_free_base_rate(None, 0.25, 0.5) == (0.375, "assumed")
    assert label_free_base_rate(None, 0.25, 1.0) == (0.25, "third moments")


@pytest.mark.parametrize("base_rate", [0.05, 0.2, 0.5, 0.75, 0.9])
def test_independent_errors_are_trusted_and_tell_the_base_rate(base_rate: float) -> None:
    """Third moments give it to 0.05, the fit is believed, and selection is within 0.01 of
    supervised (4).
    """
    sample = make(
        Scenario(
            "independent",
            kinds(5, 3, 2, 5),
            base_rate=base_rate,
            strength_mean=1.2,
            strength_sd=0.4,
        ),
        3,
    )

    model = fitted(sample)

    assert model.trust_.value > 0.8
    assert model.base_rate_from_ == "third moments"
    assert model.base_rate_ == pytest.approx(float(sample.labels.mean()), abs=0.05)
    assert (
        selection(sample, model.score_samples(sample.scores, sample.query_id))
        > selection(sample, supervised_reference(sample)) - 0.01
    )


@pytest.mark.parametrize("base_rate", [0.01, 0.99])
def test_extreme_base_rates_are_not_clipped(base_rate: float) -> None:
    """They come out beyond 2 % and 98 %, the report warns, and probabilities stay finite."""
    sample = make(
        Scenario(
            "rare",
            kinds(ordinal=2, cont=8),
            queries=2000,
            size=8,
            base_rate=base_rate,
            concentration=50.0,
            strength_mean=1.5,
            strength_sd=0.4,
        ),
        0,
    )
    model = fitted(sample)
    wrong_or_right = min(model.base_rate_, 1 - model.base_rate_)
    chance = model.predict_proba(sample.scores, sample.query_id)

    assert model.base_rate_from_ == "third moments"
    assert wrong_or_right == pytest.approx(0.01, abs=0.005)
    assert any("comes from the scores alone" in line for line in fit_report(model)["warnings"])
    assert ((chance > 0) & (chance < 1)).all()
    assert ((chance - sample.labels) ** 2).mean() < 0.005


@pytest.mark.parametrize(("estimate", "trust"), [(0.85, 0.6), (0.98, 0.8), (0.1, 0.3)])
def test_a_base_rate_between_the_scores_and_one_half_is_named(
    estimate: float, trust: float
) -> None:
    """With what the scores say and the trust; a full one, a stated rate and 1/2 need no words."""
    model = copy(fitted(small()))
    model.trust_ = replace(NO_TRUST, explains=trust, plausible=1.0, enough=1.0)
    model.trust_ = replace(model.trust_, determined=1.0, two_classes=1.0, identified=True)

    def told(value: float, source: str) -> list[str]:
        model.base_rate_, model.base_rate_from_ = value, source
        return [line for line in fit_report(model)["warnings"] if "neither known nor" in line]

    (warning,) = told(*label_free_base_rate(None, estimate, trust))
    assert f"the scores say {estimate:.2f}, the fit trusts them by {trust:.2f}" in warning
    assert told(0.5, "assumed") == told(estimate, "stated") == []
    model.trust_ = replace(model.trust_, explains=1.0)
    assert told(estimate, "third moments") == []


@pytest.mark.parametrize("stated", [0.001, 0.999])
def test_extreme_stated_base_rates_are_used(stated: float) -> None:
    """Without labels the mean probability follows them."""
    sample = small()
    chance = LabelModel(stated).fit(sample.scores, sample.query_id)
    assert chance.base_rate_ == stated
    mean = float(np.nanmean(chance.predict_proba(sample.scores, sample.query_id)))
    assert abs(mean - stated) < 0.01


@pytest.mark.parametrize("stated", ["x", 0, 1.0, np.nan, [0.3]])
def test_a_stated_base_rate_is_a_number_between_0_and_1(stated: Any) -> None:
    """Everything else is an error of the argument, which shows the value."""
    sample = small()
    model = fitted(sample)
    for state in (LabelModel, model.with_base_rate):
        with pytest.raises(ValueError, match=r"base_rate: must lie between 0 and 1, not ['01n\[]"):
            state(stated)

    assert LabelModel(np.float64(0.5)).base_rate == 0.5
