"""Means over labelled candidates."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.comparison.labelled_side import LabelledSide, WeightedSide

NAN = float("nan")


def side(labels: list[float], weights: list[float], chance: list[float]) -> LabelledSide | None:
    """Return the means of rows that are a query each."""
    rows = len(labels)
    return LabelledSide.of(
        WeightedSide(np.array(weights), np.array(chance)),
        np.array(labels),
        np.linspace(0, 1, rows),
        np.arange(rows),
        rows,
        2.0,
    )


def test_a_candidate_counts_for_all_that_it_stands_for() -> None:
    """A pick with half the chance to be labelled counts twice."""
    mean = side([1, 0, NAN, 1], [1, 1, 1, 0], [0.5, 1, 1, 1])

    assert mean is not None
    assert mean.label == pytest.approx(2 / 3)
    assert mean.prediction == pytest.approx((2 * 0 + 1 / 3) / 3)
    assert mean.by_query.tolist() == pytest.approx([1.2, 0.6, 0, 0])  # (2 + 1)² / (4 + 1) queries


def test_pseudo_labels_move_the_mean_towards_one_half() -> None:
    """As Agresti and Coull: five wrong ones, and two of each beside them."""
    mean = side([0] * 5, [1] * 5, [1] * 5)

    assert mean is not None
    assert mean.label == 0
    assert mean.smoothed == pytest.approx(2 / 9)
    spread = (mean.labels @ mean.labels) + mean.pseudo.at(0.0)
    assert spread == pytest.approx(2 / 9 * 7 / 9 / 9)


def test_without_a_label_that_counts_there_is_no_mean() -> None:
    """A label of a candidate that does not count is none, nor one without a chance."""
    assert side([NAN, NAN], [1, 1], [1, 1]) is None
    assert side([1, NAN], [0, 1], [1, 1]) is None
    assert side([1, NAN], [1, 1], [0, 0]) is None
