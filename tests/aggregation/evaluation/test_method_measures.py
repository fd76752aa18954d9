"""The measures of each method, beside those of simple ways."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.evaluation.estimates import PredictionMeasures
from assay.aggregation.evaluation.method_measures import (
    BEST_SINGLE,
    FIRST_SAMPLE,
    MEAN_OF_Z,
    MIN_MAX,
    ORACLE,
    RANDOM_CANDIDATE,
    SUPERVISED,
    measured,
)
from assay.aggregation.statistics.queries import Queries


@pytest.mark.parametrize("best", [FIRST_SAMPLE, SUPERVISED])
def test_differences_are_to_the_simple_ways(best: str) -> None:
    """A gap is closed only if supervised leads; a method is not compared with itself."""
    queries = Queries.of(np.repeat(np.arange(40), 2))
    labels = np.tile([1.0, 0.0], 40)
    wrong = np.where(np.repeat(np.arange(40) < 20, 2), 1 - labels, labels)
    names = (FIRST_SAMPLE, MEAN_OF_Z, MIN_MAX, BEST_SINGLE, SUPERVISED)
    scores = {name: [labels if name == best else wrong] for name in names}

    methods = measured(
        PredictionMeasures(labels, queries), scores, {MIN_MAX: [wrong]}, np.ones(40), seed=0
    )

    by_name = {method.name: method for method in methods}
    assert by_name[ORACLE].selection.value == 1.0
    assert set(by_name[best].ahead_of) == {FIRST_SAMPLE, MIN_MAX, BEST_SINGLE} - {best}
    assert by_name[best].ahead_of[MIN_MAX].value == 0.5
    assert by_name[MIN_MAX].brier is not None
    assert by_name[MEAN_OF_Z].brier is None
    assert by_name[SUPERVISED].gap_closed == (1.0 if best == SUPERVISED else None)


def test_without_wholly_labelled_queries_there_is_no_oracle() -> None:
    """And a random candidate has no AUC, but everything is compared with it."""
    queries = Queries.of(np.repeat(np.arange(40), 2))
    labels = np.tile([1.0, 0.0], 40)
    weights = np.tile([0.0, 2.0], 40)
    weights[:20] = np.tile([2.0, 0.0], 10)
    names = (RANDOM_CANDIDATE, MEAN_OF_Z, SUPERVISED)
    scores = {name: [labels if name == SUPERVISED else np.zeros(80)] for name in names}

    methods = measured(
        PredictionMeasures(labels, queries, weights=weights), scores, {}, None, seed=0
    )

    by_name = {method.name: method for method in methods}
    assert list(by_name) == list(names)
    assert by_name[RANDOM_CANDIDATE].auc is None
    assert by_name[RANDOM_CANDIDATE].selection.value == 10 / 40
    assert by_name[SUPERVISED].selection.value == 1.0
    assert by_name[SUPERVISED].ahead_of[RANDOM_CANDIDATE].value == 0.75


@pytest.mark.parametrize(("apart", "stated"), [(1, False), (30, True)])
def test_of_partial_labels_a_gap_is_stated_where_it_is_no_chance(apart: int, stated: bool) -> None:
    """A share of a small gap would be any number."""
    queries = Queries.of(np.repeat(np.arange(40), 2))
    labels, weights = np.tile([1.0, 0.0], 40), np.tile([2.0, 0.0], 40)
    weights[40:] = np.tile([0.0, 2.0], 20)
    choice = np.where(np.repeat(np.arange(40) % 40 < 40 - apart, 2), labels, 1 - labels)
    scores = {MEAN_OF_Z: [choice], SUPERVISED: [labels]}

    methods = measured(
        PredictionMeasures(labels, queries, weights=weights), scores, {}, None, seed=0
    )

    assert [method.gap_closed is not None for method in methods] == [stated] * 2
